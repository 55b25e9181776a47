"""From measurements to a probability: Bayes, and the operating point."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.spread import MonitorSettings
from guidance.spread._decision import Decision, load_decision, mix_unseen, probability
from guidance.spread._measures import GROUPS, MEASURE_NAMES, Measures

LINE = Decision(
    names=("uptake", "run_off"),
    means=(0.0, 0.5),
    scales=(2.0, 0.5),
    weights=(1.0, 3.0),
    offset=-1.0,
    alarms_per_min=(1.0, 0.1, 0.01),
    thresholds=(1.0, 3.0, 5.0),
)


def test_the_line_adds_up():
    assert LINE.ratio(Measures(uptake=4.0, run_off=1.0)) == pytest.approx(-1 + 2 + 3)


def test_shares_add_up_to_the_difference_from_no_contrast():
    measures = Measures(uptake=4.0, run_off=1.0)
    added = LINE.ratio(measures) - LINE.ratio_without_contrast
    each = [LINE.share_of(measures, (name,)) for name in LINE.names]
    assert sum(each) == pytest.approx(added)
    assert LINE.share_of(measures, LINE.names) == pytest.approx(added)
    assert LINE.share_of(measures, ("thin",)) == 0
    # With a share that leaves no mark, and a most, it is the ratio itself that falls.
    bounded = replace(LINE, unseen=0.5, most=2.0)
    assert bounded.ratio(measures) == 2.0
    assert bounded.share_of(measures, LINE.names) < added / 2


@given(st.floats(-12, 12), st.floats(0.001, 0.999))
def test_odds_are_multiplied(ratio, prior):
    odds = probability(ratio, prior) / (1 - probability(ratio, prior))
    assert math.log(odds) == pytest.approx(ratio + math.log(prior / (1 - prior)), abs=1e-6)


def test_no_evidence_leaves_the_prior():
    assert probability(0.0, 0.037) == pytest.approx(0.037)


def test_fewer_alarms_take_more_evidence():
    thresholds = [LINE.threshold(rate) for rate in (2.0, 1.0, 0.3, 0.1, 0.03, 0.001)]
    assert thresholds == sorted(thresholds)
    assert LINE.threshold(0.1) == pytest.approx(3.0)
    assert LINE.threshold(math.sqrt(0.1)) == pytest.approx(2.0)


def test_the_prior_is_that_of_the_region():
    settings = MonitorSettings()
    assert settings.prior_at(None) == settings.prior_at("L4") == 0.037
    assert settings.prior_at("C5") == 0.039
    assert settings.prior_at("T6") == 0.007
    assert MonitorSettings(prior=0.2).prior_at("T6") == 0.2


def test_the_shipped_line_is_whole():
    shipped = load_decision()
    assert set(shipped.names) <= set(MEASURE_NAMES)
    assert len(shipped.names) == len(shipped.weights) == len(shipped.means) == len(shipped.scales)
    assert min(shipped.scales) > 0
    thresholds = [shipped.threshold(rate) for rate in (1.0, 0.3, 0.1, 0.05)]
    assert thresholds == sorted(thresholds)


def test_every_measurement_is_in_one_group():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(MEASURE_NAMES)


def test_what_leaves_no_mark_bounds_how_much_a_clean_picture_says():
    line = np.linspace(-12, 12, 49)
    ratios = mix_unseen(line, 0.4)
    assert np.all(np.diff(ratios) > 0)
    assert ratios.min() == pytest.approx(math.log(0.4), abs=1e-4)
    assert ratios.max() == pytest.approx(12 + math.log(0.6), abs=1e-4)
    # By Bayes: of 1000 uptakes 400 leave no mark, as likely as in runs without.
    seen = 600 * np.exp(line) + 400
    np.testing.assert_allclose(ratios, np.log(seen / 1000), rtol=1e-9)
    np.testing.assert_array_equal(mix_unseen(line, 0.0), line)


def test_many_frames_are_weighed_as_one_by_one():
    decision = load_decision()
    rng = np.random.default_rng(0)
    measures = [Measures(uptake=a, thin=b) for a, b in rng.normal(0, 3, (20, 2))]
    rows = np.stack([one.row() for one in measures])
    single = [decision.ratio(one) for one in measures]
    np.testing.assert_allclose(decision.ratios(rows), single)
