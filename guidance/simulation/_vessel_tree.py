"""A tree of vessels about the tip: led round bone, winding, with small branches, cut into cells.

Cells hang together as a tree: every cell but the first has a parent, towards the trunk's drain.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.records import FloatArray, MaskArray
from guidance.simulation._arrival import IndexArray, centers_of, march, path_to, voxel_of
from guidance.simulation._surroundings import Surroundings
from guidance.simulation._vessel_routes import Leg, VesselPlan
from guidance.simulation._vessel_settings import VesselSettings

# Length of a cell along its vessel. Millimetres.
CELL_MM = 0.8
# Grid on which ways round bone are sought, and how far it reaches beyond the waypoints.
ROUTING_MM = 2.0
MARGIN_MM = 8.0
# The thinnest vessel followed; thinner ones are the bed that terminals stand for. Millimetres.
TWIG_DIAMETERS_MM = (0.3, 0.6)
# Ways found on the grid are smoothed by this; then each winding has its length (standard deviation
# of a smoothing) and its swing at tortuosity 1. Guess.
SMOOTH_MM = 3.0
WINDINGS_MM = ((2.5, 0.9), (8.0, 2.0))

# What lies beyond a vessel's end, as a length of vessel of its own calibre: a drain leads on to a
# wider one, a tributary's end to its small vessels. Guess.
DRAIN_MM = 15.0
SOURCE_MM = 250.0
TWIG_MM = 1500.0
# Valves let this much less in backwards.
VALVE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VesselTree:
    """Vessels as cells.

    Attributes
    ----------
    centers_lps_mm : (N, 3) float64 array
        Middle of each cell. Millimetres.
    along : (N, 3) float64 array
        Unit vector along the vessel.
    diameters_mm, lengths_mm : (N,) float64 array
        Of each cell. Millimetres.
    parents : (N,) int64 array
        The next cell towards the drain, always an earlier one; -1 for the first.
    terminal_mm : (N,) float64 array
        Length of vessel that stands for what lies beyond an open end; 0 where there is none.
    inflow_share : (N,) float64 array
        Share of the resting flow that comes in (negative: leaves) through the open end; the first
        cell's end takes the rest.
    entry : int
        The cell at the tip.
    """

    centers_lps_mm: FloatArray
    along: FloatArray
    diameters_mm: FloatArray
    lengths_mm: FloatArray
    parents: IndexArray
    terminal_mm: FloatArray
    inflow_share: FloatArray
    entry: int

    def __post_init__(self) -> None:
        """Check that it is a tree."""
        earlier = np.arange(self.parents.size)
        if self.parents[0] != -1 or (self.parents[1:] < 0).any():
            raise InputError("parents must be -1 for the first cell and a cell for the others")
        if (self.parents >= earlier).any():
            raise InputError("a parent must come before its child")

    @property
    def volumes_mm3(self) -> FloatArray:
        """What each cell holds, (N,). Cubic millimetres."""
        volumes: FloatArray = np.pi / 4 * self.diameters_mm**2 * self.lengths_mm
        return volumes


@dataclass(slots=True)
class _Growing:
    """Cells while a tree grows."""

    points: list[FloatArray] = field(default_factory=list)
    diameters: list[float] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    terminal: dict[int, float] = field(default_factory=dict)
    inflow: dict[int, float] = field(default_factory=dict)

    def add(self, point: FloatArray, diameter: float, parent: int) -> int:
        self.points.append(point)
        self.diameters.append(diameter)
        self.parents.append(parent)
        return len(self.points) - 1

    def run(self, points: FloatArray, diameter: float, parent: int) -> int:
        """Add a run of points after a cell, filling gaps and leaving out what is too close."""
        before = parent
        for point in points:
            here = self.points[before]
            away = float(np.linalg.norm(point - here))
            if away < CELL_MM / 2:
                continue
            steps = max(1, round(away / CELL_MM))
            for step in range(1, steps + 1):
                before = self.add(here + step / steps * (point - here), diameter, before)
        return before

    def nearest(self, point: FloatArray, last: int | None = None) -> int:
        away = np.linalg.norm(np.array(self.points[:last]) - point, axis=1)
        return int(away.argmin())


class _Pathfinder:
    """Leads polylines round bone and gives them their winding."""

    def __init__(
        self,
        surroundings: Surroundings,
        plan: VesselPlan,
        tortuosity: float,
        rng: np.random.Generator,
    ) -> None:
        self.surroundings, self.tortuosity, self.rng = surroundings, tortuosity, rng
        legs = (plan.entry, plan.trunk, plan.tributary, plan.upstream, *plan.sides)
        points = np.concatenate([leg.waypoints for leg in legs if leg is not None])
        low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
        low_x, low_y, low_z = (float(v) for v in low)
        high_x, high_y, high_z = (float(v) for v in high)
        self.grid: VoxelGrid = grid_about(
            (low_x, low_y, low_z), (high_x, high_y, high_z), ROUTING_MM
        )
        s, r, c = np.indices(self.grid.shape)
        every = np.array(self.grid.first_lps_mm) + ROUTING_MM * np.stack(
            (c.ravel(), r.ravel(), s.ravel()), axis=1
        )
        distance = surroundings.bone_distance_at(every).reshape(self.grid.shape)
        uneven = rng.uniform(0.7, 1.3, self.grid.shape)
        cost = uneven * (1 + 4 * np.exp(-np.maximum(distance, 0) / 1.2))
        self.is_open: MaskArray = distance > 0.4
        self.cost = np.where(self.is_open, cost, np.inf).astype(np.float32)

    def lead(self, leg: Leg, diameter_mm: float) -> FloatArray:
        """Return a leg as points (N, 3) a cell apart, clear of bone, winding."""
        pieces = [leg.waypoints[:1]]
        opened = [self._opened(point) for point in leg.waypoints]
        for start, goal in pairwise(opened):
            if start == goal:
                continue
            found = path_to(march(self.grid, self.cost, {start: 0.0}, target=goal), goal)
            if found is not None:
                pieces.append(centers_of(self.grid, found)[1:])
        rough = np.concatenate(pieces)
        rough = rough if len(rough) > 1 else leg.waypoints
        return self._wind(even(rough, CELL_MM), diameter_mm)

    def _opened(self, point: FloatArray) -> int:
        voxel = voxel_of(self.grid, point)
        if self.is_open.flat[voxel]:
            return voxel
        free = np.flatnonzero(self.is_open)
        away = np.linalg.norm(centers_of(self.grid, free) - point, axis=1)
        return int(free[away.argmin()])

    def _wind(self, line: FloatArray, diameter_mm: float) -> FloatArray:
        """Smooth a stepped line, let it swing, and lift it off bone; its ends stay."""
        first = line[0].copy()
        line = gaussian_filter1d(line, SMOOTH_MM / CELL_MM, axis=0, mode="nearest")
        travelled = CELL_MM * np.arange(len(line))
        fade = np.minimum(travelled / 4.0, 1.0)[:, None]
        line = line + (first - line[0]) * np.exp(-travelled / 3.0)[:, None]
        for length_mm, swing_mm in WINDINGS_MM:
            noise = gaussian_filter1d(
                self.rng.standard_normal((len(line) + 80, 3)), length_mm / CELL_MM, axis=0
            )
            swing = self.tortuosity * swing_mm * noise[40:-40] / noise.std()
            line = line + fade * swing
        clear = 0.5 * diameter_mm + 0.2
        for _ in range(6):
            lack = np.clip(clear - self.surroundings.bone_distance_at(line), 0, 1.5)
            push = lack[:, None] * self.surroundings.bone_direction_at(line)
            line = line + gaussian_filter1d(push, 1.0, axis=0, mode="nearest") * fade
        return even(line, CELL_MM)


def even(line: FloatArray, step_mm: float) -> FloatArray:
    """Return a polyline (N, 3) as points `step_mm` apart, its first point kept."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    kept = np.concatenate(([True], lengths > 1e-9))
    line, travelled = line[kept], np.concatenate(([0.0], np.cumsum(lengths[lengths > 1e-9])))
    wanted = np.arange(0.0, travelled[-1] + 1e-9, step_mm)
    points: FloatArray = np.stack([np.interp(wanted, travelled, line[:, k]) for k in range(3)], 1)
    return points


def joined(line: FloatArray, start: FloatArray) -> FloatArray:
    """Return a polyline (N, 3) bent so that it begins at `start`; it forgets within 10 mm."""
    fade = np.exp(-CELL_MM * np.arange(len(line)) / 4.0)[:, None]
    bent: FloatArray = line + (start - line[0]) * fade
    return bent


def grow_tree(
    settings: VesselSettings,
    plan: VesselPlan,
    surroundings: Surroundings,
    rng: np.random.Generator,
) -> VesselTree:
    """Grow the vessels of a plan, with small branches, and cut them into cells.

    Calibres follow Murray's law (Murray 1926, PNAS 12:207): at a junction the cubes of the smaller
    diameters add up to that of the greater, and resting flow divides as the cubes.
    """
    way = _Pathfinder(surroundings, plan, settings.tortuosity, rng)
    tree = _Growing()
    entry_mm, trunk_mm = settings.entry_diameter_mm, settings.trunk_diameter_mm
    trunk = way.lead(plan.trunk, trunk_mm)
    first = way.lead(plan.entry, entry_mm)
    root = tree.add(trunk[-1], trunk_mm, -1)
    junction = tree.run(trunk[-2::-1], trunk_mm, root)
    tree.terminal[root] = DRAIN_MM
    entry = tree.run(joined(first[::-1], trunk[0]), entry_mm, junction)
    _add_leg(tree, way, plan.tributary, entry_mm, entry, SOURCE_MM, entry_mm**3)
    if plan.upstream is not None:
        # Murray: what the entry vessel does not bring comes down the trunk from before.
        rest = max(trunk_mm**3 - entry_mm**3, 0.1 * trunk_mm**3)
        thick = float(np.cbrt(rest)) * plan.upstream.calibre
        source = SOURCE_MM if settings.route.value == "dorsal_artery" else SOURCE_MM / 2
        _add_leg(tree, way, plan.upstream, thick, junction, source, rest)
    for leg in plan.sides:
        thick = leg.calibre * trunk_mm
        at = tree.nearest(leg.waypoints[0], entry + 1)
        _add_leg(tree, way, leg, thick, at, DRAIN_MM, -0.5 * thick**3)
    _add_twigs(tree, settings.twigs, surroundings, entry, rng)
    return _cut(tree, settings, entry)


def _add_leg(
    tree: _Growing,
    way: _Pathfinder,
    leg: Leg,
    diameter_mm: float,
    at: int,
    beyond_mm: float,
    inflow: float,
) -> None:
    """Hang a leg on the tree at a cell; its far end is open, with that resting inflow."""
    before = tree.run(joined(way.lead(leg, diameter_mm), tree.points[at]), diameter_mm, at)
    if before != at:
        tree.terminal[before] = beyond_mm
        tree.inflow[before] = inflow


def _add_twigs(
    tree: _Growing,
    count: int,
    surroundings: Surroundings,
    entry: int,
    rng: np.random.Generator,
) -> None:
    """Grow small branches towards points drawn in the soft tissue about the vessels.

    A branch begins at the nearest vessel (or branch grown before), turns towards its point, wavers,
    and is turned away by bone.
    """
    for _ in range(count):
        host = int(rng.integers(max(0, entry - 40), len(tree.points)))
        goal = tree.points[host] + rng.normal(0.0, 9.0, 3)
        if surroundings.bone_distance_at(goal[None])[0] < 1.5:
            continue
        at = tree.nearest(goal)
        # Murray: no branch is thicker than its stem.
        thickest = min(TWIG_DIAMETERS_MM[1], 0.7 * tree.diameters[at])
        diameter = float(rng.uniform(min(TWIG_DIAMETERS_MM[0], thickest), thickest))
        grown = _grow_towards(surroundings, tree.points[at], goal, rng)
        before = at
        for point in grown:
            before = tree.add(point, diameter, before)
        if before != at:
            tree.terminal[before] = TWIG_MM
            tree.inflow[before] = diameter**3


def _grow_towards(
    surroundings: Surroundings, start: FloatArray, goal: FloatArray, rng: np.random.Generator
) -> list[FloatArray]:
    """Return the points of a branch from a vessel to its goal, without the first."""
    point = start
    heading = rng.standard_normal(3)
    heading /= np.linalg.norm(heading)
    grown: list[FloatArray] = []
    for _ in range(40):
        ahead = goal - point
        left = float(np.linalg.norm(ahead))
        if left < CELL_MM:
            break
        near = surroundings.bone_distance_at(point[None])[0]
        away = surroundings.bone_direction_at(point[None])[0] * np.exp(-max(near, 0.0) / 1.0)
        heading = 0.6 * heading + 0.5 * ahead / left + away + 0.35 * rng.standard_normal(3)
        heading /= np.linalg.norm(heading)
        step = point + CELL_MM * heading
        if surroundings.bone_distance_at(step[None])[0] < 0.3:
            break
        point = step
        grown.append(point)
    return grown


def _cut(tree: _Growing, settings: VesselSettings, entry: int) -> VesselTree:
    """Turn what has grown into arrays, and share out the resting flow."""
    centers = np.array(tree.points)
    parents = np.array(tree.parents, dtype=np.int64)
    diameters = np.array(tree.diameters)
    toward = centers[parents] - centers
    toward[0] = centers[0] - centers[1]
    lengths = np.linalg.norm(toward, axis=1)
    along = toward / np.maximum(lengths, 1e-9)[:, None]
    terminal, inflow = np.zeros(len(centers)), np.zeros(len(centers))
    for cell, beyond in tree.terminal.items():
        terminal[cell] = beyond
    for cell, share in tree.inflow.items():
        inflow[cell] = share
    # What comes in upstream of the entry is its resting flow, by which all shares are measured.
    own = subtree_sums(parents, inflow)[entry]
    inflow /= own
    is_source = inflow > 0
    if settings.has_valves:
        terminal[is_source] /= VALVE
    return VesselTree(
        centers_lps_mm=centers,
        along=along,
        diameters_mm=diameters,
        lengths_mm=np.maximum(lengths, CELL_MM / 2),
        parents=parents,
        terminal_mm=terminal,
        inflow_share=inflow,
        entry=entry,
    )


def subtree_sums(parents: IndexArray, values: FloatArray) -> FloatArray:
    """Return for each cell the sum of `values` over itself and all that hangs on it."""
    sums = values.astype(np.float64).copy()
    for cell in range(len(parents) - 1, 0, -1):
        sums[parents[cell]] += sums[cell]
    return sums
