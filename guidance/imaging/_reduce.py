"""A frame at a smaller size, and how much of each new pixel is saturated, in one pass."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging._compiled import Compiled
from guidance.imaging._intensity import find_saturated
from guidance.records import FrameArray, IntensityScale

Image = NDArray[np.float32]


def reduce_frame(frame: FrameArray, intensity: IntensityScale, scale: float) -> tuple[Image, Image]:
    """Return a frame reduced by averaging, and the saturated share of each pixel.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT.
    intensity : IntensityScale
        Gives the two ends of the values.
    scale : float
        New pixels per old one, at most 1.

    Returns
    -------
    mean : (r, c) float32 array
        Values that are no numbers make the pixel one.
    saturated : (r, c) float32 array
        0 to 1.
    """
    factor = round(1 / scale)
    fits = abs(factor * scale - 1) < 1e-9 and not any(side % factor for side in frame.shape)
    is_short = frame.dtype.kind in "ui" and frame.dtype.itemsize <= 2
    if fits and is_short and frame.flags.c_contiguous:
        shape = frame.shape[0] // factor, frame.shape[1] // factor
        mean, saturated = np.empty(shape, np.float32), np.empty(shape, np.float32)
        average_blocks(frame, factor, float(intensity.low), float(intensity.high), mean, saturated)
        return mean, saturated
    marked = find_saturated(frame, intensity).astype(np.float32)
    return resize_by(frame.astype(np.float32), scale), resize_by(marked, scale)


def resize_by(image: Image, scale: float) -> Image:
    """Return an image reduced by averaging; never less than a pixel wide.

    Parameters
    ----------
    image : (R, C) float32 array
    scale : float
        New pixels per old one, at most 1.

    Returns
    -------
    (r, c) float32 array
    """
    if scale == 1.0:
        return image
    rows, columns = (max(1, round(side * scale)) for side in image.shape)
    reduced = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float32).reshape(rows, columns)


def _average_blocks(
    frame: Any,  # noqa: ANN401 - numba's arrays
    factor: int,
    low: float,
    high: float,
    mean: Any,  # noqa: ANN401
    saturated: Any,  # noqa: ANN401
) -> None:
    """Average blocks of at most 16 bits a pixel: whole rows are added up before their columns.

    Rows lie in memory as they are added, so that many pixels are taken at a time; sums of blocks of
    up to 16 by 16 are whole numbers that float32 holds.
    """
    rows, columns = mean.shape
    width = columns * factor
    share = np.float32(1.0 / (factor * factor))
    # Beyond 16 bits there is no value; whole numbers are compared faster.
    least = np.int32(math.floor(min(max(low, -1e6), 1e6)))
    most = np.int32(math.ceil(min(max(high, -1e6), 1e6)))
    sums, marks = np.empty(width, np.int32), np.empty(width, np.int32)
    half_sums, half_marks = np.empty(width // 2, np.int32), np.empty(width // 2, np.int32)
    for row in range(rows):
        sums[:] = 0
        marks[:] = 0
        for inner in range(factor):
            line = frame[row * factor + inner]
            for column in range(width):
                value = np.int32(line[column])
                sums[column] += value
                marks[column] += np.int32(value <= least) | np.int32(value >= most)
        left, length = factor, width
        while left % 2 == 0:
            left, length = left // 2, length // 2
            for pair in range(length):
                half_sums[pair] = sums[2 * pair] + sums[2 * pair + 1]
                half_marks[pair] = marks[2 * pair] + marks[2 * pair + 1]
            for pair in range(length):
                sums[pair] = half_sums[pair]
                marks[pair] = half_marks[pair]
        for step in range(1, left):
            for column in range(columns):
                sums[column * left] += sums[column * left + step]
                marks[column * left] += marks[column * left + step]
        for column in range(columns):
            mean[row, column] = np.float32(sums[column * left]) * share
            saturated[row, column] = np.float32(marks[column * left]) * share


average_blocks = Compiled(_average_blocks)
