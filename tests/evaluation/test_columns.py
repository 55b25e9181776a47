"""Latency, false alarms, onset and distances of single runs, worked by hand.

The vascular run of these tests has contrast in a vessel from 3 s and shows it from 4 s; its frames
are a second apart.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from guidance.anatomy import Side
from guidance.errors import InputError
from guidance.evaluation import TargetResult, TargetTruth, TipTruth, join_cases
from guidance.evaluation._columns import tabulate_cases
from guidance.evaluation._millimetres import distance_to_segment
from guidance.records import SpreadPattern

VASCULAR = SpreadPattern.VASCULAR


@pytest.fixture
def tabulate(make_truth, make_result):
    """Return what tabulates one run, given changes of its truth and of its result."""

    def call(truth, result):
        return tabulate_cases(join_cases([make_truth(0, **truth)], [make_result(0, **result)]))

    return call


@pytest.mark.parametrize(
    ("result", "latency_s", "early", "untimed", "alarms"),
    [
        ({"flag_frames": (6,)}, 2.0, False, False, 0),
        ({"flag_frames": (4,)}, 0.0, False, False, 0),
        ({"flag_frames": (3,)}, -1.0, False, False, 0),
        ({"flag_frames": (1,)}, math.nan, True, False, 1),
        ({"flag_frames": (1, 2, 5)}, 1.0, False, False, 2),
        ({"flag_s": 4.5}, 0.5, False, False, 0),
        ({"flagged": True}, math.nan, False, True, 0),
        ({}, math.inf, False, False, 0),
    ],
)
def test_a_vascular_run(tabulate, result, latency_s, early, untimed, alarms):
    columns = tabulate({"pattern": VASCULAR}, result)
    np.testing.assert_equal(columns.latency_s, [latency_s])
    assert (columns.early[0], columns.untimed[0], columns.alarms[0]) == (early, untimed, alarms)
    assert columns.negative_min[0] == pytest.approx(3.0 / 60)


@pytest.mark.parametrize(
    ("result", "alarms"),
    [({}, 0), ({"flag_frames": (1,)}, 1), ({"flag_frames": (1, 9)}, 2), ({"flagged": True}, 1)],
)
def test_a_run_without_uptake(tabulate, result, alarms):
    columns = tabulate({}, result)
    assert columns.alarms[0] == alarms
    assert math.isnan(columns.latency_s[0])
    assert columns.negative_min[0] == pytest.approx(10.0 / 60)


def test_a_vessel_that_cannot_be_seen_has_no_latency(tabulate):
    columns = tabulate({"pattern": VASCULAR, "first_visible_vessel_s": None}, {"flag_frames": (5,)})
    assert math.isnan(columns.latency_s[0])
    assert (columns.positive[0], columns.visible[0]) == (True, False)


@pytest.mark.parametrize(
    ("truth", "result", "seconds", "frames"),
    [
        ({}, {"onset_frame": 5}, 3.0, 3.0),
        ({}, {"onset_frame": 1, "onset_s": 77.0}, -1.0, -1.0),
        ({}, {"onset_s": 2.5}, 0.5, math.nan),
        ({}, {}, math.nan, math.nan),
        ({"onset_frame": None, "onset_s": None}, {"onset_frame": 5}, math.nan, math.nan),
    ],
)
def test_onset(tabulate, truth, result, seconds, frames):
    columns = tabulate(truth, result)
    np.testing.assert_equal(columns.onset_error_s, [seconds])
    np.testing.assert_equal(columns.onset_error_frames, [frames])


def test_a_run_without_a_result_is_a_row(make_truth, make_result):
    cases = join_cases([make_truth(1, pattern=VASCULAR), make_truth(0)], [make_result(0)])
    columns = tabulate_cases(cases)
    assert columns.answered.tolist() == [True, False]
    assert columns.positive.tolist() == [False, True]
    assert math.isnan(columns.alarms[1])


def test_twice_the_time_is_half_the_rate(tabulate):
    slow = tabulate({"duration_s": 20.0}, {"flag_frames": (1,)})
    fast = tabulate({}, {"flag_frames": (1,)})
    assert slow.alarms / slow.negative_min == 0.5 * fast.alarms / fast.negative_min


def test_probabilities_are_carried_over_to_the_suite(make_truth, make_result):
    # Two of four are positive: even odds. Stated under 20 %, odds of 1 to 4 there are even here.
    truths = [make_truth(i, pattern=VASCULAR) if i < 2 else make_truth(i) for i in range(4)]
    results = [make_result(i, probability=0.2) for i in range(4)]
    cases = join_cases(truths, results)
    assert tabulate_cases(cases).probability.tolist() == [0.2] * 4
    assert tabulate_cases(cases, stated_prior=0.2).probability == pytest.approx([0.5] * 4)
    assert tabulate_cases(cases, stated_prior=0.5).probability == pytest.approx([0.2] * 4)
    with pytest.raises(InputError, match="prior is 1"):
        tabulate_cases(cases, stated_prior=1.0)


@pytest.mark.parametrize(
    ("point", "distance"),
    [((0, 0), 0.0), ((3, 0), 3.0), ((0, 5), 0.0), ((0, 13), 3.0), ((4, 13), 5.0), ((0, -2), 2.0)],
)
def test_distance_to_a_segment(point, distance):
    assert distance_to_segment(point, (0, 0), (0, 10)) == pytest.approx(distance)
    assert distance_to_segment(point, (0, 10), (0, 0)) == pytest.approx(distance)


def test_distance_to_a_point():
    assert distance_to_segment((3, 4), (0, 0), (0, 0)) == 5.0


def test_tips_are_compared_frame_by_frame(tabulate):
    tips = tuple(TipTruth(frame=f, position_px=(10.0 * f, 0.0)) for f in range(3))
    seen = tuple(TipTruth(frame=f, position_px=(10.0 * f, 2.0 * f)) for f in (1, 2, 8))
    columns = tabulate({"tips": tips, "spacing_iso_mm": 0.5}, {"tips": seen})
    # 2 and 4 px apart; the median is 3 px of 0.5 mm.
    assert [one.error_mm for one in columns.tips] == [1.5]
    assert tabulate({"tips": tips}, {"tips": seen}).tips == ()
    assert tabulate({"tips": tips, "spacing_iso_mm": 0.5}, {}).tips == ()
    elsewhere = tabulate({"tips": tips, "spacing_iso_mm": 0.5}, {"tips": seen[2:]})
    assert math.isnan(elsewhere.tips[0].error_mm)


def test_targets_are_matched_by_nerve_and_side(tabulate):
    left = TargetTruth(
        nerve="L3 medial branch",
        side=Side.LEFT,
        groove_superior_px=(0.0, 0.0),
        block_point_px=(0.0, 10.0),
    )
    right = replace(
        left, side=Side.RIGHT, groove_superior_px=(0.0, 100.0), block_point_px=(0.0, 110.0)
    )
    truth = {"targets": (left, right), "spacing_iso_mm": 0.5}

    def errors(*stated):
        found = tabulate(truth, {"targets": stated}).targets
        return [one.error_mm for one in found]

    said = TargetResult(nerve="L3 medial branch", side="left", position_px=(4.0, 5.0))
    np.testing.assert_equal(errors(said), [2.0, math.nan])
    np.testing.assert_equal(errors(replace(said, side="right")), [math.nan, np.hypot(4, 95) / 2])
    assert errors(replace(said, side=None))[0] == 2.0
    np.testing.assert_equal(errors(replace(said, nerve="L5 dorsal ramus")), [math.nan] * 2)
    assert errors() == []
