"""The needle: as much steel as its gauge has, its tip where it was put, a bull's-eye end-on."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, project
from guidance.simulation._needle import (
    TUBES_MM,
    NeedleRanges,
    NeedleSettings,
    draw_needle,
    lumen_share,
    place_needle,
    shaft_direction,
)
from guidance.simulation._splat import splat

NEEDLE = NeedleSettings(
    gauge=22,
    length_mm=88.9,
    oblique_deg=25.0,
    caudal_deg=10.0,
    tip_offset_mm=(0.0, 0.0, 0.0),
    has_tubing=True,
    tubing_filled_s=2.0,
)
TIP = np.array([10.0, -5.0, 3.0])


@pytest.mark.parametrize("gauge", sorted(TUBES_MM))
def test_the_steel_is_that_of_its_tube(gauge: int) -> None:
    outer, inner = TUBES_MM[gauge]
    needle = place_needle(replace(NEEDLE, gauge=gauge), TIP, is_left=True)
    expected_mm3 = np.pi / 4 * (outer**2 - inner**2) * NEEDLE.length_mm
    assert needle.steel_cm3.sum() * 1000 == pytest.approx(expected_mm3, rel=0.002)


def test_the_tip_is_where_the_steel_ends() -> None:
    needle = place_needle(replace(NEEDLE, bend_deg=15.0), TIP, is_left=True)
    beyond = (needle.steel_lps_mm - TIP) @ needle.direction_lps
    assert beyond.max() == pytest.approx(0.0, abs=0.1)
    distance = np.linalg.norm(needle.steel_lps_mm - TIP, axis=1).min()
    assert distance < TUBES_MM[22][0] / 2


def test_left_and_right_needles_are_mirror_images() -> None:
    left, right = shaft_direction(NEEDLE, True), shaft_direction(NEEDLE, False)
    assert left * (-1, 1, 1) == pytest.approx(right)
    assert left[0] > 0
    assert left[1] > 0, "the hub is behind a patient's back"


def test_seen_along_its_shaft_it_is_a_bulls_eye() -> None:
    # The C-arm stands where the needle comes from: primary 180 - 25, and 10 degrees caudal.
    c_arm = ConeBeamView(
        primary_angle_deg=155.0,
        secondary_angle_deg=-10.0,
        isocenter_lps_mm=tuple(TIP),
        sid_mm=1000.0,
        sod_mm=650.0,
        rows=256,
        columns=256,
        spacing_det_mm=(0.4, 0.4),
    )
    needle = place_needle(NEEDLE, TIP, is_left=True)
    positions, _ = project(c_arm, needle.steel_lps_mm)
    tip = project(c_arm, TIP[None])[0][0]
    assert np.abs(positions - tip).max() < 3
    steel_cm = splat(c_arm, needle.steel_lps_mm, needle.steel_cm3)
    # All 89 mm lie on the way; the lumen and the blur of a pixel take most of that.
    assert steel_cm.max() > 2


def test_from_the_side_it_is_a_line_of_its_length() -> None:
    c_arm = ConeBeamView(
        primary_angle_deg=180.0,
        secondary_angle_deg=0.0,
        isocenter_lps_mm=tuple(TIP),
        sid_mm=1000.0,
        sod_mm=650.0,
        rows=512,
        columns=512,
        spacing_det_mm=(0.4, 0.4),
    )
    needle = place_needle(NEEDLE, TIP, is_left=True)
    end = TIP + NEEDLE.length_mm * shaft_direction(NEEDLE, True)
    ends = project(c_arm, np.stack((TIP, end)))[0]
    positions, _ = project(c_arm, needle.steel_lps_mm)
    reach = np.linalg.norm(positions - ends[0], axis=1).max()
    assert reach == pytest.approx(np.linalg.norm(ends[1] - ends[0]), rel=0.02)


def test_tubing_fills_from_its_far_end_until_contrast_reaches_the_hub() -> None:
    shares = [lumen_share(NEEDLE, t) for t in (0.0, 1.5, 1.75, 2.0, 9.0)]
    assert shares == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert lumen_share(replace(NEEDLE, tubing_filled_s=None), 5.0) == 0
    points = place_needle(NEEDLE, TIP, is_left=True)
    hub = TIP + NEEDLE.length_mm * shaft_direction(NEEDLE, True)
    distance = np.linalg.norm(points.lumen_lps_mm - hub, axis=1)
    assert distance[-1] < 30 < 100 < distance[0]


def test_a_needle_that_nothing_goes_through_has_no_tubing() -> None:
    rng = np.random.default_rng(5)
    drawn = [draw_needle(rng, NeedleRanges(), None) for _ in range(20)]
    assert not any(needle.has_tubing for needle in drawn)
    assert all(needle.tubing_filled_s is None for needle in drawn)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"gauge": 19}, "gauge"),
        ({"length_mm": 5.0}, "length_mm"),
        ({"oblique_deg": 120.0}, "behind"),
    ],
)
def test_needles_that_nobody_sells(changes: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        replace(NEEDLE, **changes)
