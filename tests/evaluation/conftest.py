"""Truths and results with values that a test can foresee."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from guidance.evaluation import CaseResult, CaseTruth
from guidance.io import run_name
from guidance.records import SpreadPattern


def name_of(number: int) -> str:
    return run_name(f"1.2.3.{number}")


def a_truth(number: int, **changes) -> CaseTruth:
    """Return run `number`: 11 frames in 10 s; an uptake at 3 s, seen from 4 s on, if vascular."""
    truth = CaseTruth(
        run=name_of(number),
        suite="tiny",
        index=number,
        patient=f"anatomy-{number}",
        pattern=SpreadPattern.PERINEURAL,
        duration_s=10.0,
        n_frames=11,
        onset_frame=2,
        onset_s=2.0,
    )
    if changes.get("pattern") in (SpreadPattern.VASCULAR, SpreadPattern.MIXED):
        truth = replace(
            truth,
            pattern=SpreadPattern.VASCULAR,
            vessel_dose_fraction=0.5,
            uptake_s=3.0,
            first_visible_vessel_s=4.0,
        )
    return replace(truth, **changes)


@pytest.fixture
def make_truth() -> Callable[..., CaseTruth]:
    """Return what makes the truth of a run."""
    return a_truth


@pytest.fixture
def make_result() -> Callable[..., CaseResult]:
    """Return what makes the result of a run: not flagged, and nothing more."""

    def make(number: int, **changes) -> CaseResult:
        flagged = bool(changes.get("flag_frames")) or changes.get("flag_s") is not None
        return CaseResult(**{"run": name_of(number), "flagged": flagged, **changes})

    return make
