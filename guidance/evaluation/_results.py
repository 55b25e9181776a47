"""Results from files: `analysis.json` of the contract, or a table of scores."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from guidance.errors import InputError
from guidance.evaluation._cases import CaseResult, TargetResult, TipTruth
from guidance.evaluation._truth import convert_row, read_rows, read_text
from guidance.io import run_name
from guidance.records import Analysis, ContrastRecord, Verdict

SCORE_COLUMNS = (
    "run",
    "score",
    "probability",
    "flagged",
    "flag_frame",
    "flag_s",
    "verdict",
    "onset_frame",
    "onset_s",
)
"""Columns of a table of scores; `run` and `flagged` must be there, an empty cell is "not known"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScoreRow:
    run: str
    flagged: bool
    score: float | None = None
    probability: float | None = None
    flag_frame: int | None = None
    flag_s: float | None = None
    verdict: Verdict | None = None
    onset_frame: int | None = None
    onset_s: float | None = None


def result_of_analysis(analysis: Analysis) -> CaseResult:
    """Return what an `analysis.json` says, as evaluation needs it.

    Every injection's flag counts as a flag of the run; a run is flagged where one is.
    """
    contrast = analysis.contrast
    flags = _flag_frames(contrast)
    times = analysis.source.frame_times_s
    try:
        verdict = Verdict(contrast.verdict)
    except ValueError:
        raise InputError(
            f"the verdict is {contrast.verdict[:40]!r}, expected one of {', '.join(Verdict)}"
        ) from None
    return CaseResult(
        run=run_name(analysis.source.sop_instance_uid),
        flagged=bool(flags),
        probability=contrast.intravascular_probability,
        verdict=verdict,
        flag_frames=flags,
        flag_s=times[flags[0]] if times and flags and flags[0] < len(times) else None,
        onset_frame=contrast.onset_frame,
        onset_s=None
        if contrast.onset_frame is None or not times or contrast.onset_frame >= len(times)
        else times[contrast.onset_frame],
        tips=_tips(analysis),
        targets=tuple(
            TargetResult(nerve=one.nerve, side=one.side, position_px=one.position_px)
            for one in analysis.targets
            if one.position_px is not None
        ),
    )


def decode_scores(data: bytes) -> list[CaseResult]:
    """Return the results that a table of scores holds; see `SCORE_COLUMNS`.

    Raises
    ------
    InputError
        A column is missing, or a cell is not what its column asks for; the line is named.
    """
    rows = read_rows(read_text(data, "table of scores"), ("run", "flagged"), "table of scores")
    return [
        _result_of_row(row, f"line {number} of the table of scores")
        for number, row in enumerate(rows, start=2)
    ]


def format_scores(results: Sequence[CaseResult]) -> str:
    """Return results as a table of scores; reading it back gives them, without tips and targets."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SCORE_COLUMNS)
    for result in results:
        frame = result.flag_frames[0] if result.flag_frames else None
        values = (
            result.run,
            result.score,
            result.probability,
            int(result.flagged),
            frame,
            result.flag_s,
            result.verdict,
            result.onset_frame,
            result.onset_s,
        )
        writer.writerow(["" if value is None else str(value) for value in values])
    return text.getvalue()


def _result_of_row(row: dict[str, str], where: str) -> CaseResult:
    given = {name: text for name, text in row.items() if text and name in SCORE_COLUMNS}
    read: _ScoreRow = convert_row(given, _ScoreRow, where)
    try:
        return CaseResult(
            run=read.run,
            flagged=read.flagged,
            score=read.score,
            probability=read.probability,
            verdict=read.verdict,
            flag_frames=() if read.flag_frame is None else (read.flag_frame,),
            flag_s=read.flag_s,
            onset_frame=read.onset_frame,
            onset_s=read.onset_s,
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _flag_frames(contrast: ContrastRecord) -> tuple[int, ...]:
    stated = [contrast.flag_frame, *(injection.flag_frame for injection in contrast.injections)]
    return tuple(sorted({frame for frame in stated if frame is not None}))


def _tips(analysis: Analysis) -> tuple[TipTruth, ...]:
    found = {
        record.frame: record.tip_px
        for record in analysis.contrast.frames
        if record.tip_px is not None
    }
    if analysis.needle is not None:
        found.setdefault(analysis.needle.frame, analysis.needle.tip_px)
    return tuple(TipTruth(frame=frame, position_px=found[frame]) for frame in sorted(found))
