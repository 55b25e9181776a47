"""X-ray physics of the phantom: path lengths in, detector values out.

One effective energy, no beam hardening; parallel projection at the isocentre's magnification.
Maps are (R, C) float32; lengths along the beam in centimetres, iodine in milligrams per square
centimetre, all at the isocentre.

References: J. H. Hubbell and S. M. Seltzer, NISTIR 5632, NIST Standard Reference Database 126
(coefficients); ICRU Report 44 (tissues and densities); IEC 62220-1 (quanta per air kerma).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

# 60 keV is near the mean of an 80 kV beam behind 20 cm of tissue. Mass attenuation coefficient in
# cm²/g (NISTIR 5632, tables 3 and 4 at 60 keV) times density in g/cm³; for iodine per mg/cm².
MUSCLE_PER_CM = 0.2048 * 1.05
CORTICAL_BONE_PER_CM = 0.3148 * 1.92
STEEL_PER_CM = 1.205 * 7.87  # iron stands for stainless steel
IODINE_CM2_PER_MG = 7.579 * 1e-3

# IEC 62220-1, beam quality RQA5: 30174 quanta per mm² and µGy.
QUANTA_PER_MM2_NGY = 30.174
# Zero-frequency DQE of a CsI flat panel in that quality.
DETECTIVE_QUANTUM_EFFICIENCY = 0.65
# Scatter over primary behind an anti-scatter grid and 20 cm of tissue.
SCATTER_TO_PRIMARY = 0.8
# Reach of the scatter, a Gaussian at the isocentre.
SCATTER_SIGMA_MM = 22.0
# Focal spot 0.6 mm seen through a magnification of 1.43, as a Gaussian at the isocentre.
FOCAL_SIGMA_MM = 0.12
# Spread of light in the scintillator, a Gaussian at the detector.
SCINTILLATOR_SIGMA_MM = 0.25
# Read-out noise per pixel, as quanta.
ELECTRONIC_NOISE_QUANTA = 3.0
# The exposure control brings the middle of the image to this share of full scale.
CONTROL_LEVEL = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathLengths:
    """What lies on the way from the source to each pixel.

    Attributes
    ----------
    soft_cm : (R, C) float32 array
        Muscle and all that attenuates like it. Centimetres.
    bone_cm : (R, C) float32 array
        Compact bone; cancellous bone counts by its share of compact bone. Centimetres.
    steel_cm : (R, C) float32 array
        Needle. Centimetres.
    iodine_mg_per_cm2 : (R, C) float32 array
        Line integral of the iodine concentration. Milligrams per square centimetre.
    """

    soft_cm: Map
    bone_cm: Map
    steel_cm: Map
    iodine_mg_per_cm2: Map


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """How primary radiation becomes pixel values.

    Attributes
    ----------
    spacing_iso_mm, spacing_det_mm : float
        Size of a pixel at the isocentre and at the detector. Millimetres.
    dose_ngy : float
        Air kerma at the detector per pulse, behind the middle of the patient. Nanogray.
    bits_stored : int
        Full scale is 2**bits_stored - 1.
    """

    spacing_iso_mm: float
    spacing_det_mm: float
    dose_ngy: float
    bits_stored: int

    @property
    def quanta_per_pixel(self) -> float:
        """Detected quanta per pixel and pulse at the control level."""
        return (
            self.dose_ngy
            * QUANTA_PER_MM2_NGY
            * DETECTIVE_QUANTUM_EFFICIENCY
            * self.spacing_det_mm**2
        )

    @property
    def full_scale(self) -> int:
        """The greatest pixel value."""
        return (1 << self.bits_stored) - 1


def transmission(paths: PathLengths) -> Map:
    """Return the share of the primary beam that reaches each pixel (Beer-Lambert)."""
    nepers = (
        np.float32(MUSCLE_PER_CM) * paths.soft_cm
        + np.float32(CORTICAL_BONE_PER_CM) * paths.bone_cm
        + np.float32(STEEL_PER_CM) * paths.steel_cm
        + np.float32(IODINE_CM2_PER_MG) * paths.iodine_mg_per_cm2
    )
    result: Map = np.exp(-nepers)
    return result


def blur(image: Map, sigma_px: float) -> Map:
    """Return `image` behind a Gaussian; the border is mirrored, so that a flat image stays flat."""
    if sigma_px <= 0:
        return image
    result: Map = np.asarray(
        cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    )
    return result


def add_scatter(primary: Map, spacing_iso_mm: float) -> tuple[Map, Map]:
    """Return the primary behind the focal spot's blur, and the scatter that goes with it.

    Parameters
    ----------
    primary : (R, C) float32 array
        Primary radiation, any unit.
    spacing_iso_mm : float
        Size of a pixel. Millimetres at the isocentre.

    Returns
    -------
    primary, scatter : (R, C) float32 arrays
        In the unit of the input.
    """
    rows, columns = primary.shape
    # Scatter is so smooth that an eighth of the resolution holds it.
    small = cv2.resize(primary, (-(-columns // 8), -(-rows // 8)), interpolation=cv2.INTER_AREA)
    spread = blur(np.asarray(small, np.float32), SCATTER_SIGMA_MM / spacing_iso_mm / 8)
    scatter = cv2.resize(spread, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return (
        blur(primary, FOCAL_SIGMA_MM / spacing_iso_mm),
        np.asarray(SCATTER_TO_PRIMARY * scatter, np.float32),
    )


def detect(signal: Map, exposure: float, detector: Detector, rng: np.random.Generator) -> Map:
    """Return unrounded pixel values of one pulse.

    Each pixel takes one normal deviate for its quanta whatever its mean, so runs of one seed that
    differ in contrast alone share their noise. The Cornish-Fisher term makes the first three
    moments those of the Poisson distribution, to 0.3 % above 20 quanta.

    Parameters
    ----------
    signal : (R, C) float32 array
        Primary and scatter; 1 at the control level.
    exposure : float
        Output of the tube, 1 once the exposure control has settled.
    detector : Detector
        The detector.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    (R, C) float32 array
        Pixel values before rounding; neighbours' noise is correlated by the scintillator.
    """
    mean = signal * np.float32(exposure * detector.quanta_per_pixel)
    deviate = rng.standard_normal(mean.shape, dtype=np.float32)
    quanta = mean + np.sqrt(mean) * deviate + (deviate * deviate - 1) / np.float32(6)
    light = blur(quanta, SCINTILLATOR_SIGMA_MM / detector.spacing_det_mm)
    light += np.float32(ELECTRONIC_NOISE_QUANTA) * rng.standard_normal(mean.shape, dtype=np.float32)
    return light * np.float32(CONTROL_LEVEL * detector.full_scale / detector.quanta_per_pixel)


def relative_noise(signal: Map, detector: Detector) -> Map:
    """Return the standard deviation of the sum over a large area, per pixel and relative to it.

    Over an area of n pixels the relative noise of the mean is this divided by the root of n: the
    scintillator moves noise between neighbours, it takes none away.
    """
    quanta = np.maximum(signal * np.float32(detector.quanta_per_pixel), np.float32(1))
    result: Map = np.sqrt(quanta + np.float32(ELECTRONIC_NOISE_QUANTA**2)) / quanta
    return result
