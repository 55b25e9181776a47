"""Composed frames: contrast goes where it is drawn, and nothing else changes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_examples import made_run
from watching import context_of

from guidance.errors import InputError
from guidance.spread import (
    CHANNELS,
    PATTERNS,
    History,
    Sight,
    SightSettings,
    expand_z,
    make_channels,
)
from guidance.training import gather
from guidance.training._composition import compose
from guidance.training._course_set import CourseSet
from guidance.training._material import (
    Material,
    draw_composed,
    draw_samples,
    take_composed,
    take_examples,
)
from guidance.training._sample import Sample, ask_of_part
from guidance.training._train_settings import TrainingSettings

VALID = CHANNELS.index("valid")


@pytest.fixture
def clean() -> np.ndarray:
    """Return a frame of which all was compared, without any change or anatomy."""
    scene = np.full((8, 256, 256), 128, np.uint8)
    scene[VALID] = 228
    return scene


def composed(clean, course, seed: int, side: int = 256) -> Sample:
    found = compose(clean, course, np.random.default_rng(seed), side, is_varied=side < 256)
    assert found is not None
    return found


def test_bytes_are_those_of_the_monitor():
    noise = np.random.default_rng(0).standard_normal((3, 64, 256))
    frames = np.rint(500 * (1 + 0.01 * noise)).astype(np.uint16)
    sight = Sight(context_of(frames), SightSettings())
    for number, frame in enumerate(frames):
        sight.look(number, frame, number / 8, None)
    history = History.empty(sight.shape)
    every = np.arange(256)
    history.slow[:] = expand_z(every)
    channels = make_channels(sight, history, np.ones(sight.shape, np.bool_))
    np.testing.assert_array_equal(channels[CHANNELS.index("slow"), 10], every)


@pytest.mark.parametrize("seed", range(5))
def test_contrast_is_seen_where_it_is_to_be_drawn(clean, made_course, seed):
    found = composed(clean, made_course(strength=0.3), seed)
    drawn = found.maps[0].repeat(2, 0).repeat(2, 1)
    square = np.ones((5, 5), np.uint8)
    inside = cv2.erode((drawn == 1).astype(np.uint8), square) > 0
    outside = cv2.dilate((drawn > 0).astype(np.uint8), square) == 0
    for number in range(4):
        assert found.channels[number][inside].min() > 135
        # What is fainter than a third of the noise.
        assert found.channels[number][outside].max() < 135
    np.testing.assert_array_equal(found.maps[1], found.maps[2])
    assert (found.uptake, found.contrast) == (1, 1)
    assert found.pattern == PATTERNS.index("vascular")


def test_all_else_stays_as_it_was(clean, made_course):
    rng = np.random.default_rng(3)
    scene = rng.integers(0, 256, clean.shape).astype(np.uint8)
    scene[CHANNELS.index("greatest")] |= scene[CHANNELS.index("slow")] | 128  # as it always is
    found = composed(scene, made_course(), 1)
    changed = (found.channels != scene).any(0)
    assert 0 < changed.mean() < 0.2
    for name in ("anatomy", "unrest", "valid"):
        number = CHANNELS.index(name)
        np.testing.assert_array_equal(found.channels[number], scene[number])


def test_nothing_is_added_or_asked_where_nothing_was_compared(clean, made_course):
    clean[VALID] = 128
    found = composed(clean, made_course(strength=0.3), 0)
    np.testing.assert_array_equal(found.channels, clean)
    assert not found.maps.any()
    assert (found.uptake, found.contrast, found.pattern) == (0, -1, -1)


def test_a_pool_is_no_vessel(clean, made_course):
    found = composed(clean, made_course("epidural", 0.3), 0)
    assert (found.uptake, found.contrast) == (0, 1)
    assert found.pattern == PATTERNS.index("epidural")
    assert found.maps[0].any()
    assert not found.maps[1:].any()


def test_a_mixed_course_whose_vessel_does_not_show_has_no_name(clean, made_course):
    mixed = made_course("mixed", 0.3)
    images = mixed.images.copy()
    images[:, 5:7] = 0
    found = composed(clean, replace(mixed, images=images), 0)
    assert (found.contrast, found.pattern) == (1, -1)


def test_the_needle_comes_with_its_course(clean, made_course):
    course = made_course()
    course.images[:, 7, 20:22, :] = 0.5
    found = composed(clean, course, 0)
    anatomy = found.channels[CHANNELS.index("anatomy")]
    assert anatomy.max() > 150
    assert (np.delete(anatomy, np.flatnonzero(anatomy > 128)) == 128).all()


def test_an_empty_course_composes_nothing(clean, made_course):
    course = made_course(strength=0.0)
    assert compose(clean, course, np.random.default_rng(0), 128) is None


@pytest.fixture
def material(made_course) -> Material:
    runs = [made_run(index, kind) for index, kind in enumerate(("vascular", "epidural", "none"))]
    courses = [made_course(kind, 0.2) for kind in ("vascular", "epidural")]
    return Material(examples=gather(runs), courses=CourseSet(courses=tuple(courses)))


def test_so_many_are_composed_as_asked_for(material):
    rng = np.random.default_rng(0)
    # Those of runs have noise where nothing was compared; made-up courses add to every byte.
    for share, side in ((0.0, 64), (1.0, 128), (0.5, 256)):
        settings = TrainingSettings(batch=4, side_px=side, composed=share)
        samples = draw_samples(material, rng, settings)
        assert [s.channels.shape for s in samples] == [(8, side, side)] * 4
        assert [s.maps.shape for s in samples] == [(3, side // 2, side // 2)] * 4
        assert {s.channels.dtype for s in samples} == {np.dtype(np.float32)}


def test_the_same_seed_draws_the_same(material):
    settings = TrainingSettings(batch=6, composed=0.5)
    first, second = (draw_samples(material, np.random.default_rng(4), settings) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.channels, other.channels)
        np.testing.assert_array_equal(one.maps, other.maps)
        assert (one.uptake, one.contrast, one.pattern) == (
            other.uptake,
            other.contrast,
            other.pattern,
        )


def test_held_out_samples_are_always_the_same(material):
    whole = list(take_examples(material.examples))
    assert len(whole) == len(material.examples)
    channels, _ = material.examples.images(5)
    np.testing.assert_array_equal(whole[5].channels, channels)
    first, second = (list(take_composed(material, 3)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.channels, other.channels)
    assert list(take_composed(replace(material, courses=None))) == []


def test_nothing_to_compose_is_said(material, made_course):
    empty = CourseSet(courses=(made_course(strength=0.0),))
    for courses in (None, empty):
        with pytest.raises(InputError, match="compose nothing"):
            draw_composed(replace(material, courses=courses), np.random.default_rng(0), 128)
    busy = replace(material.examples, contrast=np.ones(len(material.examples), np.float32))
    with pytest.raises(InputError, match="expected some without"):
        replace(material, examples=busy)


def test_what_was_cut_off_is_not_asked_for():
    maps = np.zeros((3, 64, 64), np.float32)
    sample = Sample(
        channels=np.zeros((8, 128, 128), np.float32), maps=maps, uptake=1, contrast=1, pattern=4
    )
    found = ask_of_part(sample)
    assert (found.uptake, found.contrast, found.pattern) == (-1, -1, -1)
    maps[0, :4, :4] = 1
    assert (ask_of_part(sample).uptake, ask_of_part(sample).contrast) == (-1, 1)
    maps[2, :4, :4] = 1
    found = ask_of_part(sample)
    assert (found.uptake, found.contrast, found.pattern) == (1, 1, 4)
    found = ask_of_part(replace(sample, uptake=0, contrast=0, pattern=-1))
    assert (found.uptake, found.contrast, found.pattern) == (0, 0, -1)
