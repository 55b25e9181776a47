"""Whole runs: iodine is conserved in the picture, landmarks are where they project."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.geometry import project
from guidance.io import open_run
from guidance.records import SpreadPattern
from guidance.simulation import (
    Patient,
    RunRanges,
    RunSettings,
    SimulatedRun,
    draw_run,
    prepare_patient,
    simulate_run,
    write_simulated,
)
from guidance.simulation._place import LEAST_BONE_DISTANCE_MM, find_target, off_bone
from guidance.simulation._splat import pixel_area_cm2
from guidance.simulation._view_settings import ViewRanges
from guidance.spine import bone_distance, draw_anatomy

pytestmark = pytest.mark.slow


@cache
def patient() -> Patient:
    return prepare_patient("test", draw_anatomy(np.random.default_rng(8)))


def settings_of(pattern: str, seed: int = 1, **changes) -> RunSettings:
    ranges = RunRanges(
        vertebrae=(Vertebra.L4,),
        vertebra_weights=(1.0,),
        sides=(Side.LEFT,),
        view=ViewRanges(matrices=(192,), detector_mm=(260.0,), off_centre=0.05),
    )
    drawn = draw_run(
        np.random.default_rng(seed),
        ranges,
        SpreadPattern(pattern),
        anatomy="test",
        body=patient().anatomy.body.settings,
    )
    plain = {
        "recording": replace(drawn.recording, pulse_rate_hz=5.0, recorder_hz=0.0, hold_s=0.0),
        "motion": replace(
            drawn.motion, pan=None, turn=None, zoom=None, cough=None, tremor_mm=0.0, jerks=()
        ),
        "contrast": replace(drawn.contrast, residue=None),
    }
    return replace(drawn, **(plain | changes))


@cache
def simulated(pattern: str, seed: int = 1) -> SimulatedRun:
    return simulate_run(settings_of(pattern, seed), patient())


@pytest.mark.parametrize("pattern", ["perineural", "epidural", "mixed"])
def test_iodine_in_the_line_integrals_is_what_was_injected(pattern: str) -> None:
    run = simulated(pattern)
    course, truth = run.course, run.truth
    held = course.masses_mg.sum(axis=1, dtype=np.float64)
    still_there = held > 0.98 * (course.injected_mg - course.absorbed_mg)
    assert still_there.any()
    error = np.abs(truth.iodine_in_image_mg - held)[still_there]
    assert error.max() <= 0.01 * held.max()


def test_landmarks_project_where_the_truth_says() -> None:
    run = simulated("perineural")
    truth = write_and_read(run)
    seen = 0
    for landmark in truth.landmarks.values():
        if landmark.px is not None:
            position = project(truth.pose.view, np.array([landmark.lps_mm]))[0][0]
            assert position == pytest.approx(landmark.px, abs=0.05)
            seen += 1
    assert seen > 10
    target = next(t for t in truth.targets if t.vertebra == "L4" and t.side == "left")
    on_bone = np.array([target.groove_superior_lps_mm]) - _first_shift(run)
    assert abs(float(bone_distance(patient().anatomy.spine, on_bone)[0])) < 0.3


def _first_shift(run: SimulatedRun) -> np.ndarray:
    from guidance.simulation._motion import bone_shift_mm

    return bone_shift_mm(run.settings.motion, 0.0)


def write_and_read(run: SimulatedRun):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        truth = write_simulated(run, Path(folder) / "run.dcm")
        with open_run(Path(folder) / "run.dcm") as cine:
            assert cine.header.n_frames == truth.n_frames == len(run.frames)
    return truth


def test_the_bone_in_the_picture_is_where_the_landmarks_are() -> None:
    # The needle's tip touches bone: so the picture's own layers put steel there.
    run = simulated("none")
    tip = run.truth.tip_px[0]
    row, column = np.round(tip).astype(int)
    around = run.frames[0, row - 3 : row + 4, column - 3 : column + 4].astype(float)
    beyond = run.frames[0, row - 12 : row + 13, column - 12 : column + 13].astype(float)
    assert around.min() <= np.percentile(beyond, 5)


def test_the_same_settings_give_the_same_run() -> None:
    again = simulate_run(settings_of("mixed"), patient())
    assert (again.frames == simulated("mixed").frames).all()
    other = simulate_run(replace(settings_of("mixed"), seed=99), patient())
    assert (other.frames != again.frames).any()


def test_what_is_seen_first_is_seen_after_it_came() -> None:
    truth = write_and_read(simulated("mixed"))
    assert truth.is_vascular
    assert truth.uptake_s is not None
    if truth.first_visible_vessel_s is not None:
        assert truth.first_visible_vessel_s >= truth.uptake_s - 0.2
    assert truth.onset_frame is not None
    assert truth.onset_s >= truth.injections[0].start_s


def test_nothing_is_injected_where_nothing_is_said_to_be() -> None:
    run = simulated("none")
    assert run.truth.iodine_in_image_mg.max() == 0
    assert not run.truth.contrast_visible.any()


def test_a_mirrored_image_is_the_mirror_image() -> None:
    plain = settings_of("perineural", 3)
    header = replace(plain.header, mirrored=not plain.header.mirrored)
    one = simulate_run(replace(plain, marker=""), patient())
    other = simulate_run(replace(plain, header=header, marker=""), patient())
    flipped = one.truth.tip_px[:, 1]
    assert other.truth.tip_px[:, 1] == pytest.approx(one.view.columns - 1 - flipped, abs=1e-6)
    assert other.truth.tip_px[:, 0] == pytest.approx(one.truth.tip_px[:, 0], abs=1e-6)


def test_the_size_of_a_pixel_follows_the_depth() -> None:
    run = simulated("perineural")
    areas = pixel_area_cm2(run.view, np.array([run.view.sod_mm, run.view.sid_mm]))
    assert areas[1] / areas[0] == pytest.approx(run.view.magnification**2)


def test_tips_are_never_in_bone() -> None:
    spine = patient().anatomy.spine
    target = find_target(spine, Vertebra.L4, Side.LEFT)
    inside = np.array(spine.landmarks["L4.body"])
    for start in (target.block_point_lps_mm, inside, inside + np.array((0.0, 5.0, 8.0))):
        tip = off_bone(spine, start)
        assert float(bone_distance(spine, tip[None])[0]) >= LEAST_BONE_DISTANCE_MM - 1e-6


def test_a_level_without_a_target_is_refused() -> None:
    with pytest.raises(InputError, match="no target lies on C5"):
        find_target(patient().anatomy.spine, Vertebra.C5, Side.LEFT)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"duration_s": 0.0}, "duration_s"),
        ({"marker": "X"}, "marker"),
        ({"duration_s": 1e9}, "duration_s"),
    ],
)
def test_impossible_runs_are_refused_before_any_work(changes: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        replace(settings_of("none"), **changes)
