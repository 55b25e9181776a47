"""When pulses happen, and which of them a stored frame shows."""

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._recording import (
    RecordingRanges,
    RecordingSettings,
    draw_recording,
    pulse_times,
    repeat_frames,
)


def test_pulses_are_even_without_jitter():
    times = pulse_times(RecordingSettings(pulse_rate_hz=7.5), 2.0, np.random.default_rng(0))
    np.testing.assert_allclose(times, np.arange(16) / 7.5)


def test_jitter_moves_pulses_but_keeps_their_order():
    settings = RecordingSettings(pulse_rate_hz=30, jitter_share=0.1)
    times = pulse_times(settings, 20.0, np.random.default_rng(0))
    gaps = np.diff(times)
    assert times[0] == 0
    assert (gaps > 0).all()
    assert gaps.std() == pytest.approx(0.1 / 30 * np.sqrt(2), rel=0.1)


def test_without_a_recorder_each_pulse_is_a_frame():
    frames = repeat_frames(RecordingSettings(), np.array([0.0, 0.07, 0.13]))
    np.testing.assert_array_equal(frames.pulses, [0, 1, 2])
    np.testing.assert_array_equal(frames.times_s, frames.pulse_times_s)


def test_a_recorder_repeats_pulses_and_holds_the_last():
    settings = RecordingSettings(pulse_rate_hz=8, recorder_hz=30, hold_s=0.5)
    times = pulse_times(settings, 1.0, np.random.default_rng(0))
    frames = repeat_frames(settings, times)
    np.testing.assert_allclose(np.diff(frames.times_s), 1 / 30)
    assert frames.times_s[-1] == pytest.approx(1.5)
    # 30 frames for 8 pulses: three or four of each, then sixteen of the last.
    counts = np.bincount(frames.pulses)
    assert set(counts[:-1]) == {3, 4}
    assert counts[-1] == 16
    # A frame shows the newest pulse, never one to come.
    age = frames.times_s - frames.pulse_times_s
    assert (age[frames.pulses < 8] >= -1e-6).all()
    assert (age[frames.pulses < 8] < 1 / 8).all()


def test_the_recorders_phase_shifts_what_it_sees():
    times = np.arange(4) / 8
    early, late = (
        repeat_frames(RecordingSettings(recorder_hz=30, recorder_phase=p), times) for p in (0, 0.9)
    )
    assert (late.pulses >= early.pulses).all()
    assert (late.pulses > early.pulses).any()


def test_drawn_runs_have_known_rates():
    rng = np.random.default_rng(0)
    drawn = [draw_recording(rng, RecordingRanges()) for _ in range(200)]
    assert {s.pulse_rate_hz for s in drawn} <= set(RecordingRanges().pulse_rates_hz)
    recorded = [s for s in drawn if s.recorder_hz]
    assert 20 < len(recorded) < 100
    assert max(s.pulse_rate_hz for s in recorded) <= 8
    assert not any(s.hold_s for s in drawn if not s.recorder_hz)


def test_impossible_timings_are_refused():
    for changes in ({"pulse_rate_hz": 0}, {"jitter_share": 0.5}, {"hold_s": -1}):
        with pytest.raises(InputError, match="expected"):
            RecordingSettings(**changes)
    with pytest.raises(InputError, match="increasing"):
        repeat_frames(RecordingSettings(), np.array([0.0, 0.2, 0.1]))
    with pytest.raises(InputError, match="duration_s"):
        pulse_times(RecordingSettings(), -1, np.random.default_rng(0))
