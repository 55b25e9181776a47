"""Runs that a suite's plan might have drawn, and has not: more to learn from, never to judge by."""

import numpy as np

from guidance.simulation._run_settings import RunSettings, draw_run
from guidance.simulation._suites import Part, SuitePlan, with_dose
from guidance.spine import BodySettings


def draw_further_run(
    rng: np.random.Generator, plan: SuitePlan, part: Part, *, anatomy: str, body: BodySettings
) -> RunSettings:
    """Return the settings of a run from the ranges of a plan.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    plan : SuitePlan
        Whose ranges.
    part : Part
        What the run shows.
    anatomy : str
        Name of the patient.
    body : BodySettings
        His body.
    """
    ranges = with_dose(plan.ranges, part)
    return draw_run(rng, ranges, part.pattern, anatomy=anatomy, body=body, suite=plan.name)
