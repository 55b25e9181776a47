"""Grey levels: dark where X-rays are stopped, whatever the sign, the gain or the shutters."""

import io
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from guidance.records import IntensityScale, PixelIntensityRelationship
from guidance.report._display import choose_window, encode_png, reduce_frame, subtract

RAMP = np.tile(np.linspace(100, 1100, 101, dtype=np.float32), (20, 1))


def header_of(make, **changes):
    return replace(make(size=16, n_frames=2, onset=None).cine.header, **changes)


def scale(sign=1, relationship=PixelIntensityRelationship.LIN):
    return IntensityScale(
        relationship=relationship, sign=sign, sign_source="test", low=0, high=4095
    )


def test_reducing_averages_and_never_enlarges():
    frame = np.arange(64 * 32, dtype=np.uint16).reshape(64, 32)
    small = reduce_frame(frame, 16)
    assert small.shape == (16, 8)
    np.testing.assert_allclose(small, frame.reshape(16, 4, 8, 4).mean((1, 3)), rtol=1e-5)
    np.testing.assert_array_equal(reduce_frame(frame, 640), frame)


def test_a_fitting_header_window_is_used(make):
    window = choose_window(header_of(make, window=(600.0, 800.0)), [RAMP])
    assert (window.low, window.high, window.gamma) == (200, 1000, 1)
    assert window.source == "display window of the header"
    assert window.grey(np.array([0, 200, 600, 1000, 4095])).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    "window", [(60000.0, 100.0), (600.0, 1.0), (600.0, 1e9), (600.0, 0.0), (600.0, -50.0)]
)
def test_a_window_that_shows_nothing_gives_way_to_the_values(make, window):
    chosen = choose_window(header_of(make, window=window), [RAMP])
    assert chosen.source == "display window from the values of the run"
    assert 100 <= chosen.low < 120
    assert 1080 < chosen.high <= 1100


def test_the_sign_turns_the_picture_so_that_bone_stays_dark(make):
    upright = choose_window(header_of(make, intensity=scale(1)), [RAMP])
    turned = choose_window(header_of(make, intensity=scale(-1)), [4095 - RAMP])
    difference = upright.grey(RAMP).astype(int) - turned.grey(4095 - RAMP)
    assert np.abs(difference).max() <= 1


def test_shutters_do_not_take_part_in_the_window(make):
    shut = np.pad(RAMP, ((20, 20), (0, 0)))
    assert choose_window(header_of(make), [shut]).low >= 100


def test_a_dark_run_is_lifted_and_a_bright_one_left_alone(make):
    dark = choose_window(header_of(make), [RAMP**3 / 1e6])
    bright = choose_window(header_of(make), [1200 - RAMP**3 / 1e7])
    assert 0.5 <= dark.gamma < 1
    assert bright.gamma == 1


def test_a_constant_frame_has_a_window(make):
    window = choose_window(header_of(make), [np.full((8, 8), 7, np.float32)])
    assert window.low < 7 < window.high


def reference_and_key(rng):
    reference = rng.uniform(800, 1200, (40, 40)).astype(np.float32)
    key = reference.copy()
    key[10:14, 10:14] *= 0.7
    return reference, key


def test_contrast_is_dark_in_the_subtraction_and_gain_drops_out(make):
    reference, key = reference_and_key(np.random.default_rng(1))
    picture, full_scale = subtract(key, reference, header_of(make, intensity=scale()))
    assert (picture[10:14, 10:14] < 10).all()
    assert abs(int(picture[0, 0]) - 128) <= 1
    assert full_scale == pytest.approx(-np.log(0.7), rel=0.01)
    brighter, _ = subtract(1.3 * key, reference, header_of(make, intensity=scale()))
    assert np.abs(brighter.astype(int) - picture).max() <= 1


@pytest.mark.parametrize("relationship", list(PixelIntensityRelationship))
@pytest.mark.parametrize("sign", [1, -1])
def test_contrast_is_dark_whatever_the_values_mean(make, sign, relationship):
    reference, key = reference_and_key(np.random.default_rng(2))
    if sign < 0:
        reference, key = 4095 - reference, 4095 - key
    picture, _ = subtract(key, reference, header_of(make, intensity=scale(sign, relationship)))
    assert picture[10:14, 10:14].mean() < 60 < picture[20:, 20:].mean()


def test_noise_behind_a_shutter_stays_grey(make):
    reference, key = reference_and_key(np.random.default_rng(3))
    reference[:5], key[:5] = 3, 12
    picture, _ = subtract(key, reference, header_of(make, intensity=scale()))
    assert (picture[:5] == 128).all()


def test_noise_alone_is_not_blown_up(make):
    rng = np.random.default_rng(4)
    reference = np.full((40, 40), 1000, np.float32)
    key = (reference + rng.normal(0, 1, reference.shape)).astype(np.float32)
    picture, full_scale = subtract(key, reference, header_of(make, intensity=scale()))
    assert full_scale == 0.05
    assert picture.std() < 5


def test_png_round_trip():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with PIL.Image.open(io.BytesIO(encode_png(grey))) as image:
        np.testing.assert_array_equal(np.asarray(image), grey)
