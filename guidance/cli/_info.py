"""`guidance info`: what a file holds, what it can be used for, and what is missing."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from guidance.cli._exit import ExitStatus, Tally
from guidance.cli._inputs import opened_run, take_each
from guidance.imaging import is_calibrated, locate_valid_pixels
from guidance.io import SourceFile
from guidance.records import (
    CArmPose,
    Cine,
    FrameTiming,
    IntensityScale,
    NotFound,
    PixelScale,
    RunHeader,
)

_WIDTH = 100
_INDENT = 14


def describe_files(paths: list[Path], frame_time_ms: float | None) -> ExitStatus:
    """Describe each file on standard output; name those that cannot be read on standard error."""
    tally = Tally()

    def describe(source: SourceFile) -> None:
        with opened_run(source, frame_time_ms) as cine:
            lines = list(describe_run(source.relative, cine))
        if tally.read:
            print()
        tally.read += 1
        print("\n".join(lines), flush=True)

    take_each(paths, tally, describe)
    return tally.status


def describe_run(name: str, cine: Cine) -> Iterator[str]:
    """Yield lines of text about a run.

    Parameters
    ----------
    name : str
        How to speak of the file.
    cine : Cine
        Its first frame is read, to see which pixels show the patient.
    """
    header = cine.header
    yield name
    frames = "1 frame" if header.n_frames == 1 else f"{header.n_frames} frames"
    yield _line(
        "image",
        f"{header.modality}, {frames} of {header.rows} × {header.columns}, "
        f"{header.bits_stored} bits, {header.photometric_interpretation}",
    )
    yield _line("time", _describe_time(header.timing))
    yield _line("scale", _describe_scale(header.scale))
    yield _line("grey values", _describe_intensity(header.intensity))
    yield _line("C-arm", _describe_pose(header.pose))
    valid = locate_valid_pixels(cine[0], header.intensity, header.shutters)
    yield _line("field", f"{valid.mean():.0%} of the pixels show the patient in the first frame")
    yield _line("can give", ", ".join(_abilities(header)))
    for number, remark in enumerate(header.remarks):
        yield _line("missing" if number == 0 else "", str(remark))


def _abilities(header: RunHeader) -> Iterator[str]:
    if header.is_subtracted:
        yield "pictures only: it is already subtracted"
        return
    if header.n_frames == 1:
        yield "pictures only: a single image shows no change"
        return
    yield "contrast onset, area, growth and run-off"
    yield "in seconds" if header.timing else "by frame, not in seconds"
    patient = header.scale and header.scale.holds_at_patient
    yield "in millimetres" if patient else "in pixels, not in millimetres"
    yield "iodine signal" if is_calibrated(header.intensity) else "no iodine signal, a relative one"


def _describe_time(timing: FrameTiming | NotFound) -> str:
    if isinstance(timing, NotFound):
        return f"unknown: {timing.reason}"
    if timing.times_s.size == 1:
        return "a single image"
    steps = timing.times_s[1:] - timing.times_s[:-1]
    step = (
        f"every {steps[0] * 1e3:.4g} ms"
        if steps.max() - steps.min() < 1e-6
        else f"every {steps.min() * 1e3:.4g} to {steps.max() * 1e3:.4g} ms"
    )
    return f"{timing.times_s[-1]:.2f} s, {step} (from {timing.source})"


def _describe_scale(scale: PixelScale | NotFound) -> str:
    if isinstance(scale, NotFound):
        return f"unknown: {scale.reason}"
    where = {"calibrated": "calibrated", "isocenter": "at the isocentre"}.get(
        scale.at.value, "at the detector, so sizes at the patient are smaller"
    )
    return f"{scale.row_mm:.4g} × {scale.column_mm:.4g} mm a pixel, {where} (from {scale.source})"


def _describe_intensity(intensity: IntensityScale) -> str:
    dark = "less" if intensity.sign > 0 else "more"
    source = (
        "by convention, the header does not say"
        if intensity.sign_source == "convention"
        else f"from {intensity.sign_source}"
    )
    return f"{intensity.relationship.value}, a lower value is {dark} X-ray intensity ({source})"


def _describe_pose(pose: CArmPose) -> str:
    if pose.primary_angle_deg is None or pose.secondary_angle_deg is None:
        angles = "angles unknown"
    else:
        angles = f"{pose.primary_angle_deg:+.1f}° / {pose.secondary_angle_deg:+.1f}° as written"
    position = pose.patient_position or "not given"
    if isinstance(pose.resolved, NotFound):
        return f"{angles}, patient position {position}; not resolved: {pose.resolved.reason}"
    return (
        f"{angles}, patient position {position}; resolved to "
        f"{pose.resolved.primary_angle_deg:+.1f}° / {pose.resolved.secondary_angle_deg:+.1f}°, "
        f"patient {pose.resolved.patient}"
    )


def _line(head: str, text: str) -> str:
    first = f"  {head}".ljust(_INDENT)
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=" " * _INDENT, break_long_words=False
    )
