"""Kernels that sum slabs of slices along rays.

A ray is named by its slopes: how many voxels it moves along `a` and `b` while it crosses one slice.

    a = source_a + q * slope_a,    b = source_b + q * slope_b,    q = |k - source_k|

The sum along a ray runs over the slices of a slab, which a compiler can make wide: the same
arithmetic for neighbouring slices.

Compiled on first use; one thread; the sums run in a fixed order.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.projection._slabs import BORDER, DEPTH

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def name_rays(
    directions: Array, lengths: Array, slopes_a: Array, slopes_b: Array, per_slice: Array
) -> None:
    """Find the slopes of rays.

    Parameters
    ----------
    directions : (3, 3) float64 array
        Rows k, a, b; columns: of the ray to the first pixel, what a row and a column add. Voxels
        per millimetre of depth.
    lengths : (3, 3) float64 array
        The same along x, y and z. Centimetres.
    slopes_a, slopes_b : (R, C) float64 arrays
        Written to. Voxels per slice.
    per_slice : (R, C) float64 array
        Written to: length of the ray from slice to slice. Centimetres.
    """
    for row in range(slopes_a.shape[0]):
        k, a, b = directions[:, 0] + row * directions[:, 1]
        x, y, z = lengths[:, 0] + row * lengths[:, 1]
        for column in range(slopes_a.shape[1]):
            once = 1 / abs(k + column * directions[0, 2])
            slopes_a[row, column] = once * (a + column * directions[1, 2])
            slopes_b[row, column] = once * (b + column * directions[2, 2])
            along_x, along_y = x + column * lengths[0, 2], y + column * lengths[1, 2]
            along_z = z + column * lengths[2, 2]
            per_slice[row, column] = once * np.sqrt(along_x**2 + along_y**2 + along_z**2)


@njit(cache=True, nogil=True)
def _crossing(slopes: Array, value: float, is_rising: bool) -> int:
    """Return the first index at which slopes that only rise, or only fall, have passed a value."""
    low, high = 0, slopes.shape[0]
    while low < high:
        middle = (low + high) // 2
        if (slopes[middle] > value) == is_rising:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True)
def _columns_between(
    slopes: Array, source: float, low: int, high: int, near: float, far: float
) -> tuple[int, int]:
    """Return which rays of a row come between two voxels at any distance from `near` to `far`."""
    least = min((low - source) / near, (low - source) / far)
    most = max((high - source) / near, (high - source) / far)
    is_rising = slopes[-1] > slopes[0]
    if slopes[-1] == slopes[0]:
        return (0, slopes.shape[0]) if least <= slopes[0] <= most else (0, 0)
    one, other = _crossing(slopes, least, is_rising), _crossing(slopes, most, is_rising)
    return min(one, other), max(one, other)


@njit(cache=True, nogil=True)
def _rows_between(slopes: Array, source: float, near: float, far: float, n: int) -> tuple[int, int]:
    """Return from which to which row of the slab a row of rays comes."""
    one, other = min(slopes[0], slopes[-1]), max(slopes[0], slopes[-1])
    least = source + min(one * near, one * far)
    most = source + max(other * near, other * far)
    low, high = int(np.floor(least)) + BORDER, int(np.floor(most)) + BORDER + 2
    return max(0, min(low, n)), max(0, min(high, n))


@njit(cache=True, nogil=True)
def _spans_of_slab(dirty: Array, width: int) -> Array:
    """Return where the rows of any slice of a slab hold something."""
    spans = np.empty((dirty.shape[1], 2), np.int64)
    for row in range(dirty.shape[1]):
        spans[row, 0], spans[row, 1] = width, -1
        for index in range(DEPTH):
            if dirty[index, row, 0] < dirty[index, row, 1]:
                spans[row, 0] = min(spans[row, 0], dirty[index, row, 0])
                spans[row, 1] = max(spans[row, 1], dirty[index, row, 1])
    return spans


@njit(cache=True, nogil=True)
def _columns_that_hit(
    spans: Array, of_a: Array, of_b: Array, source: tuple[float, float], near: float, far: float
) -> tuple[int, int]:
    """Return which rays of a row can meet something in a slab."""
    source_a, source_b = source
    from_a, to_a = _rows_between(of_a, source_a, near, far, spans.shape[0])
    low_a, high_a, low_b, high_b = -1, -1, 1 << 40, -1
    for a in range(from_a, to_a):
        if spans[a, 0] < spans[a, 1]:
            low_a, high_a = (a if low_a < 0 else low_a), a + 1
            low_b, high_b = min(low_b, spans[a, 0]), max(high_b, spans[a, 1])
    if low_a < 0:
        return 0, 0
    low_a, high_a, low_b, high_b = low_a - BORDER, high_a - BORDER, low_b - BORDER, high_b - BORDER
    first, last = _columns_between(of_b, source_b, low_b - 1, high_b, near, far)
    first_too, last_too = _columns_between(of_a, source_a, low_a - 1, high_a, near, far)
    return max(first, first_too), min(last, last_too)


@njit(cache=True, nogil=True)
def add_slab(
    slab: Array,
    dirty: Array,
    source: tuple[float, float],
    first_q: tuple[float, float],
    apart: float,
    slopes_a: Array,
    slopes_b: Array,
    total: Array,
) -> None:
    """Add to every ray the sum over the slices of a slab.

    Parameters
    ----------
    slab, dirty : (DEPTH, rows, columns) float32 and (DEPTH, rows, 2) int64 arrays
        From `fill_slab`.
    source : (float, float)
        Position of the source along `a` and `b`. Voxels.
    first_q : (float, float)
        Distance of the first slice from the source, and from slice to slice (1 or -1).
    apart : float
        Each slice is read twice, this far before and behind where the ray crosses it, and the mean
        is taken; once where this is 0. Slices.
    slopes_a, slopes_b : (R, C) float64 arrays
        Of the rays; along a row they only rise or only fall.
    total : (R, C) float32 array
        Added to.
    """
    source_a, source_b = source
    q, step = first_q
    last_q = q + step * (DEPTH - 1)
    near, far = max(min(q, last_q), 1e-3), max(q, last_q)
    if far <= near:
        return
    spans = _spans_of_slab(dirty, slab.shape[2])
    offsets = np.empty(DEPTH, np.float32)
    for index in range(DEPTH):
        offsets[index] = step * (index - DEPTH // 2)
    middle_q = q + step * (DEPTH // 2)
    for row in range(total.shape[0]):
        of_a, of_b = slopes_a[row], slopes_b[row]
        first, last = _columns_that_hit(spans, of_a, of_b, source, near, far)
        for column in range(first, last):
            slope_a, slope_b = of_a[column], of_b[column]
            at_a = source_a + BORDER + middle_q * slope_a
            at_b = source_b + BORDER + middle_q * slope_b
            if apart > 0:
                found = _sum_twice(slab, offsets, at_a, at_b, slope_a, slope_b, apart)
            else:
                found = _sum_once(slab, offsets, at_a, at_b, slope_a, slope_b)
            total[row, column] += found


@njit(cache=True, nogil=True, fastmath=True)
def _read(voxels: Array, at: Any, width: Any, part_a: Any, part_b: Any) -> Any:  # noqa: ANN401
    """Return voxels interpolated between one, its neighbours, and the one across."""
    near, far = voxels[at], voxels[at + width]
    near += part_b * (voxels[at + 1] - near)
    far += part_b * (voxels[at + width + 1] - far)
    return near + part_a * (far - near)


@njit(cache=True, nogil=True, fastmath=True)
def _sum_once(
    slab: Array, offsets: Array, at_a: float, at_b: float, slope_a: float, slope_b: float
) -> np.float32:
    """Return the sum over the slices of a slab where one ray crosses them."""
    middle_a, middle_b = np.float32(at_a), np.float32(at_b)
    step_a, step_b = np.float32(slope_a), np.float32(slope_b)
    width = np.int32(slab.shape[2])
    plane = np.int32(slab.shape[1] * slab.shape[2])
    most_a, most_b = np.float32(slab.shape[1] - 2), np.float32(slab.shape[2] - 2)
    nought, voxels = np.float32(0), slab.reshape(-1)
    total = nought
    for index in range(DEPTH):
        a = min(max(middle_a + offsets[index] * step_a, nought), most_a)
        b = min(max(middle_b + offsets[index] * step_b, nought), most_b)
        whole_a, whole_b = np.int32(a), np.int32(b)
        at = np.int32(index) * plane + whole_a * width + whole_b
        total += _read(voxels, at, width, a - np.float32(whole_a), b - np.float32(whole_b))
    return total


@njit(cache=True, nogil=True, fastmath=True)
def _sum_twice(
    slab: Array,
    offsets: Array,
    at_a: float,
    at_b: float,
    slope_a: float,
    slope_b: float,
    apart: float,
) -> np.float32:
    """Return the same, the mean of where the ray is `apart` before and behind each slice."""
    middle_a, middle_b = np.float32(at_a - apart * slope_a), np.float32(at_b - apart * slope_b)
    by_a, by_b = np.float32(2 * apart * slope_a), np.float32(2 * apart * slope_b)
    step_a, step_b = np.float32(slope_a), np.float32(slope_b)
    width = np.int32(slab.shape[2])
    plane = np.int32(slab.shape[1] * slab.shape[2])
    most_a, most_b = np.float32(slab.shape[1] - 2), np.float32(slab.shape[2] - 2)
    nought, voxels = np.float32(0), slab.reshape(-1)
    total = nought
    for index in range(DEPTH):
        a = middle_a + offsets[index] * step_a
        b = middle_b + offsets[index] * step_b
        other_a, other_b = min(max(a + by_a, nought), most_a), min(max(b + by_b, nought), most_b)
        a, b = min(max(a, nought), most_a), min(max(b, nought), most_b)
        whole_a, whole_b = np.int32(a), np.int32(b)
        at = np.int32(index) * plane + whole_a * width + whole_b
        total += _read(voxels, at, width, a - np.float32(whole_a), b - np.float32(whole_b))
        whole_a, whole_b = np.int32(other_a), np.int32(other_b)
        at = np.int32(index) * plane + whole_a * width + whole_b
        part_a, part_b = other_a - np.float32(whole_a), other_b - np.float32(whole_b)
        total += _read(voxels, at, width, part_a, part_b)
    return np.float32(0.5) * total
