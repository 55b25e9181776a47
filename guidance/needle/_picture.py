"""The picture that needles are looked for in: attenuation, its noise, its size at the patient."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import find_saturated, locate_valid_pixels, measure_attenuation
from guidance.records import FrameArray, NotFound, PixelScale, RunContext

WORKING_MM = 0.5
"""Pixels of the search: about the width of a needle, so that one averages its own noise only."""

FINE_MM = 0.18
"""Pixels of the measurement are not smaller than this: a third of the thinnest needle. Finer ones
hold noise alone, for the blur of focal spot and detector is 0.3 mm and more."""

FIELD_MM = 150.0
"""Longer side of an image of unknown scale, at the patient: an image intensifier of 23 cm at the
usual magnification of 1.5. Fields of 11 to 30 cm are in use, so lengths are uncertain by 1.5."""

MAGNIFICATION = 1.45
"""SID over SOD where the header gives only the pixel at the detector: the patient's spine stands
about a third of the way down from the detector."""

_SATURATED_MM = 4.0
"""What is saturated over a square of this side is no needle."""

_SLOW_MM = 6.0
"""What changes over more than this is background. Standard deviation of a Gaussian."""

_NOISE_MM = 12.0
"""Noise is taken as even over a square of this side."""

_TOO_NOISY = np.float32(8.0)
"""Where noise is so many times the usual, hardly a quantum arrives: behind blades, for one."""

_MOST_NOISE = 0.5
"""A pixel counts with no more than this change of ln(intensity): single quanta in the dark."""

_LEAST_NOISE = 0.002
"""Made images may be without noise: then anything beyond a fifth of a percent stands out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One frame, or the mean of a few, made ready.

    Attributes
    ----------
    fine : (R', C') float32 array
        Attenuation at the resolution of the measurement; NaN where the patient does not show.
    fine_mm, fine_scale : float
        Size of its pixel at the patient in millimetres, and its pixels per stored pixel.
    signal : (r, c) float32 array
        For the search: attenuation without its slow part, in standard deviations of its noise;
        `_ridge.UNKNOWN` where nothing is known.
    working_mm, working_scale : float
        The same two numbers for it.
    is_scale_known : bool
        Whether the header says how large a pixel is.
    """

    fine: NDArray[np.float32]
    fine_mm: float
    fine_scale: float
    signal: NDArray[np.float32]
    working_mm: float
    working_scale: float
    is_scale_known: bool


MOST_SIGNAL = np.float32(500.0)
"""Signals are cut here: no image tells more."""

UNKNOWN = np.float32(1e6)
"""Signal where nothing is known: so dark that no line is darker than it, nor stands beside it, and
a mean that holds a hundredth of such a pixel can be told."""


def pixel_at_patient_mm(context: RunContext) -> float:
    """Return the size of a stored pixel at the patient; a guess from the field if need be."""
    match context.scale:
        case PixelScale() as scale:
            mean = (scale.row_mm + scale.column_mm) / 2
            return mean if scale.holds_at_patient else mean / MAGNIFICATION
        case NotFound():
            return FIELD_MM / max(context.rows, context.columns)


def locate_field(frame: FrameArray, context: RunContext) -> NDArray[np.bool_]:
    """Return the pixels of a frame that show the patient, the header's shutters included."""
    return locate_valid_pixels(frame, context.intensity) & context.valid


def make_picture(
    values: NDArray[np.float32],
    field: NDArray[np.bool_],
    context: RunContext,
    thicker: float = 1.0,
) -> Picture:
    """Return the picture of pixel values: of one frame, or the mean of several.

    Parameters
    ----------
    values : (R, C) float32 array
        Pixel values after the Modality LUT; finite.
    field : (R, C) bool array
        Pixels that show the patient.
    context : RunContext
        What the values mean, and their size.
    thicker : float, optional
        How many times thicker than needles is what is looked for: the picture is then one in which
        it is as thick as a needle, and its millimetres are so many times too small.
    """
    mm = pixel_at_patient_mm(context) / thicker
    usable = field & ~_is_saturated(values, context, mm)
    fine, fine_inside, fine_scale = _reduced(values, usable, mm / FINE_MM)
    work, inside, working_scale = _reduced(values, usable, mm / WORKING_MM)
    attenuation = measure_attenuation(fine, context.intensity)
    attenuation[~fine_inside] = np.nan
    return Picture(
        fine=attenuation,
        fine_mm=mm / fine_scale,
        fine_scale=fine_scale,
        signal=_measure_signal(
            measure_attenuation(work, context.intensity), inside, mm / working_scale
        ),
        working_mm=mm / working_scale,
        working_scale=working_scale,
        is_scale_known=bool(context.scale),
    )


def _is_saturated(values: NDArray[np.float32], context: RunContext, mm: float) -> NDArray[np.bool_]:
    """Return where nothing but an end of the range is seen; steel may reach it, and is thinner."""
    saturated = find_saturated(values, context.intensity).astype(np.uint8)
    side = 2 * max(1, round(_SATURATED_MM / mm / 2)) + 1
    opened = cv2.morphologyEx(saturated, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray(opened > 0, np.bool_)


def _reduced(
    values: NDArray[np.float32], usable: NDArray[np.bool_], scale: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Return values and mask at fewer pixels, and how many there are to one before; at most 1."""
    if scale >= 1:
        return values, usable, 1.0
    rows, columns = (max(8, round(side * scale)) for side in values.shape)
    size = (columns, rows)
    reduced = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(usable.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float32), share > 0.9, columns / values.shape[1]


def _measure_signal(
    attenuation: NDArray[np.float32], inside: NDArray[np.bool_], mm: float
) -> NDArray[np.float32]:
    """Return attenuation without its slow part, over its noise; `UNKNOWN` outside."""
    weight = inside.astype(np.float32)
    center = np.float32(np.median(attenuation[inside])) if inside.any() else np.float32(0)
    level = (attenuation - center) * weight
    slow = _mean_inside(level, weight, _SLOW_MM / mm)
    rough = np.minimum(np.abs(attenuation - cv2.medianBlur(attenuation, 3)), _MOST_NOISE) * weight
    side = 2 * round(_NOISE_MM / mm / 2) + 1
    even = cv2.blur(rough, (side, side)) / np.maximum(cv2.blur(weight, (side, side)), 0.02)
    # The median of nine takes a part of the noise with it: 1.6 makes up for that, and for taking
    # the mean size of a normal number for its standard deviation.
    noise = np.float32(1.6) * even + np.float32(_LEAST_NOISE)
    usual = np.float32(np.median(noise[inside])) if inside.any() else np.float32(0)
    inside = inside & (noise < _TOO_NOISY * usual)
    signal = np.clip((level - slow) / noise, -MOST_SIGNAL, MOST_SIGNAL)
    return np.asarray(np.where(inside, signal, UNKNOWN), np.float32)


def _mean_inside(
    level: NDArray[np.float32], weight: NDArray[np.float32], sigma: float
) -> NDArray[np.float32]:
    """Return the local mean of what is inside; made on fewer pixels, for it holds no detail."""
    rows, columns = level.shape
    size = (max(1, columns // 3), max(1, rows // 3))
    total, share = (
        cv2.GaussianBlur(cv2.resize(a, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / 3)
        for a in (level, weight)
    )
    mean = cv2.resize(total / np.maximum(share, 0.02), (columns, rows))
    return np.asarray(mean, np.float32)
