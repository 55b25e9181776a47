"""What is kept of an evaluation as tables: the figures, every run, and one line of history."""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from guidance.errors import InputError
from guidance.evaluation._evaluate import Evaluation
from guidance.evaluation._figures import Figure
from guidance.evaluation._join import CaseSet
from guidance.evaluation._truth import read_rows

FIGURE_COLUMNS = (
    "metric",
    "stratum",
    "n",
    "anatomies",
    "estimate",
    "low",
    "high",
    "wilson_low",
    "wilson_high",
    "remark",
)

CASE_COLUMNS = (
    "run",
    "suite",
    "index",
    "patient",
    "pattern",
    "outcome",
    "flagged",
    "flag_s",
    "score",
    "probability",
    "verdict",
    "vessel_dose_fraction",
    "uptake_s",
    "first_visible_vessel_s",
)

_HISTORY_FIGURES = (
    ("auc", "roc_auc"),
    ("sensitivity", "sensitivity"),
    ("specificity", "specificity"),
    ("sensitivity_at_98", "sensitivity_at_specificity_0.98"),
    ("latency_median_s", "latency_median_s"),
    ("false_alarms_per_minute", "false_alarms_per_minute"),
    ("brier", "brier"),
    ("calibration_slope", "calibration_slope"),
)
_WITH_INTERVAL = ("auc", "sensitivity", "specificity")

HISTORY_COLUMNS = (
    "commit",
    "version",
    "observer",
    "suite",
    "truth_sha256",
    "n",
    "n_positive",
    "n_without_result",
    *(
        column
        for name, _ in _HISTORY_FIGURES
        for column in ((name, f"{name}_low", f"{name}_high") if name in _WITH_INTERVAL else (name,))
    ),
)
"""Columns of `docs/results/evaluation.csv`."""

_MISSING = Figure(metric="", stratum="all", n=0, clusters=0, estimate=None)

_FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "'")
_PLAIN = re.compile(r"[\w .,:()+/%=-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What was evaluated, for the history.

    Attributes
    ----------
    commit : str
        Of the code that made the results, or that evaluated them.
    version : str
        Of this package.
    observer : str
        What made the results.
    suite, truth_sha256 : str
        What they were held against.
    """

    commit: str
    version: str
    observer: str
    suite: str
    truth_sha256: str

    def __post_init__(self) -> None:
        """Refuse text that would derange a table."""
        for name in ("commit", "version", "observer", "suite"):
            text = getattr(self, name)
            if len(text) > 80 or not _PLAIN.fullmatch(text) or text.startswith(_FORMULA_STARTS):
                raise InputError(
                    f"{name} is {text[:80]!r}, expected up to 80 letters, digits and signs such as "
                    "- . _ that start with a letter or digit; choose another"
                )


def format_figures(evaluation: Evaluation) -> str:
    """Return every figure as CSV, tidy: one line for each metric and stratum.

    Shares are from 0 to 1, an infinite latency ("never") is ``inf``, what cannot be told is empty
    and `remark` says why.
    """
    rows = [
        [
            figure.metric,
            _neutral(figure.stratum),
            str(figure.n),
            str(figure.clusters),
            *map(_number, (figure.estimate, figure.low, figure.high)),
            *map(_number, (figure.wilson_low, figure.wilson_high)),
            _neutral(figure.remark),
        ]
        for figure in evaluation.figures
    ]
    return _write([FIGURE_COLUMNS, *rows])


def format_cases(cases: CaseSet) -> str:
    """Return every run as CSV, those without a result or without a truth among them."""
    rows: list[Sequence[str]] = [CASE_COLUMNS]
    for case in cases.cases:
        truth, result = case.truth, case.result
        times = result.flag_times_s(truth)
        right = ("missed", "found") if truth.is_vascular else ("cleared", "false alarm")
        outcome = right[result.flagged]
        if result.abstains:
            outcome += ", cannot tell"
        rows.append(
            (
                truth.run,
                *map(_neutral, (truth.suite, str(truth.index), truth.patient, truth.pattern)),
                outcome,
                str(int(result.flagged)),
                *map(_number, (times[0] if times else None, result.score, result.probability)),
                result.verdict or "",
                *map(
                    _number,
                    (truth.vessel_dose_fraction, truth.uptake_s, truth.first_visible_vessel_s),
                ),
            )
        )
    for truth in cases.without_result:
        about = (truth.suite, str(truth.index), truth.patient, truth.pattern.value)
        rows.append((truth.run, *map(_neutral, about), "no result", *[""] * 8))
    rows.extend((run, "", "", "", "", "no truth", *[""] * 8) for run in cases.without_truth)
    return _write(rows)


def format_history_line(evaluation: Evaluation, provenance: Provenance) -> str:
    """Return the line that `docs/results/evaluation.csv` gets for this evaluation."""
    counts = evaluation.counts
    cells = [
        provenance.commit,
        provenance.version,
        provenance.observer,
        provenance.suite,
        provenance.truth_sha256[:12],
        str(counts.answered),
        str(counts.positive),
        str(counts.without_result),
    ]
    known = {figure.metric: figure for figure in evaluation.figures if figure.stratum == "all"}
    for name, metric in _HISTORY_FIGURES:
        figure = known.get(metric, _MISSING)
        cells.append(_short(figure.estimate))
        if name in _WITH_INTERVAL:
            cells += [_short(figure.low), _short(figure.high)]
    return _write([cells])


def append_history(before: str | None, line: str) -> str:
    """Return the history with one more line; the same line twice is kept once.

    Parameters
    ----------
    before : str or None
        The file so far; None begins one.
    line : str
        From `format_history_line`.

    Raises
    ------
    InputError
        The file is not such a history.
    """
    header = _write([HISTORY_COLUMNS])
    text = before or header
    if not text.endswith("\n"):
        text += "\n"
    read_rows(text, HISTORY_COLUMNS, "history")
    if text.splitlines()[0] != header.strip():
        raise InputError(
            "the history has other columns than this version writes; give a new file to --append"
        )
    return text if line in text else text + line


def _write(rows: Sequence[Sequence[str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else str(value)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _neutral(text: str) -> str:
    """Return text that a spreadsheet will not run, on one line."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"'{plain}" if plain.startswith(_FORMULA_STARTS) else plain
