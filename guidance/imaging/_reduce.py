"""A frame at a smaller size, and how much of each new pixel is saturated, in one pass."""

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
    if fits and frame.dtype.kind in "ui" and frame.flags.c_contiguous:
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
    rows, columns = mean.shape
    share = np.float32(1.0 / (factor * factor))
    for row in range(rows):
        for column in range(columns):
            mean[row, column] = 0.0
            saturated[row, column] = 0.0
        for inner in range(factor):
            line = frame[row * factor + inner]
            for column in range(columns):
                total = np.int64(0)
                outside = np.int64(0)
                for step in range(factor):
                    value = np.int64(line[column * factor + step])
                    total += value
                    outside += (value <= low) | (value >= high)
                mean[row, column] += np.float32(total)
                saturated[row, column] += np.float32(outside)
        for column in range(columns):
            mean[row, column] *= share
            saturated[row, column] *= share


average_blocks = Compiled(_average_blocks)
