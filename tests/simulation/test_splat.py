"""Matter laid on the detector: none is lost, and a cylinder has a cylinder's chord lengths."""

import numpy as np
import pytest

from guidance.geometry import ConeBeamView, project
from guidance.simulation._splat import pixel_area_cm2, splat, splat_matrix


def view(primary: float = 155.0, secondary: float = -10.0, **changes) -> ConeBeamView:
    known = {
        "primary_angle_deg": primary,
        "secondary_angle_deg": secondary,
        "isocenter_lps_mm": (0.0, 0.0, 0.0),
        "sid_mm": 1000.0,
        "sod_mm": 650.0,
        "rows": 128,
        "columns": 160,
        "spacing_det_mm": (0.6, 0.6),
    }
    return ConeBeamView(**(known | changes))


@pytest.mark.parametrize(("primary", "secondary"), [(180, 0), (155, -10), (90, 20), (-40, 60)])
def test_the_sum_over_the_image_is_the_amount(primary: float, secondary: float) -> None:
    rng = np.random.default_rng(1)
    c_arm = view(primary, secondary)
    point = rng.uniform(-8, 8, (1, 3))
    image = splat(c_arm, point, np.array([3.0]))
    _, depth = project(c_arm, point)
    assert image.sum() * pixel_area_cm2(c_arm, depth)[0] == pytest.approx(3.0, rel=1e-5)


def test_the_centre_of_mass_is_the_projection() -> None:
    c_arm = view()
    point = np.array([[3.3, -2.1, 5.7]])
    image = splat(c_arm, point, np.array([1.0]))
    rows, columns = np.indices(image.shape)
    found = np.array([(image * rows).sum(), (image * columns).sum()]) / image.sum()
    assert found == pytest.approx(project(c_arm, point)[0][0], abs=1e-3)


def test_what_is_off_the_detector_or_behind_the_source_is_left_out() -> None:
    c_arm = view()
    behind = c_arm.source_lps_mm - 50 * c_arm.axes[2]
    points = np.stack((behind, np.array([500.0, 0, 500.0])))
    assert splat(c_arm, points, np.ones(2)).sum() == 0


def test_a_filled_cylinder_has_its_chord_lengths() -> None:
    # 4 mm thick, across the beam, 2 mg/cm³: the middle chord is 0.4 cm, so 0.8 mg/cm².
    rng = np.random.default_rng(2)
    n = 400_000
    radius = 2 * np.sqrt(rng.random(n))
    turn = 2 * np.pi * rng.random(n)
    points = np.stack((rng.uniform(-20, 20, n), radius * np.cos(turn), radius * np.sin(turn)), 1)
    volume_cm3 = np.pi * 0.2**2 * 4
    image = splat(view(180, 0), points, np.full(n, 2 * volume_cm3 / n))
    middle = image[60:68, 70:90].max(axis=0).mean()
    assert middle == pytest.approx(0.8, rel=0.04)


def test_the_matrix_says_what_the_splat_says() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-60, 60, (300, 3))
    cells = np.sort(rng.integers(0, 40, 300)).astype(np.int32)
    cells[:40] = np.arange(40)
    amounts = rng.random(40)
    counts = np.bincount(cells, minlength=40)
    by_matrix = splat_matrix(view(), points, cells, 40) @ amounts.astype(np.float32)
    directly = splat(view(), points, (amounts / counts)[cells])
    assert by_matrix.reshape(directly.shape) == pytest.approx(directly, abs=1e-5)
