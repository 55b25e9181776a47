"""Iodine is conserved, flows on, and is never more concentrated than it was injected."""

import numpy as np
import pytest

from guidance.simulation._contrast import Canvas, Injection, Pool, Splat, VeinTree, tube_points
from guidance.simulation._scene import smooth_noise

CANVAS = Canvas(shape=(400, 400), origin_px=(200.3, 199.6), spacing_mm=0.7)
TIMES_S = np.arange(0, 8, 0.13)


def make_injection(vessel_share: float, iodine_mg: float = 96.0) -> Injection:
    return Injection(
        start_s=1.0,
        duration_s=2.0,
        iodine_mg=iodine_mg,
        concentration_mg_per_ml=240.0,
        vessel_share=vessel_share,
    )


def make_pool(injection: Injection) -> Pool:
    noise = smooth_noise(CANVAS.shape, 3.7, np.random.default_rng(1))
    return Pool(CANVAS, injection, -1.5, noise)


def mass_mg(areal_density: np.ndarray) -> float:
    return float(areal_density.sum(dtype=np.float64)) * CANVAS.pixel_cm2


def test_the_dose_is_given_between_start_and_end():
    injection = make_injection(0.0)
    assert injection.volume_mm3 == pytest.approx(400.0)
    shares = injection.share_given(np.array([0.0, 1.0, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(shares, [0, 0, 0.5, 1, 1], atol=1e-12)
    assert (np.diff(injection.share_given(np.linspace(0, 4, 500))) >= 0).all()


@pytest.mark.parametrize("time_s", [1.05, 1.5, 2.2, 3.0, 7.0])
def test_a_pool_holds_what_it_was_given(time_s):
    injection = make_injection(0.25)
    given = 96.0 * 0.75 * float(injection.share_given(time_s))
    assert mass_mg(make_pool(injection).areal_density(time_s)) == pytest.approx(given, rel=1e-3)


def test_a_pool_grows_and_stays():
    pool = make_pool(make_injection(0.0))
    areas = [(pool.areal_density(t) > 1.0).sum() for t in TIMES_S]
    assert areas[0] == 0
    assert (np.diff(areas) >= 0).all()
    assert areas[-1] * CANVAS.spacing_mm**2 > 100


def test_a_pool_lies_at_the_tip():
    density = make_pool(make_injection(0.0)).areal_density(1.2)
    rows, columns = np.indices(CANVAS.shape)
    centre = np.array([(rows * density).sum(), (columns * density).sum()]) / density.sum()
    assert np.hypot(*(centre - CANVAS.origin_px)) * CANVAS.spacing_mm < 4


@pytest.mark.parametrize("seed", range(4))
def test_a_vein_holds_what_has_not_left_the_field(seed):
    """Slow flow and a wide field: nothing leaves before the last time looked at."""
    injection = make_injection(0.1)
    tree = VeinTree(CANVAS, injection, 1.5, np.random.default_rng(seed))
    for time_s in (1.3, 1.9, 2.5):
        given = 96.0 * 0.1 * float(injection.share_given(time_s))
        assert mass_mg(tree.areal_density(time_s)) == pytest.approx(given, rel=0.01)


@pytest.mark.parametrize("share", [0.1, 0.95])
def test_a_vein_washes_out(share):
    field = Canvas(shape=(300, 300), origin_px=(150.0, 150.0), spacing_mm=0.34)
    tree = VeinTree(field, make_injection(share), 1.5, np.random.default_rng(2))
    before, full, later, last = (tree.areal_density(t).sum() for t in (0.5, 2.9, 6.0, 30.0))
    assert before == 0
    assert later < 0.6 * full
    assert last == 0


def test_the_front_runs_at_the_speed_of_the_flow():
    """Before the first branching the front moves at flow over section."""
    injection = make_injection(0.2)
    diameter = 2.0
    tree = VeinTree(CANVAS, injection, diameter, np.random.default_rng(3))
    # 40 mm³/s injected over 1.75 s of plateau, with 45 mm/s of blood: 60 mm/s or so.
    section = np.pi * diameter**2 / 4
    speed = 80 / 1.75 / section + 45
    rows, columns = np.indices(CANVAS.shape)
    far = np.hypot(rows - CANVAS.origin_px[0], columns - CANVAS.origin_px[1]) * CANVAS.spacing_mm
    reach = {t: far[tree.areal_density(t) > 0.5].max() for t in (1.08, 1.2)}
    # Bends and depth shorten what is seen; the front cannot outrun the flow.
    assert 0.3 * speed * 0.2 < reach[1.2] < speed * 0.2 + 2
    assert reach[1.08] < reach[1.2]


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_vein_is_never_darker_than_the_agent_in_its_lumen(share):
    """240 mg/mL through the longest chord of two crossing veins, tilted out of the plane."""
    diameter = 1.6
    tree = VeinTree(CANVAS, make_injection(share), diameter, np.random.default_rng(4))
    most = max(float(tree.areal_density(t).max()) for t in TIMES_S)
    assert 0 < most <= 2 * 240 * diameter / 10 / 0.85


def test_a_pool_is_never_as_concentrated_as_the_agent():
    """A dome of volume V/0.6 that is at most 0.6 of its radius thick bounds the line integral."""
    injection = make_injection(0.0)
    pool = make_pool(injection)
    for time_s in (1.1, 2.0, 5.0):
        density = pool.areal_density(time_s)
        area_mm2 = (density > 0.02 * density.max()).sum() * CANVAS.spacing_mm**2
        volume_mm3 = injection.volume_mm3 * float(injection.share_given(time_s))
        # Where all of it lay on its area as a slab it would be this thick on average.
        assert density.mean() <= 240 / 10 * volume_mm3 / area_mm2
        assert density.max() <= 240 / 10 * 0.6 * np.sqrt(area_mm2)


def test_what_is_drawn_has_the_volume_of_the_tube():
    path = np.stack([np.linspace(-20, 20, 401), 3 * np.sin(np.linspace(0, 5, 401))], axis=1)
    points, areas = tube_points(path, 0.8, 0.3, 11)
    assert areas.sum() == pytest.approx(np.pi * (0.8**2 - 0.3**2))
    volumes = np.broadcast_to(areas * 0.1, points.shape[:2])
    drawn = Splat(CANVAS, points, volumes).draw(np.ones(len(path)))
    assert drawn.sum(dtype=np.float64) == pytest.approx(volumes.sum(), rel=1e-5)
    assert np.abs(points - path[:, None]).max() <= 0.8
    assert (drawn >= 0).all()
