"""Maps of made runs: curves whose peak, wash-out and persistence are known, and noise."""

import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose

from guidance.errors import InputError
from guidance.imaging import frames_to_smooth, measure_maps

SHAPE = (48, 64)
EVERYWHERE = np.ones(SHAPE, bool)
TIMES_S = np.arange(80) * 0.1
QUIET = 20
REGION = (slice(8, 40), slice(8, 56))
INNER = (slice(14, 34), slice(14, 50))
"""Smoothing in the plane does not reach so far in."""


def triangle(times, start, top, end, height):
    """Return a curve that rises in a straight line from `start` to `top` and falls to `end`."""
    return height * np.interp(times, [start, top, end], [0.0, 1.0, 0.0])


def play(curve, noise=0.0, seed=0, region=REGION):
    rng = np.random.default_rng(seed)
    for value in curve:
        change = rng.normal(0, noise, SHAPE) if noise else np.zeros(SHAPE)
        change[region] += value
        yield change.astype(np.float32)


def maps_of(curve, times=TIMES_S, noise=0.0, smoothed=1, **options):
    options = {"n_before": QUIET} | options
    images = play(curve, noise)
    return measure_maps(images, times, EVERYWHERE, smoothed=smoothed, **options)


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("smoothed", [1, 3])
def test_a_bolus_that_comes_and_goes(noise, smoothed):
    """From 2.5 s to a peak of 0.2 at 3.5 s, gone by 6.5 s: above half for 2 s, for all to leave."""
    maps = maps_of(triangle(TIMES_S, 2.5, 3.5, 6.5, 0.2), noise=noise, smoothed=smoothed)
    assert np.isfinite(maps.time_to_peak[INNER]).mean() > 0.99
    # Reached when within two standard deviations of the peak: a little early on a slope.
    assert np.nanmedian(maps.time_to_peak[INNER]) == pytest.approx(3.45, abs=0.15)
    assert np.nanmedian(maps.persistence[INNER]) == pytest.approx(2.0, abs=0.15)
    assert np.nanmedian(maps.wash_out[INNER]) == pytest.approx(1.0, abs=0.03)
    assert not maps.lasts[INNER].any()
    assert np.median(maps.peak[INNER]) == pytest.approx(0.2, rel=0.06)


@pytest.mark.parametrize("height", [0.02, 0.05, 0.11, 0.23, 0.4, 0.9])
def test_persistence_holds_between_the_levels(height):
    maps = maps_of(triangle(TIMES_S, 2.0, 4.0, 6.0, height))
    assert_allclose(maps.persistence[INNER], 2.0, atol=0.12)


def test_contrast_that_stays_has_a_lower_bound_and_no_wash_out():
    curve = 0.2 * np.clip((TIMES_S - 3.0) / 0.5, 0, 1)
    maps = maps_of(curve, noise=0.01)
    assert maps.lasts[INNER].all()
    assert np.nanmedian(maps.wash_out[INNER]) < 0.1
    # Above half from 3.25 s to the end, at 7.9 s.
    assert np.nanmedian(maps.persistence[INNER]) == pytest.approx(4.65, abs=0.15)
    # A plateau's greatest value is noise; its peak is when it is first reached.
    assert np.nanmedian(maps.time_to_peak[INNER]) == pytest.approx(3.45, abs=0.25)


def test_half_that_leaves_is_a_half():
    curve = 0.3 * np.interp(TIMES_S, [2.5, 3, 5, 5.5], [0, 1, 1, 0.5])
    maps = maps_of(curve, noise=0.005, smoothed=3)
    assert np.nanmedian(maps.wash_out[INNER]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n_before", [0, QUIET])
def test_noise_alone_tells_nothing(n_before):
    maps = maps_of(np.zeros(80), noise=0.03, n_before=n_before)
    for values in (maps.time_to_peak, maps.wash_out, maps.persistence):
        assert np.isnan(values).all()


def test_too_faint_for_wash_out_may_still_have_a_peak():
    maps = maps_of(triangle(TIMES_S, 2.5, 4.5, 6.5, 0.055), noise=0.05)
    assert np.isfinite(maps.time_to_peak[INNER]).mean() > 0.5
    assert np.isnan(maps.wash_out[INNER]).mean() > 0.5


def test_a_place_that_moved_before_contrast_counts_as_noisy():
    """Breathing brightens and darkens the left half by as much as contrast adds on the right."""
    curve = triangle(TIMES_S, 2.5, 3.5, 6.5, 0.15)
    sway = 0.15 * np.sin(2 * np.pi * TIMES_S / 1.0)
    images = []
    for added, moved in zip(curve, sway, strict=True):
        change = np.zeros(SHAPE, np.float32)
        change[REGION] = added
        change[:, :28] = moved
        images.append(change)
    maps = measure_maps(iter(images), TIMES_S, EVERYWHERE, n_before=QUIET, smoothed=1)
    assert np.isnan(maps.time_to_peak[:, :24]).all()
    assert np.isfinite(maps.time_to_peak[INNER][:, 24:]).all()


def test_later_by_a_second_is_later_by_a_second():
    early, late = (maps_of(triangle(TIMES_S, 2.5 + d, 3.5 + d, 5.5 + d, 0.2)) for d in (0, 1))
    difference = late.time_to_peak[INNER] - early.time_to_peak[INNER]
    assert_allclose(difference, 1.0, atol=1e-3)
    assert_allclose(late.persistence[INNER], early.persistence[INNER], atol=1e-3)


def test_twice_as_slow_takes_twice_as_long():
    curve = triangle(TIMES_S, 2.5, 3.5, 6.5, 0.2)
    once, twice = (maps_of(curve, times=factor * TIMES_S) for factor in (1, 2))
    assert_allclose(twice.time_to_peak[INNER], 2 * once.time_to_peak[INNER], rtol=1e-5)
    assert_allclose(twice.persistence[INNER], 2 * once.persistence[INNER], rtol=1e-5)
    assert_allclose(twice.wash_out[INNER], once.wash_out[INNER])


def test_where_it_moves_the_map_moves():
    curve = triangle(TIMES_S, 2.5, 3.5, 6.5, 0.2)
    moved = (slice(11, 43), slice(4, 52))
    here = measure_maps(play(curve), TIMES_S, EVERYWHERE, n_before=QUIET, smoothed=1)
    there = measure_maps(play(curve, region=moved), TIMES_S, EVERYWHERE, n_before=QUIET, smoothed=1)
    back = np.roll(there.persistence, (-3, 4), axis=(0, 1))
    assert_allclose(back[INNER], here.persistence[INNER])


def test_uneven_times_are_weighed():
    """Frames come ten times as fast in the first half; the answer is the same."""
    times = np.concatenate([np.arange(0, 4, 0.02), np.arange(4, 8, 0.2)])
    images = play(triangle(times, 2.5, 3.5, 6.5, 0.2))
    maps = measure_maps(images, times, EVERYWHERE, n_before=100, smoothed=1)
    assert_allclose(maps.persistence[INNER], 2.0, atol=0.15)


def test_specks_are_no_contrast():
    curve = triangle(TIMES_S, 2.5, 3.5, 6.5, 0.2)
    images = play(curve, region=(slice(20, 21), slice(20, 21)))
    maps = measure_maps(images, TIMES_S, EVERYWHERE, n_before=QUIET, smoothed=1)
    assert np.isnan(maps.time_to_peak).all()


def test_outside_the_patient_nothing_is_told():
    valid = EVERYWHERE.copy()
    valid[:, :30] = False
    images = play(triangle(TIMES_S, 2.5, 3.5, 6.5, 0.2))
    maps = measure_maps(images, TIMES_S, valid, n_before=QUIET, smoothed=1)
    assert np.isnan(maps.time_to_peak[~valid]).all()
    assert not maps.peak[~valid].any()


def test_frames_are_let_go():
    """However long the run, no more images are alive than are averaged, and the latest."""
    alive, most = [], 0

    def counted():
        nonlocal most
        for _ in range(60):
            image = np.zeros(SHAPE, np.float32)
            alive.append(weakref.ref(image))
            most = max(most, sum(reference() is not None for reference in alive))
            yield image
            del image

    measure_maps(counted(), np.arange(60.0), EVERYWHERE, smoothed=5)
    assert most <= 2


@pytest.mark.parametrize(
    ("times", "n_images", "said"),
    [
        ([0.0], 1, "at least two"),
        ([0.0, 1.0, 1.0], 3, "rise"),
        ([0.0, 1.0, 2.0], 2, "2 images"),
        ([0.0, 1.0, 2.0], 4, "more than 3"),
    ],
)
def test_times_that_do_not_fit_are_refused(times, n_images, said):
    images = [np.zeros(SHAPE, np.float32)] * n_images
    with pytest.raises(InputError, match=said):
        measure_maps(images, np.array(times), EVERYWHERE, smoothed=3)


@pytest.mark.parametrize(
    ("step_s", "expected"), [(1 / 30, 9), (0.1, 4), (1 / 7.5, 3), (0.5, 1), (None, 3)]
)
def test_how_many_frames_are_averaged(step_s, expected):
    times = None if step_s is None else np.arange(20) * step_s
    assert frames_to_smooth(times) == expected
