"""What reaches the detector beside the sharp primary image: blades, blur, scatter, glare.

Scatter is the primary times the mass it crossed, spread by a kernel of two Gaussians: the forward
scatter potential of Ohnesorge et al. (Eur Radiol 9:563, 1999), to first order in the thickness. So
it falls with collimation and follows what is in the beam. Its amount is set by the ratio of scatter
to primary behind the anti-scatter grid, in the middle of the open field, behind 20 g/cm² of muscle.
The field ends with the image; nothing comes in from outside. Images are (R, C) float32.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._transmission import REFERENCE_BODY_G_PER_CM2, Map, MaterialMaps

# Scatter and glare are so smooth that so many pixels along the shorter side hold them.
LOW_PIXELS = 64
# Blades are lead or tungsten: IEC 60601-1-3 allows hundredths; measured leaks are far less (guess).
BLADE_LEAK = 5e-4
# Share of the narrow Gaussian in the kernel, and its width as a share of the wide one. Guess after
# the two-part kernels of Sun and Star-Lack (Phys Med Biol 55:6695, 2010).
NARROW_SHARE = 0.3
NARROW_WIDTH = 0.3
# A focal spot is a uniform rectangle to first order: its spread is its width over the root of 12.
UNIFORM_SIGMA = 1 / np.sqrt(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collimator:
    """Where the blades stand, at the detector.

    Attributes
    ----------
    top_px, bottom_px, left_px, right_px : float, optional
        Edges of the open field where half of the beam passes: rows and columns, 0-based at the
        pixel's centre. None where a blade is fully out.
    iris_radius_px : float, optional
        Radius of a circular iris about the middle of the image. Pixels.
    """

    top_px: float | None = None
    bottom_px: float | None = None
    left_px: float | None = None
    right_px: float | None = None
    iris_radius_px: float | None = None

    def __post_init__(self) -> None:
        """Refuse blades that cross each other."""
        pairs = ((self.top_px, self.bottom_px), (self.left_px, self.right_px))
        for low, high in pairs:
            if low is not None and high is not None and not low < high:
                raise InputError(f"blades at {low} and {high} cross; the first must be less")
        if self.iris_radius_px is not None and not self.iris_radius_px > 0:
            raise InputError(f"iris_radius_px is {self.iris_radius_px}, expected more than 0")


def field_of(collimator: Collimator, shape: tuple[int, int], penumbra_px: float) -> Map:
    """Return the share of the beam that passes the blades.

    Parameters
    ----------
    collimator : Collimator
        The blades.
    shape : (rows, columns)
        Of the image.
    penumbra_px : float
        Width of an edge, from dark to full. Pixels.
    """
    rows, columns = (np.arange(count, dtype=np.float64) for count in shape)
    down = _between(rows, collimator.top_px, collimator.bottom_px, penumbra_px)
    right = _between(columns, collimator.left_px, collimator.right_px, penumbra_px)
    share = down[:, None] * right[None, :]
    if collimator.iris_radius_px is not None:
        middle = [(count - 1) / 2 for count in shape]
        radius = np.hypot(rows[:, None] - middle[0], columns[None, :] - middle[1])
        share = share * _edge(collimator.iris_radius_px - radius, penumbra_px)
    return np.asarray(BLADE_LEAK + (1 - BLADE_LEAK) * share, np.float32)


def _edge(inside_px: FloatArray, penumbra_px: float) -> FloatArray:
    """Return a smooth step from 0 to 1 as `inside_px` crosses 0."""
    part = np.clip(inside_px / max(penumbra_px, 1e-3) + 0.5, 0, 1)
    step: FloatArray = part * part * (3 - 2 * part)
    return step


def _between(
    places: FloatArray, low: float | None, high: float | None, penumbra_px: float
) -> FloatArray:
    share = np.ones_like(places)
    if low is not None:
        share *= _edge(places - low, penumbra_px)
    if high is not None:
        share *= _edge(high - places, penumbra_px)
    return share


def blur(image: Map, sigma_px: tuple[float, float], border: int = cv2.BORDER_REFLECT) -> Map:
    """Return an image behind a Gaussian of (row, column) sigma; below 0.1 px it is left alone.

    With the default border a flat image stays flat and the sum is kept; with cv2.BORDER_CONSTANT
    what leaves the image is lost.
    """
    if max(sigma_px) < 0.1:
        return image
    row, column = (max(sigma, 1e-3) for sigma in sigma_px)
    blurred = cv2.GaussianBlur(image, (0, 0), sigmaX=column, sigmaY=row, borderType=border)
    return np.asarray(blurred, np.float32)


def shrink(image: Map) -> Map:
    """Return the image at the resolution of scatter, by the mean of areas."""
    rows, columns = image.shape
    factor = max(1.0, min(rows, columns) / LOW_PIXELS)
    size = (round(columns / factor), round(rows / factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def enlarge(image: Map, shape: tuple[int, int]) -> Map:
    """Return a smooth image at full resolution."""
    rows, columns = shape
    large = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def spread(image: Map, sigma_mm: float, spacing_mm: tuple[float, float]) -> Map:
    """Return the image behind the kernel of two Gaussians; what leaves the field is lost."""
    wide = _lossy(image, sigma_mm, spacing_mm)
    narrow = _lossy(image, NARROW_WIDTH * sigma_mm, spacing_mm)
    return np.asarray(NARROW_SHARE * narrow + (1 - NARROW_SHARE) * wide, np.float32)


def _lossy(image: Map, sigma_mm: float, spacing_mm: tuple[float, float]) -> Map:
    sigma_px = (sigma_mm / spacing_mm[0], sigma_mm / spacing_mm[1])
    return blur(image, sigma_px, cv2.BORDER_CONSTANT)


class Scatter:
    """Scatter of one field and one grid."""

    def __init__(
        self,
        shape: tuple[int, int],
        spacing_det_mm: tuple[float, float],
        to_primary: float,
        sigma_mm: float,
    ) -> None:
        """Prepare the kernel.

        Parameters
        ----------
        shape : (rows, columns)
            Of the image.
        spacing_det_mm : (row, column)
            Size of a pixel at the detector. Millimetres.
        to_primary : float
            Scatter over primary, as stated above.
        sigma_mm : float
            Of the wide Gaussian, at the detector. Millimetres.
        """
        self._to_primary = to_primary
        self._sigma_mm = sigma_mm
        low = shrink(np.ones(shape, np.float32))
        self.spacing_mm = (
            spacing_det_mm[0] * shape[0] / low.shape[0],
            spacing_det_mm[1] * shape[1] / low.shape[1],
        )
        middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in low.shape)
        self._in_the_middle = float(spread(low, sigma_mm, self.spacing_mm)[middle].mean())

    def __call__(self, primary: Map, maps: MaterialMaps) -> Map:
        """Return the scatter at low resolution (`shrink`), in the unit of the (R, C) primary."""
        mass = shrink(maps.soft_g_per_cm2) + shrink(maps.bone_g_per_cm2)
        if maps.adipose_g_per_cm2 is not None:
            mass += shrink(maps.adipose_g_per_cm2)
        source = shrink(primary) * mass
        factor = self._to_primary / (REFERENCE_BODY_G_PER_CM2 * self._in_the_middle)
        scattered = spread(source, self._sigma_mm, self.spacing_mm)
        return np.asarray(np.float32(factor) * scattered, np.float32)
