"""How strongly matter attenuates diagnostic X-rays: mass attenuation coefficients, 15 to 150 keV.

Source of all tables: J. H. Hubbell and S. M. Seltzer, Tables of X-Ray Mass Attenuation Coefficients
and Mass Energy-Absorption Coefficients, NISTIR 5632, NIST Standard Reference Database 126 (2004),
tables 3 and 4; compositions and densities of tissues: ICRU Report 44 (1989). Between the entries
the logarithm of the coefficient is linear in the logarithm of the energy, on either side of a K
edge separately. Total attenuation with coherent scattering, cm²/g; energies in keV.
"""

from enum import StrEnum
from itertools import pairwise

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray

ENERGY_RANGE_KEV = (15.0, 150.0)
_GRID_KEV = (15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)


class Material(StrEnum):
    """What X-rays go through."""

    WATER = "water"
    MUSCLE = "muscle"
    ADIPOSE = "adipose"
    CORTICAL_BONE = "cortical_bone"
    AIR = "air"
    ALUMINIUM = "aluminium"
    IRON = "iron"
    COPPER = "copper"
    IODINE = "iodine"
    CESIUM_IODIDE = "cesium_iodide"
    TUNGSTEN = "tungsten"
    LEAD = "lead"


# g/cm³; tissues ICRU-44, elements NISTIR 5632 table 1. Stainless steel (18 % Cr, 10 % Ni)
# attenuates like its weight in iron within about 3 %; its density is 7.9.
DENSITY_G_PER_CM3 = {
    Material.WATER: 1.0,
    Material.MUSCLE: 1.05,
    Material.ADIPOSE: 0.95,
    Material.CORTICAL_BONE: 1.92,
    Material.AIR: 1.205e-3,
    Material.ALUMINIUM: 2.699,
    Material.IRON: 7.874,
    Material.COPPER: 8.96,
    Material.IODINE: 4.93,
    Material.CESIUM_IODIDE: 4.51,
    Material.TUNGSTEN: 19.3,
    Material.LEAD: 11.35,
}
STEEL_G_PER_CM3 = 7.9

# K edges, keV (NISTIR 5632): caesium and iodine in CsI, and so on; (energy, below, above).
_EDGES: dict[Material, tuple[tuple[float, float, float], ...]] = {
    Material.IODINE: ((33.1694, 6.553, 35.82),),
    Material.CESIUM_IODIDE: ((33.1694, 6.923, 21.22), (35.9846, 17.19, 30.26)),
    Material.TUNGSTEN: ((69.525, 2.552, 11.23),),
    Material.LEAD: ((15.2, 107.8, 148.5), (15.8608, 134.4, 154.8), (88.0045, 1.910, 7.683)),
}
# cm²/g at the energies of _GRID_KEV.
_TABLE: dict[Material, tuple[float, ...]] = {
    Material.WATER: (1.673, 0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
    Material.MUSCLE: (1.693, 0.8205, 0.3783, 0.2685, 0.2262, 0.2048, 0.1823, 0.1693, 0.1492),
    Material.ADIPOSE: (1.083, 0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500),
    Material.CORTICAL_BONE: (9.032, 4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480),
    Material.AIR: (1.614, 0.7779, 0.3538, 0.2485, 0.2080, 0.1875, 0.1662, 0.1541, 0.1356),
    Material.ALUMINIUM: (7.955, 3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378),
    Material.IRON: (57.08, 25.68, 8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717, 0.1964),
    Material.COPPER: (74.05, 33.79, 10.92, 4.862, 2.613, 1.593, 0.7630, 0.4584, 0.2217),
    Material.IODINE: (55.12, 25.43, 8.561, 22.10, 12.32, 7.579, 3.510, 1.942, 0.6978),
    # By the weights of caesium and iodine.
    Material.CESIUM_IODIDE: (58.16, 26.86, 9.045, 22.97, 12.87, 7.921, 3.677, 2.035, 0.7291),
    Material.TUNGSTEN: (138.9, 65.73, 22.73, 10.67, 5.949, 3.713, 7.810, 4.438, 1.581),
    Material.LEAD: (111.6, 86.36, 30.32, 14.36, 8.041, 5.021, 2.419, 5.549, 2.014),
}
# Mass energy-absorption coefficient of dry air near sea level, cm²/g: air kerma from fluence.
_AIR_ABSORPTION = (1.334, 0.5389, 0.1537, 0.06833, 0.04098, 0.03041, 0.02407, 0.02325, 0.02496)


def mass_attenuation(material: Material, energies_kev: FloatArray) -> FloatArray:
    """Return the mass attenuation coefficient of a material.

    Parameters
    ----------
    material : Material
        Which.
    energies_kev : (N,) float64 array
        Photon energies, 15 to 150; at a K edge the value above it is taken. keV.

    Returns
    -------
    (N,) float64 array
        Total attenuation, coherent scattering included. cm²/g.
    """
    energies = _checked(energies_kev)
    segments = _segments(material)
    result = np.empty_like(energies)
    for low, high, grid, values in segments:
        inside = (energies >= low) & (energies < high)
        result[inside] = np.exp(np.interp(np.log(energies[inside]), np.log(grid), np.log(values)))
    return result


def air_energy_absorption(energies_kev: FloatArray) -> FloatArray:
    """Return the mass energy-absorption coefficient of air, (N,) in cm²/g."""
    energies = _checked(energies_kev)
    result: FloatArray = np.exp(
        np.interp(np.log(energies), np.log(_GRID_KEV), np.log(_AIR_ABSORPTION))
    )
    return result


def _checked(energies_kev: FloatArray) -> FloatArray:
    energies = np.atleast_1d(np.asarray(energies_kev, np.float64))
    low, high = ENERGY_RANGE_KEV
    if not ((energies >= low) & (energies <= high)).all():
        raise InputError(
            f"energies reach from {energies.min():g} to {energies.max():g} keV, expected "
            f"{low:g} to {high:g}; the tables hold no others"
        )
    return energies


def _segments(
    material: Material,
) -> list[tuple[float, float, FloatArray, FloatArray]]:
    """Return the stretches between K edges: from, up to, energies and coefficients."""
    grid = np.asarray(_GRID_KEV)
    values = np.asarray(_TABLE[material])
    edges = _EDGES.get(material, ())
    # Below its first edge and above its last one a stretch is open to the ends of the table.
    bounds = [0.0, *(energy for energy, _, _ in edges), np.inf]
    segments = []
    for index, (low, high) in enumerate(pairwise(bounds)):
        inside = (grid > low) & (grid < high)
        energies, coefficients = grid[inside], values[inside]
        if index > 0:
            energies = np.r_[low, energies]
            coefficients = np.r_[edges[index - 1][2], coefficients]
        if index < len(edges):
            energies = np.r_[energies, high]
            coefficients = np.r_[coefficients, edges[index][1]]
        segments.append((low, high, energies, coefficients))
    return segments
