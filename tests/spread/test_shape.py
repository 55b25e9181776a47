"""Shapes of drawn masks, measured by ruler."""

import cv2
import numpy as np
import pytest

from guidance.spread import measure_reach, measure_thin_length, trace_outlines

EVERYWHERE = np.ones((200, 200), bool)


def drawn(*lines, width=3) -> np.ndarray:
    image = np.zeros((200, 200), np.uint8)
    for start, end in lines:
        cv2.line(image, start, end, 1, width)
    return image > 0


def disc(radius: float) -> np.ndarray:
    rows, columns = np.indices((200, 200))
    return np.hypot(rows - 100, columns - 100) <= radius


@pytest.mark.parametrize("end", [(150, 50), (50, 150), (120, 120)])
def test_a_line_is_as_long_as_it_is(end):
    length = np.hypot(end[0] - 50, end[1] - 50)
    found = measure_thin_length(drawn(((50, 50), end)), 9, EVERYWHERE)
    # Round caps add a width; a drawn line may be a pixel shorter or longer.
    assert found == pytest.approx(length, abs=6)


@pytest.mark.parametrize("radius", [8, 20, 45])
def test_a_pool_has_no_thin_part(radius):
    assert measure_thin_length(disc(radius), 9, EVERYWHERE) == 0


def test_a_pool_with_a_vein_counts_the_vein_alone():
    mask = disc(20) | drawn(((120, 100), (180, 100)))
    assert measure_thin_length(mask, 9, EVERYWHERE) == pytest.approx(60, abs=8)


def test_two_veins_count_together():
    two = drawn(((20, 50), (80, 50)), ((20, 150), (60, 150)))
    assert measure_thin_length(two, 9, EVERYWHERE) == pytest.approx(100, abs=10)


def test_a_pool_cut_by_the_edge_of_the_field_is_not_thin():
    valid = EVERYWHERE.copy()
    valid[:, :98] = False
    sliver = disc(40) & valid & (np.indices((200, 200))[1] < 103)
    assert measure_thin_length(sliver, 9, valid) == 0


def test_an_empty_mask_has_no_shape():
    empty = np.zeros((200, 200), bool)
    assert measure_thin_length(empty, 9, EVERYWHERE) == 0
    assert measure_reach(empty, (3, 4)) == 0
    assert trace_outlines(empty, 0.5) == ()


def test_reach_is_the_greatest_distance():
    assert measure_reach(drawn(((50, 20), (50, 180)), width=1), (20, 50)) == 160


@pytest.mark.parametrize("working_scale", [1.0, 0.5, 0.25])
def test_outlines_lie_in_stored_pixels(working_scale):
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:25] = True
    (outline,) = trace_outlines(mask, working_scale)
    # The centre of working pixel 10 lies in the middle of the stored pixels it was made of.
    first = (10 + 0.5) / working_scale - 0.5
    last = (19 + 0.5) / working_scale - 0.5
    assert outline[:, 0].min() == pytest.approx(first)
    assert outline[:, 0].max() == pytest.approx(last)
    np.testing.assert_allclose(
        outline.mean(axis=0)[1], (15 - 0.5 + 0.5) / working_scale - 0.5, atol=1
    )
