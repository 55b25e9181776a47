"""Needles in CT: thin straight lines of metal, their tips and directions in the patient's frame.

Steel saturates CT numbers (3071 HU at 12 bits), bone does not reach 2000 HU, undiluted contrast
may, but lies in blobs. So metal is taken in pieces that touch, those in one line are put together,
and what is thin and long is a needle. Its axis is the first principal axis; its tip is where the
metal summed across the shaft falls to half, which the scanner's blur does not move. Of two ends the
deeper one is the tip: a shaft comes from the skin, or from beyond the volume. A line of dense
contrast that does neither is a vein.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from guidance.records import FloatArray, NotFound, Volume

METAL_HU = 2000.0
"""Cortical bone ends at 1900 HU at 120 kV; a 20 to 22 gauge needle, partial volume and all, is
beyond."""

FAINT_METAL_HU = 1400.0
"""A 25 gauge needle in slices of 2 mm fills a sixth of a voxel. Dense bone is as bright, but in no
straight thin line: tried where nothing is found at `METAL_HU`, and a longer line is asked for."""

_TISSUE_HU = 60.0
_AIR_HU = -400.0
_SATURATED_HU = 3000.0
_LEAST_LENGTH_MM = 8.0
_LEAST_FAINT_LENGTH_MM = 15.0
_SKIN_MM = 12.0
"""A shaft is seen to begin no deeper than this: near the skin slices may make it too faint."""

_LEAST_SEED_MM = 5.0
_GAP_MM = 8.0
_MOST_PIECES = 40
_MOST_WIDTH_MM = 2.5
"""Standard deviation across: a shaft is 0.5 to 1.3 mm wide, blur and slice thickness add to it."""

_ELONGATION = 4.0
_AROUND_MM = 2.0
_STEP_MM = 0.25
_BEYOND_MM = 3.0
_BEYOND_VOLUME_MM = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CtNeedle:
    """A needle in a CT volume.

    Attributes
    ----------
    tip_lps_mm : (3,) float64 array
        Its tip. Patient coordinates, millimetres.
    direction_lps : (3,) float64 array
        Unit vector from the hub's side towards the tip.
    length_mm : float
        How much of it lies in the volume.
    uncertainty_mm : float
        Standard deviation of the tip along the shaft, as far as the voxels let it be known.
    is_in_plane_only : bool
        The volume is one slice: nothing is known across it, and what ends there may go on.
    """

    tip_lps_mm: FloatArray
    direction_lps: FloatArray
    length_mm: float
    uncertainty_mm: float
    is_in_plane_only: bool


def find_ct_needles(volume: Volume) -> tuple[CtNeedle, ...] | NotFound:
    """Return the needles of a CT volume, the longest first.

    Parameters
    ----------
    volume : Volume
        Hounsfield units. One slice will do, and is answered in its plane only.

    Returns
    -------
    tuple of CtNeedle or NotFound
    """
    values = np.asarray(volume.values, np.float32)
    if not (values > FAINT_METAL_HU).any():
        return NotFound(f"no voxel is beyond {FAINT_METAL_HU:g} HU, as metal is")
    depth_mm = _depth(values, volume.spacing_mm)
    spacing = np.array(volume.spacing_mm)
    faint = list(_pieces(values > FAINT_METAL_HU))
    needles: list[CtNeedle] = []
    taken: list[FloatArray] = []
    for seeds, least_mm in (
        (list(_pieces(values > METAL_HU)), _LEAST_LENGTH_MM),
        (faint, _LEAST_FAINT_LENGTH_MM),
    ):
        for line in _join_pieces(seeds, spacing):
            if any(_is_in_line(other, line, spacing) for other in taken):
                continue
            # Beyond the bright part of a shaft its fainter parts go on.
            whole = [piece for piece in faint if _is_in_line(line, piece, spacing)]
            at = np.unique(np.concatenate([line, *whole]), axis=0)
            needle = _measure(volume, values, at, depth_mm)
            if needle is not None and needle.length_mm >= least_mm:
                needles.append(needle)
                taken.append(at)
    if not needles:
        return NotFound("there is metal or dense contrast, but no thin straight line of it")
    return tuple(sorted(needles, key=lambda needle: -needle.length_mm))


def _pieces(metal: NDArray[np.bool_]) -> Iterator[FloatArray]:
    """Yield the voxels of each piece, (N, 3): slice, row, column."""
    labels, count = ndimage.label(metal, np.ones((3, 3, 3)))
    for label, box in enumerate(ndimage.find_objects(labels)[:count], 1):
        at = np.argwhere(labels[box] == label) + [side.start for side in box]
        if len(at) > 2:
            yield at.astype(np.float64)


def _join_pieces(pieces: list[FloatArray], spacing: FloatArray) -> list[FloatArray]:
    """Return pieces with those put together that lie in one line: slices break a shaft up."""
    waiting = sorted(pieces, key=len, reverse=True)[:_MOST_PIECES]
    lines = []
    while waiting:
        line, waiting = waiting[0], waiting[1:]
        while joined := [other for other in waiting if _is_in_line(line, other, spacing)]:
            waiting = [other for other in waiting if not _is_in_line(line, other, spacing)]
            line = np.concatenate([line, *joined])
        lines.append(line)
    return lines


def _is_in_line(line: FloatArray, other: FloatArray, spacing: FloatArray) -> bool:
    """Return whether all of a piece lies near the axis of another, and not far from its ends."""
    points, others = line * spacing, other * spacing
    center = points.mean(axis=0)
    axis = np.linalg.eigh(np.cov((points - center).T))[1][:, 2]
    along = (points - center) @ axis
    if np.ptp(along) < _LEAST_SEED_MM:
        return False
    places = (others - center) @ axis
    off = np.linalg.norm(others - center - places[:, None] * axis, axis=1)
    gap = max(float(places.min() - along.max()), float(along.min() - places.max()), 0.0)
    # Half a slice: the middle of a thick voxel may lie so far from the shaft that crosses it.
    return gap <= _GAP_MM and float(off.max()) <= _AROUND_MM + float(spacing.max()) / 2


def _depth(values: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    """Return how far each voxel lies from the air about the patient, in its slice, (S, R, C) mm."""
    air = values < _AIR_HU
    outside = np.zeros_like(air)
    for inside, found in zip(air, outside, strict=True):
        # Bowel gas is air, too: only what reaches the image's edge is about the patient.
        labels, _ = ndimage.label(inside)
        rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        found[:] = np.isin(labels, np.unique(rim[rim > 0]))
    depth = np.empty(values.shape, np.float32)
    for index, found in enumerate(outside):
        padded = np.pad(~found, 1) if not found.any() else ~found
        far = ndimage.distance_transform_edt(padded, sampling=spacing_mm[1:])
        depth[index] = far[1:-1, 1:-1] if padded.shape != found.shape else far
    return depth


def _measure(
    volume: Volume,
    values: NDArray[np.float32],
    at_vox: FloatArray,
    depth_mm: NDArray[np.float32],
) -> CtNeedle | None:
    """Return the needle that a piece of metal is, None where it is none."""
    spacing = np.array(volume.spacing_mm)
    weight = np.clip(values[tuple(at_vox.astype(int).T)] - _TISSUE_HU, 1, None).astype(np.float64)
    points = at_vox * spacing
    center = np.average(points, axis=0, weights=weight)
    variances, axes = np.linalg.eigh(np.cov((points - center).T, aweights=weight))
    along = (points - center) @ axes[:, 2]
    length = float(np.ptp(along)) + float(np.abs(axes[:, 2]) @ spacing)
    width = float(np.sqrt(max(variances[1], 0.0)))
    is_thin = width <= _MOST_WIDTH_MM and length >= _ELONGATION * 2 * width
    if length < _LEAST_LENGTH_MM or not is_thin:
        return None
    ends = _find_ends(values, spacing, center, axes[:, 2], along)
    first, last = (center + end * axes[:, 2] for end in ends)
    deep = [_depth_beyond(depth_mm, spacing, end, center) for end in (first, last)]
    if min(deep) > _SKIN_MM:
        return None
    tip, tail = (last, first) if deep[1] >= deep[0] else (first, last)
    transform = volume.lps_from_vox
    tip_lps = (transform @ np.append(tip / spacing, 1.0))[:3]
    tail_lps = (transform @ np.append(tail / spacing, 1.0))[:3]
    direction = (tip_lps - tail_lps) / max(float(np.linalg.norm(tip_lps - tail_lps)), 1e-9)
    return CtNeedle(
        tip_lps_mm=tip_lps,
        direction_lps=direction,
        length_mm=float(ends[1] - ends[0]),
        uncertainty_mm=_uncertainty(values, at_vox, np.abs(axes[:, 2]) @ spacing),
        is_in_plane_only=values.shape[0] == 1,
    )


def _find_ends(
    values: NDArray[np.float32],
    spacing: FloatArray,
    center: FloatArray,
    axis: FloatArray,
    along: FloatArray,
) -> tuple[float, float]:
    """Return where the metal summed across the shaft rises to half, and where it falls again."""
    steps = np.arange(along.min() - _BEYOND_MM, along.max() + _BEYOND_MM, _STEP_MM)
    across = _disc(axis)
    places = center + steps[:, None, None] * axis + across[None, :, :]
    excess = ndimage.map_coordinates(
        np.clip(values - _TISSUE_HU, 0, None),
        (places / spacing).reshape(-1, 3).T,
        order=1,
        mode="nearest" if values.shape[0] == 1 else "constant",
    ).reshape(len(steps), -1)
    # Bone by the shaft is not metal: what is usual around it there does not count.
    profile = np.clip(excess - np.percentile(excess, 25, axis=1, keepdims=True), 0, None).sum(
        axis=1
    )
    inner = (steps > along.min()) & (steps < along.max())
    half = 0.5 * float(np.median(profile[inner]))
    middle = int(np.argmin(np.abs(steps - 0.5 * (along.min() + along.max()))))
    return (
        _crossing(steps[: middle + 1][::-1], profile[: middle + 1][::-1], half),
        _crossing(steps[middle:], profile[middle:], half),
    )


def _crossing(steps: FloatArray, profile: FloatArray, level: float) -> float:
    """Return where a profile last stands at a level, walking outwards until it stays below."""
    high = profile >= level
    # Where a shaft passes from slice to slice it is fainter; that is not its end.
    gap = round(_GAP_MM / _STEP_MM)
    last = 0
    for index in np.flatnonzero(high):
        if index - last > gap:
            break
        last = int(index)
    if last + 1 >= len(steps):
        return float(steps[-1])
    inside, outside = profile[last], profile[last + 1]
    share = (inside - level) / max(inside - outside, 1e-9)
    return float(steps[last] + share * (steps[last + 1] - steps[last]))


def _disc(axis: FloatArray) -> FloatArray:
    """Return points of a disc across an axis, (N, 3) mm."""
    other = np.eye(3)[int(np.argmin(np.abs(axis)))]
    u = np.cross(axis, other)
    u /= np.linalg.norm(u)
    v = np.cross(axis, u)
    grid = np.arange(-_AROUND_MM, _AROUND_MM + 1e-9, 0.4)
    a, b = (part.ravel() for part in np.meshgrid(grid, grid))
    inside = np.hypot(a, b) <= _AROUND_MM
    disc: FloatArray = a[inside, None] * u + b[inside, None] * v
    return disc


def _depth_beyond(
    depth_mm: NDArray[np.float32], spacing: FloatArray, end: FloatArray, center: FloatArray
) -> float:
    """Return how deep an end lies; far less than nothing where the needle leaves the volume."""
    outwards = (end - center) / max(float(np.linalg.norm(end - center)), 1e-9)
    ahead = (end + 1.5 * outwards) / spacing
    is_flat = depth_mm.shape[0] == 1
    inside = (ahead >= -0.5) & (ahead <= np.array(depth_mm.shape) - 0.5)
    if is_flat or not inside.all():
        # Of one slice a shaft may come from the next: then the deeper end is the tip all the same.
        return _depth_at(depth_mm, spacing, end) - _BEYOND_VOLUME_MM
    return _depth_at(depth_mm, spacing, end)


def _depth_at(depth_mm: NDArray[np.float32], spacing: FloatArray, place: FloatArray) -> float:
    at = np.clip(np.rint(place / spacing).astype(int), 0, np.array(depth_mm.shape) - 1)
    return float(depth_mm[tuple(at)])


def _uncertainty(values: NDArray[np.float32], at_vox: FloatArray, voxel_mm: float) -> float:
    """Return the standard deviation of the tip along the shaft. Millimetres.

    A third of a voxel; where values are cut off at the top, half of the fall lies lower on the
    blurred edge than it seems, by up to half a millimetre.
    """
    cut = values[tuple(at_vox.astype(int).T)] >= _SATURATED_HU
    return float(np.hypot(0.3 * voxel_mm, 0.5 if cut.mean() > 0.2 else 0.0))
