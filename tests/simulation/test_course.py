"""Whole courses about the parametric spine: conservation, patterns, strata, replay."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from painted_spine import mirrored, painted_l4

from guidance.errors import InputError
from guidance.geometry import grid_about
from guidance.records import SpreadPattern
from guidance.simulation._contrast_settings import (
    ContrastRanges,
    ContrastSettings,
    ResidueSettings,
    draw_contrast,
)
from guidance.simulation._course import NeedlePlacement, simulate_contrast
from guidance.simulation._injection import InjectionSettings
from guidance.simulation._pool_layouts import find_joint_entry
from guidance.simulation._pool_settings import draw_pool
from guidance.simulation._surroundings import take_bearings
from guidance.simulation._vessel_settings import VesselKind, VesselRoute, VesselSettings
from guidance.spine import Tissue

TIMES = np.arange(0, 10, 0.25)
PUSH = InjectionSettings(onset_s=1.0, volume_ml=0.5, duration_s=2.0)
VEIN = VesselSettings(
    route=VesselRoute.SEGMENTAL,
    dose_fraction=0.4,
    entry_diameter_mm=1.5,
    trunk_diameter_mm=2.5,
    resting_velocity_mm_s=20.0,
)


def plain(pattern, seed=1, **changes):
    """Return settings of one injection without residue."""
    rng = np.random.default_rng(seed)
    kind = pattern if pattern not in ("vascular", "mixed") else SpreadPattern.PERINEURAL
    known = {
        "pattern": pattern,
        "iodine_mg_ml": 240.0,
        "injections": (PUSH,),
        "pool": draw_pool(rng, kind),
        "vessel": VEIN if pattern in ("vascular", "mixed") else None,
    }
    return ContrastSettings(**(known | changes))


def placed(surroundings, side="left"):
    tip = surroundings.landmark(f"L4.{side}.groove_superior")
    return NeedlePlacement(
        vertebra="L4",
        side=side,
        tips_lps_mm=np.stack((tip, tip + np.array((0.0, 3.0, -6.0)))),
        direction_lps=np.array((0.0, -1.0, 0.0)),
    )


def run(settings, seed=1, side="left", surroundings=None, times=TIMES):
    known = painted_l4() if surroundings is None else surroundings
    return simulate_contrast(
        settings, known, placed(known, side), times, np.random.default_rng(seed)
    )


def spread(course, frame=-1):
    """Return the stained pool cells' points: middle, and standard deviations along x, y, z."""
    weights = (course.masses_mg[frame] * ~course.in_vessel)[course.point_cell]
    middle = np.average(course.points_lps_mm, axis=0, weights=weights)
    squared = np.average((course.points_lps_mm - middle) ** 2, axis=0, weights=weights)
    return middle, np.sqrt(squared)


def share_in(course, wanted, surroundings=None):
    """Return the share of the last frame's iodine whose voxel has one of the labels."""
    known = painted_l4() if surroundings is None else surroundings
    place = (course.points_lps_mm - np.array(known.grid.first_lps_mm)) / known.grid.spacing_mm
    z, y, x = np.clip(
        np.rint(place).astype(int).T[::-1], 0, np.array(known.grid.shape)[:, None] - 1
    )
    weights = course.masses_mg[-1][course.point_cell]
    return np.average(np.isin(known.labels[z, y, x], wanted), weights=weights)


@pytest.mark.parametrize("pattern", list(SpreadPattern))
@pytest.mark.parametrize("seed", [1, 2])
def test_iodine_is_conserved_and_never_stronger_than_injected(pattern, seed):
    settings = draw_contrast(np.random.default_rng(seed), ContrastRanges(), pattern)
    course = run(settings, seed)
    held = course.masses_mg.sum(axis=1, dtype=np.float64) + course.absorbed_mg + course.left_mg
    np.testing.assert_allclose(held, course.injected_mg, atol=1e-4 * max(held.max(), 1e-9))
    np.testing.assert_allclose(course.vessel_mg() + course.pool_mg() + course.absorbed_mg
                               + course.left_mg, held, rtol=1e-6)  # fmt: skip
    concentration = course.masses_mg / course.cell_volumes_mm3 * 1e3
    assert concentration.max(initial=0) <= settings.iodine_mg_ml * (1 + 1e-4)
    distance = painted_l4().bone_distance_at(
        course.points_lps_mm[~course.in_vessel[course.point_cell]].astype(float)
    )
    assert (distance > 0).all()
    assert np.isfinite(course.points_lps_mm).all()


def test_the_dose_is_what_was_injected():
    course = run(plain(SpreadPattern.PERINEURAL))
    assert course.injected_mg[-1] == pytest.approx(120)
    assert course.injected_mg[0] == 0
    assert course.injections_s == ((1.0, 3.0),)
    assert (np.diff(course.injected_mg) >= 0).all()
    assert not course.in_vessel.any()
    assert course.vessel_entered_s is None
    assert not course.washout_s()


def test_same_seed_same_bytes():
    settings = plain(SpreadPattern.MIXED)
    first, again, other = (run(settings, seed) for seed in (1, 1, 2))
    assert first.masses_mg.tobytes() == again.masses_mg.tobytes()
    assert first.points_lps_mm.tobytes() == again.points_lps_mm.tobytes()
    assert first.points_lps_mm.shape != other.points_lps_mm.shape


def test_settings_come_back_from_json():
    for pattern in SpreadPattern:
        settings = draw_contrast(np.random.default_rng(7), ContrastRanges(), pattern)
        text = msgspec.json.encode(settings)
        assert msgspec.json.decode(text, type=ContrastSettings) == settings


def test_perineural_contrast_stays_at_the_tip():
    course = run(plain(SpreadPattern.PERINEURAL))
    tip = placed(painted_l4()).tips_lps_mm[0]
    weights = course.masses_mg[-1][course.point_cell]
    away = np.linalg.norm(course.points_lps_mm - tip, axis=1)
    assert np.average(away, weights=weights) < 10
    assert share_in(course, (Tissue.THECAL_SAC,)) < 0.02


def test_epidural_contrast_reaches_the_canal_or_the_root():
    courses = [run(plain(SpreadPattern.EPIDURAL, seed), seed) for seed in range(1, 4)]
    reached = [share_in(course, (Tissue.EPIDURAL,)) for course in courses]
    beside = share_in(run(plain(SpreadPattern.PERINEURAL)), (Tissue.EPIDURAL,))
    assert np.mean(reached) > max(0.25, 3 * beside)
    assert max(share_in(course, (Tissue.THECAL_SAC,)) for course in courses) < 0.05
    canal = painted_l4().landmark("L4.body")[0]
    nearest = [np.abs(course.points_lps_mm[:, 0] - canal).min() for course in courses]
    assert min(nearest) < 12


def test_intra_articular_contrast_stays_in_the_joint():
    course = run(plain(SpreadPattern.INTRA_ARTICULAR))
    assert share_in(course, (Tissue.JOINT_SPACE,)) > 0.4
    joint = painted_l4().landmark("L4.left.facet_joint")
    middle, _ = spread(course)
    assert np.linalg.norm(middle - joint) < 8


def test_the_joint_is_entered_near_the_groove():
    known = painted_l4()
    entry = find_joint_entry(known, "L4", "left")
    assert np.linalg.norm(entry - known.landmark("L4.left.groove_superior")) < 20
    z, y, x = np.rint((entry - known.grid.first_lps_mm) / known.grid.spacing_mm).astype(int)[::-1]
    assert known.labels[z, y, x] == Tissue.JOINT_SPACE
    at_entry = replace(placed(known), tips_lps_mm=entry)
    settings = plain(SpreadPattern.INTRA_ARTICULAR)
    course = simulate_contrast(settings, known, at_entry, TIMES, np.random.default_rng(1))
    assert share_in(course, (Tissue.JOINT_SPACE,)) > 0.4


def test_intramuscular_contrast_follows_the_fibres():
    course = run(plain(SpreadPattern.INTRAMUSCULAR))
    _, size = spread(course)
    assert size[2] > 1.3 * size[0]
    assert size[2] > 1.3 * size[1]
    layer = run(plain(SpreadPattern.PERINEURAL))
    cells = [(c.masses_mg[-1] > 0).sum() for c in (course, layer)]
    assert cells[0] > cells[1]


def test_a_pool_grows_only():
    course = run(plain(SpreadPattern.PERINEURAL))
    stained = (course.masses_mg > 1e-6).sum(axis=1)
    assert (np.diff(stained) >= 0).all()
    assert stained[0] == 0


def test_left_becomes_right():
    known = painted_l4()
    flipped = mirrored(known)
    settings = plain(SpreadPattern.PERINEURAL)
    own = [spread(run(settings, s))[0] for s in range(3)]
    other = [spread(run(settings, s, "right", flipped))[0] for s in range(3)]
    # The tissue's grain is not mirrored: middles agree on average, to millimetres.
    np.testing.assert_allclose(np.mean(own, axis=0) * (-1, 1, 1), np.mean(other, axis=0), atol=3)


def test_a_vessel_takes_its_share_and_washes_out():
    course = run(plain(SpreadPattern.MIXED))
    assert course.vessel_dose_fraction == pytest.approx(0.4, abs=0.01)
    assert course.vessel_kind is VesselKind.VENOUS
    assert course.vessel_entered_s == pytest.approx(1.0, abs=0.05)
    peak = course.vessel_mg().argmax()
    assert 1.0 < TIMES[peak] <= 3.25
    assert 0.5 < course.washout_s() < 7
    assert course.left_mg[-1] > 0.5 * 0.4 * 120


def test_faster_blood_washes_out_sooner():
    slow, fast = (
        run(plain(SpreadPattern.VASCULAR, vessel=replace(VEIN, resting_velocity_mm_s=v)))
        for v in (8.0, 60.0)
    )
    assert slow.vessel_mg()[-1] > 2 * fast.vessel_mg()[-1]


def test_a_vessel_takes_no_more_than_it_can_carry():
    thin = replace(VEIN, dose_fraction=1.0, entry_diameter_mm=0.5, largest_velocity_mm_s=300.0)
    course = run(plain(SpreadPattern.VASCULAR, vessel=thin))
    most = thin.most_ml_s * PUSH.duration_s / PUSH.volume_ml
    assert 0.5 * most < course.vessel_dose_fraction <= most * 1.001


def test_a_late_vessel_fills_late():
    course = run(plain(SpreadPattern.MIXED, vessel=replace(VEIN, delay_s=1.0)))
    assert course.vessel_entered_s == pytest.approx(2.0, abs=0.05)
    assert course.vessel_dose_fraction == pytest.approx(0.4, abs=0.01)
    assert course.vessel_mg()[TIMES < 1.9].max() == 0
    assert course.pool_mg()[TIMES < 1.9].max() > 10


def test_what_is_drawn_can_be_carried():
    rng = np.random.default_rng(11)
    for pattern in (SpreadPattern.VASCULAR, SpreadPattern.MIXED):
        for _ in range(150):
            settings = draw_contrast(rng, ContrastRanges(), pattern)
            vessel, push = settings.vessel, settings.injections[0]
            rate = vessel.dose_fraction * push.peak_rate_ml_s
            assert rate <= vessel.most_ml_s * 1.001
            assert vessel.dose_fraction >= (0.9 if pattern == "vascular" else 0.001)
            widest = 1.4 if vessel.kind is VesselKind.ARTERIAL else 4.0
            assert vessel.entry_diameter_mm <= widest
            assert 0.3 <= vessel.entry_diameter_mm <= vessel.trunk_diameter_mm <= 4


def test_a_moved_needle_leaves_two_pools():
    second = replace(PUSH, onset_s=5.0, tip=1)
    course = run(plain(SpreadPattern.PERINEURAL, injections=(PUSH, second)))
    first, both = spread(course, 16)[0], spread(course)[0]
    assert course.injected_mg[-1] == pytest.approx(240)
    assert both[2] < first[2] - 0.5


def test_residue_is_there_from_the_start_and_stays():
    residue = ResidueSettings(iodine_mg=20.0, level_offset=0)
    course = run(
        ContrastSettings(
            pattern=SpreadPattern.NONE, iodine_mg_ml=240.0, injections=(), residue=residue
        )
    )
    assert course.residue_mg == pytest.approx(20, rel=1e-4)
    np.testing.assert_allclose(course.pool_mg(), 20, rtol=1e-4)
    other_side = placed(painted_l4(), "right").tips_lps_mm[0]
    assert np.linalg.norm(spread(course)[0] - other_side) < 12


def test_a_residue_beyond_what_is_known_is_left_out():
    far = ResidueSettings(iodine_mg=20.0, level_offset=2)
    course = run(plain(SpreadPattern.PERINEURAL, residue=far))
    assert course.residue_mg == 0


def test_nothing_injected_is_an_empty_course():
    course = run(ContrastSettings(pattern=SpreadPattern.NONE, iodine_mg_ml=240.0, injections=()))
    assert course.masses_mg.shape == (TIMES.size, 0)
    assert course.points_lps_mm.shape == (0, 3)
    assert course.injected_mg.max() == 0


def test_the_frames_chosen_hold_the_same():
    sparse, dense = (run(plain(SpreadPattern.MIXED), times=TIMES[::step]) for step in (2, 1))
    np.testing.assert_allclose(sparse.vessel_mg(), dense.vessel_mg()[::2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pattern": SpreadPattern.NONE}, "none"),
        ({"injections": ()}, "injections"),
        ({"vessel": VEIN}, "vessel"),
        ({"pool": None}, "pool is missing"),
        ({"iodine_mg_ml": 0.0}, "iodine_mg_ml"),
        ({"pattern": SpreadPattern.EPIDURAL}, "does not fit"),
        ({"injections": (replace(PUSH, onset_s=5.0), PUSH)}, "time order"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        replace(plain(SpreadPattern.PERINEURAL), **change)


def test_bad_input_is_refused():
    known = painted_l4()
    settings = plain(SpreadPattern.PERINEURAL)
    with pytest.raises(InputError, match="increasing"):
        run(settings, times=TIMES[::-1])
    one = replace(placed(known), tips_lps_mm=placed(known).tips_lps_mm[:1])
    moved = replace(settings, injections=(replace(PUSH, tip=1),))
    with pytest.raises(InputError, match="positions"):
        simulate_contrast(moved, known, one, TIMES, np.random.default_rng(1))
    with pytest.raises(InputError, match="unit vector"):
        replace(placed(known), direction_lps=np.zeros(3))
    with pytest.raises(InputError, match="shape"):
        replace(known, grid=grid_about((0.0,) * 3, (9.0,) * 3, 1.0))
    deep = replace(placed(known), tips_lps_mm=known.landmark("L4.body"))
    with pytest.raises(InputError, match="lies in bone"):
        simulate_contrast(settings, known, deep, TIMES, np.random.default_rng(1))


def test_lookups_agree_with_the_arrays():
    known = painted_l4()
    x, y, z = (axis[5:8] for axis in known.grid.axes_mm)
    points = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(
        known.bone_distance_at(points).reshape(3, 3, 3),
        known.bone_distance_mm[5:8, 5:8, 5:8].transpose(2, 1, 0),
        atol=1e-4,
    )
    labels, distance = known.resampled(known.grid)
    np.testing.assert_array_equal(labels, known.labels)
    np.testing.assert_allclose(distance, known.bone_distance_mm, atol=1e-4)
    assert known.bone_distance_at(np.array([[500.0, 0, 0]]))[0] == 20
    b = take_bearings(known, "L4", "left")
    np.testing.assert_allclose(
        [b.lateral @ b.superior, b.anterior @ b.superior, b.lateral @ b.anterior], 0, atol=1e-9
    )
