"""The mean along short straight lines through every pixel, and the best of their directions.

Compiled on first use. `tests/imaging/test_lines.py` holds it to a plain reference.
"""

import logging
import math
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

logger = logging.getLogger(__name__)


def line_offsets(length_px: int, directions: int) -> NDArray[np.int64]:
    """Return the pixels of lines through the origin.

    Parameters
    ----------
    length_px : int
        Pixels along each line; odd.
    directions : int
        Lines, evenly spread over half a turn.

    Returns
    -------
    (directions, length_px, 2) int64 array
        (row, column) of each pixel, from the origin.
    """
    steps = np.arange(length_px) - length_px // 2
    angles = np.arange(directions) * math.pi / directions
    along = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    # A step along the larger coordinate, so that a line is connected and no pixel counts twice.
    along /= np.abs(along).max(axis=1, keepdims=True)
    return np.asarray(np.rint(steps[None, :, None] * along[:, None, :]), np.int64)


def measure_lines(
    image: NDArray[np.float32], length_px: int, directions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean along the best line through each pixel, and along the horizontal one.

    Parameters
    ----------
    image : (R, C) float32 array
    length_px : int
        Pixels along each line; odd.
    directions : int
        Lines that are tried.

    Returns
    -------
    best, horizontal : (R, C) float32 array
        Pixels beyond the edge count as 0.
    """
    half = length_px // 2
    padded = np.pad(np.asarray(image, np.float32), half)
    best = np.empty(image.shape, np.float32)
    horizontal = np.empty(image.shape, np.float32)
    offsets = line_offsets(length_px, directions)
    for compiled in (_compile(is_kept=True), _compile(is_kept=False)):
        try:
            compiled(padded, offsets, best, horizontal)
            break
        except OSError as error:  # the compiled form cannot be kept: the disk is full
            logger.debug("compiled code is not kept: %s", error.strerror)
    return best, horizontal


@cache
def _compile(*, is_kept: bool) -> Callable[..., None]:
    """Return the kernel in machine code; kept on disk between runs where that can be.

    Neither the installed package nor the user's home need be writable.
    """
    try:
        return cast("Callable[..., None]", njit(cache=is_kept, nogil=True)(_sum_lines))
    except RuntimeError:  # numba finds no folder to keep it in
        return cast("Callable[..., None]", njit(cache=False, nogil=True)(_sum_lines))


def _sum_lines(padded: Any, offsets: Any, best: Any, horizontal: Any) -> None:  # noqa: ANN401
    rows, columns = best.shape
    directions, length = offsets.shape[0], offsets.shape[1]
    half = length // 2
    total = np.empty(columns, np.float32)
    for row in range(rows):
        for direction in range(directions):
            total[:] = 0.0
            for step in range(length):
                source = padded[row + half + offsets[direction, step, 0]]
                first = half + offsets[direction, step, 1]
                for column in range(columns):
                    total[column] += source[first + column]
            for column in range(columns):
                mean = total[column] / np.float32(length)
                if direction == 0:
                    horizontal[row, column] = mean
                    best[row, column] = mean
                elif mean > best[row, column]:
                    best[row, column] = mean
