"""The public result of `guidance analyze`: `analysis.json`, field by field.

These records are the file: their names, units and nulls are those of the published contract
(``guidance.analysis/1``), and the JSON Schema is generated from them. A value that could not be had
is None, and `warnings` says why.
"""

from dataclasses import dataclass, field
from typing import Any

Pixel = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseRecord:
    """One possible pose of the C-arm; see `CArmPose`."""

    primary_angle_deg: float
    secondary_angle_deg: float
    patient: str
    mirrored: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePose:
    """The pose as the header has it, apart from what it may mean."""

    primary_angle_deg: float | None
    secondary_angle_deg: float | None
    patient_position: str | None
    patient_orientation: tuple[str, str] | None
    distance_source_to_detector_mm: float | None
    distance_source_to_patient_mm: float | None
    candidates: list[PoseRecord]
    resolved: PoseRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """Where the result came from.

    `path` is relative to the folder given; `sha256` is of the file's bytes.
    """

    path: str
    sha256: str
    sop_class_uid: str
    sop_instance_uid: str
    modality: str
    n_frames: int
    rows: int
    columns: int
    frame_times_s: list[float] | None
    frame_times_from: str | None
    spacing_mm: tuple[float, float] | None
    spacing_at: str | None
    pixel_intensity_relationship: str
    pose: SourcePose


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleRecord:
    """The needle that injects."""

    tip_px: Pixel
    direction_px: Pixel | None
    frame: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkRecord:
    """A landmark seen in the image."""

    name: str
    position_px: Pixel
    uncertainty_px: float | None
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """Where a nerve can be reached, as seen in the image."""

    nerve: str
    vertebra: str | None
    side: str | None
    point: str
    position_px: Pixel | None
    uncertainty_px: float | None
    uncertainty_mm: float | None
    method: str
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimitRecord:
    """The smallest uptake that this very run would have shown."""

    vessel_diameter_mm: float
    dose_fraction: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRecord:
    """One injection of contrast."""

    onset_frame: int
    end_frame: int | None
    flag_frame: int | None
    verdict: str
    pattern: str | None
    intravascular_probability: float | None
    vessel: str | None
    tip_px: Pixel | None
    target: str | None
    tip_to_target_mm: float | None
    reached_target: bool | None
    origin_px: Pixel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """What was known at one frame.

    `relative_signal_px` is the sum over the contrast of the change of ln(value), in stored pixels,
    whatever the header says of the values; `iodine_signal_px` is the same where the values are
    known to be intensities, else None. Where a frame could not be judged its measurements are None
    and `remark` says why.
    """

    frame: int
    time_s: float | None
    area_px: float | None
    area_mm2: float | None
    iodine_signal_px: float | None
    iodine_signal_mm2: float | None
    relative_signal_px: float | None
    reach_px: float | None
    thin_length_px: float | None
    run_off: float | None
    intravascular_probability: float | None
    flagged: bool
    tip_px: Pixel | None
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastRecord:
    """What the contrast did; the run's own fields are those of its worst injection."""

    onset_frame: int | None
    verdict: str
    intravascular_probability: float | None
    flag_frame: int | None
    pattern: str | None
    detection_limit: DetectionLimitRecord | None
    grounds: list[str]
    injections: list[InjectionRecord]
    frames: list[FrameRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The whole of `analysis.json`."""

    schema: str
    guidance_version: str
    settings: dict[str, Any]
    warnings: list[str]
    source: SourceRecord
    contrast: ContrastRecord
    needle: NeedleRecord | None = None
    landmarks: list[LandmarkRecord] = field(default_factory=list)
    targets: list[TargetRecord] = field(default_factory=list)
