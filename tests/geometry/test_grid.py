"""Grids of voxels: where their centres lie, and what is refused."""

import math

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about


def test_voxels_lie_where_the_transform_and_the_axes_say():
    grid = VoxelGrid(first_lps_mm=(1.0, 2.0, 3.0), spacing_mm=0.5, shape=(4, 5, 6))
    x, y, z = grid.axes_mm
    assert (len(z), len(y), len(x)) == grid.shape
    for voxel in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
        s, r, c = voxel
        np.testing.assert_allclose((grid.lps_from_vox @ (*voxel, 1))[:3], (x[c], y[r], z[s]))


def test_a_grid_fills_its_box():
    grid = grid_about((-1.0, 0.0, 10.0), (1.0, 0.9, 10.0), 0.5)
    assert grid.first_lps_mm == (-1.0, 0.0, 10.0)
    assert grid.shape == (1, 2, 5)
    x, y, z = grid.axes_mm
    assert (x[-1], y[-1], z[-1]) == pytest.approx((1.0, 0.5, 10.0))


def test_a_grid_holds_something_even_where_the_box_is_inside_out():
    assert grid_about((0, 0, 0), (-5, 1, 1), 1.0).shape == (2, 2, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"spacing_mm": 0.0},
        {"spacing_mm": math.nan},
        {"first_lps_mm": (0.0, math.nan, 0.0)},
        {"shape": (0, 3, 3)},
        {"shape": (2000, 2000, 2000)},
    ],
)
def test_impossible_grids_are_refused(changes):
    settings = {"first_lps_mm": (0.0, 0.0, 0.0), "spacing_mm": 1.0, "shape": (3, 3, 3)}
    with pytest.raises(InputError, match="expected"):
        VoxelGrid(**settings | changes)
