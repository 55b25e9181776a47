"""Where contrast was added between two aligned CT volumes: a rise beyond noise, edges and streaks.

Three things look like contrast and are not. Noise: the rise must exceed five of its standard
deviations. Edges of bone after motion: a rise that a shift of a quarter of a voxel explains does
not count. Streaks of the needle: they darken as much as they brighten, contrast only brightens; so
what darkened around a place says how much of its rise is to be believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from guidance.spread._volume_motion import VolumeMotion, covered_slices

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST_RISE_HU = 60.0
"""300 mg/ml of iodine raises by some 7000 HU undiluted: a share of 1 % in a voxel is seen."""

_NOISES = 5.0
_SHIFT_VOX = 0.25
_STREAK_SIGMAS = 4.0
_STREAK_MM = 6.0
_SOFT_MM = 0.5
_NEARBY_MM = 2.5
_HALF = 0.45
"""A little less than half: a vein that passes from slice to slice fades to half for a moment."""

_METAL_HU = 2000.0
_METAL_MARGIN_MM = 1.0
"""Of a needle that was there before: blur brings its steel so far into the voxels beside it."""

_BONE_HU = 1300.0
_LEAST_SHARE = 0.3
"""A slice that holds less of a shape than this only touches it."""

_CLOSING_MM = 2.5
_PATIENT_HU = -500.0
_GAS_HU = -300.0
_LEAST_MM3 = 15.0
"""A fortieth of the 0.6 ml that a block takes; less is a few voxels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AddedContrast:
    """What was added, and how well that can be told.

    Attributes
    ----------
    rise_hu : (S, R, C) float32 array
        Change of the CT number.
    mask : (S, R, C) bool array
        Where contrast was added: all that stands out.
    core : (S, R, C) bool array
        The part of it that reaches half of what is reached nearby: its shape without the blur.
    share : (S, R, C) float32 array
        How much of each voxel of `mask` is contrast, 0 to 1.
    judged : (S, R, C) bool array
        Voxels that could be judged: patient, no metal.
    noise_hu : float
        Standard deviation of the change where nothing changed.
    threshold_hu : float
        Least rise that counts, far from edges and streaks.
    """

    rise_hu: Values
    mask: Mask
    core: Mask
    share: Values
    judged: Mask
    noise_hu: float
    threshold_hu: float


def find_added(
    reference: Values,
    volume: Values,
    spacing_mm: tuple[float, float, float],
    shafts: Mask | None = None,
    motion: VolumeMotion | None = None,
) -> AddedContrast:
    """Return where a volume holds contrast that the reference did not.

    Parameters
    ----------
    reference, volume : (S, R, C) float32 array
        Hounsfield units, aligned.
    spacing_mm : (slices, rows, columns)
        Of the voxels. Millimetres.
    shafts : (S, R, C) bool array, optional
        Needles of the volume: steel is no contrast.
    motion : VolumeMotion, optional
        What was taken out to align them: slices that came in from outside show nothing, and those
        between two slices are blurred.
    """
    in_plane_mm = np.array(spacing_mm)[1:]
    judged = _judge(reference, volume, spacing_mm)
    if shafts is not None:
        judged = judged & ~shafts
    motion = motion or VolumeMotion()
    covered = covered_slices(len(judged), motion)
    judged[: covered.start], judged[covered.stop :] = False, False
    # In the plane alone: slices are thick.
    soft = [0.0, *(_SOFT_MM / in_plane_mm)]
    rise = np.asarray(volume - reference, np.float32)
    smooth = ndimage.gaussian_filter(rise, soft)
    inside = smooth[judged]
    center = float(np.median(inside)) if inside.size else 0.0
    noise = 1.4826 * float(np.median(np.abs(inside - center))) if inside.size else 0.0
    smooth -= np.float32(center)
    threshold = max(_NOISES * noise, LEAST_RISE_HU)
    least = threshold + _streaks(smooth, judged, in_plane_mm)
    least += _measure_doubt(reference, motion.slices)
    mask = _without_specks(judged & (smooth > least), float(np.prod(spacing_mm)))
    window = [1, *(2 * round(_NEARBY_MM / mm) + 1 for mm in in_plane_mm)]
    peak = ndimage.maximum_filter(np.where(mask, smooth, 0), window)
    # Across slices shapes are told by their parts of a slice, not by a threshold.
    plateau = ndimage.maximum_filter1d(peak, 3, axis=0) if len(peak) > 1 else peak
    share = np.where(mask, np.clip(smooth / np.maximum(plateau, 1), 0, 1), 0)
    core = np.asarray(mask & (smooth > _HALF * peak) & (share > _LEAST_SHARE), np.bool_)
    # Steel within contrast hides it: what is closed in by it on both sides holds it too.
    closing = [0, *(round(_CLOSING_MM / mm) for mm in in_plane_mm)]
    closed = ndimage.binary_closing(core, _ellipsoid(closing))
    for index, layer in enumerate(core):
        closed[index] |= ndimage.binary_fill_holes(layer)
    filled = np.asarray(closed & _is_metal(reference, shafts, spacing_mm), np.bool_)
    if filled.any():
        rise[filled] = np.median(rise[core & ~filled])
    core, mask = core | filled, mask | filled
    return AddedContrast(
        rise_hu=rise - np.float32(center),
        mask=mask,
        core=core,
        share=np.asarray(np.where(filled, 1, share), np.float32),
        judged=judged,
        noise_hu=noise,
        threshold_hu=threshold,
    )


def _judge(reference: Values, volume: Values, spacing_mm: tuple[float, float, float]) -> Mask:
    """Return the voxels that can be judged: patient in both, and no metal before."""
    patient = (reference > _GAS_HU) & (volume > _PATIENT_HU)
    return np.asarray(patient & ~_is_metal(reference, None, spacing_mm), np.bool_)


def _is_metal(
    reference: Values, shafts: Mask | None, spacing_mm: tuple[float, float, float]
) -> Mask:
    """Return what is steel, before or now, or next to it."""
    metal = reference > _METAL_HU
    if metal.any():
        far_mm = ndimage.distance_transform_edt(~metal, sampling=spacing_mm)
        metal = far_mm <= _METAL_MARGIN_MM
    return metal if shafts is None else metal | shafts


def _ellipsoid(radii: Sequence[int]) -> Mask:
    axes = np.ogrid[tuple(slice(-radius, radius + 1) for radius in radii)]
    terms = [(axis / max(radius, 1)) ** 2 for axis, radius in zip(axes, radii, strict=True)]
    return np.asarray(sum(terms) <= 1, np.bool_)


def _measure_doubt(reference: Values, slices: float) -> Values:
    """Return how large a rise motion may leave, HU: slopes of what stays below metal.

    Across slices bone comes and goes within one: the larger of both steps counts there, and more
    where values were taken from between two slices.
    """
    share = abs(slices) % 1
    across = _SHIFT_VOX + share * (1 - share)
    cut = np.clip(reference, -1000, _BONE_HU)
    doubts = [_SHIFT_VOX * np.abs(np.gradient(cut, axis=axis)) for axis in (1, 2)]
    if len(cut) > 1:
        steps = np.abs(np.diff(cut, axis=0))
        larger = np.maximum(np.append(steps, steps[-1:], 0), np.append(steps[:1], steps, 0))
        doubts.append(across * larger)
    return np.asarray(np.max(doubts, axis=0), np.float32)


def _streaks(rise: Values, judged: Mask, in_plane_mm: NDArray[np.float64]) -> Values:
    """Return how much darkening around each place is more than noise, as a rise not to believe."""
    darkening = np.where(judged, np.clip(-rise, 0, None), 0)
    size = [1, *(max(3, int(2 * _STREAK_MM / mm) | 1) for mm in in_plane_mm)]
    # Half of a symmetric distribution is dark: its mean square is half of the variance.
    mean_square = np.clip(ndimage.uniform_filter(darkening**2, size), 0, None)
    local = np.sqrt(2 * mean_square)
    usual = float(np.median(local[judged])) if judged.any() else 0.0
    return np.asarray(_STREAK_SIGMAS * np.clip(local - 1.5 * usual, 0, None), np.float32)


def _without_specks(mask: Mask, voxel_mm3: float) -> Mask:
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel()) * voxel_mm3
    sizes[0] = 0
    return np.asarray((sizes >= _LEAST_MM3)[labels], np.bool_)
