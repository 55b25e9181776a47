"""Whole evaluations of observers that are known to be perfect, useless or silent."""

import math
from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.evaluation import EvaluationSettings, evaluate_cases, join_cases
from guidance.evaluation._strata import find_strata
from guidance.records import NotFound, SpreadPattern, Verdict

VASCULAR = SpreadPattern.VASCULAR
QUICK = EvaluationSettings(replicates=100)


@pytest.fixture
def suite(make_truth):
    """Return 90 runs of 30 anatomies, every third of them vascular."""
    return [
        make_truth(
            number,
            patient=f"p{number // 3}",
            **({"pattern": VASCULAR} if number % 3 == 0 else {}),
        )
        for number in range(90)
    ]


@pytest.fixture
def observe(make_result, suite):
    """Return what evaluates an observer, given as a function of a truth to a result's fields."""

    def call(say, settings=QUICK, truths=None):
        truths = suite if truths is None else truths
        results = [make_result(truth.index, **say(truth)) for truth in truths]
        return evaluate_cases(join_cases(truths, results), settings)

    return call


def perfect(truth):
    flags = {"flag_frames": (4,)} if truth.is_vascular else {}
    return {"probability": float(truth.is_vascular), "onset_frame": 2, **flags}


def test_a_perfect_observer(observe):
    found = observe(perfect)
    for metric in ("roc_auc", "sensitivity", "specificity", "sensitivity_at_specificity_0.98"):
        figure = found.figure(metric)
        assert (figure.estimate, figure.low, figure.high) == (1.0, 1.0, 1.0), metric
    for metric in ("brier", "latency_median_s", "false_alarms_per_minute", "onset_error_median_s"):
        assert found.figure(metric).estimate == 0.0, metric
    assert found.figure("ppv_at_prevalence_0.037").estimate == 1.0
    assert found.figure("calibration_slope").estimate is None
    assert "separated" in found.figure("calibration_slope").remark
    assert found.misses == found.false_alarms == ()
    # Wilson's interval knows that 30 of 30 are not all there will ever be.
    assert found.figure("sensitivity").wilson_low == pytest.approx(0.8865, abs=1e-4)


def test_a_useless_observer(observe):
    found = observe(lambda truth: {"probability": 0.5, "flag_frames": (0,)})
    assert found.figure("roc_auc").estimate == 0.5
    assert found.figure("sensitivity").estimate == 1.0
    assert found.figure("specificity").estimate == 0.0
    # Sixty negatives of 10 s and thirty positives of 3 s before uptake: 90 alarms in 11.5 minutes.
    assert found.figure("false_alarms_per_minute").estimate == pytest.approx(90 / 11.5)
    assert found.figure("flagged_only_before_uptake").estimate == 1.0
    assert found.figure("latency_median_s").estimate is None
    assert found.figure("brier").estimate == 0.25
    assert len(found.false_alarms) == 90
    assert not found.false_alarms[0].truth.is_vascular


def test_turned_labels_turn_the_figures(observe, suite):
    rng = np.random.default_rng(0)
    score = rng.normal(size=90)
    say = lambda truth: {"score": score[truth.index]}  # noqa: E731
    turned = [
        replace(
            truth,
            pattern=SpreadPattern.EPIDURAL if truth.is_vascular else VASCULAR,
            vessel_dose_fraction=None,
            uptake_s=None,
            first_visible_vessel_s=None,
        )
        for truth in suite
    ]
    one, other = observe(say), observe(say, truths=turned)
    assert one.figure("roc_auc").estimate == pytest.approx(1 - other.figure("roc_auc").estimate)
    assert one.figure("specificity").estimate == 1.0
    assert other.figure("sensitivity").estimate == 0.0


def test_without_probabilities_the_flag_is_still_judged(observe):
    found = observe(lambda truth: {"flag_frames": (5,)} if truth.is_vascular else {})
    for metric in ("roc_auc", "brier", "calibration_slope", "area_under_risk_coverage"):
        figure = found.figure(metric)
        assert figure.estimate is None
        assert figure.remark.startswith("cannot tell, because no result has a"), metric
    for curve in (found.roc, found.risk, found.reliability):
        assert isinstance(curve, NotFound)
    assert found.figure("sensitivity").estimate == 1.0
    assert found.figure("latency_median_s").estimate == 1.0


def test_without_uptakes_the_rest_is_told(observe, suite):
    found = observe(perfect, truths=[truth for truth in suite if not truth.is_vascular])
    assert found.figure("sensitivity").estimate is None
    assert (
        found.figure("sensitivity").remark
        == "cannot tell, because no run here is vascular or mixed"
    )
    assert found.figure("roc_auc").remark == (
        "cannot tell, because no run with a score is vascular or mixed"
    )
    assert found.figure("specificity").estimate == 1.0
    assert isinstance(found.latency, NotFound)


def test_missing_results_count_as_failures_where_that_is_said(make_result, suite):
    results = [make_result(t.index, **perfect(t)) for t in suite if t.index >= 9]
    found = evaluate_cases(join_cases(suite, results), QUICK)
    assert found.figure("sensitivity").estimate == 1.0
    assert found.figure("sensitivity_intention").estimate == pytest.approx(27 / 30)
    assert found.figure("specificity_intention").estimate == pytest.approx(54 / 60)
    assert found.counts.without_result == len(found.without_result) == 9


def test_abstaining_costs_coverage_not_the_decided(observe):
    def say(truth):
        if truth.index < 30:
            return {"verdict": Verdict.INDETERMINATE}
        return {"verdict": Verdict.NONE, **perfect(truth)}

    found = observe(say)
    assert found.figure("coverage").estimate == pytest.approx(2 / 3)
    assert found.figure("sensitivity").estimate == pytest.approx(2 / 3)
    assert found.figure("sensitivity_of_decided").estimate == 1.0
    assert found.figure("error_rate_of_decided").estimate == 0.0


def test_missed_vessels_come_in_the_order_they_were_easy(observe, suite):
    doses = {0: 0.1, 3: 0.9, 6: 0.4}
    truths = [
        replace(t, vessel_dose_fraction=doses[t.index]) if t.index in doses else t for t in suite
    ]
    truths[9] = replace(truths[9], vessel_dose_fraction=1.0, first_visible_vessel_s=None)
    found = observe(lambda t: {} if t.index in (0, 3, 6, 9) else perfect(t), truths=truths)
    assert [failure.truth.index for failure in found.misses] == [3, 6, 0, 9]


def test_the_same_twice_and_in_any_order(observe, suite):
    rng = np.random.default_rng(3)
    score = rng.normal(size=90)
    say = lambda truth: {"probability": 1 / (1 + np.exp(-score[truth.index]))}  # noqa: E731
    assert observe(say).figures == observe(say).figures
    assert observe(say).figures == observe(say, truths=suite[::-1]).figures
    other = observe(say, settings=replace(QUICK, seed=1))
    assert other.figure("roc_auc").estimate == observe(say).figure("roc_auc").estimate
    assert other.figure("roc_auc").low != observe(say).figure("roc_auc").low


def test_few_anatomies_are_said_to_be_few(observe, suite):
    found = observe(perfect, truths=[replace(t, patient=f"p{t.index // 30}") for t in suite])
    figure = found.figure("sensitivity")
    assert (figure.estimate, figure.low, figure.clusters) == (1.0, None, 3)
    assert figure.remark == "no interval: 3 anatomies are too few to resample"
    assert found.roc.grid == ()


def test_strata_hold_the_runs_they_say(observe, suite):
    truths = [
        replace(
            t, view="AP" if t.index % 2 else "lateral", variants=("remote",) if t.index < 9 else ()
        )
        for t in suite
    ]
    found = observe(perfect, truths=truths)
    assert found.figure("specificity", "view=AP").n == 30
    assert found.figure("sensitivity", "variant=remote").n == 3
    assert found.figure("sensitivity", "variant=remote").remark == "too few: 3 cases"
    assert found.figure("sensitivity", "variant=remote").low is None
    assert found.figure("roc_auc", "dose in vessel=20 to 100 %").estimate == 1.0


def test_a_stratum_of_all_is_left_out(suite):
    assert "suite" not in {stratum.group for stratum in find_strata(tuple(suite))}


@pytest.mark.parametrize(
    ("share", "label"),
    [(0.02, "up to 5 %"), (0.05, "up to 5 %"), (0.2, "5 to 20 %"), (0.21, "20 to 100 %")],
)
def test_borders_belong_to_the_lower_bin(suite, share, label):
    truths = (replace(suite[0], vessel_dose_fraction=share), *suite[1:])
    (found,) = [s for s in find_strata(truths) if 0 in s.members and s.group == "dose in vessel"]
    assert found.label == label


def test_curves_end_where_the_figures_say(observe):
    rng = np.random.default_rng(4)
    score = rng.normal(size=90)

    def say(truth):
        p = 1 / (1 + np.exp(-score[truth.index] - truth.is_vascular))
        return {"probability": p, **({"flag_frames": (5,)} if p > 0.5 else {})}

    found = observe(say)
    assert (found.roc.false_positive_share[0], found.roc.sensitivity[0]) == (0.0, 0.0)
    assert (found.roc.false_positive_share[-1], found.roc.sensitivity[-1]) == (1.0, 1.0)
    step = np.diff(found.roc.false_positive_share)
    height = np.add(found.roc.sensitivity[1:], found.roc.sensitivity[:-1]) / 2
    assert float(step @ height) == pytest.approx(found.figure("roc_auc").estimate)
    assert found.risk.coverage[-1] == 1.0
    assert found.risk.risk[-1] == pytest.approx(
        1 - np.mean([(f["probability"] >= 0.5) == t for f, t in _said(say)])
    )
    assert found.latency.share[-1] == pytest.approx(1 - found.latency.missed / found.latency.n)
    assert sum(one.n for one in found.reliability) == 90


def _said(say):
    class Run:
        def __init__(self, index):
            self.index, self.is_vascular = index, index % 3 == 0

    return [(say(Run(index)), index % 3 == 0) for index in range(90)]


def test_nothing_joined_is_an_error(suite):
    with pytest.raises(InputError, match="no run has both"):
        evaluate_cases(join_cases(suite, []))


@pytest.mark.parametrize(
    "changes", [{"level": 1.0}, {"prevalence": 0.0}, {"replicates": 1}, {"stated_prior": 2.0}]
)
def test_settings_out_of_range(changes):
    with pytest.raises(InputError):
        EvaluationSettings(**changes)


def test_an_unknown_figure_lists_the_known(observe):
    with pytest.raises(InputError, match="known there: sensitivity"):
        observe(perfect).figure("accuracy")


def test_calibrated_probabilities_are_found_calibrated(make_truth, make_result):
    rng = np.random.default_rng(7)
    odds = rng.normal(0, 1.5, 3000)
    probability = 1 / (1 + np.exp(-odds))
    truths = [
        make_truth(i, **({"pattern": VASCULAR} if rng.random() < probability[i] else {}))
        for i in range(3000)
    ]
    results = [make_result(i, probability=probability[i]) for i in range(3000)]
    found = evaluate_cases(join_cases(truths, results), QUICK)
    slope, intercept = found.figure("calibration_slope"), found.figure("calibration_intercept")
    # Standard errors are about 0.04; the intervals must say so too.
    assert slope.estimate == pytest.approx(1.0, abs=0.12)
    assert intercept.estimate == pytest.approx(0.0, abs=0.12)
    assert 0.1 < slope.high - slope.low < 0.25
    assert math.isclose(
        found.figure("brier").estimate, np.mean(probability * (1 - probability)), rel_tol=0.05
    )
