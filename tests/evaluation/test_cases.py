"""Truths that contradict themselves are refused; results find them by name, and all are told."""

import pytest

from guidance.errors import InputError
from guidance.evaluation import CaseResult, join_cases
from guidance.records import SpreadPattern, Verdict

VASCULAR, MIXED, NONE = SpreadPattern.VASCULAR, SpreadPattern.MIXED, SpreadPattern.NONE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": "../etc"}, "12 hexadecimal"),
        ({"patient": ""}, "patient is empty"),
        ({"vessel_dose_fraction": 0.2}, "yet contrast is in a vessel"),
        ({"first_visible_vessel_s": 1.0}, "yet contrast is in a vessel"),
        ({"pattern": VASCULAR, "vessel_dose_fraction": 0.0}, "expected above 0"),
        ({"pattern": VASCULAR, "vessel_dose_fraction": 1.5}, "expected above 0"),
        ({"duration_s": float("nan")}, "duration_s"),
        ({"spacing_iso_mm": 0.0}, "spacing_iso_mm"),
        ({"onset_s": -1.0}, "onset_s"),
        ({"n_frames": 0}, "at least 1"),
        ({"times_s": (0.0, 1.0)}, "2 times for 11 frames"),
        ({"variants": ("",)}, "variant"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(make_truth, changes, said):
    with pytest.raises(InputError, match=said):
        make_truth(0, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": "0123456789AB"}, "12 hexadecimal"),
        ({"score": float("nan")}, "score"),
        ({"probability": 1.5}, "probability"),
        ({"flag_frames": (3,)}, "not flagged, yet"),
        ({"flag_s": 3.0}, "not flagged, yet"),
    ],
)
def test_a_result_that_cannot_be_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        CaseResult(**{"run": "0123456789ab", "flagged": False, **changes})


def test_who_is_positive(make_truth):
    assert make_truth(0, pattern=MIXED).is_vascular
    assert make_truth(0, pattern=VASCULAR).is_vascular
    assert not make_truth(0, pattern=SpreadPattern.EPIDURAL).is_vascular


def test_time_without_contrast_in_a_vessel(make_truth):
    assert make_truth(0).negative_s == 10.0
    assert make_truth(0, pattern=VASCULAR).negative_s == 3.0
    assert make_truth(0, pattern=VASCULAR, uptake_s=None).negative_s == 2.0
    late = make_truth(0, pattern=VASCULAR, uptake_s=30.0, first_visible_vessel_s=None)
    assert late.negative_s == 10.0


def test_the_truth_knows_its_clock(make_truth):
    even = make_truth(0)
    assert [even.time_of(frame) for frame in (0, 4, 10)] == [0.0, 4.0, 10.0]
    assert even.time_of(11) is None
    uneven = make_truth(0, n_frames=None, times_s=(0.0, 1.0, 5.0))
    assert [uneven.time_of(frame) for frame in (1, 2, 3)] == [1.0, 5.0, None]
    assert make_truth(0, n_frames=None).time_of(0) is None


def test_a_flag_decides_whatever_the_word(make_result):
    assert make_result(0, verdict=Verdict.INDETERMINATE).abstains
    assert not make_result(0, verdict=Verdict.INDETERMINATE, flag_frames=(2,)).abstains


def test_flags_go_by_the_truths_clock(make_truth, make_result):
    truth = make_truth(0)
    assert make_result(0, flag_frames=(3, 7), flag_s=99.0).flag_times_s(truth) == (3.0, 7.0)
    assert make_result(0, flag_frames=(30,), flag_s=9.5).flag_times_s(truth) == (9.5,)
    assert make_result(0).flag_times_s(truth) == ()


def test_what_finds_no_partner_is_named(make_truth, make_result):
    cases = join_cases([make_truth(0), make_truth(1)], [make_result(1), make_result(2)])
    assert [case.truth.index for case in cases.cases] == [1]
    assert [truth.index for truth in cases.without_result] == [0]
    assert cases.without_truth == (make_result(2).run,)


def test_strangers_are_refused(make_truth, make_result):
    with pytest.raises(InputError, match="none of the 1 results is of a run of this truth"):
        join_cases([make_truth(0)], [make_result(1)])


def test_a_run_counts_once(make_truth, make_result):
    with pytest.raises(InputError, match="more than one result"):
        join_cases([make_truth(0)], [make_result(0), make_result(0)])
    with pytest.raises(InputError, match="more than one truth"):
        join_cases([make_truth(0), make_truth(0)], [make_result(0)])
