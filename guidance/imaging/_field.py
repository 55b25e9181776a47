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
    bright = _measure_brightness(frame, intensity)
    strokes = bright >= float(bright.max()) - 0.02
    stroke = 2 * max(2, size // 100) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (stroke, stroke))
    # Which pixels are opened away does not depend on the scale of their values, the cost does.
    values = frame if frame.dtype in (np.uint8, np.uint16, np.int16) else frame.astype(np.float32)
    opened = cv2.morphologyEx(
        values, cv2.MORPH_OPEN if intensity.sign > 0 else cv2.MORPH_CLOSE, kernel
    )
    bright -= _measure_brightness(opened, intensity)
    strokes &= bright > np.float32(0.3)
    if not strokes.any():
        return strokes
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    low, high = max(5, size // 100), size // 10
    width, height, area = (
        stats[:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    is_letter = (low <= height) & (height <= high) & (width >= 2) & (width <= high)
    is_letter &= area >= 2 * low
    is_letter[0] = False
    letters = is_letter[labels].astype(np.uint8)
    return cv2.dilate(letters, np.ones((5, 5), np.uint8)) > 0


def _measure_brightness(frame: FrameArray, intensity: IntensityScale) -> NDArray[np.float32]:
    """Return how bright pixels display, 0 to 1 over the range of the values."""
    bright = frame.astype(np.float32)
    bright -= np.float32(intensity.low)
    bright /= np.float32(intensity.high - intensity.low)
    return bright if intensity.sign > 0 else np.subtract(1, bright, out=bright)


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
    signal = _measure_brightness(frame, intensity)
    if frame.dtype.kind == "f":
        signal = np.nan_to_num(signal, copy=False, nan=0.0)
    np.clip(signal, 0, 1, out=signal)
    factor = min(1.0, _WORKING_PX / max(rows, columns))
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    small = np.asarray(cv2.resize(signal, size, interpolation=cv2.INTER_AREA), np.float32)
    small = small.reshape(size[1], size[0])
    flat = _is_flat(small)
    lit = small[~flat] if not flat.all() else small.ravel()
    level = float(np.median(lit))
    dark = cv2.blur(small, (5, 5)) < level * np.exp(-BLADE_ATTENUATION)
    outside = cv2.morphologyEx((flat | dark).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    if not outside.any():
        return np.zeros(frame.shape, np.bool_)
    outside = cv2.copyMakeBorder(outside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    height, width = outside.shape
    left, top, w, h, area = stats.T
    is_kept = (left == 0) | (top == 0) | (left + w == width) | (top + h == height)
    is_kept &= area > _MIN_OUTSIDE_SHARE * outside.size
    is_kept[0] = False
    inner = np.ascontiguousarray(is_kept[labels][1:-1, 1:-1].astype(np.uint8))
    grown = cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown > 0, np.bool_)


def _is_flat(signal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a frame does not vary at all: no quantum reached it, or it was overwritten."""
    kernel = np.ones((7, 7), np.uint8)
    spread = cv2.dilate(signal, kernel) - cv2.erode(signal, kernel)
    flat = (spread < 1e-4).astype(np.uint8)
    return cv2.dilate(flat, kernel) > 0
