"""From measurements to a probability: a straight line through log-odds, and Bayes' prior.

The line was fitted to runs that the network had not learned from (`guidance/training`), and speaks
of likelihood ratios, so that any prior may be put in: in a clinic uptake is rare, in a test it is
not. The flag asks for a likelihood ratio that so many false alarms per minute go with.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

from guidance.spread._measures import MEASURE_NAMES, Measures

FloatArray = NDArray[np.float64]

DECISION = "decision.json"
_FURTHEST = 12.0
"""The line is cut here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The line, as kept in `guidance/models/decision.json`.

    Attributes
    ----------
    names : tuple of str
        Measurements, in the order of what follows.
    means, scales, weights : tuple of float
        Each measurement is taken as its difference from the mean over the scale.
    offset : float
        Value of the line at the means.
    unseen : float
        Share of uptakes that leave no mark in a run: nothing seen cannot speak against those.
    most : float
        No log likelihood ratio is larger: so many runs without uptake were seen, and no more.
    alarms_per_min, thresholds : tuple of float
        False alarms per minute that a threshold on the log likelihood ratio lets through, on runs
        without uptake.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float
    alarms_per_min: tuple[float, ...]
    thresholds: tuple[float, ...]
    unseen: float = 0.0
    most: float = _FURTHEST

    def ratio(self, measures: Measures) -> float:
        """Return the log likelihood ratio of uptake against none."""
        return float(self.ratios(measures.row()[None])[0])

    def ratios(self, rows: FloatArray) -> FloatArray:
        """Return the log likelihood ratio of each frame.

        Parameters
        ----------
        rows : (F, M) float64 array
            Measurements in the order of `MEASURE_NAMES`.

        Returns
        -------
        (F,) float64 array
            With l the value of the line and u the share of uptakes that leave no mark,
            ln((1 - u) exp(l) + u), at most `most`.
        """
        columns = [MEASURE_NAMES.index(name) for name in self.names]
        values = (rows[:, columns] - np.array(self.means)) / np.array(self.scales)
        line = np.clip(self.offset + values @ np.array(self.weights), -_FURTHEST, _FURTHEST)
        return np.minimum(mix_unseen(line, self.unseen), self.most)

    def share_of(self, measures: Measures, names: Collection[str]) -> float:
        """Return by how much the ratio would fall, did some measurements show no contrast.

        Parameters
        ----------
        measures : Measures
            Of a frame.
        names : collection of str
            Those taken together.
        """
        idle = Measures()
        without = replace(measures, **{name: getattr(idle, name) for name in names})
        return self.ratio(measures) - self.ratio(without)

    @property
    def ratio_without_contrast(self) -> float:
        """Log likelihood ratio of a run in which no contrast was seen."""
        return self.ratio(Measures())

    def threshold(self, alarms_per_min: float) -> float:
        """Return the log likelihood ratio that lets so many false alarms through."""
        wanted = math.log(max(alarms_per_min, 1e-4))
        known = np.log(np.array(self.alarms_per_min))
        order = np.argsort(known)
        return float(np.interp(wanted, known[order], np.array(self.thresholds)[order]))


def mix_unseen(line: FloatArray, unseen: float) -> FloatArray:
    """Return log likelihood ratios where a share of the positives looks like a negative.

    Parameters
    ----------
    line : (F,) float64 array
        Log likelihood ratios among those that leave a mark.
    unseen : float
        Share of those that leave none, 0 to below 1.
    """
    if unseen <= 0:
        return line
    mixed = np.logaddexp(np.log1p(-unseen) + line, np.log(unseen))
    return np.asarray(mixed, np.float64)


def probability(ratio: float, prior: float) -> float:
    """Return the probability that a log likelihood ratio makes of a prior probability."""
    return 1 / (1 + math.exp(-(ratio + math.log(prior / (1 - prior)))))


@cache
def load_decision() -> Decision:
    """Return the shipped line."""
    data = (files("guidance") / "models" / DECISION).read_bytes()
    decision = msgspec.json.decode(data, type=Decision)
    assert set(decision.names) <= set(MEASURE_NAMES)
    return decision
