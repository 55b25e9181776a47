"""Variations: input and maps are changed alike, and the same seed does the same."""

import numpy as np
import pytest
from made_examples import made_run

from guidance.training._variation import (
    draw_similarity,
    draw_view,
    halve_matrix,
    show,
    vary_values,
    warp,
)


def disc(side: int, row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).astype(np.uint8) * 255


def centre(image: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


@pytest.mark.parametrize("side", [128, 256])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_right_moves_with_what_is_seen(seed, side):
    # A disc off the middle, in the input and, at half the size, in the maps.
    seen = np.full((8, 256, 256), 128, np.uint8)
    seen[6] = np.maximum(disc(256, 140.5, 110.5, 9), 128)
    maps = np.stack([disc(128, 70, 55, 4.5)] * 3)
    rng = np.random.default_rng(seed)
    matrix = draw_similarity(rng, (140, 110), (side * 0.4, side * 0.6))
    channels, drawn = show(seen, matrix, side), warp(maps, halve_matrix(matrix), side // 2, 0)
    assert channels.shape == (8, side, side)
    # The centre of a half pixel i lies at 2 i + 0.5.
    expected = (centre(channels[6].astype(float) - 128) - 0.5) / 2
    np.testing.assert_allclose(centre(drawn[0].astype(float)), expected, atol=0.2)
    np.testing.assert_allclose(2 * expected + 0.5, [side * 0.4, side * 0.6], atol=1.5)


def test_most_parts_show_what_there_is_to_see():
    maps = np.zeros((3, 128, 128), np.uint8)
    maps[0, 100:104, 20:40] = 255
    rng = np.random.default_rng(0)
    shown = [warp(maps, halve_matrix(draw_view(rng, 128, maps)), 64, 0).any() for _ in range(100)]
    assert sum(shown) > 85


def test_the_whole_stays_in_sight():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = draw_view(rng, 256, np.zeros((3, 128, 128), np.uint8))
        middle = matrix @ np.array([127.5, 127.5, 1])
        assert np.abs(middle - 127.5).max() <= 26


def test_the_same_seed_varies_the_same():
    image = made_run(1).channels[4].astype(np.float32)
    first, second, other = (
        vary_values(image.copy(), np.random.default_rng(seed)) for seed in (9, 9, 8)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_nothing_stays_nothing():
    for seed in range(8):
        nothing = np.full((8, 64, 64), 128, np.float32)
        channels = vary_values(nothing, np.random.default_rng(seed))
        assert (channels[2:] == 128).all()  # noise comes to the two newest


def test_half_a_matrix_does_the_same_to_half_an_image():
    matrix = np.array([[1.0, 0, 10], [0, 1.0, -4]])
    np.testing.assert_allclose(halve_matrix(matrix), [[1, 0, 5], [0, 1, -2]])
    twice = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])
    # Half pixel i lies at 2 i + 0.5; there to 4 i + 1.5, which is half pixel 2 i + 0.5.
    np.testing.assert_allclose(halve_matrix(twice)[:, 2], [0.5, 0.5])


def test_all_eight_images_are_moved_and_filled():
    images = np.full((8, 32, 32), 200, np.uint8)
    moved = warp(images, np.array([[1.0, 0, 3], [0, 1.0, 0]]), 32, 77)
    assert (moved[:, :, :3] == 77).all()
    assert (moved[:, :, 3:] == 200).all()
