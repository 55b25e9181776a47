"""Needles in made CT: tips and directions that are known, bone, noise, blobs of contrast."""

import numpy as np
import pytest
from made_ct import MadeScan, ball, needle, tube

from guidance.records import NotFound, Volume
from guidance.spread import find_ct_needles

SCAN = MadeScan()
THIN = MadeScan(shape=(28, 128, 128), spacing_mm=(1.0, 0.6, 0.6))
TIP = (15.0, 34.0, 46.0)
DIRECTIONS = {
    "in the slice, from behind": (0.0, -1.0, -0.25),
    "in the slice, from the side": (0.02, -0.6, -0.8),
    "across slices": (0.35, -0.9, -0.2),
    "other way across": (-0.4, -0.85, -0.3),
}
BACK = (0.0, -1.0, -0.2)


def only(volume: Volume):
    found = find_ct_needles(volume)
    assert not isinstance(found, NotFound), found
    assert len(found) == 1
    return found[0]


def angle_deg(a, b) -> float:
    return float(np.degrees(np.arccos(np.clip(np.dot(a, b) / np.linalg.norm(a), -1, 1))))


def direction_lps(scan: MadeScan, direction) -> np.ndarray:
    turned = scan.lps(np.array(direction)) - scan.lps(np.zeros(3))
    return turned / np.linalg.norm(turned)


@pytest.mark.parametrize("scan", [SCAN, THIN], ids=["2 mm", "1 mm"])
@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_tip_is_where_it_is(scan, direction):
    """To a voxel: blur and saturation move the end of a shaft by half a millimetre."""
    found = only(scan.take(needle(TIP, direction)))
    assert np.linalg.norm(found.tip_lps_mm - scan.lps(TIP)) < 1.2
    assert angle_deg(direction_lps(scan, direction), found.direction_lps) < 3
    assert found.uncertainty_mm < 1.5
    assert not found.is_in_plane_only


@pytest.mark.parametrize(("gauge_mm", "slice_mm"), [(0.51, 1.0), (0.72, 2.0), (0.9, 3.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_gauges_slices_and_noise(gauge_mm, slice_mm, seed):
    slices = round(30 / slice_mm)
    scan = MadeScan(shape=(slices, 128, 128), spacing_mm=(slice_mm, 0.6, 0.6), noise_hu=30.0)
    found = only(scan.take(needle(TIP, BACK, gauge_mm=gauge_mm), seed=seed))
    assert np.linalg.norm(found.tip_lps_mm - scan.lps(TIP)) < 1.2


def test_the_patient_moves_and_so_does_the_tip():
    shaft = needle(TIP, BACK)
    moved_mm = np.array([0.0, 1.3, -2.1])
    here, there = (only(SCAN.take(shaft, moved_mm=mm)) for mm in ((0, 0, 0), moved_mm))
    expected = SCAN.lps(moved_mm) - SCAN.lps(np.zeros(3))
    assert np.linalg.norm(there.tip_lps_mm - here.tip_lps_mm - expected) < 0.35


def test_two_needles_are_two():
    other = needle((21.0, 30.0, 25.0), (0.0, -1.0, 0.3))
    found = find_ct_needles(SCAN.take(needle(TIP, BACK), other))
    assert len(found) == 2
    tips = [SCAN.lps(TIP), SCAN.lps((21.0, 30.0, 25.0))]
    for tip in tips:
        assert min(np.linalg.norm(one.tip_lps_mm - tip) for one in found) < 1.2


def test_bone_alone_is_no_needle():
    found = find_ct_needles(SCAN.take())
    assert isinstance(found, NotFound)
    assert "1400 HU" in found.reason


def test_a_pool_of_undiluted_contrast_is_no_needle():
    found = find_ct_needles(SCAN.take((ball(TIP, (4, 5, 5)), 6000.0)))
    assert isinstance(found, NotFound)
    assert "no thin straight line" in found.reason


def test_a_bent_dense_vessel_is_no_needle():
    way = [(15, 34 + 8 * np.sin(a), 46 + 8 * np.cos(a)) for a in np.linspace(0, 4.5, 20)]
    assert isinstance(find_ct_needles(SCAN.take((tube(way, 1.0), 6000.0))), NotFound)


def test_a_single_thick_slice_is_answered_in_its_plane():
    scan = MadeScan(shape=(1, 128, 128), spacing_mm=(5.0, 0.6, 0.6))
    found = only(scan.take(needle((0.0, 34.0, 46.0), BACK, gauge_mm=0.9)))
    assert found.is_in_plane_only
    assert np.linalg.norm((found.tip_lps_mm - scan.lps((0.0, 34.0, 46.0)))[:2]) < 1.2
    assert found.direction_lps[2] == pytest.approx(0)


def test_a_shaft_that_leaves_the_volume_has_its_tip_inside():
    tip = (14.0, 44.0, 60.0)
    found = only(THIN.take(needle(tip, (0.0, 1.0, 0.1), length_mm=90)))
    assert np.linalg.norm(found.tip_lps_mm - THIN.lps(tip)) < 1.2
