"""False alarms: the rule of the flag, replayed frame by frame, and the table made of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_measures import made_run, made_runs, true_ratio

from guidance.errors import InputError
from guidance.spread import MonitorSettings
from guidance.training import count_alarms, greatest_threshold

RULE = MonitorSettings()


def is_flagged(ratios, has_contrast, threshold: float, rule: MonitorSettings) -> bool:
    """Replay what the monitor does after each frame."""
    high = 0
    for ratio, shows in zip(ratios, has_contrast, strict=True):
        if not shows:
            high = 0
            continue
        beyond = ratio - threshold
        high = high + 1 if beyond >= 0 else 0
        if high >= rule.flag_frames or beyond >= rule.plain_ratio:
            return True
    return False


@given(
    frames=st.lists(st.tuples(st.integers(-8, 8), st.booleans()), max_size=12),
    flag_frames=st.integers(1, 4),
    plain=st.sampled_from([0.0, 1.5, 2.0, 30.0]),
)
def test_the_greatest_threshold_is_where_the_replay_still_flags(frames, flag_frames, plain):
    rule = MonitorSettings(flag_frames=flag_frames, plain_ratio=plain)
    ratios = np.array([ratio for ratio, _ in frames], float)
    has_contrast = np.array([shows for _, shows in frames], bool)
    greatest = greatest_threshold(ratios, has_contrast, rule)
    if greatest == -math.inf:
        assert not is_flagged(ratios, has_contrast, -100.0, rule)
    else:
        assert is_flagged(ratios, has_contrast, greatest, rule)
        assert not is_flagged(ratios, has_contrast, greatest + 1e-6, rule)


def test_the_table_lets_through_what_it_says():
    runs = made_runs(120)
    ratios = [true_ratio(run) for run in runs]
    table = count_alarms(runs, ratios, RULE)
    # Half of the runs count for 6 s, the others for the 3 s before uptake.
    assert table.minutes == pytest.approx(60 * (6 + 3) / 60)
    assert list(table.thresholds) == sorted(table.thresholds, reverse=True)
    assert list(table.alarms_per_min) == sorted(table.alarms_per_min)
    for rate, threshold in zip(table.alarms_per_min[1:], table.thresholds[1:], strict=True):
        alarms = 0
        for run, ratio in zip(runs, ratios, strict=True):
            before = run.times_s < run.uptake_s
            alarms += is_flagged(ratio[before], run.has_contrast[before], threshold, RULE)
        assert alarms / table.minutes == pytest.approx(rate, rel=1e-4)
    assert table.alarms_per_min[0] == pytest.approx(0.5 / table.minutes, rel=1e-4)


def test_what_comes_after_uptake_is_no_false_alarm():
    quiet = [made_run(number, is_vascular=True) for number in range(10)]
    ratios = [np.where(run.times_s < run.uptake_s, -1.0, 9.0) for run in quiet]
    table = count_alarms(quiet, ratios, RULE)
    assert max(table.thresholds) < 0


def test_a_flag_needs_contrast():
    run = made_run(1, is_vascular=False)
    high = np.where(run.has_contrast, 0.0, 9.0)
    assert greatest_threshold(high, run.has_contrast, RULE) == 0.0
    with pytest.raises(InputError, match="no contrast was seen"):
        count_alarms([made_run(1, is_vascular=False, frames=2)], [np.zeros(2)], RULE)


def test_equal_ratios_make_one_row():
    runs = [made_run(number, is_vascular=False) for number in range(8)]
    table = count_alarms(runs, [np.full(len(run.frames), 12.0) for run in runs], RULE)
    assert len(table.thresholds) == 2
    assert table.alarms_per_min[1] == pytest.approx(8 / table.minutes, rel=1e-4)


def test_long_tables_are_thinned():
    runs = made_runs(300)
    table = count_alarms(runs, [true_ratio(run) for run in runs], RULE)
    assert 15 <= len(table.thresholds) <= 25
