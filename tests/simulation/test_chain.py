"""The whole chain: what goes in comes out, causally and by the seed alone."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.simulation._chain import ImageGeometry, ImagingChain
from guidance.simulation._detector import DetectorKind, DetectorSettings
from guidance.simulation._display import DisplaySettings, ToneCurve
from guidance.simulation._exposure import ControlSettings, XRaySettings
from guidance.simulation._scatter import Collimator
from guidance.simulation._transmission import MaterialMaps

SHAPE = (128, 128)
GEOMETRY = ImageGeometry(rows=128, columns=128, spacing_det_mm=(0.8, 0.8), magnification=1.4)
STEADY = ControlSettings(loop_gain=0.0, video_gain=0.0)
XRAY = XRaySettings(control=STEADY)
PANEL = DetectorSettings(kind=DetectorKind.FLAT_PANEL)
# No memory, no pattern: only physics.
CLEAN = replace(PANEL, lag_share=0.0, gain_spread=0.0, offset_spread=0.0, electronic_quanta=0.0)
DISPLAY = DisplaySettings(recursive_weight=0.0, edge_amount=0.0, level=0.4, bits_stored=14)


def body(soft: float = 18.0, bone: float = 2.0, iodine: np.ndarray | None = None) -> MaterialMaps:
    return MaterialMaps(
        soft_g_per_cm2=np.full(SHAPE, soft, np.float32),
        bone_g_per_cm2=np.full(SHAPE, bone, np.float32),
        iodine_mg_per_cm2=iodine,
    )


def uneven(seed: int = 0) -> MaterialMaps:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    soft = 18 + 2 * np.sin(rows / 20 + rng.random()) * np.cos(columns / 15 + rng.random())
    bone = 2 * ((columns // 20) % 2)
    return MaterialMaps(
        soft_g_per_cm2=soft.astype(np.float32), bone_g_per_cm2=bone.astype(np.float32)
    )


def drop(amount: float = 20.0) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    inside = np.hypot(rows - 64, columns - 64) < 8
    return np.float32(amount) * inside.astype(np.float32)


def chain(xray=XRAY, detector=CLEAN, display=DISPLAY, seed: int = 0) -> ImagingChain:
    return ImagingChain(xray, detector, display, GEOMETRY, np.random.default_rng(seed))


def linear(image: np.ndarray) -> np.ndarray:
    """Return the signal, 1 at the target."""
    return image.astype(np.float64) / (0.4 * (2**14 - 1))


def test_the_middle_of_the_first_image_is_at_the_target():
    image = linear(chain().expose(body(), 0.0))
    assert image[32:96, 32:96].mean() == pytest.approx(1, rel=0.005)


def test_noise_is_that_of_the_quanta_at_the_dose():
    sharp = replace(CLEAN, mtf50_per_mm=1e3, glare_share=0.0)
    bench = chain(detector=sharp)
    image = linear(bench.expose(body(), 0.0))[56:72, 56:72]
    one = 1 / np.sqrt(bench.quanta_per_pixel)
    assert image.std() == pytest.approx(one, rel=0.15)
    # 40 nGy on 0.64 mm²: 30 quanta per mm² and nGy, of which about 0.8 are absorbed, Swank 0.9.
    assert bench.quanta_per_pixel == pytest.approx(40 * 0.64 * 28 * 0.8 * 0.9, rel=0.2)
    quiet = chain(xray=replace(XRAY, dose_ngy=400), detector=sharp)
    assert quiet.quanta_per_pixel == pytest.approx(10 * bench.quanta_per_pixel)


def test_the_stated_noise_of_a_square_is_what_is_measured():
    bench = chain(detector=replace(CLEAN, glare_share=0.1))
    side = 7 * 0.8 / 1.4  # seven pixels
    stated = bench.relative_noise(body(), side)[64, 64]
    means = []
    for k in range(40):
        image = linear(bench.expose(body(), float(k)))
        means += [image[r : r + 7, c : c + 7].mean() for r in (50, 65) for c in (50, 65)]
    # The scintillator's blur carries some noise over the square's edge: a few per cent less.
    assert np.std(means) / np.mean(means) == pytest.approx(stated, rel=0.15)


def test_the_stated_contrast_is_what_the_images_show():
    sharp = replace(CLEAN, mtf50_per_mm=1e3, glare_share=0.05)
    xray = replace(XRAY, dose_ngy=1e5)
    one, two = chain(xray, sharp), chain(xray, sharp)
    without = linear(one.expose(body(), 0.0))
    two.expose(body(), 0.0)  # takes the first view for its technique
    with_iodine = linear(two.expose(body(iodine=drop()), 1.0))
    stated = one.contrast(body(), drop())[60:69, 60:69].mean()
    shown = 1 - with_iodine[60:69, 60:69].mean() / without[60:69, 60:69].mean()
    assert shown == pytest.approx(stated, rel=0.03)
    # 20 mg/cm² of iodine by hand at 50 keV: 0.22 nepers; hardening and scatter take half.
    assert 0.06 < stated < 0.2


def test_more_scatter_dilutes_contrast():
    shown = [
        chain(replace(XRAY, scatter_to_primary=ratio)).contrast(body(), drop())[64, 64]
        for ratio in (0.0, 0.5, 1.5)
    ]
    assert shown[0] > 1.3 * shown[1] > 1.5 * shown[2]


def test_detectability_grows_with_dose_and_dose_of_iodine():
    low, high = (chain(replace(XRAY, dose_ngy=dose)) for dose in (10.0, 40.0))
    one = low.detectability(body(), drop(5))[64, 64]
    assert high.detectability(body(), drop(5))[64, 64] == pytest.approx(2 * one, rel=0.01)
    assert low.detectability(body(), drop(10))[64, 64] == pytest.approx(2 * one, rel=0.05)
    # Far away only scatter and glare change.
    assert low.detectability(body(), drop(5))[5, 5] < 0.05 * one


def test_iodine_takes_signal_away_as_its_mass_says_however_it_is_spread():
    bench = chain(replace(XRAY, scatter_to_primary=0.0), replace(CLEAN, glare_share=0.0))
    rows, columns = np.indices(SHAPE)
    radius = np.hypot(rows - 64, columns - 64)
    masses, lost = [], []
    for size, amount in ((8, 2.0), (30, 0.5)):
        iodine = np.float32(amount) * (radius < size).astype(np.float32)
        masses.append(iodine.sum())
        lost.append(bench.contrast(body(), iodine).sum())
    # Beer and Lambert bend 2 mg/cm² by 1 % more than 0.5.
    assert lost[0] / lost[1] == pytest.approx(masses[0] / masses[1], rel=0.02)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_the_contrast_of_a_milligram_is_that_of_a_small_drop(ratio):
    bench = chain(replace(XRAY, scatter_to_primary=ratio))
    rows, columns = np.indices(SHAPE)
    speck = (np.hypot(rows - 64, columns - 64) < 4).astype(np.float32)
    stated = bench.contrast_per_mg(body())[64, 64]
    assert stated == pytest.approx(bench.contrast(body(), speck)[64, 64], rel=0.03)


def test_positions_are_shown_where_the_detector_puts_them():
    stretched = replace(CLEAN, pincushion=0.03)
    places = np.array([[63.5, 63.5], [63.5, 127.5]])
    shown = chain(detector=stretched).shown_px(places)
    np.testing.assert_allclose(shown, [[63.5, 63.5], [63.5, 63.5 + 64 * 1.03]])


def test_same_seed_same_bytes_and_other_seed_other_noise():
    full = replace(PANEL, dead_pixels=5)
    display = DisplaySettings(
        recursive_weight=0.4, motion_threshold=4, smoothing=0.5, curve=ToneCurve.S_SHAPED
    )
    one, two, other = (chain(XRaySettings(), full, display, seed) for seed in (1, 1, 2))
    for k in range(3):
        images = [bench.expose(uneven(), k / 15) for bench in (one, two, other)]
        np.testing.assert_array_equal(images[0], images[1])
        assert (images[0] != images[2]).mean() > 0.5


def test_runs_that_differ_in_contrast_share_their_noise_and_their_past():
    one, two = chain(), chain()
    np.testing.assert_array_equal(one.expose(body(), 0.0), two.expose(body(), 0.0))
    plain = linear(one.expose(body(), 1.0))
    contrasted = linear(two.expose(body(iodine=drop()), 1.0))
    corner = (slice(0, 20), slice(0, 20))
    assert np.abs(plain - contrasted)[corner].max() < 0.2 * plain[corner].std()


def test_mirrored_maps_give_mirrored_signals():
    maps = uneven()
    turned = MaterialMaps(
        soft_g_per_cm2=np.ascontiguousarray(maps.soft_g_per_cm2[:, ::-1]),
        bone_g_per_cm2=np.ascontiguousarray(maps.bone_g_per_cm2[:, ::-1]),
    )
    left = chain().signal(maps, Collimator(left_px=20.0))
    right = chain().signal(turned, Collimator(right_px=107.0))
    np.testing.assert_allclose(right, left[:, ::-1], rtol=2e-4)


def test_the_control_ramps_and_answers_to_contrast():
    control = ControlSettings(start_share=0.5, loop_gain=0.4, delay_pulses=0, dead_band=0.0)
    bench = chain(XRaySettings(control=control))
    ramp = [linear(bench.expose(body(), k / 15))[40:88, 40:88].mean() for k in range(20)]
    # A share of the ramp is by the voltage, which gives a little more than its fifth power.
    assert 0.4 < ramp[0] < 0.6
    assert ramp[0] < ramp[2] < ramp[5]
    assert ramp[-1] == pytest.approx(1, abs=0.02)
    before = bench.mas_share
    corner = linear(bench.expose(body(), 2.0))[4:24, 4:24].mean()
    dense = body(iodine=np.where(drop() > 0, 300, 0).astype(np.float32))
    for k in range(20):
        image = linear(bench.expose(dense, 3 + k / 15))
    assert bench.mas_share > 1.01 * before
    assert image[4:24, 4:24].mean() > 1.01 * corner


def test_blades_darken_and_may_move():
    bench = chain()
    first = linear(bench.expose(body(), 0.0, Collimator(left_px=20.0)))
    second = linear(bench.expose(body(), 1.0, Collimator(left_px=40.0)))
    assert first[:, 30].mean() > 3 * second[:, 30].mean()
    # Scatter reaches behind the blade: it is dark, not black.
    assert 0 < second[:, 5].mean() < 0.4


def test_an_intensifier_stores_a_circle():
    round_field = replace(
        CLEAN, kind=DetectorKind.IMAGE_INTENSIFIER, circle_share=0.95, vignetting=0.15
    )
    image = chain(detector=round_field).expose(body(), 0.0)
    assert image[0, 0] == image[-1, -1] == 0
    assert image[64, 64] > image[64, 8] > 0


def test_geometry_is_taken_from_a_view():
    view = ConeBeamView(
        primary_angle_deg=180,
        secondary_angle_deg=0,
        isocenter_lps_mm=(0, 0, 0),
        sid_mm=1000,
        sod_mm=700,
        rows=100,
        columns=120,
        spacing_det_mm=(0.3, 0.4),
    )
    geometry = ImageGeometry.of_view(view)
    assert geometry.shape == (100, 120)
    assert geometry.magnification == pytest.approx(1 / 0.7)


def test_bad_input_is_refused():
    bench = chain()
    small = np.zeros((64, 64), np.float32)
    small_maps = MaterialMaps(soft_g_per_cm2=small, bone_g_per_cm2=small)
    with pytest.raises(InputError, match="maps have shape"):
        bench.expose(small_maps, 0.0)
    with pytest.raises(InputError, match="open the blades"):
        bench.expose(body(soft=200.0), 0.0)
    bench.expose(body(), 1.0)
    with pytest.raises(InputError, match="in order"):
        bench.expose(body(), 1.0)
    with pytest.raises(InputError, match="side_mm"):
        bench.relative_noise(body(), 0.0)
    with pytest.raises(InputError, match="magnification"):
        replace(GEOMETRY, magnification=1.0)
    with pytest.raises(InputError, match="16 pixels"):
        replace(GEOMETRY, rows=4)
