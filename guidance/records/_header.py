"""What the header of a run says, in units, with the source of each value and what is missing.

A header is often bare or wrong. A value that could not be had is `NotFound` with the reason; what
its absence costs the reader is a `Remark`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from guidance.errors import InputError
from guidance.records._arrays import FloatArray, own
from guidance.records._mask import MaskSubtraction
from guidance.records._outcome import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing about the data that a reader must know.

    Attributes
    ----------
    attribute : str
        DICOM keyword and tag, as ``"FrameTime (0018,1063)"``.
    finding : str
        What is wrong or missing.
    cost : str
        What cannot be done, or is less certain, because of it.
    remedy : str
        The next step; empty where there is none.
    """

    attribute: str
    finding: str
    cost: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the remark as one line."""
        text = f"{self.attribute} {self.finding}: {self.cost}"
        return f"{text}; {self.remedy}" if self.remedy else text


class PixelIntensityRelationship(StrEnum):
    """Pixel Intensity Relationship (0028,1040), PS3.3 C.8.7.1.1.2."""

    LIN = "LIN"
    LOG = "LOG"
    DISP = "DISP"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityScale:
    """How a pixel's value relates to the X-ray intensity at the detector.

    Attributes
    ----------
    relationship : PixelIntensityRelationship
        LIN is proportional to intensity, LOG to its logarithm; DISP and unknown have been through a
        curve that the header does not give.
    sign : int
        +1 where a lower value means less X-ray intensity (bone is dark), -1 where a higher one
        does.
    sign_source : str
        The keyword the sign came from, or ``"convention"``.
    low, high : float
        The values that the stored bits can hold after the Modality LUT. Pixel values.
    """

    relationship: PixelIntensityRelationship
    sign: int
    sign_source: str
    low: float
    high: float

    def __post_init__(self) -> None:
        """Check the sign and the range."""
        if self.sign not in (-1, 1):
            raise InputError(f"sign is {self.sign}, expected +1 or -1; see PS3.3 C.8.11.3.1.2")
        if not self.low < self.high:
            raise InputError(
                f"values from {self.low} to {self.high} hold nothing; check BitsStored"
            )


class SpacingAt(StrEnum):
    """The plane in which a pixel spacing holds."""

    CALIBRATED = "calibrated"
    ISOCENTER = "isocenter"
    DETECTOR = "detector"


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelScale:
    """The size of a pixel, and where that size holds.

    Attributes
    ----------
    row_mm, column_mm : float
        Distance between the centres of adjacent rows, and of adjacent columns. Millimetres.
    at : SpacingAt
        The plane that the distances are measured in.
    source : str
        The attributes used, for the report.
    """

    row_mm: float
    column_mm: float
    at: SpacingAt
    source: str

    def __post_init__(self) -> None:
        """Check that both distances are positive."""
        if not (self.row_mm > 0 and self.column_mm > 0):
            raise InputError(f"spacing {self.row_mm} × {self.column_mm} mm is not positive")

    @property
    def holds_at_patient(self) -> bool:
        """Whether lengths measured with it are lengths at the patient, not at the detector."""
        return self.at is not SpacingAt.DETECTOR

    @property
    def pixel_area_mm2(self) -> float:
        """Area of one pixel. Square millimetres."""
        return self.row_mm * self.column_mm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameTiming:
    """When each frame was taken.

    Attributes
    ----------
    times_s : (T,) float64 array
        Seconds from the first frame; never runs back.
    source : str
        The keyword that the times came from.
    """

    times_s: FloatArray
    source: str

    def __post_init__(self) -> None:
        """Own the array, and check that time starts at 0 and does not run back."""
        times = own(self.times_s, "times_s", (None,))
        increments = times[1:] - times[:-1]
        if times.size == 0 or times[0] != 0 or not bool((increments >= 0).all()):
            raise InputError("times_s must start at 0 and never run back; check FrameTimeVector")
        object.__setattr__(self, "times_s", times)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseCandidate:
    """One way the C-arm may have stood about the patient.

    Attributes
    ----------
    primary_angle_deg, secondary_angle_deg : float
        Of the detector, about the patient, as PS3.3 C.8.7.5.1.2. Degrees.
    patient : str
        ``"supine"`` or ``"prone"``: how the patient must lie for these angles to hold.
    mirrored : bool or None
        Whether the stored image is mirrored; None where nothing says.
    """

    primary_angle_deg: float
    secondary_angle_deg: float
    patient: str
    mirrored: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CArmPose:
    """The C-arm's pose: as the header has it, and as far as it can be resolved.

    Attributes
    ----------
    primary_angle_deg, secondary_angle_deg : float or None
        Positioner angles as written. Degrees.
    patient_position : str or None
        Patient Position (0018,5100), such as ``"HFP"``.
    patient_orientation : tuple of str or None
        Patient Orientation (0020,0020): directions of the rows and of the columns.
    distance_source_to_detector_mm, distance_source_to_patient_mm : float or None
        Millimetres.
    candidates : tuple of PoseCandidate
        All poses that the header leaves possible.
    resolved : PoseCandidate or NotFound
        The one pose that the header leaves, or why none is chosen.
    """

    primary_angle_deg: float | None
    secondary_angle_deg: float | None
    patient_position: str | None
    patient_orientation: tuple[str, str] | None
    distance_source_to_detector_mm: float | None
    distance_source_to_patient_mm: float | None
    candidates: tuple[PoseCandidate, ...]
    resolved: PoseCandidate | NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class RectangularShutter:
    """Edges of a rectangular shutter; what lies outside them is hidden.

    Attributes
    ----------
    top, bottom, left, right : int
        First and last visible row, first and last visible column. Pixels, from 0.
    """

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularShutter:
    """A circular shutter; what lies outside it is hidden.

    Attributes
    ----------
    row, column : float
        Its centre. Pixels, from 0.
    radius : float
        Pixels.
    """

    row: float
    column: float
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonalShutter:
    """A polygonal shutter; what lies outside it is hidden.

    Attributes
    ----------
    vertices : tuple of (row, column)
        Its corners, in order. Pixels, from 0.
    """

    vertices: tuple[tuple[float, float], ...]


Shutter = RectangularShutter | CircularShutter | PolygonalShutter


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What is known of a run before any pixel is read.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
        As in the file.
    modality : str
        XA, RF, DX, CR, OT, ...
    n_frames, rows, columns : int
        Shape of the run.
    bits_stored : int
        Bits that carry the value.
    photometric_interpretation : str
        MONOCHROME1 or MONOCHROME2. Values are never inverted on reading.
    image_type : tuple of str
        Image Type (0008,0008).
    intensity : IntensityScale
        What a value means.
    timing : FrameTiming or NotFound
        When each frame was taken.
    scale : PixelScale or NotFound
        How large a pixel is, and where.
    pose : CArmPose
        Where the C-arm stood.
    shutters : tuple of Shutter
        Shutters and collimators that the header describes.
    window : (center, width) or None
        Display window. For display only.
    is_subtracted : bool
        The stored pixels are already a subtraction.
    remarks : tuple of Remark
        What is missing or odd, and what that costs.
    masks : tuple of MaskSubtraction
        How the header asks for its frames, stored plain, to be subtracted for display.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    n_frames: int
    rows: int
    columns: int
    bits_stored: int
    photometric_interpretation: str
    image_type: tuple[str, ...]
    intensity: IntensityScale
    timing: FrameTiming | NotFound
    scale: PixelScale | NotFound
    pose: CArmPose
    shutters: tuple[Shutter, ...] = ()
    window: tuple[float, float] | None = None
    is_subtracted: bool = False
    remarks: tuple[Remark, ...] = field(default_factory=tuple)
    masks: tuple[MaskSubtraction, ...] = ()
