"""Needles and contrast of a CT repeat, in the voxels of the reference."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from guidance.records import FloatArray, MaskArray, NotFound, Volume
from guidance.spread._ct_needle import CtNeedle
from guidance.spread._volume_motion import VolumeMotion

SHAFT_MM = 1.8
_SHAFT_BEYOND_MM = 4.0
"""A shaft and its blur reach so far from its axis, and beyond where it is seen to begin."""

_SHARED_SLICE = 0.3
_SAME_TIP_MM = 20.0
_SAME_TURN_DEG = 20.0


def same_needles(
    before: tuple[CtNeedle, ...] | NotFound, now: tuple[CtNeedle, ...] | NotFound
) -> tuple[CtNeedle, ...] | NotFound:
    """Return the needles that were there before, too; all where there were none.

    Undiluted contrast in a straight vein is as bright as steel, but was not there before. Where it
    runs into the shaft no needle is made out: then it is taken to be where it was.
    """
    if isinstance(before, NotFound):
        return now
    if isinstance(now, NotFound):
        return before
    same = tuple(
        needle
        for needle in now
        if any(
            np.linalg.norm(needle.tip_lps_mm - other.tip_lps_mm) < _SAME_TIP_MM
            and needle.direction_lps @ other.direction_lps > np.cos(np.radians(_SAME_TURN_DEG))
            for other in before
        )
    )
    return same or before


def mark_shafts(
    needles: tuple[CtNeedle, ...] | NotFound,
    reference: Volume,
    motion: VolumeMotion,
    radius_mm: float = SHAFT_MM,
) -> MaskArray:
    """Return the voxels within a distance of needles, where the patient lay in the reference."""
    marked = np.zeros(reference.values.shape, bool)
    if isinstance(needles, NotFound):
        return marked
    vox_from_lps = np.linalg.inv(reference.lps_from_vox)
    for needle in needles:
        back_mm = np.arange(0, needle.length_mm + _SHAFT_BEYOND_MM, 0.3)
        places = needle.tip_lps_mm - back_mm[:, None] * needle.direction_lps
        at = places @ vox_from_lps[:3, :3].T + vox_from_lps[:3, 3]
        at -= [motion.slices, motion.rows, motion.columns]
        # A shaft between two slices shows in both.
        for off in (-_SHARED_SLICE, _SHARED_SLICE):
            near = np.rint(at + np.array([off, 0.0, 0.0])).astype(int)
            inside = ((near >= 0) & (near < marked.shape)).all(axis=1)
            marked[tuple(near[inside].T)] = True
    if not marked.any():
        return marked
    far_mm = ndimage.distance_transform_edt(~marked, sampling=reference.spacing_mm)
    return np.asarray(far_mm <= radius_mm, np.bool_)


def measure_extent(mask: MaskArray, spacing_mm: Sequence[float]) -> float:
    """Return the greatest distance of two places of a mask. Millimetres; 0 where empty."""
    if not mask.any():
        return 0.0
    surface = mask & ~ndimage.binary_erosion(mask)
    places: FloatArray = np.argwhere(surface) * np.array(spacing_mm)
    if mask.shape[0] == 1:
        places = places[:, 1:]
    # The two farthest lie at the ends of some direction: these are tried, to a degree or two.
    count = 180 if places.shape[1] == 2 else 600
    along = places @ _directions(count, places.shape[1]).T
    return float((along.max(axis=0) - along.min(axis=0)).max())


def _directions(count: int, axes: int) -> FloatArray:
    """Return unit vectors spread evenly over half a circle, or half a sphere (a golden spiral)."""
    if axes == 2:
        angle = np.arange(count) * np.pi / count
        return np.stack([np.sin(angle), np.cos(angle)], axis=1)
    height = (np.arange(count) + 0.5) / count
    around = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    wide = np.sqrt(1 - height**2)
    return np.stack([height, wide * np.sin(around), wide * np.cos(around)], axis=1)
