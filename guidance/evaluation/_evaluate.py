"""From cases to the evaluation: figures, strata, curves, and the runs that went wrong."""

import math
from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.evaluation._bootstrap import ClusterBootstrap
from guidance.evaluation._cases import CaseResult, CaseTruth
from guidance.evaluation._columns import Columns, tabulate_cases
from guidance.evaluation._curves import (
    LatencyCurve,
    ReliabilityBin,
    RiskCurve,
    RocCurve,
    trace_latency,
    trace_reliability,
    trace_risk,
    trace_roc,
)
from guidance.evaluation._figures import Figure, answer_questions
from guidance.evaluation._join import CaseSet
from guidance.evaluation._millimetres import Distance
from guidance.evaluation._questions import (
    ask_of_distances,
    ask_of_stratum,
    ask_of_the_flag,
    ask_of_the_score,
    ask_of_time,
)
from guidance.evaluation._settings import EvaluationSettings
from guidance.evaluation._strata import find_strata
from guidance.records import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many runs there were, of what kind, and what became of them."""

    runs: int
    answered: int
    without_result: int
    without_truth: int
    positive: int
    visible: int
    negative: int
    flagged: int
    abstained: int
    anatomies: int
    negative_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A run that the observer judged wrongly.

    Attributes
    ----------
    truth : CaseTruth
    result : CaseResult
    flag_s : float or None
        Time of the flag, where there was one and its time is known.
    """

    truth: CaseTruth
    result: CaseResult
    flag_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that is said of one observer on one truth.

    Attributes
    ----------
    settings : EvaluationSettings
    counts : Counts
    figures : tuple of Figure
        Of the whole first, then stratum by stratum.
    roc, risk, latency, reliability
        The curves, or why there is none.
    misses : tuple of Failure
        Vascular or mixed runs without a flag, those that were easiest to see first.
    false_alarms : tuple of Failure
        Runs flagged while no contrast was in a vessel, the most suspected first.
    without_result, without_truth : tuple of str
        Names of runs that found no partner.
    """

    settings: EvaluationSettings
    counts: Counts
    figures: tuple[Figure, ...]
    roc: RocCurve | NotFound
    risk: RiskCurve | NotFound
    latency: LatencyCurve | NotFound
    reliability: tuple[ReliabilityBin, ...] | NotFound
    misses: tuple[Failure, ...]
    false_alarms: tuple[Failure, ...]
    without_result: tuple[str, ...]
    without_truth: tuple[str, ...]

    def figure(self, metric: str, stratum: str = "all") -> Figure:
        """Return one figure by its name.

        Raises
        ------
        InputError
            There is none of that name.
        """
        for figure in self.figures:
            if figure.metric == metric and figure.stratum == stratum:
                return figure
        known = ", ".join(dict.fromkeys(f.metric for f in self.figures if f.stratum == stratum))
        raise InputError(f"no figure {metric!r} of {stratum!r}; known there: {known or 'none'}")


def evaluate_cases(cases: CaseSet, settings: EvaluationSettings | None = None) -> Evaluation:
    """Return every figure of an observer, with intervals from a bootstrap over anatomies.

    Parameters
    ----------
    cases : CaseSet
        Truths and results, joined.
    settings : EvaluationSettings, optional

    Returns
    -------
    Evaluation
        The same cases and settings give the same figures. A figure that cannot be had says why.

    Raises
    ------
    InputError
        Not one run has both a truth and a result.
    """
    settings = settings or EvaluationSettings()
    if not cases.cases:
        raise InputError(
            f"no run has both a truth and a result ({len(cases.without_result)} truths, "
            f"{len(cases.without_truth)} results); give results and the truth of the same runs"
        )
    columns = tabulate_cases(cases, settings.stated_prior)
    rng = np.random.default_rng(settings.seed)
    bootstrap = ClusterBootstrap(columns.clusters, settings.replicates, rng)
    questions = [
        *ask_of_the_flag(columns, settings),
        *ask_of_the_score(columns, settings),
        *ask_of_time(columns),
        *(
            question
            for stratum in find_strata(columns.truths)
            for question in ask_of_stratum(stratum, columns)
        ),
    ]
    figures = answer_questions(questions, columns.clusters, bootstrap, settings)
    n_whole = sum(figure.stratum == "all" for figure in figures)
    distances = [
        figure
        for what, found in (("tip", columns.tips), ("target", columns.targets))
        for figure in _measure_distances(what, found, settings, rng)
    ]
    return Evaluation(
        settings=settings,
        counts=_count(columns, cases),
        figures=(*figures[:n_whole], *distances, *figures[n_whole:]),
        roc=trace_roc(columns, bootstrap, settings.level),
        risk=trace_risk(columns),
        latency=trace_latency(columns),
        reliability=trace_reliability(columns, settings.level),
        misses=_find_misses(columns),
        false_alarms=_find_false_alarms(columns),
        without_result=tuple(truth.run for truth in cases.without_result),
        without_truth=cases.without_truth,
    )


def _measure_distances(
    what: str,
    found: tuple[Distance, ...],
    settings: EvaluationSettings,
    rng: np.random.Generator,
) -> list[Figure]:
    """Return the figures of distances, each a row of its own; runs may have several."""
    clusters = [distance.cluster for distance in found]
    errors = np.array([distance.error_mm for distance in found], dtype=np.float64)
    bootstrap = ClusterBootstrap(clusters, settings.replicates, rng)
    return answer_questions(ask_of_distances(what, errors), clusters, bootstrap, settings)


def _count(columns: Columns, cases: CaseSet) -> Counts:
    answered = columns.answered
    return Counts(
        runs=len(columns.truths),
        answered=int(answered.sum()),
        without_result=len(cases.without_result),
        without_truth=len(cases.without_truth),
        positive=int((columns.positive & answered).sum()),
        visible=int((columns.visible & answered).sum()),
        negative=int((~columns.positive & answered).sum()),
        flagged=int(columns.flagged.sum()),
        abstained=int(columns.abstains.sum()),
        anatomies=len(set(columns.clusters)),
        negative_minutes=float(columns.negative_min[answered & ~columns.positive].sum()),
    )


def _find_misses(columns: Columns) -> tuple[Failure, ...]:
    """Return the vascular runs without a flag: visible ones first, then by dose, then by score."""
    rows = np.flatnonzero(columns.positive & columns.answered & ~columns.flagged)
    ordered = sorted(
        rows,
        key=lambda row: (
            not columns.visible[row],
            -(columns.truths[row].vessel_dose_fraction or 0.0),
            _score(columns, row),
            columns.truths[row].index,
        ),
    )
    return _failures(columns, ordered)


def _find_false_alarms(columns: Columns) -> tuple[Failure, ...]:
    """Return the runs flagged while no contrast was in a vessel, negatives first, by score."""
    rows = np.flatnonzero(np.nan_to_num(columns.alarms) > 0)
    ordered = sorted(
        rows,
        key=lambda row: (
            columns.positive[row],
            -_score(columns, row),
            columns.truths[row].index,
        ),
    )
    return _failures(columns, ordered)


def _failures(columns: Columns, rows: list[np.intp]) -> tuple[Failure, ...]:
    found = []
    for row in rows:
        truth, result = columns.truths[row], columns.results[row]
        if result is not None:
            times = result.flag_times_s(truth)
            flag_s = times[0] if times else None
            found.append(Failure(truth=truth, result=result, flag_s=flag_s))
    return tuple(found)


def _score(columns: Columns, row: np.intp) -> float:
    value = float(columns.score[row])
    return 0.0 if math.isnan(value) else value
