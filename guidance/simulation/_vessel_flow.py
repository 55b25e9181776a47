"""Iodine carried through a tree of vessels: finite volumes, upwind, in flux form.

The flow through each face is resting flow, which swings with heart or breath, plus the injected
flow times the share of it that passes there; the shares are those of a network of Poiseuille
resistances, so that a strong injection also goes backwards and into side branches. Water is
conserved in every cell, iodine in the tree: what leaves through an open end is counted.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from guidance.records import FloatArray
from guidance.simulation._arrival import IndexArray
from guidance.simulation._vessel_settings import VesselKind, VesselSettings
from guidance.simulation._vessel_tree import VesselTree, subtree_sums

# Time within which the injected flow is taken as steady. Seconds.
TICK_S = 0.02
# Largest share of a cell's volume that may flow out in a step.
COURANT = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeFlow:
    """Flow through a tree: per face towards the parent, and in through each open end.

    Attributes
    ----------
    resting_ml_s : (N,) float64 array
        From each cell to its parent (the first: out of its open end), without injection and
        averaged over the pulse. Negative: the other way. Millilitres per second.
    resting_in_ml_s : (N,) float64 array
        In through each open end. Millilitres per second.
    injected_share, injected_in_share : (N,) float64 array
        The same two for an injection of 1 mL/s at the entry.
    """

    resting_ml_s: FloatArray
    resting_in_ml_s: FloatArray
    injected_share: FloatArray
    injected_in_share: FloatArray


def solve_flow(tree: VesselTree, settings: VesselSettings) -> TreeFlow:
    """Return the flow through a tree, resting and of an injection at its entry."""
    # An artery is the same tree with blood running the other way.
    sign = -1.0 if settings.kind is VesselKind.ARTERIAL else 1.0
    resting_in = sign * settings.resting_ml_s * tree.inflow_share
    resting = subtree_sums(tree.parents, resting_in)
    resting_in[0] -= resting[0]
    injected_in = -_outflow_shares(tree)
    source = injected_in.copy()
    source[tree.entry] += 1.0
    injected = subtree_sums(tree.parents, source)
    injected[0] = 0.0
    resting[0] = 0.0
    return TreeFlow(
        resting_ml_s=resting,
        resting_in_ml_s=resting_in,
        injected_share=injected,
        injected_in_share=injected_in,
    )


def _outflow_shares(tree: VesselTree) -> FloatArray:
    """Return the share (N,) of an injected flow that leaves through each open end; sums to 1."""
    n = tree.parents.size
    # Hagen-Poiseuille: resistance goes with length over the fourth power of the diameter.
    half = tree.lengths_mm / (2 * tree.diameters_mm**4)
    child, parent = np.arange(1, n), tree.parents[1:]
    between = 1 / (half[child] + half[parent])
    is_open = tree.terminal_mm > 0
    beyond = np.where(is_open, tree.terminal_mm, 1.0) / tree.diameters_mm**4
    to_ground = np.where(is_open, 1 / (half + beyond), 0.0)
    diagonal = to_ground + np.bincount(child, between, n) + np.bincount(parent, between, n)
    rows = np.concatenate((np.arange(n), child, parent))
    columns = np.concatenate((np.arange(n), parent, child))
    values = np.concatenate((diagonal, -between, -between))
    # Scaled, since conductances span many powers of ten.
    scale = 1 / np.sqrt(diagonal)
    matrix = coo_array((values * scale[rows] * scale[columns], (rows, columns)), shape=(n, n))
    injected = np.zeros(n)
    injected[tree.entry] = 1.0
    pressure = scale * spsolve(matrix.tocsc(), scale * injected)
    out: FloatArray = to_ground * pressure
    shares: FloatArray = out / out.sum()
    return shares


@njit(cache=True, nogil=True)
def _fastest(
    parents: IndexArray, volumes: FloatArray, face: FloatArray, into: FloatArray, out: FloatArray
) -> float:
    """Return the greatest share of a cell's volume that flows out in a second."""
    out[:] = 0.0
    for i in range(parents.size):
        out[i] += max(-into[i], 0.0)
        if i > 0:
            out[i] += max(face[i], 0.0)
            out[parents[i]] += max(-face[i], 0.0)
    return float((out / volumes).max())


@njit(cache=True, nogil=True)
def _step(
    parents: IndexArray,
    volumes: FloatArray,
    face: FloatArray,
    into: FloatArray,
    dt: float,
    mass: FloatArray,
    change: FloatArray,
) -> float:
    """Let iodine go with the flow for `dt`; return what left through open ends."""
    gone = 0.0
    for i in range(parents.size):
        own = mass[i] / volumes[i]
        if into[i] < 0:
            flux = -into[i] * dt * own
            change[i] -= flux
            gone += flux
        if i > 0:
            j = parents[i]
            flux = face[i] * dt * (own if face[i] > 0 else mass[j] / volumes[j])
            change[i] -= flux
            change[j] += flux
    mass += change
    return gone


@njit(cache=True, nogil=True)
def _carry(
    parents: IndexArray,
    volumes: FloatArray,
    resting: FloatArray,
    resting_in: FloatArray,
    share: FloatArray,
    share_in: FloatArray,
    entry: int,
    swing: FloatArray,
    injected: FloatArray,
    concentration: float,
    tick: float,
    ticks_per_record: IndexArray,
    masses: NDArray[np.float32],
    left: FloatArray,
) -> None:
    """Carry iodine; `swing` (K,) multiplies resting flow and `injected` (K,) is mL/s, per tick."""
    mass, change, out = np.zeros(parents.size), np.zeros(parents.size), np.zeros(parents.size)
    gone = 0.0
    at = 0
    for record in range(ticks_per_record.size):
        for _ in range(ticks_per_record[record]):
            face = resting * swing[at] + share * injected[at]
            into = resting_in * swing[at] + share_in * injected[at]
            steps = int(tick * _fastest(parents, volumes, face, into, out) / COURANT) + 1
            for _ in range(steps):
                change[:] = 0.0
                change[entry] = injected[at] * tick / steps * concentration
                gone += _step(parents, volumes, face, into, tick / steps, mass, change)
            at += 1
        masses[record] = mass.astype(np.float32)
        left[record] = gone


def carry_iodine(
    tree: VesselTree,
    flow: TreeFlow,
    settings: VesselSettings,
    injected_ml: FloatArray,
    ticks_s: FloatArray,
    records: IndexArray,
    iodine_mg_ml: float,
) -> tuple[NDArray[np.float32], FloatArray]:
    """Return the iodine in each cell over time, and what has left the tree.

    Parameters
    ----------
    tree, flow : VesselTree, TreeFlow
        The vessels and what flows.
    settings : VesselSettings
        For the pulse.
    injected_ml : (K + 1,) float64 array
        What has entered the vessel by each tick; never decreasing. Millilitres.
    ticks_s : (K + 1,) float64 array
        Times, evenly spaced. Seconds.
    records : (T,) int64 array
        Ticks at which masses are wanted, not decreasing, at most K.
    iodine_mg_ml : float
        Concentration of what is injected. Milligrams per millilitre.

    Returns
    -------
    masses_mg : (T, N) float32 array
        Per record and cell.
    left_mg : (T,) float64 array
        What has left through open ends by each record.
    """
    tick = float(ticks_s[1] - ticks_s[0])
    middle = (ticks_s[:-1] + ticks_s[1:]) / 2
    swing = 1 + settings.pulsatility * np.sin(2 * np.pi * settings.pulse_hz * middle)
    masses = np.zeros((records.size, tree.parents.size), np.float32)
    left = np.zeros(records.size)
    _carry(
        tree.parents,
        tree.volumes_mm3 * 1e-3,
        flow.resting_ml_s,
        flow.resting_in_ml_s,
        flow.injected_share,
        flow.injected_in_share,
        tree.entry,
        swing,
        np.diff(injected_ml) / tick,
        iodine_mg_ml,
        tick,
        np.diff(records, prepend=0),
        masses,
        left,
    )
    return masses, left
