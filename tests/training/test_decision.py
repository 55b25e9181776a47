"""The fitted line on measurements whose likelihood ratio is known."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from made_measures import TRUE_WEIGHTS, made_run, made_runs, true_ratio

from guidance.errors import InputError
from guidance.spread import GROUPS, MEASURE_NAMES, Decision, Measures, MonitorSettings
from guidance.training import (
    CalibrateOn,
    FitSettings,
    describe_decision,
    encode_decision,
    fit_decision,
)


@pytest.fixture(scope="module")
def runs():
    return made_runs()


@pytest.fixture(scope="module")
def fitted(runs):
    return fit_decision(runs)


def ratio_of(decision: Decision, row: np.ndarray) -> float:
    return decision.ratio(Measures(**dict(zip(MEASURE_NAMES, row.tolist(), strict=True))))


def test_the_known_ratio_comes_back(runs, fitted):
    rows = np.concatenate([run.values for run in runs[:40]])
    found = np.array([ratio_of(fitted.decision, row) for row in rows])
    expected = np.concatenate([true_ratio(run) for run in runs[:40]])
    # 240 runs of 24 frames: weights are known to about a twentieth.
    slope, offset = np.polyfit(expected, found, 1)
    assert slope == pytest.approx(1, abs=0.12)
    assert offset == pytest.approx(0, abs=0.25)
    assert np.corrcoef(expected, found)[0, 1] > 0.98


def test_weights_are_the_known_ones(fitted):
    decision = fitted.decision
    per_unit = np.array(decision.weights) / np.array(decision.scales)
    for name, weight in zip(decision.names, per_unit, strict=True):
        assert weight == pytest.approx(TRUE_WEIGHTS.get(name, 0.0), abs=0.2), name


def test_the_share_of_positives_is_taken_off():
    # One in six runs has uptake instead of one in two: the ratio of a frame is the same.
    rare = [made_run(index, is_vascular=index % 6 == 0) for index in range(360)]
    decision = fit_decision(rare).decision
    row = np.zeros(len(MEASURE_NAMES))
    row[MEASURE_NAMES.index("vessel_ever")] = 1.5
    expected = 1.5 * 0.75 - 0.5
    assert ratio_of(decision, row) == pytest.approx(expected, abs=0.35)


def test_each_run_counts_the_same(runs, fitted):
    # One run's frames are there three times: nothing changes.
    thrice = [
        replace(
            run,
            values=np.repeat(run.values, 3, 0),
            frames=np.repeat(run.frames, 3),
            times_s=np.repeat(run.times_s, 3),
            has_contrast=np.repeat(run.has_contrast, 3),
        )
        for run in runs[:30]
    ]
    again = fit_decision([*thrice, *runs[30:]]).decision
    np.testing.assert_allclose(again.weights, fitted.decision.weights, atol=2e-3)
    assert again.offset == pytest.approx(fitted.decision.offset, abs=2e-3)


def test_runs_are_judged_by_lines_that_do_not_know_their_patients():
    # Nothing tells uptake, but each patient has a mark of his own.
    patients = 8
    marked = []
    for index in range(64):
        is_vascular = (index % patients) < patients // 2
        run = made_run(index, is_vascular=is_vascular, patients=patients, seed=4)
        values = np.random.default_rng(index).standard_normal(run.values.shape)
        values[:, index % patients] += 6
        marked.append(replace(run, values=values))
    figures = describe_decision(marked, fit_decision(marked), FitSettings())
    assert figures.auc_runs < 0.7


def test_uptake_that_cannot_be_seen_makes_it_less_sure():
    seen, unseen = (
        [
            made_run(index, is_vascular=index % 2 == 0, visible_from=12 if index % 4 else last)
            for index in range(200)
        ]
        for last in (12, None)
    )
    hidden = [
        replace(run, values=np.random.default_rng(run.index).standard_normal(run.values.shape))
        if run.is_vascular and not run.is_visible
        else run
        for run in unseen
    ]
    of_hidden, of_seen = fit_decision(hidden), fit_decision(seen)
    assert of_seen.unseen < 0.1
    assert 0.35 < of_hidden.unseen < 0.65
    # What can be seen is as sure as before, what cannot bounds how much a clean picture says.
    assert of_hidden.slope == pytest.approx(of_seen.slope, rel=0.2)
    assert of_hidden.decision.ratio_without_contrast > of_seen.decision.ratio_without_contrast


def test_physics_may_hold_the_signs(runs):
    # Width is turned round: it would speak for a vessel.
    column = MEASURE_NAMES.index("width")
    turned = [
        replace(run, values=np.where(np.arange(len(MEASURE_NAMES)) == column, -1, 1) * run.values)
        for run in runs[:120]
    ]
    free, held = (fit_decision(turned, FitSettings(signs=signs)).decision for signs in (0, 1))
    assert dict(zip(free.names, free.weights, strict=True))["width"] > 0.3
    assert dict(zip(held.names, held.weights, strict=True))["width"] == 0


def test_a_group_can_be_left_out(runs):
    settings = FitSettings(without=("vessel map",))
    found = fit_decision(runs, settings)
    assert set(found.decision.names) == set(MEASURE_NAMES) - set(GROUPS["vessel map"])
    figures = describe_decision(runs, found, settings)
    assert figures.without == ("vessel map",)
    assert figures.auc_runs < describe_decision(runs, fit_decision(runs), FitSettings()).auc_runs
    with pytest.raises(InputError, match="there are: network"):
        FitSettings(without=("wishes",))


def test_what_is_written_is_read_by_the_monitor(fitted):
    data = encode_decision(fitted.decision)
    again = msgspec.json.decode(data, type=Decision)
    assert again == fitted.decision
    assert set(again.names) <= set(MEASURE_NAMES)
    thresholds = [again.threshold(rate) for rate in (0.02, 0.1, 0.5, 2.0)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert encode_decision(fit_decision(made_runs()).decision) == data


def test_figures_say_what_they_rest_on(runs, fitted):
    figures = describe_decision(runs, fitted, FitSettings())
    assert (figures.runs, figures.patients, figures.frames) == (240, 20, 240 * 24)
    assert (figures.positive_runs, figures.visible_runs) == (120, 120)
    assert figures.by_suite == {"validation": 240}
    assert figures.auc_runs > 0.9
    assert figures.negative_minutes == pytest.approx(120 * 9 / 60)
    rule = MonitorSettings()
    assert figures.alarms_per_min == rule.alarms_per_min
    assert figures.specificity > figures.sensitivity / 2
    assert figures.sensitivity == figures.sensitivity_visible


def test_probabilities_of_runs_can_be_made_right(runs):
    settings = FitSettings(calibrate_on=CalibrateOn.RUNS)
    figures = describe_decision(runs, fit_decision(runs, settings), settings)
    # Fitted on the same greatest values, cut at 12.
    assert figures.calibration_slope == pytest.approx(1, abs=0.1)
    assert figures.calibration_intercept == pytest.approx(0, abs=0.2)


def test_one_patient_is_too_few():
    with pytest.raises(InputError, match="at least two patients"):
        fit_decision(made_runs(10, patients=1))
