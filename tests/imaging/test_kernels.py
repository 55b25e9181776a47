"""Compiled loops give what plain numpy gives; the background's sums what fields grown by cv2 do."""

import cv2
import numpy as np
import pytest

from guidance.imaging import follow, look_up
from guidance.imaging._alignment import move
from guidance.imaging._median import median_of
from guidance.imaging._running import take_off
from guidance.imaging._tiles import (
    BIWEIGHT,
    fill_blocks,
    subtract_sum,
    sum_normal,
    sum_over_tiles,
    weigh,
)

SHAPE = (48, 80)


def images(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 7, 500, 501])
def test_the_median_is_numpys(size):
    values = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    assert median_of(values) == float(np.median(values))


def test_a_running_mean_follows_where_it_counts():
    mean, image = images(2) * 30
    counts = images(1, 2)[0] > 0
    expected = np.where(counts, mean + np.float32(0.3) * (np.clip(image, -9, 9) - mean), mean)
    follow(mean, image, counts, np.float32(0.3), np.float32(9))
    np.testing.assert_array_equal(mean, expected)


def test_looking_up_rounds_and_stays_within_the_table():
    table = np.arange(21, dtype=np.uint8)
    image = np.array([[-99, -2.5, -0.76, -0.74, 0, 0.25, 0.75, 5, 99]], np.float32)
    found = np.empty(image.shape, np.uint8)
    look_up(image, np.float32(2), table, found)
    np.testing.assert_array_equal(found, [[0, 5, 8, 9, 10, 10, 12, 20, 20]])


def test_blurs_are_taken_off_by_their_shares():
    image, share, other, other_share, inside = images(5)
    share, other_share, inside = abs(share) + 1, abs(other_share) + 1, (inside > 0).astype("f4")
    expected = (image / share - other / other_share) * inside
    take_off(image, share, other, other_share, inside)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.2), (-2.75, 5.5), (100.0, -200.5)])
def test_what_lies_further_is_between_its_four_neighbours(shift):
    image = images(1)[0]
    rows, columns = np.indices(SHAPE)
    expected = np.zeros(SHAPE)
    upper, left = np.floor(shift).astype(int)
    down, right = shift[0] - upper, shift[1] - left
    for row, of_row in ((upper, 1 - down), (upper + 1, down)):
        for column, of_column in ((left, 1 - right), (left + 1, right)):
            at = (rows + row).clip(0, SHAPE[0] - 1), (columns + column).clip(0, SHAPE[1] - 1)
            expected += of_row * of_column * image[at]
    moved = np.empty_like(image)
    move(image, *shift, moved)
    np.testing.assert_allclose(moved, expected, atol=1e-4)  # places are float32


@pytest.mark.parametrize("pitch", [16, 32])
def test_terms_are_taken_off_with_coefficients_linear_between_tiles(pitch):
    terms, image = images(3), images(1, 5)[0]
    tiles = -(-SHAPE[0] // pitch), -(-SHAPE[1] // pitch)
    coefficients = np.random.default_rng(3).standard_normal((*tiles, 3)).astype(np.float32)
    expected = image.copy()
    for k, term in enumerate(terms):
        size = (tiles[1] * pitch, tiles[0] * pitch)
        field = cv2.resize(np.ascontiguousarray(coefficients[:, :, k]), size)
        expected -= field[: SHAPE[0], : SHAPE[1]] * term
    subtract_sum(image, coefficients, terms, pitch)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_a_weighted_fit_sums_the_products_of_its_rows():
    flat = images(4).reshape(4, -1)
    rows, target, left, given = flat[:2], flat[2], flat[3], (flat[2] > 0).astype(np.float32)
    sums = np.empty((2, 3))
    sum_normal(rows, target, given, left, np.float32(1 / (BIWEIGHT * 0.5)), sums)
    weighed = rows.astype(np.float64) * given * weigh(left, 0.5)
    np.testing.assert_allclose(sums, weighed @ np.vstack([rows, target]).T, rtol=1e-4, atol=1e-2)


def test_a_tile_sums_the_blocks_it_looks_at_and_blocks_hold_every_pixel_once():
    image = images(1)
    blocks = np.empty((6 * 10, 1, 64), np.float32)
    fill_blocks(image, blocks)
    np.testing.assert_array_equal(blocks[11, 0].reshape(8, 8), image[0, 8:16, 8:16])
    assert blocks.sum() == pytest.approx(image.sum(), abs=1e-2)
    sums = np.empty((3, 5, 1, 64), np.float32)
    sum_over_tiles(blocks.reshape(6, 10, 1, 64), sums)
    padded = np.pad(image[0], 8)
    for p, q in ((0, 0), (1, 2), (2, 4)):
        seen = padded[16 * p : 16 * p + 32, 16 * q : 16 * q + 32]
        assert sums[p, q].sum() == pytest.approx(seen.sum(), abs=1e-2)
