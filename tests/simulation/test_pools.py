"""Pools on a plane of bone: volume, room, bone, absorption, and the order of arrival."""

from dataclasses import replace

import numpy as np
import pytest
from painted_spine import bone_floor

from guidance.errors import InputError
from guidance.geometry import VoxelGrid
from guidance.records import SpreadPattern
from guidance.simulation._arrival import centers_of, march, path_to, step_lengths, voxel_of
from guidance.simulation._pool_ground import grained_noise, lay_pool_ground
from guidance.simulation._pool_settings import POOL_KINDS, PoolSettings, draw_pool
from guidance.simulation._pools import fill_pools
from guidance.simulation._surroundings import take_bearings

LAYER = PoolSettings(
    kind=SpreadPattern.PERINEURAL,
    filled_share=0.5,
    thickness_mm=2.0,
    roughness=0.3,
    grain_mm=2.0,
    dispersion_mm2_s=0.0,
    absorption_s=1e9,
)
TIMES = np.linspace(0, 4, 21)
TIP = np.array([[0.0, 0.2, 0.0]])


def course_of(settings, volumes_ml, tips=TIP, seed=1, iodine=200.0):
    surroundings = bone_floor()
    ground = lay_pool_ground(
        settings,
        surroundings,
        take_bearings(surroundings, "L4", "left"),
        tips,
        float(volumes_ml[-1].sum()),
        np.random.default_rng(seed),
    )
    return fill_pools(
        ground,
        volumes_ml,
        TIMES,
        iodine,
        settings.dispersion_mm2_s,
        settings.absorption_s,
    )


def ramp(total_ml):
    return np.clip(TIMES / 2, 0, 1)[:, None] * total_ml


def test_the_volume_filled_is_the_volume_injected():
    course = course_of(LAYER, ramp(0.4))
    concentration = course.masses_mg / course.capacities_mm3 * 1e3
    # Without softening a cell is full, empty, or the one that is being filled.
    partly = (concentration > 0.1) & (concentration < 199.9)
    assert partly.sum(axis=1).max() <= 1
    filled = (course.masses_mg / 200e-3).sum(axis=1)
    np.testing.assert_allclose(filled, 400 * np.clip(TIMES / 2, 0, 1), rtol=1e-5, atol=1e-6)


def test_nothing_lies_in_bone_and_all_lies_on_it():
    course = course_of(LAYER, ramp(0.4))
    stained = course.masses_mg[-1] > 0
    depth = course.centers_lps_mm[stained, 1]
    assert depth.min() > 0.25 * course.spacing_mm
    assert np.average(depth, weights=course.masses_mg[-1, stained]) < 3.0


def test_iodine_is_in_the_pool_or_absorbed():
    settings = replace(LAYER, absorption_s=10.0, dispersion_mm2_s=0.02)
    course = course_of(settings, ramp(0.3))
    held = course.masses_mg.sum(axis=1, dtype=np.float64) + course.absorbed_mg
    np.testing.assert_allclose(held, 60 * np.clip(TIMES / 2, 0, 1), rtol=1e-5, atol=1e-5)
    after = course.masses_mg.sum(axis=1, dtype=np.float64)
    # From 2 s on nothing is added: it falls as exp(-t / 10 s).
    assert after[20] / after[10] == pytest.approx(np.exp(-0.2), rel=1e-4)


def test_no_cell_holds_more_than_what_is_injected():
    settings = replace(LAYER, dispersion_mm2_s=0.03)
    course = course_of(settings, ramp(0.5))
    concentration = course.masses_mg / course.capacities_mm3 * 1e3
    assert concentration.max() <= 200 * (1 + 1e-5)


def test_edges_soften_and_the_stain_only_grows():
    sharp, soft = (course_of(replace(LAYER, dispersion_mm2_s=d), ramp(0.3)) for d in (0.0, 0.05))
    grown = (sharp.masses_mg > 0).sum(axis=1)
    assert (np.diff(grown) >= 0).all()
    assert (soft.masses_mg[-1] > 0).sum() > 1.2 * grown[-1]


def test_two_tips_share_the_room():
    tips = np.array([[-4.0, 0.2, 0.0], [4.0, 0.2, 0.0]])
    volumes = np.stack((np.clip(TIMES, 0, 1), np.clip(TIMES - 2, 0, 1)), axis=1) * 0.2
    course = course_of(LAYER, volumes, tips)
    assert course.masses_mg[-1].sum() == pytest.approx(80, rel=1e-5)
    middle = np.average(course.centers_lps_mm[:, 0], weights=course.masses_mg[8])
    assert middle < -2
    concentration = course.masses_mg / course.capacities_mm3 * 1e3
    assert concentration.max() <= 200 * (1 + 1e-5)


def test_muscle_is_stained_along_its_fibres():
    settings = draw_pool(np.random.default_rng(2), SpreadPattern.INTRAMUSCULAR)
    course = course_of(settings, ramp(0.3), np.array([[0.0, 8.0, 0.0]]))
    spread = [
        np.sqrt(np.average((c - np.average(c, weights=course.masses_mg[-1])) ** 2,
                           weights=course.masses_mg[-1]))
        for c in course.centers_lps_mm.T
    ]  # fmt: skip
    assert spread[2] > 1.5 * max(spread[0], spread[1])


def test_same_seed_same_pool_other_seed_another():
    first, again, other = (course_of(LAYER, ramp(0.3), seed=s).masses_mg for s in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.shape != other.shape or (first != other).any()


def test_too_little_room_is_said():
    surroundings = bone_floor()
    ground = lay_pool_ground(
        LAYER, surroundings, take_bearings(surroundings, "L4", "left"), TIP, 0.5,
        np.random.default_rng(1),
    )  # fmt: skip
    closed = replace(ground, capacity_mm3=ground.capacity_mm3 * np.float32(1e-3))
    with pytest.raises(InputError, match="no room"):
        fill_pools(closed, ramp(0.5), TIMES, 200.0, 0.0, 1e9)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [(SpreadPattern.INTRA_ARTICULAR, "JOINT_SPACE"), (SpreadPattern.PERINEURAL, "lies in bone")],
)
def test_a_place_that_does_not_fit_is_said(pattern, said):
    surroundings = bone_floor()
    settings = draw_pool(np.random.default_rng(1), pattern)
    tip = np.array([[0.0, 0.2 if pattern == "intra_articular" else -9.0, 0.0]])
    with pytest.raises(InputError, match=said):
        lay_pool_ground(
            settings, surroundings, take_bearings(surroundings, "L4", "left"), tip, 0.5,
            np.random.default_rng(1),
        )  # fmt: skip


@pytest.mark.parametrize("kind", POOL_KINDS)
def test_pools_are_drawn_of_every_kind(kind):
    drawn = [draw_pool(np.random.default_rng(s), kind) for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    with pytest.raises(InputError, match="filled_share"):
        replace(drawn[0], filled_share=0.0)


def test_what_is_no_pool_is_refused():
    with pytest.raises(InputError, match="pool cannot be"):
        draw_pool(np.random.default_rng(1), SpreadPattern.VASCULAR)
    with pytest.raises(InputError, match="absorption_s"):
        replace(LAYER, absorption_s=0.0)


GRID = VoxelGrid(first_lps_mm=(0.0, 0.0, 0.0), spacing_mm=1.0, shape=(9, 9, 9))


def test_arrival_goes_round_a_wall():
    resistance = np.ones(GRID.shape, np.float32)
    resistance[:, 4, :8] = np.inf
    start, goal = voxel_of(GRID, np.array([0.0, 0, 0])), voxel_of(GRID, np.array([0.0, 8, 0]))
    arrival = march(GRID, resistance, {start: 0.0})
    assert (np.diff(arrival.costs) >= 0).all()
    assert arrival.voxels.size == 81 * 9 - 72
    path = path_to(arrival, goal)
    assert path is not None
    # To (8, 4) and back: two legs, each 4 diagonal steps and 4 straight ones.
    cost = arrival.costs[arrival.voxels == goal][0]
    assert cost == pytest.approx(8 * np.sqrt(2) + 8)
    assert (centers_of(GRID, path)[:, 0] == 8).any()


def test_arrival_prefers_the_fibres():
    start = {voxel_of(GRID, np.array([4.0, 4, 4])): 0.0}
    lengths = step_lengths(GRID, np.array([0.0, 0.0, 1.0]), 3.0)
    arrival = march(GRID, np.ones(GRID.shape, np.float32), start, lengths=lengths)
    costs = dict(zip(arrival.voxels, arrival.costs, strict=True))
    assert costs[voxel_of(GRID, np.array([4.0, 4, 8]))] == pytest.approx(4)
    assert costs[voxel_of(GRID, np.array([8.0, 4, 4]))] == pytest.approx(12)


def test_noise_has_unit_variance_and_its_grain():
    grid = VoxelGrid(first_lps_mm=(0.0, 0.0, 0.0), spacing_mm=0.6, shape=(60, 60, 60))
    along = np.array([0.0, 0.0, 1.0])
    noise = grained_noise(np.random.default_rng(1), grid, 1.0, along, 8.0)
    assert noise.shape == grid.shape
    assert 0.7 < noise.std() < 1.2
    change = [np.abs(np.diff(noise, axis=axis)).mean() for axis in range(3)]
    assert change[0] < 0.3 * min(change[1], change[2])
