"""Running means of the change: what they hold is known in closed form."""

import math

import numpy as np
import pytest

from guidance.spread._history import History
from guidance.spread._settings import SightSettings
from guidance.spread._sight import Seen

SHAPE = (4, 6)
SETTINGS = SightSettings()


def seen(z: float, valid: np.ndarray | None = None) -> Seen:
    image = np.full(SHAPE, z, np.float32)
    return Seen(
        change=image,
        z=image,
        valid=np.ones(SHAPE, np.bool_) if valid is None else valid,
        attenuation=image,
        shift=(0.0, 0.0),
        noise=1.0,
    )


def fed(values: list[float], step_s: float) -> History:
    history = History.empty(SHAPE)
    for i, value in enumerate(values):
        history.take(seen(value), i * step_s, SETTINGS)
    return history


def test_a_steady_change_is_its_own_mean():
    history = fed([3.0] * 20, 0.1)
    for image in history.images():
        np.testing.assert_allclose(image, 3.0, rtol=1e-5)


def test_after_a_step_each_mean_follows_with_its_own_time():
    history = fed([0.0] * 100 + [1.0] * 6, 0.1)
    for image, constant in ((history.slow, SETTINGS.slow_s), (history.slower, SETTINGS.slower_s)):
        assert image[0, 0] == pytest.approx(1 - math.exp(-0.6 / constant), rel=0.02)
    assert history.fast[0, 0] > history.slow[0, 0] > history.slower[0, 0]


def test_what_leaves_stays_in_the_greatest():
    history = fed([0.0] * 10 + [8.0] * 20 + [0.0] * 60, 0.1)
    assert history.slow.max() < 0.1
    assert history.greatest.min() > 7


def test_slow_pulses_do_not_make_the_fast_mean_late():
    history = fed([0.0] * 10 + [1.0, 1.0], 1.0)
    assert history.fast[0, 0] > 0.9


def test_a_pixel_that_was_not_compared_keeps_what_was_last_seen():
    history = fed([5.0] * 10, 0.1)
    valid = np.ones(SHAPE, np.bool_)
    valid[0, 0] = False
    for i in range(10, 40):
        history.take(seen(0.0, valid), i * 0.1, SETTINGS)
    assert history.fast[0, 0] == pytest.approx(5.0, rel=1e-5)
    assert history.fast[1, 1] < 0.1


def test_without_times_frames_count_as_usual_pulses():
    history = History.empty(SHAPE)
    for value in [0.0] * 30 + [1.0] * 8:
        history.take(seen(value), None, SETTINGS)
    assert 0.6 < history.slow[0, 0] < 0.95
