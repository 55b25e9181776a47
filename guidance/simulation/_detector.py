"""From quanta to the detector's raw signal: noise, sharpness, glare, lag, fixed patterns.

Two kinds: an image intensifier with its round field, vignetting, veiling glare and distortion, and
a flat panel. The raw signal is 1 where the exposure control wants it. Images are (R, C) float32;
what follows the read-out (recursive filter, tone, bits) stands in `_display.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numba import njit

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._scatter import blur
from guidance.simulation._transmission import Map

# Gaussian of MTF 0.5 at frequency f: sigma = sqrt(ln 2 / 2) / (pi f).
_SIGMA_AT_MTF50 = float(np.sqrt(np.log(2) / 2) / np.pi)


class DetectorKind(StrEnum):
    """What catches the X-rays."""

    IMAGE_INTENSIFIER = "image_intensifier"
    FLAT_PANEL = "flat_panel"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """One detector.

    Attributes
    ----------
    kind : DetectorKind
        Its field and its optics.
    csi_g_per_cm2 : float
        Scintillator.
    swank : float
        Noise factor of the conversion to light, 0 to 1; multiplies the quanta.
    mtf50_per_mm : float
        Where the scintillator's Gaussian MTF is one half. Line pairs per mm at the detector.
    electronic_quanta : float
        Read-out noise per pixel, as quanta.
    glare_share, glare_sigma_mm : float
        Share of the light that veiling glare spreads, and how far; millimetres at the detector.
    lag_share, lag_time_s : float
        Share of a signal that the next frame shows, and how long the rest of it takes. Seconds.
    gain_spread, offset_spread : float
        What the correction leaves of the pixels' gains (relative) and offsets (of the target).
    dead_pixels : int
        Replaced by their neighbours' mean.
    vignetting : float
        Loss of light at the edge of the round field; 0 for a panel.
    pincushion, s_distortion : float
        Radial stretch at the edge of the field, relative, and turn by Earth's field, radians.
    circle_share : float
        Radius of the round field as a share of half the image's shorter side; 0 for a panel.
    """

    kind: DetectorKind
    csi_g_per_cm2: float = 0.19
    swank: float = 0.9
    mtf50_per_mm: float = 1.3
    electronic_quanta: float = 2.0
    glare_share: float = 0.02
    glare_sigma_mm: float = 15.0
    lag_share: float = 0.02
    lag_time_s: float = 0.2
    gain_spread: float = 0.002
    offset_spread: float = 0.0005
    dead_pixels: int = 0
    vignetting: float = 0.0
    pincushion: float = 0.0
    s_distortion: float = 0.0
    circle_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no detector is."""
        positive = (self.csi_g_per_cm2, self.swank, self.mtf50_per_mm, self.glare_sigma_mm)
        shares = (self.glare_share, self.lag_share, self.vignetting)
        rest = (self.electronic_quanta, self.gain_spread, self.offset_spread, self.circle_share)
        if not (min(positive) > 0 and self.swank <= 1 and self.lag_time_s > 0):
            raise InputError(
                f"csi, swank, mtf50, glare_sigma, lag_time are {(*positive, self.lag_time_s)}; "
                "expected more than 0, and swank at most 1"
            )
        if not (min(shares) >= 0 and max(shares) < 1 and min(rest) >= 0 and self.dead_pixels >= 0):
            raise InputError(
                f"glare, lag, vignetting are {shares}, expected 0 to below 1; noise and field "
                f"{(*rest, self.dead_pixels)}, expected 0 or more"
            )
        if max(abs(self.pincushion), abs(self.s_distortion)) > 0.2:
            raise InputError(
                f"pincushion {self.pincushion} and s_distortion {self.s_distortion}; expected at "
                "most 0.2, or the image folds over"
            )


Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorRanges:
    """Ranges that `draw_detector` draws from; (intensifier, panel) where the two differ.

    Sources: [W] Wang and Blackburn, RadioGraphics 20:1471 (2000), image intensifiers; [S] Seibert,
    Pediatr Radiol 36(S2):173 (2006), and [N] Nickoloff, RadioGraphics 31:591 (2011), flat panels;
    [G] Granfors et al., Med Phys 30:2715 (2003), a CsI panel; [Z] Zhao et al., Med Phys 31:2594
    (2004), Swank factors of CsI.
    """

    panel_share: float = 0.6  # guess: mobile C-arms in use, old and new
    csi_g_per_cm2: tuple[Range, Range] = ((0.15, 0.18), (0.17, 0.22))  # [W] 300-400 µm; [S] 550 µm
    swank: Range = (0.8, 0.92)  # [Z]
    mtf50_per_mm: tuple[Range, Range] = ((0.7, 1.2), (1.0, 1.5))  # [W] with its camera; [G]
    electronic_quanta: tuple[Range, Range] = ((0.5, 2.0), (1.0, 4.0))  # [S] ; guess
    glare_share: tuple[Range, Range] = ((0.05, 0.15), (0.005, 0.03))  # [W], [N]; panel guess
    glare_sigma_mm: Range = (10.0, 40.0)  # guess
    lag_share: tuple[Range, Range] = ((0.01, 0.05), (0.01, 0.08))  # [G] below 0.08; guess
    lag_time_s: Range = (0.05, 0.5)  # guess
    gain_spread: Range = (0.001, 0.005)  # guess
    offset_spread: Range = (0.0, 0.001)  # guess
    dead_pixels: tuple[int, int] = (0, 40)  # guess
    vignetting: Range = (0.05, 0.25)  # [W] up to 25 %
    pincushion: Range = (0.0, 0.03)  # [W] to 5 %; newer ones correct most
    s_distortion: Range = (-0.01, 0.01)  # guess
    circle_share: Range = (0.97, 1.02)  # guess: the circle may be cut a little


def draw_detector(rng: np.random.Generator, ranges: DetectorRanges) -> DetectorSettings:
    """Return one detector; the same number of deviates is drawn for both kinds."""
    panel = int(rng.random() < ranges.panel_share)
    vignetting, pincushion, turn, circle = (
        0.0 if panel else value
        for value in (
            rng.uniform(*ranges.vignetting),
            rng.uniform(*ranges.pincushion),
            rng.uniform(*ranges.s_distortion),
            rng.uniform(*ranges.circle_share),
        )
    )
    return DetectorSettings(
        kind=DetectorKind.FLAT_PANEL if panel else DetectorKind.IMAGE_INTENSIFIER,
        csi_g_per_cm2=rng.uniform(*ranges.csi_g_per_cm2[panel]),
        swank=rng.uniform(*ranges.swank),
        mtf50_per_mm=rng.uniform(*ranges.mtf50_per_mm[panel]),
        electronic_quanta=rng.uniform(*ranges.electronic_quanta[panel]),
        glare_share=rng.uniform(*ranges.glare_share[panel]),
        glare_sigma_mm=rng.uniform(*ranges.glare_sigma_mm),
        lag_share=rng.uniform(*ranges.lag_share[panel]),
        lag_time_s=rng.uniform(*ranges.lag_time_s),
        gain_spread=rng.uniform(*ranges.gain_spread),
        offset_spread=rng.uniform(*ranges.offset_spread),
        dead_pixels=int(rng.integers(*ranges.dead_pixels, endpoint=True)),
        vignetting=vignetting,
        pincushion=pincushion,
        s_distortion=turn,
        circle_share=circle,
    )


def distort(
    settings: DetectorSettings, shape: tuple[int, int], positions_px: FloatArray
) -> FloatArray:
    """Return where a detector shows what an ideal one shows at (N, 2) row and column positions.

    A point at radius r (1 at half the shorter side) moves outwards by the factor
    1 + pincushion·r² and turns by s_distortion·r² about the middle of the image.
    """
    middle = (np.asarray(shape) - 1) / 2
    half = min(shape) / 2
    offset = (np.asarray(positions_px, np.float64) - middle) / half
    square = (offset**2).sum(axis=-1, keepdims=True)
    angle = settings.s_distortion * square
    turned = np.concatenate(
        (
            np.cos(angle) * offset[..., :1] + np.sin(angle) * offset[..., 1:],
            np.cos(angle) * offset[..., 1:] - np.sin(angle) * offset[..., :1],
        ),
        axis=-1,
    )
    result: FloatArray = turned * (1 + settings.pincushion * square) * half + middle
    return result


def _undistort(
    settings: DetectorSettings, shape: tuple[int, int], positions_px: FloatArray
) -> FloatArray:
    """Return the inverse of `distort`, by fixed-point steps that close in fast for small warps."""
    ideal = positions_px.copy()
    for _ in range(12):
        ideal += positions_px - distort(settings, shape, ideal)
    return ideal


class Detector:
    """One detector with its fixed patterns and what it remembers of the frames before."""

    def __init__(
        self,
        settings: DetectorSettings,
        shape: tuple[int, int],
        spacing_det_mm: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        """Draw the fixed patterns from `rng`, which then gives the noise of every frame."""
        self._settings = settings
        self._rng = rng
        sigma_mm = _SIGMA_AT_MTF50 / settings.mtf50_per_mm
        self.sigma_px = (sigma_mm / spacing_det_mm[0], sigma_mm / spacing_det_mm[1])
        # Correction leaves some of every pixel's own gain and some of its smooth drift.
        white = rng.standard_normal(shape, dtype=np.float32)
        drift = rng.standard_normal((6, 6), dtype=np.float32)
        smooth = cv2.resize(drift, shape[::-1], interpolation=cv2.INTER_CUBIC)
        own = np.asarray(white + smooth, np.float32) * np.float32(settings.gain_spread / 1.41)
        optics = _optics(settings, shape)
        self._gain: Map = np.asarray(optics * (1 + own), np.float32)
        offset = rng.standard_normal(shape, dtype=np.float32)
        self._offset: Map = np.float32(settings.offset_spread) * offset * (optics > 0)
        self.field = optics > 0
        self._dead = rng.integers(0, shape, (settings.dead_pixels, 2))
        self._warp = _warp_maps(settings, shape)
        self._trap: Map = np.zeros(shape, np.float32)
        self._deviate: Map = np.empty(shape, np.float32)

    def warped(self, image: Map) -> Map:
        """Return the image as the intensifier distorts it; unchanged for a panel."""
        if self._warp is None:
            return image
        return np.asarray(
            cv2.remap(image, *self._warp, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
            np.float32,
        )

    def read(self, incident: Map, glare: Map, quanta: float, elapsed_s: float) -> Map:
        """Return the raw signal of one pulse, and remember its lag.

        Parameters
        ----------
        incident : (R, C) float32 array
            Primary and scatter; 1 at the target of the exposure control.
        glare : (R, C) float32 array
            The same behind the kernel of the glare.
        quanta : float
            Quanta that a pixel absorbs where `incident` is 1, the Swank factor included.
        elapsed_s : float
            Since the pulse before. Seconds.

        Returns
        -------
        (R, C) float32 array
            The signal; its mean is that of `incident` and `glare`.
        """
        share = self._settings.glare_share
        self._rng.standard_normal(dtype=np.float32, out=self._deviate)
        noisy = _absorb(incident, self._deviate, np.float32(quanta))
        light = blur(noisy, self.sigma_px)
        self._rng.standard_normal(dtype=np.float32, out=self._deviate)
        kept = np.exp(-elapsed_s / self._settings.lag_time_s)
        result = np.empty_like(light)
        _read_out(
            light,
            glare,
            self._gain,
            self._offset,
            self._trap,
            self._deviate,
            np.array(
                (
                    share,
                    self._settings.lag_share,
                    kept,
                    self._settings.electronic_quanta / quanta,
                ),
                np.float32,
            ),
            result,
        )
        self._repair(result)
        return result

    def mean(self, incident: Map, glare: Map) -> Map:
        """Return the raw signal without noise, fixed patterns' offset and lag."""
        share = np.float32(self._settings.glare_share)
        return np.asarray(
            self._gain * (blur(incident, self.sigma_px) * (1 - share) + share * glare)
        )

    def _repair(self, image: Map) -> None:
        for row, column in self._dead:
            left, right = max(column - 1, 0), min(column + 1, image.shape[1] - 1)
            image[row, column] = (image[row, left] + image[row, right]) / 2


def _optics(settings: DetectorSettings, shape: tuple[int, int]) -> Map:
    """Return the light that reaches each pixel: 1 in the middle, 0 outside the round field."""
    if settings.circle_share == 0:
        return np.ones(shape, np.float32)
    rows, columns = (np.arange(n, dtype=np.float64) - (n - 1) / 2 for n in shape)
    half = min(shape) / 2
    radius = np.hypot(rows[:, None], columns[None, :])
    inside = np.clip(settings.circle_share * half - radius + 0.5, 0, 1)
    return np.asarray(inside * (1 - settings.vignetting * (radius / half) ** 2), np.float32).clip(0)


def _warp_maps(settings: DetectorSettings, shape: tuple[int, int]) -> tuple[Map, Map] | None:
    if settings.pincushion == 0 and settings.s_distortion == 0:
        return None
    grid = np.moveaxis(np.indices(shape, np.float64), 0, -1)
    ideal = _undistort(settings, shape, grid.reshape(-1, 2)).reshape(grid.shape)
    x, y = ideal[..., 1].astype(np.float32), ideal[..., 0].astype(np.float32)
    return x, y


@njit(cache=True, nogil=True)
def _absorb(incident: Map, deviate: Map, quanta: np.float32) -> Map:
    """Return noisy absorbed quanta, as a share of `quanta`.

    One normal deviate a pixel whatever its mean, so that runs of one seed that differ in contrast
    share their noise; the Cornish-Fisher term makes the first three moments Poisson's above one
    quantum. Nothing is clipped, or dark pixels would be too bright on average.
    """
    result = np.empty_like(incident)
    inverse = np.float32(1) / quanta
    for r in range(incident.shape[0]):
        for c in range(incident.shape[1]):
            mean = max(incident[r, c], np.float32(0)) * quanta
            z = deviate[r, c]
            skew = min(mean, np.float32(1)) * (z * z - np.float32(1)) / np.float32(6)
            result[r, c] = (mean + np.sqrt(mean) * z + skew) * inverse
    return result


@njit(cache=True, nogil=True)
def _read_out(
    light: Map,
    glare: Map,
    gain: Map,
    offset: Map,
    trap: Map,
    deviate: Map,
    constants: Map,
    result: Map,
) -> None:
    """Fill `result`, and `trap` with what later frames will show."""
    share, lag, kept, electronic = constants
    for r in range(light.shape[0]):
        for c in range(light.shape[1]):
            signal = gain[r, c] * (light[r, c] * (1 - share) + share * glare[r, c])
            released = (1 - kept) * trap[r, c]
            trap[r, c] = kept * trap[r, c] + lag * signal
            electrons = electronic * deviate[r, c]
            result[r, c] = signal * (1 - lag) + released + offset[r, c] + electrons
