"""How far one frame has shifted against another: robust, to a fraction of a pixel.

Gauss-Newton on the translation, coarse to fine, with weights that let go of what does not fit: an
injection of contrast, a tool or a beating heart must not pull the rest of the image along (Baker
and Matthews 2004, doi 10.1023/B:VISI.0000011205.11775.fd, with Tukey's biweight).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError

MAX_SHIFT_SHARE = 0.2
"""A shift beyond this share of the image's smaller side is not believed: too little overlaps."""

_LEVELS_PX = (64, 128, 256)
"""Larger side of the image at each level; a finer one gains nothing (0.03 px at 256)."""

_ITERATIONS = 6
_BIWEIGHT = 4.685
"""Tukey's constant, in standard deviations: 95 % efficient for normal noise."""


def estimate_translation(
    reference: NDArray[np.float32],
    frame: NDArray[np.float32],
    valid: NDArray[np.bool_],
    start: tuple[float, float] = (0.0, 0.0),
) -> tuple[float, float]:
    """Return how far the content of `frame` lies from where it is in `reference`.

    Parameters
    ----------
    reference, frame : (R, C) float32 array
        Attenuation. A constant between them, or a slow change over the image, does not matter.
    valid : (R, C) bool array
        Pixels that show the patient in both.
    start : (rows, columns), optional
        Where to begin: the shift of the frame before, where that is known.

    Returns
    -------
    (rows, columns) : tuple of float
        Shift in pixels: `frame[r + rows, c + columns]` shows what `reference[r, c]` does. (0, 0)
        where the image has nothing to hold on to, or the answer would be beyond `MAX_SHIFT_SHARE`.

    Raises
    ------
    InputError
        The three shapes differ.
    """
    if not reference.shape == frame.shape == valid.shape:
        raise InputError(
            f"shapes {reference.shape}, {frame.shape}, {valid.shape} differ; align equal frames"
        )
    longest = max(reference.shape)
    rows, columns = start
    for size in _LEVELS_PX:
        factor = min(1.0, size / longest)
        ref_level, frame_level, valid_level = (
            _shrink(a, factor) for a in (reference, frame, valid.astype(np.float32))
        )
        inside = (valid_level > 0.99).astype(np.float32)
        # The rim of the field stands still while the patient moves: it must not hold the image.
        inner = cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0) > 0
        row, column = _refine(
            _without_slow_part(ref_level, inside),
            _without_slow_part(frame_level, inside),
            inner,
            (rows * factor, columns * factor),
        )
        rows, columns = row / factor, column / factor
        if factor == 1.0:
            break
    if max(abs(rows), abs(columns)) > MAX_SHIFT_SHARE * min(reference.shape):
        return 0.0, 0.0
    return rows, columns


def translate(image: NDArray[np.float32], shift: tuple[float, float]) -> NDArray[np.float32]:
    """Return the image moved: content at [r, c] comes to [r + rows, c + columns].

    Parameters
    ----------
    image : (R, C) float32 array
    shift : (rows, columns)
        Pixels. What comes in over an edge repeats that edge.

    Returns
    -------
    (R, C) float32 array
    """
    rows, columns = shift
    if rows == 0.0 and columns == 0.0:
        return image
    matrix = np.array([[1.0, 0.0, columns], [0.0, 1.0, rows]])
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _shrink(image: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    if factor == 1.0:
        return image
    rows, columns = (max(1, round(side * factor)) for side in image.shape)
    shrunk = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(rows, columns)


def _without_slow_part(
    image: NDArray[np.float32], inside: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what changes fast, from the pixels inside alone; 0 outside."""
    center = float(np.median(image[inside > 0])) if inside.any() else 0.0
    weighed = (image - np.float32(center)) * inside
    fast = cv2.GaussianBlur(weighed, (0, 0), 0.8) / np.maximum(
        cv2.GaussianBlur(inside, (0, 0), 0.8), 1e-3
    )
    slow = cv2.blur(weighed, (25, 25)) / np.maximum(cv2.blur(inside, (25, 25)), 1e-3)
    return np.asarray((fast - slow) * inside, np.float32)


def _refine(
    reference: NDArray[np.float32],
    frame: NDArray[np.float32],
    valid: NDArray[np.bool_],
    start: tuple[float, float],
) -> tuple[float, float]:
    """Return the shift at one level, from a start; the start itself where nothing holds it."""
    gradient_row = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8)
    gradient_column = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8)
    gradients = np.stack([gradient_row[valid], gradient_column[valid]])
    if gradients.shape[1] < 50:
        return start
    target = reference[valid]
    shift = np.array(start)
    for _ in range(_ITERATIONS):
        moved_back = translate(frame, (-float(shift[0]), -float(shift[1])))
        residual = moved_back[valid] - target
        scale = 1.4826 * float(np.median(np.abs(residual))) + 1e-6
        weight = np.clip(1 - (residual / (_BIWEIGHT * scale)) ** 2, 0, None) ** 2
        weighted = gradients * weight
        normal = weighted @ gradients.T
        if np.linalg.cond(normal) > 1e4 or not np.isfinite(normal).all():
            return start
        step = np.linalg.solve(normal, weighted @ residual)
        shift = shift - step
        if float(np.abs(step).max()) < 0.005:
            break
    return float(shift[0]), float(shift[1])
