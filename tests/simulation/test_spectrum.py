"""The tube against half-value layers of SpekPy 2 and quanta per dose of IEC 62220-1."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._attenuation import DENSITY_G_PER_CM3, Material
from guidance.simulation._spectrum import Spectrum, tube_spectrum

# kV, mm Al, mm Cu, half-value layer in mm Al and mean energy in keV: SpekPy 2 (model kqp, NIST
# coefficients, 12° anode), run for this test.
SPEKPY = [
    (60, 2.5, 0.0, 2.070, 36.11),
    (70, 2.5, 0.0, 2.382, 39.56),
    (80, 2.5, 0.0, 2.718, 43.05),
    (100, 2.5, 0.0, 3.438, 49.28),
    (120, 2.5, 0.0, 4.191, 54.56),
    (70, 3.0, 0.1, 3.982, 44.62),
    (80, 3.0, 0.1, 4.552, 48.51),
    (80, 3.0, 0.2, 5.586, 51.34),
    (100, 3.0, 0.3, 7.640, 60.37),
    (120, 3.0, 0.2, 7.818, 63.64),
]


@pytest.mark.parametrize(("kvp", "aluminium", "copper", "layer", "mean"), SPEKPY)
def test_half_value_layers_are_those_of_spekpy(kvp, aluminium, copper, layer, mean):
    spectrum = tube_spectrum(kvp, aluminium_mm=aluminium, copper_mm=copper)
    assert spectrum.half_value_layer_mm() == pytest.approx(layer, rel=0.015)
    assert spectrum.mean_kev == pytest.approx(mean, rel=0.01)


def test_quanta_per_dose_are_those_of_rqa5():
    # IEC 62220-1: 70 kV, 21 mm of added aluminium, 30174 quanta per mm² and µGy.
    spectrum = tube_spectrum(70, aluminium_mm=23.5)
    per_ngy = spectrum.fluence.sum() / spectrum.kerma_ngy
    assert per_ngy == pytest.approx(30.174, rel=0.05)


def test_half_the_kerma_is_left_behind_the_half_value_layer():
    spectrum = tube_spectrum(80, aluminium_mm=3)
    layer = spectrum.half_value_layer_mm() / 10 * DENSITY_G_PER_CM3[Material.ALUMINIUM]
    left = spectrum.behind(Material.ALUMINIUM, layer)
    assert left.kerma_ngy == pytest.approx(spectrum.kerma_ngy / 2, rel=1e-6)
    # What is left is harder.
    assert left.half_value_layer_mm() > spectrum.half_value_layer_mm()


def test_one_energy_has_the_half_value_layer_of_its_coefficient():
    line = Spectrum(energies_kev=np.array([60.0]), fluence=np.array([1.0]))
    assert line.half_value_layer_mm() == pytest.approx(10 * np.log(2) / 0.2778 / 2.699, rel=1e-6)


def test_k_lines_need_their_edge():
    for kvp, has_lines in ((69, False), (90, True)):
        spectrum = tube_spectrum(kvp, aluminium_mm=3)
        near = spectrum.fluence[np.abs(spectrum.energies_kev - 59.5) < 0.1][0]
        beside = spectrum.fluence[np.abs(spectrum.energies_kev - 61.5) < 0.1][0]
        assert (near > 2 * beside) == has_lines


def test_no_photon_is_above_the_voltage_and_output_grows_with_it():
    low, high = (tube_spectrum(kvp, aluminium_mm=3) for kvp in (60, 90))
    assert low.energies_kev.max() < 60
    # The kerma grows with about the square of the voltage.
    assert high.kerma_ngy / low.kerma_ngy == pytest.approx((90 / 60) ** 2.2, rel=0.15)


@pytest.mark.parametrize(
    "changed",
    [{"kvp": 30}, {"kvp": 200}, {"aluminium_mm": -1}, {"copper_mm": -1}, {"anode_angle_deg": 0}],
)
def test_impossible_tubes_are_refused(changed):
    with pytest.raises(InputError, match="expected"):
        tube_spectrum(**({"kvp": 80, "aluminium_mm": 3} | changed))
    with pytest.raises(InputError, match="expected 0 or more"):
        tube_spectrum(80, aluminium_mm=3).behind(Material.IRON, -1)
