"""What the phantom takes and gives: settings, the run, and its truth."""

from dataclasses import dataclass

from guidance.errors import InputError
from guidance.records import FloatArray, FrameArray, RectangularShutter, SpreadPattern, Verdict

# A mobile C-arm with the spine at the isocentre. Millimetres.
SID_MM = 1000.0
SOD_MM = 700.0
VERDICTS = {
    SpreadPattern.NONE: Verdict.NONE,
    SpreadPattern.PERINEURAL: Verdict.EXTRAVASCULAR,
    SpreadPattern.VASCULAR: Verdict.INTRAVASCULAR,
    SpreadPattern.MIXED: Verdict.INTRAVASCULAR,
}
WITH_VEIN = (SpreadPattern.VASCULAR, SpreadPattern.MIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomSettings:
    """What to simulate.

    Attributes
    ----------
    pattern : SpreadPattern
        NONE, PERINEURAL, VASCULAR or MIXED.
    rows, columns, frames : int
        Size of the run.
    frames_per_second : float
        Pulse rate.
    uneven_timing : bool
        Pulses come early or late by up to a tenth of their distance, and now and then one is left
        out.
    spacing_iso_mm : float
        Size of a pixel at the isocentre. Millimetres.
    contrast_start_s, injection_s : float
        First moment and duration of the injection. Seconds.
    injected_iodine_mg : float
        96 mg are 0.4 mL of 240 mg/mL.
    concentration_mg_per_ml : float
        Iodine in the agent.
    vessel_dose_fraction : float or None
        Share of the dose that enters the vein; None takes the pattern's own: 0 for PERINEURAL,
        0.95 for VASCULAR, between 0.15 and 0.4 by the seed for MIXED.
    vessel_diameter_mm : float or None
        Of the vein at the tip; None draws it between 1.0 and 1.8 by the seed.
    detector_dose_ngy : float
        Air kerma at the detector per pulse: sets the noise. A fluoroscopic pulse gives some 20 to
        100, a frame of a recorded series more. Nanogray.
    motion_mm : float
        Amplitude of the bone's breathing motion; all other motion scales with it. Millimetres.
    exposure_ramp : float
        Share of the exposure that is lacking in the first frame.
    bits_stored : int
        8 gives uint8 frames; 10 or 12 uint16.
    collimator_mm : (top, bottom, left, right)
        How far the blades reach into the image. Millimetres at the isocentre.
    marker : str
        Letter burnt into the image at the upper left; empty for none.
    """

    pattern: SpreadPattern = SpreadPattern.PERINEURAL
    rows: int = 256
    columns: int = 256
    frames: int = 60
    frames_per_second: float = 7.5
    uneven_timing: bool = False
    spacing_iso_mm: float = 0.34
    contrast_start_s: float = 2.4
    injection_s: float = 2.0
    injected_iodine_mg: float = 96.0
    concentration_mg_per_ml: float = 240.0
    vessel_dose_fraction: float | None = None
    vessel_diameter_mm: float | None = None
    detector_dose_ngy: float = 100.0
    motion_mm: float = 0.4
    exposure_ramp: float = 0.35
    bits_stored: int = 10
    collimator_mm: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    marker: str = ""

    def __post_init__(self) -> None:
        """Check what would give nonsense without a word."""
        if self.pattern not in VERDICTS:
            raise InputError(f"pattern is {self.pattern}, expected one of {', '.join(VERDICTS)}")
        if min(self.rows, self.columns) < 64 or self.frames < 1:
            raise InputError(
                f"{self.frames} frames of {self.rows}×{self.columns}, expected 1 of 64×64 or more"
            )
        positive = {
            "frames_per_second": self.frames_per_second,
            "spacing_iso_mm": self.spacing_iso_mm,
            "injection_s": self.injection_s,
            "injected_iodine_mg": self.injected_iodine_mg,
            "concentration_mg_per_ml": self.concentration_mg_per_ml,
            "detector_dose_ngy": self.detector_dose_ngy,
            "vessel_diameter_mm": 1.0
            if self.vessel_diameter_mm is None
            else self.vessel_diameter_mm,
        }
        for name, value in positive.items():
            if not value > 0:
                raise InputError(f"{name} is {value}, expected more than 0")
        if not 0 <= self.motion_mm <= 1:
            raise InputError(f"motion_mm is {self.motion_mm}, expected 0 to 1")
        if self.bits_stored not in (8, 10, 12):
            raise InputError(f"bits_stored is {self.bits_stored}, expected 8, 10 or 12")
        share = self.vessel_dose_fraction
        if share is not None and not (0 < share <= 1 if self.pattern in WITH_VEIN else share == 0):
            raise InputError(
                f"vessel_dose_fraction is {share} in a {self.pattern} run; "
                "expected above 0 and up to 1 with a vein, else 0 or None"
            )

    @property
    def collimator(self) -> RectangularShutter | None:
        """First and last row and column inside the blades; None where there are none."""
        if not any(self.collimator_mm):
            return None
        top, bottom, left, right = (round(mm / self.spacing_iso_mm) for mm in self.collimator_mm)
        return RectangularShutter(
            top=top, bottom=self.rows - 1 - bottom, left=left, right=self.columns - 1 - right
        )

    @property
    def imager_pixel_spacing_mm(self) -> float:
        """Size of a pixel at the detector. Millimetres."""
        return self.spacing_iso_mm * SID_MM / SOD_MM


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTruth:
    """What is true of a simulated run; frames count from 0, positions are [row, column].

    Attributes
    ----------
    seed : int
        That the run was made from.
    pattern : str
        `none`, `perineural`, `vascular` or `mixed`.
    verdict : str
        What a perfect analysis says, in the result contract's words.
    spacing_iso_mm : float
        Size of a pixel at the isocentre.
    times_s : list of float
        Acquisition time of each frame. Seconds from the first.
    tip_px : list of (row, column)
        The needle's tip in each frame.
    injected_iodine_mg, concentration_mg_per_ml : float
        What was injected; 0 mg in a run without contrast.
    vessel_dose_fraction : float
        Share of the iodine that entered the vein.
    vessel_diameter_mm : float or None
        Of the vein at the tip; None without a vein.
    first_iodine_frame : int or None
        First frame with any iodine.
    onset_frame : int or None
        First frame in which it can be seen: somewhere within the collimator its contrast over a
        square of 2 mm is five times the noise of that square's mean (Rose).
    injection_end_frame : int or None
        First frame after the last of the injection; None if the run ends before.
    first_visible_vessel_frame : int or None
        As `onset_frame`, for the iodine in the vein alone.
    iodine_in_image_mg : list of float
        Iodine within the image in each frame.
    """

    seed: int
    pattern: str
    verdict: str
    spacing_iso_mm: float
    times_s: list[float]
    tip_px: list[tuple[float, float]]
    injected_iodine_mg: float
    concentration_mg_per_ml: float
    vessel_dose_fraction: float
    vessel_diameter_mm: float | None
    first_iodine_frame: int | None
    onset_frame: int | None
    injection_end_frame: int | None
    first_visible_vessel_frame: int | None
    iodine_in_image_mg: list[float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedRun:
    """A run with its truth.

    Attributes
    ----------
    frames : (T, R, C) uint8 or uint16 array
        Pixel values, proportional to intensity.
    times_s : (T,) float64 array
        Seconds from the first frame.
    iodine_mg_per_cm2 : (T, R, C) float32 array
        Line integral of the iodine, before any blur. Milligrams per square centimetre.
    vessel_mg_per_cm2 : (T, R, C) float32 array
        The part of it that is in the vein.
    settings : PhantomSettings
        What was asked for.
    truth : RunTruth
        What is true of it.
    """

    frames: FrameArray
    times_s: FloatArray
    iodine_mg_per_cm2: FrameArray
    vessel_mg_per_cm2: FrameArray
    settings: PhantomSettings
    truth: RunTruth
