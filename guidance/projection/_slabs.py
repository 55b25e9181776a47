"""Kernels that copy slices of a volume into slabs, smeared, with a border of zeros.

The axes of a volume are `k`, across which the rays run, and `a` and `b` in its slices. Slices are
copied into a slab, `DEPTH` at a time, so that nothing need be asked at the edges of the volume.
Rows that are 0 cost nothing.

Compiled on first use; one thread.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

DEPTH = 16
"""Slices in a slab. Eight are slower; with more, fewer rays miss all that is in a slab."""

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
def find_spans(bits: Array, spans: Array) -> None:
    """Find where rows of voxels hold something.

    Parameters
    ----------
    bits : (L, M, N) array of integers, C-contiguous
        Not 0 where the voxel is not.
    spans : (L, M, 2) int32 array
        Written to: first and one past the last voxel that is not 0; equal where all are.
    """
    for first in range(bits.shape[0]):
        for second in range(bits.shape[1]):
            low, high = _bounds(bits[first, second])
            spans[first, second, 0], spans[first, second, 1] = low, high


@njit(cache=True, nogil=True)
def _copy_row(row: Array, line: Array) -> None:
    for index in range(row.shape[0]):
        line[index] = np.float32(row[index])


@njit(cache=True, nogil=True)
def _copy_slice(
    values: Array,
    spans: Array,
    k_first: bool,
    corner: tuple[int, int, int],
    plain: Array,
    held: Array,
) -> None:
    """Copy a slice to `plain`; `held` tells where the rows of `plain` hold something."""
    k, first_a, first_b = corner
    for row in range(BORDER, plain.shape[0] - BORDER - 1):
        a = first_a + row - BORDER
        low, high = spans[k, a] if k_first else spans[a, k]
        line, shift = plain[row], BORDER - first_b
        line[held[row, 0] : held[row, 1]] = 0
        held[row, 0], held[row, 1] = low + shift, high + shift
        if low < high:
            voxels = values[k, a] if k_first else values[a, k]
            _copy_row(voxels[low:high], line[low + shift : high + shift])


@njit(cache=True, nogil=True)
def _smear_slice(plain: Array, held: Array, weights: Array, target: Array, dirty: Array) -> None:
    """Smear a slice; `dirty` tells where the rows of `target` hold something."""
    for row in range(1, plain.shape[0] - 1):
        low, high = plain.shape[1], 0
        for near in range(row - 1, row + 2):
            if held[near, 0] < held[near, 1]:
                low, high = min(low, held[near, 0] - 1), max(high, held[near, 1] + 1)
        line = target[row]
        line[dirty[row, 0] : dirty[row, 1]] = 0
        if low >= high:
            dirty[row, 0], dirty[row, 1] = 0, 0
            continue
        dirty[row, 0], dirty[row, 1] = low, high
        _smear_row(
            plain[row - 1, low - 1 : high + 1],
            plain[row, low - 1 : high + 1],
            plain[row + 1, low - 1 : high + 1],
            weights,
            line[low - 1 : high + 1],
        )


@njit(cache=True, nogil=True)
def fill_slab(
    values: Array,
    spans: Array,
    k_first: bool,
    corner: tuple[int, int, int],
    last: int,
    weights: Array,
    plain: Array,
    held: Array,
    slab: Array,
    dirty: Array,
) -> None:
    """Fill a slab with smeared slices of a part of a volume.

    Parameters
    ----------
    values : (K, A, B) or (A, K, B) array, C-contiguous
        Voxels.
    spans : (K, A, 2) or (A, K, 2) int32 array
        From `find_spans`.
    k_first : bool
        Which of the two orders.
    corner : (k, a, b)
        First voxel of the slab. The slab's size tells how far along `a` and `b` it reaches; it must
        hold all of the volume that is not 0.
    last : int
        One past the last slice; slices of the slab from there on become 0.
    weights : (4,) float32 array
        Of the voxel itself, its two neighbours along `a`, along `b`, its four across (those on one
        diagonal count against those on the other).
    plain, held : (rows, columns) float32 and (rows, 2) int64 arrays
        Room for one slice, and where its rows hold something; 0 before the first call.
    slab, dirty : (DEPTH, rows, columns) float32 and (DEPTH, rows, 2) int64 arrays
        Written to: the slices with their border, and where their rows hold something; 0 before the
        first call.
    """
    k, a, b = corner
    for index in range(DEPTH):
        if k + index < last:
            _copy_slice(values, spans, k_first, (k + index, a, b), plain, held)
        else:
            for row in range(plain.shape[0]):
                plain[row, held[row, 0] : held[row, 1]] = 0
                held[row, 0], held[row, 1] = 0, 0
        _smear_slice(plain, held, weights, slab[index], dirty[index])


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
def take_slices(values: Array, low: tuple[int, int, int], slices: Array) -> None:
    """Copy a box of voxels so that those along the second axis lie side by side, not the third.

    Parameters
    ----------
    values : (L, M, N) array, C-contiguous
    low : (l, m, n)
        First voxel of the box.
    slices : (l, n, m) array, C-contiguous
        Written to; its shape is the box's.
    """
    n_a, n_k, n_b = slices.shape
    whole, first, last = n_b - n_b % 8, low[2], low[2] + n_k
    packed = np.empty(8 * n_k, values.dtype)
    for a in range(n_a):
        plane = values[low[0] + a]
        for b in range(0, whole, 8):
            at = low[1] + b
            _interleave(
                plane[at, first:last],
                plane[at + 1, first:last],
                plane[at + 2, first:last],
                plane[at + 3, first:last],
                plane[at + 4, first:last],
                plane[at + 5, first:last],
                plane[at + 6, first:last],
                plane[at + 7, first:last],
                packed,
            )
            for k in range(n_k):
                line = slices[a, k, b : b + 8]
                for index in range(8):
                    line[index] = packed[8 * k + index]
        for b in range(whole, n_b):
            for k in range(n_k):
                slices[a, k, b] = plane[low[1] + b, first + k]
