"""Blades, blur and scatter: what is kept, what follows what."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._scatter import (
    Collimator,
    Scatter,
    blur,
    enlarge,
    field_of,
    shrink,
    spread,
)
from guidance.simulation._transmission import MaterialMaps

SHAPE = (128, 128)
SPACING = (1.0, 1.0)


def body(mass: float) -> MaterialMaps:
    return MaterialMaps(
        soft_g_per_cm2=np.full(SHAPE, mass, np.float32), bone_g_per_cm2=np.zeros(SHAPE, np.float32)
    )


def scatter_of(primary: np.ndarray, mass: float = 20.0, ratio: float = 0.8) -> np.ndarray:
    scatter = Scatter(SHAPE, SPACING, ratio, 20.0)
    return enlarge(scatter(primary.astype(np.float32), body(mass)), SHAPE)


def test_blur_keeps_the_sum_and_a_flat_image():
    image = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    blurred = blur(image, (1.5, 0.7))
    assert blurred.mean() == pytest.approx(image.mean(), rel=2e-3)
    np.testing.assert_allclose(blur(np.ones(SHAPE, np.float32), (2, 2)), 1, rtol=1e-5)
    np.testing.assert_array_equal(blur(image, (0.01, 0.01)), image)


def test_blur_of_a_point_has_the_width_asked_for():
    image = np.zeros(SHAPE, np.float32)
    image[64, 64] = 1
    profile = blur(image, (3.0, 1.0)).sum(axis=1)
    rows = np.arange(128) - 64
    assert np.sqrt((profile * rows**2).sum()) == pytest.approx(3.0, rel=0.02)


def test_shrinking_and_enlarging_keep_the_mean():
    image = np.random.default_rng(0).random((300, 256), dtype=np.float32)
    assert shrink(image).mean() == pytest.approx(image.mean(), rel=2e-3)
    assert enlarge(shrink(image), image.shape).mean() == pytest.approx(image.mean(), rel=5e-3)


def test_spreading_loses_only_what_leaves_the_field():
    image = np.zeros((64, 64), np.float32)
    image[32, 32] = 1
    assert spread(image, 4.0, SPACING).sum() == pytest.approx(1, rel=1e-3)
    image[:] = 1
    assert spread(image, 4.0, SPACING)[0].mean() < 0.75


@pytest.mark.parametrize("ratio", [0.2, 0.8, 2.0])
def test_the_ratio_is_the_one_asked_for_in_the_middle_behind_the_reference(ratio):
    found = scatter_of(np.full(SHAPE, 0.03), ratio=ratio)
    assert found[60:68, 60:68].mean() == pytest.approx(0.03 * ratio, rel=0.01)
    assert found[0, 0] < 0.7 * found[64, 64]


def test_scatter_grows_with_thickness_and_field():
    primary = np.full(SHAPE, 0.03)
    middle = scatter_of(primary)[64, 64]
    assert scatter_of(primary, mass=30)[64, 64] == pytest.approx(1.5 * middle, rel=1e-3)
    blades = Collimator(top_px=40, bottom_px=87, left_px=40, right_px=87)
    assert scatter_of(primary * field_of(blades, SHAPE, 2.0))[64, 64] < 0.8 * middle


def test_scatter_answers_to_what_is_in_the_beam():
    primary = np.full(SHAPE, 0.03)
    without = scatter_of(primary)
    primary[50:70, 50:70] *= 0.5
    lost = without - scatter_of(primary)
    assert (lost[20:100, 20:100] > 0).all()
    assert lost[60, 60] > 3 * lost[60, 100]


def test_blades_open_where_they_stand():
    field = field_of(Collimator(left_px=30.0, bottom_px=99.5), SHAPE, 4.0)
    assert field[50, 30] == pytest.approx(0.5, abs=0.01)
    assert field[50, 27] < 0.01 < 0.99 < field[50, 33]
    assert field[97, 60] > 0.99 > 0.01 > field[102, 60]
    assert 0 < field.min() < 1e-3


def test_an_iris_is_round():
    field = field_of(Collimator(iris_radius_px=40.0), SHAPE, 2.0)
    np.testing.assert_allclose(field, field.T)
    assert field.sum() == pytest.approx(np.pi * 40**2, rel=0.01)
    np.testing.assert_array_equal(field_of(Collimator(), SHAPE, 2.0), 1)


def test_impossible_blades_are_refused():
    with pytest.raises(InputError, match="cross"):
        Collimator(left_px=50, right_px=40)
    with pytest.raises(InputError, match="iris_radius_px"):
        Collimator(iris_radius_px=0)
