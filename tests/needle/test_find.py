"""Needles in single painted frames: where their tips are, and what is none.

A tip is allowed to be off by 0.3 mm: less than a pixel, and half of what the noise and the blur of
the painted images (both 0.35 mm) leave of an edge.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.needle import find_needles
from guidance.records import NeedleKind, NotFound, PixelScale, SpacingAt, ViewOfNeedle

CLOSE_MM = 0.3


def off_mm(sighting, paint, pixel_mm):
    """Return how far a sighting's tip lies from the painted one."""
    return math.dist(sighting.tip_px, paint.true_tip) * pixel_mm


@pytest.mark.parametrize(
    ("toward_deg", "tip"),
    [(35.0, (160.0, 150.0)), (-70.0, (190.4, 120.7)), (200.0, (160.0, 170.0)), (90.0, (90, 100))],
)
def test_a_needle_is_found_at_its_tip(painted, draw, make_context, pixel_mm, toward_deg, tip):
    paint = painted(toward_deg=toward_deg, tip=tip)
    found = find_needles(draw(paint), make_context())
    assert len(found) == 1
    needle = found[0]
    assert needle.kind is NeedleKind.NEEDLE
    assert needle.view is ViewOfNeedle.SIDE_ON
    assert off_mm(needle, paint, pixel_mm) < CLOSE_MM
    toward = math.radians(toward_deg)
    assert np.dot(needle.direction_px, (-math.sin(toward), -math.cos(toward))) > 0.995
    assert needle.visible_length_px * pixel_mm == pytest.approx(38, abs=2)
    # The blur of the painted image is twice what is taken off.
    assert 0.3 < needle.width_px * pixel_mm < 1.4
    assert needle.confidence > 0.5
    hub = paint.true_tip + 38 / pixel_mm * np.array((math.sin(toward), math.cos(toward)))
    assert math.dist(needle.hub_px, hub) * pixel_mm < 1.0


@pytest.mark.parametrize("bend_deg", [-18.0, 8.0, 18.0])
def test_a_bent_tip_is_followed_to_its_end(painted, draw, make_context, pixel_mm, bend_deg):
    paint = painted(bend_deg=bend_deg)
    found = find_needles(draw(paint), make_context())
    assert off_mm(found[0], paint, pixel_mm) < 0.6


@pytest.mark.parametrize("noise", [0.0, 0.06])
def test_noise_and_its_absence_do_not_hide_it(painted, draw, make_context, pixel_mm, noise):
    paint = painted(noise=noise)
    found = find_needles(draw(paint), make_context())
    assert off_mm(found[0], paint, pixel_mm) < CLOSE_MM


def test_a_tip_that_fades_over_bone_is_followed(painted, draw, make_context, pixel_mm):
    """The last 6.5 mm add a third of what the shaft does, as over a facet in a lateral view."""
    toward = math.radians(35.0)
    elbow = np.array((160.0, 150.0)) + 6.5 / pixel_mm * np.array(
        (math.sin(toward), math.cos(toward))
    )
    faint = painted(length_mm=6.5, contrast=0.12, hub="")
    paint = painted(tip=tuple(elbow), length_mm=34.0, others=(faint,))
    found = find_needles(draw(paint), make_context())
    # Faint steel is judged in pieces of 3 mm.
    assert off_mm(found[0], faint, pixel_mm) < 1.5


def test_a_thin_dark_line_that_is_not_straight_is_no_needle(painted, draw, make_context):
    paint = painted(wave_mm=0.6, hub="")
    assert find_needles(draw(paint), make_context()) == ()


def test_what_is_short_and_pale_is_not_seen_down_its_shaft(painted, draw, make_context):
    paint = painted(length_mm=7.0, contrast=0.12, hub="")
    assert find_needles(draw(paint), make_context()) == ()


def test_a_needle_seen_down_its_shaft_is_end_on(painted, draw, make_context, pixel_mm):
    paint = painted(length_mm=7.0, contrast=1.2, hub="ring")
    found = find_needles(draw(paint), make_context())
    assert [each.view for each in found] == [ViewOfNeedle.END_ON]
    assert off_mm(found[0], paint, pixel_mm) < CLOSE_MM


def test_several_needles_are_told_apart(painted, draw, make_context, pixel_mm):
    other = painted(tip=(250.0, 120.0), toward_deg=160)
    paint = painted(others=(other,))
    found = find_needles(draw(paint), make_context())
    assert len(found) == 2
    for each in (paint, other):
        assert min(off_mm(one, each, pixel_mm) for one in found) < CLOSE_MM


def test_filled_tubing_is_no_needle(painted, draw, make_context, pixel_mm):
    paint = painted(tubing=0.25)
    found = find_needles(draw(paint), make_context())
    assert len(found) == 1
    assert off_mm(found[0], paint, pixel_mm) < CLOSE_MM


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bone_alone_shows_no_needle(painted, draw, make_context, seed):
    assert find_needles(draw(painted(has_needle=False, seed=seed)), make_context()) == ()


def test_a_thick_straight_wire_is_a_wire(painted, draw, make_context, pixel_mm):
    paint = painted(width_mm=2.2, contrast=0.8, length_mm=60, hub="")
    found = find_needles(draw(paint), make_context())
    assert [each.kind for each in found] == [NeedleKind.WIRE]
    assert found[0].width_px * pixel_mm == pytest.approx(2.2, abs=0.6)


def test_moved_by_whole_pixels_the_answer_moves_as_much(painted, draw, make_context):
    paint = painted(noise=0.0)
    first = find_needles(draw(paint), make_context())[0]
    moved = find_needles(draw(replace(paint, shift=(6.0, -9.0))), make_context())[0]
    np.testing.assert_allclose(np.subtract(moved.tip_px, first.tip_px), (6, -9), atol=0.25)


def test_moved_by_part_of_a_pixel_the_answer_follows(painted, draw, make_context):
    paint = painted(noise=0.0)
    first = find_needles(draw(paint), make_context())[0]
    moved = find_needles(draw(replace(paint, shift=(0.5, 0.0))), make_context())[0]
    np.testing.assert_allclose(np.subtract(moved.tip_px, first.tip_px), (0.5, 0), atol=0.25)


def test_inverted_values_show_the_same(painted, draw, make_context):
    frame = draw(painted())
    plain = find_needles(frame, make_context())[0]
    inverted = find_needles(65535 - frame, make_context(sign=-1))[0]
    np.testing.assert_allclose(inverted.tip_px, plain.tip_px, atol=0.05)


@pytest.mark.parametrize(
    "scale",
    [
        NotFound("not in the header"),
        PixelScale(row_mm=0.5, column_mm=0.5, at=SpacingAt.DETECTOR, source="painted"),
    ],
)
def test_without_a_scale_at_the_patient_the_place_is_the_same(
    painted, draw, make_context, pixel_mm, scale
):
    paint = painted()
    found = find_needles(draw(paint), make_context(scale=scale))
    assert off_mm(found[0], paint, pixel_mm) < CLOSE_MM


@pytest.mark.parametrize("value", [0, 65535, 20_000])
def test_a_frame_that_shows_nothing_shows_no_needle(make_context, value):
    frame = np.full((320, 320), value, np.uint16)
    assert find_needles(frame, make_context()) == ()


def test_values_that_are_no_numbers_are_no_error(painted, draw, make_context):
    frame = draw(painted()).astype(np.float32)
    frame[40:60] = np.nan
    frame[:, 300] = np.inf
    assert len(find_needles(frame, make_context())) == 1
    assert find_needles(np.full_like(frame, np.nan), make_context()) == ()


@pytest.mark.parametrize(
    "frame", [np.zeros((320, 300), np.uint16), np.zeros((320, 320), np.complex64), np.zeros(320)]
)
def test_what_is_no_frame_is_refused(make_context, frame):
    with pytest.raises(InputError, match="expected"):
        find_needles(frame, make_context())
