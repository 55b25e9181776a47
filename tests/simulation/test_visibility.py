"""The rule of visibility, by hand-worked squares."""

import numpy as np
import pytest

from guidance.simulation._visibility import VisibilityRule

RULE = VisibilityRule(spacing_iso_mm=0.5)
SHAPE = (64, 64)
INSIDE = np.ones(SHAPE, bool)


def patch(value: float) -> np.ndarray:
    contrast = np.zeros(SHAPE, np.float32)
    contrast[20:40, 20:40] = value
    return contrast


# A square of 2 mm has 16 pixels: noise of 0.04 a pixel is 0.01 of their mean, five times 0.05.
@pytest.mark.parametrize(("value", "seen"), [(0.051, True), (0.049, False)])
def test_five_times_the_noise_of_the_mean(value: float, seen: bool) -> None:
    noise = np.full(SHAPE, 0.04, np.float32)
    assert RULE.is_visible(patch(value), noise, None, INSIDE) is seen


def test_a_speck_is_not_enough() -> None:
    contrast = np.zeros(SHAPE, np.float32)
    contrast[30, 30] = 0.9
    noise = np.full(SHAPE, 0.04, np.float32)
    assert RULE.passes(contrast, noise, None, INSIDE).sum() == 16
    assert not RULE.is_visible(contrast, noise, None, INSIDE)


def test_what_lies_under_other_iodine_or_beyond_the_blades_does_not_count() -> None:
    noise = np.full(SHAPE, 0.001, np.float32)
    under = np.full(SHAPE, 0.4, np.float32)
    assert not RULE.is_visible(patch(0.1), noise, under, INSIDE)
    outside = INSIDE.copy()
    outside[:, :45] = False
    assert not RULE.is_visible(patch(0.1), noise, None, outside)
