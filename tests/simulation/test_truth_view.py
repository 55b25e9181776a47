"""Truth as a view shows it, against geometry that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.simulation import find_in_image, measure_tip_to_target, see_needle, see_point

# The detector behind the patient, who lies prone: image right is the patient's right.
VIEW = ConeBeamView(
    primary_angle_deg=180.0,
    secondary_angle_deg=0.0,
    isocenter_lps_mm=(0.0, 0.0, 0.0),
    sid_mm=1000.0,
    sod_mm=500.0,
    rows=101,
    columns=101,
    spacing_det_mm=(0.5, 0.5),
)


def test_a_point_in_the_image_has_its_pixel_and_one_outside_has_none():
    seen = see_point(VIEW, np.array([-5.0, 0.0, 2.5]))
    assert seen.lps_mm == (-5.0, 0.0, 2.5)
    # Magnified twice, four pixels a millimetre: 10 up, 20 to the right of the centre.
    assert seen.px == pytest.approx((40.0, 70.0))
    # The last pixel's outer edge belongs to the image, what lies beyond does not.
    assert find_in_image(VIEW, np.array([-50.4 / 4, 0.0, 0.0])) == pytest.approx((50.0, 100.4))
    assert see_point(VIEW, np.array([-50.6 / 4, 0.0, 0.0])).px is None
    assert see_point(VIEW, np.array([0.0, 0.0, 100.0])).px is None


def test_a_point_behind_the_source_is_not_seen():
    assert find_in_image(VIEW, np.array([0.0, -600.0, 0.0])) is None


def test_a_mirrored_image_mirrors_what_is_true():
    point = np.array([-5.0, 3.0, 2.5])
    row, column = find_in_image(VIEW, point)
    assert find_in_image(replace(VIEW, mirrored=True), point) == pytest.approx((row, 100 - column))


def test_a_needle_from_the_side_points_at_its_tip():
    needle = see_needle(VIEW, 22, np.zeros(3), np.array([-3.0, 0.0, -4.0]))
    assert needle.direction_lps == pytest.approx((-0.6, 0.0, -0.8))
    # Towards the patient's right is to the image's right, caudal is down.
    assert needle.direction_px == pytest.approx((0.8, 0.6))
    assert needle.tip_px == pytest.approx((50.0, 50.0))


def test_a_needle_along_the_ray_has_no_direction():
    assert see_needle(VIEW, 25, np.zeros(3), np.array([0.0, -1.0, 0.0])).direction_px is None
    # 10 mm of shaft at 4 px per mm look 3 px long at 4.3 degrees off the ray.
    for degrees, is_seen in ((3.5, False), (5.0, True)):
        off = np.deg2rad(degrees)
        direction = np.array([np.sin(off), -np.cos(off), 0.0])
        needle = see_needle(VIEW, 25, np.zeros(3), direction)
        assert (needle.direction_px is not None) == is_seen


def test_distance_is_to_the_segment_and_depth_does_not_show():
    superior, block = np.array([0.0, 0.0, 4.0]), np.array([0.0, 0.0, -4.0])
    for tip, in_space, in_plane in (
        ((3.0, 0.0, 1.0), 3.0, 3.0),  # beside it
        ((3.0, 0.0, 8.0), 5.0, 5.0),  # beyond its end
        ((0.0, 0.0, 2.0), 0.0, 0.0),  # on it
        ((0.0, 6.0, 0.0), 6.0, 0.0),  # in front of it, along the central ray
    ):
        found = measure_tip_to_target(VIEW, np.array(tip), superior, block)
        assert found == pytest.approx((in_space, in_plane), abs=1e-9)


def test_the_distance_in_the_plane_is_a_lower_bound_above_the_isocentre():
    rng = np.random.default_rng(0)
    for _ in range(50):
        # Nearer to the detector nothing is magnified more than at the isocentre.
        points = rng.uniform((-5, 0, -5), (5, 30, 5), (3, 3))
        in_space, in_plane = measure_tip_to_target(VIEW, *points)
        # Rays lean by up to 10 mrad off the axis: sqrt(1 + 0.01²).
        assert in_plane <= in_space * 1.0001


def test_a_needle_without_direction_is_refused():
    with pytest.raises(InputError, match="expected a direction"):
        see_needle(VIEW, 22, np.zeros(3), np.zeros(3))
