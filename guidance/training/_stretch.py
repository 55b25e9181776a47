"""From a line's log-odds to log likelihood ratios, where part of the positives cannot be told."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from guidance.spread import mix_unseen
from guidance.training._logistic import FloatArray, fit_line, logit

_UNSEEN = (0.001, 0.9)
_STEEPEST = 8.0
_OFFSETS = (-12.0, 12.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How log-odds become log likelihood ratios.

    Attributes
    ----------
    slope, offset : float
        Of the line among positives that leave a mark.
    unseen : float
        Share of positives that leave none.
    """

    slope: float
    offset: float
    unseen: float

    def at(self, odds: FloatArray) -> FloatArray:
        """Return the log likelihood ratios."""
        return mix_unseen(self.offset + self.slope * odds, self.unseen)


def fit_stretch(odds: FloatArray, positive: NDArray[np.bool_], shares: FloatArray) -> Stretch:
    """Return the stretch under which cases are likeliest.

    A straight line alone would be bent flat by positives that look like negatives, such as a vein
    that fills out of sight: then neither end is right. What they do is bound from below how much
    a clean picture can say.

    Parameters
    ----------
    odds : (N,) float64 array
        Log-odds of each case, by a line fitted to others.
    positive : (N,) bool array
        What is true.
    shares : (N,) float64 array
        How much each case counts.
    """
    usual = logit(float(shares[positive].sum() / shares.sum()))
    start = fit_line(odds[:, None], positive, shares, ridge=0.0, signs=np.ones(1))

    def loss(numbers: FloatArray) -> float:
        offset, slope, unseen = numbers
        total = usual + mix_unseen(offset + slope * odds, float(unseen))
        return float(shares @ np.logaddexp(0, np.where(positive, -total, total)) / shares.sum())

    found = minimize(
        loss,
        np.array([start.offset - usual, max(float(start.weights[0]), 0.05), 0.3]),
        method="L-BFGS-B",
        bounds=[_OFFSETS, (0.0, _STEEPEST), _UNSEEN],
    )
    offset, slope, unseen = (float(number) for number in found.x)
    return Stretch(slope=slope, offset=offset, unseen=unseen)
