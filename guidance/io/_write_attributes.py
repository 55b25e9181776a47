"""What the header of a written run says: right, incomplete or wrong, as the caller wants it.

The defaults write a complete and valid X-Ray Angiographic image. Whatever else consoles write can
be asked for; what the standard forbids to be missing is missing only by being named in `left_out`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from guidance.errors import InputError
from guidance.io._write_pixels import TransferSyntax
from guidance.io._write_study import StudyPlace
from guidance.records import (
    CircularShutter,
    FloatArray,
    FrameArray,
    PixelIntensityRelationship,
    RectangularShutter,
)

# What LO holds (PS3.5 6.2). Characters.
LONGEST_STRING = 64
# What real consoles are seen to leave out although the standard wants it. Nothing else may be left
# out: identifiers, the pixels' description, and that the data is synthetic always stand.
MAY_BE_LEFT_OUT = frozenset(
    {
        "BodyPartExamined",
        "Exposure",
        "ExposureTime",
        "FrameIncrementPointer",
        "KVP",
        "PatientOrientation",
        "PatientPosition",
        "PixelIntensityRelationship",
        "PositionerMotion",
        "PositionerPrimaryAngle",
        "PositionerSecondaryAngle",
        "RadiationMode",
        "RadiationSetting",
        "TableMotion",
        "XRayTubeCurrent",
    }
)


class RunKind(StrEnum):
    """The SOP class of a run."""

    XA = "1.2.840.10008.5.1.4.1.1.12.1"
    RF = "1.2.840.10008.5.1.4.1.1.12.2"


class Photometry(StrEnum):
    """Whether the lowest value is shown black or white (PS3.3 C.7.6.3.1.2)."""

    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"


class StatedTiming(StrEnum):
    """How the header gives the frames' times.

    AUTO writes Frame Time where frames are evenly spaced and Frame Time Vector where not; CONSTANT
    and VECTOR force one of them; NONE writes neither, which the standard forbids.
    """

    AUTO = "auto"
    CONSTANT = "constant"
    VECTOR = "vector"
    NONE = "none"


class SpacingCalibration(StrEnum):
    """Pixel Spacing Calibration Type (0028,0A02), PS3.3 10.7.1.2."""

    GEOMETRY = "GEOMETRY"
    FIDUCIAL = "FIDUCIAL"


class RadiationSetting(StrEnum):
    """Radiation Setting (0018,1155), PS3.3 C.8.7.2."""

    FLUOROSCOPY = "SC"
    GRAPHY = "GR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """How the X-rays were made, but for the voltage.

    Attributes
    ----------
    radiation_setting : RadiationSetting
        Fluoroscopy, or an acquisition of higher dose.
    is_pulsed : bool
        Pulsed or continuous.
    tube_current_ma, exposure_time_ms : int or None
        As the console writes them: mean current, and beam-on time of the whole run.
    exposure_mas : int or None
        Their product.
    pulse_width_ms : float or None
        Mean length of a pulse.
    """

    radiation_setting: RadiationSetting = RadiationSetting.FLUOROSCOPY
    is_pulsed: bool = True
    tube_current_ma: int | None = None
    exposure_time_ms: int | None = None
    exposure_mas: int | None = None
    pulse_width_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunAttributes:
    """What the header of a written run says.

    Attributes
    ----------
    times_s : (T,) float64 array
        Acquisition time of each frame; need not be evenly spaced. Seconds.
    bits_stored : int
        8 for uint8 frames; 9 to 16 for uint16 frames, of which the standard allows 10, 12 and 16.
    imager_pixel_spacing_mm : (row, column) or None
        Distance between pixel centres at the detector. Millimetres.
    sid_mm, sod_mm : float or None
        Distance from the source to the detector, and to the patient. Millimetres.
    primary_angle_deg, secondary_angle_deg : float or None
        Positioner angles, DICOM's signs. Degrees.
    patient_position : str
        Patient Position, such as ``"HFP"``.
    patient_orientation : tuple of str
        Patient Orientation: direction of the rows and of the columns. Empty if unknown.
    kvp : float or None
        Peak voltage. Kilovolts.
    intensity_relationship : PixelIntensityRelationship
        What a pixel value means. UNKNOWN is not written.
    transfer_syntax : TransferSyntax
        How the pixels are stored.
    series_description, image_comments : str
        Free text; `series_description` has at most 64 characters.
    contrast_agent : str
        Contrast/Bolus Agent; empty where no contrast was given, and the module is left out.
    contrast_concentration_mg_per_ml : float or None
        Iodine in the agent as injected. Milligrams per millilitre.
    collimator : RectangularShutter, CircularShutter or None
        Edges of the collimator.
    window : (center, width) or None
        Display window. Pixel values.
    kind : RunKind
        SOP class. An RF object has no positioner angles of its own; angles given are written all
        the same, as some consoles do.
    photometric_interpretation : Photometry
        Says how to show the values; the values themselves are written as given.
    intensity_sign : int or None
        Pixel Intensity Relationship Sign: +1 where higher values mean more intensity, else −1. Not
        part of these objects, but allowed beside them.
    modality_lut : (N,) uint16 array or None
        What each stored value, from 0, becomes: with LOG values, values in proportion to intensity.
        The standard wants one with LOG, and its values to reach into the highest of 16 bits.
    timing : StatedTiming
        How the frames' times are given.
    stated_frame_time_ms : float or None
        Frame Time where it is not the time between frames, as of a recorder. Milliseconds.
    display_rate_per_s, cine_rate_per_s : int or None
        Recommended Display Frame Rate and Cine Rate: for playing back.
    pixel_spacing_mm : (row, column) or None
        Pixel Spacing, which holds where the calibration says. Millimetres.
    pixel_spacing_calibration : SpacingCalibration or None
        How it was calibrated.
    model_name : str
        Manufacturer's Model Name.
    image_type : tuple of str
        Image Type.
    technique : Technique
        How the X-rays were made.
    study : StudyPlace or None
        Which study the run belongs to; None gives it one of its own.
    left_out : tuple of str
        Keywords of attributes that are not written at all, although the standard may ask for them.
    identity : str
        What UIDs are derived from, instead of pixels and attributes: for a run that another machine
        makes again with pixels that differ by a rounding. Empty for the content itself.
    """

    times_s: FloatArray
    bits_stored: int
    imager_pixel_spacing_mm: tuple[float, float] | None = None
    sid_mm: float | None = None
    sod_mm: float | None = None
    primary_angle_deg: float | None = None
    secondary_angle_deg: float | None = None
    patient_position: str = ""
    patient_orientation: tuple[str, ...] = ()
    kvp: float | None = None
    intensity_relationship: PixelIntensityRelationship = PixelIntensityRelationship.LIN
    transfer_syntax: TransferSyntax = TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN
    series_description: str = ""
    image_comments: str = ""
    contrast_agent: str = ""
    contrast_concentration_mg_per_ml: float | None = None
    collimator: RectangularShutter | CircularShutter | None = None
    window: tuple[float, float] | None = None
    # From here on a value enters the UIDs only where it differs from its default: files of earlier
    # versions keep theirs.
    kind: RunKind = RunKind.XA
    photometric_interpretation: Photometry = Photometry.MONOCHROME2
    intensity_sign: int | None = None
    modality_lut: FrameArray | None = None
    timing: StatedTiming = StatedTiming.AUTO
    stated_frame_time_ms: float | None = None
    display_rate_per_s: int | None = None
    cine_rate_per_s: int | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    pixel_spacing_calibration: SpacingCalibration | None = None
    model_name: str = ""
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "SINGLE PLANE")
    technique: Technique = Technique()
    study: StudyPlace | None = None
    left_out: tuple[str, ...] = ()
    identity: str = ""

    def __post_init__(self) -> None:
        """Own the arrays, and check what would give a header that nobody can mean."""
        times = np.array(self.times_s, dtype=np.float64)
        if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all():
            raise InputError(f"times_s has shape {times.shape}, expected (T,) finite numbers")
        if (np.diff(times) <= 0).any():
            raise InputError("times_s stands still or runs back; give times in order")
        times -= times[0]
        times.setflags(write=False)
        object.__setattr__(self, "times_s", times)
        _check_words(self)
        _check_numbers(self)
        if self.modality_lut is not None:
            object.__setattr__(self, "modality_lut", _own_lut(self.modality_lut, self.bits_stored))


def _check_words(attributes: RunAttributes) -> None:
    """Check the text, and that nothing is left out that must stand."""
    for name in ("series_description", "model_name"):
        if len(getattr(attributes, name)) > LONGEST_STRING:
            raise InputError(f"{name} has more than {LONGEST_STRING} characters; shorten it")
    if len(attributes.image_type) < 2:
        raise InputError(
            f"image_type is {attributes.image_type}, expected two values or more; "
            "say ORIGINAL or DERIVED, PRIMARY or SECONDARY (PS3.3 C.7.6.1.1.2)"
        )
    refused = sorted(set(attributes.left_out) - MAY_BE_LEFT_OUT)
    if refused:
        raise InputError(
            f"left_out names {', '.join(refused)}, which must stand; "
            f"expected only {', '.join(sorted(MAY_BE_LEFT_OUT))}"
        )


def _check_numbers(attributes: RunAttributes) -> None:
    """Check that numbers which depend on each other do not contradict."""
    if attributes.intensity_sign not in (None, -1, 1):
        raise InputError(f"intensity_sign is {attributes.intensity_sign}, expected 1, -1 or None")
    stated = attributes.stated_frame_time_ms
    if stated is not None:
        if attributes.timing not in (StatedTiming.AUTO, StatedTiming.CONSTANT):
            raise InputError(
                f"stated_frame_time_ms is {stated}, but timing is {attributes.timing}; "
                "give it with a constant frame time"
            )
        if not stated > 0:
            raise InputError(f"stated_frame_time_ms is {stated}, expected more than 0")
    if attributes.pixel_spacing_calibration and attributes.pixel_spacing_mm is None:
        raise InputError("pixel_spacing_calibration is given without pixel_spacing_mm; give both")


def _own_lut(table: FrameArray, bits_stored: int) -> FrameArray:
    """Return a read-only copy of a Modality LUT that covers every stored value."""
    if table.dtype != np.uint16 or table.shape != (2**bits_stored,):
        raise InputError(
            f"modality_lut is {table.dtype} of shape {table.shape}, expected uint16 of "
            f"{2**bits_stored} entries, one for each value of {bits_stored} bits"
        )
    owned = table.copy()
    owned.setflags(write=False)
    return owned
