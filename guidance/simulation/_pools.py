"""Pools: injected volume fills voxels in order of arrival; edges soften, and iodine leaves.

Iodine is conserved: what is poured in is in the cells or has been absorbed. No cell ever holds more
than the injected concentration: what finds no room goes on to the next voxel in the order.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._arrival import IndexArray, centers_of, march
from guidance.simulation._pool_ground import PoolGround

# Room beyond the injected volume, for what edges that soften take up.
ROOM = 1.25
MassArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolCourse:
    """Iodine in the voxels of pools over time.

    Attributes
    ----------
    masses_mg : (T, N) float32 array
        Per frame and cell. Milligrams.
    absorbed_mg : (T,) float64 array
        What has left for good by each frame. Milligrams.
    centers_lps_mm : (N, 3) float64 array
        Centres of the cells' voxels. Millimetres.
    capacities_mm3 : (N,) float64 array
        What each cell can hold. Cubic millimetres.
    spacing_mm : float
        Edge of the voxels. Millimetres.
    """

    masses_mg: MassArray
    absorbed_mg: FloatArray
    centers_lps_mm: FloatArray
    capacities_mm3: FloatArray
    spacing_mm: float


@njit(cache=True, nogil=True)
def _soften(
    mass: FloatArray, change: FloatArray, capacity: FloatArray, later: IndexArray, share: float
) -> None:
    """Exchange iodine between neighbours, by their difference in concentration."""
    change[:] = 0.0
    for i in range(mass.size):
        for k in range(3):
            j = later[i, k]
            if j >= 0:
                joint = min(capacity[i], capacity[j])
                flux = share * joint * (mass[i] / capacity[i] - mass[j] / capacity[j])
                change[i] -= flux
                change[j] += flux
    mass += change


@njit(cache=True, nogil=True)
def _pour(mass: FloatArray, full: FloatArray, order: IndexArray, amount: float) -> float:
    """Fill cells up in their order; return what found no room."""
    for i in order:
        if amount <= 0:
            break
        taken = min(max(full[i] - mass[i], 0.0), amount)
        mass[i] += taken
        amount -= taken
    return amount


@njit(cache=True, nogil=True)
def _evolve(
    orders: IndexArray,
    ends: IndexArray,
    poured: FloatArray,
    full: FloatArray,
    exchange: FloatArray,
    lost: FloatArray,
    later: IndexArray,
    capacity: FloatArray,
    masses: MassArray,
    absorbed: FloatArray,
) -> float:
    """Absorb, soften and pour, frame by frame; return the iodine that found no room.

    `orders` holds the cells in arrival order, one tip after the other, `ends` where each tip's
    order ends; `poured` (T, tips) milligrams per frame; `full` (N,) what each cell can hold;
    `exchange` (T,) and `lost` (T,) the share exchanged with a neighbour and lost in a frame.
    """
    mass = np.zeros(capacity.size)
    change = np.zeros(capacity.size)
    overflow, gone = 0.0, 0.0
    for t in range(poured.shape[0]):
        gone += lost[t] * mass.sum()
        mass *= 1 - lost[t]
        # In parts so small that no cell gives away more than half of what it holds.
        parts = int(exchange[t] * 6 / 0.5) + 1
        for _ in range(parts if exchange[t] > 0 else 0):
            _soften(mass, change, capacity, later, exchange[t] / parts)
        begin = 0
        for tip in range(ends.size):
            overflow += max(_pour(mass, full, orders[begin : ends[tip]], poured[t, tip]), 0.0)
            begin = ends[tip]
        masses[t] = mass.astype(np.float32)
        absorbed[t] = gone
    return overflow


def _later_neighbours(voxels: IndexArray, shape: tuple[int, int, int]) -> IndexArray:
    """Return for each cell (N, 3) which cells lie next to it along +z, +y, +x; -1 for none."""
    order = np.argsort(voxels)
    ranked = voxels[order]
    place = np.stack(np.unravel_index(voxels, shape), axis=1)
    found = np.full((voxels.size, 3), -1, np.int64)
    for axis, stride in enumerate((shape[1] * shape[2], shape[2], 1)):
        wanted = voxels + stride
        at = np.minimum(np.searchsorted(ranked, wanted), voxels.size - 1)
        there = (ranked[at] == wanted) & (place[:, axis] < shape[axis] - 1)
        found[there, axis] = order[at[there]]
    return found


def fill_pools(
    ground: PoolGround,
    volumes_ml: FloatArray,
    times_s: FloatArray,
    iodine_mg_ml: float,
    dispersion_mm2_s: float,
    absorption_s: float,
) -> PoolCourse:
    """Let contrast spread over its ground.

    Parameters
    ----------
    ground : PoolGround
        Where it may go.
    volumes_ml : (T, K) float64 array
        What each of the K tips has let out into the pool by each frame. Millilitres.
    times_s : (T,) float64 array
        Of the frames. Seconds.
    iodine_mg_ml : float
        Concentration of what is injected. Milligrams of iodine per millilitre.
    dispersion_mm2_s, absorption_s : float
        As in `PoolSettings`.

    Returns
    -------
    PoolCourse

    Raises
    ------
    InputError
        There is not enough room: the box is closed in by bone, or the volume is too great.
    """
    needed_mm3 = 1e3 * volumes_ml[-1]
    marches = [
        march(
            ground.grid,
            ground.resistance,
            start,
            lengths=ground.lengths,
            capacity=ground.capacity_mm3,
            # Contrast of an earlier tip may have filled the way: room for all of it.
            enough=ROOM * float(needed_mm3[: tip + 1].sum()) if needed_mm3[tip] > 0 else 0.0,
        ).voxels
        for tip, start in enumerate(ground.starts)
    ]
    voxels = np.unique(np.concatenate(marches))
    capacity = ground.capacity_mm3.ravel()[voxels].astype(np.float64)
    voxels, capacity = voxels[capacity > 0], capacity[capacity > 0]
    orders = [
        np.searchsorted(voxels, reached[ground.capacity_mm3.flat[reached] > 0])
        for reached in marches
    ]
    steps_s = np.diff(times_s, prepend=times_s[0])
    masses = np.zeros((times_s.size, voxels.size), np.float32)
    absorbed = np.zeros(times_s.size)
    poured = np.diff(volumes_ml, axis=0, prepend=0.0) * iodine_mg_ml
    overflow = _evolve(
        np.concatenate(orders),
        np.cumsum([order.size for order in orders]),
        np.ascontiguousarray(poured),
        capacity * iodine_mg_ml * 1e-3,
        dispersion_mm2_s * steps_s / ground.grid.spacing_mm**2,
        -np.expm1(-steps_s / absorption_s),
        _later_neighbours(voxels, ground.grid.shape),
        capacity,
        masses,
        absorbed,
    )
    if overflow > 1e-6 * max(poured.sum(), 1e-9):
        raise InputError(
            f"{overflow:.1f} of {poured.sum():.1f} mg of iodine find no room about the tip; "
            "sample more of the surroundings, or inject less"
        )
    return PoolCourse(
        masses_mg=masses,
        absorbed_mg=absorbed,
        centers_lps_mm=centers_of(ground.grid, voxels),
        capacities_mm3=capacity,
        spacing_mm=ground.grid.spacing_mm,
    )
