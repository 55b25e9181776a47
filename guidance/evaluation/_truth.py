"""Truth from files: a simulator's `truth.json`, and the compact table of a suite.

`truth.json` holds much more than evaluation needs: fields that are not known here are left alone,
those that are must be right. The table has one line a run and the same field names; lists in a cell
are parted by semicolons.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from typing import Any

import msgspec

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.evaluation._cases import (
    RUN_NAME,
    CaseTruth,
    Pixel,
    TargetTruth,
    TipTruth,
    VesselKind,
)
from guidance.io import run_name
from guidance.records import SpreadPattern

TRUTH_COLUMNS = (
    "run",
    "suite",
    "index",
    "patient",
    "pattern",
    "duration_s",
    "n_frames",
    "vessel_dose_fraction",
    "vessel_diameter_mm",
    "vessel",
    "uptake_s",
    "first_visible_vessel_s",
    "vessel_visible_in_last_frame",
    "washout_s",
    "onset_frame",
    "onset_s",
    "frame_dose_ngy",
    "motion_mm",
    "level",
    "side",
    "view",
    "header",
    "variants",
    "spacing_iso_mm",
    "tips",
    "targets",
)
"""Columns of the table: `CaseTruth`, but for the times of single frames."""

_REQUIRED = ("run", "suite", "index", "patient", "pattern", "duration_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth of some runs, and what it was read from.

    Attributes
    ----------
    name : str
        Of the suite, or ``"truth"``.
    sha256 : str
        Of the bytes read.
    cases : tuple of CaseTruth
    """

    name: str
    sha256: str
    cases: tuple[CaseTruth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunEntry:
    """What is read of one run in `truth.json`; see `CaseTruth` for the meaning of each field."""

    patient: str
    pattern: SpreadPattern
    duration_s: float
    run: str | None = None
    sop_instance_uid: str | None = None
    suite: str | None = None
    index: int | None = None
    n_frames: int | None = None
    times_s: tuple[float, ...] | None = None
    vessel_dose_fraction: float | None = None
    vessel_diameter_mm: float | None = None
    vessel: VesselKind | None = None
    uptake_s: float | None = None
    first_visible_vessel_s: float | None = None
    vessel_visible_in_last_frame: bool = False
    washout_s: float | None = None
    onset_frame: int | None = None
    onset_s: float | None = None
    frame_dose_ngy: float | None = None
    motion_mm: float | None = None
    level: Vertebra | None = None
    side: Side | None = None
    view: str | None = None
    header: str | None = None
    variants: tuple[str, ...] = ()
    spacing_iso_mm: float | None = None
    tip_px: tuple[Pixel | None, ...] | None = None
    targets: tuple[TargetTruth, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _TruthFile:
    """What is read of `truth.json` itself."""

    runs: dict[str, msgspec.Raw]
    suite: str | None = None


def decode_truth(data: bytes) -> Truth:
    """Return the truth that a `truth.json` or a table of a suite holds.

    Parameters
    ----------
    data : bytes
        JSON with a key ``runs`` (name to run), or CSV with the columns `TRUTH_COLUMNS`.

    Raises
    ------
    InputError
        It is neither, a field that evaluation needs is absent or of the wrong type, or a truth
        contradicts itself.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    cases = _decode_json(data) if data.lstrip()[:1] == b"{" else _decode_table(data)
    if not cases:
        raise InputError("the truth holds no run; give the truth.json that lies beside the runs")
    names = sorted({case.suite for case in cases})
    name = names[0] if len(names) == 1 else "several suites"
    return Truth(name=name, sha256=sha256, cases=tuple(cases))


def format_truth_table(cases: Sequence[CaseTruth]) -> str:
    """Return truths as the compact table; reading it back gives them, without single times.

    Positions are given to a hundredth of a pixel.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TRUTH_COLUMNS)
    for case in cases:
        writer.writerow([_cell(name, getattr(case, name)) for name in TRUTH_COLUMNS])
    return text.getvalue()


def read_text(data: bytes, what: str) -> str:
    """Return bytes as text, with a byte order mark taken off.

    Raises
    ------
    InputError
        They are no UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the {what} is not UTF-8 text; save it as such") from error


def read_rows(text: str, required: Sequence[str], what: str) -> list[dict[str, str]]:
    """Return the rows of a table with a line of names, each cell without white space about it.

    Raises
    ------
    InputError
        Columns are missing or double, or a row is longer or shorter than the line of names.
    """
    reader = csv.reader(StringIO(text, newline=""))
    try:
        rows = [[cell.strip() for cell in row] for row in reader if row]
    except csv.Error as error:
        raise InputError(f"the {what} is no table: {error}; check its quotes") from error
    names = rows[0] if rows else []
    missing = [name for name in required if name not in names]
    if missing or len(set(names)) < len(names):
        found = ", ".join(name[:40] for name in names[:40]) or "nothing"
        fault = f"has no column {', '.join(missing)}" if missing else "names a column twice"
        raise InputError(f"the {what} {fault}; found {found}; see docs/evaluation.md")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise InputError(
                f"line {number} of the {what} has {len(row)} cells, expected {len(names)}; mend it"
            )
    return [dict(zip(names, row, strict=True)) for row in rows[1:]]


def convert_row(values: Mapping[str, Any], kind: type[Any], where: str) -> Any:  # noqa: ANN401
    """Return a record made of a row's text by msgspec, numbers from text among it.

    Raises
    ------
    InputError
        A value is missing, or not of its type.
    """
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}; mend it") from error


def _decode_json(data: bytes) -> list[CaseTruth]:
    try:
        file = msgspec.json.decode(data, type=_TruthFile)
    except msgspec.MsgspecError as error:
        raise InputError(f"not a truth.json: {error}; expected runs by name") from error
    return [
        _case_of_entry(key, _decode_entry(key, raw), file.suite, number)
        for number, (key, raw) in enumerate(file.runs.items())
    ]


def _decode_entry(key: str, raw: msgspec.Raw) -> _RunEntry:
    try:
        return msgspec.json.decode(raw, type=_RunEntry)
    except msgspec.MsgspecError as error:
        raise InputError(f"run {key[:60]!r} of truth.json: {error}; simulate it anew") from error


def _case_of_entry(key: str, entry: _RunEntry, suite: str | None, number: int) -> CaseTruth:
    values = {
        field.name: getattr(entry, field.name)
        for field in fields(entry)
        if field.name not in ("sop_instance_uid", "tip_px")
    }
    tips = tuple(
        TipTruth(frame=frame, position_px=position)
        for frame, position in enumerate(entry.tip_px or ())
        if position is not None
    )
    values |= {
        "run": _run_of(key, entry),
        "suite": entry.suite or suite or "truth",
        "index": number if entry.index is None else entry.index,
        "view": entry.view or "",
        "header": entry.header or "",
        "tips": tips,
    }
    return CaseTruth(**values)


def _run_of(key: str, entry: _RunEntry) -> str:
    if entry.run is not None:
        return entry.run
    if entry.sop_instance_uid is not None:
        return run_name(entry.sop_instance_uid)
    if RUN_NAME.fullmatch(key):
        return key
    raise InputError(
        f"run {key[:60]!r} of truth.json has neither run nor sop_instance_uid; "
        "one of them must say which file it is"
    )


def _decode_table(data: bytes) -> list[CaseTruth]:
    rows = read_rows(read_text(data, "truth"), _REQUIRED, "truth")
    cases = []
    for number, row in enumerate(rows, start=2):
        where = f"line {number} of the truth"
        given = {name: text for name, text in row.items() if text and name in TRUTH_COLUMNS}
        values: dict[str, Any] = {**given, **_lists_of(given, where)}
        if "vessel_visible_in_last_frame" in given:
            values["vessel_visible_in_last_frame"] = _yes(given["vessel_visible_in_last_frame"])
        cases.append(convert_row(values, CaseTruth, where))
    return cases


def _lists_of(given: Mapping[str, str], where: str) -> dict[str, Any]:
    try:
        return {
            "variants": tuple(_parts(given.get("variants", ""))),
            "tips": tuple(_tip(text) for text in _parts(given.get("tips", ""))),
            "targets": tuple(_target(text) for text in _parts(given.get("targets", ""))),
        }
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{where}: a tip or a target cannot be read ({error}); expected frame:row:column, and "
            "nerve:side:row:column:row:column"
        ) from error


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _tip(text: str) -> dict[str, Any]:
    frame, row, column = text.split(":")
    return {"frame": int(frame), "position_px": (float(row), float(column))}


def _target(text: str) -> dict[str, Any]:
    nerve, side, *numbers = text.split(":")
    first_row, first_column, second_row, second_column = map(float, numbers)
    return {
        "nerve": nerve,
        "side": side,
        "groove_superior_px": (first_row, first_column),
        "block_point_px": (second_row, second_column),
    }


def _yes(text: str) -> bool | str:
    return {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), text)


def _cell(name: str, value: Any) -> str:  # noqa: ANN401  # any field of a truth
    if value is None:
        return ""
    if name == "variants":
        return ";".join(value)
    if name == "tips":
        return ";".join(f"{tip.frame}:{_place(tip.position_px)}" for tip in value)
    if name == "targets":
        return ";".join(
            f"{one.nerve}:{one.side}:{_place(one.groove_superior_px)}:{_place(one.block_point_px)}"
            for one in value
        )
    return str(int(value)) if isinstance(value, bool) else str(value)


def _place(position: Pixel) -> str:
    return f"{position[0]:.2f}:{position[1]:.2f}"
