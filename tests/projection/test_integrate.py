"""Line integrals: what can be worked by hand, parity with the plain reference, and symmetries."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, moved, project, ray_direction
from guidance.projection import PreparedVolume, integrate, integrate_reference
from guidance.records import Volume

MIDDLE = (0.0, 0.0, 0.0)


def view_at(primary: float = 0, secondary: float = 0, side: int = 64, **changes) -> ConeBeamView:
    """Return a C-arm about the origin, 1 m long, with a detector of 130 mm."""
    return replace(
        ConeBeamView(
            primary_angle_deg=primary,
            secondary_angle_deg=secondary,
            isocenter_lps_mm=MIDDLE,
            sid_mm=1000,
            sod_mm=700,
            rows=side,
            columns=side,
            spacing_det_mm=(130 / side, 130 / side),
        ),
        **changes,
    )


def transform_about(shape, spacing_mm, center_lps_mm=MIDDLE) -> np.ndarray:
    """Return the transform of a grid whose slices, rows and columns run along z, y and x."""
    transform = np.zeros((4, 4))
    transform[2, 0], transform[1, 1], transform[0, 2] = spacing_mm
    transform[3, 3] = 1
    middle = np.array([(n - 1) / 2 for n in shape])
    transform[:3, 3] = center_lps_mm - transform[:3, :3] @ middle
    return transform


def volume_of(values, spacing_mm=(1.0, 1.0, 1.0), center_lps_mm=MIDDLE) -> Volume:
    return Volume(
        values=values, lps_from_vox=transform_about(values.shape, spacing_mm, center_lps_mm)
    )


def bony(shape=(110, 100, 90), spacing_mm=(0.6, 0.6, 0.6), seed=3) -> Volume:
    """Return tilted tubes and balls with a thin dense wall and rough insides: like vertebrae."""
    rng = np.random.default_rng(seed)
    volume = volume_of(np.zeros(shape, np.float32), spacing_mm)
    index = np.stack([*np.indices(shape), np.ones(shape)], axis=-1)
    x, y, z = np.moveaxis(index @ volume.lps_from_vox[:3].T, -1, 0)
    distance = np.maximum(np.hypot(x + 0.1 * z, y + 4) - 13, np.abs(z + 0.15 * y) - 11)
    for side in (-1, 1):
        process = np.hypot(y - 14 - 0.2 * x, z - 3) - 3.5
        distance = np.minimum(distance, np.maximum(process, np.abs(x - side * 15) - 10))
        ball = np.sqrt((x - side * 11) ** 2 + (y - 18) ** 2 + ((z + 14) / 1.5) ** 2) - 5
        distance = np.minimum(distance, ball)
    solid = np.clip(0.5 - distance / max(spacing_mm), 0, 1)
    inside = np.clip(0.5 - (distance + 1.5) / max(spacing_mm), 0, 1)
    rough = 0.7 - 0.06 * rng.standard_normal(shape)
    values = (0.9 * solid - rough * inside).astype(np.float32)
    return Volume(values=values, lps_from_vox=volume.lps_from_vox)


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


class TestByHand:
    @pytest.mark.parametrize("angles", [(0, 0), (180, 0), (90, 0), (-90, 0), (0, 90), (0, -90)])
    def test_the_central_ray_crosses_a_box(self, angles):
        # Linear between centres, the box is as thick as its voxels: 30 × 1 mm, 24 × 2, 20 × 1.5.
        volume = volume_of(np.full((30, 24, 20), 2, np.float32), (1.0, 2.0, 1.5))
        thickness_cm = {0: 4.8, 180: 4.8, 90: 3.0, -90: 3.0}[angles[0]]
        if angles[1]:
            thickness_cm = 3.0
        image = integrate(volume, view_at(*angles, side=65))
        assert image[32, 32] == pytest.approx(2 * thickness_cm, rel=1e-4)

    def test_an_oblique_ray_crosses_a_slab(self):
        volume = volume_of(np.ones((160, 20, 160), np.float32))
        view = view_at(25, 15, side=33)
        image = integrate(volume, view)
        for position in ((16, 16), (3, 8), (30, 25)):
            along_y = abs(ray_direction(view, position)[1])
            assert image[position] == pytest.approx(2 / along_y, rel=1e-4)

    @pytest.mark.parametrize("angles", [(0, 0), (35, 20), (110, -30)])
    def test_chords_of_a_ball(self, angles):
        radius, spacing = 20.0, 0.5
        n = 90
        at = (np.arange(n) - (n - 1) / 2) * spacing
        distance = np.sqrt(at[:, None, None] ** 2 + at[:, None] ** 2 + at**2)
        values = np.clip(0.5 + (radius - distance) / spacing, 0, 1).astype(np.float32)
        view = view_at(*angles, side=48)
        image = integrate(volume_of(values, (spacing,) * 3), view)
        to_middle = -view.source_lps_mm
        for row in range(0, 48, 5):
            for column in range(0, 48, 5):
                direction = ray_direction(view, (row, column))
                miss = np.linalg.norm(np.cross(to_middle, direction))
                if abs(miss - radius) > 2:  # elsewhere a voxel's size tells
                    chord_cm = 2 * np.sqrt(max(0.0, radius**2 - miss**2)) / 10
                    assert image[row, column] == pytest.approx(chord_cm, abs=0.02)

    @pytest.mark.parametrize("angles", [(0, 0), (40, 15), (-100, -20)])
    def test_mass_is_kept(self, angles):
        # A cell at depth t spreads over the detector with (SID/t)² of its area, times the
        # cosine that lengthens the ray: so the image, weighed back, adds up to the mass.
        values = np.zeros((25, 25, 25), np.float32)
        values[11:14, 11:14, 11:14] = 3
        volume = volume_of(values, (0.5, 0.5, 0.5), (6.0, -9.0, 4.0))
        view = view_at(*angles, side=640, spacing_det_mm=(0.1, 0.1))
        at_px, depth_mm = project(view, np.array([[6.0, -9.0, 4.0]]))
        cosine = ray_direction(view, tuple(at_px[0])) @ view.axes[2]
        pixel_cm2 = (0.01 * depth_mm[0] / view.sid_mm) ** 2
        mass = integrate(volume, view).sum(dtype=np.float64) * pixel_cm2 * cosine
        assert mass == pytest.approx(values.sum() * 0.05**3, rel=3e-3)


@dataclass(frozen=True)
class Pose:
    """A view, and how far a fast image may be from the plain one: RMS over the mean."""

    name: str
    view: ConeBeamView
    most: float = 0.005


POSES = (
    Pose("AP", view_at()),
    Pose("PA", view_at(180)),
    Pose("lateral", view_at(90)),
    Pose("other lateral", view_at(-90)),
    Pose("oblique", view_at(25)),
    Pose("prone oblique", view_at(-155)),
    Pose("steep oblique", view_at(35, 10)),
    Pose("diagonal", view_at(45), most=0.01),
    Pose("cranial", view_at(0, 30)),
    Pose("caudal", view_at(180, -25)),
    Pose("axial", view_at(0, 90)),
    Pose("rolled", view_at(25, -10, roll_deg=33.0)),
    Pose("turned by a quarter", view_at(10, roll_deg=90.0)),
    Pose("mirrored", view_at(-20, 15, mirrored=True)),
    Pose("partly off", view_at(10, isocenter_lps_mm=(40.0, -10.0, 30.0))),
    Pose("near", view_at(20, sod_mm=200.0)),
    Pose("oblong", view_at(15, rows=40, columns=90, spacing_det_mm=(3.0, 2.0))),
    Pose("one row", view_at(30, rows=1)),
)


class TestBesideTheReference:
    @pytest.mark.parametrize("pose", POSES, ids=lambda pose: pose.name)
    def test_any_pose(self, pose):
        volume = bony()
        plain = integrate_reference(volume, pose.view, 0.2)
        assert plain.max() > 1
        found = integrate(volume, pose.view)
        assert found.dtype == np.float32
        assert root_mean_square(found - plain) <= pose.most * plain.mean()

    def test_a_beam_too_wide_for_one_main_axis(self):
        volume = bony()
        view = view_at(30, 30, sid_mm=300.0, sod_mm=200.0, spacing_det_mm=(9.0, 9.0))
        plain = integrate_reference(volume, view, 0.2)
        # bone on a hundredth of the image, so its mean is no measure
        assert root_mean_square(integrate(volume, view) - plain) <= 0.01 * root_mean_square(plain)

    @pytest.mark.parametrize("spacing_mm", [(3.0, 0.8, 0.8), (0.7, 1.2, 0.9)])
    @pytest.mark.parametrize("angles", [(0, 0), (90, 0), (25, 20)])
    def test_any_spacing(self, spacing_mm, angles):
        shape = tuple(round(58 / v) for v in spacing_mm)
        volume, view = bony(shape, spacing_mm), view_at(*angles)
        plain = integrate_reference(volume, view, 0.2)
        assert root_mean_square(integrate(volume, view) - plain) <= 0.01 * plain.mean()

    def test_a_grid_that_is_not_aligned(self):
        volume = bony()
        c, s = np.cos(0.3), np.sin(0.3)
        turn = np.array([[c, -s, 0, 5], [s, c, 0.1, -3], [0, 0, 1, 2], [0, 0, 0, 1]])
        turned = Volume(values=volume.values, lps_from_vox=turn @ volume.lps_from_vox)
        view = view_at(20, 10)
        plain = integrate_reference(turned, view, 0.2)
        assert root_mean_square(integrate(turned, view) - plain) <= 0.005 * plain.mean()

    def test_random_poses(self):
        rng, volume = np.random.default_rng(11), bony()
        for _ in range(12):
            view = view_at(
                float(rng.uniform(-180, 180)),
                float(rng.uniform(-90, 90)),
                side=40,
                roll_deg=float(rng.uniform(-180, 180)),
                mirrored=bool(rng.integers(2)),
                isocenter_lps_mm=tuple(rng.uniform(-15, 15, 3).tolist()),
            )
            plain = integrate_reference(volume, view, 0.25)
            assert root_mean_square(integrate(volume, view) - plain) <= 0.01 * plain.mean()

    @pytest.mark.parametrize("angles", [(0, 0), (90, 0), (30, 20)])
    def test_a_volume_that_is_full_to_its_edges(self, angles):
        rng = np.random.default_rng(5)
        volume = volume_of(rng.random((37, 45, 33), dtype=np.float32), (1.5, 1.5, 1.5))
        view = view_at(*angles)
        plain = integrate_reference(volume, view, 0.2)
        assert root_mean_square(integrate(volume, view) - plain) <= 0.01 * plain.mean()

    def test_what_lies_beyond_the_detector_does_not_count(self):
        values = np.ones((20, 200, 20), np.float32)
        volume = volume_of(values, center_lps_mm=(0.0, -60.0, 0.0))
        view = view_at(sid_mm=500.0, sod_mm=450.0, side=33)  # the detector stands at y = -50
        image = integrate(volume, view)
        assert image[16, 16] == pytest.approx(9.0, abs=0.1)
        assert integrate_reference(volume, view)[16, 16] == pytest.approx(9.0, abs=0.1)

    def test_a_source_beside_the_volume(self):
        # Half of the volume lies behind the source, where no ray goes.
        values = np.ones((60, 100, 20), np.float32)
        volume = volume_of(values, (3.0, 3.0, 3.0), (110.0, 470.0, 0.0))
        view = view_at(-20, sid_mm=900.0, sod_mm=500.0, spacing_det_mm=(9.0, 9.0))
        plain = integrate_reference(volume, view, 0.2)
        assert plain.max() > 1
        assert root_mean_square(integrate(volume, view) - plain) <= 0.02 * root_mean_square(plain)

    def test_the_step_of_the_reference_is_fine_enough(self):
        volume, view = bony(), view_at(25, 15, side=32)
        coarse, fine = (integrate_reference(volume, view, step) for step in (0.1, 0.01))
        assert root_mean_square(coarse - fine) <= 3e-4 * fine.mean()


class TestInvariants:
    def test_a_bright_ball_falls_where_its_centre_projects(self):
        rng = np.random.default_rng(2)
        rows, columns = np.indices((200, 200))
        for primary, secondary in ((0, 0), (180, 0), (92, 3), (-155, 12), (45, -30), (10, 80)):
            center = rng.uniform(-20, 20, 3)
            spot = rng.integers(8, 24, 3) + rng.uniform(-0.5, 0.5, 3)
            index = np.indices((32, 32, 32)) - spot[:, None, None, None]
            values = np.exp(-(index**2).sum(axis=0) / 2 / 1.2**2).astype(np.float32)
            volume = volume_of(values, (0.8, 0.8, 0.8), center)
            view = view_at(primary, secondary, side=200, roll_deg=20.0, mirrored=bool(primary > 90))
            image = integrate(volume, view).astype(np.float64)
            where = (volume.lps_from_vox @ [*spot, 1])[:3]
            expected = project(view, where[None])[0][0]
            found = [(axis * image).sum() / image.sum() for axis in (rows, columns)]
            assert np.abs(found - expected).max() < 0.05

    def test_a_mirrored_view_gives_the_mirrored_image(self):
        volume = bony()
        straight, mirrored = (integrate(volume, view_at(20, 10, mirrored=m)) for m in (0, 1))
        np.testing.assert_allclose(mirrored, straight[:, ::-1], atol=2e-4)

    def test_a_moved_patient_is_a_moved_view(self):
        volume, by = bony(), np.array([7.0, -4.0, 11.0])
        shift = np.eye(4)
        shift[:3, 3] = by
        there = Volume(values=volume.values, lps_from_vox=shift @ volume.lps_from_vox)
        view = view_at(30, -15)
        expected = integrate(volume, moved(view, by))
        np.testing.assert_allclose(integrate(there, view), expected, atol=2e-4)

    def test_integrals_are_linear(self):
        one, view = bony(), view_at(25, 10)
        other = Volume(values=one.values[::-1].copy(), lps_from_vox=one.lps_from_vox)
        both = Volume(values=2 * one.values - other.values, lps_from_vox=one.lps_from_vox)
        expected = 2 * integrate(one, view) - integrate(other, view)
        np.testing.assert_allclose(integrate(both, view), expected, atol=1e-4)

    @pytest.mark.parametrize("angles", [(0, 0), (90, 0), (0, 80)])
    def test_how_voxels_lie_in_memory_does_not_matter(self, angles):
        volume, view = bony(), view_at(*angles)
        expected = integrate(volume, view)
        padded = np.zeros((120, 110, 100), np.float32)
        padded[2:112, 3:103, 4:94] = volume.values
        for values in (
            np.asfortranarray(volume.values),
            np.ascontiguousarray(volume.values.transpose(1, 0, 2)).transpose(1, 0, 2),
            padded[2:112, 3:103, 4:94],
            volume.values[::-1].copy()[::-1],
            volume.values.astype(">f8"),
        ):
            same = Volume(values=values, lps_from_vox=volume.lps_from_vox)
            np.testing.assert_allclose(integrate(same, view), expected, atol=2e-4)

    @pytest.mark.parametrize("dtype", ["int16", "uint8", "bool", "uint16", "float16"])
    @pytest.mark.parametrize("angles", [(20, 0), (90, 0)])
    def test_any_kind_of_number(self, dtype, angles):
        volume, view = bony(), view_at(*angles)
        whole = (volume.values > 0.3).astype(dtype)
        expected = integrate(volume_of(whole.astype(np.float32), (0.6,) * 3), view)
        np.testing.assert_array_equal(integrate(volume_of(whole, (0.6,) * 3), view), expected)

    def test_a_prepared_volume_gives_the_same(self):
        volume = bony()
        prepared = PreparedVolume(volume)
        for angles in ((0, 0), (90, 0), (25, 15), (0, 85), (85, 5)):
            view = view_at(*angles)
            np.testing.assert_array_equal(integrate(prepared, view), integrate(volume, view))

    def test_the_same_bytes_each_time(self):
        volume, view = bony(), view_at(17, 5)
        assert integrate(volume, view).tobytes() == integrate(volume, view).tobytes()

    def test_nothing_in_the_beam_is_nothing_in_the_image(self):
        volume = bony()
        away = view_at(isocenter_lps_mm=(500.0, 0.0, 0.0))
        empty = volume_of(np.zeros((20, 30, 40), np.float32))
        behind = volume_of(np.ones((9, 9, 9), np.float32), center_lps_mm=(0.0, 900.0, 0.0))
        assert not integrate(volume, away).any()
        assert not integrate(empty, view_at(30)).any()
        assert not integrate(behind, view_at()).any()
        assert not integrate_reference(behind, view_at()).any()

    @pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 40), (40, 1, 3), (3, 40, 1)])
    @pytest.mark.parametrize("angles", [(0, 0), (90, 0), (0, 90)])
    def test_thin_volumes(self, shape, angles):
        volume, view = volume_of(np.ones(shape, np.float32)), view_at(*angles, side=120)
        plain = integrate_reference(volume, view, 0.05)
        assert np.abs(integrate(volume, view) - plain).max() <= 0.02


class TestBadInput:
    @pytest.mark.parametrize("render", [integrate, integrate_reference])
    def test_a_source_inside_the_volume(self, render):
        volume = volume_of(np.zeros((10, 150, 10), np.float32), (10.0, 10.0, 10.0))
        with pytest.raises(InputError, match="inside the volume"):
            render(volume, view_at())

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_values_that_are_not_finite(self, bad):
        values = np.zeros((10, 10, 10), np.float32)
        values[5, 5, 5] = bad
        with pytest.raises(InputError, match="not finite"):
            integrate(volume_of(values), view_at(side=128))
