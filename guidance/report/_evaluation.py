"""The page of an evaluation: one self-contained HTML file."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from guidance.records import NotFound
from guidance.report import _evaluation_words as metric_words
from guidance.report._evaluation_charts import draw_latency, draw_reliability, draw_risk, draw_roc
from guidance.report._templates import render_template
from guidance.report._words import NBSP, clean, number, phrase, short_verdict

if TYPE_CHECKING:
    from guidance.evaluation import CaseTruth, Evaluation, Failure, Figure, Provenance

MOST_FAILURES = 15
"""Runs named of each kind of failure; cases.csv has them all."""

MOST_NAMES = 60
"""Names of runs without a partner that are shown."""

_FACTS = (
    "roc_auc",
    "sensitivity",
    "specificity",
    "sensitivity_at_specificity",
    "latency_median_s",
    "false_alarms_per_minute",
    "coverage",
    "calibration_slope",
)
_STRATUM_COLUMNS = ("sensitivity", "specificity", "roc_auc")
_SHORT = {"sensitivity": "Sensitivity", "specificity": "Specificity", "roc_auc": "ROC area"}


def render_evaluation(evaluation: "Evaluation", provenance: "Provenance") -> str:
    """Render an evaluation as a self-contained HTML page without script.

    Parameters
    ----------
    evaluation : Evaluation
        From `guidance.evaluation.evaluate_cases`.
    provenance : Provenance
        What was evaluated; its texts are shown.

    Returns
    -------
    str
        The page. Same input, same text.
    """
    whole = [figure for figure in evaluation.figures if figure.stratum == "all"]
    counts = evaluation.counts
    values: dict[str, Any] = {
        "observer": clean(provenance.observer, 80),
        "suite": clean(provenance.suite, 80),
        "level": f"{100 * evaluation.settings.level:g}{NBSP}%",
        "counts": counts,
        "minutes": number(counts.negative_minutes),
        "lead": _lead(evaluation),
        "facts": [fact for name in _FACTS if (fact := _fact(whole, name)) is not None],
        "charts": _charts(evaluation),
        "strata": _strata(evaluation),
        "stratum_heads": [
            (metric_words.words_of(name).name, metric_words.estimate(evaluation.figure(name)))
            for name in (*_known_columns(evaluation), "latency_median_s")
        ],
        "misses": _failures(evaluation.misses, _miss_cells),
        "false_alarms": _failures(evaluation.false_alarms, _alarm_cells),
        "figures": [_row(figure) for figure in whole],
        "without_result": _names(evaluation.without_result),
        "without_truth": _names(evaluation.without_truth),
        "provenance": _provenance(evaluation, provenance),
    }
    return render_template("evaluation.html.j2", values)


def _lead(evaluation: "Evaluation") -> str:
    counts = evaluation.counts
    parts = []
    found = evaluation.figure("sensitivity")
    cleared = evaluation.figure("specificity")
    if found.estimate is not None:
        parts.append(
            f"{round(found.estimate * found.n)} of {found.n} runs with uptake were flagged"
        )
    if cleared.estimate is not None:
        wrong = cleared.n - round(cleared.estimate * cleared.n)
        parts.append(f"{wrong} of {cleared.n} without uptake were flagged too")
    text = ", and ".join(parts) + "." if parts else ""
    delay = evaluation.figure("latency_median_s").estimate
    if delay is not None:
        when = "after" if delay >= 0 else "before"
        text += (
            f" In the middle case the flag came {abs(delay):.2f}{NBSP}s {when} "
            "the vessel could first be seen."
        )
    if counts.abstained:
        text += f" On {counts.abstained} runs the observer abstained."
    return text


def _fact(figures: list["Figure"], name: str) -> dict[str, str] | None:
    for figure in figures:
        if figure.metric == name or figure.metric.startswith(f"{name}_0."):
            words = metric_words.words_of(figure.metric)
            if figure.estimate is None:
                note = _reason(figure.remark)
            else:
                note = metric_words.interval(figure) or figure.remark
            return {
                "name": words.name,
                "value": metric_words.estimate(figure),
                "note": clean(note, 200),
                "meaning": words.meaning,
            }
    return None


def _reason(remark: str) -> str:
    return remark.removeprefix("cannot tell, ")


def _charts(evaluation: "Evaluation") -> list[dict[str, str]]:
    level = f"{100 * evaluation.settings.level:g}{NBSP}%"
    latency = evaluation.latency
    counted = ""
    if not isinstance(latency, NotFound):
        counted = (
            f" Of {latency.n} visible uptakes {latency.missed} were never flagged and "
            f"{latency.early} only before the uptake."
        )
        if latency.untimed:
            counted += f" {latency.untimed} flags have no time."
    return [
        {
            "title": "Found against falsely flagged",
            "svg": draw_roc(evaluation),
            "why": _why(evaluation.roc),
            "note": f"The curve over all thresholds of the score, with its {level} band; "
            "the diamond is the flag itself.",
        },
        {
            "title": "How soon",
            "svg": draw_latency(evaluation),
            "why": _why(latency, "cannot tell, because no visible uptake was flagged"),
            "note": f"Share of visible uptakes flagged by a time.{counted}",
        },
        {
            "title": "What abstaining buys",
            "svg": draw_risk(evaluation),
            "why": _why(evaluation.risk),
            "note": "Error rate if only the surest runs are answered; the diamond is what the "
            "verdicts did.",
        },
        {
            "title": "Is the probability right",
            "svg": draw_reliability(evaluation),
            "why": _why(evaluation.reliability),
            "note": f"Stated probability against what was so, in groups of equal size, with "
            f"Wilson’s {level} intervals; on the dashed line it is right.",
        },
    ]


def _why(curve: object, otherwise: str = "cannot tell") -> str:
    reason = curve.reason if isinstance(curve, NotFound) else otherwise
    return clean(reason[:1].upper() + reason[1:])


def _strata(evaluation: "Evaluation") -> list[dict[str, Any]]:
    """Return the strata by group, each with a cell for every column of the forest."""
    cells: dict[str, dict[str, dict[str, Figure]]] = {}
    for figure in evaluation.figures:
        group, parted, label = figure.stratum.partition("=")
        if parted:
            cells.setdefault(group, {}).setdefault(label, {})[figure.metric] = figure
    columns = _known_columns(evaluation)
    overall = {name: evaluation.figure(name).estimate for name in columns}
    return [
        {
            "name": clean(group[:1].upper() + group[1:], 60),
            "rows": [
                {
                    "label": clean(phrase(label), 60),
                    "n": max(figure.n for figure in found.values()),
                    "cells": [_cell(found.get(name), overall[name]) for name in columns],
                    "latency": _latency_cell(found.get("latency_median_s")),
                }
                for label, found in rows.items()
            ],
        }
        for group, rows in cells.items()
    ]


def _known_columns(evaluation: "Evaluation") -> list[str]:
    """Return the forest's columns, without those that cannot be told at all."""
    return [name for name in _STRATUM_COLUMNS if evaluation.figure(name).estimate is not None]


def _cell(figure: "Figure | None", overall: float | None) -> dict[str, Any] | None:
    if figure is None or figure.estimate is None:
        return None
    return {
        "text": metric_words.estimate(figure),
        "interval": metric_words.interval(figure),
        "at": _place(figure.estimate),
        "low": None if figure.low is None else _place(figure.low),
        "high": None if figure.high is None else _place(figure.high),
        "overall": None if overall is None else _place(overall),
        "label": _SHORT[figure.metric],
        "remark": _too_few(figure),
    }


def _latency_cell(figure: "Figure | None") -> dict[str, str] | None:
    if figure is None or figure.estimate is None:
        return None
    note = metric_words.interval(figure) or _too_few(figure)
    return {"text": metric_words.estimate(figure), "interval": note}


def _too_few(figure: "Figure") -> str:
    return f"of {figure.n}, too few" if figure.remark.startswith("too few") else ""


def _place(value: float) -> float:
    """Return where a share lies on a forest's axis of 100 units."""
    return round(100.0 * min(max(value, 0.0), 1.0), 2)


def _failures(failures: tuple["Failure", ...], cells: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "rows": [cells(failure) for failure in failures[:MOST_FAILURES]],
        "left_out": max(0, len(failures) - MOST_FAILURES),
        "n": len(failures),
    }


def _run_cells(truth: "CaseTruth") -> dict[str, str]:
    where = (truth.level and truth.level.value, truth.view, *truth.variants)
    return {
        "run": truth.run,
        "index": str(truth.index),
        "patient": clean(truth.patient, 40),
        "about": clean(" · ".join(phrase(part) for part in where if part), 120),
    }


def _miss_cells(failure: "Failure") -> dict[str, str]:
    truth = failure.truth
    vessel = [
        truth.vessel.value if truth.vessel else "",
        number(truth.vessel_diameter_mm, "mm") if truth.vessel_diameter_mm is not None else "",
        "" if truth.is_vessel_visible else "never visible",
    ]
    dose = truth.vessel_dose_fraction
    return {
        **_run_cells(truth),
        "pattern": phrase(truth.pattern),
        "dose": "" if dose is None else metric_words.share(dose),
        "vessel": ", ".join(part for part in vessel if part),
        **_said(failure),
    }


def _alarm_cells(failure: "Failure") -> dict[str, str]:
    truth = failure.truth
    what = phrase(truth.pattern)
    if truth.is_vascular:
        what += f", flagged before the uptake at {metric_words.seconds(truth.negative_s)}"
    return {
        **_run_cells(truth),
        "pattern": what,
        "flag": "" if failure.flag_s is None else metric_words.seconds(failure.flag_s),
        **_said(failure),
    }


def _said(failure: "Failure") -> dict[str, str]:
    result = failure.result
    score = result.suspicion
    return {
        "score": "" if score is None or not math.isfinite(score) else f"{score:.3g}",
        "verdict": "" if result.verdict is None else short_verdict(result.verdict),
    }


def _row(figure: "Figure") -> dict[str, Any]:
    words = metric_words.words_of(figure.metric)
    return {
        "name": words.name,
        "meaning": words.meaning,
        "n": figure.n,
        "value": metric_words.estimate(figure),
        "known": figure.estimate is not None,
        "interval": metric_words.interval(figure),
        "wilson": metric_words.wilson(figure),
        "remark": clean(_reason(figure.remark), 200),
    }


def _names(names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "shown": [clean(name, 40) for name in names[:MOST_NAMES]],
        "left_out": max(0, len(names) - MOST_NAMES),
        "n": len(names),
    }


def _provenance(evaluation: "Evaluation", provenance: "Provenance") -> list[tuple[str, str]]:
    rows: tuple[tuple[str, object], ...] = (
        ("Observer", provenance.observer),
        ("Suite", provenance.suite),
        ("Truth (SHA-256)", provenance.truth_sha256),
        ("Commit", provenance.commit),
        ("guidance", provenance.version),
        *(
            (name.replace("_", " ").capitalize(), value)
            for name, value in asdict(evaluation.settings).items()
        ),
    )
    return [(name, clean(value, 120)) for name, value in rows if value not in ("", None)]
