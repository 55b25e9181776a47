"""Weights for each tile of an image, and the sum that they make: the fast part of the background.

A tile looks at twice its own width; what lies between the centres of two takes weights between
theirs. Work is done on blocks of half a tile: a tile sums the four by four blocks that it looks at.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.imaging._compiled import Compiled

Image = NDArray[np.float32]

BIWEIGHT = 4.685
"""Tukey's constant, in standard deviations: 95 % efficient for normal noise."""

_ROUNDS = 2
_CHUNK = 512
"""So many pixels of all terms fit the processor's nearest memory."""


def fit_tiles(
    terms: Image,
    blocks: Image,
    left: Image,
    weights: tuple[Image, Image],
    noises: tuple[float, float],
    prior: NDArray[np.float32],
) -> Image:
    """Return the coefficients of every tile, beside those of the whole image.

    Parameters
    ----------
    terms : (n, h, w) float32 array
        What an image is made of.
    blocks : (blocks, n + 1, pixels) float32 array
        The same in blocks; the last of each is written here.
    left : (h, w) float32 array
        What the fit of the whole image leaves.
    weights : (robust, greatest)
        Weights to begin with, and the greatest that a pixel may have; (h, w) each.
    noises : (noise, spread)
        Standard deviation of a pixel by itself, and of what is left.
    prior : (n,) float32 array
        How large each coefficient is expected to be.

    Returns
    -------
    (p, q, n) float32 array
        For tiles in rows and columns.
    """
    robust, greatest = weights
    noise, spread = noises
    n_terms, side = len(terms), math.isqrt(blocks.shape[2])
    shape = block_shape(left.shape, side)
    stiffness = np.diag(prior**-2)
    current = np.empty((len(blocks), 1, side * side), np.float32)
    fill_blocks(robust[None], current)
    # What is left to explain is one more row, so that one product gives both sides.
    fill_blocks(left[None], blocks[:, n_terms:])
    columns = blocks.transpose(0, 2, 1)
    coefficients = np.zeros((0, 0, n_terms), np.float32)
    for turn in range(_ROUNDS):
        products = np.matmul(blocks[:, :n_terms] * current, columns)
        sums = np.empty((shape[0] // 2, shape[1] // 2, n_terms, n_terms + 1), np.float32)
        sum_over_tiles(products.reshape(*shape, n_terms, n_terms + 1), sums)
        sums /= np.float32(noise**2)
        normal, right = sums[..., :n_terms], sums[..., n_terms:]
        coefficients = np.asarray(np.linalg.solve(normal + stiffness, right)[..., 0], np.float32)
        if turn + 1 < _ROUNDS:
            rest = left.copy()
            subtract_sum(rest, coefficients, terms, 2 * side)
            robust = np.asarray(greatest * weigh(rest, spread), np.float32)
            fill_blocks(robust[None], current)
    return coefficients


def weigh(left: Image, spread: float) -> Image:
    """Return Tukey's biweight of what is left: 1 at 0, 0 beyond 4.7 standard deviations."""
    part = left * np.float32(1 / (BIWEIGHT * spread))
    part *= part
    np.subtract(1, part, out=part)
    np.maximum(part, 0, out=part)
    part *= part
    return part


def block_shape(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return the rows and columns of blocks, two to a tile, for an image of a shape."""
    tile = 2 * side
    return 2 * -(-shape[0] // tile), 2 * -(-shape[1] // tile)


def fill_blocks(images: Image, blocks: Image) -> None:
    """Cut images into blocks, 0 beyond their edges.

    Parameters
    ----------
    images : (n, h, w) float32 array
    blocks : (blocks, m, pixels) float32 array
        Where they are written, each block's first n rows; see `block_shape`.
    """
    n, height, width = images.shape
    side = math.isqrt(blocks.shape[2])
    rows, columns = block_shape((height, width), side)
    extra = (rows * side - height, columns * side - width)
    if any(extra):
        images = np.pad(images, ((0, 0), (0, extra[0]), (0, extra[1])))
    cut = images.reshape(n, rows, side, columns, side).transpose(1, 3, 0, 2, 4)
    blocks[:, :n] = np.ascontiguousarray(cut).reshape(rows * columns, n, side * side)


def _sum_normal(
    rows: Any,  # noqa: ANN401 - numba's arrays
    target: Any,  # noqa: ANN401
    given: Any,  # noqa: ANN401
    left: Any,  # noqa: ANN401
    sharpness: Any,  # noqa: ANN401
    sums: Any,  # noqa: ANN401
) -> None:
    """Add up the normal equations of a weighted fit of `rows` (n, N) to a target (N,).

    Weights are those given times Tukey's biweight of what an earlier fit left, `sharpness` being
    one over 4.685 standard deviations. `sums` (n, n + 1) takes the products of the rows among
    themselves, and in its last column those with the target.
    """
    n_terms, length = rows.shape
    sums[:] = 0
    weight, weighed = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    for begin in range(0, length, _CHUNK):
        count = min(_CHUNK, length - begin)
        goal = target[begin : begin + count]
        for i in range(count):
            part = left[begin + i] * sharpness
            good = max(np.float32(1) - part * part, np.float32(0))
            weight[i] = given[begin + i] * good * good
        for k in range(n_terms):
            row = rows[k, begin : begin + count]
            total = np.float32(0)
            for i in range(count):
                weighed[i] = row[i] * weight[i]
                total += weighed[i] * goal[i]
            sums[k, n_terms] += total
            for j in range(k + 1):
                other = rows[j, begin : begin + count]
                total = np.float32(0)
                for i in range(count):
                    total += weighed[i] * other[i]
                sums[k, j] += total
    for k in range(n_terms):
        for j in range(k):
            sums[j, k] = sums[k, j]


def _sum_over_tiles(
    blocks: Any,  # noqa: ANN401 - numba's arrays
    sums: Any,  # noqa: ANN401
) -> None:
    """Add up four by four blocks about each tile; beyond the edges there is nothing.

    Blocks are (2 p, 2 q, ...) and sums (p, q, ...), the last two axes alike.
    """
    for p in range(sums.shape[0]):
        for q in range(sums.shape[1]):
            total = sums[p, q]
            total[:] = 0
            for row in range(max(2 * p - 1, 0), min(2 * p + 3, blocks.shape[0])):
                for column in range(max(2 * q - 1, 0), min(2 * q + 3, blocks.shape[1])):
                    block = blocks[row, column]
                    for k in range(block.shape[0]):
                        for j in range(block.shape[1]):
                            total[k, j] += block[k, j]


def _subtract_sum(
    image: Any,  # noqa: ANN401 - numba's arrays
    coefficients: Any,  # noqa: ANN401
    terms: Any,  # noqa: ANN401
    pitch: int,
) -> None:
    """Take the sum of terms (n, h, w) from an image (h, w), in place.

    Coefficients (p, q, n) hold at the tiles' centres, `pitch` pixels apart, and change linearly
    between them; beyond the outermost they stay. As `cv2.resize` would make fields of them.
    """
    height, width = image.shape
    n_rows, n_columns, n_terms = coefficients.shape
    # First along the rows, for the centres of the tiles alone.
    wide = np.empty((n_rows, n_terms, width), np.float32)
    for column in range(width):
        at = (column + 0.5) / pitch - 0.5
        first = math.floor(at)
        right = np.float32(at - first)
        before, after = max(first, 0), min(first + 1, n_columns - 1)
        for p in range(n_rows):
            for k in range(n_terms):
                start = coefficients[p, before, k]
                wide[p, k, column] = start + right * (coefficients[p, after, k] - start)
    for row in range(height):
        at = (row + 0.5) / pitch - 0.5
        first = math.floor(at)
        down = np.float32(at - first)
        above, below = wide[max(first, 0)], wide[min(first + 1, n_rows - 1)]
        line = image[row]
        for k in range(n_terms):
            upper, lower, term = above[k], below[k], terms[k, row]
            for column in range(width):
                start = upper[column]
                line[column] -= (start + down * (lower[column] - start)) * term[column]


sum_normal = Compiled(_sum_normal)
sum_over_tiles = Compiled(_sum_over_tiles)
subtract_sum = Compiled(_subtract_sum)
