"""The physics of the phantom against values worked by hand."""

from dataclasses import dataclass

import numpy as np
import pytest

from guidance.simulation import _physics as physics
from guidance.simulation._physics import Detector, PathLengths, add_scatter, detect, transmission


def flat(value: float, shape: tuple[int, int] = (4, 5)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def paths(soft=0.0, bone=0.0, steel=0.0, iodine=0.0) -> PathLengths:
    return PathLengths(
        soft_cm=flat(soft), bone_cm=flat(bone), steel_cm=flat(steel), iodine_mg_per_cm2=flat(iodine)
    )


@dataclass(frozen=True)
class Worked:
    """A path through one material and the share of a 60 keV beam that passes it."""

    name: str
    path: PathLengths
    share: float


# exp(-(mu / rho) rho x), NISTIR 5632 at 60 keV, multiplied out on paper.
WORKED = [
    Worked("nothing", paths(), 1.0),
    Worked("20 cm of muscle: exp(-4.3008)", paths(soft=20), 0.0135577),
    Worked("1 cm of compact bone: exp(-0.604416)", paths(bone=1), 0.546393),
    Worked("0.5 mm of steel: exp(-0.474168)", paths(steel=0.05), 0.622403),
    Worked("1 mm of 240 mg/mL: exp(-0.181896)", paths(iodine=24), 0.833688),
    Worked("muscle and bone: exp(-2.754816)", paths(soft=10, bone=1), 0.063621),
]


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_beer_lambert(worked):
    np.testing.assert_allclose(transmission(worked.path), worked.share, rtol=2e-5)


def test_a_flat_field_stays_flat_and_takes_its_scatter():
    primary, scatter = add_scatter(flat(0.3, (96, 120)), 0.34)
    np.testing.assert_allclose(primary, 0.3, rtol=1e-5)
    np.testing.assert_allclose(scatter, 0.3 * physics.SCATTER_TO_PRIMARY, rtol=1e-5)


def test_blur_keeps_the_sum_of_a_point():
    image = flat(0, (41, 41))
    image[20, 20] = 1
    assert physics.blur(image, 2.5).sum() == pytest.approx(1, rel=1e-5)


DETECTOR = Detector(spacing_iso_mm=0.35, spacing_det_mm=0.5, dose_ngy=100.0, bits_stored=12)


def test_quanta_per_pixel_by_hand():
    # 100 nGy × 30.174 per mm² and nGy × 0.65 × 0.25 mm²
    assert DETECTOR.quanta_per_pixel == pytest.approx(490.33, abs=0.01)
    assert DETECTOR.full_scale == 4095


@pytest.mark.parametrize("signal", [0.2, 1.0, 3.0])
def test_noise_has_the_mean_and_the_spread_of_counted_quanta(signal):
    rng = np.random.default_rng(7)
    values = detect(flat(signal, (512, 512)), 1.0, DETECTOR, rng)
    unit = physics.CONTROL_LEVEL * DETECTOR.full_scale / DETECTOR.quanta_per_pixel
    quanta = values / unit
    expected = signal * DETECTOR.quanta_per_pixel
    assert quanta.mean() == pytest.approx(expected, rel=2e-3)
    # Over squares much wider than the scintillator's blur the variance is that of the count.
    squares = quanta.reshape(32, 16, 32, 16).sum(axis=(1, 3))
    variance = 256 * (expected + physics.ELECTRONIC_NOISE_QUANTA**2)
    # 1024 squares give the variance to 4.4 %; the blur takes some 3 % from squares of 16 pixels.
    assert squares.var() == pytest.approx(variance, rel=0.17)


def test_neighbours_share_noise():
    values = detect(flat(1, (256, 256)), 1.0, DETECTOR, np.random.default_rng(3))
    values -= values.mean()
    beside = (values[:, 1:] * values[:, :-1]).mean() / values.var()
    apart = (values[:, 8:] * values[:, :-8]).mean() / values.var()
    # A Gaussian of 0.5 px before sampling correlates neighbours by exp(-1) or a little less.
    assert 0.2 < beside < 0.45
    assert abs(apart) < 0.02


def test_the_noise_does_not_depend_on_the_signal_it_falls_on():
    bright = detect(flat(1.0), 1.0, DETECTOR, np.random.default_rng(5))
    again = detect(flat(1.0), 1.0, DETECTOR, np.random.default_rng(5))
    darker = detect(flat(0.99), 1.0, DETECTOR, np.random.default_rng(5))
    np.testing.assert_array_equal(bright, again)
    np.testing.assert_allclose(darker / bright, 0.99, atol=2e-3)
