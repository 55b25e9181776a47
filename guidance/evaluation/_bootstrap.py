"""Uncertainty: the bootstrap over anatomies, and Wilson's interval beside it.

Runs of one anatomy resemble each other, so anatomies are drawn with replacement and all runs of a
drawn one come along (Davison and Hinkley 1997, section 3.8; Obuchowski 1997, doi 10.2307/2533958).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.evaluation._weighted import FloatArray, Statistic

MIN_CLUSTERS = 10
"""Fewer anatomies say too little of how anatomies differ: percentile intervals come out too short
(Cameron and Miller 2015, doi 10.3368/jhr.50.2.317, on few clusters; the number itself: guess)."""

MIN_DEFINED_SHARE = 0.9
"""Where more resamples than the rest have nothing to tell, no interval is given (guess)."""

_CHUNK_VALUES = 500_000
"""Weights held at a time: more gain no speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A percentile interval; both ends None where it cannot be had."""

    low: float | None
    high: float | None


class ClusterBootstrap:
    """Resamples of whole clusters, the same for every statistic.

    Parameters
    ----------
    clusters : sequence of str
        Cluster of each case.
    replicates : int
        Number of resamples.
    rng : Generator
        Where the draws come from.
    """

    def __init__(self, clusters: Sequence[str], replicates: int, rng: np.random.Generator) -> None:
        if replicates < 2:
            raise InputError(f"replicates is {replicates}, expected at least 2; 1000 is usual")
        names, which = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
        self._which = which
        self.n_clusters = int(names.size)
        even = np.full(names.size, 1.0 / max(names.size, 1))
        # Counts of a draw with replacement: no cluster is looked up one by one.
        self._counts = (
            rng.multinomial(names.size, even, size=replicates).astype(np.float32)
            if names.size
            else np.zeros((replicates, 0), np.float32)
        )

    def weights(self) -> Iterator[NDArray[np.float32]]:
        """Yield the weights of the cases, some resamples at a time: (b, N)."""
        step = max(1, _CHUNK_VALUES // max(self._which.size, 1))
        for start in range(0, len(self._counts), step):
            yield self._counts[start : start + step][:, self._which]

    def resample(self, statistics: Sequence[Statistic]) -> FloatArray:
        """Return every statistic of every resample: (len(statistics), replicates)."""
        if not statistics:
            return np.zeros((0, len(self._counts)))
        pieces = [
            np.stack([statistic(weights) for statistic in statistics]) for weights in self.weights()
        ]
        return np.concatenate(pieces, axis=1)

    def estimate(self, statistics: Sequence[Statistic]) -> list[float | None]:
        """Return every statistic of the cases themselves; None where it has nothing to tell."""
        ones = np.ones((1, self._which.size), np.float32)
        found = [float(statistic(ones)[0]) for statistic in statistics]
        return [None if math.isnan(value) else value for value in found]


def percentile_interval(values: FloatArray, n_clusters: int, level: float) -> Interval:
    """Return the middle `level` of resampled values.

    Parameters
    ----------
    values : (B,) float64 array
        One per resample; NaN where it had nothing to tell.
    n_clusters : int
        Clusters that the resamples were drawn from.
    level : float
        As 0.95.

    Returns
    -------
    Interval
        Without ends where clusters are fewer than `MIN_CLUSTERS`, or too many values are missing.
    """
    defined = values[~np.isnan(values)]
    if n_clusters < MIN_CLUSTERS or defined.size < MIN_DEFINED_SHARE * values.size:
        return Interval(low=None, high=None)
    tail = (1.0 - level) / 2.0
    # "lower" and "higher" never average with an infinite latency.
    low = float(np.quantile(defined, tail, method="lower"))
    high = float(np.quantile(defined, 1.0 - tail, method="higher"))
    return Interval(low=low, high=high)


def wilson_interval(hits: int, n: int, level: float) -> Interval:
    """Return Wilson's interval of a share, which takes runs as independent (for comparison).

    Wilson 1927 (doi 10.1080/01621459.1927.10502953), by `scipy.stats`.
    """
    from scipy import stats  # half a second that importing this package need not cost

    if not n:
        return Interval(low=None, high=None)
    found = stats.binomtest(hits, n).proportion_ci(confidence_level=level, method="wilson")
    return Interval(low=float(found.low), high=float(found.high))
