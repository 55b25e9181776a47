"""A run's contrast by itself is that of the run."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import MATRIX, coarse_patient, small_suite

from guidance.records import SpreadPattern
from guidance.simulation import (
    PLANS,
    BareRun,
    Part,
    RunSettings,
    draw_further_run,
    read_suite,
    simulate_run,
)


@pytest.fixture(scope="module")
def settings() -> RunSettings:
    """Return a run of a patient and a C-arm that keep still."""
    (drawn,) = small_suite(("mixed",)).runs
    still = replace(
        drawn.motion,
        breath_bone_mm=(0.0, 0.0, 0.0),
        jerks=(),
        tremor_mm=0.0,
        pan=None,
        turn=None,
        zoom=None,
        cough=None,
    )
    header = replace(drawn.header, mirrored=False)
    return replace(drawn, motion=still, header=header)


def test_contrast_lies_where_the_run_has_it(settings):
    seen: list[tuple[np.ndarray, np.ndarray | None]] = []
    patient = coarse_patient(settings.anatomy)
    run = simulate_run(settings, patient, watch=lambda pulse, *maps: seen.append(maps))
    bare = BareRun(settings, patient, run.course.times_s, MATRIX)
    np.testing.assert_array_equal(bare.course.masses_mg, run.course.masses_mg)
    assert bare.is_vascular
    for found, expected in zip(bare.iodine(len(seen) - 1), seen[-1], strict=True):
        assert expected.max() > 0
        # Relative change by a milligram: more where less scatter is.
        strong = found > 0.1 * found.max()
        by_milligram = expected[strong] / found[strong]
        assert 0.003 < np.median(by_milligram) < 0.008
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98
        assert not expected[found == 0].sum() > 0.01 * expected.sum()


def test_the_needle_ends_at_its_tip_and_moves_with_the_hand(settings):
    patient = coarse_patient(settings.anatomy)
    times = np.array([0.0, 1.0])
    bare = BareRun(settings, patient, times, 128)
    steel, _ = bare.needle(0.0)
    assert steel.shape == (128, 128)
    assert steel.max() > 0.01
    np.testing.assert_array_equal(bare.needle(1.0)[0], steel)
    moved = replace(settings, motion=replace(settings.motion, tremor_mm=3.0))
    injected_s = settings.contrast.injections[0].onset_s + 0.05
    moving = BareRun(moved, patient, times, 128)
    assert np.abs(moving.needle(injected_s)[0] - steel).max() > 0.01


def test_further_runs_are_of_the_plan(settings):
    plan = PLANS["validation"]
    body = read_suite("validation").patients["va000"].body
    for seed in range(5):
        drawn = draw_further_run(
            np.random.default_rng(seed),
            plan,
            Part(pattern=SpreadPattern.MIXED, runs=1, vessel_dose=(0.3, 0.31)),
            anatomy="va000",
            body=body,
        )
        assert (drawn.suite, drawn.anatomy, drawn.contrast.pattern) == (
            "validation",
            "va000",
            "mixed",
        )
        assert 0.3 <= drawn.contrast.vessel.dose_fraction <= 0.31
