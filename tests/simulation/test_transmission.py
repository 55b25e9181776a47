"""Beer-Lambert by hand, the kernel against plain numpy, and beam hardening."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._attenuation import Material, mass_attenuation
from guidance.simulation._spectrum import Spectrum, tube_spectrum
from guidance.simulation._transmission import Beam, MaterialMaps, make_beam, transmission

SHAPE = (24, 40)


def flat(value: float) -> np.ndarray:
    return np.full(SHAPE, value, np.float32)


def maps(soft=0.0, bone=0.0, adipose=0.0, steel=0.0, iodine=0.0) -> MaterialMaps:
    return MaterialMaps(
        soft_g_per_cm2=flat(soft),
        bone_g_per_cm2=flat(bone),
        adipose_g_per_cm2=flat(adipose),
        steel_cm=flat(steel),
        iodine_mg_per_cm2=flat(iodine),
    )


@pytest.fixture(scope="module")
def beam() -> Beam:
    return make_beam(tube_spectrum(80, aluminium_mm=3, copper_mm=0.1), 0.19)


def sixty_kev() -> Beam:
    """Return a beam of 60 keV alone, in two equal bins."""
    spectrum = Spectrum(energies_kev=np.array([60.0, 60.0]), fluence=np.array([1.0, 1.0]))
    return make_beam(spectrum, 0.19, bins=2)


@pytest.mark.parametrize(
    ("matter", "nepers"),
    [
        ({}, 0.0),
        # Coefficients at 60 keV of NISTIR 5632, by hand.
        ({"soft": 20.0}, 0.2048 * 20),
        ({"adipose": 3.0}, 0.1974 * 3),
        ({"bone": 2.0}, 0.3148 * 2),
        ({"steel": 0.05}, 1.205 * 7.9 * 0.05),
        ({"iodine": 30.0}, 7.579 * 0.030),
        ({"soft": 15.0, "bone": 3.0, "iodine": 50.0}, 0.2048 * 15 + 0.3148 * 3 + 7.579 * 0.05),
    ],
)
def test_one_energy_follows_beer_and_lambert(matter, nepers):
    np.testing.assert_allclose(
        transmission(maps(**matter), sixty_kev()), np.exp(-nepers), rtol=2e-5
    )


def test_the_kernel_is_the_sum_over_the_bins(beam):
    rng = np.random.default_rng(5)
    random = MaterialMaps(
        soft_g_per_cm2=rng.uniform(0, 40, SHAPE).astype(np.float32),
        bone_g_per_cm2=rng.uniform(0, 8, SHAPE).astype(np.float32),
        adipose_g_per_cm2=rng.uniform(0, 8, SHAPE).astype(np.float32),
        steel_cm=(rng.uniform(0, 0.3, SHAPE) * (rng.random(SHAPE) < 0.2)).astype(np.float32),
        iodine_mg_per_cm2=rng.uniform(0, 90, SHAPE).astype(np.float32),
    )
    expected = np.zeros(SHAPE)
    for b, weight in enumerate(beam.weights):
        nepers = beam.muscle[b] * random.soft_g_per_cm2.astype(np.float64)
        nepers += beam.bone[b] * random.bone_g_per_cm2
        nepers += beam.adipose[b] * random.adipose_g_per_cm2
        nepers += beam.iron[b] * 7.9 * random.steel_cm
        nepers += beam.iodine[b] / 1000 * random.iodine_mg_per_cm2
        expected += weight * np.exp(-nepers)
    np.testing.assert_allclose(transmission(random, beam), expected, rtol=1e-4)


def test_absent_maps_are_maps_of_nothing(beam):
    bare = MaterialMaps(soft_g_per_cm2=flat(20), bone_g_per_cm2=flat(2))
    np.testing.assert_array_equal(
        transmission(bare, beam), transmission(maps(soft=20, bone=2), beam)
    )


@pytest.mark.parametrize(
    ("soft", "bone", "iodine", "steel"),
    [(5, 0, 0, 0), (20, 0, 0, 0), (20, 4, 0, 0), (35, 5, 0, 0), (20, 2, 60, 0), (20, 2, 0, 0.1)],
)
def test_twelve_bins_do_for_the_whole_spectrum(soft, bone, iodine, steel, beam):
    spectrum = tube_spectrum(80, aluminium_mm=3, copper_mm=0.1)
    energies = spectrum.energies_kev
    csi = mass_attenuation(Material.CESIUM_IODIDE, energies)
    signal = spectrum.fluence * energies * (1 - np.exp(-csi * 0.19))
    nepers = mass_attenuation(Material.MUSCLE, energies) * soft
    nepers += mass_attenuation(Material.CORTICAL_BONE, energies) * bone
    nepers += mass_attenuation(Material.IODINE, energies) * iodine / 1000
    nepers += mass_attenuation(Material.IRON, energies) * 7.9 * steel
    exact = (signal * np.exp(-nepers)).sum() / signal.sum()
    found = transmission(maps(soft=soft, bone=bone, iodine=iodine, steel=steel), beam)[0, 0]
    assert found == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("name", "amount"), [("soft", 10.0), ("bone", 2.0), ("iodine", 40.0)])
def test_the_beam_hardens(name, amount, beam):
    one, two = (-np.log(transmission(maps(**{name: k * amount}), beam)[0, 0]) for k in (1, 2))
    assert 1.2 * one < two < 2 * one


def test_iodine_shows_best_where_its_edge_lies():
    # The contrast of 10 mg/cm² falls as the voltage rises above twice the edge.
    shown = []
    for kvp in (60, 80, 110):
        beam = make_beam(tube_spectrum(kvp, aluminium_mm=3), 0.19)
        without, with_iodine = (
            transmission(maps(soft=20, iodine=amount), beam)[0, 0] for amount in (0, 10)
        )
        shown.append(np.log(without / with_iodine))
    assert shown[0] > shown[1] > shown[2]
    # Between 30 and 70 keV 10 mg/cm² make 0.05 to 0.3 nepers (NISTIR 5632).
    assert 0.05 < shown[2] < shown[0] < 0.3


def test_quanta_per_dose_are_near_rqa5_times_what_the_scintillator_absorbs(beam):
    # 30 quanta per mm² and nGy, of which 0.19 g/cm² of CsI absorb 70 to 90 %.
    assert 0.7 * 28 < beam.quanta_per_mm2_ngy < 0.9 * 31


def test_mirrored_maps_give_mirrored_signals(beam):
    rng = np.random.default_rng(1)
    soft, bone = (rng.uniform(0, 20, SHAPE).astype(np.float32) for _ in range(2))
    one = transmission(MaterialMaps(soft_g_per_cm2=soft, bone_g_per_cm2=bone), beam)
    turned = MaterialMaps(soft_g_per_cm2=soft[:, ::-1], bone_g_per_cm2=bone[:, ::-1])
    np.testing.assert_array_equal(transmission(turned, beam), one[:, ::-1])


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="bone_g_per_cm2 is float64"):
        MaterialMaps(soft_g_per_cm2=flat(1), bone_g_per_cm2=flat(1).astype(np.float64))
    with pytest.raises(InputError, match="shape"):
        MaterialMaps(soft_g_per_cm2=flat(1), bone_g_per_cm2=flat(1)[1:])
    with pytest.raises(InputError, match=r"\(R, C\)"):
        MaterialMaps(soft_g_per_cm2=flat(1)[0], bone_g_per_cm2=flat(1)[0])
    with pytest.raises(InputError, match="csi"):
        make_beam(tube_spectrum(80, aluminium_mm=3), 0)
