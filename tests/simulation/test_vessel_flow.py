"""Iodine in vessels, against hand-worked cases: plug flow, dilution, wash-out, splits, reflux."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._vessel_flow import carry_iodine, solve_flow
from guidance.simulation._vessel_settings import VesselRoute, VesselSettings
from guidance.simulation._vessel_tree import VesselTree

IODINE = 300.0
TICK = 0.02


def tube(lengths=(50,), diameters=(2.0,), terminal=(1e9, 10.0), inflow=(1.0,), entry=None):
    """Return straight vessels: the first ends in the drain, the others begin at its far end.

    Cells are 1 mm long; cell 0 is the drain. `terminal` and `inflow` are of the drain (terminal
    only) and of the far end of each vessel, in order.
    """
    parents, widths, ends = [], [], []
    for k, (length, diameter) in enumerate(zip(lengths, diameters, strict=True)):
        start = -1 if k == 0 else ends[0]
        first = len(parents)
        parents += [start, *range(first, first + length - 1)]
        widths += [diameter] * length
        ends.append(len(parents) - 1)
    n = len(parents)
    beyond, comes_in = np.zeros(n), np.zeros(n)
    beyond[0] = terminal[-1]
    open_ends = ends if len(lengths) == 1 else ends[1:]
    for end, resistance, share in zip(open_ends, terminal[:-1], inflow, strict=True):
        beyond[end], comes_in[end] = resistance, share
    return VesselTree(
        centers_lps_mm=np.stack((np.zeros(n), np.zeros(n), np.arange(n)), axis=1).astype(float),
        along=np.tile((0.0, 0.0, -1.0), (n, 1)),
        diameters_mm=np.array(widths),
        lengths_mm=np.ones(n),
        parents=np.array(parents),
        terminal_mm=beyond,
        inflow_share=comes_in,
        entry=ends[0] if entry is None else entry,
    )


def vessel(**changes):
    known = {
        "route": VesselRoute.SEGMENTAL,
        "dose_fraction": 1.0,
        "entry_diameter_mm": 2.0,
        "trunk_diameter_mm": 2.0,
        "resting_velocity_mm_s": 10.0,
        "pulsatility": 0.0,
    }
    return VesselSettings(**(known | changes))


def carried(tree, settings, rate_ml_s, seconds=8.0, push_s=np.inf):
    ticks = TICK * np.arange(round(seconds / TICK) + 1)
    injected = rate_ml_s * np.minimum(ticks, push_s)
    records = np.arange(ticks.size)
    masses, left = carry_iodine(
        tree, solve_flow(tree, settings), settings, injected, ticks, records, IODINE
    )
    held = masses.sum(axis=1, dtype=np.float64) + left
    np.testing.assert_allclose(held, IODINE * injected, atol=1e-5 * IODINE * injected[-1] + 1e-9)
    concentration = masses / (tree.volumes_mm3 * 1e-3)
    assert concentration.max(initial=0) <= IODINE * (1 + 1e-5)
    return ticks, concentration, left


def test_a_plug_arrives_after_volume_over_flow():
    # 2 mm wide, resting 10 mm/s (0.0314 mL/s) and 0.1 mL/s injected: 41.8 mm/s over 50 mm.
    tree, settings = tube(), vessel()
    ticks, concentration, _ = carried(tree, settings, 0.1)
    speed = 10 + 0.1e3 / np.pi
    reached = concentration[:, 0] / concentration[-1, 0]
    assert ticks[np.searchsorted(reached, 0.5)] == pytest.approx(49.5 / speed, rel=0.04)


def test_injected_contrast_is_thinned_by_resting_flow():
    _, concentration, _ = carried(tube(), vessel(), 0.1)
    resting = np.pi * 10e-3
    np.testing.assert_allclose(concentration[-1], IODINE * 0.1 / (0.1 + resting), rtol=1e-4)


def test_what_rests_in_the_tube_is_washed_out_by_its_own_flow():
    # After a long push the tube is full; 50 mm at 10 mm/s take 5 s, half of it 2.5 s.
    ticks, concentration, _ = carried(tube(), vessel(), 0.2, seconds=10.0, push_s=3.0)
    held = concentration.sum(axis=1)
    after = np.searchsorted(ticks, 3.0)
    half = ticks[after + np.flatnonzero(held[after:] < held[after] / 2)[0]] - 3.0
    assert half == pytest.approx(2.5, rel=0.05)


def test_a_mixing_vessel_empties_exponentially():
    # One cell of 3.14 mm³ through which 0.0314 mL/s run empties with V / Q = 0.1 s.
    tree = tube(lengths=(2,), terminal=(1e9, 1.0))
    ticks, concentration, _ = carried(tree, vessel(), 0.3, seconds=2.0, push_s=1.0)
    begun = np.searchsorted(ticks, 1.0)
    first = concentration[begun:, 1]
    fall = np.log(first[0] / first[10]) / (10 * TICK)
    # Explicit steps of 0.2 of the time constant lose 0.8 where exp(-0.2) would be left.
    assert fall == pytest.approx(-np.log(0.8) / TICK, rel=0.01)
    assert fall == pytest.approx(10.0, rel=0.12)


def test_injection_splits_by_the_fourth_power_of_the_diameter():
    # Injected where two equally long vessels meet, of 1 and 2 mm: 1 to 16.
    tree = tube(
        lengths=(40, 40), diameters=(2.0, 1.0), terminal=(1e-6, 1e-6), inflow=(1.0,), entry=39
    )
    flow = solve_flow(tree, vessel())
    out = -flow.injected_in_share
    assert out.sum() == pytest.approx(1)
    assert out[0] / out[79] == pytest.approx(16, rel=0.08)


def test_a_strong_injection_goes_backwards_and_valves_hold_it():
    open_tree = tube(lengths=(40, 40), diameters=(2.0, 2.0), terminal=(20.0, 20.0), entry=39)
    valved = replace(open_tree, terminal_mm=open_tree.terminal_mm * np.where(
        np.arange(80) == 79, 1e6, 1.0))  # fmt: skip
    weak = carried(open_tree, vessel(), 0.01)[1][-1, 70]
    strong = carried(open_tree, vessel(), 0.3)[1][-1, 70]
    held = carried(valved, vessel(), 0.3)[1][-1, 70]
    assert weak == 0
    assert strong > 0.5 * IODINE
    assert held == 0


def test_an_artery_runs_away_from_the_heart():
    tree = tube(lengths=(30, 40), diameters=(2.0, 2.0), terminal=(1e6, 10.0), entry=29)
    artery = vessel(route=VesselRoute.DORSAL_ARTERY, resting_velocity_mm_s=100.0)
    _, concentration, _ = carried(tree, artery, 0.05, seconds=1.0)
    assert concentration[-1, 60] > 1
    assert concentration[-1, 10] == 0
    _, concentration, _ = carried(tree, vessel(resting_velocity_mm_s=100.0), 0.05, seconds=1.0)
    assert concentration[-1, 60] == 0
    assert concentration[-1, 10] > 1


def test_a_pulse_shakes_an_artery():
    tree = tube(lengths=(30, 40), diameters=(2.0, 2.0), terminal=(1e6, 10.0), entry=29)
    artery = vessel(
        route=VesselRoute.DORSAL_ARTERY, resting_velocity_mm_s=60.0, pulsatility=0.8, pulse_hz=1.0
    )
    _, concentration, _ = carried(tree, artery, 0.05, seconds=4.0)
    late = concentration[150:, 35]
    assert late.max() > 1.3 * late.min()


def test_twice_the_flow_is_twice_as_fast():
    slow = carried(tube(), vessel(resting_velocity_mm_s=10.0), 0.05)
    fast = carried(tube(), vessel(resting_velocity_mm_s=20.0), 0.10)
    half_slow, half_fast = (t[np.searchsorted(c[:, 0], c[-1, 0] / 2)] for t, c, _ in (slow, fast))
    assert half_slow / half_fast == pytest.approx(2, rel=0.05)


def test_no_tree_is_refused():
    tree = tube()
    with pytest.raises(InputError, match="parent"):
        replace(tree, parents=tree.parents[::-1].copy())


@pytest.mark.parametrize(
    "change",
    [
        {"entry_diameter_mm": 0.1},
        {"trunk_diameter_mm": 1.0},
        {"dose_fraction": 0.0},
        {"dose_fraction": 1.5},
        {"resting_velocity_mm_s": 0.0},
        {"delay_s": -1.0},
        {"tortuosity": 2.0},
        {"twigs": -1},
    ],
)
def test_what_is_no_vessel_is_refused(change):
    with pytest.raises(InputError, match="expected"):
        vessel(**change)
