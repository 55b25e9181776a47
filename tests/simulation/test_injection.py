"""What leaves the needle: hand-worked pushes, and draws that stay within their ranges."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._injection import (
    InjectionRanges,
    InjectionSettings,
    delivered_ml,
    draw_injection,
    draw_injections,
)

STEADY = InjectionSettings(onset_s=1.0, volume_ml=0.5, duration_s=2.0, ramp_share=0.25)


def test_a_push_by_hand():
    # Ramps of 0.5 s: the peak is 0.5 / (2 - 0.5) mL/s, a ramp delivers half of peak times 0.5 s.
    peak = 1 / 3
    times = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0])
    ramp = peak * 0.5 / 2
    expected = [0, 0, ramp, ramp + peak * 0.5, ramp + peak, 0.5, 0.5]
    np.testing.assert_allclose(delivered_ml(STEADY, times), expected, atol=1e-12)
    assert STEADY.peak_rate_ml_s == pytest.approx(peak)
    assert STEADY.end_s == 3.0


def test_stop_and_go_rests_between_its_pushes():
    halting = replace(STEADY, pushes=2, pause_share=0.5)
    times = np.array([1.5, 1.75, 2.0, 2.5, 3.0])
    np.testing.assert_allclose(
        delivered_ml(halting, times), [0.25, 0.25, 0.25, 0.25, 0.5], atol=1e-12
    )


@pytest.mark.parametrize("pushes", [1, 2, 4])
def test_all_is_delivered_and_nothing_comes_back(pushes):
    injection = replace(STEADY, pushes=pushes, pause_share=0.4)
    delivered = delivered_ml(injection, np.linspace(0, 5, 2001))
    assert (np.diff(delivered) >= -1e-12).all()
    assert delivered[0] == 0
    assert delivered[-1] == pytest.approx(0.5)
    rate = np.diff(delivered) / (5 / 2000)
    assert rate.max() <= injection.peak_rate_ml_s * 1.001


def test_draws_stay_within_their_ranges():
    ranges = InjectionRanges()
    rng = np.random.default_rng(3)
    drawn = [draw_injection(rng, ranges) for _ in range(300)]
    volumes = np.array([d.volume_ml for d in drawn])
    durations = np.array([d.duration_s for d in drawn])
    assert 0.2 <= volumes.min() <= 0.25
    assert 0.95 <= volumes.max() <= 1
    assert durations.min() >= 0.5
    assert durations.max() <= 4
    assert (volumes / durations <= 1.0 + 1e-9).all()


def test_a_second_injection_follows_the_first():
    rng = np.random.default_rng(5)
    runs = [draw_injections(rng, InjectionRanges(second_share=0.5)) for _ in range(200)]
    pairs = [run for run in runs if len(run) == 2]
    assert 60 < len(pairs) < 140
    assert all(second.onset_s > first.end_s for first, second in pairs)
    assert {second.tip for _, second in pairs} == {0, 1}


def test_same_seed_same_injection():
    first, second = (draw_injection(np.random.default_rng(9), InjectionRanges()) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "change",
    [
        {"volume_ml": 0.0},
        {"duration_s": -1.0},
        {"onset_s": float("nan")},
        {"pushes": 0},
        {"pause_share": 0.95},
        {"ramp_share": 0.0},
        {"tip": -1},
    ],
)
def test_what_no_hand_can_do_is_refused(change):
    with pytest.raises(InputError, match="expected"):
        replace(STEADY, **change)


def test_ranges_upside_down_are_refused():
    with pytest.raises(InputError, match="volume_ml"):
        InjectionRanges(volume_ml=(1.0, 0.2))
