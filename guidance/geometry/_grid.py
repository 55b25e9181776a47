"""Axis-aligned grids of cubic voxels in the patient's frame."""

from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray

# 2 GB of float32; more is a mistake in a spacing, and would take the machine down.
MOST_VOXELS = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelGrid:
    """Where voxels lie: slices run along +z, rows along +y, columns along +x.

    Attributes
    ----------
    first_lps_mm : (x, y, z)
        Centre of voxel (0, 0, 0). Millimetres.
    spacing_mm : float
        Edge of a voxel. Millimetres.
    shape : (S, R, C)
        Number of slices, rows and columns.
    """

    first_lps_mm: tuple[float, float, float]
    spacing_mm: float
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        """Check that there is something, and not too much of it."""
        if not (self.spacing_mm > 0 and np.isfinite(self.first_lps_mm).all()):
            raise InputError(
                f"a grid from {self.first_lps_mm} with spacing {self.spacing_mm} mm; "
                "expected finite numbers and a positive spacing"
            )
        if min(self.shape) < 1 or np.prod(self.shape, dtype=np.int64) > MOST_VOXELS:
            raise InputError(
                f"a grid of {self.shape} voxels; expected 1 to {MOST_VOXELS:,}, choose a greater "
                "spacing or a smaller box"
            )

    @property
    def lps_from_vox(self) -> FloatArray:
        """(4, 4) transform from (slice, row, column, 1) to LPS millimetres."""
        transform = np.zeros((4, 4))
        transform[0, 2] = transform[1, 1] = transform[2, 0] = self.spacing_mm
        transform[:3, 3] = self.first_lps_mm
        transform[3, 3] = 1
        return transform

    @property
    def axes_mm(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coordinates of the voxels' centres along x (C,), y (R,) and z (S,). Millimetres."""
        n_slices, n_rows, n_columns = self.shape
        x, y, z = (
            first + self.spacing_mm * np.arange(n, dtype=np.float64)
            for first, n in zip(self.first_lps_mm, (n_columns, n_rows, n_slices), strict=True)
        )
        return x, y, z


def grid_about(
    low_lps_mm: tuple[float, float, float],
    high_lps_mm: tuple[float, float, float],
    spacing_mm: float,
) -> VoxelGrid:
    """Return the grid whose voxel centres fill the box from `low_lps_mm` to `high_lps_mm`."""
    if not (spacing_mm > 0 and np.isfinite((*low_lps_mm, *high_lps_mm)).all()):
        raise InputError(
            f"a box from {low_lps_mm} to {high_lps_mm} with voxels of {spacing_mm} mm; expected "
            "finite corners and a positive spacing"
        )
    x, y, z = (
        max(1, int(np.floor((high - low) / spacing_mm)) + 1)
        for low, high in zip(low_lps_mm, high_lps_mm, strict=True)
    )
    return VoxelGrid(first_lps_mm=low_lps_mm, spacing_mm=spacing_mm, shape=(z, y, x))
