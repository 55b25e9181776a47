"""Coefficients against values that follow from others, not from the table under test."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._attenuation import (
    Material,
    air_energy_absorption,
    mass_attenuation,
)


@pytest.mark.parametrize("material", list(Material))
def test_entries_lie_between_their_neighbours(material):
    energies = np.linspace(15, 150, 400)
    values = mass_attenuation(material, energies)
    rises = np.flatnonzero(np.diff(values) > 0)
    expected = {
        Material.IODINE: 1,
        Material.CESIUM_IODIDE: 2,
        Material.TUNGSTEN: 1,
        # Its L edges at 15.2 and 15.86 keV, and K.
        Material.LEAD: 3,
    }
    assert (values > 0).all()
    assert len(rises) == expected.get(material, 0)


def test_iodine_has_its_k_edge_where_it_belongs():
    below, above = mass_attenuation(Material.IODINE, np.array([33.16, 33.18]))
    # The jump of the K shell: 5.5 to 6 for elements near iodine.
    assert above / below == pytest.approx(5.47, abs=0.05)


def test_cesium_iodide_is_the_sum_of_its_elements_between_its_edges():
    # Just above iodine's edge, caesium attenuates like iodine a little below its own edge, scaled
    # by Victoreen's Z^4/A: within 3 %.
    iodine = mass_attenuation(Material.IODINE, np.array([33.18]))[0]
    cesium = mass_attenuation(Material.IODINE, np.array([33.16]))[0] * 1.11
    weight = 126.904 / (126.904 + 132.905)
    compound = mass_attenuation(Material.CESIUM_IODIDE, np.array([33.18]))[0]
    assert compound == pytest.approx(weight * iodine + (1 - weight) * cesium, rel=0.03)


def test_interpolation_is_good_between_the_entries():
    # NISTIR 5632 has no entries at 70 and 120 keV; XCOM gives these (checked with xraydb 4.5).
    water = mass_attenuation(Material.WATER, np.array([110.0, 130.0]))
    np.testing.assert_allclose(water, [0.1657, 0.1574], rtol=0.005)


def test_soft_tissue_is_almost_water_and_fat_attenuates_less():
    energies = np.linspace(30, 120, 50)
    water = mass_attenuation(Material.WATER, energies)
    np.testing.assert_allclose(mass_attenuation(Material.MUSCLE, energies), water, rtol=0.012)
    assert (mass_attenuation(Material.ADIPOSE, energies) < water).all()


def test_air_absorbs_less_than_it_attenuates():
    energies = np.linspace(15, 150, 50)
    assert (air_energy_absorption(energies) < mass_attenuation(Material.AIR, energies)).all()


@pytest.mark.parametrize("energy", [14.0, 151.0, np.nan])
def test_energies_off_the_tables_are_refused(energy):
    with pytest.raises(InputError, match="15 to 150"):
        mass_attenuation(Material.WATER, np.array([energy]))
