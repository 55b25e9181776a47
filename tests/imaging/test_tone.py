"""Tone: exposure changes are taken out, what was added stays."""

import numpy as np
import pytest

from guidance.imaging import match_tone, remove_slow_change

EVERYWHERE = np.ones((96, 96), bool)


def scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((96, 96))
    smooth = np.sin(rows / 9) + np.cos(columns / 13)
    return (smooth + rng.normal(0, 0.01, (96, 96))).astype(np.float32)


@pytest.mark.parametrize(
    "change",
    [lambda a: a + 0.4, lambda a: 1.3 * a - 0.2, lambda a: 0.05 * a**2 + 0.9 * a],
    ids=["exposure", "contrast", "curve"],
)
def test_takes_out_a_change_of_tone(change):
    reference = scene()
    toned = match_tone(reference, change(reference).astype(np.float32), EVERYWHERE)
    np.testing.assert_allclose(toned, change(reference), atol=0.01)


def test_contrast_has_no_say_in_the_curve():
    reference = scene()
    frame = reference + np.float32(0.3)
    frame[30:50, 30:50] += 1.0
    difference = frame - match_tone(reference, frame, EVERYWHERE)
    assert difference[30:50, 30:50].mean() == pytest.approx(1.0, abs=0.03)
    assert abs(difference[60:, 60:].mean()) < 0.02


def test_with_hardly_any_pixel_it_moves_by_the_median():
    reference = scene()
    few = np.zeros_like(EVERYWHERE)
    few[0, :50] = True
    toned = match_tone(reference, reference + np.float32(0.5), few)
    np.testing.assert_allclose(toned, reference + 0.5, atol=1e-5)


def test_with_no_pixel_it_stays():
    reference = scene()
    toned = match_tone(reference, reference + np.float32(1), np.zeros_like(EVERYWHERE))
    np.testing.assert_array_equal(toned, reference)


def test_slow_change_goes_and_a_small_spot_stays():
    rows, _ = np.indices((128, 128))
    difference = (0.002 * rows).astype(np.float32)
    difference[60:66, 60:66] += 0.5
    left = remove_slow_change(difference, np.ones_like(difference), 12.0, 0.2)
    assert left[62, 62] == pytest.approx(0.5, abs=0.03)
    inner = left[30:50, 30:50]
    assert np.abs(inner).max() < 0.01


def test_without_weight_nothing_is_taken_out():
    difference = scene()
    left = remove_slow_change(difference, np.zeros_like(difference), 12.0, 1.0)
    np.testing.assert_allclose(left, difference, atol=1e-5)
