"""The report of one run: a single HTML page that needs nothing beside itself."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from guidance.records import Analysis, Cine, ContrastRecord, FrameTiming, Remark, RunHeader, Verdict
from guidance.report import _words as words
from guidance.report._charts import NARROW, WIDE, Curve, curves, render_curves, unjudged_spans
from guidance.report._course import frame_times, key_frames, peak_frame
from guidance.report._outlines import Outlines, check_run
from guidance.report._pictures import render_pictures
from guidance.report._templates import render_template
from guidance.report.style import verdict_style

LONGEST_LIST = 60
"""Remarks, warnings, grounds and settings beyond this many are counted, not shown."""
MOST_INJECTIONS = 8
"""Injections that have a column of the table."""

Item = TypeVar("Item")
Row = tuple[str, list[str]]


def render_report(analysis: Analysis, cine: Cine, outlines: Outlines) -> str:
    """Render the report of one run as a self-contained HTML page.

    The page holds no script and asks for nothing from elsewhere. It names the run by the contract's
    name (a hash) and shows neither paths nor identifiers. At most 18 frames of the run are read,
    one at a time.

    Parameters
    ----------
    analysis : Analysis
        The result.
    cine : Cine
        The run it was made of.
    outlines : sequence of sequences of (N, 2) arrays
        Per frame, closed polygons about the contrast seen in it: [row, column], stored pixels.

    Returns
    -------
    str
        The page, at most about 3 MB. Same input, same text.

    Raises
    ------
    InputError
        The three do not describe one run, or a verdict is none of the contract's.
    """
    from guidance.io import run_name  # loads pydicom, which importing this package need not

    check_run(analysis, cine, outlines)
    contrast, times = analysis.contrast, frame_times(analysis)
    pictures = render_pictures(analysis, cine, outlines)
    values: dict[str, Any] = {
        "name": run_name(analysis.source.sop_instance_uid),
        "verdict": contrast.verdict,
        "verdict_style": verdict_style(contrast.verdict),
        "version": words.clean(analysis.guidance_version, 40),
        "summary": _summary(analysis, times),
        "lead": words.lead(analysis, times),
        "facts": _key_facts(analysis, times),
        "grounds": _capped(contrast.grounds, words.clean),
        "warnings": _capped(_beyond_the_header(analysis, cine.header), words.clean),
        "pictures": pictures,
        "strip_note": _strip_note(analysis),
        "chart": _chart(analysis, times),
        "no_chart": _why_no_chart(analysis),
        "injections": _injections(contrast, times),
        "remarks": _capped(cine.header.remarks, _remark_cells),
        "source": _source_rows(analysis, cine.header, times, pictures.window.source),
        "settings": _capped(list(words.flatten(analysis.settings)), tuple),
    }
    return render_template("report.html.j2", values)


def _capped(items: Sequence[Item], show: Callable[[Item], Any]) -> dict[str, Any]:
    """Return what to show of the first items, and how many more there are."""
    return {
        "shown": [show(item) for item in items[:LONGEST_LIST]],
        "left_out": max(0, len(items) - LONGEST_LIST),
    }


def _summary(analysis: Analysis, times: list[float] | None) -> str:
    source = analysis.source
    frames = "1 frame" if source.n_frames == 1 else f"{source.n_frames} frames"
    parts = [words.clean(source.modality, 16), frames]
    if source.n_frames > 1:
        parts.append(words.seconds(times[-1] if times else None))
    return " · ".join([*parts, f"{source.columns} × {source.rows} pixels"])


def _key_facts(analysis: Analysis, times: list[float] | None) -> list[tuple[str, str, str]]:
    """Return label, value and note of the few figures that come first."""
    contrast = analysis.contrast

    def moment(frame: int | None, absent: str) -> tuple[str, str]:
        if frame is None:
            return absent, ""
        return words.at_frame(frame, None), words.seconds(times[frame] if times else None)

    facts = [
        ("Onset", *moment(contrast.onset_frame, "none seen")),
        ("Flag", *moment(contrast.flag_frame, "not raised")),
    ]
    peak = peak_frame(contrast)
    for curve in curves(analysis)[:2]:
        value = None if peak is None else _at(analysis, curve, peak)
        if value is not None and peak is not None:
            label = f"{curve.name} at the peak"
            facts.append((label, words.number(value, curve.unit), words.at_frame(peak, times)))
    if contrast.pattern not in (None, "none"):
        facts.append(("Pattern", words.phrase(contrast.pattern), ""))
    known = contrast.intravascular_probability
    why = "" if known is not None else words.why_missing(analysis.warnings, "probab")
    facts.append(("Probability of uptake", words.probability(known), why))
    if contrast.verdict != Verdict.INTRAVASCULAR:
        facts.append(("Smallest uptake it would show", *_limit(analysis)))
    return facts


def _beyond_the_header(analysis: Analysis, header: RunHeader) -> list[str]:
    """Return the warnings that do not say again what the table on the header says."""
    said = {str(remark) for remark in header.remarks}
    return [warning for warning in analysis.warnings if warning not in said]


def _limit(analysis: Analysis) -> tuple[str, str]:
    limit = analysis.contrast.detection_limit
    if limit is None:
        return words.NOT_GIVEN, words.why_missing(analysis.warnings, "detection_limit")
    return words.detection_limit(limit)


def _at(analysis: Analysis, curve: Curve, frame: int) -> float | None:
    for record, value in zip(analysis.contrast.frames, curve.values, strict=True):
        if record.frame == frame and math.isfinite(value):
            return value
    return None


def _strip_note(analysis: Analysis) -> str:
    n_frames, n_shown = analysis.source.n_frames, len(key_frames(analysis))
    if n_shown == n_frames:
        return f"All {n_frames} frames."
    if analysis.contrast.onset_frame is None:
        return f"{n_shown} of {n_frames} frames, spread evenly over the run."
    return (
        f"{n_shown} of {n_frames} frames, chosen for what happens in them and spread evenly over "
        "the time after the onset."
    )


def _why_no_chart(analysis: Analysis) -> str:
    """Return why there are no curves; empty where there are."""
    if analysis.source.n_frames == 1:
        return "A single frame has no course over time."
    if len(analysis.contrast.frames) < 2:
        return "The analysis holds no figures for single frames."
    found = curves(analysis)
    if not any(value > 0 for curve in found for value in curve.values):
        *names, last = [curve.name.lower() for curve in found]
        return f"No curves are drawn: {', '.join(names)} and {last} are zero in all frames."
    return ""


def _chart(analysis: Analysis, times: list[float] | None) -> dict[str, Any] | None:
    """Return the curves and what they show in words; None for a run without a course."""
    if _why_no_chart(analysis):
        return None
    shown = key_frames(analysis)
    heights = []
    for curve in curves(analysis):
        known = [(v, r.frame) for v, r in zip(curve.values, analysis.contrast.frames, strict=True)]
        known = [pair for pair in known if math.isfinite(pair[0])]
        if known:
            # The first of equal heights, as an eye would.
            top, frame = max(known, key=lambda pair: (pair[0], -pair[1]))
            heights.append(_height(curve, top, words.at_frame(frame, times)))
    return {
        "wide": render_curves(analysis, shown, WIDE),
        "narrow": render_curves(analysis, shown, NARROW),
        "heights": heights,
        "unjudged": sum(high - low + 1 for low, high in unjudged_spans(analysis.contrast.frames)),
        "others": len(analysis.contrast.injections) > 1,
    }


def _height(curve: Curve, top: float, where: str) -> str:
    if top <= 0:
        return f"{curve.name}: zero throughout"
    return f"{curve.name}: greatest {words.number(top, curve.unit)} at {where}"


def _injections(contrast: ContrastRecord, times: list[float] | None) -> dict[str, Any]:
    shown = contrast.injections[:MOST_INJECTIONS]
    rows, missing = words.injection_table(replace(contrast, injections=shown), times)
    left_out = len(contrast.injections) - len(shown)
    return {"count": len(shown), "rows": rows, "missing": missing, "left_out": left_out}


def _remark_cells(remark: Remark) -> list[str]:
    parts = (remark.attribute, remark.finding, remark.cost, remark.remedy)
    return [words.clean(part) for part in parts]


def _source_rows(
    analysis: Analysis, header: RunHeader, times: list[float] | None, window: str
) -> list[Row]:
    """Return label and lines of each fact about the source."""
    source, intensity = analysis.source, header.intensity
    sign = f"a {'lower' if intensity.sign > 0 else 'higher'} value means less X-ray"
    relationship = source.pixel_intensity_relationship
    rows: list[Row] = [
        ("Modality", [words.clean(source.modality, 16)]),
        ("Frames", [_timing(analysis, header, times)]),
        ("Size", [f"{source.rows} rows × {source.columns} columns, {header.bits_stored} bits"]),
        ("Pixel spacing", [words.spacing(source)]),
        *_pose_rows(analysis),
        ("Pixel intensity", [words.INTENSITY.get(relationship, words.clean(relationship, 40))]),
        ("Sign of the values", [f"{sign} (from {words.clean(intensity.sign_source, 80)})"]),
    ]
    if header.is_subtracted:
        rows.append(("Subtraction", ["the stored pixels are a subtraction already"]))
    rows.append(("Grey levels here", [f"{window}; bone and contrast dark; display only"]))
    rows.append(("SHA-256 of the file", [words.clean(source.sha256, 64)]))
    return rows


def _timing(analysis: Analysis, header: RunHeader, times: list[float] | None) -> str:
    n_frames = analysis.source.n_frames
    if n_frames == 1:
        return "1"
    if times is None:
        reason = "" if isinstance(header.timing, FrameTiming) else words.clean(header.timing.reason)
        return f"{n_frames}; times unknown" + (f": {reason}" if reason else "")
    origin = words.clean(analysis.source.frame_times_from or "the header", 80)
    mean_ms = 1000 * (times[-1] - times[0]) / (n_frames - 1)
    return (
        f"{n_frames} in {words.seconds(times[-1])}, mean interval {mean_ms:.1f} ms, from {origin}"
    )


def _pose_rows(analysis: Analysis) -> list[Row]:
    pose = analysis.source.pose
    position = f"patient position {words.clean(pose.patient_position or words.NOT_GIVEN, 40)}"
    if pose.patient_orientation is not None:
        along, down = (words.clean(direction, 8) for direction in pose.patient_orientation)
        position += f", rows towards {along}, columns towards {down}"
    written = [
        f"primary {words.angle(pose.primary_angle_deg)}, "
        f"secondary {words.angle(pose.secondary_angle_deg)}",
        position,
    ]
    candidates = [words.pose(candidate) for candidate in pose.candidates[:8]]
    resolved = "none chosen" if pose.resolved is None else words.pose(pose.resolved)
    detector = words.number(pose.distance_source_to_detector_mm, "mm")
    patient = words.number(pose.distance_source_to_patient_mm, "mm")
    return [
        ("C-arm, as the header has it", written),
        ("Poses this leaves possible", candidates or ["none can be listed"]),
        ("Pose resolved", [resolved]),
        ("Distances from the source", [f"to the detector {detector}, to the patient {patient}"]),
    ]
