"""The line from measurements to a log likelihood ratio, fitted to runs the network does not know.

1. The line is fitted to frames whose answer can be seen: frames of runs without uptake, and frames
   by which a vessel shows. How strong the penalty is, cross-validation by patient chooses.
2. Its log-odds are recalibrated (offset, slope, and the share of uptakes that leave no mark) to all
   frames, those too in which a vessel holds contrast that cannot be seen; or to runs, by their
   greatest value. Here, and from here on, each
   run is judged by a line that was fitted to other patients.
3. The share of positives among them is taken off, so that any prior may be put in.
4. What false alarms a threshold lets through is counted in all time without uptake.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.spread import GROUPS, MEASURE_NAMES, Decision, Measures, MonitorSettings
from guidance.training._alarms import AlarmTable, count_alarms
from guidance.training._frames import FrameTable, tabulate_frames
from guidance.training._logistic import FloatArray, Line, fit_line, log_loss
from guidance.training._measurements import RunMeasurements
from guidance.training._stretch import Stretch, fit_stretch

RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties that are tried, in runs' worth."""

SIGNS = {name: -1 if name == "width" else 1 for name in MEASURE_NAMES}
"""Wide contrast may speak against a vessel, nothing else may. A suite teaches more than that (fast
growth and many pieces mean a large pool there), which fails where an artery fills a tree."""


class CalibrateOn(StrEnum):
    """What probabilities are to be right about."""

    FRAMES = "frames"
    RUNS = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How the line is fitted.

    Attributes
    ----------
    folds : int
        Of the cross-validation by patient; fewer where there are fewer patients.
    seed : int
        Of the folds.
    signs : bool
        Whether weights keep the sign that physics gives them.
    calibrate_on : CalibrateOn
        Frames, or runs by their greatest ratio.
    without : tuple of str
        Groups of measurements that are left out.
    monitor : MonitorSettings
        Give the rule for the flag.
    """

    folds: int = 5
    seed: int = 0
    signs: bool = False
    calibrate_on: CalibrateOn = CalibrateOn.FRAMES
    without: tuple[str, ...] = ()
    monitor: MonitorSettings = field(default_factory=MonitorSettings)

    def __post_init__(self) -> None:
        """Refuse unknown groups, and a cross-validation that is none."""
        unknown = [name for name in self.without if name not in GROUPS]
        if unknown or len(self.without) >= len(GROUPS):
            raise InputError(
                f"groups left out: {', '.join(self.without)[:80]}; there are: {', '.join(GROUPS)}, "
                "and one must stay"
            )
        if self.folds < 2 or self.seed < 0:
            raise InputError(f"{self.folds} folds with seed {self.seed}, expected at least 2 and 0")

    @property
    def names(self) -> tuple[str, ...]:
        """The measurements that stay."""
        gone = {name for group in self.without for name in GROUPS[group]}
        return tuple(name for name in MEASURE_NAMES if name not in gone)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedDecision:
    """The line, and what it is made of.

    Attributes
    ----------
    decision : Decision
        What is shipped.
    ratios : tuple of (F,) float64 arrays
        Log likelihood ratio of each frame of each run, by a line fitted to other patients.
    idle : (R,) float64 array
        The same of each run while no contrast was seen.
    alarms : AlarmTable
        False alarms by threshold.
    ridge : float
        The penalty chosen.
    log_loss : float
        Of the clear frames, by lines fitted to other patients, before recalibration.
    slope : float
        By which recalibration stretched the log-odds; below 1, the line had been overconfident.
    unseen : float
        Share of positives that leave no mark.
    """

    decision: Decision
    ratios: tuple[FloatArray, ...]
    idle: FloatArray
    alarms: AlarmTable
    ridge: float
    log_loss: float
    slope: float
    unseen: float


def fit_decision(
    runs: Sequence[RunMeasurements], settings: FitSettings | None = None
) -> FittedDecision:
    """Return the line that measured runs bear.

    Parameters
    ----------
    runs : sequence of RunMeasurements
        Of patients from whom the network has learned nothing.
    settings : FitSettings, optional
        How.

    Raises
    ------
    InputError
        There are too few runs, or all are of one kind.
    """
    settings = settings or FitSettings()
    table = tabulate_frames(runs, settings.names)
    shares = table.shares(table.is_clear)
    means = shares @ table.values / shares.sum()
    spreads = np.sqrt(shares @ (table.values - means) ** 2 / shares.sum())
    # A measurement that never changes says nothing, and must not be divided by nothing.
    scales = np.where(spreads > 1e-9, spreads, 1.0)
    idle_row = np.array([getattr(Measures(), name) for name in settings.names])
    cases = _Cases(
        table=table,
        values=(table.values - means) / scales,
        shares=shares,
        idle=(idle_row - means) / scales,
        signs=np.array([SIGNS.get(name, 0) * settings.signs for name in settings.names], float),
        fold=_fold_of_patients(int(table.patient.max()) + 1, settings)[table.patient],
    )
    crossed = min((_cross_fit(cases, ridge) for ridge in RIDGES), key=lambda one: one.log_loss)
    line = cases.fit(np.full(table.run.shape, True), crossed.ridge)
    stretch = _recalibrate(runs, table, crossed, settings.calibrate_on)
    # Beyond this the line would speak of rarer alarms than there were runs to see one in.
    most = math.log1p(sum(not run.is_vascular for run in runs))
    odds = np.minimum(stretch.at(crossed.odds), most)
    sizes = np.cumsum([run.frames.size for run in runs])[:-1]
    ratios = tuple(np.split(odds, sizes))
    alarms = count_alarms(runs, ratios, settings.monitor)
    decision = Decision(
        names=settings.names,
        means=_tidy(means),
        scales=_tidy(scales),
        weights=_tidy(line.weights * stretch.slope),
        offset=_tidy([line.offset * stretch.slope + stretch.offset])[0],
        unseen=_tidy([stretch.unseen])[0],
        most=_tidy([most])[0],
        alarms_per_min=alarms.alarms_per_min,
        thresholds=alarms.thresholds,
    )
    return FittedDecision(
        decision=decision,
        ratios=ratios,
        idle=np.minimum(stretch.at(crossed.idle), most),
        alarms=alarms,
        ridge=crossed.ridge,
        log_loss=crossed.log_loss,
        slope=stretch.slope,
        unseen=stretch.unseen,
    )


def encode_decision(decision: Decision) -> bytes:
    """Return the line as `guidance/models/decision.json` holds it."""
    return msgspec.json.format(msgspec.json.encode(decision), indent=1) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cases:
    """Frames on common scales, and who is left out when."""

    table: FrameTable
    values: FloatArray
    shares: FloatArray
    idle: FloatArray
    signs: FloatArray
    fold: NDArray[np.intp]

    def fit(self, among: NDArray[np.bool_], ridge: float) -> Line:
        kept = among & self.table.is_clear
        return fit_line(
            self.values[kept],
            self.table.positive[kept],
            self.shares[kept],
            ridge=ridge,
            signs=self.signs,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Crossed:
    """Log-odds of frames by lines fitted to other patients; of runs, while there is no contrast."""

    odds: FloatArray
    idle: FloatArray
    ridge: float
    log_loss: float


def _fold_of_patients(count: int, settings: FitSettings) -> NDArray[np.intp]:
    folds = min(settings.folds, count)
    return np.random.default_rng(settings.seed).permutation(count) % folds


def _cross_fit(cases: _Cases, ridge: float) -> _Crossed:
    table = cases.table
    odds = np.zeros(table.run.size)
    idle = np.zeros(int(table.run.max()) + 1)
    for fold in np.unique(cases.fold):
        out = cases.fold == fold
        line = cases.fit(~out, ridge)
        odds[out] = line.at(cases.values[out])
        idle[np.unique(table.run[out])] = line.at(cases.idle[None])[0]
    loss = log_loss(odds, table.positive, cases.shares)
    return _Crossed(odds=odds, idle=idle, ridge=ridge, log_loss=loss)


def _recalibrate(
    runs: Sequence[RunMeasurements], table: FrameTable, crossed: _Crossed, on: CalibrateOn
) -> Stretch:
    """Return how log-odds become log likelihood ratios."""
    odds, positive = crossed.odds, table.positive
    shares = table.shares(np.full(table.run.shape, True))
    if on is CalibrateOn.RUNS:
        sizes = np.cumsum([run.frames.size for run in runs])[:-1]
        odds = greatest_ratios(runs, np.split(crossed.odds, sizes), crossed.idle)
        positive = np.array([run.is_vascular for run in runs])
        shares = np.ones(len(runs))
    return fit_stretch(odds, positive, shares)


def greatest_ratios(
    runs: Sequence[RunMeasurements], ratios: Sequence[FloatArray], idle: FloatArray
) -> FloatArray:
    """Return what the monitor would say of each run in the end, (R,).

    Parameters
    ----------
    runs : sequence of RunMeasurements
        The runs.
    ratios : sequence of (F,) float64 arrays
        Of each frame.
    idle : (R,) float64 array
        Of each run in which no contrast was seen.
    """
    greatest = [
        float(ratio[run.has_contrast].max(initial=-math.inf))
        for run, ratio in zip(runs, ratios, strict=True)
    ]
    return np.where(np.isfinite(greatest), greatest, idle)


def _tidy(values: FloatArray | list[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)
