"""Motion: repeats with the breath, moves bowel more than bone, and events happen once."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, project
from guidance.simulation._layers import layer_motion, move_layer, with_margin
from guidance.simulation._motion import (
    Event,
    MotionRanges,
    MotionSettings,
    bone_shift_mm,
    bowel_shift_mm,
    draw_motion,
    needle_shift_mm,
    soft_shift_mm,
    view_at,
)

STILL = MotionSettings(
    breath_period_s=4.0,
    breath_phase=0.2,
    breath_bone_mm=(0.1, 0.5, 0.4),
    soft_factor=1.5,
    bowel_factor=8.0,
    bowel_delay=0.1,
    heart_mm=0.0,
    heart_rate_hz=1.2,
    peristalsis_mm_per_s=0.5,
)
VIEW = ConeBeamView(
    primary_angle_deg=150.0,
    secondary_angle_deg=5.0,
    isocenter_lps_mm=(5.0, 10.0, -20.0),
    sid_mm=1000.0,
    sod_mm=650.0,
    rows=200,
    columns=240,
    spacing_det_mm=(0.5, 0.5),
)
TIMES = np.linspace(0, 16, 200)


def test_breath_repeats_and_stays_within_its_amplitude() -> None:
    path = np.array([bone_shift_mm(STILL, t) for t in TIMES])
    later = np.array([bone_shift_mm(STILL, t + 4.0) for t in TIMES])
    assert path == pytest.approx(later)
    assert np.abs(path).max(axis=0) == pytest.approx(np.array(STILL.breath_bone_mm), rel=0.01)


def test_bowel_moves_further_than_soft_tissue_and_that_further_than_bone() -> None:
    reach = [
        np.linalg.norm([moves(STILL, t) for t in TIMES], axis=1).max()
        for moves in (bone_shift_mm, soft_shift_mm, bowel_shift_mm)
    ]
    assert reach[0] < reach[1] < reach[2]


def test_the_hand_moves_the_needle_against_bone_and_leaves_it_there() -> None:
    jerk = Event(start_s=3.0, duration_s=0.4, amount=(1.0, -0.5, 0.2))
    motion = replace(STILL, jerks=(jerk,), tremor_mm=0.1)

    def against_bone(t: float) -> np.ndarray:
        return needle_shift_mm(motion, t, False) - bone_shift_mm(motion, t)

    assert against_bone(2.9) == pytest.approx(np.zeros(3))
    assert against_bone(9.0) == pytest.approx(np.array(jerk.amount))
    trembling = needle_shift_mm(motion, 5.03, True) - needle_shift_mm(motion, 5.03, False)
    assert 0 < np.abs(trembling).max() <= 0.1


def test_events_change_the_view_once() -> None:
    motion = replace(
        STILL,
        pan=Event(start_s=1.0, duration_s=1.0, amount=(5.0, 0.0, -3.0)),
        turn=Event(start_s=4.0, duration_s=1.0, amount=(3.0,)),
        zoom=Event(start_s=6.0, duration_s=0.01, amount=(1.25,)),
    )
    assert view_at(VIEW, motion, 0.5) == VIEW
    panned = view_at(VIEW, motion, 3.0)
    assert panned.isocenter_lps_mm == pytest.approx((0.0, 10.0, -17.0))
    assert view_at(VIEW, motion, 5.5).primary_angle_deg == pytest.approx(153.0)
    assert view_at(VIEW, motion, 7.0).magnification == VIEW.magnification
    assert view_at(VIEW, motion, 7.0).spacing_det_mm == pytest.approx((0.4, 0.4))


def test_a_turn_past_180_goes_on_at_minus_180() -> None:
    motion = replace(STILL, turn=Event(start_s=0.0, duration_s=1.0, amount=(6.0,)))
    turned = view_at(replace(VIEW, primary_angle_deg=178.0), motion, 2.0)
    assert turned.primary_angle_deg == pytest.approx(-176.0)


def test_layers_follow_the_projection_of_their_anchor() -> None:
    canvas = with_margin(VIEW)
    anchor = np.array([12.0, 20.0, -30.0])
    shift = np.array([2.0, -1.0, 3.0])
    start = project(canvas, anchor[None])[0][0]
    layer = np.zeros((canvas.rows, canvas.columns), np.float32)
    r, c = np.round(start).astype(int)
    layer[r - 2 : r + 3, c - 2 : c + 3] = 1.0
    frame = move_layer(layer, layer_motion(canvas, VIEW, anchor, shift), VIEW.rows, VIEW.columns)
    rows, columns = np.indices(frame.shape)
    found = np.array([(frame * rows).sum(), (frame * columns).sum()]) / frame.sum()
    expected = project(VIEW, (anchor + shift)[None])[0][0] + (np.round(start) - start)
    # The layer grows with its nearness to the source, by less than a part in two hundred.
    assert found == pytest.approx(expected, abs=0.06)


def test_drawn_motion_depends_on_nothing_but_its_numbers() -> None:
    def drawn(seed: int) -> MotionSettings:
        return draw_motion(np.random.default_rng(seed), MotionRanges(), 10.0, (3.0,))

    assert drawn(4) == drawn(4)
    assert drawn(4) != drawn(5)


def test_impossible_motion_is_refused() -> None:
    with pytest.raises(InputError, match="breath_period_s"):
        replace(STILL, breath_period_s=0.0)
    with pytest.raises(InputError, match="breath_bone_mm"):
        replace(STILL, breath_bone_mm=(0.0, 30.0, 0.0))
