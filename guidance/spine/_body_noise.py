"""Texture that belongs to the patient: the same value at the same place, whatever the grid.

Value noise on a lattice: pseudo-random numbers at its knots, interpolated between them. It is
evaluated at world positions, so that a fine grid around a needle and a coarse CT of one patient
show the same bone.
"""

import numpy as np
from numba import njit

# Odd constants of a 32-bit integer hash (the finaliser of MurmurHash3, public domain).
MIX_A, MIX_B = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
STEP_X, STEP_Y, STEP_Z = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)


@njit(cache=True, nogil=True, inline="always")
def _knot(i: int, j: int, k: int, seed: int) -> float:
    """Return the number of a knot, 0 to 1."""
    h = np.uint32(seed) ^ (np.uint32(i) * STEP_X)
    h ^= np.uint32(j) * STEP_Y
    h ^= np.uint32(k) * STEP_Z
    h ^= h >> np.uint32(16)
    h = np.uint32(h * MIX_A)
    h ^= h >> np.uint32(13)
    h = np.uint32(h * MIX_B)
    h ^= h >> np.uint32(16)
    return float(h) * (1.0 / 4294967295.0)


@njit(cache=True, nogil=True)
def noise_at(x: float, y: float, z: float, seed: int) -> float:
    """Return smooth noise at a position in units of the lattice: 0 to 1, mean 1/2, SD about 0.19.

    Linear between the knots: the mean over a cell is exact, and it costs half as much as a cubic.
    """
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    near = (_knot(i, j, k, seed) * (1 - u) + _knot(i + 1, j, k, seed) * u) * (1 - v) + (
        _knot(i, j + 1, k, seed) * (1 - u) + _knot(i + 1, j + 1, k, seed) * u
    ) * v
    far = (_knot(i, j, k + 1, seed) * (1 - u) + _knot(i + 1, j, k + 1, seed) * u) * (1 - v) + (
        _knot(i, j + 1, k + 1, seed) * (1 - u) + _knot(i + 1, j + 1, k + 1, seed) * u
    ) * v
    return near * (1 - w) + far * w
