"""The shape of a contrast mask: how far it reaches, how much of it is thin, its outline."""

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray

_MIN_ELONGATION = 3.0
"""A thin piece counts when it is this many times longer than wide; less is the edge of a pool."""


def measure_thin_length(
    mask: NDArray[np.bool_], width_px: float, valid: NDArray[np.bool_]
) -> float:
    """Return the summed length of the pieces of a mask that are thin and long, as vessels are.

    What an opening with a disc of the given width removes is thin; of that, pieces are counted that
    are at least three times longer than wide.

    Parameters
    ----------
    mask : (r, c) bool array
        Contrast.
    width_px : float
        Widest that counts as thin. Pixels of the mask.
    valid : (r, c) bool array
        Where the patient shows: a piece cut off by the edge of the field is not thin for that.

    Returns
    -------
    float
        Pixels of the mask; 0 where nothing is thin.
    """
    if not mask.any():
        return 0.0
    radius = max(1, round(width_px / 2))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    rows, columns = _bounding_slices(mask, 2 * radius + 2)
    inside = mask[rows, columns]
    # Beyond the edge of the field contrast may well go on.
    padded = (inside | ~valid[rows, columns]).astype(np.uint8)
    core = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc) > 0
    # One step of dilation takes back the rim that the opening shaves off a ragged pool.
    core = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    thin = (inside & ~core).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    total = 0.0
    for label in range(1, len(stats)):
        area = int(stats[label, cv2.CC_STAT_AREA])
        if area < _MIN_ELONGATION:
            continue
        length = _measure_length(labels == label)
        if length >= _MIN_ELONGATION * max(1.0, area / length):
            total += length
    return total


def measure_reach(mask: NDArray[np.bool_], origin: tuple[float, float]) -> float:
    """Return the greatest distance of a mask from a point. Pixels of the mask; 0 where empty.

    Parameters
    ----------
    mask : (r, c) bool array
    origin : (row, column)
    """
    if not mask.any():
        return 0.0
    rows, columns = np.nonzero(mask)
    return float(np.hypot(rows - origin[0], columns - origin[1]).max())


def trace_outlines(mask: NDArray[np.bool_], working_scale: float) -> tuple[FloatArray, ...]:
    """Return the outer outlines of a mask in stored pixels.

    Parameters
    ----------
    mask : (r, c) bool array
        At working resolution.
    working_scale : float
        Working pixels per stored pixel.

    Returns
    -------
    tuple of (N, 2) float64 array
        Closed polygons of (row, column), the largest first.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [
        # Pixel centres of the small image, expressed in pixel centres of the stored one.
        (contour[:, 0, ::-1].astype(np.float64) + 0.5) / working_scale - 0.5
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)
    ]
    return tuple(outlines)


def _measure_length(piece: NDArray[np.bool_]) -> float:
    """Return the length of a thin piece: half of its outline, less its width."""
    contours, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    perimeter = max(cv2.arcLength(contour, closed=True) for contour in contours)
    half = max(1.0, perimeter / 2)
    return max(1.0, half - float(piece.sum()) / half)


def _bounding_slices(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
