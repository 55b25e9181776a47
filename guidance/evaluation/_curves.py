"""The curves: receiver operating characteristic, risk against coverage, latency, reliability."""

from dataclasses import dataclass

import numpy as np

from guidance.evaluation._bootstrap import (
    MIN_CLUSTERS,
    ClusterBootstrap,
    wilson_interval,
)
from guidance.evaluation._columns import Columns
from guidance.evaluation._questions import why_no_probability, why_no_score
from guidance.evaluation._weighted import FloatArray
from guidance.records import NotFound

_GRID = 101
"""Points of a curve's band."""

_BINS = 10
_LEAST_IN_BIN = 10
"""A bin of the reliability curve holds at least so many runs (guess: below that Wilson's interval
spans half of the axis)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RocCurve:
    """Sensitivity against the share of false alarms, with a band point by point.

    Attributes
    ----------
    false_positive_share, sensitivity : tuple of float
        Corners of the curve, from (0, 0) to (1, 1).
    grid, low, high : tuple of float
        Shares of false alarms, and the bootstrap interval of the sensitivity at each; empty where
        there are too few anatomies.
    """

    false_positive_share: tuple[float, ...]
    sensitivity: tuple[float, ...]
    grid: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCurve:
    """Error rate of the runs that are answered, the most certain first.

    Attributes
    ----------
    coverage, risk : tuple of float
        Share answered, and the share of wrong among them, by ``p >= 1/2``.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCurve:
    """Share of the visible uptakes that are flagged by a time; what is missed is never reached.

    Attributes
    ----------
    latency_s : tuple of float
        Ascending.
    share : tuple of float
        Of all visible uptakes answered, flagged by then.
    n : int
        Visible uptakes answered.
    missed, early, untimed : int
        Never flagged; flagged only before the uptake; flagged at an unknown time.
    """

    latency_s: tuple[float, ...]
    share: tuple[float, ...]
    n: int
    missed: int
    early: int
    untimed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Runs of similar probability: what was said, and what was so."""

    n: int
    stated: float
    observed: float
    low: float
    high: float


def trace_roc(columns: Columns, bootstrap: ClusterBootstrap, level: float) -> RocCurve | NotFound:
    """Return the ROC curve, or why there is none."""
    if why := why_no_score(columns):
        return NotFound(why)
    index = np.flatnonzero(columns.scored)
    index = index[np.argsort(-columns.score[index], kind="stable")]
    score, positive = columns.score[index], columns.positive[index]
    ends = np.flatnonzero(np.r_[score[1:] != score[:-1], True])
    false_share, found = _walk(np.ones((1, index.size)), positive, ends)
    grid = np.linspace(0.0, 1.0, _GRID)
    low = high = np.zeros(0)
    if bootstrap.n_clusters >= MIN_CLUSTERS:
        bands = [
            _at_grid(weights[:, index], positive, ends, grid) for weights in bootstrap.weights()
        ]
        heights = np.concatenate(bands)
        tail = (1.0 - level) / 2.0
        low, high = np.nanquantile(heights, (tail, 1.0 - tail), axis=0)
    return RocCurve(
        false_positive_share=tuple(false_share[0].tolist()),
        sensitivity=tuple(found[0].tolist()),
        grid=tuple(grid.tolist()) if low.size else (),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )


def _walk(
    weights: FloatArray, positive: np.ndarray, ends: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    """Return both axes of the ROC curve of each resample, with (0, 0) in front."""
    axes = []
    for kind in (~positive, positive):
        sums = np.cumsum(weights * kind, axis=1, dtype=np.float64)
        total = sums[:, -1:]
        # A resample without one kind has no curve.
        share = np.divide(
            sums[:, ends], total, out=np.full((len(sums), ends.size), np.nan), where=total > 0
        )
        axes.append(np.concatenate([np.zeros((len(sums), 1)), share], axis=1))
    return axes[0], axes[1]


def _at_grid(
    weights: np.ndarray, positive: np.ndarray, ends: np.ndarray, grid: FloatArray
) -> FloatArray:
    false_share, found = _walk(weights, positive, ends)
    rows = zip(false_share, found, strict=True)
    return np.stack([np.interp(grid, x, y) for x, y in rows])


def trace_risk(columns: Columns) -> RiskCurve | NotFound:
    """Return error rate against coverage by certainty |p - 1/2|, or why there is none."""
    if why := why_no_probability(columns):
        return NotFound(why)
    index = np.flatnonzero(columns.with_probability)
    stated = columns.probability[index]
    certainty = np.abs(stated - 0.5)
    order = np.argsort(-certainty, kind="stable")
    wrong = ((stated >= 0.5) != columns.positive[index])[order]
    ends = np.flatnonzero(np.r_[np.diff(certainty[order]) != 0, True])
    answered = ends + 1.0
    return RiskCurve(
        coverage=tuple((answered / index.size).tolist()),
        risk=tuple((np.cumsum(wrong)[ends] / answered).tolist()),
    )


def trace_latency(columns: Columns) -> LatencyCurve | NotFound:
    """Return the share of visible uptakes flagged by a time, or why there is none."""
    visible = columns.visible & columns.answered
    n = int(visible.sum())
    if not n:
        return NotFound("cannot tell, because no answered run has a vessel that can be seen")
    late = columns.latency_s[visible]
    reached = np.sort(late[np.isfinite(late)])
    return LatencyCurve(
        latency_s=tuple(reached.tolist()),
        share=tuple(((np.arange(reached.size) + 1.0) / n).tolist()),
        n=n,
        missed=int(np.isposinf(late).sum()),
        early=int(columns.early[visible].sum()),
        untimed=int(columns.untimed[visible].sum()),
    )


def trace_reliability(columns: Columns, level: float) -> tuple[ReliabilityBin, ...] | NotFound:
    """Return stated against observed shares of uptake in bins of equal count."""
    if why := why_no_probability(columns):
        return NotFound(why)
    index = np.flatnonzero(columns.with_probability)
    stated, positive = columns.probability[index], columns.positive[index]
    bins = int(np.clip(index.size // _LEAST_IN_BIN, 1, _BINS))
    borders = np.unique(np.quantile(stated, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    which = np.searchsorted(borders, stated, side="left")
    found = []
    for number in np.unique(which):
        inside = which == number
        hits, n = int(positive[inside].sum()), int(inside.sum())
        interval = wilson_interval(hits, n, level)
        found.append(
            ReliabilityBin(
                n=n,
                stated=float(stated[inside].mean()),
                observed=hits / n,
                low=interval.low or 0.0,
                high=1.0 if interval.high is None else interval.high,
            )
        )
    return tuple(found)
