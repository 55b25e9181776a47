"""Noise is measured where nothing changed, whatever changed elsewhere."""

import numpy as np
import pytest

from guidance.imaging import measure_noise

EVERYWHERE = np.ones((180, 220), bool)


def white(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.03, EVERYWHERE.shape).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_is_measured_to_some_percent(seed):
    assert measure_noise(white(seed), EVERYWHERE) == pytest.approx(0.03, rel=0.06)


def test_a_third_of_the_image_may_change():
    image = white(1)
    image[:60] += 1.0
    assert measure_noise(image, EVERYWHERE) == pytest.approx(0.03, rel=0.75)
    hidden = EVERYWHERE.copy()
    hidden[:60] = False
    assert measure_noise(image, hidden) == pytest.approx(0.03, rel=0.06)


def test_it_scales_with_the_image_and_is_zero_of_nothing():
    image = white(2)
    assert measure_noise(3 * image, EVERYWHERE) == pytest.approx(
        3 * measure_noise(image, EVERYWHERE), rel=1e-5
    )
    assert measure_noise(image, np.zeros_like(EVERYWHERE)) == 0.0
