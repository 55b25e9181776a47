"""Puts down what a simulated run's header tells of its true pose, times and scale."""

from dataclasses import dataclass, field, replace

import numpy as np

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.io import (
    RunAttributes,
    SpacingCalibration,
    StatedTiming,
    StudyPlace,
    Technique,
)
from guidance.records import (
    CircularShutter,
    FloatArray,
    FrameArray,
    PixelIntensityRelationship,
    RectangularShutter,
)
from guidance.simulation._header_draw import HeaderRanges, draw_header
from guidance.simulation._header_settings import (
    HeaderKind,
    HeaderSettings,
    StatedPixels,
    StatedPose,
    StatedScale,
    StatedTimes,
)

__all__ = [
    "HeaderKind",
    "HeaderRanges",
    "HeaderSettings",
    "RunFacts",
    "StatedPixels",
    "StatedPose",
    "StatedScale",
    "StatedTimes",
    "draw_header",
    "write_attributes",
]

PRONE = {"HFP": "HFS", "FFP": "FFS"}
# A direction names a second letter from this component of its unit vector on: about 17 degrees.
SECOND_LETTER = 0.3
LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
COMMENT = "SIMULATED by mbb-guidance; shows no patient; any day or time is a dummy. Apache-2.0."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunFacts:
    """What is true of a run beside its view, for the header to tell or not.

    Attributes
    ----------
    times_s : (T,) float64 array
        When each stored frame was taken. Seconds.
    kvp : float or None
        Peak voltage. Kilovolts.
    technique : Technique
        Current, exposure, pulses. Its radiation setting gives way to the header's.
    patient_position : str
        How the patient lies: ``"HFP"``, ``"FFP"``, ``"HFS"`` or ``"FFS"``.
    concentration_mg_per_ml : float or None
        Iodine in the agent of the study, whether or not this run shows any.
    collimator : RectangularShutter, CircularShutter or None
        Where it is.
    window : (center, width) or None
        A fitting display window. Stored values.
    study : StudyPlace or None
        Which study the run belongs to.
    bits_used : int
        Bits that the stored values fill, 8 to 16.
    relationship : PixelIntensityRelationship
        What the values truly are.
    log_span : float or None
        Of LOG values: nepers of intensity from 0 to full scale.
    """

    times_s: FloatArray
    kvp: float | None = None
    technique: Technique = field(default_factory=Technique)
    patient_position: str = "HFP"
    concentration_mg_per_ml: float | None = None
    collimator: RectangularShutter | CircularShutter | None = None
    window: tuple[float, float] | None = None
    study: StudyPlace | None = None
    bits_used: int = 8
    relationship: PixelIntensityRelationship = PixelIntensityRelationship.LIN
    log_span: float | None = None

    def __post_init__(self) -> None:
        """Check how the patient lies."""
        if self.patient_position not in (*PRONE, *PRONE.values()):
            raise InputError(
                f"patient_position is {self.patient_position!r}, expected HFP, FFP, HFS or FFS"
            )


def write_attributes(header: HeaderSettings, view: ConeBeamView, facts: RunFacts) -> RunAttributes:
    """Return the attributes of a run as its header is to tell them.

    Parameters
    ----------
    header : HeaderSettings
        What is told, and how.
    view : ConeBeamView
        The true pose.
    facts : RunFacts
        What else is true.

    Raises
    ------
    InputError
        The view is mirrored and the header is of an image that is not, or the other way round; the
        header is supine-style and the patient truly lies so.
    """
    if view.mirrored != header.mirrored:
        raise InputError(
            f"the view's mirrored is {view.mirrored}, the header's {header.mirrored}; flip the view"
        )
    if StatedPose.SUPINE in (header.angles, header.orientation) and (
        facts.patient_position not in PRONE
    ):
        raise InputError(
            f"the patient lies {facts.patient_position}; a supine-style header would be right; "
            "draw another kind"
        )
    pixels = header.pixels
    primary, secondary = _angles(header, view)
    has_times = header.times not in (StatedTimes.RATES, StatedTimes.ABSENT)
    rate = _rate_per_s(facts.times_s) if header.times is StatedTimes.RATES else None
    plain = RunAttributes(
        times_s=facts.times_s,
        bits_stored=pixels.bits_stored(facts.bits_used),
        kind=header.run_kind,
        primary_angle_deg=primary,
        secondary_angle_deg=secondary,
        patient_position=_position(header, facts),
        patient_orientation=_orientation(header, view),
        intensity_relationship=(
            PixelIntensityRelationship.LIN if pixels.says_linear else facts.relationship
        ),
        transfer_syntax=pixels.syntax_for(facts.bits_used),
        photometric_interpretation=pixels.photometric_interpretation,
        intensity_sign=_sign(pixels),
        modality_lut=_lut(pixels, facts),
        # Neutral: the answer stands in truth.json, not in the header.
        series_description="SIMULATED fluoroscopy of the lumbar spine",
        image_comments=COMMENT,
        contrast_agent="SIMULATED iodinated contrast" if header.states_contrast else "",
        contrast_concentration_mg_per_ml=facts.concentration_mg_per_ml,
        collimator=facts.collimator if header.states_collimator else None,
        window=facts.window if header.states_window else None,
        timing=_timing(header.times) if has_times else StatedTiming.NONE,
        stated_frame_time_ms=(
            header.recorder_frame_ms if header.times is StatedTimes.RECORDER else None
        ),
        display_rate_per_s=rate,
        cine_rate_per_s=rate,
        model_name=header.model_name,
        kvp=facts.kvp if header.states_technique else None,
        technique=_technique(header, facts),
        study=_place(header, facts),
        left_out=header.left_out,
    )
    return _with_scale(plain, header, view)


def orientation_letters(direction_lps: FloatArray) -> str:
    """Return a direction (3,) in the letters of Patient Orientation (PS3.3 C.7.6.1.1.1).

    Examples
    --------
    >>> orientation_letters(np.array([-0.91, 0.42, 0.0]))
    'RP'
    """
    unit = direction_lps / np.linalg.norm(direction_lps)
    order = np.argsort(-np.abs(unit), kind="stable")
    return "".join(
        LETTERS[axis][0 if unit[axis] > 0 else 1]
        for place, axis in enumerate(order)
        if place == 0 or abs(unit[axis]) >= SECOND_LETTER
    )


def supine_angle(primary_angle_deg: float) -> float:
    """Return the primary angle of the same detector about a patient who lies the other way up.

    Examples
    --------
    >>> supine_angle(155.0), supine_angle(-155.0), supine_angle(180.0)
    (-25.0, 25.0, 0.0)
    """
    return primary_angle_deg - 180.0 if primary_angle_deg > 0 else primary_angle_deg + 180.0


def _angles(header: HeaderSettings, view: ConeBeamView) -> tuple[float | None, float | None]:
    """Return the positioner angles as written."""
    if header.angles is StatedPose.ABSENT:
        return None, None
    primary = view.primary_angle_deg
    if header.angles is StatedPose.SUPINE:
        primary = supine_angle(primary)
    step = header.angle_step_deg
    rounded = [step * round(angle / step) for angle in (primary, view.secondary_angle_deg)]
    # Adding 0 takes the sign from a zero.
    return round(rounded[0], 6) + 0.0, round(rounded[1], 6) + 0.0


def _position(header: HeaderSettings, facts: RunFacts) -> str:
    match header.position:
        case StatedPose.ABSENT:
            return ""
        case StatedPose.SUPINE:
            return PRONE.get(facts.patient_position, facts.patient_position)
        case _:
            return facts.patient_position


def _orientation(header: HeaderSettings, view: ConeBeamView) -> tuple[str, ...]:
    """Return the directions of rows and columns as written."""
    match header.orientation:
        case StatedPose.ABSENT:
            return ()
        case StatedPose.UNMIRRORED:
            view = replace(view, mirrored=False)
        case StatedPose.SUPINE:
            primary = supine_angle(view.primary_angle_deg)
            view = replace(view, primary_angle_deg=primary, mirrored=False)
        case _:
            pass
    right, down, _ = view.axes
    return orientation_letters(right), orientation_letters(down)


def _sign(pixels: StatedPixels) -> int | None:
    """Return the relationship's sign; inverted values fall where intensity rises."""
    return (-1 if pixels.is_inverted else 1) if pixels.states_sign else None


def _lut(pixels: StatedPixels, facts: RunFacts) -> FrameArray | None:
    """Return what stored LOG values become: values in proportion to intensity, up to 65535."""
    is_log = facts.relationship is PixelIntensityRelationship.LOG and not pixels.says_linear
    if not is_log or not pixels.states_lut or facts.log_span is None:
        return None
    full_scale = 2**facts.bits_used - 1
    share = np.minimum(np.arange(2 ** pixels.bits_stored(facts.bits_used)), full_scale) / full_scale
    if pixels.is_inverted:
        share = 1 - share
    table: FrameArray = np.rint(65535 * np.exp((share - 1) * facts.log_span)).astype(np.uint16)
    return table


def _timing(times: StatedTimes) -> StatedTiming:
    return StatedTiming.VECTOR if times is StatedTimes.VECTOR else StatedTiming.AUTO


def _rate_per_s(times_s: FloatArray) -> int | None:
    """Return whole frames per second, at least 1; None for a single frame."""
    times = np.asarray(times_s, dtype=np.float64)
    if times.size < 2:
        return None
    return max(1, round((times.size - 1) / float(times[-1] - times[0])))


def _technique(header: HeaderSettings, facts: RunFacts) -> Technique:
    told = facts.technique if header.states_technique else Technique()
    return replace(told, radiation_setting=header.radiation_setting)


def _place(header: HeaderSettings, facts: RunFacts) -> StudyPlace | None:
    if facts.study is None or header.states_day:
        return facts.study
    return replace(facts.study, second_of_day=None)


def _with_scale(
    attributes: RunAttributes, header: HeaderSettings, view: ConeBeamView
) -> RunAttributes:
    """Return the attributes with what is said of the size of a pixel."""
    stated = header.scale
    if stated in (StatedScale.CALIBRATED, StatedScale.BOTH):
        row_mm, column_mm = (mm * (1 + header.calibration_error) for mm in view.spacing_iso_mm)
        attributes = replace(
            attributes,
            pixel_spacing_mm=(row_mm, column_mm),
            pixel_spacing_calibration=SpacingCalibration.FIDUCIAL,
        )
    if stated in (StatedScale.DETECTOR_ONLY, StatedScale.DISTANCES, StatedScale.BOTH):
        attributes = replace(attributes, imager_pixel_spacing_mm=view.spacing_det_mm)
    if stated in (StatedScale.DISTANCES, StatedScale.BOTH):
        # Consoles write whole millimetres; a tenth keeps the magnification right.
        sid_mm, sod_mm = round(view.sid_mm, 1), round(view.sod_mm, 1)
        attributes = replace(attributes, sid_mm=sid_mm, sod_mm=sod_mm)
    return attributes
