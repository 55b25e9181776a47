"""The statistics against worked examples, and what must hold of them whatever the cases are."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from guidance.evaluation._weighted import (
    CalibrationLine,
    area_under_risk_coverage,
    area_under_roc,
    mean_of,
    predictive_value,
    quantile_of,
    ratio_of,
    sensitivity_at,
    share_of,
    threshold_at,
)

EVERY = np.ones


def value(statistic, n, weights=None):
    counts = np.ones((1, n)) if weights is None else np.asarray(weights, float)[None]
    return float(statistic(counts.astype(np.float32))[0])


def area(score, positive):
    score, positive = np.asarray(score, float), np.asarray(positive, bool)
    return value(area_under_roc(score, positive, EVERY(score.size, bool)), score.size)


def ratings():
    """Return Hanley and McNeil's table: 58 normal and 51 abnormal scans rated from 1 to 5."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    score = np.repeat([1.0, 2, 3, 4, 5, 1, 2, 3, 4, 5], (*normal, *abnormal))
    return score, np.arange(score.size) >= sum(normal)


def test_area_of_a_published_table():
    # Hanley and McNeil 1982, doi 10.1148/radiology.143.1.7063747, table III: 0.893.
    assert area(*ratings()) == pytest.approx(0.893, abs=5e-4)


def test_area_counts_pairs_by_hand():
    # Pairs (positive, negative): 3>1, 3>2, 2>1 win, 2=2 is half: 3.5 of 4.
    assert area([3, 2, 1, 2], [1, 1, 0, 0]) == 3.5 / 4


@pytest.fixture
def many():
    rng = np.random.default_rng(5)
    positive = rng.random(300) < 0.35
    score = np.round(rng.normal(positive * 1.2, 1.0), 1)  # rounded: with many ties
    return score, positive


def test_area_agrees_with_mann_and_whitney_of_scipy(many):
    score, positive = many
    u = stats.mannwhitneyu(score[positive], score[~positive]).statistic
    assert area(score, positive) == pytest.approx(u / (positive.sum() * (~positive).sum()))


def test_area_does_not_change_with_the_scale(many):
    score, positive = many
    assert area(np.exp(score / 3) - 7, positive) == area(score, positive)


def test_area_of_turned_labels_is_the_rest(many):
    score, positive = many
    assert area(score, ~positive) == pytest.approx(1 - area(score, positive))
    assert area(-score, positive) == pytest.approx(1 - area(score, positive))


def test_perfect_and_useless_observers():
    assert area([0, 0, 1, 1], [0, 0, 1, 1]) == 1.0
    assert area([7, 7, 7, 7], [0, 1, 0, 1]) == 0.5
    assert math.isnan(area([1, 2], [1, 1]))
    assert math.isnan(area([], []))


def test_sensitivity_at_a_specificity_by_hand():
    # Ten negatives 0..9: 0.9 of them lie at or below 8, and above 8 lie two of the four positives.
    score = np.array([*range(10), 2.0, 8.0, 8.5, 20.0])
    positive = np.arange(14) >= 10
    assert threshold_at(score, positive, 0.9) == 8.0
    assert value(sensitivity_at(score, positive, 0.9), 14) == 0.5
    assert value(sensitivity_at(score, positive, 0.98), 14) == 0.25


def test_ties_with_negatives_do_not_count_as_found():
    score = np.array([0.0, 1.0, 1.0, 1.0])
    positive = np.array([False, False, True, True])
    assert value(sensitivity_at(score, positive, 0.98), 4) == 0.0


def test_slope_of_a_fourfold_table_is_the_log_odds_ratio():
    # Predicted odds of two values only: the fit is exact, slope = ln(12*18 / (8*3)), by hand.
    odds = np.repeat([0.0, 1.0, 0.0, 1.0], (18, 8, 3, 12))
    truth = np.repeat([False, False, True, True], (18, 8, 3, 12))
    slope = value(CalibrationLine(odds, truth).slope, 41)
    intercept = value(CalibrationLine(odds, truth).intercept, 41)
    assert slope == pytest.approx(math.log(12 * 18 / (8 * 3)))
    assert intercept == pytest.approx(math.log(3 / 18))


def test_calibration_agrees_with_a_general_optimiser(many):
    odds, positive = many

    def loss(line):
        z = line[0] + line[1] * odds
        return np.sum(np.logaddexp(0, z) - positive * z)

    best = optimize.minimize(loss, [0.0, 1.0], tol=1e-12).x
    line = CalibrationLine(odds, positive)
    found = value(line.intercept, odds.size), value(line.slope, odds.size)
    assert found == pytest.approx(best, abs=1e-4)


def test_stretched_odds_divide_the_slope(many):
    odds, positive = many
    one, three = (value(CalibrationLine(k * odds, positive).slope, odds.size) for k in (1, 3))
    assert three == pytest.approx(one / 3)


def test_no_line_fits_separated_cases():
    odds, positive = np.array([-2.0, -1, 1, 2]), np.array([False, False, True, True])
    assert math.isnan(value(CalibrationLine(odds, positive).slope, 4))


def test_risk_against_coverage_by_hand():
    # Surest first: right, wrong, right, right: risks 0, 1/2, 1/3, 1/4; their mean.
    wrong = np.array([False, True, False, False])
    statistic = area_under_risk_coverage(np.array([4.0, 3, 2, 1]), wrong)
    assert value(statistic, 4) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_risk_of_equal_confidence_is_the_error_rate():
    wrong = np.array([True, False, False, True])
    assert value(area_under_risk_coverage(np.zeros(4), wrong), 4) == 0.5


def test_quantiles_are_those_of_numpy(many):
    values, _ = many
    for share in (0.1, 0.5, 0.9):
        found = value(quantile_of(values, EVERY(values.size, bool), share), values.size)
        assert found == np.quantile(values, share, method="averaged_inverted_cdf")


def test_a_median_of_mostly_missed_is_never():
    times = np.array([0.5, 1.0, np.inf, np.inf, np.inf])
    assert value(quantile_of(times, EVERY(5, bool), 0.5), 5) == math.inf
    assert value(quantile_of(times, EVERY(5, bool), 0.2), 5) == 0.75


def test_predictive_values_by_bayes():
    # 90 % sensitivity and 95 % specificity at 10 %: 0.09 right of 0.09 + 0.045 flags.
    found, cleared = (lambda _, v=v: np.array([v]) for v in (0.9, 0.95))
    right = predictive_value(found, cleared, 0.1, is_positive=True)
    silent = predictive_value(found, cleared, 0.1, is_positive=False)
    assert value(right, 1) == pytest.approx(0.09 / 0.135)
    assert value(silent, 1) == pytest.approx(0.855 / 0.865)


def all_statistics(score, positive):
    every = EVERY(score.size, bool)
    third = np.arange(score.size) % 3 == 0
    probability = 1 / (1 + np.exp(-score))
    wrong = (probability > 0.5) != positive
    return {
        "share": share_of(positive, every),
        "share of some": share_of(positive, third),
        "mean": mean_of(score, every),
        "ratio": ratio_of(score**2, probability, np.flatnonzero(third)),
        "area": area_under_roc(score, positive, every),
        "area of some": area_under_roc(score, positive, third),
        "sensitivity": sensitivity_at(score, positive, 0.9),
        "median": quantile_of(score, third, 0.5),
        "p90": quantile_of(score, every, 0.9),
        "risk": area_under_risk_coverage(np.abs(probability - 0.5), wrong),
        "slope": CalibrationLine(score, positive).slope,
        "intercept": CalibrationLine(score, positive).intercept,
    }


def test_a_weight_is_a_repetition(many):
    score, positive = many
    weights = np.random.default_rng(1).integers(0, 4, score.size)
    which = np.repeat(np.arange(score.size), weights)
    weighted = all_statistics(score, positive)
    # The third is taken of the first cases' numbers, so it must come along.
    for name, statistic in weighted.items():
        if "some" in name or name in ("ratio", "median"):
            continue
        repeated = all_statistics(score[which], positive[which])[name]
        assert value(statistic, 0, weights) == pytest.approx(value(repeated, which.size)), name


def test_weights_of_others_do_not_matter(many):
    score, positive = many
    weights = np.ones(score.size)
    weights[np.arange(score.size) % 3 != 0] = 5
    for name in ("share of some", "ratio", "area of some", "median"):
        statistic = all_statistics(score, positive)[name]
        assert value(statistic, 0, weights) == pytest.approx(value(statistic, score.size)), name


def test_resamples_are_told_apart(many):
    score, positive = many
    weights = np.random.default_rng(2).integers(0, 3, (5, score.size)).astype(np.float32)
    for name, statistic in all_statistics(score, positive).items():
        apart = [float(statistic(weights[row : row + 1])[0]) for row in range(5)]
        assert statistic(weights).tolist() == pytest.approx(apart), name


def test_nothing_to_tell_is_nan(many):
    score, positive = many
    for name, statistic in all_statistics(score, positive).items():
        assert math.isnan(value(statistic, 0, np.zeros(score.size))), name
