"""How well the fitted line does, on patients that its own fit did not see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.training._alarms import greatest_threshold
from guidance.training._decision import FitSettings, FittedDecision, greatest_ratios
from guidance.training._logistic import fit_line, logit
from guidance.training._measurements import RunMeasurements, hash_weights
from guidance.training._scores import area_under_roc

SCHEMA = "guidance.decision/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFigures:
    """What is told of a fit, all by cross-validation over patients; None cannot be had.

    Attributes
    ----------
    schema : str
        ``"guidance.decision/1"``.
    weights_sha256 : str
        Of the network that the monitor read with.
    runs, patients, frames : int
        What it was fitted to.
    patient_names : tuple of str
        Of whom; the network must have learned from none of them.
    positive_runs, visible_runs : int
        Runs with contrast in a vessel, and those of them in which it can be seen.
    by_suite : dict of int
        Runs of each suite.
    ridge, log_loss, slope, unseen : float
        See `FittedDecision`.
    signs : bool
        Whether weights kept the signs of physics.
    calibrated_on : str
        Frames or runs.
    without : tuple of str
        Groups of measurements left out.
    auc_runs, auc_visible : float
        Chance that the greatest ratio of a run with uptake, or of one with visible uptake, is above
        that of a run without.
    calibration_intercept, calibration_slope : float
        Of runs, by their greatest ratio, at the share of positives among them; 0 and 1 are right.
    alarms_per_min : float
        The default operating point.
    threshold : float
        Its log likelihood ratio.
    sensitivity, sensitivity_visible, specificity : float
        Runs flagged there at any time.
    negative_minutes : float
        Time without contrast in a vessel.
    """

    schema: str
    weights_sha256: str
    runs: int
    patients: int
    frames: int
    patient_names: tuple[str, ...]
    positive_runs: int
    visible_runs: int
    by_suite: dict[str, int]
    ridge: float
    log_loss: float
    slope: float
    unseen: float
    signs: bool
    calibrated_on: str
    without: tuple[str, ...]
    auc_runs: float | None
    auc_visible: float | None
    calibration_intercept: float
    calibration_slope: float
    alarms_per_min: float
    threshold: float
    sensitivity: float | None
    sensitivity_visible: float | None
    specificity: float | None
    negative_minutes: float


def describe_decision(
    runs: Sequence[RunMeasurements], fitted: FittedDecision, settings: FitSettings
) -> DecisionFigures:
    """Return the figures of a fit.

    Parameters
    ----------
    runs : sequence of RunMeasurements
        What it was fitted to.
    fitted : FittedDecision
        The fit.
    settings : FitSettings
        How it was fitted.
    """
    greatest = greatest_ratios(runs, fitted.ratios, fitted.idle)
    positive = np.array([run.is_vascular for run in runs])
    visible = np.array([run.is_vascular and run.is_visible for run in runs])
    odds = greatest + logit(float(positive.mean()))
    calibration = fit_line(odds[:, None], positive, np.ones(len(runs)), ridge=0.0)
    rule = settings.monitor
    threshold = fitted.decision.threshold(rule.alarms_per_min)
    flagged = np.array(
        [
            greatest_threshold(ratio, run.has_contrast, rule) >= threshold
            for run, ratio in zip(runs, fitted.ratios, strict=True)
        ]
    )
    suites = [run.suite for run in runs]
    patients = sorted({run.patient for run in runs})
    clear = visible | ~positive
    return DecisionFigures(
        schema=SCHEMA,
        weights_sha256=hash_weights(),
        runs=len(runs),
        patients=len(patients),
        frames=sum(run.frames.size for run in runs),
        patient_names=tuple(patients),
        positive_runs=int(positive.sum()),
        visible_runs=int(visible.sum()),
        by_suite={name: suites.count(name) for name in sorted(set(suites))},
        ridge=fitted.ridge,
        log_loss=round(fitted.log_loss, 4),
        slope=round(fitted.slope, 4),
        unseen=round(fitted.unseen, 4),
        signs=settings.signs,
        calibrated_on=str(settings.calibrate_on),
        without=settings.without,
        auc_runs=_tidy(area_under_roc(greatest, positive)),
        auc_visible=_tidy(area_under_roc(greatest[clear], positive[clear])),
        calibration_intercept=round(calibration.offset, 3),
        calibration_slope=round(float(calibration.weights[0]), 3),
        alarms_per_min=rule.alarms_per_min,
        threshold=round(threshold, 4),
        sensitivity=_share(flagged[positive]),
        sensitivity_visible=_share(flagged[visible]),
        specificity=_share(~flagged[~positive]),
        negative_minutes=round(fitted.alarms.minutes, 2),
    )


def _share(hits: NDArray[np.bool_]) -> float | None:
    return _tidy(float(hits.mean())) if hits.size else None


def _tidy(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
