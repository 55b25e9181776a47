"""Noise, sharpness, lag and optics of the detector."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._detector import (
    Detector,
    DetectorKind,
    DetectorRanges,
    DetectorSettings,
    distort,
    draw_detector,
)

SHAPE = (256, 256)
SPACING = (0.3, 0.3)
# Nothing but quanta: what a test adds is what it looks at.
BARE = DetectorSettings(
    kind=DetectorKind.FLAT_PANEL,
    swank=1.0,
    mtf50_per_mm=1e3,
    electronic_quanta=0.0,
    glare_share=0.0,
    lag_share=0.0,
    gain_spread=0.0,
    offset_spread=0.0,
)
ONES = np.ones(SHAPE, np.float32)
WARPED = replace(
    BARE,
    kind=DetectorKind.IMAGE_INTENSIFIER,
    circle_share=1.0,
    vignetting=0.2,
    pincushion=0.03,
    s_distortion=0.02,
)


def detector(seed: int = 0, **changes) -> Detector:
    return Detector(replace(BARE, **changes), SHAPE, SPACING, np.random.default_rng(seed))


@pytest.mark.parametrize("quanta", [3.0, 10.0, 100.0])
def test_quantum_noise_has_the_moments_of_poisson(quanta):
    found = detector().read(ONES, ONES, quanta, np.inf).astype(np.float64) * quanta
    deviation = found - quanta
    # 65536 pixels: the mean is good to 0.4 %, the variance to 0.6 %, the skewness to 0.01.
    assert found.mean() == pytest.approx(quanta, rel=0.012)
    assert found.var() == pytest.approx(quanta, rel=0.04)
    skewness = (deviation**3).mean() / found.var() ** 1.5
    assert skewness == pytest.approx(quanta**-0.5, abs=0.06)


def test_variance_grows_with_the_mean_in_one_image():
    ramp = np.repeat(np.float32([0.1, 0.4, 1.0, 3.0]), 64)
    image = np.broadcast_to(ramp, SHAPE).copy()
    found = detector().read(image, image, 50.0, np.inf) * 50.0
    for k, level in enumerate((0.1, 0.4, 1.0, 3.0)):
        patch = found[:, 64 * k : 64 * (k + 1)]
        assert patch.var() == pytest.approx(50 * level, rel=0.05)
        assert patch.mean() == pytest.approx(50 * level, rel=0.02)


def test_noise_spectrum_falls_as_the_square_of_the_mtf():
    blurred = detector(mtf50_per_mm=0.8).read(ONES, ONES, 100.0, np.inf)
    spectrum = np.abs(np.fft.rfft2(blurred - blurred.mean())) ** 2
    rows = np.fft.fftfreq(SHAPE[0], SPACING[0])
    columns = np.fft.rfftfreq(SHAPE[1], SPACING[1])
    frequency = np.hypot(rows[:, None], columns[None, :])
    power = [
        spectrum[(frequency > f - 0.1) & (frequency < f + 0.1)].mean() for f in (0.12, 0.8, 1.2)
    ]
    white = power[0] / 2 ** (-2 * (0.12 / 0.8) ** 2)
    # A Gaussian MTF of one half at 0.8 per mm; its square is what the spectrum shows.
    assert power[1] / white == pytest.approx(0.25, rel=0.1)
    assert power[2] / white == pytest.approx(2 ** (-2 * 1.5**2), rel=0.2)


def test_read_out_noise_comes_on_top():
    found = detector(electronic_quanta=5.0).read(ONES, ONES, 50.0, np.inf) * 50.0
    assert found.var() == pytest.approx(50 + 25, rel=0.04)


def test_glare_is_added_and_noise_is_not_spread():
    bright = np.full(SHAPE, 2.0, np.float32)
    found = detector(glare_share=0.25).read(ONES, bright, 1e6, np.inf)
    assert found.mean() == pytest.approx(0.75 + 0.25 * 2, rel=1e-4)
    noisy = detector(glare_share=0.25).read(ONES, ONES, 100.0, np.inf)
    assert noisy.std() == pytest.approx(0.75 * 0.1, rel=0.03)


def test_lag_shows_its_share_in_the_next_frame_and_dies_away():
    bench = detector(lag_share=0.08, lag_time_s=0.1)
    dark = np.zeros(SHAPE, np.float32)
    for _ in range(100):
        lit = bench.read(ONES, ONES, 1e8, 1 / 15).mean()
    assert lit == pytest.approx(1, rel=1e-3)
    after = [bench.read(dark, dark, 1e8, 1 / 15).mean() for _ in range(3)]
    assert after[0] == pytest.approx(0.08, rel=1e-3)
    np.testing.assert_allclose(np.divide(after[1:], after[:-1]), np.exp(-1 / 1.5), rtol=1e-3)


def test_lag_gives_back_all_that_it_took():
    bench = detector(lag_share=0.08, lag_time_s=0.1)
    dark = np.zeros(SHAPE, np.float32)
    frames = [bench.read(ONES if k == 0 else dark, dark, 1e8, 0.1).mean() for k in range(30)]
    assert sum(frames) == pytest.approx(1, rel=1e-3)


def test_fixed_patterns_stay_where_they_are():
    bench = detector(gain_spread=0.02, dead_pixels=30)
    one, two = (bench.read(ONES, ONES, 1e7, 0.1) for _ in range(2))
    assert one.std() == pytest.approx(0.02, rel=0.25)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.99


def test_dead_pixels_show_their_neighbours():
    bench = detector(dead_pixels=1)
    ((row, column),) = bench._dead
    image = bench.read(ONES, ONES, 100.0, np.inf)
    assert image[row, column] == (image[row, column - 1] + image[row, column + 1]) / 2


def test_an_intensifier_is_round_and_darker_at_its_edge():
    bench = Detector(WARPED, SHAPE, SPACING, np.random.default_rng(0))
    image = bench.mean(ONES, ONES)
    assert bench.field.mean() == pytest.approx(np.pi / 4, abs=0.01)
    assert (image[~bench.field] == 0).all()
    assert image[128, 128] == pytest.approx(1, abs=1e-3)
    assert image[128, 4] == pytest.approx(1 - 0.2 * (123.5 / 128) ** 2, abs=1e-3)


def test_positions_are_distorted_as_the_image_is():
    bench = Detector(WARPED, SHAPE, SPACING, np.random.default_rng(0))
    rows, columns = np.indices(SHAPE)
    for place in ([60.0, 80.0], [128.0, 20.0], [200.0, 170.0]):
        spot = np.exp(-((rows - place[0]) ** 2 + (columns - place[1]) ** 2) / 18)
        seen = bench.warped(spot.astype(np.float32)).astype(np.float64)
        found = [(seen * axis).sum() / seen.sum() for axis in (rows, columns)]
        expected = distort(WARPED, SHAPE, np.array([place]))[0]
        assert np.hypot(*(expected - place)) > 0.4
        # The stretch differs across the spot: a twentieth of a pixel.
        np.testing.assert_allclose(found, expected, atol=0.08)


def test_a_panel_distorts_nothing():
    places = np.array([[3.0, 4.0], [100.0, 200.0]])
    np.testing.assert_allclose(distort(BARE, SHAPE, places), places, atol=1e-9)
    assert detector().warped(ONES) is ONES


def test_the_same_seed_gives_the_same_bytes():
    settings = draw_detector(np.random.default_rng(3), DetectorRanges())
    one, two = (
        Detector(settings, SHAPE, SPACING, np.random.default_rng(1)).read(ONES, ONES, 50.0, 0.1)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


def test_drawn_detectors_are_of_both_kinds_and_possible():
    rng = np.random.default_rng(0)
    drawn = [draw_detector(rng, DetectorRanges()) for _ in range(60)]
    panels = [s for s in drawn if s.kind is DetectorKind.FLAT_PANEL]
    assert 20 < len(panels) < 55
    assert all(s.circle_share == s.vignetting == s.pincushion == 0 for s in panels)
    others = [s for s in drawn if s.kind is DetectorKind.IMAGE_INTENSIFIER]
    assert min(s.glare_share for s in others) >= 0.05


@pytest.mark.parametrize(
    "changes",
    [
        {"swank": 1.2},
        {"mtf50_per_mm": 0},
        {"glare_share": 1.0},
        {"lag_time_s": 0},
        {"pincushion": 0.5},
        {"dead_pixels": -1},
        {"electronic_quanta": -1},
    ],
)
def test_impossible_detectors_are_refused(changes):
    with pytest.raises(InputError, match="expected"):
        replace(BARE, **changes)
