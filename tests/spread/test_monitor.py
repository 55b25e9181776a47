"""The monitor against runs whose truth is known, and against changes that must not matter."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from phantom import PhantomSettings, simulate_run
from watching import TEN_BITS, context_of, simulated, watch

from guidance.errors import GuidanceError, InputError
from guidance.records import (
    NotFound,
    PixelIntensityRelationship,
    PixelScale,
    SpacingAt,
    SpreadPattern,
    Verdict,
)
from guidance.spread import PRIORS, Monitor, MonitorSettings, SightSettings

# Whole runs; the install of the base alone goes without them.
pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_contrast_there_is_no_flag(seed):
    run = simulated("none", seed)
    said, findings = watch(run.frames, run.times_s)
    assert findings.flag_frame is None
    assert not any(one.flagged for one in said)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pattern", ["perineural", "vascular", "mixed"])
def test_onset_is_seen_when_a_person_could_see_it(pattern, seed):
    run = simulated(pattern, seed)
    _, findings = watch(run.frames, run.times_s)
    # The truth's own rule (five times the noise of 2 mm) is two frames wide at 7.5 a second.
    assert findings.onset_frame == pytest.approx(run.truth.onset_frame, abs=2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_vein_that_a_person_sees_is_flagged(seed):
    run = simulated("vascular", seed)
    _, findings = watch(run.frames, run.times_s)
    assert findings.verdict is Verdict.INTRAVASCULAR
    assert findings.flag_frame >= run.truth.first_visible_vessel_frame
    # The phantom is none of the runs that the network learned from.
    assert findings.flag_frame <= run.truth.first_visible_vessel_frame + 8
    assert findings.pattern in (SpreadPattern.VASCULAR, SpreadPattern.MIXED)
    assert findings.injections[0].flag_frame == findings.flag_frame
    assert findings.intravascular_probability > PRIORS["lumbar"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pool_that_stays_is_extravascular(seed):
    run = simulated("perineural", seed)
    _, findings = watch(run.frames, run.times_s)
    assert findings.verdict is Verdict.EXTRAVASCULAR
    # About what was likely before: a pool hides small vessels, so it says little against them.
    assert findings.intravascular_probability < 1.1 * PRIORS["lumbar"]
    assert len(findings.injections) == 1


def test_a_run_that_ends_with_the_injection_excludes_nothing():
    run = simulated("perineural", 1)
    end = run.truth.onset_frame + 6
    _, findings = watch(run.frames[:end], run.times_s[:end])
    assert findings.verdict is Verdict.INDETERMINATE
    assert any("the run ends" in doubt for doubt in findings.doubts)


def test_few_frames_a_second_exclude_nothing():
    run = simulated("perineural", 1)
    _, findings = watch(run.frames[::15], run.times_s[::15])
    assert findings.verdict is not Verdict.EXTRAVASCULAR


def test_the_prior_moves_the_probability_and_not_the_flag():
    run = simulated("vascular", 1)
    rare, common = (
        watch_with(run, MonitorSettings(prior=prior)).findings() for prior in (0.01, 0.5)
    )
    assert rare.flag_frame == common.flag_frame
    assert rare.intravascular_probability < common.intravascular_probability


def test_more_alarms_allowed_flag_no_later():
    run = simulated("vascular", 1)
    strict, lax = (
        watch_with(run, MonitorSettings(alarms_per_min=rate)).findings().flag_frame
        for rate in (0.05, 2.0)
    )
    assert lax is not None
    assert strict is None or lax <= strict


def watch_with(run, settings: MonitorSettings) -> Monitor:
    monitor = Monitor(context_of(run.frames), settings)
    for frame, time_s in zip(run.frames, run.times_s, strict=True):
        monitor.push(frame, float(time_s))
    return monitor


def test_the_origin_is_at_the_needle():
    run = simulated("perineural", 1)
    _, findings = watch(run.frames, run.times_s)
    tip = run.truth.tip_px[findings.onset_frame]
    # Where contrast first shows is within the pool's first 5 mm.
    assert np.hypot(*np.subtract(findings.origin_px, tip)) * 0.34 < 5


def test_what_was_said_of_a_frame_never_depends_on_later_frames():
    run = simulated("vascular", 1)
    whole, _ = watch(run.frames, run.times_s)
    for length in (1, 7, 21, 30):
        part, _ = watch(run.frames[:length], run.times_s[:length])
        for early, late in zip(part, whole, strict=False):
            assert early.flagged == late.flagged
            assert early.area_px == late.area_px
            assert early.attenuation_px == late.attenuation_px
            assert early.run_off == late.run_off
            assert early.thin_length_px == late.thin_length_px
            assert (early.reach_px, early.remark) == (late.reach_px, late.remark)
            np.testing.assert_array_equal(early.contrast, late.contrast)


def test_equal_input_gives_equal_output():
    run = simulated("mixed", 1)
    first, second = (watch(run.frames, run.times_s)[0] for _ in range(2))
    assert [one.attenuation_px for one in first] == [one.attenuation_px for one in second]


def test_a_mirrored_run_gives_the_mirrored_answer():
    run = simulated("perineural", 2)
    _, direct = watch(run.frames, run.times_s)
    _, mirrored = watch(np.ascontiguousarray(run.frames[:, :, ::-1]), run.times_s)
    assert mirrored.onset_frame == pytest.approx(direct.onset_frame, abs=1)
    row, column = direct.origin_px
    # A pixel or two of the first spot may fall on the other side of a threshold.
    assert mirrored.origin_px == pytest.approx((row, run.frames.shape[2] - 1 - column), abs=3)


def test_inverted_values_give_the_same_verdict():
    run = simulated("vascular", 2)
    inverted = type(TEN_BITS)(
        relationship=TEN_BITS.relationship, sign=-1, sign_source="test", low=0, high=1023
    )
    _, direct = watch(run.frames, run.times_s)
    valid = context_of(run.frames).valid
    _, other = watch(1023 - run.frames, run.times_s, intensity=inverted, valid=valid)
    assert (other.verdict, other.onset_frame) == (direct.verdict, direct.onset_frame)


def test_without_times_and_scale_the_flag_still_goes_up():
    run = simulated("vascular", 1)
    _, findings = watch(run.frames, None, scale=NotFound("no calibration"))
    assert findings.verdict is Verdict.INTRAVASCULAR


def test_repeated_frames_are_no_evidence():
    """A recorder that stores each image twice changes frame numbers, nothing else."""
    run = simulated("vascular", 1)
    _, once = watch(run.frames, run.times_s)
    doubled = np.repeat(run.frames, 2, axis=0)
    said, twice = watch(doubled, np.repeat(run.times_s, 2))
    assert twice.onset_frame == 2 * once.onset_frame
    assert twice.flag_frame == 2 * once.flag_frame
    assert said[21].remark == "the same pixels as the frame before"


def test_a_step_of_exposure_is_no_contrast():
    run = simulated("none", 1)
    frames = run.frames.astype(np.float32)
    frames[20:] *= 0.8
    _, findings = watch(frames.astype(np.uint16), run.times_s)
    assert findings.verdict is Verdict.NONE


@pytest.mark.parametrize("later", [0, 1, 2, 3, 5])
def test_exposure_that_reacts_to_contrast_does_not_hide_it(later):
    """Brightness control answers contrast within a few frames."""
    run = simulated("vascular", 1)
    frames = run.frames.astype(np.float32)
    frames[run.truth.onset_frame + later :] *= 0.93
    _, findings = watch(frames.astype(np.uint16), run.times_s)
    assert findings.verdict is Verdict.INTRAVASCULAR


def test_a_narrow_collimator_does_not_hide_a_vein():
    narrow = PhantomSettings(
        pattern=SpreadPattern.VASCULAR, frames=45, collimator_mm=(15.0, 15.0, 15.0, 15.0)
    )
    run = simulate_run(narrow, 1)
    _, findings = watch(run.frames, run.times_s)
    assert findings.verdict is Verdict.INTRAVASCULAR
    assert findings.onset_frame == pytest.approx(run.truth.onset_frame, abs=3)


def test_a_black_first_frame_costs_nothing():
    run = simulated("vascular", 1)
    frames = run.frames.copy()
    frames[0] = 0
    everything = np.ones(frames.shape[1:], bool)
    _, findings = watch(frames, run.times_s, valid=everything)
    assert findings.verdict is Verdict.INTRAVASCULAR


def test_a_run_that_goes_black_is_not_called_free_of_contrast():
    run = simulated("vascular", 1)
    frames = run.frames.copy()
    frames[14:] = 0
    _, findings = watch(frames, run.times_s)
    assert findings.verdict is Verdict.INDETERMINATE
    assert any("could be compared" in doubt for doubt in findings.doubts)


def test_a_clock_that_stands_still_does_not_hide_contrast():
    run = simulated("vascular", 1)
    said, findings = watch(run.frames, np.zeros(len(run.frames)))
    assert findings.verdict is Verdict.INTRAVASCULAR
    assert "stands still" in said[5].remark


def test_a_pool_that_saturates_is_no_vessel():
    run = simulated("perineural", 1)
    dense = np.where(run.iodine_mg_per_cm2 > 12, 0, run.frames).astype(np.uint16)
    assert (dense[-1] == 0).any()
    _, findings = watch(dense, run.times_s)
    assert findings.flag_frame is None


@pytest.mark.parametrize("pattern", ["perineural", "vascular"])
def test_a_large_detector_sees_what_a_small_one_sees(pattern):
    """Every pixel four by four: the working resolution, not the stored one, decides."""
    run = simulated(pattern, 1)
    _, small = watch(run.frames, run.times_s)
    fine = PixelScale(row_mm=0.085, column_mm=0.085, at=SpacingAt.ISOCENTER, source="test")
    large = np.repeat(np.repeat(run.frames, 4, axis=1), 4, axis=2)
    said, found = watch(large, run.times_s, scale=fine)
    assert (found.verdict, found.flag_frame is None) == (small.verdict, small.flag_frame is None)
    assert found.onset_frame == pytest.approx(run.truth.onset_frame, abs=3)
    assert said[-1].working_scale == 256 / large.shape[1]
    if pattern == "perineural":
        tip = np.array(run.truth.tip_px[found.onset_frame])
        assert np.hypot(*(np.array(found.origin_px) / 4 - tip)) * 0.34 < 5


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mask_covers_a_pool_and_little_else(seed):
    run = simulated("perineural", seed)
    said, _ = watch(run.frames, run.times_s)
    mask, iodine = said[-1].contrast, run.iodine_mg_per_cm2[-1]
    assert mask[iodine > 3].mean() > 0.9
    near = cv2.dilate((iodine > 0.2).astype(np.uint8), np.ones((13, 13))) > 0
    assert (mask & near).sum() > 0.8 * mask.sum()


def test_eight_bits_and_a_logarithm_still_show_a_vein():
    run = simulated("vascular", 1)
    _, direct = watch(run.frames, run.times_s)
    logarithm = (np.log(run.frames.astype(np.float64) + 0.5) / np.log(1024) * 1023).astype(
        np.uint16
    )
    scale = replace(TEN_BITS, relationship=PixelIntensityRelationship.LOG)
    for frames, intensity in (
        (logarithm, scale),
        ((run.frames >> 2).astype(np.uint8), replace(TEN_BITS, high=255)),
    ):
        _, findings = watch(frames, run.times_s, intensity=intensity)
        assert findings.verdict is direct.verdict
        assert findings.onset_frame == pytest.approx(direct.onset_frame, abs=3)


@pytest.mark.parametrize("shape", [(4, 4), (2000, 1), (1, 700), (20, 600)])
def test_an_image_too_small_for_anatomy_gets_no_verdict(shape):
    frames = np.random.default_rng(0).normal(500, 20, (8, *shape)).astype(np.uint16)
    _, findings = watch(frames, np.arange(8) / 8, valid=np.ones(shape, bool))
    assert findings.verdict is Verdict.INDETERMINATE


def closed(frames: np.ndarray, first: int, penumbra: float, blade: int = 40) -> np.ndarray:
    """Return a run in which blades come in from both sides at a frame."""
    open_part = np.zeros(frames.shape[1:], np.float32)
    open_part[:, blade:-blade] = 1
    if penumbra:
        open_part = cv2.GaussianBlur(open_part, (0, 0), penumbra)
    dimmed = frames.astype(np.float32)
    dimmed[first:] *= np.exp(-4 * (1 - open_part))
    return dimmed.astype(np.uint16)


@pytest.mark.parametrize("first", [9, 15, 25])
@pytest.mark.parametrize("penumbra", [0, 2])
def test_blades_that_come_in_are_no_contrast(first, penumbra):
    run = simulated("none", 2)
    _, findings = watch(closed(run.frames, first, penumbra), run.times_s)
    assert findings.flag_frame is None
    assert any("the field changed" in doubt for doubt in findings.doubts)


@pytest.mark.parametrize("penumbra", [0, 2])
def test_blades_after_onset_are_left_out_and_the_rest_is_judged(penumbra):
    run = simulated("vascular", 1)
    first = run.truth.onset_frame + 3
    open_run, _ = watch(run.frames, run.times_s)
    said, findings = watch(closed(run.frames, first, penumbra), run.times_s)
    assert findings.verdict is Verdict.INTRAVASCULAR
    assert all(one.area_px is not None for one in said[first:])
    # Nothing that the blades cover counts as contrast.
    largest, usual = (max(one.area_px or 0 for one in each) for each in (said, open_run))
    assert largest <= 1.2 * usual


def test_blades_before_the_injection_do_not_hide_it():
    run = simulated("vascular", 2)
    _, findings = watch(closed(run.frames, 8, 2), run.times_s)
    assert findings.verdict is not Verdict.NONE


def test_a_pan_is_followed_or_owned_up_to():
    """The view moves on by 3 pixels a frame while contrast comes."""
    run = simulated("vascular", 1)
    offsets = np.clip(np.arange(len(run.frames)) - 9, 0, 16) * 3
    panned = np.stack(
        [frame[20:220, at : at + 200] for frame, at in zip(run.frames, offsets, strict=True)]
    )
    _, findings = watch(panned, run.times_s)
    assert findings.verdict is not Verdict.NONE


def test_frames_that_could_not_be_judged_measure_nothing():
    run = simulated("perineural", 1)
    frames = run.frames.copy()
    frames[35:] = 0
    said, _ = watch(frames, run.times_s)
    assert said[30].area_px > 0
    for one in (said[0], *said[35:]):
        assert one.area_px is None
        assert one.attenuation_px is None
        assert one.remark


@pytest.mark.parametrize("pattern", ["none", "vascular"])
def test_a_run_without_noise_is_judged_like_any_other(pattern):
    """Other simulators make clean images; a still background must not become contrast."""
    run = simulated(pattern, 1)
    rows, columns = np.indices(run.frames.shape[1:])
    still = 500 + 150 * np.sin(rows / 17) * np.cos(columns / 23)
    frames = (still * np.exp(-0.0076 * run.iodine_mg_per_cm2)).astype(np.uint16)
    _, findings = watch(frames, run.times_s)
    assert (findings.flag_frame is None) == (pattern == "none")


def test_contrast_from_the_start_is_residue():
    run = simulated("perineural", 1)
    late = slice(38, None)
    _, findings = watch(run.frames[late], run.times_s[late] - run.times_s[38])
    assert findings.flag_frame is None
    assert findings.verdict in (Verdict.NONE, Verdict.INDETERMINATE)


def test_stored_subtraction_is_not_subtracted_again():
    run = simulated("vascular", 1)
    mask = run.frames[2:8].astype(float).mean(axis=0)
    ratio = np.log(run.frames + 0.5) - np.log(mask + 0.5)
    stored = np.clip(512 + 600 * ratio, 1, 1022).astype(np.uint16)
    # From contrast on: a second subtraction would leave nothing of it.
    late = slice(run.truth.first_visible_vessel_frame + 4, None)
    said, findings = watch(stored[late], run.times_s[late], is_subtracted=True)
    assert findings.verdict in (Verdict.INTRAVASCULAR, Verdict.INDETERMINATE)
    assert findings.onset_frame is not None
    assert max(one.area_px or 0 for one in said) > 50


NOISE = np.random.default_rng(0).normal(500, 20, (12, 96, 96)).astype(np.uint16)


@pytest.mark.parametrize(
    ("frames", "verdict", "why"),
    [
        (NOISE[:1], Verdict.INDETERMINATE, "single image"),
        (NOISE[:3], Verdict.INDETERMINATE, "only 2 of 3"),
        (np.zeros((6, 96, 96), np.uint16), Verdict.INDETERMINATE, "no pixel shows the patient"),
        (np.full((6, 96, 96), 1023, np.uint16), Verdict.INDETERMINATE, "no pixel"),
        (np.repeat(NOISE[:1], 6, axis=0), Verdict.INDETERMINATE, "only 0 of 6"),
        (NOISE, Verdict.NONE, "not seen as an injection"),
    ],
    ids=["one", "three", "black", "saturated", "equal", "noise"],
)
def test_poor_runs_get_an_answer_with_its_reason(frames, verdict, why):
    _, findings = watch(frames, np.arange(len(frames)) / 8)
    assert findings.verdict is verdict
    assert any(why in doubt for doubt in findings.doubts)


def test_no_frame_at_all_has_an_answer():
    findings = Monitor(context_of(NOISE)).findings()
    assert findings.verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    ("times", "remark"),
    [
        ([0, 0.1, np.nan, 0.3], "not a number"),
        ([0, 0.2, 0.1, 0.3], "runs back"),
        ([0, 0.2, 0.2, 0.3], "stands still"),
    ],
)
def test_a_bad_time_counts_as_unknown(times, remark):
    said, _ = watch(NOISE[:4], np.array(times))
    assert said[2].time_s is None
    assert remark in said[2].remark
    assert said[3].time_s == 0.3


def test_a_clock_that_ran_back_is_compared_with_the_last_time_believed():
    said, _ = watch(NOISE[:5], np.array([0, 5, 2, 3, 6.0]))
    assert [one.time_s for one in said] == [0, 5, None, None, 6]


@pytest.mark.parametrize(
    "frame", [np.zeros((96, 95), np.uint16), np.zeros((96, 96), complex), np.zeros(9216, np.uint16)]
)
def test_another_kind_of_frame_is_refused(frame):
    monitor = Monitor(context_of(NOISE))
    monitor.push(NOISE[0], 0.0)
    with pytest.raises(InputError):
        monitor.push(frame, 0.1)
    # What was done is kept, and the run goes on.
    assert monitor.push(NOISE[1], 0.1).frame == 1


def test_frames_of_no_numbers_never_break_it():
    rng = np.random.default_rng(1)
    monitor = Monitor(context_of(NOISE))
    for index in range(10):
        frame = rng.normal(500, 20, (96, 96))
        frame[rng.random((96, 96)) < 0.3] = rng.choice([np.nan, np.inf, -np.inf])
        try:
            monitor.push(frame, index / 8)
        except GuidanceError:
            pytest.fail("a frame with holes must be judged or passed over")
    assert monitor.findings().verdict in (Verdict.NONE, Verdict.INDETERMINATE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prior", 1.0),
        ("alarms_per_min", 0.0),
        ("flag_frames", 0),
        ("watched_s", -1.0),
        ("onset_log_odds", -1.0),
        ("sure_log_odds", 1.0),
    ],
)
def test_settings_are_checked(name, value):
    with pytest.raises(InputError, match=name):
        MonitorSettings(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("working_px", 512), ("guard_s", 0.0)])
def test_settings_of_the_sight_are_checked(name, value):
    with pytest.raises(InputError, match=name):
        SightSettings(**{name: value})
