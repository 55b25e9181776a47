"""The detection limit: vessels that lose nothing, a replay that is the monitor's, and its reasons.

The network is replaced by a plain threshold here: what is tested is what stands around it.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from plain_monitor import (
    PIXEL_MM,
    RATE_HZ,
    SIDE,
    PlainDecision,
    context_of,
    make_plain,
    painted,
)
from watching import SCALE, TEN_BITS

from guidance.errors import InputError
from guidance.records import (
    NotFound,
    PixelIntensityRelationship,
    SpacingAt,
)
from guidance.spread import (
    Insertion,
    LimitSettings,
    MeasuredLimit,
    Monitor,
    Uptake,
    WindowRecorder,
    bound_power,
    draw_vessel,
    measure_limit,
)
from guidance.spread._limit import climb
from guidance.spread._window import BEFORE_S, MOST_FRAMES, KeptSight

# The painted field is small: of 22 vessels three may leave it unseen.
QUICK = LimitSettings(vessels=22, power=0.7, dose_fractions=(0.05, 0.1, 0.2, 0.4, 0.8))
UPTAKE = Uptake(dose_fraction=0.3, signal_mm2=40.0, volume_ml=0.3, start_s=1.0, duration_s=1.5)


def vessel_of(index=0, diameter_mm=1.0, origin=(48.0, 48.0), side=SIDE):
    return draw_vessel(np.random.default_rng(index), (side, side), PIXEL_MM, origin, diameter_mm)


@pytest.fixture(autouse=True)
def plain_monitor(monkeypatch):
    make_plain(monkeypatch)


def recorded(frames, *, rate_hz=RATE_HZ, planned=20, has_times=True, **changes):
    context = context_of(frames, **changes)
    monitor = Monitor(context)
    recorder = WindowRecorder(monitor, planned)
    for index, frame in enumerate(frames):
        monitor.push(frame, index / rate_hz if has_times else None)
    return context, monitor, recorder


@cache
def of_run(noise=0.015, blob=0.0):
    """Return context, monitor and recorder of a run; made once for all tests that only look."""
    return recorded(painted(noise, blob=blob))


# --- vessels


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("diameter_mm", [0.5, 1.0, 3.0])
def test_what_flows_in_is_in_the_vessel_until_it_leaves(index, diameter_mm):
    """Mass: flux is the dose's share of the signal, as long as nothing has reached an end."""
    vessel = vessel_of(index, diameter_mm, side=400, origin=(200.0, 200.0))
    flow = vessel.resting_mm3_s + UPTAKE.flow_mm3_s
    shortest = vessel.after_mm3[-1]
    if len(vessel.after_mm3) > 1:
        drops = np.flatnonzero(np.diff(vessel.after_mm3) < 0)
        shortest = min([shortest, *vessel.after_mm3[drops]])
    for passed in np.linspace(0.05, 0.95, 7) * min(shortest / flow, UPTAKE.duration_s):
        time_s = UPTAKE.start_s + passed
        given = 0.3 * 40.0 * passed / UPTAKE.duration_s
        assert vessel.held_mm2(UPTAKE, time_s).sum() == pytest.approx(given, rel=1e-9)
        image = vessel.render(UPTAKE, time_s)
        assert image.sum() * PIXEL_MM**2 == pytest.approx(given, rel=1e-4)
        assert image.min() >= 0


def test_nothing_is_there_before_and_all_is_washed_out_after():
    vessel = vessel_of(1)
    assert not vessel.render(UPTAKE, UPTAKE.start_s).any()
    flow = vessel.resting_mm3_s
    long_after = UPTAKE.start_s + UPTAKE.duration_s + vessel.after_mm3.max() / flow + 1
    assert vessel.held_mm2(UPTAKE, long_after).sum() == pytest.approx(0, abs=1e-12)


def test_no_pixel_is_darker_than_undiluted_contrast_allows():
    """Side-on, behind the middle of a vessel of 3 mm lie at most 3 mm of contrast as injected."""
    straight = []
    for index in range(20):
        vessel = vessel_of(index, 3.0, side=400, origin=(200.0, 200.0))
        shown = vessel.render(replace(UPTAKE, dose_fraction=1.0), UPTAKE.start_s + 1.5)
        straight.append(float(np.median(shown[shown > 0.3 * shown.max()])))
    assert np.median(straight) < 3.0 * UPTAKE.per_mm


def test_a_narrower_vessel_is_fuller_and_a_shifted_one_is_shifted():
    here, there = (vessel_of(4, 2.0, origin=(48.0, 40.0 + d)) for d in (0, 5))
    shown = here.render(UPTAKE, 2.0)
    np.testing.assert_allclose(there.render(UPTAKE, 2.0)[:, 15:60], shown[:, 10:55], atol=1e-6)
    narrow = vessel_of(4, 1.0, origin=(48.0, 40.0))
    assert narrow.render(UPTAKE, 1.4).max() < shown.max() * 4
    assert (narrow.render(UPTAKE, 1.4) > 0).sum() > 10


def test_equal_seeds_give_equal_vessels_and_others_others():
    np.testing.assert_array_equal(vessel_of(2).pixels, vessel_of(2).pixels)
    assert not np.array_equal(vessel_of(2).volumes_mm3, vessel_of(3).volumes_mm3)


# --- the window


def test_seen_again_with_nothing_added_a_run_gives_what_it_gave():
    frames = painted(blob=0.15)
    context = context_of(frames)
    monitor = Monitor(context)
    recorder = WindowRecorder(monitor, 20)
    given = []
    for index, frame in enumerate(frames):
        monitor.push(frame, index / RATE_HZ)
        given.append(monitor.measures.row())
    window = recorder.window()
    assert window is not None
    assert window.injection is not None
    sight = KeptSight(window.shape, 1.0)
    again = window.before.fork(sight)
    for frame in window.frames:
        sight.frame = frame
        again.resume(frame.number, frame.time_s, frame.seen(None), frame.clock_s)
        # Half precision moves a pixel or two over a threshold.
        np.testing.assert_allclose(again.measures.row(), given[frame.number], atol=0.3)


def test_the_window_begins_before_onset_and_holds_few_frames():
    _, monitor, recorder = of_run(blob=0.15)
    window = recorder.window()
    onset = monitor.findings().onset_frame
    assert window.frames[window.entry].number == onset == pytest.approx(24, abs=2)
    assert window.frames[0].clock_s <= window.start_s - BEFORE_S / 2
    assert window.frames[-1].clock_s <= window.start_s + 6.2


def test_without_contrast_the_window_is_where_it_was_planned():
    _, _, recorder = of_run()
    window = recorder.window()
    assert window.injection is None
    assert window.frames[window.entry].number == 20


@pytest.mark.parametrize("rate_hz", [4.0, 30.0])
def test_memory_is_bounded_whatever_the_rate(rate_hz):
    frames = painted(n_frames=int(7.5 * rate_hz), side=64)
    _, _, recorder = recorded(frames, rate_hz=rate_hz, planned=int(rate_hz))
    window = recorder.window()
    after = len(window.frames) - window.entry
    assert after <= MOST_FRAMES
    assert len(window.frames) <= MOST_FRAMES + 20
    # Two images of halves, one bit, and a background of floats at most, a pixel and frame.
    assert window.n_bytes <= len(window.frames) * 64 * 64 * (2 + 2 + 0.125 + 4)
    steps = np.diff([frame.clock_s for frame in window.frames])
    assert np.median(steps) <= max(1 / 7.5, 1 / rate_hz) + 1e-6


def test_a_vessel_adds_what_it_adds_to_the_frames_themselves():
    """Inserted into the pixels of the run, the whole sight sees what inserting later assumes."""
    frames = painted(noise=0.004)
    first, start_s = 20, 20 / RATE_HZ
    uptake = replace(UPTAKE, dose_fraction=0.3, start_s=start_s)
    vessel = vessel_of(5)
    shown = np.stack([vessel.render(uptake, i / RATE_HZ) for i in range(len(frames))])
    inserted = np.rint(frames * np.exp(-shown)).astype(np.uint16)
    changes = []
    for run in (frames, inserted):
        seen = []
        monitor = Monitor(context_of(run))
        monitor.tell(lambda number, time_s, one, clock_s, seen=seen: seen.append(one.change))
        for index, frame in enumerate(run):
            monitor.push(frame, index / RATE_HZ)
        changes.append(np.stack(seen[-len(frames) + 2 :]))
    added = (changes[1] - changes[0])[first:45].sum()
    wanted = shown[2:][first:45][:, 3:-3, 3:-3].sum()
    # The background explains a part of it away before it is known to be contrast.
    assert added == pytest.approx(wanted, rel=0.15)


# --- the limit


@cache
def limit_at(noise):
    """Return the limit of a run without contrast."""
    return limit_of(noise)


def limit_of(noise, **changes):
    context, _, recorder = of_run(noise)
    return measure_limit(recorder.window(), replace(context, **changes), QUICK)


def test_more_noise_makes_a_higher_limit():
    quiet, noisy = limit_at(0.015), limit_at(0.05)
    assert isinstance(quiet, MeasuredLimit)
    assert quiet.limit.power == 0.7
    assert quiet.inserted - quiet.seen <= QUICK.allowed_misses
    high = noisy.limit.dose_fraction if isinstance(noisy, MeasuredLimit) else 1.0
    assert high > quiet.limit.dose_fraction


def test_power_grows_with_dose():
    """Equal courses; 12 vessels a dose, one of which may disagree by chance."""
    context, _, recorder = of_run(0.015)
    insertion = Insertion.prepare(recorder.window(), context, QUICK)
    power = {
        dose: sum(insertion.is_flagged(i, 1.0, dose) for i in range(12))
        for dose in (0.02, 0.1, 0.5)
    }
    assert power[0.02] < power[0.1] + 1
    assert power[0.02] < power[0.5]
    assert power[0.1] <= power[0.5] + 1


def test_power_grows_with_calibre_at_equal_filling():
    """A vessel filled alike shows more where it is wider: the dose goes with its section."""
    context, _, recorder = of_run(0.015)
    insertion = Insertion.prepare(recorder.window(), context, QUICK)
    seen = [
        sum(insertion.is_flagged(i, calibre, 0.08 * calibre**2) for i in range(12))
        for calibre in (0.5, 1.0, 2.0)
    ]
    assert seen[0] <= seen[1] + 1
    assert seen[1] <= seen[2] + 1
    assert seen[0] < seen[2]


def test_equal_runs_have_equal_limits():
    context, _, recorder = recorded(painted(0.015))
    again = measure_limit(recorder.window(), context, QUICK)
    assert again == limit_at(0.015)


def test_the_run_s_own_contrast_is_the_scale_where_there_is_some(monkeypatch):
    # A pool is not a vessel: here only what reaches beyond it speaks for one.
    monkeypatch.setattr(
        PlainDecision, "ratio", lambda self, m: float(np.clip(m.reach - 2.0, -12, 1))
    )
    context, monitor, recorder = recorded(painted(0.01, blob=0.15))
    assert monitor.findings().flag_frame is None
    insertion = Insertion.prepare(recorder.window(), context, QUICK)
    assert insertion.from_own_contrast
    held = 0.15 * math.pi * 6**2 * PIXEL_MM**2
    assert insertion.uptake(0.5).signal_mm2 == pytest.approx(held, rel=0.25)
    # Whatever the values mean, the run's contrast is measured in the same ones.
    unknown = replace(TEN_BITS, relationship=PixelIntensityRelationship.DISP)
    other, _, again = recorded(painted(0.01, blob=0.15), intensity=unknown)
    assert isinstance(Insertion.prepare(again.window(), other, QUICK), Insertion)


# --- no limit, and why


def reason_of(found):
    assert isinstance(found, NotFound)
    return found.reason


def test_no_limit_without_frames():
    assert "too few frames" in reason_of(measure_limit(None, context_of(painted(n_frames=1))))
    context, _, recorder = recorded(painted(n_frames=4), planned=1)
    assert "too few frames" in reason_of(measure_limit(recorder.window(), context))


def test_no_limit_without_a_scale_at_the_patient():
    assert "is not known: no header" in reason_of(limit_of(0.015, scale=NotFound("no header")))
    detector = replace(SCALE, at=SpacingAt.DETECTOR)
    assert "at the detector" in reason_of(limit_of(0.015, scale=detector))


def test_no_limit_without_contrast_and_without_intensities():
    unknown = replace(TEN_BITS, relationship=PixelIntensityRelationship.DISP)
    assert "not in proportion" in reason_of(limit_of(0.015, intensity=unknown))


def test_no_limit_where_even_the_greatest_dose_is_not_seen():
    assert "even a vessel with 80%" in reason_of(limit_of(0.3))


def test_no_limit_where_the_frames_raise_the_flag_by_themselves():
    context, monitor, recorder = of_run(blob=0.15)
    assert monitor.findings().flag_frame is not None
    assert "without a vessel" in reason_of(measure_limit(recorder.window(), context))


def test_no_limit_beyond_its_cost():
    context, _, recorder = of_run(0.015)
    few = replace(QUICK, most_readings=60)
    assert "raise most_readings" in reason_of(measure_limit(recorder.window(), context, few))


def test_unknown_times_do_not_matter():
    context, _, recorder = recorded(painted(0.01, n_frames=45), has_times=False)
    assert isinstance(measure_limit(recorder.window(), context, QUICK), MeasuredLimit)


# --- counting


def test_climbing_finds_the_least_dose_that_suffices():
    """Each vessel has its own least dose; with one miss allowed the second largest decides."""
    doses = (0.05, 0.1, 0.2, 0.4)
    for seed in range(50):
        least = np.random.default_rng(seed).choice([0.05, 0.1, 0.2, 0.4, 1.0], 12)
        found = climb(doses, 12, 1, lambda index, dose, own=least: bool(dose >= own[index]))
        decisive = np.sort(least)[-2]
        if decisive > 0.4:
            assert isinstance(found, NotFound)
        else:
            assert found == (pytest.approx(decisive), int((least > decisive).sum()))


def test_bounds_are_those_of_clopper_and_pearson():
    """The least power is that with which so few misses, or fewer, come in a tenth of cases."""
    for inserted, missed in ((22, 0), (38, 1), (30, 4)):
        least = bound_power(inserted, missed, 0.9)
        chance = sum(
            math.comb(inserted, k) * (1 - least) ** k * least ** (inserted - k)
            for k in range(missed + 1)
        )
        assert chance == pytest.approx(0.1, rel=1e-6)
    assert bound_power(5, 5, 0.9) == 0
    assert LimitSettings().allowed_misses == 1
    assert LimitSettings(vessels=22).allowed_misses == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"vessels": 5}, "insert more"),
        ({"dose_fractions": (0.3, 0.1)}, "rising"),
        ({"power": 1.0}, "power"),
        ({"volume_ml": 0.0}, "volume"),
    ],
)
def test_nonsense_is_refused(wrong, named):
    with pytest.raises(InputError, match=named):
        LimitSettings(**wrong)
    with pytest.raises(InputError):
        replace(UPTAKE, signal_mm2=-1.0)
