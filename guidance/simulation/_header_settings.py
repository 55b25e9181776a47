"""What the header of a simulated run may say: right, bare or wrong.

A simulated run has a true pose, true times and a true scale; its header tells of them what a
console would.

Consoles that take a prone patient to be supine write the angles of the same detector about a supine
patient: the primary angle is off by 180 degrees (−25 for +155), the secondary is the same, and an
orientation computed from them names the wrong side (PS3.3 C.8.7.5.1.2, C.7.6.1.1.1).
"""

from dataclasses import dataclass
from enum import StrEnum

from guidance.errors import InputError
from guidance.io import Photometry, RadiationSetting, RunKind, TransferSyntax

# What XA and RF allow (PS3.3 C.8.7.1.1.4).
STANDARD_BITS = (8, 10, 12, 16)
# A recorder of video: 30 frames a second, or 25 in Europe. Milliseconds.
RECORDER_FRAME_MS = (1000 / 30, 40.0)


class HeaderKind(StrEnum):
    """What a header is worth; runs are reported by it.

    COMPLETE is complete and right. SPARSE has no angles and, mostly, no scale and no times. The
    others are complete but for one fault: SUPINE (angles, position and orientation of a supine
    patient), MIRRORED (the image is flipped left to right), ROUNDED (angles to the nearest 5 or 10
    degrees), NO_DISTANCE (spacing at the detector, but not where the detector is), RECORDER_TIME
    (Frame Time is the recorder's, not that of the pulses).
    """

    COMPLETE = "complete"
    SPARSE = "sparse"
    SUPINE = "supine"
    MIRRORED = "mirrored"
    ROUNDED = "rounded"
    NO_DISTANCE = "no_distance"
    RECORDER_TIME = "recorder_time"


class StatedPose(StrEnum):
    """Whose angles, or whose patient position or orientation, the header gives.

    TRUE: the pose's. SUPINE: of a supine patient under the same detector. UNMIRRORED (orientation
    only): as before the image was flipped. ABSENT: none.
    """

    TRUE = "true"
    SUPINE = "supine"
    UNMIRRORED = "unmirrored"
    ABSENT = "absent"


class StatedScale(StrEnum):
    """What the header says of the size of a pixel.

    DISTANCES: spacing at the detector, source to detector and to patient. DETECTOR_ONLY: that
    spacing alone. CALIBRATED: Pixel Spacing at the isocentre, by a marker. BOTH: DISTANCES and
    CALIBRATED.
    """

    DISTANCES = "distances"
    DETECTOR_ONLY = "detector_only"
    CALIBRATED = "calibrated"
    BOTH = "both"
    ABSENT = "absent"


class StatedTimes(StrEnum):
    """Where the header gives the frames' times.

    MEASURED: Frame Time where frames are evenly spaced, else Frame Time Vector. VECTOR: always the
    vector. RECORDER: the Frame Time of a recorder, whatever the pulses did. RATES: rates for
    playing back only.
    """

    MEASURED = "measured"
    VECTOR = "vector"
    RECORDER = "recorder"
    RATES = "rates"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPixels:
    """How the header declares the values that the X-ray chain made, and how the file holds them.

    Attributes
    ----------
    keeps_bits : bool
        Declares just the bits that are used, though XA and RF allow only 8, 10, 12 and 16; else the
        next of these.
    photometric_interpretation : Photometry
        MONOCHROME1, which XA and RF forbid, wants values that were exchanged, dark for bright.
    says_linear : bool
        Declares LIN whatever the values went through.
    states_sign, states_lut : bool
        Whether the relationship's sign, and for LOG the Modality LUT that the standard asks for,
        are written.
    transfer_syntax : TransferSyntax
        How the file holds them; JPEG-LS gives way to JPEG lossless where neither 8 nor 16 bits are
        declared.
    """

    keeps_bits: bool = False
    photometric_interpretation: Photometry = Photometry.MONOCHROME2
    says_linear: bool = False
    states_sign: bool = False
    states_lut: bool = True
    transfer_syntax: TransferSyntax = TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN

    @property
    def is_inverted(self) -> bool:
        """Whether the stored values are to be exchanged, dark for bright."""
        return self.photometric_interpretation is Photometry.MONOCHROME1

    def bits_stored(self, bits_used: int) -> int:
        """Return the bits that are declared for values that fill `bits_used`, 8 to 16."""
        if not 8 <= bits_used <= 16:
            raise InputError(f"bits_used is {bits_used}, expected 8 to 16")
        return bits_used if self.keeps_bits else next(b for b in STANDARD_BITS if b >= bits_used)

    def syntax_for(self, bits_used: int) -> TransferSyntax:
        """Return how the file holds values that fill `bits_used`."""
        is_ls = self.transfer_syntax is TransferSyntax.JPEG_LS_LOSSLESS
        if is_ls and self.bits_stored(bits_used) not in (8, 16):
            return TransferSyntax.JPEG_LOSSLESS_SV1
        return self.transfer_syntax


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """What one header says, resolved; plain values, so that it can be kept as JSON.

    Attributes
    ----------
    kind : HeaderKind
        What the header is worth.
    run_kind : RunKind
        SOP class.
    pixels : StatedPixels
        How values are declared and held.
    mirrored : bool
        Whether the image is flipped left to right; the true view has to say the same.
    angles, position, orientation : StatedPose
        Whose are given.
    angle_step_deg : float
        What angles are rounded to. Degrees.
    scale : StatedScale
        What is said of the size of a pixel.
    calibration_error : float
        By how much a calibrated spacing is off, relative.
    times : StatedTimes
        How times are given.
    recorder_frame_ms : float
        Frame Time of a recorder. Milliseconds.
    left_out : tuple of str
        Attributes not written at all.
    model_name : str
        Manufacturer's Model Name; no maker's.
    radiation_setting : RadiationSetting
        Fluoroscopy or an acquisition.
    states_technique, states_contrast, states_collimator, states_window, states_day : bool
        Whether voltage and exposure, the contrast agent, the collimator, a display window, a dummy
        day are written.
    """

    kind: HeaderKind = HeaderKind.COMPLETE
    run_kind: RunKind = RunKind.XA
    pixels: StatedPixels = StatedPixels()
    mirrored: bool = False
    angles: StatedPose = StatedPose.TRUE
    position: StatedPose = StatedPose.TRUE
    orientation: StatedPose = StatedPose.TRUE
    angle_step_deg: float = 0.1
    scale: StatedScale = StatedScale.DISTANCES
    calibration_error: float = 0.0
    times: StatedTimes = StatedTimes.MEASURED
    recorder_frame_ms: float = RECORDER_FRAME_MS[0]
    left_out: tuple[str, ...] = ()
    model_name: str = ""
    radiation_setting: RadiationSetting = RadiationSetting.FLUOROSCOPY
    states_technique: bool = True
    states_contrast: bool = False
    states_collimator: bool = True
    states_window: bool = True
    states_day: bool = False

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if StatedPose.UNMIRRORED in (self.angles, self.position):
            raise InputError("only an orientation can be that of the image before it was flipped")
        if not 0 < self.angle_step_deg <= 45 or not self.recorder_frame_ms > 0:
            raise InputError(
                f"angle_step_deg {self.angle_step_deg} and recorder_frame_ms "
                f"{self.recorder_frame_ms}; expected up to 45 degrees and a positive time"
            )
        if not -0.5 < self.calibration_error < 0.5:
            raise InputError(
                f"calibration_error is {self.calibration_error}, expected -0.5 to 0.5 (relative)"
            )
