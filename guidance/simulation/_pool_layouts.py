"""How hard each voxel is to enter, pattern by pattern.

A layout takes the tissues about the tips and returns the resistance of each voxel, the share of it
that contrast fills, and from which voxels the contrast of each tip starts. Grids are (S, R, C).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.geometry import VoxelGrid
from guidance.records import FloatArray, SpreadPattern
from guidance.simulation._arrival import centers_of, march, path_to
from guidance.simulation._pool_settings import PoolSettings
from guidance.simulation._surroundings import LEVELS, Bearings, Surroundings
from guidance.spine import Tissue

# A tip this deep in bone, and no deeper, is taken to lie on its surface.
TIP_TOLERANCE_MM = 4.0
# How far from the tip a joint or a foramen may lie to be reached through a leak.
REACH_MM = 22.0
# From the middle of a lumbar facet joint, 16-18 mm high (Panjabi 1993, Spine 18:1298), to its
# corners; the next joint begins beyond.
JOINT_HALF_MM = 11.0
# A spinal nerve root with its ganglion is 4-6 mm thick (Hasegawa 1996, Spine 21:1005).
ROOT_RADIUS_MM = 2.2
# Radius of the track that fluid finds from the tip to a joint or a sleeve. Guess.
TRACK_RADIUS_MM = 0.9
# Thickness of the layer that a leaking joint lays on bone. Guess.
LEAK_MM = 2.0
# Which point of a root's course lies in the foramen.
FORAMEN = 4
# From a pedicle's centre to the canal. Guess, half a pedicle's width (Zindrick 1987, Spine 12:160).
CANAL_MM = 5.0
# Resistance of what a pattern stays out of, against 1 where it spreads. Guess: high enough that
# only what finds no other room goes there.
OUTSIDE = 60.0

FieldArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]
Starts = tuple[dict[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """The tissues on the pool's own grid, with everything needed to lay out resistances."""

    settings: PoolSettings
    surroundings: Surroundings
    bearings: Bearings
    grid: VoxelGrid
    labels: NDArray[np.uint8]
    bone_distance_mm: FieldArray
    is_open: MaskArray
    noise: FieldArray


Layout = tuple[FieldArray, FieldArray, Starts]


def open_voxel(place: Place, tip_lps_mm: FloatArray) -> int:
    """Return the open voxel nearest to the tip, which may lie on the surface of bone."""
    near = nearest_voxel(place.grid, place.is_open, tip_lps_mm, TIP_TOLERANCE_MM)
    if near is None:
        raise InputError(
            f"the tip at {np.round(tip_lps_mm, 1)} has no soft tissue within {TIP_TOLERANCE_MM} "
            "mm; it lies in bone or off the patient"
        )
    return near


def nearest_voxel(
    grid: VoxelGrid, mask: MaskArray, point_lps_mm: FloatArray, within_mm: float
) -> int | None:
    """Return the flat index of the marked voxel nearest to a point; None if none is so near."""
    marked = np.flatnonzero(mask)
    if marked.size == 0:
        return None
    away = np.linalg.norm(centers_of(grid, marked) - point_lps_mm, axis=1)
    best = int(away.argmin())
    return int(marked[best]) if away[best] <= within_mm else None


@njit(cache=True, nogil=True)
def _distance_to_line(
    line: FloatArray, first: FloatArray, spacing: float, shape: tuple[int, int, int], most: float
) -> FieldArray:
    """Distance of each voxel (S, R, C) to a polyline (N, 3) x y z, exact up to `most`."""
    found = np.full(shape, np.float32(most))
    for k in range(line.shape[0] - 1):
        a, b = line[k], line[k + 1]
        along = b - a
        squared = (along**2).sum()
        low = np.empty(3, np.int64)
        high = np.empty(3, np.int64)
        for axis in range(3):
            least = min(a[axis], b[axis]) - most
            greatest = max(a[axis], b[axis]) + most
            size = shape[2 - axis]
            low[axis] = max(0, int(np.floor((least - first[axis]) / spacing)))
            high[axis] = min(size - 1, int(np.ceil((greatest - first[axis]) / spacing)))
        for s in range(low[2], high[2] + 1):
            z = first[2] + spacing * s
            for r in range(low[1], high[1] + 1):
                y = first[1] + spacing * r
                for c in range(low[0], high[0] + 1):
                    x = first[0] + spacing * c
                    t = (x - a[0]) * along[0] + (y - a[1]) * along[1] + (z - a[2]) * along[2]
                    t = min(max(t / squared, 0.0), 1.0) if squared > 0 else 0.0
                    dx = x - a[0] - t * along[0]
                    dy = y - a[1] - t * along[1]
                    dz = z - a[2] - t * along[2]
                    away = np.sqrt(dx * dx + dy * dy + dz * dz)
                    if away < found[s, r, c]:
                        found[s, r, c] = away
    return found


def distance_to_line(grid: VoxelGrid, line_lps_mm: FloatArray, most_mm: float) -> FieldArray:
    """Return each voxel's distance to a polyline (N, 3); `most_mm` where it is farther away."""
    first = np.array(grid.first_lps_mm)
    line = np.ascontiguousarray(line_lps_mm, dtype=np.float64)
    field: FieldArray = _distance_to_line(line, first, grid.spacing_mm, grid.shape, most_mm)
    return field


def _tissue_resistance(place: Place, **of: float) -> FieldArray:
    """Return a resistance by tissue; tissues that are not named have that of muscle, 1."""
    table = np.ones(256, np.float32)
    for name, value in of.items():
        table[Tissue[name.upper()]] = value
    resistance: FieldArray = table[place.labels]
    return resistance


def _rough(place: Place) -> FieldArray:
    """Return the factor by which chance changes the resistance."""
    factor: FieldArray = np.exp(place.settings.roughness * place.noise)
    return factor


def lay_perineural(place: Place, tips: Sequence[int]) -> Layout:
    """Lay a layer on bone: the periosteal and fascial plane."""
    settings = place.settings
    beyond = np.maximum(place.bone_distance_mm - settings.thickness_mm, 0)
    layer = 1 + (beyond / 0.6) ** 2
    tissue = _tissue_resistance(
        place, epidural=12.0, thecal_sac=OUTSIDE, joint_space=8.0, organ=8.0, blood=OUTSIDE
    )
    share = settings.filled_share * np.exp(-0.5 * (beyond / settings.thickness_mm) ** 2)
    resistance = (layer * tissue * _rough(place)).astype(np.float32)
    return resistance, share.astype(np.float32), tuple({tip: 0.0} for tip in tips)


def lay_intramuscular(place: Place, tips: Sequence[int]) -> Layout:
    """Lay strands between muscle fibres, away from bone."""
    tissue = _tissue_resistance(
        place, fat=3.0, epidural=OUTSIDE, thecal_sac=OUTSIDE, joint_space=OUTSIDE, organ=20.0
    )
    on_bone = 1 + 3 * np.exp(-place.bone_distance_mm)
    # Where the strands are, more fits in: the same noise opens the way and makes the room.
    share = place.settings.filled_share * np.clip(np.exp(-1.2 * place.noise - 0.5), 0.05, 3.0)
    resistance = (tissue * on_bone * _rough(place)).astype(np.float32)
    return resistance, np.minimum(share, 0.9), tuple({tip: 0.0} for tip in tips)


def _track(place: Place, start: int, goals: NDArray[np.int64]) -> tuple[int, FloatArray]:
    """Return the goal that fluid finds first from a voxel, and its way (N, 3) to it."""
    cost = np.where(place.is_open, 1 + place.noise.clip(-0.5, 2), np.inf).astype(np.float32)
    wanted = np.zeros(place.grid.shape, np.float32)
    wanted.flat[goals] = 1
    arrival = march(place.grid, cost, {start: 0.0}, capacity=wanted, enough=0.5)
    goal = int(arrival.voxels[-1])
    found = path_to(arrival, goal)
    if found is None or not wanted.flat[goal]:
        raise InputError(
            "no way through soft tissue leads from the tip to where contrast should go"
        )
    return goal, centers_of(place.grid, found)


def find_joint_entry(surroundings: Surroundings, vertebra: str, side: str) -> FloatArray:
    """Return where a needle that went astray from the groove enters the facet joint.

    Parameters
    ----------
    surroundings : Surroundings
        Labels with JOINT_SPACE; landmarks.
    vertebra, side : str
        Whose superior process makes the joint, in the contract's words.

    Returns
    -------
    (3,) float64 array
        The point of the joint's space nearest to the groove. LPS, millimetres.
    """
    middle = surroundings.landmark(f"{vertebra}.{side}.facet_joint")
    groove = surroundings.landmark_or(f"{vertebra}.{side}.groove_superior", middle)
    joint = np.flatnonzero(surroundings.labels == Tissue.JOINT_SPACE)
    points = centers_of(surroundings.grid, joint)
    points = points[np.linalg.norm(points - middle, axis=1) < JOINT_HALF_MM]
    if len(points) == 0:
        raise InputError(f"no joint space is labelled about {vertebra}.{side}; sample it finer")
    entry: FloatArray = points[np.linalg.norm(points - groove, axis=1).argmin()]
    return entry


def lay_intra_articular(place: Place, tips: Sequence[int]) -> Layout:
    """Open the gap of the nearest facet joint, with its recesses above and below."""
    settings, grid = place.settings, place.grid
    joint = (place.labels == Tissue.JOINT_SPACE) & place.is_open
    # The joint that the vertebra's own superior process makes, not the one below.
    tip = centers_of(grid, np.array(tips[:1]))[0]
    name = f"{place.bearings.vertebra}.{place.bearings.side}.facet_joint"
    entry = nearest_voxel(grid, joint, place.surroundings.landmark_or(name, tip), REACH_MM)
    if entry is None:
        raise InputError(
            f"no joint space within {REACH_MM} mm of the facet joint; intra-articular "
            "contrast needs labels with JOINT_SPACE on a grid finer than the gap"
        )
    cells = np.flatnonzero(joint)
    centers = centers_of(grid, cells)
    start = centers_of(grid, np.array([entry]))[0]
    middle = place.surroundings.landmark_or(name, start)
    own = np.linalg.norm(centers - middle, axis=1) < JOINT_HALF_MM + np.linalg.norm(start - middle)
    cells, centers = cells[own], centers[own]
    height = (centers - middle) @ place.bearings.superior
    # Overfull, the capsule leaks, and contrast creeps over the bone beside it.
    off_bone = np.maximum(place.bone_distance_mm - LEAK_MM, 0)
    resistance = np.minimum(20 + 20 * off_bone**2, 5 * OUTSIDE).astype(np.float32)
    for part in (height >= np.quantile(height, 0.92), height <= np.quantile(height, 0.08)):
        # A recess hangs on the whole edge of the gap, from front to back of the pole.
        edge = centers[part]
        edge = edge[np.argsort(edge @ place.bearings.anterior)]
        line = np.stack([piece.mean(axis=0) for piece in np.array_split(edge, 3)])
        away = distance_to_line(grid, line, 4 * settings.thickness_mm) / settings.thickness_mm
        pouch = (3 + 1.5 * away**3) * np.exp(0.5 * place.noise)
        resistance = np.minimum(resistance, pouch)
    resistance.flat[cells] = 1.0
    resistance *= _rough(place)
    # The needle has pierced the capsule: contrast begins in the gap, and leaves no track to it.
    tip_points = centers_of(grid, np.array(tips))
    starts = [
        {int(cells[np.linalg.norm(centers - here, axis=1).argmin()]): 0.0} for here in tip_points
    ]
    share = np.full(grid.shape, settings.filled_share, np.float32)
    return resistance, share, tuple(starts)


def root_course(place: Place) -> FloatArray:
    """Return the course (N, 3) of the root that leaves above the vertebra's pedicle.

    From the lateral recess, below the pedicle of the vertebra above, out through the foramen, then
    down, out and forwards in front of the transverse process.
    """
    bearings = place.bearings
    own = bearings.pedicle
    rise = bearings.above - bearings.body
    upper = LEVELS[max(LEVELS.index(bearings.vertebra) - 1, 0)]
    pedicle = place.surroundings.landmark_or(f"{upper}.{bearings.side}.pedicle", own + rise)
    pedicle = pedicle if upper != bearings.vertebra else own + rise
    # Lateral and anterior of the upper pedicle, in millimetres, and how far down towards the lower
    # one. The root leaves in the upper half of the foramen, below the pedicle. Guess.
    offsets = (
        (-9.5, -5.5, -0.90),
        (-9.0, -5.0, -0.40),
        (-7.5, -4.0, -0.05),
        (-5.0, -3.0, 0.22),
        (0.0, -3.0, 0.38),
        (6.0, -0.5, 0.50),
        (11.0, 4.0, 0.70),
        (14.0, 8.0, 1.05),
        (16.0, 13.0, 1.60),
    )
    course: FloatArray = np.stack(
        [
            pedicle + a * bearings.lateral + b * bearings.anterior + c * (own - pedicle)
            for a, b, c in offsets
        ]
    )
    return course


def lay_epidural(place: Place, tips: Sequence[int]) -> Layout:
    """Open the root's sleeve through the foramen, and the canal's fat about the sac."""
    settings, grid = place.settings, place.grid
    course = root_course(place)
    outer = ROOT_RADIUS_MM + settings.thickness_mm
    root = distance_to_line(grid, course, outer + 6.0)
    # The sleeve widens and narrows along the root, and lets contrast out where it is torn.
    wide = outer + 0.5 * place.noise
    beyond = np.maximum(root - wide, 0)
    resistance = np.minimum(1 + 20 * beyond**2, OUTSIDE).astype(np.float32)
    # Fat of the canal, and of this foramen; that of the foramen below is another root's.
    own = place.bearings.pedicle
    canal = _below(place, place.bearings.lateral, own - CANAL_MM * place.bearings.lateral)
    fat = (place.labels == Tissue.EPIDURAL) & (canal | ~_below(place, place.bearings.superior, own))
    loose = np.where(canal, 2.0, 1.6 + 1.5 * beyond**2).astype(np.float32)
    resistance[fat] = np.minimum(resistance[fat], loose[fat])
    resistance[_below(place, place.bearings.lateral, course[FORAMEN])] *= settings.canal_cost
    # The root itself, and the sac, stay unstained: tram tracks and filling defects.
    core = root < ROOT_RADIUS_MM + 0.3 * place.noise
    resistance[core] = 0.7 * OUTSIDE
    resistance[place.labels == Tissue.THECAL_SAC] = 20 * OUTSIDE
    resistance *= _rough(place)
    # What is called epidural has found the foramen, not merely the root outside of it.
    inner = _below(place, place.bearings.lateral, course[FORAMEN] + 3.0 * place.bearings.lateral)
    sleeve = np.flatnonzero(place.is_open & inner & (root < outer) & (root >= ROOT_RADIUS_MM))
    if sleeve.size == 0:
        raise InputError("the root's sleeve lies outside of the sampled box or inside bone")
    starts = []
    for voxel in tips:
        track = distance_to_line(grid, _track(place, voxel, sleeve)[1], 3.0)
        resistance[(track < TRACK_RADIUS_MM) & (resistance > 1)] = 1.0
        starts.append({voxel: 0.0})
    share = np.full(grid.shape, settings.filled_share, np.float32)
    return resistance, share, tuple(starts)


def _below(place: Place, direction: FloatArray, point: FloatArray) -> MaskArray:
    """Return which voxels come before a point (3,), going in a direction (3,)."""
    x, y, z = place.grid.axes_mm
    ahead = (
        (x - point[0]) * direction[0]
        + ((y - point[1]) * direction[1])[:, None]
        + ((z - point[2]) * direction[2])[:, None, None]
    )
    before: MaskArray = ahead < 0
    return before


LAYOUTS = {
    SpreadPattern.PERINEURAL: lay_perineural,
    SpreadPattern.INTRAMUSCULAR: lay_intramuscular,
    SpreadPattern.INTRA_ARTICULAR: lay_intra_articular,
    SpreadPattern.EPIDURAL: lay_epidural,
}
