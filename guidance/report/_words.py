"""Values as words: numbers with units, the sentences of the report, and text made safe to show.

Text from a DICOM header is hostile until proved otherwise. `clean` takes away what could derange a
page or a terminal; escaping for HTML is left to the templates, which always escape.
"""

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from guidance.records import (
    Analysis,
    ContrastRecord,
    DetectionLimitRecord,
    InjectionRecord,
    PoseRecord,
    SourceRecord,
    Verdict,
)

NOT_GIVEN = "not given"
NBSP = "\N{NO-BREAK SPACE}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_Fact = tuple[str, Callable[[InjectionRecord], Any], Callable[[Any], str]]
"""Name, where the value is found, and how it reads."""

LONGEST_TEXT = 600
"""Characters of one text that a page shows; a header may hold megabytes."""

PLANES = {
    "calibrated": "as calibrated for this run",
    "isocenter": "at the isocentre",
    "detector": "at the detector, not at the patient",
}
INTENSITY = {
    "LIN": "proportional to the X-ray intensity (LIN)",
    "LOG": "logarithm of the X-ray intensity (LOG)",
    "DISP": "passed through a display curve (DISP)",
    "unknown": "not stated",
}


def clean(text: object, longest: int = LONGEST_TEXT) -> str:
    """Return `text` as one line of printable characters, at most `longest` of them.

    Control, format (bidirectional overrides among them), surrogate and unassigned characters show
    as �; white space becomes single spaces.
    """
    # Cut before the walk: a hostile text may be long. The slack leaves room for white space.
    raw = " ".join(str(text)[: 4 * longest].split())
    plain = "".join("\N{REPLACEMENT CHARACTER}" if _is_unsafe(c) else c for c in raw)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}


def number(value: float | None, unit: str = "") -> str:
    """Return `value` to about three figures, with its unit; None becomes 'not given'."""
    if value is None or not math.isfinite(value):
        return NOT_GIVEN
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}".replace(",", THIN_SPACE).replace("-", MINUS)
    return f"{text}{NBSP}{unit}" if unit else text


def angle(value_deg: float | None) -> str:
    """Return an angle in degrees."""
    return NOT_GIVEN if value_deg is None else f"{number(value_deg)}°"


def seconds(time_s: float | None) -> str:
    """Return a time in seconds; None becomes 'time unknown'."""
    return "time unknown" if time_s is None else f"{time_s:.2f}{NBSP}s"


def at_frame(frame: int, times: list[float] | None) -> str:
    """Return a frame's number, with its time where that is known."""
    name = f"frame{NBSP}{frame}"
    return name if times is None else f"{name} ({seconds(times[frame])})"


def probability(value: float | None) -> str:
    """Return a probability in percent, never rounded to certainty."""
    if value is None or not math.isfinite(value):
        return NOT_GIVEN
    if value < 0.01:
        return f"under{NBSP}1{NBSP}%"
    return f"over{NBSP}99{NBSP}%" if value > 0.99 else percent(value)


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.0f}{NBSP}%"


def why_missing(warnings: list[str], word: str) -> str:
    """Return the warning that says why a figure is missing: the first that holds `word`."""
    for warning in warnings:
        if word in warning.lower():
            return clean(warning, 160)
    return "the analysis does not say why"


def phrase(word: str | None) -> str:
    """Return a word of the contract's vocabulary as prose."""
    if word is None:
        return NOT_GIVEN
    return clean(word, 60).replace("intra_articular", "intra-articular").replace("_", " ")


def short_verdict(verdict: str) -> str:
    """Return a verdict for a cell of a table; a suspicion is called one."""
    if verdict == Verdict.INTRAVASCULAR:
        return "suspected intravascular"
    return "cannot tell" if verdict == Verdict.INDETERMINATE else phrase(verdict)


def lead(analysis: Analysis, times: list[float] | None) -> str:
    """Return what happened in the run, in one or two sentences."""
    contrast, n_frames = analysis.contrast, analysis.source.n_frames
    onset, flag = contrast.onset_frame, contrast.flag_frame
    if onset is None:
        length = "a single frame" if n_frames == 1 else f"{n_frames} frames"
        if times is not None and n_frames > 1:
            length += f" ({seconds(times[-1])})"
        if contrast.verdict == Verdict.INDETERMINATE:
            return f"No onset of contrast could be established in {length}."
        return f"No newly injected contrast was seen in {length}."
    sentences = [f"Contrast is first seen at {at_frame(onset, times)}."]
    if flag is not None:
        after = "at once" if flag == onset else f"{_interval(onset, flag, times)} later"
        sentences.append(f"The flag was raised at {at_frame(flag, times)}, {after}.")
    elif contrast.verdict != Verdict.INDETERMINATE:
        sentences.append("No flag was raised.")
    return " ".join(sentences)


def _interval(start: int, stop: int, times: list[float] | None) -> str:
    if times is None:
        return "1 frame" if stop - start == 1 else f"{stop - start} frames"
    # One digit less than the times themselves, whose rounded difference it may not match.
    length = times[stop] - times[start]
    return f"{length:.1f}{NBSP}s" if length >= 1 else f"{length:.2f}{NBSP}s"


def detection_limit(limit: DetectionLimitRecord) -> tuple[str, str]:
    """Return the smallest uptake that the run would have shown, and how surely."""
    vessel = number(limit.vessel_diameter_mm, "mm")
    return (
        f"{percent(limit.dose_fraction)} of the dose",
        f"in a vessel of {vessel}, seen with a power of {percent(limit.power)}",
    )


def pose(record: PoseRecord) -> str:
    """Return one pose of the C-arm."""
    mirrored = {None: "mirrored or not: open", True: "image mirrored", False: "image not mirrored"}
    return (
        f"primary {angle(record.primary_angle_deg)}, "
        f"secondary {angle(record.secondary_angle_deg)}, "
        f"patient {clean(record.patient, 40)}, {mirrored[record.mirrored]}"
    )


def spacing(source: SourceRecord) -> str:
    """Return the size of a pixel and the plane in which it holds."""
    if source.spacing_mm is None:
        return "not given: sizes are in pixels"
    row, column = source.spacing_mm
    plane = PLANES.get(source.spacing_at or "", "plane not stated")
    return f"{row:.4g} mm between rows × {column:.4g} mm between columns, {plane}"


def injection_table(
    contrast: ContrastRecord, times: list[float] | None
) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return the table of injections, a column for each: few they are, and much is said of each.

    Returns
    -------
    rows : list of (str, list of str)
        What is told, and what it is for each injection; only what is known of at least one.
    missing : list of str
        What is known of none.
    """

    def frame(value: int) -> str:
        return at_frame(value, times)

    facts: list[_Fact] = [
        ("Onset", lambda i: i.onset_frame, frame),
        ("Growth ends", lambda i: i.end_frame, frame),
        ("Flag", lambda i: "not raised" if i.flag_frame is None else frame(i.flag_frame), clean),
        ("Verdict", lambda i: i.verdict, short_verdict),
        ("Pattern", lambda i: i.pattern, phrase),
        ("Probability of uptake", lambda i: i.intravascular_probability, probability),
        ("Vessel", lambda i: i.vessel, phrase),
        ("Origin", lambda i: i.origin_px, position),
        ("Needle tip", lambda i: i.tip_px, position),
        ("Target", lambda i: i.target, lambda v: clean(v, 60)),
        ("Tip to target (least)", lambda i: i.tip_to_target_mm, lambda v: number(v, "mm")),
        ("Target reached", lambda i: i.reached_target, lambda v: "yes" if v else "no"),
    ]
    rows: list[tuple[str, list[str]]] = []
    missing: list[str] = []
    for name, get, show in facts:
        values = [get(injection) for injection in contrast.injections]
        if any(value is not None for value in values):
            rows.append((name, ["–" if value is None else show(value) for value in values]))
        else:
            missing.append(name.lower())
    return rows, missing


def position(pixel: tuple[float, float]) -> str:
    """Return a position in stored pixels."""
    return f"row{NBSP}{pixel[0]:.0f}, column{NBSP}{pixel[1]:.0f}"


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the settings as dotted names and values, in the order given."""
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        else:
            yield clean(name, 120), clean("null" if value is None else value)
