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
    rows, columns = bounding_slices(mask, 2 * radius + 2)
    inside = mask[rows, columns]
    # Beyond the edge of the field contrast may well go on.
    padded = (inside | ~valid[rows, columns]).astype(np.uint8)
    core = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc) > 0
    # One step of dilation takes back the rim that the opening shaves off a ragged pool.
    core = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    thin = (inside & ~core).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    total = 0.0
    for label, (left, top, width, height, area) in enumerate(stats.tolist()):
        if label == 0 or area < _MIN_ELONGATION:
            continue
        box = labels[top : top + height, left : left + width]
        length = _measure_length(box == label)
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
    box = bounding_slices(mask)
    rows, columns = np.nonzero(mask[box])
    row, column = origin[0] - box[0].start, origin[1] - box[1].start
    return float(np.hypot(rows - row, columns - column).max())


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


def bounding_slices(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, slice]:
    """Return the rows and columns that a mask lies in, and so many more; contrast is mostly small.

    Parameters
    ----------
    mask : (r, c) bool array
        Not empty.
    margin : int
        Pixels; none beyond the image.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (
        slice(max(0, top - margin), top + height + margin),
        slice(max(0, left - margin), left + width + margin),
    )
