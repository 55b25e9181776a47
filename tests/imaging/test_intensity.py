"""Attenuation from pixel values: hand-worked Beer-Lambert cases."""

import math

import numpy as np
import pytest

from guidance.imaging import find_saturated, is_calibrated, measure_attenuation
from guidance.records import IntensityScale, PixelIntensityRelationship


def scale(relationship="LIN", sign=1, low=0.0, high=4095.0):
    return IntensityScale(
        relationship=PixelIntensityRelationship(relationship),
        sign=sign,
        sign_source="test",
        low=low,
        high=high,
    )


@pytest.mark.parametrize("background", [200.0, 1000.0, 3800.0])
def test_iodine_adds_the_same_over_any_background(background):
    """A layer that halves the beam adds ln 2, over bone as over soft tissue."""
    frame = np.array([[background, background / 2]])
    attenuation = measure_attenuation(frame, scale())
    added = float(attenuation[0, 1] - attenuation[0, 0])
    # The half grey step under the logarithm costs at most half a step in 100.
    assert added == pytest.approx(math.log(2), abs=0.5 / (background / 2))


def test_inverted_values_mean_the_same():
    frame = np.array([[100, 2000, 4000]], np.uint16)
    direct = measure_attenuation(frame, scale())
    inverted = measure_attenuation(4095 - frame, scale(sign=-1))
    np.testing.assert_allclose(inverted, direct, atol=1e-6)


def test_logarithmic_values_keep_differences_proportional():
    frame = np.array([[1000, 2000, 4000]], np.uint16)
    attenuation = measure_attenuation(frame, scale("LOG"))[0]
    assert attenuation[0] > attenuation[1] > attenuation[2]
    ratio = (attenuation[1] - attenuation[2]) / (attenuation[0] - attenuation[1])
    assert ratio == pytest.approx(2.0, rel=1e-5)


def test_zero_and_what_is_no_number_stay_finite():
    frame = np.array([[0.0, np.nan, np.inf, -np.inf, -5.0]])
    assert np.isfinite(measure_attenuation(frame, scale())).all()


@pytest.mark.parametrize(
    ("relationship", "calibrated"),
    [("LIN", True), ("LOG", False), ("DISP", False), ("unknown", False)],
)
def test_only_linear_values_are_calibrated(relationship, calibrated):
    assert is_calibrated(scale(relationship)) is calibrated


def test_saturation_is_both_ends_and_what_is_no_number():
    frame = np.array([[0.0, 1.0, 4094.0, 4095.0, np.nan]])
    assert find_saturated(frame, scale()).tolist() == [[True, False, False, True, True]]
