"""Make one frame's tone comparable with another's: exposure, contrast and slow shading.

Between two frames the C-arm changes tube current and voltage, and consoles change their curve. A
smooth curve from the reference's values to the frame's values, fitted so that what truly changed
has no say, takes this out; what then changes slowly over the image (scatter, heel, glare) is taken
out as a smooth field.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_SAMPLES = 6000
"""Pixels that the curve is fitted to; more do not change it."""

_HUBER = 1.5
"""Residuals beyond this many standard deviations count as outliers."""

_COARSE = 4
"""The slow field is computed on an image smaller by this factor: it holds no detail."""


def match_tone(
    reference: NDArray[np.float32], frame: NDArray[np.float32], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the reference with the tone of the frame.

    A parabola from reference values to frame values, by iteratively re-weighted least squares.

    Parameters
    ----------
    reference, frame : (R, C) float32 array
        Attenuation, aligned.
    valid : (R, C) bool array
        Pixels to compare.

    Returns
    -------
    (R, C) float32 array
        The reference as it would look under the frame's exposure. With fewer than 100 valid pixels
        it comes back shifted by the median difference alone.
    """
    at = np.flatnonzero(valid)
    at = at[:: max(1, at.size // _SAMPLES)]
    x = reference.ravel()[at].astype(np.float64)
    y = frame.ravel()[at].astype(np.float64)
    if at.size < 100:
        offset = float(np.median(y - x)) if at.size else 0.0
        return np.asarray(reference + np.float32(offset), np.float32)
    center, spread = float(x.mean()), float(x.std()) + 1e-6
    # A curve is only asked for where there are values enough to carry one.
    powers = 2 if spread > 0.05 else 0
    design = np.vander((x - center) / spread, powers + 1)
    weight = np.ones_like(x)
    coefficients: NDArray[np.float64] = np.zeros(powers + 1)
    for _ in range(5):
        root = np.sqrt(weight)
        solution = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        coefficients = np.asarray(solution, np.float64)
        residual = y - design @ coefficients
        scale = 1.4826 * float(np.median(np.abs(residual))) + 1e-6
        weight = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residual), 1e-9))
    if powers == 0:
        return np.asarray(reference + np.float32(coefficients[0] - center), np.float32)
    scaled = (reference - np.float32(center)) / np.float32(spread)
    a, b, c = (np.float32(value) for value in coefficients)
    return np.asarray((a * scaled + b) * scaled + c, np.float32)


def remove_slow_change(
    difference: NDArray[np.float32],
    weight: NDArray[np.float32],
    radius_px: float,
    limit: float,
) -> NDArray[np.float32]:
    """Return a difference image without its part that changes slowly over the image.

    Parameters
    ----------
    difference : (R, C) float32 array
        Change of attenuation.
    weight : (R, C) float32 array
        How much each pixel has to say: 0 outside the patient and where contrast is known to be.
    radius_px : float
        Standard deviation of the Gaussian that makes out what is slow. Pixels.
    limit : float
        Changes beyond this are cut to it at first, and then left out where they stand out.

    Returns
    -------
    (R, C) float32 array
    """
    slow = _smooth_field(np.clip(difference, -limit, limit), weight, radius_px)
    # Contrast that is not known yet would pull the field towards itself and leave a halo; what
    # stands out from the first field has no say in the second.
    quiet = weight * (np.abs(difference - slow) < limit)
    return difference - _smooth_field(difference, quiet, radius_px)


def _smooth_field(
    difference: NDArray[np.float32], weight: NDArray[np.float32], radius_px: float
) -> NDArray[np.float32]:
    rows, columns = difference.shape
    small = (max(1, columns // _COARSE), max(1, rows // _COARSE))
    total, weights = (
        cv2.GaussianBlur(
            cv2.resize(a, small, interpolation=cv2.INTER_AREA),
            (0, 0),
            radius_px / _COARSE,
            borderType=cv2.BORDER_CONSTANT,
        )
        for a in (difference * weight, weight)
    )
    field = cv2.resize(total / np.maximum(weights, 1e-3), (columns, rows))
    return np.asarray(field, np.float32).reshape(rows, columns)
