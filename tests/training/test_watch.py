"""The truth beside a frame: it lies where the first reference lay, and knows what can be seen."""

import numpy as np
import pytest
from watching import context_of

from guidance.imaging import locate_valid_pixels
from guidance.spread import _monitor
from guidance.training import MonitorWatch, RunLabels, TruthfulWatch

SHAPE, FRAMES, ONSET = (128, 128), 16, 8
NOISE = 0.01
CONTRAST = (slice(50, 60), slice(40, 80))


def course(strength: float, shift=(0, 0), vessel_share: float = 0.0):
    """Return frames of a quantum-limited field with a bar of contrast, and the labels of it.

    From `ONSET` on everything lies `shift` pixels further down and right.
    """
    rng = np.random.default_rng(1)
    bone = np.full(SHAPE, 500.0)
    for row in range(0, 128, 16):
        bone[row : row + 7] *= 0.8
    bone[:, 20:30] *= 0.85
    bone[:, 96:100] *= 0.7
    drawn = np.zeros(SHAPE, np.float32)
    drawn[CONTRAST] = strength
    new = np.zeros((FRAMES, *SHAPE), np.float32)
    new[ONSET:] = np.roll(drawn, shift, (0, 1))
    frames = np.empty((FRAMES, *SHAPE), np.uint16)
    for number in range(FRAMES):
        still = np.roll(bone, shift, (0, 1)) if number >= ONSET else bone
        quanta = 1 + NOISE * rng.standard_normal(SHAPE)
        frames[number] = np.rint(still * np.exp(-new[number]) * quanta)
    steps = np.rint(new * 4000).astype(np.uint16)
    vessel = np.rint(new * vessel_share * 4000).astype(np.uint16)
    return frames, RunLabels(new=steps, vessel=vessel, pulses=np.arange(FRAMES))


def sightings(frames, labels, held_from=ONSET):
    valid = np.ones(SHAPE, np.bool_)
    valid &= locate_valid_pixels(frames[0], context_of(frames).intensity)
    watch = TruthfulWatch(context_of(frames), labels, held_from)
    return [
        watch.push(number, frame, number / 8, is_wanted=True) for number, frame in enumerate(frames)
    ]


@pytest.fixture(scope="module")
def plain():
    return sightings(*course(0.06, vessel_share=1.0))


def test_contrast_is_labelled_where_it_was_drawn(plain):
    last = plain[-1]
    inside = np.zeros(SHAPE, np.bool_)
    inside[CONTRAST] = True
    assert last.contrast[51:59, 41:79].min() > 0.99
    assert last.contrast[~inside].sum() < 0.35 * inside.sum()  # a rim of one pixel
    assert last.contrast[45, 60] == last.contrast[55, 90] == 0
    assert last.channels.shape == (8, 256, 256)
    # What the network sees there stands out too.
    assert last.channels[1][55, 60] > last.channels[1][30, 60] + 30


def test_before_contrast_nothing_is_labelled(plain):
    for sighting in plain[:ONSET]:
        if sighting is not None:
            assert sighting.contrast.max() == sighting.vessel_ever.max() == 0


def test_a_vessel_stays_in_the_map_of_all_time():
    frames, labels = course(0.06, vessel_share=1.0)
    late = ONSET + 4
    rng = np.random.default_rng(2)
    for number in range(late, FRAMES):  # it has washed out
        frames[number] = np.rint(frames[0] * (1 + NOISE * rng.standard_normal(SHAPE)))
    labels.new[late:] = labels.vessel[late:] = 0
    seen = sightings(frames, labels)
    assert seen[-1].contrast.max() == seen[-1].vessel.max() == 0
    assert seen[-1].vessel_ever[55, 60] == seen[late - 1].vessel_ever[55, 60] == 1


def test_contrast_outside_vessels_is_no_vessel():
    last = sightings(*course(0.06, vessel_share=0.1))[-1]
    assert last.contrast[55, 60] == 1
    assert last.vessel.max() == last.vessel_ever.max() == 0


def test_what_lies_in_the_noise_is_not_asked_for():
    # A tenth of the noise of a pixel.
    last = sightings(*course(0.001, vessel_share=1.0))[-1]
    assert last.contrast.max() == last.vessel.max() == 0


@pytest.mark.parametrize("shift", [(3, -2), (-2, 4)])
def test_labels_follow_the_patient_back_to_the_first_reference(plain, shift):
    moved = sightings(*course(0.06, shift, vessel_share=1.0))[-1]
    inner = (slice(20, 108), slice(20, 108))
    difference = abs(moved.contrast[inner] - plain[-1].contrast[inner])
    assert difference.max() <= 1
    # The bar's rim may come out otherwise by a fraction of a pixel, nothing else.
    assert (difference > 0.5).sum() < 40
    assert moved.contrast[51:59, 42:78].min() > 0.9


def test_a_frame_that_is_not_wanted_is_still_taken_in():
    frames, labels = course(0.06, vessel_share=1.0)
    watch = TruthfulWatch(context_of(frames), labels, ONSET)
    for number, frame in enumerate(frames[:-1]):
        assert watch.push(number, frame, number / 8, is_wanted=False) is None
    last = watch.push(FRAMES - 1, frames[-1], (FRAMES - 1) / 8, is_wanted=True)
    expected = sightings(frames, labels)[-1]
    np.testing.assert_array_equal(last.channels, expected.channels)
    np.testing.assert_array_equal(last.vessel_ever, expected.vessel_ever)


def test_the_monitor_s_own_view_is_kept_to_the_last_bit(monkeypatch):
    frames, labels = course(0.06, vessel_share=1.0)
    shown = []

    def make(*arguments):
        shown.append(made(*arguments))
        return shown[-1]

    made = _monitor.make_channels
    monkeypatch.setattr(_monitor, "make_channels", make)
    watch = MonitorWatch(context_of(frames), labels)
    found = [
        watch.push(number, frame, number / 8, is_wanted=number % 2 == 1)
        for number, frame in enumerate(frames)
    ]
    assert all(sighting is None for sighting in found[::2])
    seen = [sighting for sighting in found if sighting is not None]
    # All but the first frame, which there is nothing to compare with; every second was wanted.
    np.testing.assert_array_equal([s.channels for s in seen], shown[-2 * len(seen) + 1 :: 2])
    assert seen[-1].contrast[51:59, 41:79].min() > 0.99
    assert seen[-1].vessel_ever[45, 60] == 0
    repeated = watch.push(FRAMES, frames[-1], FRAMES / 8, is_wanted=True)
    assert repeated is None
