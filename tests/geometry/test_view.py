"""What the angles of a view mean, and that points go there and back."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, moved, project, ray_direction

VIEW = ConeBeamView(
    primary_angle_deg=0,
    secondary_angle_deg=0,
    isocenter_lps_mm=(10.0, -20.0, 30.0),
    sid_mm=1000,
    sod_mm=600,
    rows=101,
    columns=201,
    spacing_det_mm=(0.5, 0.4),
)
LEFT, POSTERIOR, SUPERIOR = np.eye(3)


def at(view: ConeBeamView, *offset_mm: float) -> tuple[float, float]:
    """Return where a point, given from the isocentre, falls: rows and columns from the middle."""
    points = np.array(view.isocenter_lps_mm)[None] + offset_mm
    row, column = project(view, points)[0][0]
    return row - (view.rows - 1) / 2, column - (view.columns - 1) / 2


@pytest.mark.parametrize(
    ("primary", "secondary", "towards"),
    [
        (0, 0, -POSTERIOR),
        (90, 0, LEFT),
        (-90, 0, -LEFT),
        (180, 0, POSTERIOR),
        (0, 90, SUPERIOR),
        (0, -90, -SUPERIOR),
        (45, 0, (LEFT - POSTERIOR) / math.sqrt(2)),
        (180, 30, POSTERIOR * math.cos(math.pi / 6) + SUPERIOR / 2),
    ],
)
def test_where_the_detector_stands(primary, secondary, towards):
    view = replace(VIEW, primary_angle_deg=primary, secondary_angle_deg=secondary)
    np.testing.assert_allclose(view.axes[2], towards, atol=1e-12)
    isocenter = np.array(view.isocenter_lps_mm)
    np.testing.assert_allclose(isocenter - view.source_lps_mm, 600 * towards, atol=1e-9)


def test_facing_the_chest_the_left_is_on_the_right_and_the_head_above():
    assert at(VIEW, 0, 0, 0) == pytest.approx((0, 0), abs=1e-9)
    # 3 mm at the isocentre are 5 mm at the detector: 12.5 columns, 10 rows
    assert at(VIEW, 3, 0, 0) == pytest.approx((0, 12.5), abs=1e-9)
    assert at(VIEW, 0, 0, 3) == pytest.approx((-10, 0), abs=1e-9)


def test_above_a_prone_patient_the_left_is_on_the_left():
    prone = replace(VIEW, primary_angle_deg=180)
    assert at(prone, 3, 0, 0) == pytest.approx((0, -12.5), abs=1e-9)
    assert at(prone, 0, 0, 3) == pytest.approx((-10, 0), abs=1e-9)


def test_from_the_left_the_back_is_on_the_right():
    lateral = replace(VIEW, primary_angle_deg=90)
    assert at(lateral, 0, 3, 0) == pytest.approx((0, 12.5), abs=1e-9)


def test_a_cranial_detector_moves_what_lies_in_front_downwards():
    cranial = replace(VIEW, secondary_angle_deg=30)
    assert at(cranial, 0, -10, 0)[0] > 0
    assert at(cranial, 0, 10, 0)[0] < 0


def test_roll_turns_the_image_clockwise():
    rolled = replace(VIEW, roll_deg=90)
    row, column = at(rolled, 0, 0, 3)  # was above the middle: now on its right
    assert (row, column) == pytest.approx((0, 12.5), abs=1e-9)


def test_mirrored_flips_left_and_right_only():
    view = replace(VIEW, primary_angle_deg=33, secondary_angle_deg=-12, roll_deg=7)
    row, column = at(view, 3, 5, -8)
    assert at(replace(view, mirrored=True), 3, 5, -8) == pytest.approx((row, -column), abs=1e-9)


def test_turning_over_and_mirroring_is_the_same_parallel_ray():
    front, back = (replace(VIEW, primary_angle_deg=a, sid_mm=2500, sod_mm=2400) for a in (-25, 155))
    np.testing.assert_allclose(front.axes[2], -back.axes[2], atol=1e-12)
    np.testing.assert_allclose(front.axes[0], -back.axes[0], atol=1e-12)
    np.testing.assert_allclose(front.axes[1], back.axes[1], atol=1e-12)


def test_magnification():
    assert VIEW.magnification == pytest.approx(5 / 3)
    assert VIEW.spacing_iso_mm == pytest.approx((0.3, 0.24))


poses = st.builds(
    ConeBeamView,
    primary_angle_deg=st.floats(-180, 180),
    secondary_angle_deg=st.floats(-90, 90),
    isocenter_lps_mm=st.tuples(*[st.floats(-300, 300)] * 3),
    sid_mm=st.floats(900, 1300),
    sod_mm=st.floats(400, 850),
    rows=st.integers(1, 1024),
    columns=st.integers(1, 1024),
    spacing_det_mm=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)),
    roll_deg=st.floats(-180, 180),
    mirrored=st.booleans(),
)
positions = st.tuples(st.floats(-50, 1100), st.floats(-50, 1100))


@given(view=poses)
def test_axes_are_at_right_angles(view):
    np.testing.assert_allclose(view.axes @ view.axes.T, np.eye(3), atol=1e-12)


@given(view=poses)
def test_handedness_tells_mirrored_images(view):
    # Seen from the detector towards the source: right × down points away from the viewer.
    right, down, to_detector = view.axes
    sign = np.cross(right, down) @ to_detector
    assert sign == pytest.approx(1 if view.mirrored else -1)


@given(view=poses, position=positions, distance=st.floats(1, 2000))
def test_points_on_a_ray_project_to_its_pixel(view, position, distance):
    point = view.source_lps_mm + distance * ray_direction(view, position)
    found, depth = project(view, point[None])
    np.testing.assert_allclose(found[0], position, atol=1e-5)
    assert 0 < depth[0] <= distance * (1 + 1e-9)


@given(view=poses)
def test_the_isocentre_falls_on_the_middle_at_its_depth(view):
    found, depth = project(view, np.array([view.isocenter_lps_mm]))
    np.testing.assert_allclose(found[0], ((view.rows - 1) / 2, (view.columns - 1) / 2), atol=1e-6)
    assert depth[0] == pytest.approx(view.sod_mm)


@given(view=poses, by=st.tuples(*[st.floats(-50, 50)] * 3))
def test_a_moved_patient_is_a_moved_view(view, by):
    point = np.array(view.isocenter_lps_mm)[None] + (5.0, -7.0, 9.0)
    expected = project(view, point + by)[0]
    np.testing.assert_allclose(project(moved(view, np.array(by)), point)[0], expected, atol=1e-5)


def test_points_behind_the_source_have_no_position():
    behind = VIEW.source_lps_mm[None] - 10 * VIEW.axes[2]
    found, depth = project(VIEW, behind)
    assert np.isnan(found).all()
    assert depth[0] == pytest.approx(-10)


def test_no_points_project_to_none():
    found, depth = project(VIEW, np.empty((0, 3)))
    assert found.shape == (0, 2)
    assert depth.shape == (0,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"primary_angle_deg": 200}, "impossible"),
        ({"secondary_angle_deg": -91}, "impossible"),
        ({"primary_angle_deg": math.nan}, "not finite"),
        ({"isocenter_lps_mm": (0, math.inf, 0)}, "not finite"),
        ({"roll_deg": math.nan}, "not finite"),
        ({"sid_mm": 100}, "impossible"),
        ({"sid_mm": math.nan}, "impossible"),
        ({"sod_mm": 1000}, "between source and detector"),
        ({"sod_mm": 0}, "between source and detector"),
        ({"rows": 0}, "at least one pixel"),
        ({"spacing_det_mm": (0.5, 0.0)}, "positive size"),
    ],
)
def test_impossible_views_are_refused(changes, said):
    with pytest.raises(InputError, match=said):
        replace(VIEW, **changes)


def test_points_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"expected \(N, 3\)"):
        project(VIEW, np.zeros(3))
