"""What is asked of an evaluation: every figure, over which cases, and why it may be missing."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from guidance.evaluation._columns import BoolColumn, Columns, FloatColumn, log_odds
from guidance.evaluation._figures import ALL, Question
from guidance.evaluation._settings import EvaluationSettings
from guidance.evaluation._strata import Stratum
from guidance.evaluation._weighted import (
    CalibrationLine,
    Statistic,
    area_under_risk_coverage,
    area_under_roc,
    mean_of,
    predictive_value,
    quantile_of,
    ratio_of,
    sensitivity_at,
    share_of,
)

SOON_S = 2.0
"""A flag within so long of the first visible vessel is soon enough to stop the injection (guess:
0.2 to 1 mL go in over 0.5 to 4 s)."""

NEAR_MM = (3.0, 5.0)
"""Distances that are counted as near."""


def _share(metric: str, hits: BoolColumn, among: BoolColumn, stratum: str = ALL) -> Question:
    missing = "no run here is vascular or mixed"
    if metric.startswith("spec"):
        missing = "every run here is vascular or mixed"
    return Question(
        metric=metric,
        stratum=stratum,
        statistic=share_of(hits, among),
        among=among,
        hits=hits,
        reason=f"cannot tell, because {missing}",
    )


def ask_of_the_flag(columns: Columns, settings: EvaluationSettings) -> list[Question]:
    """Return the questions about the decision itself: flagged, not flagged, or abstained."""
    positive, answered = columns.positive, columns.answered
    flagged, decided = columns.flagged, columns.answered & ~columns.abstains
    found = _share("sensitivity", flagged, positive & answered)
    cleared = _share("specificity", ~flagged, ~positive & answered)
    return [
        found,
        cleared,
        _share("sensitivity_visible", flagged, columns.visible & answered),
        _share("sensitivity_intention", flagged, positive),
        _share("specificity_intention", answered & ~flagged, ~positive),
        *(
            Question(
                metric=f"{'ppv' if right else 'npv'}_at_prevalence_{settings.prevalence:g}",
                statistic=predictive_value(
                    found.statistic, cleared.statistic, settings.prevalence, is_positive=right
                ),
                among=answered,
                reason="cannot tell, because it takes both positives and negatives"
                if not (found.among.any() and cleared.among.any())
                else f"cannot tell, because no run is {'' if right else 'not '}flagged",
            )
            for right in (True, False)
        ),
        Question(
            metric="coverage",
            statistic=share_of(decided, answered),
            among=answered,
            hits=decided,
        ),
        Question(
            metric="error_rate_of_decided",
            statistic=share_of(flagged != positive, decided),
            among=decided,
            hits=flagged != positive,
            reason="cannot tell, because the observer abstains on every run",
        ),
        _share("sensitivity_of_decided", flagged, positive & decided),
        _share("specificity_of_decided", ~flagged, ~positive & decided),
    ]


def ask_of_the_score(columns: Columns, settings: EvaluationSettings) -> list[Question]:
    """Return the questions that take a score, and those that take a probability."""
    why, no_odds = why_no_score(columns), why_no_probability(columns)
    known = _Rows(columns.scored, columns.score, columns.positive)
    sure = _Rows(columns.with_probability, columns.probability, columns.positive)
    line = CalibrationLine(log_odds(sure.values), sure.positive)
    separated = "cannot tell, because positives and negatives are separated: no line is best"

    def ask(metric: str, rows: _Rows, statistic: Statistic, otherwise: str = "") -> Question:
        reason = why if rows is known else no_odds
        return Question(
            metric=metric,
            statistic=rows.spread(statistic),
            among=rows.mask,
            reason=reason or otherwise,
            blocked=bool(reason),
        )

    every = np.ones(sure.values.size, np.bool_)
    wrong = (sure.values >= 0.5) != sure.positive
    at = settings.specificity
    return [
        ask(
            "roc_auc",
            known,
            area_under_roc(known.values, known.positive, np.ones(known.values.size, np.bool_)),
        ),
        ask(
            f"sensitivity_at_specificity_{at:g}",
            known,
            sensitivity_at(known.values, known.positive, at),
        ),
        ask(
            "area_under_risk_coverage",
            sure,
            area_under_risk_coverage(np.abs(sure.values - 0.5), wrong),
        ),
        ask("brier", sure, mean_of((sure.values - sure.positive) ** 2, every)),
        ask("calibration_intercept", sure, line.intercept, separated),
        ask("calibration_slope", sure, line.slope, separated),
    ]


def why_no_score(columns: Columns) -> str:
    """Return why nothing can be said of scores; empty where it can."""
    scored = columns.scored
    if not scored.any():
        return "cannot tell, because no result has a score or a probability"
    if not (columns.positive & scored).any():
        return "cannot tell, because no run with a score is vascular or mixed"
    if not (~columns.positive & scored).any():
        return "cannot tell, because every run with a score is vascular or mixed"
    return ""


def why_no_probability(columns: Columns) -> str:
    """Return why nothing can be said of probabilities; empty where it can."""
    known = columns.with_probability
    if not known.any():
        return "cannot tell, because no result has a probability"
    if columns.positive[known].all() or not columns.positive[known].any():
        return "cannot tell, because it takes both positives and negatives"
    return ""


class _Rows:
    """Some rows of the columns, for statistics that are made of those alone."""

    def __init__(self, mask: BoolColumn, values: FloatColumn, positive: BoolColumn) -> None:
        self.mask = mask
        self._index = np.flatnonzero(mask)
        self.values = values[self._index]
        self.positive = positive[self._index]
        self._last: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def spread(self, statistic: Statistic) -> Statistic:
        """Return the statistic as one of all rows."""
        return lambda weights: statistic(self._cut(weights))

    def _cut(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weights of these rows: the same array for every statistic that asks."""
        if self._last is None or self._last[0] is not weights:
            self._last = (weights, weights[:, self._index])
        return self._last[1]


_NO_LATENCY = "cannot tell, because no vessel that can be seen was flagged at or after its uptake"


def ask_of_time(columns: Columns) -> list[Question]:
    """Return the questions about latency, false alarms and onset."""
    visible = columns.visible & columns.answered
    timed = visible & ~np.isnan(columns.latency_s)
    reached = timed & np.isfinite(columns.latency_s)
    late = columns.latency_s
    none_seen = "cannot tell, because no answered run has a vessel that can be seen"
    none_timed = none_seen if not visible.any() else _NO_LATENCY
    soon = np.nan_to_num(late, nan=np.inf) <= SOON_S
    with_onset = ~np.isnan(columns.onset_error_s)
    in_frames = ~np.isnan(columns.onset_error_frames)
    answered, positive = columns.answered, columns.positive
    alarms = np.nan_to_num(columns.alarms)
    no_onset = "cannot tell, because no run has both a true and a stated onset"
    return [
        *(
            Question(
                metric=f"latency_{name}_s",
                statistic=quantile_of(late, reached, share),
                among=reached,
                reason=none_timed,
            )
            for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9))
        ),
        Question(
            metric="latency_median_with_missed_s",
            statistic=quantile_of(late, timed, 0.5),
            among=timed,
            reason=none_timed,
        ),
        *(
            Question(
                metric=metric,
                statistic=share_of(hits, visible),
                among=visible,
                hits=hits,
                reason=none_seen,
            )
            for metric, hits in (
                (f"flagged_within_{SOON_S:g}_s", soon),
                ("flagged_before_visible", np.nan_to_num(late, nan=np.inf) < 0.0),
                ("flagged_only_before_uptake", columns.early),
                ("flag_without_time", columns.untimed),
            )
        ),
        *(
            Question(
                metric=metric,
                statistic=ratio_of(alarms, columns.negative_min, np.flatnonzero(among)),
                among=among,
                reason="cannot tell, because no time is free of uptake",
            )
            for metric, among in (
                ("false_alarms_per_minute", answered),
                ("false_alarms_per_minute_in_negatives", answered & ~positive),
                ("false_alarms_per_minute_before_uptake", answered & positive),
            )
        ),
        *_ask_of_onset(
            ("s", columns.onset_error_s, with_onset),
            ("frames", columns.onset_error_frames, in_frames),
            no_onset,
        ),
    ]


def _ask_of_onset(
    seconds: tuple[str, FloatColumn, BoolColumn],
    frames: tuple[str, FloatColumn, BoolColumn],
    reason: str,
) -> Iterable[Question]:
    for unit, errors, known in (seconds, frames):
        yield Question(
            metric=f"onset_error_median_{unit}",
            statistic=quantile_of(errors, known, 0.5),
            among=known,
            reason=reason,
        )
        yield Question(
            metric=f"onset_error_abs_p90_{unit}",
            statistic=quantile_of(np.abs(errors), known, 0.9),
            among=known,
            reason=reason,
        )


def ask_of_stratum(stratum: Stratum, columns: Columns) -> list[Question]:
    """Return the questions about one stratum.

    The area under the ROC curve sets its positives against its negatives; a stratum without one of
    them borrows those of the whole.
    """
    inside = stratum.mask(len(columns.truths)) & columns.answered
    positive = columns.positive
    name = stratum.name
    asked = []
    if (inside & positive).any():
        asked.append(_share("sensitivity", columns.flagged, inside & positive, name))
        reached = inside & np.isfinite(columns.latency_s)
        if reached.any():
            asked.append(
                Question(
                    metric="latency_median_s",
                    stratum=name,
                    statistic=quantile_of(columns.latency_s, reached, 0.5),
                    among=reached,
                )
            )
    if (inside & ~positive).any():
        asked.append(_share("specificity", ~columns.flagged, inside & ~positive, name))
        asked.append(
            Question(
                metric="false_alarms_per_minute",
                stratum=name,
                statistic=ratio_of(
                    np.nan_to_num(columns.alarms), columns.negative_min, np.flatnonzero(inside)
                ),
                among=inside,
            )
        )
    return [*asked, *_ask_area(columns, inside & columns.scored, name)]


def _ask_area(columns: Columns, inside: BoolColumn, name: str) -> list[Question]:
    if not inside.any() or why_no_score(columns):
        return []
    chosen = inside.copy()
    for kind in (columns.positive, ~columns.positive):
        if not (inside & kind).any():
            chosen |= columns.scored & kind
    area = area_under_roc(columns.score, columns.positive, chosen)
    return [Question(metric="roc_auc", stratum=name, statistic=area, among=inside)]


def ask_of_distances(what: str, error_mm: FloatColumn) -> list[Question]:
    """Return the questions about millimetre errors; one row for each distance, NaN for none given.

    Parameters
    ----------
    what : str
        ``"tip"`` or ``"target"``.
    error_mm : (n,) float64 array
    """
    given = ~np.isnan(error_mm)
    every = np.ones(error_mm.size, np.bool_)
    reason = f"cannot tell, because no result and truth both have a {what}"
    apart = np.nan_to_num(error_mm, nan=math.inf)
    return [
        Question(
            metric=f"{what}_error_{name}_mm",
            statistic=quantile_of(error_mm, given, share),
            among=given,
            reason=reason,
        )
        for name, share in (("median", 0.5), ("p90", 0.9))
    ] + [
        Question(
            metric=f"{what}_within_{near:g}_mm",
            statistic=share_of(apart <= near, every),
            among=every,
            hits=apart <= near,
            reason=reason,
        )
        for near in NEAR_MM
    ]
