"""The imaging chain of one run: maps of matter in, pixel values out, pulse after pulse.

tube and filters → blades → body (`transmission`) → focal spot → scatter → intensifier's distortion
→ quantum noise → scintillator's blur → glare, fixed pattern, lag, read-out noise → recursive filter
→ tone, edges, bits; the brightness control closes the loop. What the chain remembers (lag, the
filtered image, the control) is its own; each pulse depends on those before it and on `rng` alone.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.records import FloatArray
from guidance.simulation._detector import Detector, DetectorSettings, distort
from guidance.simulation._display import Display, DisplaySettings
from guidance.simulation._exposure import BrightnessControl, XRaySettings
from guidance.simulation._scatter import (
    UNIFORM_SIGMA,
    Collimator,
    Scatter,
    blur,
    enlarge,
    field_of,
    shrink,
    spread,
)
from guidance.simulation._spectrum import tube_spectrum
from guidance.simulation._transmission import Beam, Map, MaterialMaps, make_beam, transmission

OPEN = Collimator()
# Less of the beam than this in the watched middle means that blades or metal cover it.
_LEAST_SIGNAL = 1e-7
# Little enough for Beer and Lambert to be straight within half a per cent, enough for float32.
_PROBE_MG_PER_CM2 = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageGeometry:
    """The image's size.

    Attributes
    ----------
    rows, columns : int
        Pixels.
    spacing_det_mm : (row, column)
        Size of a pixel at the detector. Millimetres.
    magnification : float
        Of what lies at the isocentre.
    """

    rows: int
    columns: int
    spacing_det_mm: tuple[float, float]
    magnification: float

    def __post_init__(self) -> None:
        """Refuse what is no image."""
        if min(self.rows, self.columns) < 16 or min(self.spacing_det_mm) <= 0:
            raise InputError(
                f"image of {self.rows}×{self.columns} pixels of {self.spacing_det_mm} mm; expected "
                "16 pixels at least, of positive size"
            )
        if not self.magnification > 1:
            raise InputError(f"magnification is {self.magnification}, expected more than 1")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @classmethod
    def of_view(cls, view: ConeBeamView) -> "ImageGeometry":
        """Return the size of what a C-arm sees."""
        return cls(
            rows=view.rows,
            columns=view.columns,
            spacing_det_mm=view.spacing_det_mm,
            magnification=view.magnification,
        )


class ImagingChain:
    """Everything between the body and the file, for one run."""

    def __init__(
        self,
        xray: XRaySettings,
        detector: DetectorSettings,
        display: DisplaySettings,
        geometry: ImageGeometry,
        rng: np.random.Generator,
    ) -> None:
        """Prepare the run.

        Parameters
        ----------
        xray : XRaySettings
            Tube, dose, scatter, control.
        detector : DetectorSettings
            What catches the X-rays.
        display : DisplaySettings
            What is done to the image.
        geometry : ImageGeometry
            Its size.
        rng : numpy.random.Generator
            Of fixed patterns and noise.
        """
        self._xray = xray
        self._settings = detector
        self._geometry = geometry
        self._beams: dict[int, Beam] = {}
        shape, spacing = geometry.shape, geometry.spacing_det_mm
        self._scatter = Scatter(shape, spacing, xray.scatter_to_primary, xray.scatter_sigma_mm)
        self._detector = Detector(detector, shape, spacing, rng)
        noise_gain = _noise_gain(self._detector.sigma_px)
        self._display = Display(display, self._detector.field, noise_gain)
        self._control = BrightnessControl(xray.control, xray.kvp)
        self._watched = _middle(shape, xray.control.region_share)
        self._start = self._beam(round(xray.kvp))
        area_mm2 = spacing[0] * spacing[1]
        self._quanta = xray.dose_ngy * self._start.quanta_per_mm2_ngy * area_mm2 * detector.swank
        self._scale: float | None = None
        self._last = (round(xray.kvp), 1.0)
        self._time_s: float | None = None

    @property
    def quanta_per_pixel(self) -> float:
        """Noise-equivalent quanta of a pixel at the target of the exposure control."""
        return self._quanta

    @property
    def kvp(self) -> int:
        """Voltage of the last pulse, or of the first one before any. Kilovolts."""
        return self._last[0]

    @property
    def mas_share(self) -> float:
        """Charge of the last pulse relative to what the first view needs at the first voltage."""
        return self._last[1]

    def expose(
        self, maps: MaterialMaps, time_s: float, collimator: Collimator | None = None
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return the pixel values of the next pulse.

        Parameters
        ----------
        maps : MaterialMaps
            What lies in the beam now.
        time_s : float
            When; later than the pulse before. Seconds.
        collimator : Collimator, optional
            Where the blades stand now.

        Returns
        -------
        (R, C) uint8 or uint16 array
            Stored values; uint8 for 8 bits.
        """
        elapsed = np.inf if self._time_s is None else time_s - self._time_s
        if not elapsed > 0:
            raise InputError(
                f"a pulse at {time_s} s follows one at {self._time_s} s; give pulses in order"
            )
        self._adopt(maps, collimator)
        self._last = (self._control.kvp, self._control.mas_share)
        incident, glare = self._incident(maps, collimator)
        raw = self._detector.read(incident, glare, self._quanta, float(elapsed))
        measured = float(raw[self._watched].mean())
        self._control.watch(measured)
        raw *= np.float32(self._control.video_gain(measured))
        self._time_s = time_s
        return self._display(raw, self._quanta)

    def signal(self, maps: MaterialMaps, collimator: Collimator | None = None) -> Map:
        """Return the mean raw signal at the last pulse's technique, without lag: (R, C) float32.

        It is 1 at the target of the exposure control.
        """
        self._adopt(maps, collimator)
        return self._detector.mean(*self._incident(maps, collimator))

    def relative_noise(
        self, maps: MaterialMaps, side_mm: float, collimator: Collimator | None = None
    ) -> Map:
        """Return the noise of the mean over a square, relative to the signal there.

        Parameters
        ----------
        maps : MaterialMaps
            What lies in the beam.
        side_mm : float
            Side of the square. Millimetres at the isocentre.
        collimator : Collimator, optional
            The blades.

        Returns
        -------
        (R, C) float32 array
            Standard deviation over mean, for a square about each pixel; at the last pulse's
            technique. Quantum and read-out noise; glare dilutes the signal; lag and filters, which
            hide noise, are left out.
        """
        self._adopt(maps, collimator)
        incident, glare = self._incident(maps, collimator)
        return self._noise_of(incident, self._diluted(incident, glare), side_mm)

    def contrast(
        self, maps: MaterialMaps, iodine_mg_per_cm2: Map, collimator: Collimator | None = None
    ) -> Map:
        """Return how much of the signal iodine takes away, (R, C) from 0 to 1.

        Parameters
        ----------
        maps : MaterialMaps
            What lies in the beam; iodine in it counts as seen before.
        iodine_mg_per_cm2 : (R, C) float32 array
            What is added. Milligrams per square centimetre.
        collimator : Collimator, optional
            The blades.
        """
        without = self._diluted(*self._incident_at_last(maps, collimator))
        return self._taken(without, maps, iodine_mg_per_cm2, collimator)

    def contrast_per_mg(self, maps: MaterialMaps, collimator: Collimator | None = None) -> Map:
        """Return what a little iodine takes away, (R, C) per mg/cm².

        For contrast of small extent: scatter and glare stay as they are and dilute it. A whole
        image of iodine would weaken them too; that is what `contrast` accounts for.
        """
        incident, glare = self._incident_at_last(maps, collimator)
        present = maps.iodine_mg_per_cm2
        probe = np.full(maps.shape, _PROBE_MG_PER_CM2, np.float32)
        more = replace(maps, iodine_mg_per_cm2=probe if present is None else present + probe)
        taken = self._primary(maps, collimator) - self._primary(more, collimator)
        share = np.float32((1 - self._settings.glare_share) / _PROBE_MG_PER_CM2)
        diluted = np.maximum(self._diluted(incident, glare), np.float32(1e-9))
        return np.asarray(share * self._detector.warped(taken) / diluted, np.float32)

    def shown_px(self, positions_px: FloatArray) -> FloatArray:
        """Return where the stored image shows ideal (N, 2) positions, row and column."""
        return distort(self._settings, self._geometry.shape, positions_px)

    def detectability(
        self,
        maps: MaterialMaps,
        iodine_mg_per_cm2: Map,
        side_mm: float = 2.0,
        collimator: Collimator | None = None,
    ) -> Map:
        """Return the contrast of squares over their noise, (R, C).

        An ideal observer who knows the background sees one pulse; `side_mm` is at the isocentre.
        """
        incident, glare = self._incident_at_last(maps, collimator)
        without = self._diluted(incident, glare)
        taken = self._taken(without, maps, iodine_mg_per_cm2, collimator)
        noise = self._noise_of(incident, without, side_mm)
        rows, columns = self._square_px(side_mm)
        mean = cv2.blur(taken, (round(columns) or 1, round(rows) or 1))
        return np.asarray(mean / np.maximum(noise, np.float32(1e-9)), np.float32)

    def _incident_at_last(
        self, maps: MaterialMaps, collimator: Collimator | None
    ) -> tuple[Map, Map]:
        self._adopt(maps, collimator)
        return self._incident(maps, collimator)

    def _taken(
        self, without: Map, maps: MaterialMaps, iodine: Map, collimator: Collimator | None
    ) -> Map:
        present = maps.iodine_mg_per_cm2
        both = replace(maps, iodine_mg_per_cm2=iodine if present is None else present + iodine)
        with_iodine = self._diluted(*self._incident(both, collimator))
        return np.asarray(1 - with_iodine / np.maximum(without, np.float32(1e-9)), np.float32)

    def _noise_of(self, incident: Map, diluted: Map, side_mm: float) -> Map:
        rows, columns = self._square_px(side_mm)
        share = 1 - self._settings.glare_share
        quanta = np.maximum(incident, np.float32(0)) * np.float32(self._quanta)
        variance = np.float32(share**2) * quanta + np.float32(self._settings.electronic_quanta**2)
        in_mean = np.sqrt(variance / np.float32(rows * columns)) / np.float32(self._quanta)
        return np.asarray(in_mean / np.maximum(diluted, np.float32(1e-9)), np.float32)

    def _square_px(self, side_mm: float) -> tuple[float, float]:
        """Return the height and width of a square at the isocentre. Pixels."""
        if not side_mm > 0:
            raise InputError(f"side_mm is {side_mm}, expected more than 0")
        at_detector = side_mm * self._geometry.magnification
        row_mm, column_mm = self._geometry.spacing_det_mm
        return at_detector / row_mm, at_detector / column_mm

    def _diluted(self, incident: Map, glare: Map) -> Map:
        share = np.float32(self._settings.glare_share)
        return np.asarray((1 - share) * incident + share * glare, np.float32)

    def _beam(self, kvp: int) -> Beam:
        if kvp not in self._beams:
            spectrum = tube_spectrum(
                kvp,
                aluminium_mm=self._xray.aluminium_mm,
                copper_mm=self._xray.copper_mm,
                anode_angle_deg=self._xray.anode_angle_deg,
            )
            self._beams[kvp] = make_beam(spectrum, self._settings.csi_g_per_cm2)
        return self._beams[kvp]

    def _adopt(self, maps: MaterialMaps, collimator: Collimator | None) -> None:
        """Take the first view as the one that the first technique was made for."""
        if maps.shape != self._geometry.shape:
            raise InputError(
                f"maps have shape {maps.shape}, the image {self._geometry.shape}; make them alike"
            )
        if self._scale is not None:
            return
        self._scale = 1.0
        whole = self._detector.mean(*self._incident(maps, collimator))
        middle = float(whole[self._watched].mean())
        if not middle > _LEAST_SIGNAL:
            self._scale = None
            raise InputError(
                f"the middle of the first view lets {middle:.1e} of the beam through; expected "
                "more: open the blades or thin the body"
            )
        self._scale = 1 / middle
        self._last = (self._control.kvp, self._control.mas_share)

    def _primary(self, maps: MaterialMaps, collimator: Collimator | None) -> Map:
        """Return the primary behind blades and focal spot, 1 where it alone reaches the target."""
        kvp, mas_share = self._last
        beam = self._beam(kvp)
        assert self._scale is not None
        primary = transmission(maps, beam)
        primary *= np.float32(self._scale * mas_share * beam.output / self._start.output)
        # In the image plane the spot is as wide as itself times the magnification less one.
        width_mm = self._xray.focal_spot_mm * (self._geometry.magnification - 1)
        row_mm, column_mm = self._geometry.spacing_det_mm
        sigma_mm = width_mm * UNIFORM_SIGMA
        primary = blur(primary, (sigma_mm / row_mm, sigma_mm / column_mm))
        if collimator is not None and collimator != OPEN:
            penumbra_px = self._xray.penumbra_mm / min(row_mm, column_mm)
            primary = primary * field_of(collimator, maps.shape, penumbra_px)
        return primary

    def _incident(self, maps: MaterialMaps, collimator: Collimator | None) -> tuple[Map, Map]:
        """Return primary with scatter, and the same behind the glare's kernel; 1 at the target."""
        primary = self._primary(maps, collimator)
        scattered = self._scatter(primary, maps)
        incident = self._detector.warped(primary + enlarge(scattered, maps.shape))
        glare = spread(shrink(incident), self._settings.glare_sigma_mm, self._scatter.spacing_mm)
        return incident, enlarge(glare, maps.shape)


def _middle(shape: tuple[int, int], share: float) -> tuple[slice, slice]:
    """Return the watched square."""
    half = share * min(shape) / 2
    rows, columns = (slice(max(0, round(n / 2 - half)), max(1, round(n / 2 + half))) for n in shape)
    return rows, columns


def _noise_gain(sigma_px: tuple[float, float]) -> float:
    """Return the variance that white noise of 1 has behind a Gaussian."""
    if max(sigma_px) < 0.1:
        return 1.0
    gain = 1.0
    for sigma in sigma_px:
        size = 2 * int(np.ceil(4 * sigma)) + 1
        gain *= float((cv2.getGaussianKernel(size, max(sigma, 1e-3)) ** 2).sum())
    return gain
