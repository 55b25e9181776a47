"""How the patient moved between two CT volumes of one table position, to a fraction of a voxel.

In-plane shift and turn, and a shift across the slices: Gauss-Newton, coarse to fine, with Tukey's
weights: contrast, needle and bowel have no say (as `guidance.imaging.estimate_translation`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

_LOW_HU, _HIGH_HU = -200.0, 700.0
"""Values are cut to these: edges of fat, muscle and bone remain, gas and metal say no more."""

_PATIENT_HU = -300.0
_LEVELS = (8, 4, 2)
_ITERATIONS = 12
_BIWEIGHT = 4.685
_LEAST_SLICES = 4
"""Across fewer slices there is no slope to hold a shift."""

_LARGEST_MM = 20.0
_OVERLOOKED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMotion:
    """How far the content of a volume lies from where it is in the reference. Voxels.

    Attributes
    ----------
    slices, rows, columns : float
        Shift. Voxels.
    turn_rad : float
        Turn about the middle of the slice, columns towards rows. Radians; square pixels.
    """

    slices: float = 0.0
    rows: float = 0.0
    columns: float = 0.0
    turn_rad: float = 0.0


def estimate_motion(
    reference: Values, volume: Values, spacing_mm: tuple[float, float, float]
) -> VolumeMotion | None:
    """Return the motion between two volumes; None where nothing holds it, or it is beyond belief.

    Parameters
    ----------
    reference, volume : (S, R, C) float32 array
        Hounsfield units.
    spacing_mm : (slices, rows, columns)
        Of the voxels. Millimetres.
    """
    motion = np.zeros(4)
    for factor in _LEVELS:
        if min(reference.shape[1:]) // factor < 16:
            continue
        small_reference, small = _reduce(reference, factor), _reduce(volume, factor)
        motion[1:3] /= factor
        motion = _refine(small_reference, small, motion)
        motion[1:3] *= factor
    far_mm = np.abs(motion[:3]) * np.array(spacing_mm)
    if not np.isfinite(motion).all() or far_mm.max() > _LARGEST_MM:
        return None
    return VolumeMotion(
        slices=float(motion[0]),
        rows=float(motion[1]),
        columns=float(motion[2]),
        turn_rad=float(motion[3]),
    )


def move_back(volume: Values, motion: VolumeMotion) -> Values:
    """Return a volume as it would be without its motion, (S, R, C); edges are repeated.

    Parameters
    ----------
    volume : (S, R, C) float32 array
    motion : VolumeMotion
        As `estimate_motion` returns it.
    """
    return _move(volume, np.array([motion.slices, motion.rows, motion.columns, motion.turn_rad]))


def covered_slices(count: int, motion: VolumeMotion) -> slice:
    """Return which of so many slices of the reference a moved volume shows.

    Parameters
    ----------
    count : int
        Slices.
    motion : VolumeMotion
        Half of a tenth of a slice is overlooked.
    """
    beyond = max(0.0, abs(motion.slices) - _OVERLOOKED)
    cut = min(int(np.ceil(beyond)), count)
    return slice(cut if motion.slices < 0 else 0, count if motion.slices < 0 else count - cut)


def _reduce(volume: Values, factor: int) -> Values:
    rows, columns = (size // factor for size in volume.shape[1:])
    clipped = np.clip(volume, _LOW_HU, _HIGH_HU)
    reduced = [cv2.resize(s, (columns, rows), interpolation=cv2.INTER_AREA) for s in clipped]
    return np.asarray(reduced, np.float32)


def _move(volume: Values, motion: NDArray[np.float64]) -> Values:
    slices, rows, columns, turn = motion
    count, height, width = volume.shape
    row_middle, column_middle = (height - 1) / 2, (width - 1) / 2
    # OpenCV's (x, y): where each pixel of the result is taken from.
    cos, sin = np.cos(turn), np.sin(turn)
    x_off = column_middle - cos * column_middle + sin * row_middle + columns
    y_off = row_middle - sin * column_middle - cos * row_middle + rows
    matrix = np.array([[cos, -sin, x_off], [sin, cos, y_off]])
    moved = np.empty_like(volume)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for index in range(count):
        at = min(max(index + slices, 0.0), count - 1.0)
        low = int(at)
        share = np.float32(at - low)
        source = volume[low]
        if share > 0:
            source = (1 - share) * source + share * volume[low + 1]
        moved[index] = cv2.warpAffine(
            source, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    return moved


def _refine(reference: Values, volume: Values, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the motion at one level, from a start."""
    count, height, width = reference.shape
    gradients = [np.gradient(reference, axis=axis) for axis in (1, 2)]
    across = np.gradient(reference, axis=0) if count >= _LEAST_SLICES else np.zeros_like(reference)
    row, column = np.ogrid[:height, :width]
    turn = gradients[0] * (column - (width - 1) / 2) - gradients[1] * (row - (height - 1) / 2)
    steep = np.stack([across, *gradients, turn])
    inside = reference > _PATIENT_HU
    inside[:, :2], inside[:, -2:], inside[:, :, :2], inside[:, :, -2:] = False, False, False, False
    used = slice(None) if count < _LEAST_SLICES else slice(1, -1)
    chosen = np.zeros_like(inside)
    chosen[used] = inside[used]
    slopes = steep[:, chosen].astype(np.float64)
    free = np.flatnonzero(np.abs(slopes).max(axis=1, initial=0) > 0)
    if slopes.shape[1] < 100 or free.size == 0:
        return start
    target, motion = reference[chosen], start.copy()
    for _ in range(_ITERATIONS):
        residual = (_move(volume, motion)[chosen] - target).astype(np.float64)
        scale = 1.4826 * float(np.median(np.abs(residual))) + 1e-3
        weight = np.clip(1 - (residual / (_BIWEIGHT * scale)) ** 2, 0, None) ** 2
        weighted = slopes[free] * weight
        normal = weighted @ slopes[free].T
        normal += 1e-9 * np.trace(normal) * np.eye(free.size)
        step = np.linalg.solve(normal, weighted @ residual)
        motion[free] -= step
        if np.abs(step[:-1]).max(initial=0) < 0.003 and abs(step[-1]) < 1e-5:
            break
    return motion
