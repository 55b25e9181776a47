"""What lies about a needle's tip: cut out of each frame, registered, and watched for contrast."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import estimate_translation, measure_attenuation
from guidance.needle._frames import finite_values
from guidance.records import FloatArray, FrameArray, IntensityScale, RunContext

PATCH_MM = 22.0
"""Half of the side of the patch about the tip that is registered: some landmarks of bone, little
that breathes otherwise."""

PATCH_PIXEL_MM = 0.6

WINDOW_MM = 36.0
"""Half of the side of what is taken out of each frame: the shaft's pieces lie within it."""

_FURTHEST_JUMP_MM = 8.0
"""A table moves by 14 mm within half a second; more between two frames is no shift, but a miss."""

_MOST_ROUNDS = 5
_STILL_PX = 0.05

_NEAR_MM = (2.4, 6.0)
"""Radii within which contrast is looked for: as it comes out, and as it spreads."""

_NEAR_SHARE = (0.12, 0.06)
"""Mean darkening within them, over what the steel adds, at which something has come: 2 mm more of
the shaft itself would give half as much."""

_NEAR_Z = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A part of a frame: its values, and where its first pixel lies in the frame."""

    values: NDArray[np.float32]
    origin: FloatArray


def cut_window(frame: FrameArray, center: FloatArray, mm: float, context: RunContext) -> Window:
    """Return the part of a frame about `center` (row, column) that is looked at."""
    half = math.ceil(WINDOW_MM / mm)
    top, left = (
        int(np.clip(round(float(place)) - half, 0, max(0, side - 2)))
        for place, side in zip(center, frame.shape, strict=True)
    )
    part = frame[top : top + 2 * half + 1, left : left + 2 * half + 1]
    return Window(values=finite_values(part, context), origin=np.array((top, left), np.float64))


def measure_known(values: NDArray[np.float32], intensity: IntensityScale) -> NDArray[np.float32]:
    """Return attenuation, NaN where the values are."""
    known = np.isfinite(values)
    attenuation = measure_attenuation(values, intensity)
    attenuation[~known] = np.nan
    return attenuation


def cut_patch(
    window: Window, center: FloatArray, mm: float, intensity: IntensityScale
) -> NDArray[np.float32]:
    """Return attenuation about `center` at coarse pixels: (P, P), NaN where nothing is known."""
    side = round(2 * PATCH_MM / PATCH_PIXEL_MM)
    scale = PATCH_PIXEL_MM / mm
    row, column = center - window.origin - (side - 1) / 2 * scale
    values = window.values
    size = max(1, round(scale))
    if size > 1:
        # A mean over a coarse pixel before it is sampled.
        values = np.asarray(
            cv2.blur(values, (size, size), borderType=cv2.BORDER_REPLICATE), np.float32
        )
    patch = cv2.warpAffine(
        values,
        np.array([[scale, 0.0, column], [0.0, scale, row]]),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=math.nan,
    )
    return measure_known(np.asarray(patch, np.float32), intensity)


def settle(
    reference: NDArray[np.float32],
    image: NDArray[np.float32],
    valid: NDArray[np.bool_],
    start: tuple[float, float] = (0.0, 0.0),
) -> tuple[float, float]:
    """Return a translation, estimated again from where it ended until it stays. Pixels.

    The estimate lets go of what does not fit, and at first, far from its end, of much that would.
    """
    shift = start
    for _ in range(_MOST_ROUNDS):
        before, shift = shift, estimate_translation(reference, image, valid, shift)
        if max(abs(shift[0] - before[0]), abs(shift[1] - before[1])) < _STILL_PX:
            break
    return shift


def shift_of_patch(reference: NDArray[np.float32], patch: NDArray[np.float32]) -> FloatArray:
    """Return how far what a patch shows lies from where it is in `reference`. (2,) millimetres."""
    valid = np.isfinite(patch) & np.isfinite(reference)
    if valid.mean() < 0.3:
        return np.zeros(2)
    fill = np.float32(np.median(patch[valid]))
    shift = settle(np.where(valid, reference, fill), np.where(valid, patch, fill), valid)
    moved_mm = np.array(shift) * PATCH_PIXEL_MM
    return moved_mm if float(np.hypot(*moved_mm)) <= _FURTHEST_JUMP_MM else np.zeros(2)


def measure_darkening(reference: NDArray[np.float32], patch: NDArray[np.float32]) -> FloatArray:
    """Return by how much it has become darker about the middle than in the patch at large.

    Returns
    -------
    (2, 2) float64 array
        For each of two radii: the mean, and its standard deviation from the noise.
    """
    change = patch - reference
    known = np.isfinite(change)
    if known.mean() < 0.3:
        return np.array(((0.0, math.inf), (0.0, math.inf)))
    change = change - np.float32(np.median(change[known]))
    noise = 1.4826 * float(np.median(np.abs(change[known])))
    middle = (np.arange(len(patch)) - (len(patch) - 1) / 2) * PATCH_PIXEL_MM
    far = np.hypot(middle[:, None], middle)
    result = np.empty((2, 2))
    for number, radius in enumerate(_NEAR_MM):
        near = known & (far < radius)
        count = max(1, int(near.sum()))
        result[number] = float(change[near].mean()) if near.any() else 0.0, noise / math.sqrt(count)
    return result


def is_darker(darkening: FloatArray, contrast: float, *, was_darker: bool) -> bool:
    """Return whether contrast lies about the tip, given what the steel adds."""
    ease = 0.5 if was_darker else 1.0
    return any(
        mean > ease * max(share * contrast, _NEAR_Z * sigma)
        for (mean, sigma), share in zip(darkening, _NEAR_SHARE, strict=True)
    )
