"""How far a change stands out from noise, looked for as a spot, as a pool and as a line.

A vessel of a millimetre changes single pixels by less than the noise, but a row of them together by
more: averaging along the right direction brings it out (Chaudhuri 1989, doi 10.1109/42.34715). Each
filter's response is measured against its own noise, taken from the same image.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging._lines import measure_lines

LINE_PX = 15
"""Length of the line that is averaged along, in pixels of the line image: veins are straight over
about 10 mm."""

_DIRECTIONS = 8
_LINE_SIGMA_PX = 0.8
"""Smoothing across a line: a vein is about two pixels wide there."""

_LINE_IMAGE_PX = 256
"""Larger side of the image that lines are looked for in."""

_LEAST_CHANGE = 0.002
"""A change of a fifth of a percent counts as noise however quiet an image is: interpolation and
rounding leave as much."""

_LEAST_MEAN = 0.05
"""The same for means over a pool or a line, in standard deviations of a pixel."""

_POOL_SIGMA_PX = 3.0
_GRID = 96
_CLIP = 8.0
"""Single pixels beyond so many standard deviations are cut before averaging: one bright quantum
spot must not make a line."""


def measure_significance(
    change: NDArray[np.float32], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return how many standard deviations a positive change stands out, by the best filter.

    Parameters
    ----------
    change : (r, c) float32 array
        Change of attenuation, without its slow part.
    valid : (r, c) bool array
        Pixels that count; all others return 0.

    Returns
    -------
    (r, c) float32 array
        The largest of three: the pixel itself, the mean over a pool of 3 px standard deviation, the
        mean along a line of `LINE_PX` in the best of eight directions.
    """
    if not valid.any():
        return np.zeros_like(change)
    center, noise = _spread(change, valid)
    noise = max(noise, np.float32(_LEAST_CHANGE))
    cut = np.clip((change - center) / noise, -_CLIP, _CLIP)
    cut[~valid] = 0
    best = np.where(valid, (change - center) / noise, np.float32(0))
    pool = np.asarray(cv2.GaussianBlur(cut, (0, 0), _POOL_SIGMA_PX), np.float32)
    best = np.maximum(best, _normalise(pool, valid))
    best = np.maximum(best, _measure_lines(cut, valid))
    best[~valid] = 0
    return np.asarray(best, np.float32)


def measure_noise(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Return the standard deviation of what did not change in a difference image.

    From the median deviation, so that less than half of the pixels may have changed; on a grid of
    about 100 points a side, which says it to a percent.

    Parameters
    ----------
    image : (r, c) float32 array
        A difference: 0 where nothing changed, but for noise.
    valid : (r, c) bool array
        Pixels that count.

    Returns
    -------
    float
        In the unit of the image; 0 where no pixel counts.
    """
    step = max(1, max(image.shape) // _GRID)
    inside = image[::step, ::step][valid[::step, ::step]]
    return 1.4826 * float(np.median(np.abs(inside))) if inside.size else 0.0


def _measure_lines(cut: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    rows, columns = cut.shape
    factor = min(1.0, _LINE_IMAGE_PX / max(rows, columns))
    small, inside = cut, valid
    if factor < 1:
        size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
        small = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.float32)
        inside = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), _LINE_SIGMA_PX), np.float32)
    largest, horizontal = measure_lines(soft, LINE_PX, _DIRECTIONS)
    # Noise is the same in every direction, so one measurement of it serves them all.
    center, noise = _spread(horizontal, inside)
    noise = max(noise, np.float32(_LEAST_MEAN))
    best = np.asarray((largest - center) / noise, np.float32)
    if factor < 1:
        best = np.asarray(cv2.resize(best, (columns, rows)), np.float32)
    return best


def _normalise(response: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    center, noise = _spread(response, valid)
    noise = max(noise, np.float32(_LEAST_MEAN))
    return np.asarray((response - center) / noise, np.float32)


def _spread(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[np.float32, np.float32]:
    """Return the median, and the standard deviation from the quartiles."""
    step = max(1, max(image.shape) // _GRID)
    inside = image[::step, ::step][valid[::step, ::step]]
    if inside.size == 0:
        inside = image[valid]
    if inside.size == 0:
        return np.float32(0), np.float32(1)
    low, center, high = np.percentile(inside, (25, 50, 75))
    return np.float32(center), np.float32((high - low) / 1.349 + 1e-6)
