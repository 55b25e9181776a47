"""Kernels of the fast renderer: slabs of slices, and their sum along rays.

The axes of a volume are `k`, across which the rays run, and `a` and `b` in its slices. A ray is
named by its slopes: how many voxels it moves along `a` and `b` while it crosses one slice.

    a = source_a + q * slope_a,    b = source_b + q * slope_b,    q = |k - source_k|

Slices are copied into a slab, `DEPTH` at a time, with a border of zeros, so that nothing need be
asked at the edges of the volume. The sum along a ray runs over the slices of a slab, which a
compiler can make wide: the same arithmetic for neighbouring slices.

Compiled on first use; one thread; the sums run in a fixed order.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

DEPTH = 16
"""Slices in a slab. Eight are a quarter slower; more leave fewer empty blocks to skip."""

BORDER = 2
"""Zeros before the first voxel: one for interpolation, one for the smear. One more follows after
the last, since samples take their right neighbour unasked."""


@njit(cache=True, nogil=True)
def _bounds(bits: Array) -> tuple[int, int]:
    """Return the first and one past the last integer that is not 0; equal where all are."""
    n, block, one = np.uint64(bits.shape[0]), np.uint64(32), np.uint64(1)
    low, high = np.uint64(0), n
    while low + block <= n:
        piece = bits[low : low + block]
        found = piece[0]
        for index in range(1, 32):
            found |= piece[index]
        if found != 0:
            break
        low += block
    while low < n and bits[low] == 0:
        low += one
    while high >= low + block:
        piece = bits[high - block : high]
        found = piece[0]
        for index in range(1, 32):
            found |= piece[index]
        if found != 0:
            break
        high -= block
    while high > low and bits[high - one] == 0:
        high -= one
    return int(low), int(high)


@njit(cache=True, nogil=True)
def _smear_row(before: Array, row: Array, after: Array, weights: Array, target: Array) -> None:
    """Write a row of a slice smeared by 3 x 3 weights, given the rows on both its sides."""
    centre, along_a, along_b, across = weights[0], weights[1], weights[2], weights[3]
    n = np.uint64(row.shape[0] - 2)
    one, two = np.uint64(1), np.uint64(2)
    for index in range(n):
        target[index + one] = (
            centre * row[index + one]
            + along_b * (row[index] + row[index + two])
            + along_a * (before[index + one] + after[index + one])
            + across * (before[index] + after[index + two] - before[index + two] - after[index])
        )


@njit(cache=True, nogil=True)
def _copy_row(row: Array, line: Array) -> None:
    for index in range(row.shape[0]):
        line[index] = np.float32(row[index])


@njit(cache=True, nogil=True)
def _copy_slice(
    values: Array, bits: Array, k: int, k_first: bool, plain: Array, filled: Array, spans: Array
) -> None:
    """Copy slice `k` to `plain`; widen `spans` by where its rows hold something."""
    n_a, n_b = plain.shape[0] - 2 * BORDER - 1, plain.shape[1] - 2 * BORDER - 1
    for a in range(n_a):
        low, high = _bounds(bits[k, a] if k_first else bits[a, k])
        line = plain[a + BORDER]
        if low < high:
            _copy_row(values[k, a] if k_first else values[a, k], line[BORDER : BORDER + n_b])
            for near in range(a - 1, a + 2):  # the smear reaches one voxel further
                spans[near + BORDER, 0] = min(spans[near + BORDER, 0], low - 1)
                spans[near + BORDER, 1] = max(spans[near + BORDER, 1], high + 1)
        elif filled[a + BORDER]:
            line[:] = 0
        filled[a + BORDER] = low < high


@njit(cache=True, nogil=True)
def fill_slab(
    values: Array,
    bits: Array,
    first: int,
    k_first: bool,
    weights: Array,
    work: tuple[Array, Array, Array],
    slab: Array,
    spans: Array,
) -> None:
    """Fill a slab with smeared slices.

    Parameters
    ----------
    values : (K, A, B) or (A, K, B) array, C-contiguous
        Voxels.
    bits : the same as integers
        Not 0 where the voxel is not.
    first : int
        First slice. The slab ends where the volume does.
    k_first : bool
        Which of the two orders.
    weights : (4,) float32 array
        Of the voxel itself, its two neighbours along `a`, along `b`, its four across (those on one
        diagonal count against those on the other).
    work : (plain, filled, dirty)
        One slice, which of its rows hold something, and which rows of the slab do: (A + 5, B + 5)
        float32, (A + 5,) bool and (DEPTH, A + 5) bool, all zero before the first call.
    slab : (DEPTH, A + 5, B + 5) float32 array
        Written to.
    spans : (A + 5, 2) int64 array
        Written to: first and one past the last `b` at which a row of any slice holds something.
    """
    plain, filled, dirty = work
    n_k = values.shape[0] if k_first else values.shape[1]
    spans[:, 0], spans[:, 1] = values.shape[2], -1
    for index in range(DEPTH):
        if first + index < n_k:
            _copy_slice(values, bits, first + index, k_first, plain, filled, spans)
        else:
            for row in range(plain.shape[0]):
                if filled[row]:
                    plain[row] = 0
                    filled[row] = False
        for row in range(1, plain.shape[0] - 1):
            if filled[row - 1] or filled[row] or filled[row + 1]:
                target = slab[index, row]
                _smear_row(plain[row - 1], plain[row], plain[row + 1], weights, target)
                dirty[index, row] = True
            elif dirty[index, row]:
                slab[index, row] = 0
                dirty[index, row] = False


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
def add_slab(
    slab: Array,
    spans: Array,
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
    slab : (DEPTH, A + 5, B + 5) float32 array
    spans : (A + 5, 2) int64 array
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
    q, step = first_q
    source_a, source_b = source
    last_q = q + step * (DEPTH - 1)
    near, far = max(min(q, last_q), 1e-3), max(q, last_q)
    if far <= near:
        return
    offsets = np.empty(DEPTH, np.float32)
    for index in range(DEPTH):
        offsets[index] = step * (index - DEPTH // 2)
    middle_q = q + step * (DEPTH // 2)
    for row in range(total.shape[0]):
        of_a, of_b = slopes_a[row], slopes_b[row]
        from_a, to_a = _rows_between(of_a, source_a, near, far, spans.shape[0])
        low_a, high_a, low_b, high_b = -1, -1, spans.shape[0] + slab.shape[2], -1
        for a in range(from_a, to_a):
            if spans[a, 0] < spans[a, 1]:
                low_a, high_a = (a if low_a < 0 else low_a), a + 1
                low_b, high_b = min(low_b, spans[a, 0]), max(high_b, spans[a, 1])
        if low_a < 0:
            continue
        low_a, high_a = low_a - BORDER - 1, high_a - BORDER
        first, last = _columns_between(of_b, source_b, low_b - 1, high_b, near, far)
        first_too, last_too = _columns_between(of_a, source_a, low_a, high_a, near, far)
        first, last = max(first, first_too), min(last, last_too)
        for column in range(first, last):
            slope_a, slope_b = of_a[column], of_b[column]
            at_a = source_a + BORDER + middle_q * slope_a
            at_b = source_b + BORDER + middle_q * slope_b
            by_a, by_b = apart * slope_a, apart * slope_b
            found = _sum_through(slab, offsets, at_a + by_a, at_b + by_b, slope_a, slope_b)
            if apart > 0:
                found += _sum_through(slab, offsets, at_a - by_a, at_b - by_b, slope_a, slope_b)
                found *= np.float32(0.5)
            total[row, column] += found


@njit(cache=True, nogil=True, fastmath=True)
def _sum_through(
    slab: Array, offsets: Array, at_a: float, at_b: float, slope_a: float, slope_b: float
) -> np.float32:
    """Return the sum over the slices of a slab where one ray crosses them, interpolated."""
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
        part_a, part_b = a - np.float32(whole_a), b - np.float32(whole_b)
        at = np.int32(index) * plane + whole_a * width + whole_b
        near, far = voxels[at], voxels[at + width]
        near += part_b * (voxels[at + 1] - near)
        far += part_b * (voxels[at + width + 1] - far)
        total += near + part_a * (far - near)
    return total


@njit(cache=True, nogil=True)
def _interleave(
    r0: Array,
    r1: Array,
    r2: Array,
    r3: Array,
    r4: Array,
    r5: Array,
    r6: Array,
    r7: Array,
    packed: Array,
) -> None:
    """Interleave eight rows; written out, for only so compilers see the pattern."""
    for index in range(r0.shape[0]):
        packed[8 * index] = r0[index]
        packed[8 * index + 1] = r1[index]
        packed[8 * index + 2] = r2[index]
        packed[8 * index + 3] = r3[index]
        packed[8 * index + 4] = r4[index]
        packed[8 * index + 5] = r5[index]
        packed[8 * index + 6] = r6[index]
        packed[8 * index + 7] = r7[index]


@njit(cache=True, nogil=True)
def take_slices(values: Array, first: int, slices: Array) -> None:
    """Copy slices perpendicular to the last axis, so that their voxels lie side by side.

    Parameters
    ----------
    values : (A, B, K) array, C-contiguous
    first : int
        Along the last axis.
    slices : (A, N, B) array, C-contiguous
        Written to.
    """
    n_a, n_k, n_b = slices.shape
    last, whole = first + n_k, n_b - n_b % 8
    packed = np.empty(8 * n_k, values.dtype)
    for a in range(n_a):
        plane = values[a]
        for b in range(0, whole, 8):
            _interleave(
                plane[b, first:last],
                plane[b + 1, first:last],
                plane[b + 2, first:last],
                plane[b + 3, first:last],
                plane[b + 4, first:last],
                plane[b + 5, first:last],
                plane[b + 6, first:last],
                plane[b + 7, first:last],
                packed,
            )
            for k in range(n_k):
                line = slices[a, k, b : b + 8]
                for index in range(8):
                    line[index] = packed[8 * k + index]
        for b in range(whole, n_b):
            for k in range(n_k):
                slices[a, k, b] = plane[b, first + k]
