"""How many false alarms a threshold lets through, by the monitor's own rule for the flag.

The flag goes up after so many frames in a row at or above the threshold, or at once where a frame
is far above it. Both get rarer as the threshold rises, so that for each run there is one greatest
threshold at which the flag still goes up; a suite's table of alarms is the list of these.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.spread import MonitorSettings
from guidance.training._measurements import RunMeasurements

FloatArray = NDArray[np.float64]

_ROWS = 24
_BEYOND = 0.5
"""So far above the greatest ratio of all negative time lies the threshold of "fewer than one"."""

_SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTable:
    """False alarms by threshold.

    Attributes
    ----------
    alarms_per_min, thresholds : tuple of float
        In falling order of the threshold.
    minutes : float
        Time without contrast in a vessel that it rests on.
    runs : int
        With such time.
    """

    alarms_per_min: tuple[float, ...]
    thresholds: tuple[float, ...]
    minutes: float
    runs: int


def greatest_threshold(
    ratios: FloatArray, has_contrast: NDArray[np.bool_], settings: MonitorSettings
) -> float:
    """Return the greatest threshold at which the flag goes up; minus infinity where none does.

    Parameters
    ----------
    ratios : (F,) float64 array
        Log likelihood ratio of each frame that could be judged.
    has_contrast : (F,) bool array
        Whether contrast was seen by then; without, there is no flag.
    settings : MonitorSettings
        Give the rule.
    """
    if not has_contrast.any():
        return -math.inf
    shown = np.where(has_contrast, ratios, -np.inf)
    plain = float(shown.max()) - settings.plain_ratio
    if len(shown) < settings.flag_frames:
        return plain
    in_a_row = np.lib.stride_tricks.sliding_window_view(shown, settings.flag_frames).min(axis=1)
    return max(plain, float(in_a_row.max()))


def count_alarms(
    runs: Sequence[RunMeasurements], ratios: Sequence[FloatArray], settings: MonitorSettings
) -> AlarmTable:
    """Return the table of false alarms.

    Parameters
    ----------
    runs : sequence of RunMeasurements
        All of them: those with uptake count until it comes.
    ratios : sequence of (F,) float64 arrays
        Log likelihood ratio of each frame of each run.
    settings : MonitorSettings
        Give the rule for the flag.

    Raises
    ------
    InputError
        There is no false alarm at any threshold: too few runs.
    """
    minutes = sum(min(run.duration_s, run.uptake_s) for run in runs) / 60
    found = []
    for run, ratio in zip(runs, ratios, strict=True):
        before = run.times_s < run.uptake_s
        found.append(greatest_threshold(ratio[before], run.has_contrast[before], settings))
    falling = np.sort([threshold for threshold in found if threshold > -math.inf])[::-1]
    if falling.size == 0 or minutes <= 0:
        raise InputError(
            f"no contrast was seen in {minutes:.1f} minutes without uptake, so no threshold can be "
            "set; measure more runs"
        )
    rates, thresholds = _tabulate(falling, minutes)
    return AlarmTable(
        alarms_per_min=rates,
        thresholds=thresholds,
        minutes=minutes,
        runs=sum(run.uptake_s > 0 for run in runs),
    )


def _tabulate(
    falling: NDArray[np.floating], minutes: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return rates and thresholds between one run's greatest threshold and the next one's."""
    next_ones = np.append(falling[1:], falling[-1] - 2 * _BEYOND)
    counts = np.flatnonzero(falling - next_ones > _SAME) + 1
    between = (falling + next_ones)[counts - 1] / 2
    if counts.size > _ROWS:
        wanted = np.geomspace(counts[0], counts[-1], _ROWS)
        kept = np.unique(np.abs(counts[:, None] - wanted).argmin(axis=0))
        counts, between = counts[kept], between[kept]
    # Fewer than one alarm in all that time: half of one stands for none.
    rates = np.append(0.5, counts) / minutes
    thresholds = np.append(falling[0] + _BEYOND, between)
    return tuple(float(f"{rate:.6g}") for rate in rates), tuple(
        float(f"{threshold:.6g}") for threshold in thresholds
    )
