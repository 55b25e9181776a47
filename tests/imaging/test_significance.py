"""Significance: noise stays below its bound, faint lines and pools stand out."""

import cv2
import numpy as np
import pytest

from guidance.imaging import measure_significance
from guidance.imaging._lines import line_offsets, measure_lines

SIZE = 200
EVERYWHERE = np.ones((SIZE, SIZE), bool)


def white(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE)).astype(np.float32)


def plain_lines(image: np.ndarray, length: int, directions: int) -> np.ndarray:
    """Return the best mean along a line, one pixel after the other."""
    half = length // 2
    padded = np.pad(image, half)
    best = np.full(image.shape, -np.inf)
    for offsets in line_offsets(length, directions):
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                at = offsets + np.array([row + half, column + half])
                best[row, column] = max(best[row, column], padded[at[:, 0], at[:, 1]].mean())
    return best


@pytest.mark.parametrize(("length", "directions"), [(15, 8), (5, 4), (3, 1)])
def test_fast_lines_equal_the_plain_ones(length, directions):
    image = white(0)[:31, :43]
    best, horizontal = measure_lines(image, length, directions)
    np.testing.assert_allclose(best, plain_lines(image, length, directions), atol=1e-5)
    kernel = np.ones((1, length), np.float32) / length
    expected = cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    np.testing.assert_allclose(horizontal, expected, atol=1e-5)


def test_a_line_has_each_pixel_once_and_no_gap():
    for offsets in line_offsets(15, 8):
        assert len({tuple(pixel) for pixel in offsets}) == 15
        assert np.abs(np.diff(offsets, axis=0)).max() == 1


def test_noise_rarely_exceeds_six():
    highest = [measure_significance(white(seed), EVERYWHERE).max() for seed in range(12)]
    assert np.median(highest) < 5.5
    assert max(highest) < 7


@pytest.mark.parametrize("angle_deg", [0, 20, 45, 77, 110, 150])
def test_a_line_below_the_noise_of_a_pixel_stands_out(angle_deg):
    line = np.zeros((SIZE, SIZE), np.uint8)
    away = 60 * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    ends = [tuple(int(v) for v in np.rint(100 + sign * away)) for sign in (-1, 1)]
    cv2.line(line, *ends, 1, 2)
    z = measure_significance(white(1) + 1.5 * (line > 0), EVERYWHERE)
    assert np.median(z[line > 0]) > 5


def test_a_faint_pool_stands_out():
    rows, columns = np.indices((SIZE, SIZE))
    pool = np.hypot(rows - 90, columns - 120) < 12
    z = measure_significance(white(2) + 0.8 * pool, EVERYWHERE)
    assert z[90, 120] > 6


def test_scale_does_not_matter():
    change = white(3)
    np.testing.assert_allclose(
        measure_significance(change * np.float32(0.01), EVERYWHERE),
        measure_significance(change, EVERYWHERE),
        atol=0.01,
    )


def test_what_is_not_valid_is_nothing():
    valid = EVERYWHERE.copy()
    valid[:, :100] = False
    change = white(4)
    change[:, :100] = 1000
    z = measure_significance(change, valid)
    assert (z[:, :100] == 0).all()
    # What lies beyond the edge must not reach over it.
    assert z.max() < 7


def test_without_valid_pixels_nothing_stands_out():
    assert not measure_significance(white(5), ~EVERYWHERE).any()
