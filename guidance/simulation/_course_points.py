"""Points that fill cells of iodine, so that a sum over points is an integral over the cells."""

import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray
from guidance.simulation._vessel_tree import VesselTree

# Points across a vessel are about this far apart: finer than a pixel at the patient. Millimetres.
ACROSS_MM = 0.3
FEWEST_ACROSS, MOST_ACROSS = 5, 90
SLICES = 3
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

PointArray = NDArray[np.float32]
CellArray = NDArray[np.int32]


def points_in_voxels(
    centers_lps_mm: FloatArray, spacing_mm: float, rng: np.random.Generator
) -> tuple[PointArray, CellArray]:
    """Return eight points per voxel, one in each octant, and the voxel of each.

    Where in its octant a point lies is left to chance: a regular lattice would beat with the
    pixels'.

    Parameters
    ----------
    centers_lps_mm : (N, 3) float64 array
        Centres of the voxels. Millimetres.
    spacing_mm : float
        Edge of a voxel. Millimetres.
    rng : Generator
        Source of chance.

    Returns
    -------
    points_lps_mm : (8 N, 3) float32 array
    point_cell : (8 N,) int32 array
    """
    octants = np.array(list(np.ndindex(2, 2, 2)), dtype=np.float32) - 0.5
    aside = rng.uniform(-0.2, 0.2, (len(centers_lps_mm), 8, 3)).astype(np.float32)
    points = (octants * 0.5 + aside * 0.5 * 0.98) * spacing_mm + centers_lps_mm[:, None, :]
    cells = np.repeat(np.arange(len(centers_lps_mm), dtype=np.int32), 8)
    return points.reshape(-1, 3).astype(np.float32), cells


def points_in_vessels(tree: VesselTree) -> tuple[PointArray, CellArray]:
    """Return points that fill each cell's cylinder evenly, and the cell of each.

    On each of three discs along the cell they lie on a sunflower's spiral, which covers equal areas
    (Vogel 1979, Math Biosci 44:179), so that they sum to a cylinder's chord profile.

    Returns
    -------
    points_lps_mm : (P, 3) float32 array
    point_cell : (P,) int32 array
    """
    wanted = np.rint(np.pi / 4 * (tree.diameters_mm / ACROSS_MM) ** 2).astype(np.int64)
    counts = np.clip(wanted, FEWEST_ACROSS, MOST_ACROSS)
    total = counts * SLICES
    cell = np.repeat(np.arange(counts.size), total)
    place = np.arange(cell.size) - np.repeat(np.cumsum(total) - total, total)
    disc, on_disc = np.divmod(place, counts[cell])
    radius = tree.diameters_mm[cell] / 2 * np.sqrt((on_disc + 0.5) / counts[cell])
    # Neighbouring discs are turned, so that their points do not line up.
    angle = GOLDEN_ANGLE * on_disc + 2.4 * (disc + SLICES * cell)
    along = tree.along[cell]
    least = np.eye(3)[np.abs(along).argmin(axis=1)]
    aside = np.cross(along, least)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    up = np.cross(along, aside)
    offset = ((disc + 0.5) / SLICES - 0.5) * tree.lengths_mm[cell]
    points = (
        tree.centers_lps_mm[cell]
        + offset[:, None] * along
        + (radius * np.cos(angle))[:, None] * aside
        + (radius * np.sin(angle))[:, None] * up
    )
    return points.astype(np.float32), cell.astype(np.int32)
