"""The cases as columns: one row for each run of the truth, answered or not."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.evaluation._cases import Case, CaseResult, CaseTruth
from guidance.evaluation._join import CaseSet
from guidance.evaluation._millimetres import Distance, measure_targets, measure_tip

FloatColumn = NDArray[np.float64]
BoolColumn = NDArray[np.bool_]

_SMALLEST_ODDS = 1e-6
"""Probabilities are cut to this and its complement before their odds are taken: a stated certainty
that is wrong must not outweigh everything else."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Every run of the truth as one row of several columns; a NaN means "does not apply".

    Attributes
    ----------
    truths : tuple of CaseTruth
    results : tuple of CaseResult or None
        None where the observer did not answer.
    clusters : tuple of str
        Anatomy of each run.
    positive, visible, answered, flagged, abstains : (N,) bool array
        `visible` is for positives whose vessel can ever be seen.
    score, probability : (N,) float64 array
        As given; NaN without one.
    latency_s : (N,) float64 array
        From the first visible vessel to the first flag at or after the uptake; negative where the
        flag came before the vessel could be seen, infinite where none came.
    early : (N,) bool array
        Visible positives flagged before the uptake, and not again after.
    untimed : (N,) bool array
        Visible positives flagged at a time that was not told.
    alarms : (N,) float64 array
        Flags while no contrast was in a vessel.
    negative_min : (N,) float64 array
        Minutes in which no contrast was in a vessel.
    onset_error_s, onset_error_frames : (N,) float64 array
        Stated minus true onset, where there are both.
    tips, targets : tuple of Distance
        Millimetre errors; any number for each run.
    """

    truths: tuple[CaseTruth, ...]
    results: tuple[CaseResult | None, ...]
    clusters: tuple[str, ...]
    positive: BoolColumn
    visible: BoolColumn
    answered: BoolColumn
    flagged: BoolColumn
    abstains: BoolColumn
    score: FloatColumn
    probability: FloatColumn
    latency_s: FloatColumn
    early: BoolColumn
    untimed: BoolColumn
    alarms: FloatColumn
    negative_min: FloatColumn
    onset_error_s: FloatColumn
    onset_error_frames: FloatColumn
    tips: tuple[Distance, ...]
    targets: tuple[Distance, ...]

    @property
    def scored(self) -> BoolColumn:
        """Rows with a score."""
        return ~np.isnan(self.score)

    @property
    def with_probability(self) -> BoolColumn:
        """Rows with a probability."""
        return ~np.isnan(self.probability)


def tabulate_cases(cases: CaseSet, stated_prior: float | None = None) -> Columns:
    """Turn cases into columns.

    Parameters
    ----------
    cases : CaseSet
        Answered or not: a run without an answer is a row of its own.
    stated_prior : float or None
        Prior probability of uptake that the observer's probabilities assume. Where it is given they
        are carried over to the share of positives among the answered runs (Saerens 2002, doi
        10.1162/089976602753284446), since a suite holds more uptakes than a clinic.
    """
    answers = {case.truth.run: case.result for case in cases.cases}
    truths = tuple(
        sorted(
            (*(case.truth for case in cases.cases), *cases.without_result),
            key=lambda truth: (truth.suite, truth.index, truth.run),
        )
    )
    results = tuple(answers.get(truth.run) for truth in truths)
    pairs = list(zip(truths, results, strict=True))
    answered = _mask(result is not None for result in results)
    positive = _mask(truth.is_vascular for truth in truths)
    latencies = [_latency(truth, result) for truth, result in pairs]
    onsets = [_onset_errors(truth, result) for truth, result in pairs]
    both = [Case(truth=truth, result=result) for truth, result in pairs if result is not None]
    probability = _answers(results, lambda result: result.probability)
    return Columns(
        truths=truths,
        results=results,
        clusters=tuple(truth.patient for truth in truths),
        positive=positive,
        visible=positive & _mask(truth.is_vessel_visible for truth in truths),
        answered=answered,
        flagged=_mask(result is not None and result.flagged for result in results),
        abstains=_mask(result is not None and result.abstains for result in results),
        score=_answers(results, lambda result: result.suspicion),
        probability=_carry_over(probability, positive, stated_prior),
        latency_s=np.array([time for time, _, _ in latencies], dtype=np.float64),
        early=_mask(early for _, early, _ in latencies),
        untimed=_mask(untimed for _, _, untimed in latencies),
        alarms=np.array([_alarms(*pair) for pair in pairs], dtype=np.float64),
        negative_min=np.array([truth.negative_s / 60.0 for truth in truths], dtype=np.float64),
        onset_error_s=np.array([seconds for seconds, _ in onsets], dtype=np.float64),
        onset_error_frames=np.array([frames for _, frames in onsets], dtype=np.float64),
        tips=tuple(found for case in both if (found := measure_tip(case)) is not None),
        targets=tuple(found for case in both for found in measure_targets(case)),
    )


def log_odds(probability: FloatColumn) -> FloatColumn:
    """Return ln(p / (1 - p)), of probabilities cut to a millionth from certainty."""
    cut = np.clip(probability, _SMALLEST_ODDS, 1.0 - _SMALLEST_ODDS)
    return np.asarray(np.log(cut) - np.log1p(-cut), np.float64)


def _carry_over(
    probability: FloatColumn, positive: BoolColumn, stated_prior: float | None
) -> FloatColumn:
    if stated_prior is None:
        return probability
    if not 0.0 < stated_prior < 1.0:
        raise InputError(f"the stated prior is {stated_prior}, expected between 0 and 1")
    known = ~np.isnan(probability)
    share = float(positive[known].mean()) if known.any() else 0.0
    if share in (0.0, 1.0):
        return probability
    shift = math.log(share / (1.0 - share)) - math.log(stated_prior / (1.0 - stated_prior))
    moved = 1.0 / (1.0 + np.exp(-(log_odds(probability) + shift)))
    return np.asarray(moved, np.float64)


def _latency(truth: CaseTruth, result: CaseResult | None) -> tuple[float, bool, bool]:
    """Return the latency, whether the flag came early, and whether its time is unknown."""
    visible_s = truth.first_visible_vessel_s
    if result is None or visible_s is None:
        return math.nan, False, False
    if not result.flagged:
        return math.inf, False, False
    times = result.flag_times_s(truth)
    if not times:
        return math.nan, False, True
    uptake_s = truth.start_of_uptake_s or 0.0
    after = [time for time in times if time >= min(uptake_s, visible_s)]
    return (after[0] - visible_s, False, False) if after else (math.nan, True, False)


def _alarms(truth: CaseTruth, result: CaseResult | None) -> float:
    """Return the number of flags while no contrast was in a vessel; NaN without an answer."""
    if result is None:
        return math.nan
    times = result.flag_times_s(truth)
    if not truth.is_vascular:
        return float(max(len(times), result.flagged))
    uptake_s = truth.start_of_uptake_s or 0.0
    return float(sum(time < uptake_s for time in times))


def _onset_errors(truth: CaseTruth, result: CaseResult | None) -> tuple[float, float]:
    """Return stated minus true onset in seconds and in frames, NaN where one is missing."""
    seconds = frames = math.nan
    if result is None:
        return seconds, frames
    if result.onset_frame is not None and truth.onset_frame is not None:
        frames = float(result.onset_frame - truth.onset_frame)
    if truth.onset_s is None:
        return seconds, frames
    stated = None if result.onset_frame is None else truth.time_of(result.onset_frame)
    stated = result.onset_s if stated is None else stated
    return (math.nan if stated is None else stated - truth.onset_s), frames


def _mask(values: Iterable[bool]) -> BoolColumn:
    return np.fromiter(values, dtype=np.bool_)


def _answers(
    results: Sequence[CaseResult | None], take: Callable[[CaseResult], float | None]
) -> FloatColumn:
    found = (None if result is None else take(result) for result in results)
    return np.array([math.nan if value is None else value for value in found], dtype=np.float64)
