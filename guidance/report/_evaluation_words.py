"""The figures of an evaluation in words, each with how its value reads."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from guidance.report._words import MINUS, NBSP, number

if TYPE_CHECKING:
    from guidance.evaluation import Figure

EN_DASH: Final = "\N{EN DASH}"
CANNOT_TELL: Final = "cannot tell"


def share(value: float) -> str:
    """Return a share in percent, to a tenth where that is all there is."""
    percent = 100.0 * value
    digits = 1 if 0.0 < percent < 10.0 or 98.0 < percent < 100.0 else 0
    return f"{percent:.{digits}f}{NBSP}%"


def plain(value: float) -> str:
    """Return a number between about 0 and 1, to three digits."""
    return _digits(value, 3)


def signed(value: float) -> str:
    """Return a number to two digits, with a typographic minus."""
    return _digits(value, 2)


def seconds(value: float) -> str:
    """Return a time in seconds; infinite is never."""
    return "never" if math.isinf(value) else f"{_digits(value, 2)}{NBSP}s"


def frames(value: float) -> str:
    """Return a number of frames."""
    return f"{number(value)}{NBSP}frames"


def millimetres(value: float) -> str:
    """Return a length."""
    return "not given" if math.isinf(value) else f"{value:.1f}{NBSP}mm"


def per_minute(value: float) -> str:
    """Return a rate."""
    return f"{value:.2f}{NBSP}/{NBSP}min"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricWords:
    """How one metric is shown.

    Attributes
    ----------
    name : str
        For a reader.
    meaning : str
        In a sentence's part.
    show : callable
        Turns its value into text.
    """

    name: str
    meaning: str
    show: Callable[[float], str]


def _words(name: str, meaning: str, show: Callable[[float], str] = share) -> MetricWords:
    return MetricWords(name=name, meaning=meaning, show=show)


METRICS: Final = {
    "roc_auc": _words("Area under the ROC curve", "chance that an uptake scores higher", plain),
    "sensitivity": _words("Sensitivity", "runs with uptake that were flagged"),
    "specificity": _words("Specificity", "runs without uptake that were not flagged"),
    "sensitivity_visible": _words(
        "Sensitivity, visible vessels", "of uptakes whose vessel can be seen by the stated rule"
    ),
    "sensitivity_intention": _words(
        "Sensitivity, all runs", "a run without a result counts as missed"
    ),
    "specificity_intention": _words(
        "Specificity, all runs", "a run without a result counts as not cleared"
    ),
    "coverage": _words("Coverage", "runs on which the observer did not abstain"),
    "error_rate_of_decided": _words("Error rate of the decided", "wrong, of those it decided"),
    "sensitivity_of_decided": _words("Sensitivity of the decided", "without the abstentions"),
    "specificity_of_decided": _words("Specificity of the decided", "without the abstentions"),
    "area_under_risk_coverage": _words(
        "Area under risk against coverage", "mean error, the surest runs first", plain
    ),
    "brier": _words("Brier score", "mean squared error of the probability; 0 is perfect", plain),
    "calibration_intercept": _words(
        "Calibration intercept", "0 is right; above 0: uptake is more common than said", signed
    ),
    "calibration_slope": _words(
        "Calibration slope", "1 is right; below 1: surer than it should be", signed
    ),
    "latency_p10_s": _words("Latency, fastest tenth", "of the flagged", seconds),
    "latency_median_s": _words("Latency, median", "first visible vessel to the flag", seconds),
    "latency_p90_s": _words("Latency, slowest tenth", "of the flagged", seconds),
    "latency_median_with_missed_s": _words(
        "Latency, median of all", "a missed vessel counts as never", seconds
    ),
    "flagged_within_2_s": _words("Flagged within 2 s", "of visible uptakes"),
    "flagged_before_visible": _words(
        "Flagged before visible", "after the uptake, before the stated rule sees it"
    ),
    "flagged_only_before_uptake": _words("Flagged only before the uptake", "right by chance"),
    "flag_without_time": _words("Flag without a time", "it has no latency"),
    "false_alarms_per_minute": _words("False alarms", "while no vessel held contrast", per_minute),
    "false_alarms_per_minute_in_negatives": _words(
        "False alarms, negatives", "in runs without uptake", per_minute
    ),
    "false_alarms_per_minute_before_uptake": _words(
        "False alarms, before uptake", "in runs with uptake", per_minute
    ),
    "onset_error_median_s": _words("Onset error, median", "stated minus true", seconds),
    "onset_error_abs_p90_s": _words("Onset error, worst tenth", "without its sign", seconds),
    "onset_error_median_frames": _words("Onset error, median", "stated minus true", frames),
    "onset_error_abs_p90_frames": _words("Onset error, worst tenth", "without its sign", frames),
    "tip_error_median_mm": _words("Tip error, median", "in the image plane", millimetres),
    "tip_error_p90_mm": _words("Tip error, worst tenth", "in the image plane", millimetres),
    "tip_within_3_mm": _words("Tip within 3 mm", "of tips that the truth has"),
    "tip_within_5_mm": _words("Tip within 5 mm", "of tips that the truth has"),
    "target_error_median_mm": _words(
        "Target error, median", "to the groove's segment", millimetres
    ),
    "target_error_p90_mm": _words("Target error, worst tenth", "to the segment", millimetres),
    "target_within_3_mm": _words("Target within 3 mm", "of targets that the view shows"),
    "target_within_5_mm": _words("Target within 5 mm", "of targets that the view shows"),
}
"""Metrics by their names in figures.csv; those that carry a setting in theirs are built."""


def words_of(metric: str) -> MetricWords:
    """Return how a metric is shown; one that is not known is shown by its name."""
    if metric in METRICS:
        return METRICS[metric]
    head, _, setting = metric.rpartition("_")
    if head == "sensitivity_at_specificity":
        at = share(float(setting))
        return _words(f"Sensitivity at {at} specificity", "at the score that clears so many")
    if head.endswith("pv_at_prevalence"):
        at = share(float(setting))
        if head.startswith("ppv"):
            return _words("Positive predictive value", f"flags that are right, at {at} uptake")
        return _words("Negative predictive value", f"silences that are right, at {at} uptake")
    return _words(metric, "", signed)


def estimate(figure: "Figure") -> str:
    """Return a figure's value as text."""
    if figure.estimate is None:
        return CANNOT_TELL
    return words_of(figure.metric).show(figure.estimate)


def interval(figure: "Figure") -> str:
    """Return a figure's bootstrap interval as text, empty without one."""
    return _span(figure.metric, figure.low, figure.high)


def wilson(figure: "Figure") -> str:
    """Return a figure's Wilson interval as text, empty without one."""
    return _span(figure.metric, figure.wilson_low, figure.wilson_high)


def _span(metric: str, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    show = words_of(metric).show
    first, second = show(low), show(high)
    _, _, unit = second.partition(NBSP)
    if unit:
        first = first.removesuffix(f"{NBSP}{unit}")
    return f"{first} to {second}" if MINUS in first + second else f"{first}{EN_DASH}{second}"


def _digits(value: float, digits: int) -> str:
    """Return a number with a typographic minus, and none before a zero."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if not float(text) else text.replace("-", MINUS)
