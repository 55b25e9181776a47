"""What goes into the monitor of contrast spread, and what comes out of it, frame by frame."""

from dataclasses import dataclass
from enum import StrEnum

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.records._arrays import MaskArray, own
from guidance.records._header import CArmPose, IntensityScale, PixelScale
from guidance.records._outcome import NotFound


class Verdict(StrEnum):
    """What a run shows, in the contract's words."""

    NONE = "none"
    EXTRAVASCULAR = "extravascular"
    INTRAVASCULAR = "intravascular"
    INDETERMINATE = "indeterminate"


class SpreadPattern(StrEnum):
    """Where contrast went, in the contract's words."""

    NONE = "none"
    PERINEURAL = "perineural"
    INTRA_ARTICULAR = "intra_articular"
    EPIDURAL = "epidural"
    INTRAMUSCULAR = "intramuscular"
    VASCULAR = "vascular"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunContext:
    """All that is known of a run before its first frame is judged. Never looks ahead.

    Attributes
    ----------
    rows, columns : int
        Shape of each frame.
    intensity : IntensityScale
        What a pixel value means.
    scale : PixelScale or NotFound
        How large a pixel is.
    pose : CArmPose or None
        Where the C-arm stood.
    valid : (R, C) bool array
        Pixels that may show the patient: those that the header's shutters leave open. Circle,
        blades and letters are found in the frames.
    is_subtracted : bool
        The stored pixels are already a subtraction.
    stated_level : Vertebra or None
        The vertebra the user names.
    stated_side : Side or None
        The side the user names.
    """

    rows: int
    columns: int
    intensity: IntensityScale
    scale: PixelScale | NotFound
    pose: CArmPose | None
    valid: MaskArray
    is_subtracted: bool = False
    stated_level: Vertebra | None = None
    stated_side: Side | None = None

    def __post_init__(self) -> None:
        """Own the mask and check it against the shape."""
        if self.valid.dtype != bool:
            raise InputError(f"valid is {self.valid.dtype}, expected bool")
        object.__setattr__(self, "valid", own(self.valid, "valid", (self.rows, self.columns)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameAssessment:
    """What was known when one frame had come in, and nothing later.

    Attributes
    ----------
    frame : int
        From 0.
    time_s : float or None
        Seconds from the first frame.
    contrast : (r, c) bool array
        Where newly injected contrast is seen, at the monitor's working resolution.
    working_scale : float
        Working pixels per stored pixel.
    area_px : float or None
        Area of the contrast. Stored pixels. This and what follows is None where the frame could not
        be judged.
    attenuation_px : float or None
        Sum over the contrast of the change of ln(value), times the area in stored pixels.
    reach_px : float or None
        Greatest distance of the contrast from its origin. Stored pixels.
    thin_length_px : float or None
        Length of thin, vessel-like contrast. Stored pixels.
    run_off : float or None
        Share of the greatest signal so far that has left; None before onset.
    intravascular_probability : float or None
        That uptake has occurred by this frame; None where it cannot be calibrated.
    flagged : bool
        The flag stands at this frame; once raised, it stays.
    remark : str
        Why this frame could not be judged in full; empty where it could.
    """

    frame: int
    time_s: float | None
    contrast: MaskArray
    working_scale: float
    area_px: float | None
    attenuation_px: float | None
    reach_px: float | None
    thin_length_px: float | None
    run_off: float | None
    intravascular_probability: float | None
    flagged: bool
    remark: str = ""

    def __post_init__(self) -> None:
        """Own the mask."""
        object.__setattr__(self, "contrast", own(self.contrast, "contrast", (None, None)))


class VesselKind(StrEnum):
    """What kind of vessel took contrast up, as far as its course tells."""

    VENOUS = "venous"
    ARTERIAL = "arterial"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionFindings:
    """What is known of one injection.

    Attributes
    ----------
    onset_frame : int
        First frame in which its contrast can be seen.
    end_frame : int
        Last frame in which its contrast still grew.
    flag_frame : int or None
        First frame at which the flag stood because of it.
    verdict : Verdict
        Of this injection.
    pattern : SpreadPattern or None
        Where its contrast went; None where that cannot be told.
    intravascular_probability : float or None
        That part of it was taken up by a vessel, under the prior of the settings.
    vessel : VesselKind or None
        What kind of vessel; None where none is flagged.
    origin_px : (row, column)
        Where its contrast first appeared. Stored pixels.
    """

    onset_frame: int
    end_frame: int
    flag_frame: int | None
    verdict: Verdict
    pattern: SpreadPattern | None
    intravascular_probability: float | None
    vessel: VesselKind | None
    origin_px: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """The smallest uptake that a run would have shown.

    Attributes
    ----------
    vessel_diameter_mm : float
        Calibre of the vessel. Millimetres.
    dose_fraction : float
        Share of the injected dose that it takes up.
    power : float
        Share of such vessels that are flagged, at least.
    """

    vessel_diameter_mm: float
    dose_fraction: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadFindings:
    """What the monitor concludes from the frames it has been given so far.

    Attributes
    ----------
    verdict : Verdict
        Of the run so far.
    pattern : SpreadPattern or None
        Where contrast went; None where that cannot be told.
    onset_frame : int or None
        First frame in which newly injected contrast can be seen.
    flag_frame : int or None
        First frame at which the flag stood.
    end_frame : int or None
        Last frame in which the contrast still grew.
    origin_px : (row, column) or None
        Where contrast first appeared. Stored pixels.
    intravascular_probability : float or None
        That a vessel has taken up contrast, under the prior of the settings; None where nothing
        could be judged.
    injections : tuple of InjectionFindings
        In their order.
    grounds : tuple of str
        What the verdict rests on, in words.
    doubts : tuple of str
        What stood in the way of a firmer answer.
    """

    verdict: Verdict
    pattern: SpreadPattern | None
    onset_frame: int | None
    flag_frame: int | None
    end_frame: int | None
    origin_px: tuple[float, float] | None
    intravascular_probability: float | None
    injections: tuple[InjectionFindings, ...]
    grounds: tuple[str, ...]
    doubts: tuple[str, ...]
