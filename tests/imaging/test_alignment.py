"""Translation: known shifts of a known texture, with what must not disturb it."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.errors import InputError
from guidance.imaging import MAX_SHIFT_SHARE, estimate_translation, translate

SIZE, MARGIN = 256, 48


def texture(seed: int) -> np.ndarray:
    """Return a wide field of smooth texture: edges some pixels wide, as bone has."""
    rng = np.random.default_rng(seed)
    side = SIZE + 2 * MARGIN
    noise = rng.standard_normal((side, side)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 5) * 6


def view(field: np.ndarray, shift: tuple[float, float], seed: int) -> np.ndarray:
    """Return the field as a detector sees it after it moved by `shift`, with quantum noise."""
    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float64)
    moved = cv2.warpAffine(field, matrix, field.shape[::-1], flags=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0, 0.02, (SIZE, SIZE))
    return (moved[MARGIN:-MARGIN, MARGIN:-MARGIN] + noise).astype(np.float32)


EVERYWHERE = np.ones((SIZE, SIZE), bool)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(row=st.floats(-15, 15), column=st.floats(-15, 15), seed=st.integers(0, 100))
def test_finds_a_known_shift(row, column, seed):
    field = texture(seed)
    found = estimate_translation(view(field, (0, 0), 1), view(field, (row, column), 2), EVERYWHERE)
    # Linear interpolation and noise of 2 % leave a few hundredths of a pixel.
    assert found == pytest.approx((row, column), abs=0.06)


def test_exposure_does_not_matter():
    field = texture(3)
    brighter = view(field, (2.5, -1.25), 2) + np.float32(0.7)
    assert estimate_translation(view(field, (0, 0), 1), brighter, EVERYWHERE) == pytest.approx(
        (2.5, -1.25), abs=0.06
    )


def test_contrast_does_not_pull_the_image_along():
    field = texture(4)
    injected = view(field, (1.0, 3.0), 2)
    rows, columns = np.indices(injected.shape)
    injected[np.hypot(rows - 120, columns - 150) < 40] += 1.5
    assert estimate_translation(view(field, (0, 0), 1), injected, EVERYWHERE) == pytest.approx(
        (1.0, 3.0), abs=0.1
    )


@pytest.mark.parametrize("blade", [20, 60])
def test_a_collimator_that_stands_still_does_not_hold_the_image(blade):
    field = texture(8)
    valid = np.zeros((SIZE, SIZE), bool)
    valid[blade:-blade, blade:-blade] = True
    still, moved = view(field, (0, 0), 1), view(field, (1.5, -2.0), 2)
    for frame in (still, moved):
        frame[~valid] = 5
    assert estimate_translation(still, moved, valid) == pytest.approx((1.5, -2.0), abs=0.1)


def test_swapping_the_frames_turns_the_shift_round():
    field = texture(5)
    first, second = view(field, (0, 0), 1), view(field, (-3.0, 4.0), 2)
    there = estimate_translation(first, second, EVERYWHERE)
    back = estimate_translation(second, first, EVERYWHERE)
    assert np.add(there, back) == pytest.approx((0, 0), abs=0.1)


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_an_empty_image_has_no_shift(value):
    flat = np.full((SIZE, SIZE), value, np.float32)
    assert estimate_translation(flat, flat, EVERYWHERE) == (0.0, 0.0)


def test_another_image_never_gives_a_shift_beyond_belief():
    found = estimate_translation(
        view(texture(6), (0, 0), 1), view(texture(7), (0, 0), 2), EVERYWHERE
    )
    assert max(map(abs, found)) <= MAX_SHIFT_SHARE * SIZE


def test_translate_moves_content_as_it_says():
    image = np.zeros((9, 9), np.float32)
    image[4, 4] = 1
    assert translate(image, (2.0, -1.0))[6, 3] == 1


def test_shapes_must_agree():
    flat = np.zeros((8, 8), np.float32)
    with pytest.raises(InputError, match="differ"):
        estimate_translation(flat, flat[:4], np.ones((8, 8), bool))
