"""Which pixels show the patient: inside shutters, collimator and circle, and not burnt-in letters.

Found from the header and from one frame, so that it can be known before the run is judged. What is
left out is never judged; leaving out a little too much costs less than judging a blade.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.records import (
    CircularShutter,
    FrameArray,
    IntensityScale,
    PolygonalShutter,
    RectangularShutter,
    Shutter,
)

BLADE_ATTENUATION = 2.0
"""A blade lets through less than exp(-2) = 14 % of what the middle of the image gets (guess: lead
blades let through far less; scatter and glare fill in)."""

_WORKING_PX = 512
"""Larger side of the image on which edges are looked for; a mask needs no finer detail."""

_PENUMBRA_SHARE = 0.012
"""Width of the strip along an edge that is left out too, as a share of the image's larger side:
blades and circles have a penumbra and move a little."""

_MIN_OUTSIDE_SHARE = 0.002
"""An outside smaller than this share of the image is not one."""


def locate_valid_pixels(
    frame: FrameArray, intensity: IntensityScale, shutters: Sequence[Shutter] = ()
) -> NDArray[np.bool_]:
    """Return which pixels of a run show the patient.

    Parameters
    ----------
    frame : (R, C) array
        One frame; pixel values after the Modality LUT.
    intensity : IntensityScale
        What the values mean.
    shutters : sequence of Shutter
        From the header.

    Returns
    -------
    (R, C) bool array
        True where the patient shows. All False where nothing does (an empty frame).
    """
    outside = find_outside(frame, intensity)
    return (
        inside_shutters((frame.shape[0], frame.shape[1]), shutters)
        & _without_penumbra(~outside)
        & ~find_letters(frame, intensity)
    )


def inside_shutters(shape: tuple[int, int], shutters: Sequence[Shutter]) -> NDArray[np.bool_]:
    """Return which pixels the shutters of a header leave open, without their penumbra.

    Parameters
    ----------
    shape : (rows, columns)
        Of a frame.
    shutters : sequence of Shutter
        All of them hold.

    Returns
    -------
    (R, C) bool array
    """
    rows, columns = np.indices(shape, sparse=True)
    inside = np.ones(shape, np.bool_)
    for shutter in shutters:
        match shutter:
            case RectangularShutter():
                inside &= (rows >= shutter.top) & (rows <= shutter.bottom)
                inside &= (columns >= shutter.left) & (columns <= shutter.right)
            case CircularShutter():
                distance_squared = (rows - shutter.row) ** 2 + (columns - shutter.column) ** 2
                inside &= distance_squared <= shutter.radius**2
            case PolygonalShutter():
                corners = np.round([(c, r) for r, c in shutter.vertices]).astype(np.int32)
                filled = cv2.fillPoly(np.zeros(shape, np.uint8), [corners], 1)
                inside &= filled > 0
    return _without_penumbra(inside)


def _without_penumbra(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a field without the strip along its edge; the image's own border is no edge."""
    if inside.all():
        return inside
    margin = max(1, round(_PENUMBRA_SHARE * max(inside.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.erode(inside.astype(np.uint8), kernel) > 0, np.bool_)


def find_letters(frame: FrameArray, intensity: IntensityScale) -> NDArray[np.bool_]:
    """Return where letters or digits are burnt into a frame.

    Letters are thin strokes of one extreme value (the greatest of the frame), in blobs of a
    letter's size. A needle or a vessel is dark, a lung field is not thin.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT.
    intensity : IntensityScale
        Gives the range of the values, and which end displays bright.

    Returns
    -------
    (R, C) bool array
        True on the letters and the pixels that touch them.
    """
    rows, columns = frame.shape
    size = max(rows, columns)
    span = intensity.high - intensity.low
    bright = (frame.astype(np.float32) - np.float32(intensity.low)) / np.float32(span)
    if intensity.sign < 0:
        bright = 1 - bright
    top = float(bright.max())
    letters = np.zeros(frame.shape, np.bool_)
    stroke = 2 * max(2, size // 100) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (stroke, stroke))
    thin = cv2.morphologyEx(bright, cv2.MORPH_TOPHAT, kernel)
    strokes = (bright >= top - 0.02) & (thin > 0.3)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    low, high = max(5, size // 100), size // 10
    for label in range(1, len(stats)):
        _, _, width, height, area = (int(v) for v in stats[label])
        if low <= height <= high and 2 <= width <= high and area >= 2 * low:
            letters |= labels == label
    return cv2.dilate(letters.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def find_outside(frame: FrameArray, intensity: IntensityScale) -> NDArray[np.bool_]:
    """Return blades and what lies beyond the circle: dark or flat, and touching the border.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT.
    intensity : IntensityScale
        What the values mean.

    Returns
    -------
    (R, C) bool array
        Without the penumbra.
    """
    rows, columns = frame.shape
    span = np.float32(intensity.high - intensity.low)
    signal = (frame.astype(np.float32) - np.float32(intensity.low)) / span
    if intensity.sign < 0:
        signal = 1 - signal
    signal = np.clip(np.nan_to_num(signal, nan=0.0), 0, 1)
    factor = min(1.0, _WORKING_PX / max(rows, columns))
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    small = np.asarray(cv2.resize(signal, size, interpolation=cv2.INTER_AREA), np.float32)
    small = small.reshape(size[1], size[0])
    flat = _is_flat(small)
    lit = small[~flat] if not flat.all() else small.ravel()
    level = float(np.median(lit))
    dark = cv2.blur(small, (5, 5)) < level * np.exp(-BLADE_ATTENUATION)
    outside = cv2.morphologyEx((flat | dark).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    outside = cv2.copyMakeBorder(outside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    kept = np.zeros(outside.shape, np.bool_)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    height, width = outside.shape
    for label in range(1, len(stats)):
        left, top, w, h, area = (int(v) for v in stats[label])
        touches = left == 0 or top == 0 or left + w == width or top + h == height
        if touches and area > _MIN_OUTSIDE_SHARE * outside.size:
            kept |= labels == label
    inner = np.ascontiguousarray(kept[1:-1, 1:-1].astype(np.uint8))
    grown = cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown > 0, np.bool_)


def _is_flat(signal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a frame does not vary at all: no quantum reached it, or it was overwritten."""
    kernel = np.ones((7, 7), np.uint8)
    spread = cv2.dilate(signal, kernel) - cv2.erode(signal, kernel)
    flat = (spread < 1e-4).astype(np.uint8)
    return cv2.dilate(flat, kernel) > 0
