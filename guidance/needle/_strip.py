"""Straight strips out of an image, and what a thin line in their middle adds."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray

CORE_MM = 0.3
"""Half of the middle that counts as the line: the steel of 22 to 25 gauge is 0.5 to 0.7 mm wide."""

NEAR_MM = 0.85
FAR_MM = 1.7
"""The sides begin beyond the blurred line and end where other things begin."""


def sample_strips(
    image: NDArray[np.float32],
    origins: FloatArray,
    angles_rad: FloatArray,
    along: FloatArray,
    across: FloatArray,
) -> NDArray[np.float32]:
    """Return strips of an image, turned so that they lie along the last axis.

    Parameters
    ----------
    image : (R, C) float32 array
        NaN where nothing is known; so is what lies beyond the image.
    origins : (K, 2) float64 array
        (row, column) where along and across are 0.
    angles_rad : (K,) float64 array
        Direction of each: (row, column) = (sin, cos). Across is a quarter turn from it:
        (cos, -sin).
    along : (S,) float64 array
    across : (X,) float64 array
        Pixels.

    Returns
    -------
    (K, X, S) float32 array
    """
    sin, cos = np.sin(angles_rad)[:, None, None], np.cos(angles_rad)[:, None, None]
    rows = origins[:, 0, None, None] + sin * along + cos * across[:, None]
    columns = origins[:, 1, None, None] + cos * along - sin * across[:, None]
    shape = rows.shape
    flat = (shape[0] * shape[1], shape[2])
    strips = cv2.remap(
        image,
        columns.reshape(flat).astype(np.float32),
        rows.reshape(flat).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=math.nan,
    )
    return np.asarray(strips, np.float32).reshape(shape)


def mean_known(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the mean of what is known along an axis; NaN where less than half is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, np.float32(0)).sum(axis=axis)
    enough = 2 * count >= values.shape[axis]
    return np.where(enough, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)


def measure_sides(
    strips: NDArray[np.float32], across_mm: FloatArray
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the means of the middle and of both sides of strips (..., X, S): each (..., S)."""
    middle = strips[..., np.abs(across_mm) <= CORE_MM, :]
    left = strips[..., (across_mm <= -NEAR_MM) & (across_mm >= -FAR_MM), :]
    right = strips[..., (across_mm >= NEAR_MM) & (across_mm <= FAR_MM), :]
    return mean_known(middle, -2), mean_known(left, -2), mean_known(right, -2)


def across_positions(mm: float, reach_mm: float) -> FloatArray:
    """Return positions across a line, half a pixel apart and 0 among them. Pixels."""
    count = math.ceil(2 * reach_mm / mm)
    return np.arange(-count, count + 1) / 2.0


def ridge_profile(profiles: NDArray[np.float32], mm: float) -> NDArray[np.float32]:
    """Return how far each place of cross-profiles stands above the higher of its two sides.

    Parameters
    ----------
    profiles : (..., X) float32 array
        Attenuation across a line, half a pixel apart.
    mm : float
        Size of a pixel.

    Returns
    -------
    (..., X) float32 array
        -inf near the ends of the profile and where something is not known.
    """
    core = max(1, round(2 * CORE_MM / mm)) | 1
    side = round((NEAR_MM + FAR_MM) / 2 / mm * 2)
    flat = profiles.reshape(-1, profiles.shape[-1])
    smooth = cv2.blur(flat, (core, 1))
    wide = cv2.blur(flat, (max(1, round((FAR_MM - NEAR_MM) / mm * 2)) | 1, 1))
    ridge = np.full_like(flat, -np.inf)
    sides = np.maximum(wide[:, : -2 * side], wide[:, 2 * side :])
    ridge[:, side:-side] = np.nan_to_num(smooth[:, side:-side] - sides, nan=-np.inf)
    return ridge.reshape(profiles.shape)
