"""From a run to its analysis: the only place that knows the order of the steps."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from guidance import __version__
from guidance.anatomy import Side, Vertebra
from guidance.imaging import is_calibrated
from guidance.pipeline._context import make_context
from guidance.pipeline._limit import describe_limit, find_limit, record_limit, record_window
from guidance.pipeline._needle import NeedleTrack, hold_back, tidy_pixel
from guidance.records import (
    Analysis,
    Cine,
    ContrastRecord,
    FloatArray,
    FrameAssessment,
    FrameRecord,
    InjectionFindings,
    InjectionRecord,
    NeedleRecord,
    NeedleSighting,
    NotFound,
    PoseCandidate,
    PoseRecord,
    RunHeader,
    SourcePose,
    SourceRecord,
    SpreadFindings,
    Verdict,
)
from guidance.spread import (
    LimitSettings,
    MeasuredLimit,
    Monitor,
    MonitorSettings,
    trace_outlines,
)

SCHEMA = "guidance.analysis/1"

_NOT_LOOKED_FOR = ("landmarks and targets: this version locates none",)

_DIGITS = 6
"""Significant figures kept in the result; the measurements carry three at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRequest:
    """What the user says of a run beside its file.

    Attributes
    ----------
    settings : MonitorSettings
        Thresholds of the contrast analysis.
    level : Vertebra or None
        The vertebra meant.
    side : Side or None
        The patient's side.
    detection_limit : LimitSettings or None
        Which vessels are inserted to find the smallest that would have been seen; None: it is not
        looked for, which saves some seconds for each run that is not flagged.
    """

    settings: MonitorSettings = field(default_factory=MonitorSettings)
    level: Vertebra | None = None
    side: Side | None = None
    detection_limit: LimitSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One analysed run.

    Attributes
    ----------
    analysis : Analysis
        The content of `analysis.json`.
    outlines : tuple of tuple of (N, 2) float64 array
        For each frame the closed outlines of the contrast seen in it: (row, column), stored pixels.
    """

    analysis: Analysis
    outlines: tuple[tuple[FloatArray, ...], ...]


def replay(monitor: Monitor, cine: Cine) -> Iterator[FrameAssessment]:
    """Push a run through a monitor, frame by frame, as it would have come in live.

    Parameters
    ----------
    monitor : Monitor
        Fresh.
    cine : Cine
        The run. One frame is in memory at a time.

    Yields
    ------
    FrameAssessment
    """
    timing = cine.header.timing
    for index, frame in enumerate(cine):
        yield monitor.push(frame, float(timing.times_s[index]) if timing else None)


def analyze_run(
    cine: Cine,
    *,
    path: str,
    sha256: str,
    request: AnalysisRequest | None = None,
    on_frame: Callable[[int], None] | None = None,
    watch: Callable[[Monitor, FrameAssessment], None] | None = None,
) -> RunResult:
    """Analyse one run.

    Parameters
    ----------
    cine : Cine
        The run.
    path : str
        Its path, relative to the folder the user gave.
    sha256 : str
        Of the file.
    request : AnalysisRequest, optional
        What the user says of the run.
    on_frame : callable, optional
        Called with the number of frames done.
    watch : callable, optional
        Shown the monitor after each frame, with what it said of it; what evaluation measures from.

    Returns
    -------
    RunResult

    Raises
    ------
    GuidanceError
        A frame cannot be decoded.
    """
    request = request or AnalysisRequest()
    context = make_context(cine, level=request.level, side=request.side)
    monitor = Monitor(context, request.settings)
    recorder = record_window(monitor, cine.header) if request.detection_limit else None
    frames: list[FrameRecord] = []
    outlines: list[tuple[FloatArray, ...]] = []
    track, timing = NeedleTrack(context), cine.header.timing
    for index, frame in enumerate(cine):
        time_s = float(timing.times_s[index]) if timing else None
        assessment = monitor.push(frame, time_s)
        if watch is not None:
            watch(monitor, assessment)
        needle = track.push(index, frame, time_s, monitor.findings())
        frames.append(_record_frame(assessment, cine.header, needle))
        outlines.append(trace_outlines(assessment.contrast, assessment.working_scale))
        if on_frame is not None:
            on_frame(len(frames))
    found = track.record()
    findings = hold_back(monitor.findings(), found)
    limit = find_limit(recorder, context, findings, request.detection_limit)
    analysis = Analysis(
        schema=SCHEMA,
        guidance_version=__version__,
        settings=_record_settings(request),
        warnings=_collect_warnings(cine.header, findings, request, limit, found),
        source=_record_source(cine.header, path, sha256),
        contrast=_record_contrast(findings, frames, limit),
        needle=found,
    )
    return RunResult(analysis=analysis, outlines=tuple(outlines))


def _record_settings(request: AnalysisRequest) -> dict[str, Any]:
    return {
        "monitor": asdict(request.settings),
        "detection_limit": asdict(request.detection_limit) if request.detection_limit else None,
        "level": request.level.value if request.level else None,
        "side": request.side.value if request.side else None,
    }


def _collect_warnings(
    header: RunHeader,
    findings: SpreadFindings,
    request: AnalysisRequest,
    limit: MeasuredLimit | NotFound,
    needle: NeedleRecord | None,
) -> list[str]:
    remarks = header.remarks
    if request.side is not None:  # the advice to name it has been followed
        remarks = tuple(
            replace(remark, remedy="") if "--side" in remark.remedy else remark
            for remark in remarks
        )
    # What keeps the verdict from being firmer comes first.
    warnings = [*findings.doubts, *(str(remark) for remark in remarks)]
    if isinstance(header.timing, NotFound):
        warnings.append(f"frame_times_s is null: {header.timing.reason}")
    if isinstance(header.scale, NotFound):
        warnings.append(f"spacing_mm is null: {header.scale.reason}")
    elif not header.scale.holds_at_patient:
        warnings.append(
            "area_mm2 and iodine_signal_mm2 are null: the spacing holds at the detector, and the "
            "magnification is not known"
        )
    if isinstance(header.pose.resolved, NotFound):
        warnings.append(f"source.pose.resolved is null: {header.pose.resolved.reason}")
    if not is_calibrated(header.intensity):
        warnings.append(
            "iodine_signal is null: pixel values "
            f"({header.intensity.relationship.value}, from {header.intensity.low:g}) are not in "
            "proportion to the intensity; relative_signal_px is given instead"
        )
    if needle is None:
        warnings.append("needle is null: none was found in any frame")
    if findings.pattern is None:
        warnings.append("pattern is null: no one pattern is clearly likelier than the others")
    if isinstance(limit, NotFound) and findings.verdict is not Verdict.INTRAVASCULAR:
        warnings.append(f"detection_limit is null: {limit.reason}")
    return [*warnings, *_NOT_LOOKED_FOR]


def _record_source(header: RunHeader, path: str, sha256: str) -> SourceRecord:
    timing, scale, pose = header.timing, header.scale, header.pose
    return SourceRecord(
        path=path,
        sha256=sha256,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        modality=header.modality,
        n_frames=header.n_frames,
        rows=header.rows,
        columns=header.columns,
        frame_times_s=[round(float(t), 6) for t in timing.times_s] if timing else None,
        frame_times_from=timing.source if timing else None,
        spacing_mm=(scale.row_mm, scale.column_mm) if scale else None,
        spacing_at=scale.at.value if scale else None,
        pixel_intensity_relationship=header.intensity.relationship.value,
        pose=SourcePose(
            primary_angle_deg=pose.primary_angle_deg,
            secondary_angle_deg=pose.secondary_angle_deg,
            patient_position=pose.patient_position,
            patient_orientation=pose.patient_orientation,
            distance_source_to_detector_mm=pose.distance_source_to_detector_mm,
            distance_source_to_patient_mm=pose.distance_source_to_patient_mm,
            candidates=[_record_pose(candidate) for candidate in pose.candidates],
            resolved=_record_pose(pose.resolved) if pose.resolved else None,
        ),
    )


def _record_pose(candidate: PoseCandidate) -> PoseRecord:
    return PoseRecord(
        primary_angle_deg=candidate.primary_angle_deg,
        secondary_angle_deg=candidate.secondary_angle_deg,
        patient=candidate.patient,
        mirrored=candidate.mirrored,
    )


def _record_frame(
    assessment: FrameAssessment, header: RunHeader, needle: NeedleSighting | NotFound
) -> FrameRecord:
    scale = header.scale if header.scale and header.scale.holds_at_patient else None
    area_px = assessment.area_px
    area_mm2 = area_px * scale.pixel_area_mm2 if scale and area_px is not None else None
    iodine_px = assessment.attenuation_px if is_calibrated(header.intensity) else None
    iodine_mm2 = iodine_px * scale.pixel_area_mm2 if scale and iodine_px is not None else None
    return FrameRecord(
        frame=assessment.frame,
        time_s=None if assessment.time_s is None else round(assessment.time_s, 6),
        area_px=_tidy(assessment.area_px),
        area_mm2=_tidy(area_mm2),
        iodine_signal_px=_tidy(iodine_px),
        iodine_signal_mm2=_tidy(iodine_mm2),
        relative_signal_px=_tidy(assessment.attenuation_px),
        reach_px=_tidy(assessment.reach_px),
        thin_length_px=_tidy(assessment.thin_length_px),
        run_off=_tidy(assessment.run_off),
        intravascular_probability=_tidy(assessment.intravascular_probability),
        flagged=assessment.flagged,
        tip_px=tidy_pixel(needle.tip_px) if isinstance(needle, NeedleSighting) else None,
        remark=assessment.remark,
    )


def _record_contrast(
    findings: SpreadFindings, frames: list[FrameRecord], limit: MeasuredLimit | NotFound
) -> ContrastRecord:
    shown = () if isinstance(limit, NotFound) else (describe_limit(limit),)
    return ContrastRecord(
        onset_frame=findings.onset_frame,
        verdict=findings.verdict.value,
        intravascular_probability=_tidy(findings.intravascular_probability),
        flag_frame=findings.flag_frame,
        pattern=findings.pattern.value if findings.pattern else None,
        detection_limit=record_limit(limit),
        grounds=[*findings.grounds, *shown],
        injections=[_record_injection(injection, frames) for injection in findings.injections],
        frames=frames,
    )


def _record_injection(injection: InjectionFindings, frames: list[FrameRecord]) -> InjectionRecord:
    row, column = injection.origin_px
    return InjectionRecord(
        onset_frame=injection.onset_frame,
        end_frame=injection.end_frame,
        flag_frame=injection.flag_frame,
        verdict=injection.verdict.value,
        pattern=injection.pattern.value if injection.pattern else None,
        intravascular_probability=_tidy(injection.intravascular_probability),
        vessel=injection.vessel.value if injection.vessel else None,
        tip_px=next(
            (each.tip_px for each in frames[injection.onset_frame :] if each.tip_px is not None),
            None,
        ),
        target=None,
        tip_to_target_mm=None,
        reached_target=None,
        origin_px=(round(row, 2), round(column, 2)),
    )


def _tidy(value: float | None) -> float | None:
    """Return a value with the figures that mean something."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")
