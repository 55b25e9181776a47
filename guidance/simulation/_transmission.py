"""What is left of a beam behind bone, soft tissue, iodine and steel: Beer-Lambert, many energies.

A detector that integrates energy behind a body with masses per area m (g/cm²) sees, relative to the
open beam,

    S = Σ_b w_b exp(-Σ_k μ_k(b) m_k),   w_b ∝ fluence × energy × absorption in CsI,

a sum over energy bins b. The bins split the spectrum where they carry the same signal; one ends at
iodine's K edge. `Beam` holds the bins, `transmission` takes the sum for every pixel.
"""

from dataclasses import dataclass, fields

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._attenuation import STEEL_G_PER_CM3, Material, mass_attenuation
from guidance.simulation._spectrum import Spectrum

Map = NDArray[np.float32]

# Behind this much muscle the bins share the signal, and dose and quanta are stated: about the 20 cm
# of PMMA or water that stand for an adult's abdomen when fluoroscopes are tested (AAPM Report 70).
REFERENCE_BODY_G_PER_CM2 = 20.0
IODINE_EDGE_KEV = 33.0  # the bin of 1 keV that holds the edge, 33.17, counts as above it
BINS = 12
# exp(-60) of the signal is nothing; beyond, the power of 256 below would leave its series.
_MOST_NEPERS = 60.0
_SQUARINGS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaterialMaps:
    """Mass per area between the source and each pixel, along its ray.

    Attributes
    ----------
    soft_g_per_cm2 : (R, C) float32 array
        Muscle (ICRU-44) and all that attenuates like it: organs, blood, discs, red marrow.
    bone_g_per_cm2 : (R, C) float32 array
        Cortical bone of ICRU-44 (1.92 g/cm³, its collagen and water included); trabecular bone
        counts by its share of it, its marrow as soft or adipose tissue.
    adipose_g_per_cm2 : (R, C) float32 array, optional
        Fat (ICRU-44) and yellow marrow.
    steel_cm : (R, C) float32 array, optional
        Stainless steel at 7.9 g/cm³. Centimetres.
    iodine_mg_per_cm2 : (R, C) float32 array, optional
        Iodine. Milligrams per square centimetre.
    """

    soft_g_per_cm2: Map
    bone_g_per_cm2: Map
    adipose_g_per_cm2: Map | None = None
    steel_cm: Map | None = None
    iodine_mg_per_cm2: Map | None = None

    def __post_init__(self) -> None:
        """Refuse maps that differ in shape or type."""
        shape = self.soft_g_per_cm2.shape
        if len(shape) != 2 or 0 in shape:
            raise InputError(f"soft_g_per_cm2 has shape {shape}, expected (R, C)")
        for field in fields(self):
            values = getattr(self, field.name)
            if values is None:
                continue
            if values.shape != shape or values.dtype != np.float32:
                raise InputError(
                    f"{field.name} is {values.dtype} of shape {values.shape}, expected float32 of "
                    f"shape {shape} as soft_g_per_cm2; convert it first"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.soft_g_per_cm2.shape
        return rows, columns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beam:
    """A spectrum in a few bins, as one detector sees it.

    Attributes
    ----------
    weights : (B,) float64 array
        Share of the open beam's signal in each bin; they add up to 1.
    muscle, bone, adipose, iron, iodine : (B,) float64 array
        Mass attenuation coefficients. cm²/g.
    output : float
        Signal of the open beam per mAs; to compare beams of different voltage.
    quanta_per_mm2_ngy : float
        Quanta absorbed per mm² of detector and nGy of air kerma behind the reference body, of equal
        weight: (Σ nE)² / Σ nE², since a detector that integrates energy weighs them by it.
    """

    weights: FloatArray
    muscle: FloatArray
    bone: FloatArray
    adipose: FloatArray
    iron: FloatArray
    iodine: FloatArray
    output: float
    quanta_per_mm2_ngy: float


def make_beam(spectrum: Spectrum, csi_g_per_cm2: float, bins: int = BINS) -> Beam:
    """Return the beam that a caesium iodide detector sees.

    Parameters
    ----------
    spectrum : Spectrum
        Behind the tube's filters.
    csi_g_per_cm2 : float
        Scintillator. Its K fluorescence is taken as absorbed where it was made.
    bins : int
        Number of energy bins.
    """
    if not (csi_g_per_cm2 > 0 and bins >= 2):
        raise InputError(f"csi_g_per_cm2 {csi_g_per_cm2} and bins {bins}; expected > 0 and >= 2")
    energies = spectrum.energies_kev
    absorbed = -np.expm1(-mass_attenuation(Material.CESIUM_IODIDE, energies) * csi_g_per_cm2)
    signal = spectrum.fluence * energies * absorbed
    body = spectrum.behind(Material.MUSCLE, REFERENCE_BODY_G_PER_CM2)
    quanta = body.fluence * absorbed
    effective = (quanta * energies).sum() ** 2 / (quanta * energies**2).sum()
    index = _bin_index(energies, signal, quanta * energies, bins)

    def mean_of(material: Material) -> FloatArray:
        # Weighted by the signal behind half the body: a compromise between thin and thick.
        weight = np.sqrt(signal * (quanta * energies))
        coefficients = mass_attenuation(material, energies)
        total: FloatArray = np.bincount(index, weight * coefficients) / np.bincount(index, weight)
        return total

    output = float(signal.sum())
    return Beam(
        weights=np.bincount(index, signal) / output,
        muscle=mean_of(Material.MUSCLE),
        bone=mean_of(Material.CORTICAL_BONE),
        adipose=mean_of(Material.ADIPOSE),
        iron=mean_of(Material.IRON),
        iodine=mean_of(Material.IODINE),
        output=output,
        quanta_per_mm2_ngy=float(effective / body.kerma_ngy),
    )


def _bin_index(
    energies: FloatArray, open_signal: FloatArray, body_signal: FloatArray, bins: int
) -> NDArray[np.intp]:
    """Return the bin of each energy: even shares of the signal, split at iodine's edge."""
    weight = open_signal / open_signal.sum() + body_signal / body_signal.sum()
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    raw = np.floor(share * (bins - 1)).astype(np.intp)
    raw += energies > IODINE_EDGE_KEV
    _, index = np.unique(raw, return_inverse=True)
    return np.asarray(index, np.intp)


def transmission(maps: MaterialMaps, beam: Beam) -> Map:
    """Return the signal behind the maps relative to that of the open beam.

    Parameters
    ----------
    maps : MaterialMaps
        What lies in the beam.
    beam : Beam
        Its energies.

    Returns
    -------
    (R, C) float32 array
        1 for the open beam; good to 1e-4 of the exact sum over the bins.
    """
    none = np.zeros((1, 1), np.float32)
    result = np.empty(maps.shape, np.float32)
    _sum_bins(
        np.ascontiguousarray(maps.soft_g_per_cm2),
        np.ascontiguousarray(maps.bone_g_per_cm2),
        _or(maps.adipose_g_per_cm2, none),
        _or(maps.steel_cm, none),
        _or(maps.iodine_mg_per_cm2, none),
        _coefficients(beam),
        result,
    )
    return result


def _or(values: Map | None, none: Map) -> Map:
    return none if values is None else np.ascontiguousarray(values)


def _coefficients(beam: Beam) -> Map:
    """Return (B, 6) weights and nepers per unit of each map, in the maps' order."""
    columns = (
        beam.weights,
        beam.muscle,
        beam.bone,
        beam.adipose,
        beam.iron * STEEL_G_PER_CM3,
        beam.iodine / 1000,
    )
    return np.stack(columns, axis=1).astype(np.float32)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _sum_bins(
    soft: Map, bone: Map, adipose: Map, steel: Map, iodine: Map, table: Map, result: Map
) -> None:
    """Fill `result`; absent maps are (1, 1)."""
    nepers = np.empty(soft.shape[1], np.float32)
    for r in range(soft.shape[0]):
        has_adipose = adipose.shape == soft.shape
        has_steel = steel.shape == soft.shape and steel[r].max() > 0
        has_iodine = iodine.shape == soft.shape and iodine[r].max() > 0
        result[r] = 0
        for b in range(table.shape[0]):
            nepers[:] = 0
            _add_layer(nepers, soft[r], table[b, 1])
            _add_layer(nepers, bone[r], table[b, 2])
            if has_adipose:
                _add_layer(nepers, adipose[r], table[b, 3])
            if has_steel:
                _add_layer(nepers, steel[r], table[b, 4])
            if has_iodine:
                _add_layer(nepers, iodine[r], table[b, 5])
            _add_exponential(result[r], nepers, table[b, 0])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_layer(nepers: Map, layer: Map, coefficient: np.float32) -> None:
    for c in range(nepers.size):
        nepers[c] += coefficient * layer[c]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_exponential(total: Map, nepers: Map, weight: np.float32) -> None:
    """Add weight·exp(-nepers): a series at a 256th of the argument, squared eight times.

    Multiplications alone, so the compiler works on many pixels at once.
    """
    scale, most = np.float32(1 / 2**_SQUARINGS), np.float32(_MOST_NEPERS)
    half, sixth = np.float32(1 / 2), np.float32(1 / 6)
    fourth, fifth, one = np.float32(1 / 24), np.float32(1 / 120), np.float32(1)
    for c in range(nepers.size):
        y = min(nepers[c], most) * scale
        e = one - y * (one - y * (half - y * (sixth - y * (fourth - y * fifth))))
        for _ in range(_SQUARINGS):
            e *= e
        total[c] += weight * e
