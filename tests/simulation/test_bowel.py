"""Bowel gas: exact chords of ellipsoids, and their volume."""

import numpy as np
import pytest

from guidance.geometry import ConeBeamView, project
from guidance.simulation._bowel import gas_chords
from guidance.simulation._splat import pixel_area_cm2

VIEW = ConeBeamView(
    primary_angle_deg=150.0,
    secondary_angle_deg=15.0,
    isocenter_lps_mm=(0.0, 0.0, 0.0),
    sid_mm=1000.0,
    sod_mm=650.0,
    rows=256,
    columns=256,
    spacing_det_mm=(0.8, 0.8),
)


def test_the_middle_of_a_ball_is_its_diameter() -> None:
    chords = gas_chords(VIEW, np.zeros((1, 3)), np.full((1, 3), 15.0), coarser=1)
    assert chords[127:129, 127:129].max() == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize("coarser", [1, 2])
def test_the_sum_is_the_volume(coarser: int) -> None:
    centers = np.array([[20.0, -30.0, 10.0], [-25.0, 10.0, -20.0]])
    half_axes = np.array([[12.0, 8.0, 20.0], [15.0, 15.0, 6.0]])
    chords = gas_chords(VIEW, centers, half_axes, coarser)
    _, depths = project(VIEW, centers)
    volumes = 4 / 3 * np.pi * half_axes.prod(axis=1) / 1000
    expected = (volumes / pixel_area_cm2(VIEW, depths)).sum()
    assert chords.sum() == pytest.approx(expected, rel=0.01)


def test_no_gas_is_no_gas() -> None:
    assert not gas_chords(VIEW, np.zeros((0, 3)), np.zeros((0, 3))).any()
