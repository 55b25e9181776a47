"""Variations: input and maps are changed alike, and the same seed does the same."""

import numpy as np
import pytest
from made_examples import made_run

from guidance.training._variation import halve_matrix, vary, warp


def disc(side: int, row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).astype(np.uint8) * 255


def centre(image: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


@pytest.mark.parametrize("seed", range(12))
def test_what_is_right_moves_with_what_is_seen(seed):
    # A disc off the middle, in the input and, at half the size, in the maps.
    seen = np.full((8, 256, 256), 128, np.uint8)
    seen[6] = np.maximum(disc(256, 140.5, 110.5, 14), 128)
    maps = np.stack([disc(128, 70, 55, 7)] * 3)
    channels, drawn = vary(seen, maps, np.random.default_rng(seed))
    # The centre of a half pixel i lies at 2 i + 0.5.
    expected = (centre(channels[6] - 128) - 0.5) / 2
    np.testing.assert_allclose(centre(drawn[0]), expected, atol=0.15)
    assert drawn.shape == (3, 128, 128)
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_the_same_seed_varies_the_same():
    run = made_run(1)
    first, second = (vary(run.channels[4], run.maps[4], np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    other = vary(run.channels[4], run.maps[4], np.random.default_rng(10))
    assert not np.array_equal(first[0], other[0])


def test_nothing_stays_nothing():
    seen, maps = np.full((8, 256, 256), 128, np.uint8), np.zeros((3, 128, 128), np.uint8)
    for seed in range(8):
        channels, drawn = vary(seen, maps, np.random.default_rng(seed))
        assert (channels[2:] == 128).all()  # noise comes to the two newest
        assert not drawn.any()


def test_half_a_matrix_does_the_same_to_half_an_image():
    matrix = np.array([[1.0, 0, 10], [0, 1.0, -4]])
    np.testing.assert_allclose(halve_matrix(matrix), [[1, 0, 5], [0, 1, -2]])
    twice = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])
    # Half pixel i lies at 2 i + 0.5; there to 4 i + 1.5, which is half pixel 2 i + 0.5.
    np.testing.assert_allclose(halve_matrix(twice)[:, 2], [0.5, 0.5])


def test_all_eight_images_are_moved_and_filled():
    images = np.full((8, 32, 32), 200, np.uint8)
    moved = warp(images, np.array([[1.0, 0, 3], [0, 1.0, 0]]), 77)
    assert (moved[:, :, :3] == 77).all()
    assert (moved[:, :, 3:] == 200).all()
