"""Logistic regression with a penalty on large weights, and with signs where they are known.

min_{w, b} Σ_i s_i ln(1 + exp(−(2y_i − 1)(x_i·w + b))) + (ridge / 2) |w|², which is convex: le
Cessie and van Houwelingen, Applied Statistics 1992;41:191, doi 10.2307/2347628. Solved by projected
Newton steps: Bertsekas, SIAM Journal on Control and Optimization 1982;20:221, doi 10.1137/0320018.

Sums over cases are numpy's own (einsum), not BLAS's, whose order depends on the number of cores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from guidance.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STEPS = 60
_FLAT = 1e-8
"""A slope of less than this for each case is none."""

_SHORTEST = 1e-6
"""Where so small a part of a Newton step is no gain, there is none to be had."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """Log-odds as a straight line.

    Attributes
    ----------
    weights : (M,) float64 array
        Of the measurements.
    offset : float
        Log-odds where all are 0.
    """

    weights: FloatArray
    offset: float

    def at(self, values: FloatArray) -> FloatArray:
        """Return the log-odds of cases (N, M), as (N,)."""
        return np.asarray(values @ self.weights + self.offset, np.float64)


def fit_line(
    values: FloatArray,
    positive: BoolArray,
    shares: FloatArray,
    *,
    ridge: float,
    signs: FloatArray | None = None,
) -> Line:
    """Return the line of greatest penalised likelihood.

    Parameters
    ----------
    values : (N, M) float64 array
        On scales of about 1, as the penalty treats all alike.
    positive : (N,) bool array
        What they are.
    shares : (N,) float64 array
        How much each case counts.
    ridge : float
        The penalty: so many cases' worth. The offset bears none.
    signs : (M,) float64 array, optional
        1 where a weight may not be negative, -1 where it may not be positive, else 0.

    Raises
    ------
    InputError
        All cases are alike, or a value is not finite.
    """
    if not (positive.any() and (~positive).any()):
        raise InputError(
            f"{int(positive.sum())} of {positive.size} frames are positive, expected some of both "
            "kinds; measure more runs"
        )
    if not np.isfinite(values).all():
        raise InputError("a measurement is not a number; measure the runs again")
    count = values.shape[1]
    wanted = np.zeros(count) if signs is None else signs
    problem = _Problem(
        columns=np.column_stack([values, np.ones(len(values))]),
        side=np.where(positive, 1.0, -1.0),
        shares=shares,
        penalty=np.append(np.full(count, ridge), 0.0),
        lowest=np.append(np.where(wanted > 0, 0.0, -np.inf), -np.inf),
        highest=np.append(np.where(wanted < 0, 0.0, np.inf), np.inf),
    )
    start = np.append(np.zeros(count), logit(float(shares[positive].sum() / shares.sum())))
    found = problem.solve(start)
    return Line(weights=found[:count], offset=float(found[count]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    """What is minimised: weights and offset in one (M + 1,)."""

    columns: FloatArray
    side: FloatArray
    shares: FloatArray
    penalty: FloatArray
    lowest: FloatArray
    highest: FloatArray

    def cost(self, line: FloatArray) -> float:
        margin = self.side * self._odds(line)
        loss = np.sum(self.shares * np.logaddexp(0, -margin))
        return float(loss + np.sum(self.penalty * line**2) / 2)

    def slopes(self, line: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the first and the second derivative."""
        # The logistic function of -margin: how far each case still pulls.
        pull = special.expit(-self.side * self._odds(line))
        pulled = np.einsum("nm,n->m", self.columns, self.shares * self.side * pull)
        bent = (self.shares * pull * (1 - pull))[:, None] * self.columns
        second = np.einsum("nm,nk->mk", self.columns, bent) + np.diag(self.penalty)
        return self.penalty * line - pulled, second

    def _odds(self, line: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("nm,m->n", self.columns, line), np.float64)

    def solve(self, line: FloatArray) -> FloatArray:
        """Return the minimum, from a line that keeps the limits."""
        flat = _FLAT * float(self.shares.sum())
        for _ in range(_STEPS):
            first, second = self.slopes(line)
            held = ((line <= self.lowest) & (first > 0)) | ((line >= self.highest) & (first < 0))
            free = np.flatnonzero(~held)
            if np.abs(first[free]).max() < flat:
                break
            part = second[np.ix_(free, free)]
            # Cases that are told apart without fail leave no curvature to divide by.
            part[np.diag_indices_from(part)] += 1e-9 * max(float(np.trace(part)), 1e-12)
            step = np.zeros_like(line)
            step[free] = -np.linalg.solve(part, first[free])
            further = self._go(line, step)
            if further is None:
                break
            line = further
        return line

    def _go(self, line: FloatArray, step: FloatArray) -> FloatArray | None:
        """Return the line after as much of a step as is a gain; None where none is."""
        before, length = self.cost(line), 1.0
        while length > _SHORTEST:
            further = np.clip(line + length * step, self.lowest, self.highest)
            if self.cost(further) < before:
                return further
            length /= 2
        return None


def log_loss(odds: FloatArray, positive: BoolArray, shares: FloatArray) -> float:
    """Return the mean negative log likelihood of log-odds.

    Parameters
    ----------
    odds : (N,) float64 array
    positive : (N,) bool array
    shares : (N,) float64 array
    """
    return float(shares @ np.logaddexp(0, np.where(positive, -odds, odds)) / shares.sum())


def logit(share: float) -> float:
    """Return the log-odds of a probability."""
    return float(special.logit(share))
