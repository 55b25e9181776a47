"""Statistics of weighted cases, so that one formula serves the estimate and every resample.

A statistic takes weights (B, N), how often each of N cases counts in each of B resamples, and
returns (B,) values; NaN where a resample has nothing to tell, such as no positive case. Weights of
one give the plain estimate.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Statistic = Callable[[NDArray[np.float32]], FloatArray]
"""Weights (B, N) in, values (B,) out."""

_NEWTON_STEPS = 25
_LONGEST_STEP = 2.0
_CLOSE = 1e-6
_LARGEST_SLOPE = 40.0
"""A slope beyond this is a separated resample: the likelihood has no maximum."""


def share_of(hits: BoolArray, among: BoolArray) -> Statistic:
    """Return the statistic "share of `hits` among the cases `among`".

    Parameters
    ----------
    hits, among : (N,) bool array
    """
    return mean_of(hits.astype(np.float64), among)


def mean_of(values: FloatArray, among: BoolArray) -> Statistic:
    """Return the weighted mean of `values` over the cases `among`."""
    index = np.flatnonzero(among)
    return ratio_of(values, np.ones(among.size), index)


def ratio_of(above: FloatArray, below: FloatArray, index: NDArray[np.intp]) -> Statistic:
    """Return the ratio of two weighted sums over the cases `index`, such as events per minute.

    Parameters
    ----------
    above, below : (N,) float64 array
    index : (n,) int array
        Which cases count.
    """
    columns = np.stack([above[index], below[index]], axis=1)

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        sums = weights[:, index].astype(np.float64) @ columns
        return _divide(sums[:, 0], sums[:, 1])

    return statistic


def area_under_roc(score: FloatArray, positive: BoolArray, among: BoolArray) -> Statistic:
    """Return the chance that a positive case scores above a negative one; ties count half.

    Mann and Whitney's U over the number of pairs (Bamber 1975, doi 10.1016/0022-2496(75)90001-2).

    Parameters
    ----------
    score : (N,) float64 array
        Larger means more suspect.
    positive, among : (N,) bool array
        Truth, and the cases that count.
    """
    positives = np.flatnonzero(among & positive)
    negatives = np.flatnonzero(among & ~positive)
    negatives = negatives[np.argsort(score[negatives], kind="stable")]
    lower = np.searchsorted(score[negatives], score[positives], side="left")
    lower_or_equal = np.searchsorted(score[negatives], score[positives], side="right")

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        # float32 holds whole numbers exactly up to 2^24: more cases than any suite has.
        below = np.zeros((len(weights), negatives.size + 1), np.float32)
        np.cumsum(weights[:, negatives], axis=1, out=below[:, 1:])
        w_positive = weights[:, positives]
        rank = below[:, lower] + below[:, lower_or_equal]
        wins = 0.5 * np.einsum("bn,bn->b", w_positive, rank, dtype=np.float64)
        pairs = w_positive.sum(axis=1, dtype=np.float64) * below[:, -1]
        return _divide(wins, pairs)

    return statistic


def sensitivity_at(score: FloatArray, positive: BoolArray, specificity: float) -> Statistic:
    """Return the share of positives above the lowest threshold that keeps the specificity.

    A case counts as flagged above the threshold, not at it, so that ties do not help.

    Parameters
    ----------
    score : (N,) float64 array
    positive : (N,) bool array
    specificity : float
        Least share of negatives that must not be flagged.
    """
    order = np.argsort(score, kind="stable")
    is_positive = positive[order]
    _, last = _tied_runs(score[order])

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        weighed = weights[:, order]
        n_below = np.cumsum(weighed * ~is_positive, axis=1, dtype=np.float64)
        p_below = np.cumsum(weighed * is_positive, axis=1, dtype=np.float64)
        n_total, p_total = n_below[:, -1], p_below[:, -1]
        # Candidates are the scores themselves: everything tied with one is below its threshold.
        kept = n_below[:, last - 1] >= specificity * n_total[:, None] - 1e-9
        at = np.argmax(kept, axis=1)
        passed = p_below[np.arange(len(at)), last[at] - 1]
        return np.where(n_total > 0, 1.0 - _divide(passed, p_total), np.nan)

    return statistic


def threshold_at(score: FloatArray, positive: BoolArray, specificity: float) -> float:
    """Return the threshold of `sensitivity_at` on the cases themselves; NaN without negatives."""
    negatives = np.sort(score[~positive])
    if not negatives.size:
        return float("nan")
    needed = int(np.ceil(specificity * negatives.size - 1e-9))
    return float(negatives[needed - 1]) if needed else float("-inf")


def quantile_of(values: FloatArray, among: BoolArray, share: float) -> Statistic:
    """Return the value that `share` of the cases `among` do not exceed; infinities are allowed.

    The weighted inverse of the distribution function (Hyndman and Fan 1996, type 2: the mean of the
    two where it falls between cases), so that misses may stand as infinite.
    """
    index = np.flatnonzero(among)
    index = index[np.argsort(values[index], kind="stable")]
    ordered = values[index]

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        if not index.size:
            return np.full(len(weights), np.nan)
        sums = np.cumsum(weights[:, index], axis=1, dtype=np.float64)
        wanted = share * sums[:, -1:]
        low = np.argmax(sums >= wanted - 1e-9, axis=1)
        high = np.minimum(np.argmax(sums > wanted + 1e-9, axis=1), index.size - 1)
        high = np.where(sums[:, -1] > wanted[:, 0] + 1e-9, high, low)
        with np.errstate(invalid="ignore"):
            middle = np.where(low == high, ordered[low], 0.5 * (ordered[low] + ordered[high]))
        return np.where(sums[:, -1] > 0, middle, np.nan)

    return statistic


def area_under_risk_coverage(confidence: FloatArray, wrong: BoolArray) -> Statistic:
    """Return the mean error rate over all coverages, the most confident cases answered first.

    Geifman and El-Yaniv 2017 (arXiv 1705.08500). Cases of equal confidence are answered together.

    Parameters
    ----------
    confidence : (N,) float64 array
    wrong : (N,) bool array
    """
    order = np.argsort(-confidence, kind="stable")
    is_wrong = wrong[order].astype(np.float64)
    _, last = _tied_runs(-confidence[order])

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        weighed = weights[:, order].astype(np.float64)
        answered = np.cumsum(weighed, axis=1)
        errors = np.cumsum(weighed * is_wrong, axis=1)
        risk = _divide(errors[:, last - 1], answered[:, last - 1], fill=0.0)
        return _divide((weighed * risk).sum(axis=1), answered[:, -1])

    return statistic


class CalibrationLine:
    """The logistic regression of truth on predicted odds, intercept and slope from one fit.

    Cox 1958 (doi 10.1093/biomet/45.3-4.562): intercept 0 and slope 1 are calibrated, a slope below
    1 is overconfident. NaN where positives and negatives are separated, since no line is best.

    Parameters
    ----------
    log_odds : (N,) float64 array
        ln(p / (1 - p)) of the predicted probability.
    positive : (N,) bool array
    """

    def __init__(self, log_odds: FloatArray, positive: BoolArray) -> None:
        self._truth = positive.astype(np.float64)
        # Newton's method is at home near odds of about one: stretched odds are scaled back first.
        self._scale = (float(np.abs(log_odds).mean()) or 1.0) if log_odds.size else 1.0
        self._odds = log_odds / self._scale
        ones = np.ones((1, positive.size))
        whole = fit_calibration(self._odds, self._truth, ones, np.zeros(2))[0]
        self._start = whole if np.isfinite(whole).all() else np.zeros(2)
        self._last: tuple[NDArray[np.float32], FloatArray] | None = None

    def intercept(self, weights: NDArray[np.float32]) -> FloatArray:
        """Return the intercept of each resample: a statistic."""
        return self._fit(weights)[:, 0]

    def slope(self, weights: NDArray[np.float32]) -> FloatArray:
        """Return the slope of each resample: a statistic."""
        return self._fit(weights)[:, 1] / self._scale

    def _fit(self, weights: NDArray[np.float32]) -> FloatArray:
        """Return both, kept for the statistic that asks next."""
        if self._last is None or self._last[0] is not weights:
            found = fit_calibration(
                self._odds, self._truth, weights.astype(np.float64), self._start
            )
            self._last = (weights, found)
        return self._last[1]


def fit_calibration(
    log_odds: FloatArray, truth: FloatArray, weights: FloatArray, start: FloatArray
) -> FloatArray:
    """Fit the logistic line of each resample by Newton's method.

    Parameters
    ----------
    log_odds, truth : (N,) float64 array
        Predicted log odds; 1 for a positive, 0 for a negative.
    weights : (B, N) float64 array
    start : (2,) float64 array
        Intercept and slope to begin with.

    Returns
    -------
    (B, 2) float64 array
        Intercept and slope; NaN where there is no maximum.
    """
    line = np.tile(start, (len(weights), 1))
    powers = np.stack([np.ones_like(log_odds), log_odds, log_odds**2], axis=1)
    seen = weights @ (truth[:, None] * powers[:, :2])
    step = np.full(len(weights), np.inf)
    for _ in range(_NEWTON_STEPS):
        odds = np.clip(line[:, :1] + line[:, 1:] * log_odds, -700.0, 700.0)
        expected = 1.0 / (1.0 + np.exp(-odds))
        weighed = weights * expected
        gradient = seen - weighed @ powers[:, :2]
        curve = (weighed * (1.0 - expected)) @ powers
        determinant = curve[:, 0] * curve[:, 2] - curve[:, 1] ** 2
        move = np.stack(
            [
                _divide(curve[:, 2] * gradient[:, 0] - curve[:, 1] * gradient[:, 1], determinant),
                _divide(curve[:, 0] * gradient[:, 1] - curve[:, 1] * gradient[:, 0], determinant),
            ],
            axis=1,
        )
        # Newton's step may overshoot where the curve is flat.
        line = line + np.clip(move, -_LONGEST_STEP, _LONGEST_STEP)
        step = np.abs(move).max(axis=1)
        if np.nanmax(step, initial=0.0) < _CLOSE:
            break
    bad = ~(step < _CLOSE) | (np.abs(line).max(axis=1) > _LARGEST_SLOPE)
    return np.where(bad[:, None], np.nan, line)


def predictive_value(
    sensitivity: Statistic, specificity: Statistic, prevalence: float, *, is_positive: bool
) -> Statistic:
    """Return the share of flags that are right, or of silences, at a prevalence (Bayes).

    Parameters
    ----------
    sensitivity, specificity : Statistic
    prevalence : float
        Share of injections with uptake among the patients meant.
    is_positive : bool
        Whether of flags, or of runs without one.
    """

    def statistic(weights: NDArray[np.float32]) -> FloatArray:
        found, cleared = sensitivity(weights), specificity(weights)
        if is_positive:
            right, wrong = found * prevalence, (1.0 - cleared) * (1.0 - prevalence)
        else:
            right, wrong = cleared * (1.0 - prevalence), (1.0 - found) * prevalence
        return _divide(right, right + wrong)

    return statistic


def _tied_runs(ordered: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each of some ordered values where its equals begin, and where they have ended."""
    if not ordered.size:
        empty = np.zeros(0, np.intp)
        return empty, empty
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], ordered.size]
    lengths = ends - starts
    return np.repeat(starts, lengths), np.repeat(ends, lengths)


def _divide(above: FloatArray, below: FloatArray, fill: float = np.nan) -> FloatArray:
    """Return the quotient, `fill` where the divisor is 0."""
    quotient = np.full(np.broadcast(above, below).shape, fill)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
