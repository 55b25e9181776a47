"""In which order voxels are reached from a start: Dijkstra over 26 neighbours, direction-dependent.

Going from voxel i to its neighbour j costs length(i, j) · (resistance_i + resistance_j) / 2. The
length is measured in a metric that makes one direction (muscle fibres) cheaper than the others.
A voxel with infinite resistance is never entered. Grids are (S, R, C), z, y, x.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.geometry import VoxelGrid
from guidance.records import FloatArray

IndexArray = NDArray[np.int64]
NEIGHBOURS = np.array([n for n in np.ndindex(3, 3, 3) if n != (1, 1, 1)], dtype=np.int64) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrival:
    """Voxels in the order in which they were reached.

    Attributes
    ----------
    voxels : (N,) int64 array
        Flat index of each voxel.
    costs : (N,) float64 array
        Cost of reaching each, not decreasing. Millimetres times resistance.
    came_from : (N,) int64 array
        Flat index of the voxel that each was reached from; -1 for the start.
    """

    voxels: IndexArray
    costs: FloatArray
    came_from: IndexArray


@njit(cache=True, nogil=True)
def _sift_up(heap: IndexArray, place: IndexArray, cost: FloatArray, at: int) -> None:
    voxel = heap[at]
    while at > 0:
        above = (at - 1) // 2
        if cost[heap[above]] <= cost[voxel]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = voxel
    place[voxel] = at


@njit(cache=True, nogil=True)
def _sift_down(heap: IndexArray, place: IndexArray, cost: FloatArray, size: int) -> None:
    at = 0
    voxel = heap[0]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and cost[heap[child + 1]] < cost[heap[child]]:
            child += 1
        if cost[heap[child]] >= cost[voxel]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at] = voxel
    place[voxel] = at


@njit(cache=True, nogil=True)
def _offer(
    heap: IndexArray, place: IndexArray, cost: FloatArray, size: int, voxel: int, at_cost: float
) -> int:
    """Queue a voxel, or move it up, at a lower cost; return the queue's length."""
    if at_cost >= cost[voxel]:
        return size
    cost[voxel] = at_cost
    if place[voxel] == -1:
        heap[size] = voxel
        place[voxel] = size
        size += 1
    _sift_up(heap, place, cost, place[voxel])
    return size


@njit(cache=True, nogil=True)
def _drop_first(heap: IndexArray, place: IndexArray, cost: FloatArray, size: int) -> int:
    """Take the cheapest voxel off the queue, as done; return the queue's length."""
    place[heap[0]] = -2
    size -= 1
    if size > 0:
        heap[0] = heap[size]
        place[heap[0]] = 0
        _sift_down(heap, place, cost, size)
    return size


@njit(cache=True, nogil=True)
def _neighbour(voxel: int, step: IndexArray, shape: IndexArray) -> int:
    """Return the flat index one step on; -1 outside of the grid."""
    s, rest = divmod(voxel, shape[1] * shape[2])
    r, c = divmod(rest, shape[2])
    s, r, c = s + step[0], r + step[1], c + step[2]
    if not (0 <= s < shape[0] and 0 <= r < shape[1] and 0 <= c < shape[2]):
        return -1
    return int((s * shape[1] + r) * shape[2] + c)


@njit(cache=True, nogil=True)
def _march(
    resistance: NDArray[np.float32],
    shape: IndexArray,
    steps: IndexArray,
    lengths: FloatArray,
    starts: IndexArray,
    start_costs: FloatArray,
    capacity: NDArray[np.float32],
    enough: float,
    target: int,
) -> tuple[IndexArray, FloatArray, IndexArray]:
    """Visit voxels by cost until the capacity visited is `enough`, or `target` is reached."""
    n = resistance.size
    cost = np.full(n, np.inf)
    parent = np.full(n, -1, np.int64)
    place = np.full(n, -1, np.int64)  # -1 not queued, -2 done
    heap = np.empty(n, np.int64)
    order = np.empty(n, np.int64)
    size, done, held = 0, 0, 0.0
    for k in range(starts.size):
        size = _offer(heap, place, cost, size, starts[k], start_costs[k])
    while size > 0 and held < enough:
        voxel = heap[0]
        size = _drop_first(heap, place, cost, size)
        order[done] = voxel
        done += 1
        held += capacity[voxel]
        if voxel == target:
            break
        for k in range(steps.shape[0]):
            other = _neighbour(voxel, steps[k], shape)
            if other < 0 or place[other] == -2 or not np.isfinite(resistance[other]):
                continue
            reached = cost[voxel] + lengths[k] * 0.5 * (resistance[voxel] + resistance[other])
            if reached < cost[other]:
                parent[other] = voxel
                size = _offer(heap, place, cost, size, other, reached)
    found = order[:done].copy()
    return found, cost[found], parent[found]


def step_lengths(grid: VoxelGrid, along: FloatArray | None, across_cost: float) -> FloatArray:
    """Return what the 26 steps cost: their length, drawn out across the direction `along`.

    Parameters
    ----------
    grid : VoxelGrid
        For its spacing.
    along : (3,) float64 array or None
        Unit vector (x, y, z) of the cheap direction, LPS; None for no preference.
    across_cost : float
        How many times dearer a millimetre is across `along`.

    Returns
    -------
    (26,) float64 array
        In the order of `NEIGHBOURS`. Millimetres along the cheap direction.
    """
    steps = NEIGHBOURS[:, ::-1] * grid.spacing_mm
    squared = (steps**2).sum(axis=1)
    if along is None:
        lengths: FloatArray = np.sqrt(squared)
        return lengths
    on = (steps @ along) ** 2
    drawn_out: FloatArray = np.sqrt(on + across_cost**2 * np.maximum(squared - on, 0))
    return drawn_out


def march(
    grid: VoxelGrid,
    resistance: NDArray[np.float32],
    starts: dict[int, float],
    *,
    lengths: FloatArray | None = None,
    capacity: NDArray[np.float32] | None = None,
    enough: float = np.inf,
    target: int = -1,
) -> Arrival:
    """Return the voxels of `grid` in the order in which they are reached.

    Parameters
    ----------
    grid : VoxelGrid
        The voxels.
    resistance : (S, R, C) float32 array
        Cost per millimetre, positive; infinite where nothing enters.
    starts : dict of int to float
        Flat indices to start from, and the cost that each begins with.
    lengths : (26,) float64 array, optional
        From `step_lengths`; without a preferred direction when left out.
    capacity : (S, R, C) float32 array, optional
        What each voxel holds; the march ends when those visited hold `enough`.
    enough : float
        See `capacity`, same unit.
    target : int
        Flat index where the march may end; -1 for none.
    """
    holds = np.zeros(1, np.float32) if capacity is None else capacity.ravel()
    if capacity is None:
        holds = np.broadcast_to(holds, (resistance.size,)).copy()
    voxels, costs, came_from = _march(
        np.ascontiguousarray(resistance, dtype=np.float32).ravel(),
        np.array(grid.shape, dtype=np.int64),
        NEIGHBOURS,
        step_lengths(grid, None, 1.0) if lengths is None else lengths,
        np.array(list(starts), dtype=np.int64),
        np.array(list(starts.values()), dtype=np.float64),
        np.ascontiguousarray(holds, dtype=np.float32),
        enough,
        target,
    )
    return Arrival(voxels=voxels, costs=costs, came_from=came_from)


def path_to(arrival: Arrival, target: int) -> IndexArray | None:
    """Return the flat indices from a start to `target`; None where it was not reached."""
    order = np.argsort(arrival.voxels)
    ranked = arrival.voxels[order]

    def row_of(voxel: int) -> int:
        return int(order[min(int(np.searchsorted(ranked, voxel)), order.size - 1)])

    if arrival.voxels[row_of(target)] != target:
        return None
    path = [target]
    while (before := int(arrival.came_from[row_of(path[-1])])) >= 0:
        path.append(before)
    return np.array(path[::-1], dtype=np.int64)


def voxel_of(grid: VoxelGrid, point_lps_mm: FloatArray) -> int:
    """Return the flat index of the voxel nearest to a point (3,); points outside go to the rim."""
    place = np.rint((point_lps_mm - np.array(grid.first_lps_mm)) / grid.spacing_mm)[::-1]
    clipped = np.clip(place, 0, np.array(grid.shape) - 1).astype(np.int64)
    return int(np.ravel_multi_index(tuple(clipped), grid.shape))


def centers_of(grid: VoxelGrid, voxels: IndexArray) -> FloatArray:
    """Return the centres (N, 3) of voxels given by flat index. LPS, millimetres."""
    place = np.stack(np.unravel_index(voxels, grid.shape), axis=1)[:, ::-1]
    centers: FloatArray = np.array(grid.first_lps_mm) + grid.spacing_mm * place
    return centers
