"""The figures: what each one is called, what it is taken over, and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guidance.evaluation._bootstrap import (
    MIN_CLUSTERS,
    ClusterBootstrap,
    Interval,
    percentile_interval,
    wilson_interval,
)
from guidance.evaluation._columns import BoolColumn
from guidance.evaluation._settings import EvaluationSettings
from guidance.evaluation._weighted import Statistic

ALL = "all"
"""The stratum of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure with its uncertainty.

    Attributes
    ----------
    metric : str
        What it is; docs/evaluation.md defines each.
    stratum : str
        ``"all"``, or ``group=label``.
    n : int
        Cases (or distances) that it is taken over.
    clusters : int
        Anatomies among them.
    estimate : float or None
        None where it cannot be told. May be infinite, for a latency that is mostly "never".
    low, high : float or None
        Bootstrap interval over anatomies.
    wilson_low, wilson_high : float or None
        Of shares: Wilson's interval, as if runs were independent.
    remark : str
        Why there is no estimate, or no interval.
    """

    metric: str
    stratum: str
    n: int
    clusters: int
    estimate: float | None
    low: float | None = None
    high: float | None = None
    wilson_low: float | None = None
    wilson_high: float | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A figure to be had: how, over which cases, and what to say where there is none.

    Attributes
    ----------
    metric, stratum : str
        As in `Figure`.
    statistic : Statistic
    among : (N,) bool array
        Cases that it is taken over.
    hits : (N,) bool array or None
        Of shares: the cases that count.
    reason : str
        Why, if `blocked` or nothing to tell.
    blocked : bool
        Not to be answered, for `reason`.
    """

    metric: str
    statistic: Statistic
    among: BoolColumn
    stratum: str = ALL
    hits: BoolColumn | None = None
    reason: str = "cannot tell, because no case has it"
    blocked: bool = False


def answer_questions(
    questions: Sequence[Question],
    clusters: Sequence[str],
    bootstrap: ClusterBootstrap,
    settings: EvaluationSettings,
) -> list[Figure]:
    """Return the figure of each question, all from the same resamples.

    Parameters
    ----------
    questions : sequence of Question
    clusters : sequence of str
        Anatomy of each case.
    bootstrap : ClusterBootstrap
        Over the same cases.
    settings : EvaluationSettings
    """
    names = np.asarray(clusters, dtype=np.str_)
    open_ones = [question for question in questions if not question.blocked]
    estimates = bootstrap.estimate([question.statistic for question in open_ones])
    wanted = [
        index
        for index, question in enumerate(open_ones)
        if estimates[index] is not None
        and (question.stratum == ALL or question.among.sum() >= settings.few)
    ]
    samples = dict(
        zip(wanted, bootstrap.resample([open_ones[i].statistic for i in wanted]), strict=True)
    )
    answers = {id(question): index for index, question in enumerate(open_ones)}
    figures = []
    for question in questions:
        index = answers.get(id(question))
        estimate = None if index is None else estimates[index]
        n_clusters = len(np.unique(names[question.among]))
        interval = Interval(low=None, high=None)
        if index in samples:
            interval = percentile_interval(samples[index], n_clusters, settings.level)
        figures.append(_figure(question, estimate, interval, n_clusters, settings))
    return figures


def _figure(
    question: Question,
    estimate: float | None,
    interval: Interval,
    n_clusters: int,
    settings: EvaluationSettings,
) -> Figure:
    n = int(question.among.sum())
    wilson = Interval(low=None, high=None)
    if question.hits is not None and estimate is not None:
        wilson = wilson_interval(int((question.hits & question.among).sum()), n, settings.level)
    return Figure(
        metric=question.metric,
        stratum=question.stratum,
        n=n,
        clusters=n_clusters,
        estimate=estimate,
        low=interval.low,
        high=interval.high,
        wilson_low=wilson.low,
        wilson_high=wilson.high,
        remark=_remark(question, estimate, interval, n, n_clusters, settings),
    )


def _remark(
    question: Question,
    estimate: float | None,
    interval: Interval,
    n: int,
    n_clusters: int,
    settings: EvaluationSettings,
) -> str:
    if estimate is None:
        return question.reason
    if question.stratum != ALL and n < settings.few:
        return f"too few: {n} cases"
    if interval.low is not None:
        return ""
    if n_clusters < MIN_CLUSTERS:
        return f"no interval: {n_clusters} anatomies are too few to resample"
    return "no interval: too many resamples have nothing to tell"
