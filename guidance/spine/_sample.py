"""Evaluating the bones: at points, and on a grid of voxels.

On a grid, a bone is first evaluated on a lattice four voxels wide; cells far from its surface are
interpolated, those near it are evaluated voxel by voxel. So distances are those of `bone_distance`
within about 2.5 mm of a surface, and smooth beyond.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.geometry import VoxelGrid
from guidance.records import FloatArray
from guidance.spine._kernels import (
    KIND,
    OPEN,
    OPERATION,
    RADIUS,
    ROW_LENGTH,
    UNION,
    world_distance,
)

# Distances are clipped to this.
CLIP_MM = 20.0
# Closer than this to a surface, every voxel is evaluated.
EXACT_WITHIN_MM = 2.5
STRIDE = 4
# Up to this spacing, every second voxel is evaluated there and those between are interpolated: a
# surface that bends with a radius of 3 mm is then off by less than 0.15 mm, and each bone is
# interpolated by itself, so that a joint stays open.
FINE_SPACING_MM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """What a bone keeps clear of, by cutting itself back.

    Attributes
    ----------
    rows : (N, ROW_LENGTH) float64 array
        Their tables, one after the other.
    starts : (K + 1,) int64 array
        Where each table begins.
    moves : (K, 3, 4) float64 array
        From the bone's frame into theirs.
    boxes_mm : (K, 7) float64 array
        The gap that is left between, then the lowest and the highest corner, in the neighbour's
        frame, of a box outside which nothing is cut; before the scale.
    """

    rows: FloatArray
    starts: NDArray[np.int64]
    moves: FloatArray
    boxes_mm: FloatArray


NO_NEIGHBOURS = Neighbours(
    rows=np.empty((0, ROW_LENGTH)),
    starts=np.zeros(1, np.int64),
    moves=np.empty((0, 3, 4)),
    boxes_mm=np.empty((0, 7)),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bone:
    """One bone, ready to be evaluated.

    Attributes
    ----------
    name : str
        Such as ``"L4"``, ``"sacrum"``, ``"hip.left"``, ``"T12.rib.left"``.
    part : int
        Its number in `BoneFields.part`.
    rows : (N, ROW_LENGTH) float64 array
        Table of primitives.
    local_from_world : (3, 4) float64 array
        Takes the world, divided by `scale`, into the bone's frame.
    scale : float
        Multiplies every length.
    neighbours : Neighbours
        What it keeps clear of.
    """

    name: str
    part: int
    rows: FloatArray
    local_from_world: FloatArray
    scale: float
    neighbours: Neighbours = NO_NEIGHBOURS

    @property
    def shape(self) -> tuple[FloatArray, FloatArray, NDArray[np.int64], FloatArray, FloatArray]:
        """What the kernels want first: the table, and the neighbours'."""
        n = self.neighbours
        return self.rows, n.rows, n.starts, n.moves, n.boxes_mm

    def box_lps_mm(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner (3,) of a box that holds the bone. Millimetres."""
        solid = solid_rows(self.rows)
        rotation, shift = self.local_from_world[:, :3], self.local_from_world[:, 3]
        centers = (solid[:, 3:6] - shift) @ rotation
        reach = solid[:, 6:7] + 1.0
        low, high = (centers - reach).min(axis=0), (centers + reach).max(axis=0)
        return self.scale * low, self.scale * high

    def distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Signed distance (N,) of points (N, 3); negative inside."""
        points = np.ascontiguousarray(points_lps_mm, dtype=np.float64)
        out = np.empty(len(points))
        _fill_points(self.shape, self.local_from_world, self.scale, points, out)
        return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoneFields:
    """Bones on a grid.

    Attributes
    ----------
    distance_mm : (S, R, C) float32 array
        Signed distance to the nearest bone, negative inside, clipped to ±20. Slice, row, column.
    part : (S, R, C) uint8 array
        Which bone is nearest (its `Bone.part`); 0 where none is within 20 mm.
    """

    distance_mm: NDArray[np.float32]
    part: NDArray[np.uint8]


BoneShape = tuple[FloatArray, FloatArray, NDArray[np.int64], FloatArray, FloatArray]


def solid_rows(rows: FloatArray) -> FloatArray:
    """Return the opening rows of the groups that add bone: their spheres hold it."""
    solid: FloatArray = rows[
        (rows[:, KIND] == OPEN) & (rows[:, OPERATION] == UNION) & (rows[:, RADIUS] > 0)
    ]
    return solid


@njit(cache=True, nogil=True)
def _fill_points(
    shape: BoneShape, pose: FloatArray, scale: float, points: FloatArray, out: FloatArray
) -> None:
    rows, others, starts, moves, boxes = shape
    for i in range(points.shape[0]):
        x, y, z = points[i]
        out[i] = world_distance(rows, others, starts, moves, boxes, pose, scale, x, y, z)


@njit(cache=True, nogil=True)
def _lattice(
    shape: BoneShape,
    pose: FloatArray,
    scale: float,
    first: FloatArray,
    step: float,
    out: FloatArray,
) -> None:
    rows, others, starts, moves, boxes = shape
    for s in range(out.shape[0]):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                x, y, z = first[0] + c * step, first[1] + r * step, first[2] + s * step
                out[s, r, c] = world_distance(
                    rows, others, starts, moves, boxes, pose, scale, x, y, z
                )


@njit(cache=True, nogil=True)
def _cell_is_far(lattice: FloatArray, i: int, j: int, k: int, band: float) -> bool:
    outside = lattice[i, j, k] > 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                value = lattice[i + a, j + b, k + c]
                if abs(value) < band or (value > 0.0) != outside:
                    return False
    return True


@njit(cache=True, nogil=True)
def _blend_corners(
    lattice: FloatArray, i: int, j: int, k: int, u: float, v: float, w: float
) -> float:
    front = (1 - v) * ((1 - w) * lattice[i, j, k] + w * lattice[i, j, k + 1]) + v * (
        (1 - w) * lattice[i, j + 1, k] + w * lattice[i, j + 1, k + 1]
    )
    back = (1 - v) * ((1 - w) * lattice[i + 1, j, k] + w * lattice[i + 1, j, k + 1]) + v * (
        (1 - w) * lattice[i + 1, j + 1, k] + w * lattice[i + 1, j + 1, k + 1]
    )
    return float((1 - u) * front + u * back)


@njit(cache=True, nogil=True)
def _refine_cell(
    shape: BoneShape,
    pose: FloatArray,
    scale: float,
    start: FloatArray,
    step: float,
    near: FloatArray,
    i: int,
    j: int,
    k: int,
) -> None:
    """Evaluate the 27 points of a cell in the finer lattice that no neighbour has."""
    rows, others, starts, moves, boxes = shape
    for a in range(2 * i, 2 * i + 3):
        for b in range(2 * j, 2 * j + 3):
            for c in range(2 * k, 2 * k + 3):
                if np.isnan(near[a, b, c]):
                    x, y, z = start[0] + c * step, start[1] + b * step, start[2] + a * step
                    near[a, b, c] = world_distance(
                        rows, others, starts, moves, boxes, pose, scale, x, y, z
                    )


@njit(cache=True, nogil=True)
def _fill_cell(
    lattice: FloatArray,
    place: tuple[int, int, int],
    size: int,
    low: tuple[int, int, int],
    distance: NDArray[np.float32],
    part: NDArray[np.uint8],
    number: int,
) -> None:
    """Interpolate the voxels of one cell, `size` of them along each axis."""
    i, j, k = place
    s0, r0, c0 = low[0] + size * i, low[1] + size * j, low[2] + size * k
    for s in range(s0, min(s0 + size, distance.shape[0])):
        for r in range(r0, min(r0 + size, distance.shape[1])):
            for c in range(c0, min(c0 + size, distance.shape[2])):
                u, v, w = (s - s0) / size, (r - r0) / size, (c - c0) / size
                value = _blend_corners(lattice, i, j, k, u, v, w)
                if value < distance[s, r, c]:
                    distance[s, r, c] = value
                    part[s, r, c] = number


@njit(cache=True, nogil=True)
def _fill_eighths(
    near: FloatArray,
    cell: tuple[int, int, int],
    low: tuple[int, int, int],
    distance: NDArray[np.float32],
    part: NDArray[np.uint8],
    number: int,
) -> None:
    """Interpolate the voxels of one cell from the finer lattice."""
    i, j, k = cell
    for eighth in range(8):
        place = (2 * i + eighth // 4, 2 * j + eighth // 2 % 2, 2 * k + eighth % 2)
        _fill_cell(near, place, STRIDE // 2, low, distance, part, number)


@njit(cache=True, nogil=True)
def _fill_cell_exactly(
    shape: BoneShape,
    pose: FloatArray,
    scale: float,
    first: FloatArray,
    spacing: float,
    corner: tuple[int, int, int],
    distance: NDArray[np.float32],
    part: NDArray[np.uint8],
    number: int,
) -> None:
    rows, others, starts, moves, boxes = shape
    s0, r0, c0 = corner
    for s in range(s0, min(s0 + STRIDE, distance.shape[0])):
        for r in range(r0, min(r0 + STRIDE, distance.shape[1])):
            for c in range(c0, min(c0 + STRIDE, distance.shape[2])):
                x, y, z = first[0] + c * spacing, first[1] + r * spacing, first[2] + s * spacing
                value = world_distance(rows, others, starts, moves, boxes, pose, scale, x, y, z)
                if value < distance[s, r, c]:
                    distance[s, r, c] = value
                    part[s, r, c] = number


@njit(cache=True, nogil=True)
def _fill_bone(
    shape: BoneShape,
    pose: FloatArray,
    scale: float,
    first: FloatArray,
    spacing: float,
    lattice: FloatArray,
    near: FloatArray,
    low: tuple[int, int, int],
    band: float,
    clip: float,
    distance: NDArray[np.float32],
    part: NDArray[np.uint8],
    number: int,
) -> None:
    """Fill in one bone; an empty `near` asks for every voxel near the surface to be evaluated."""
    start = np.empty(3)
    for axis in range(3):
        start[axis] = first[axis] + spacing * low[2 - axis]
    half = STRIDE // 2
    for i in range(lattice.shape[0] - 1):
        for j in range(lattice.shape[1] - 1):
            for k in range(lattice.shape[2] - 1):
                if lattice[i, j, k] > clip + band:
                    continue
                if _cell_is_far(lattice, i, j, k, band):
                    _fill_cell(lattice, (i, j, k), STRIDE, low, distance, part, number)
                elif near.size == 0:
                    corner = (low[0] + STRIDE * i, low[1] + STRIDE * j, low[2] + STRIDE * k)
                    _fill_cell_exactly(
                        shape, pose, scale, first, spacing, corner, distance, part, number
                    )
                else:
                    _refine_cell(shape, pose, scale, start, half * spacing, near, i, j, k)
                    _fill_eighths(near, (i, j, k), low, distance, part, number)


def sample_bone_list(bones: tuple[Bone, ...], grid: VoxelGrid) -> BoneFields:
    """Return the bones on a grid; the work behind `sample_bones`."""
    distance = np.full(grid.shape, CLIP_MM, np.float32)
    part = np.zeros(grid.shape, np.uint8)
    first, spacing = np.array(grid.first_lps_mm, dtype=np.float64), grid.spacing_mm
    for bone in bones:
        # No point of a cell is farther from a corner than half its diagonal.
        band = EXACT_WITHIN_MM + 0.87 * STRIDE * spacing
        low_mm, high_mm = bone.box_lps_mm()
        low_xyz = np.floor((low_mm - CLIP_MM - first) / spacing).astype(int)
        high_xyz = np.ceil((high_mm + CLIP_MM - first) / spacing).astype(int)
        low = np.maximum(low_xyz[::-1], 0)
        high = np.minimum(high_xyz[::-1], np.array(grid.shape) - 1)
        if (high < low).any():
            continue
        lattice = np.empty(tuple(int(n) for n in (high - low) // STRIDE + 2))
        start = first + spacing * low[::-1]
        _lattice(bone.shape, bone.local_from_world, bone.scale, start, STRIDE * spacing, lattice)
        finer = tuple(2 * n - 1 for n in lattice.shape) if spacing <= FINE_SPACING_MM else (0, 0, 0)
        _fill_bone(
            bone.shape,
            bone.local_from_world,
            bone.scale,
            first,
            spacing,
            lattice,
            np.full(finer, np.nan),
            (int(low[0]), int(low[1]), int(low[2])),
            band,
            CLIP_MM,
            distance,
            part,
            bone.part,
        )
    np.maximum(distance, -CLIP_MM, out=distance)
    return BoneFields(distance_mm=distance, part=part)


def least_distance(bones: tuple[Bone, ...], points_lps_mm: FloatArray) -> FloatArray:
    """Return the least signed distance (N,) of points (N, 3) to any of the bones."""
    points = np.asarray(points_lps_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"points_lps_mm has shape {points.shape}, expected (N, 3)")
    best = np.full(len(points), np.inf)
    for bone in bones:
        np.minimum(best, bone.distance_mm(points), out=best)
    return best
