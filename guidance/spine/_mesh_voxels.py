"""Turning closed surfaces into voxels, along rays that run in z."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.geometry import VoxelGrid
from guidance.records import FloatArray, Volume
from guidance.spine._mesh import IntArray, Mesh, check_closed

# Rays per voxel, along each of x and y.
RAYS = 2
# Rays are moved off the lattice by this share of a voxel, by unlike amounts along x and y: corners
# of a mesh that was made on a lattice would lie on them otherwise.
JITTER_X, JITTER_Y = 1.234567e-4, 0.765432e-4


def voxelize_mesh(mesh: Mesh, grid: VoxelGrid, name: str = "the mesh") -> Volume:
    """Return how much of every voxel lies within a closed mesh.

    Four rays along z run through every voxel's column. What lies between a ray's way in and its
    way out is measured exactly, so the shares sum up to the volume with little error.

    Parameters
    ----------
    mesh : Mesh
        The surface; parts outside the grid are cut off.
    grid : VoxelGrid
        Where, and how fine.
    name : str
        What to call the mesh in messages.

    Returns
    -------
    Volume
        (S, R, C) float32 shares from 0 to 1; at least 0.5 makes a mask.
    """
    check_closed(mesh, name)
    first = np.array(grid.first_lps_mm)
    vox_xyz = (mesh.vertices_lps_mm - first) / grid.spacing_mm
    share, full = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.int16)
    _cross(vox_xyz, mesh.faces, share, full)
    _settle(share, full)
    return Volume(values=share, lps_from_vox=grid.lps_from_vox)


@njit(cache=True, nogil=True)
def _side(points: FloatArray, a: int, b: int, x: float, y: float) -> float:
    """Twice the area of a, b and (x, y); exactly opposite for b, a, and never 0.

    Two faces that share an edge must put a ray on different sides of it to the last bit, or it
    would leave the solid twice or never.
    """
    i, j = min(a, b), max(a, b)
    area = (points[j, 0] - points[i, 0]) * (y - points[i, 1]) - (points[j, 1] - points[i, 1]) * (
        x - points[i, 0]
    )
    if area == 0.0:
        area = 1e-300
    return float(area if a < b else -area)


@njit(cache=True, nogil=True)
def _mark(
    z: float, way: int, r: int, c: int, share: NDArray[np.float32], full: NDArray[np.int16]
) -> None:
    """Count what lies below a crossing: part of its voxel, all of those below."""
    above_edge = z + 0.5
    if above_edge <= 0.0:
        return
    s = int(np.floor(min(above_edge, share.shape[0])))
    if s < share.shape[0]:
        share[s, r, c] += way * (above_edge - s)
    if s > 0:
        full[s - 1, r, c] += way


@njit(cache=True, nogil=True)
def _cross(
    points: FloatArray, faces: IntArray, share: NDArray[np.float32], full: NDArray[np.int16]
) -> None:
    """Mark every crossing of a ray with a face: +1 on the way out, -1 on the way in."""
    # Ray k of an axis is at (k + 0.5) / RAYS - 0.5 plus the jitter, in voxels.
    shift_x, shift_y = 0.5 - JITTER_X, 0.5 - JITTER_Y
    for f in range(faces.shape[0]):
        a, b, c = faces[f]
        xs = (points[a, 0], points[b, 0], points[c, 0])
        ys = (points[a, 1], points[b, 1], points[c, 1])
        first_i = max(int(np.ceil((min(xs) + shift_x) * RAYS - 0.5)), 0)
        last_i = min(int(np.floor((max(xs) + shift_x) * RAYS - 0.5)), RAYS * share.shape[2] - 1)
        first_j = max(int(np.ceil((min(ys) + shift_y) * RAYS - 0.5)), 0)
        last_j = min(int(np.floor((max(ys) + shift_y) * RAYS - 0.5)), RAYS * share.shape[1] - 1)
        for j in range(first_j, last_j + 1):
            y = (j + 0.5) / RAYS - shift_y
            for i in range(first_i, last_i + 1):
                x = (i + 0.5) / RAYS - shift_x
                u, v = _side(points, b, c, x, y), _side(points, c, a, x, y)
                w = _side(points, a, b, x, y)
                if (u > 0.0) == (v > 0.0) == (w > 0.0):
                    z = (u * points[a, 2] + v * points[b, 2] + w * points[c, 2]) / (u + v + w)
                    _mark(z, 1 if u > 0.0 else -1, j // RAYS, i // RAYS, share, full)


@njit(cache=True, nogil=True)
def _settle(share: NDArray[np.float32], full: NDArray[np.int16]) -> None:
    """Sum the marks from the top down into shares, in place."""
    for r in range(share.shape[1]):
        for c in range(share.shape[2]):
            total = 0
            for s in range(share.shape[0] - 1, -1, -1):
                total += full[s, r, c]
                inside = (share[s, r, c] + total) / (RAYS * RAYS)
                share[s, r, c] = min(max(inside, 0.0), 1.0)
