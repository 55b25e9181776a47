"""Frames at the working resolution: reduced, in attenuation, with the detector's noise smoothed."""

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import measure_attenuation
from guidance.records import FrameArray, IntensityScale


def reduce_image(image: NDArray[np.float32], working_scale: float) -> NDArray[np.float32]:
    """Return an image at the working resolution, by averaging; never less than a pixel wide.

    Parameters
    ----------
    image : (R, C) float32 array
    working_scale : float
        Working pixels per stored pixel, at most 1.

    Returns
    -------
    (r, c) float32 array
    """
    if working_scale == 1.0:
        return image
    rows, columns = (max(1, round(side * working_scale)) for side in image.shape)
    reduced = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float32).reshape(rows, columns)


def measure_working(
    frame: FrameArray, intensity: IntensityScale, working_scale: float, blur_px: float
) -> NDArray[np.float32]:
    """Return the attenuation of a frame at the working resolution, smoothed.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT.
    intensity : IntensityScale
        What they mean.
    working_scale : float
        Working pixels per stored pixel.
    blur_px : float
        Standard deviation of the smoothing. Working pixels.

    Returns
    -------
    (r, c) float32 array
    """
    reduced = reduce_image(frame.astype(np.float32), working_scale)
    blurred = cv2.GaussianBlur(measure_attenuation(reduced, intensity), (0, 0), blur_px)
    return np.asarray(blurred, np.float32)
