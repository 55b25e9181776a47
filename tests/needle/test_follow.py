"""Needles followed through painted runs whose motion is known.

Once found, a tip is allowed to be off by 0.5 mm: the tolerance of a single frame (`test_find`) and
what a frame's noise adds.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.needle import NeedleFollower

CLOSE_MM = 0.5
BREATH_PX = 4.0


def breathing(paint, frames):
    """Return paints of a run: everything moves with the breath by 1.4 mm."""
    places = [BREATH_PX * math.sin(2 * math.pi * number / 30) for number in range(frames)]
    return [
        replace(paint, shift=(place, 0.4 * place), seed=number)
        for number, place in enumerate(places)
    ]


def follow(paints, draw, context):
    """Return what is seen in each frame."""
    follower = NeedleFollower(context)
    return [follower.push(draw(paint)) for paint in paints]


def errors_mm(seen, paints, pixel_mm):
    """Return how far the surest tip is off in each frame in which one is seen."""
    return np.array(
        [
            math.dist(each[0].tip_px, paint.true_tip) * pixel_mm
            for each, paint in zip(seen, paints, strict=True)
            if each
        ]
    )


@pytest.fixture(scope="module")
def breath(painted, draw, make_context):
    """Return a run that breathes, and what is seen in it."""
    paints = breathing(painted(), 26)
    return paints, follow(paints, draw, make_context())


def test_a_breathing_needle_is_followed(breath, pixel_mm):
    paints, seen = breath
    first = next(number for number, each in enumerate(seen) if each)
    assert first < 15
    assert all(len(each) == 1 for each in seen[first:])
    assert errors_mm(seen, paints, pixel_mm).max() < CLOSE_MM


def test_nothing_looks_ahead(breath, draw, make_context):
    paints, seen = breath
    other = [replace(paint, has_needle=False) for paint in paints[20:]]
    assert follow([*paints[:20], *other[:1]], draw, make_context())[:20] == seen[:20]


@pytest.mark.slow
def test_the_same_frames_give_the_same_answers(breath, draw, make_context):
    paints, seen = breath
    assert follow(paints[:20], draw, make_context()) == seen[:20]


def test_a_needle_that_the_hand_pushes_is_followed(painted, draw, make_context, pixel_mm):
    paints = [
        replace(painted(), jerk_mm=2.0 * min(max(number - 18, 0) / 3, 1), seed=number)
        for number in range(30)
    ]
    seen = follow(paints, draw, make_context())
    assert errors_mm(seen, paints, pixel_mm)[-4:].max() < CLOSE_MM


def test_contrast_does_not_carry_the_tip_along(painted, draw, make_context, pixel_mm):
    paints = [
        replace(paint, pool=0.05 * max(number - 18, 0))
        for number, paint in enumerate(breathing(painted(), 30))
    ]
    seen = follow(paints, draw, make_context())
    assert errors_mm(seen, paints, pixel_mm).max() < CLOSE_MM


@pytest.mark.slow
def test_a_pushed_needle_is_followed_by_its_hub_in_contrast(painted, draw, make_context, pixel_mm):
    paints = [
        replace(
            painted(length_mm=26.0),
            pool=0.4 * (number > 17),
            jerk_mm=2.0 * (number > 22),
            seed=number,
        )
        for number in range(32)
    ]
    seen = follow(paints, draw, make_context())
    assert errors_mm(seen, paints, pixel_mm)[-3:].max() < CLOSE_MM


def test_blank_frames_show_nothing_and_are_survived(painted, draw, make_context, pixel_mm):
    paints = breathing(painted(), 22)
    frames = [draw(paint) for paint in paints]
    follower = NeedleFollower(make_context())
    blank = np.zeros_like(frames[0])
    assert follower.push(blank) == ()
    for frame in frames[:18]:
        follower.push(frame)
    assert follower.push(blank) == ()
    assert follower.push(np.full_like(blank, 65535)) == ()
    assert follower.push(np.full(blank.shape, np.nan, np.float32)) == ()
    seen = [follower.push(frame) for frame in frames[18:]]
    assert all(seen)
    assert errors_mm(seen, paints[18:], pixel_mm).max() < CLOSE_MM


def test_repeated_frames_repeat_the_answer(painted, draw, make_context):
    """But for a search that ends meanwhile: what it says is surer than what went before."""
    follower = NeedleFollower(make_context())
    repeated = 0
    for paint in breathing(painted(), 18):
        frame = draw(paint)
        follower.push(frame)
        seen = follower.push(frame)
        is_searching = follower._work is not None
        again = follower.push(frame)
        if not is_searching:
            assert again == seen
            repeated += len(seen)
    assert repeated > 5


def test_a_run_that_ends_early_is_concluded(painted, draw, make_context, pixel_mm):
    paint = painted()
    follower = NeedleFollower(make_context())
    assert follower.push(draw(paint)) == ()
    seen = follower.conclude()
    assert math.dist(seen[0].tip_px, paint.tip) * pixel_mm < CLOSE_MM
    assert NeedleFollower(make_context()).conclude() == ()


def test_a_needle_that_is_pulled_out_is_lost(painted, draw, make_context):
    paints = [painted(has_needle=number < 18, seed=number) for number in range(28)]
    seen = follow(paints, draw, make_context())
    assert seen[17]
    assert not seen[-1]


def test_a_run_without_a_needle_shows_none(painted, draw, make_context):
    paints = breathing(painted(has_needle=False), 20)
    assert not any(follow(paints, draw, make_context()))


def test_noise_draws_no_needle(painted, draw, make_context):
    paints = breathing(painted(has_needle=False, noise=0.12), 14)
    assert not any(follow(paints, draw, make_context()))


def test_what_is_no_frame_is_refused(make_context):
    with pytest.raises(InputError, match="expected"):
        NeedleFollower(make_context()).push(np.zeros((3, 4), np.uint16))
