"""The brightness control: it settles, it answers, it keeps to its limits."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._exposure import (
    BrightnessControl,
    ControlSettings,
    XRayRanges,
    XRaySettings,
    draw_xray,
)

PLAIN = ControlSettings(kv_share=0.0, dead_band=0.0)


def run(settings: ControlSettings, transmitted: list[float]) -> list[float]:
    """Return what pulses give when the signal is the charge times what the body lets through."""
    control = BrightnessControl(settings, 80)
    given = []
    for share in transmitted:
        given.append(control.mas_share * share)
        control.watch(given[-1])
    return given


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("start", [0.4, 2.5])
def test_it_ramps_from_where_it_starts_and_settles(start, delay):
    settings = replace(PLAIN, start_share=start, loop_gain=0.5 / (1 + delay), delay_pulses=delay)
    given = run(settings, [1.0] * 60)
    assert given[0] == pytest.approx(start)
    np.testing.assert_allclose(given[: delay + 1], start, rtol=1e-9)
    np.testing.assert_allclose(given[-10:], 1, atol=0.01)


def test_it_answers_to_what_comes_into_the_beam():
    given = run(replace(PLAIN, delay_pulses=1, loop_gain=0.3), [1.0] * 10 + [0.8] * 40)
    assert given[10] == given[11] == pytest.approx(0.8)
    assert 0.8 < given[12] < given[15]
    assert given[-1] == pytest.approx(1, abs=0.01)


def test_small_errors_are_let_be():
    assert run(replace(PLAIN, dead_band=0.05), [0.97] * 20) == pytest.approx([0.97] * 20)


def test_the_tube_has_a_limit_and_no_wind_up():
    given = run(replace(PLAIN, most_output=1.5, delay_pulses=0), [0.2] * 50 + [1.0] * 30)
    assert given[49] == pytest.approx(0.3)
    assert given[50] == pytest.approx(1.5)
    assert given[-1] == pytest.approx(1, abs=0.01)


def test_the_voltage_takes_its_share():
    control = BrightnessControl(replace(PLAIN, kv_share=0.5, start_share=2.0), 80)
    # Half of ln 2 by charge, half by the fifth root of the voltage.
    assert control.mas_share == pytest.approx(2**0.5)
    assert control.kvp == round(80 * 2**0.1)
    assert BrightnessControl(PLAIN, 80).kvp == 80


def test_video_gain_takes_out_what_is_left():
    assert BrightnessControl(replace(PLAIN, video_gain=1.0), 80).video_gain(0.5) == pytest.approx(2)
    assert BrightnessControl(PLAIN, 80).video_gain(0.5) == 1


def test_drawn_runs_keep_to_the_ranges_and_thick_bodies_take_more_voltage():
    ranges = XRayRanges()
    drawn = [draw_xray(np.random.default_rng(k), ranges) for k in range(80)]
    assert all(10 <= s.dose_ngy <= 500 for s in drawn)
    assert 2 < sum(s.dose_ngy > 90 for s in drawn) < 25
    assert 20 < sum(s.control.start_share == 1 for s in drawn) < 60
    thick = draw_xray(np.random.default_rng(0), ranges, body_g_per_cm2=30)
    assert thick.kvp == pytest.approx(drawn[0].kvp + 12)
    assert replace(thick, kvp=drawn[0].kvp) == drawn[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"loop_gain": 0.9, "delay_pulses": 3},
        {"kv_share": 1.5},
        {"start_share": 0},
        {"region_share": 0},
        {"most_output": 0.5},
    ],
)
def test_controls_that_cannot_work_are_refused(changes):
    with pytest.raises(InputError, match="expected"):
        replace(PLAIN, **changes)


@pytest.mark.parametrize(
    "changes", [{"kvp": 200}, {"dose_ngy": 0}, {"focal_spot_mm": -1}, {"scatter_sigma_mm": 0}]
)
def test_impossible_xrays_are_refused(changes):
    with pytest.raises(InputError, match="expected"):
        XRaySettings(**changes)
