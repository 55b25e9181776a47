"""The plain way to a radiograph: ray by ray, in small steps. Slow; the fast way is held to it."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.geometry import ConeBeamView
from guidance.projection._checks import check_source, rays_in_voxels
from guidance.records import FloatArray, Volume


def integrate_reference(
    volume: Volume, view: ConeBeamView, step_voxels: float = 0.1
) -> NDArray[np.float32]:
    """Return what `integrate` does, by sampling every ray in small steps.

    Between voxel centres values are interpolated trilinearly; beyond the outermost centres they
    fall to 0 within one voxel.

    Parameters
    ----------
    volume : Volume
        What the rays cross.
    view : ConeBeamView
        The C-arm.
    step_voxels : float
        Distance between samples, along the axis on which the ray crosses most voxels. A tenth of a
        voxel is within 0.03 % of a step ten times smaller.

    Returns
    -------
    (R, C) float32 array
        Integral along the ray from the source to each pixel's centre: value times centimetres.
    """
    rays = rays_in_voxels(volume, view)
    check_source(volume, rays)
    image = np.empty((view.rows, view.columns), np.float32)
    values = np.asarray(volume.values, np.float32)
    linear = np.ascontiguousarray(volume.lps_from_vox[:3, :3])
    _integrate_rays(values, linear, rays.source, rays.directions, view.sid_mm, step_voxels, image)
    return image


@njit(cache=True, nogil=True)
def _sample(values: NDArray[np.float32], s: float, r: float, c: float) -> float:
    """Return the value at a position, interpolated trilinearly; 0 one voxel outside."""
    s0, r0, c0 = int(np.floor(s)), int(np.floor(r)), int(np.floor(c))
    total = 0.0
    for ds in range(2):
        for dr in range(2):
            for dc in range(2):
                i, j, k = s0 + ds, r0 + dr, c0 + dc
                n_s, n_r, n_c = values.shape
                if 0 <= i < n_s and 0 <= j < n_r and 0 <= k < n_c:
                    weight = (1 - abs(s - i)) * (1 - abs(r - j)) * (1 - abs(c - k))
                    total += weight * values[i, j, k]
    return total


@njit(cache=True, nogil=True)
def _depths_inside(
    shape: tuple[int, int, int], source: FloatArray, direction: FloatArray, sid_mm: float
) -> tuple[float, float]:
    """Return between which depths a ray is less than a voxel from the volume."""
    low, high = 0.0, sid_mm
    for axis in range(3):
        if direction[axis] == 0:
            if not -1 < source[axis] < shape[axis]:
                return 0.0, 0.0
        else:
            one = (-1 - source[axis]) / direction[axis]
            other = (shape[axis] - source[axis]) / direction[axis]
            low, high = max(low, min(one, other)), min(high, max(one, other))
    return low, high


@njit(cache=True, nogil=True)
def _integrate_rays(
    values: NDArray[np.float32],
    linear: FloatArray,
    source: FloatArray,
    directions: FloatArray,
    sid_mm: float,
    step_voxels: float,
    image: NDArray[np.float32],
) -> None:
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            direction = directions[:, 0] + row * directions[:, 1] + column * directions[:, 2]
            low, high = _depths_inside(values.shape, source, direction, sid_mm)
            if high <= low:
                image[row, column] = 0.0
                continue
            n = int(np.ceil((high - low) * np.abs(direction).max() / step_voxels))
            step = (high - low) / n
            total = 0.0
            for index in range(n):
                point = source + (low + (index + 0.5) * step) * direction
                total += _sample(values, point[0], point[1], point[2])
            x, y, z = linear @ direction
            image[row, column] = total * step * np.sqrt(x * x + y * y + z * z) / 10
