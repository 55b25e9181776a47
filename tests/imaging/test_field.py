"""Field of view: shutters, circle, blades and letters drawn with a known place."""

import cv2
import numpy as np
import pytest

from guidance.imaging import find_letters, locate_valid_pixels
from guidance.records import (
    CircularShutter,
    IntensityScale,
    PixelIntensityRelationship,
    PolygonalShutter,
    RectangularShutter,
)

TEN_BITS = IntensityScale(
    relationship=PixelIntensityRelationship.LIN, sign=1, sign_source="test", low=0, high=1023
)
SIZE = 256


def patient(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)), (0, 0), 8) * 900 + 400
    return np.clip(smooth + rng.normal(0, 10, smooth.shape), 40, 900).astype(np.uint16)


def write(frame: np.ndarray, letter: str, at: tuple[int, int], value: int) -> np.ndarray:
    glyph = np.zeros(frame.shape, np.uint8)
    cv2.putText(glyph, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    return np.where(glyph > 127, np.uint16(value), frame)


def test_an_open_field_is_all_valid():
    assert locate_valid_pixels(patient(), TEN_BITS).all()


@pytest.mark.parametrize("outside", [0, 20])
def test_the_circle_is_found(outside):
    frame = patient()
    rows, columns = np.indices(frame.shape)
    inside = np.hypot(rows - 127, columns - 130) < 110
    frame[~inside] = outside
    valid = locate_valid_pixels(frame, TEN_BITS)
    assert not valid[~inside].any()
    deep = np.hypot(rows - 127, columns - 130) < 110 - 8
    assert valid[deep].mean() > 0.99


def test_noisy_blades_are_found():
    frame = patient()
    blade = np.random.default_rng(1).normal(30, 5, (SIZE, 40))
    frame[:, :40] = np.clip(blade, 0, None)
    valid = locate_valid_pixels(frame, TEN_BITS)
    assert not valid[:, :38].any()
    assert valid[:, 50:].mean() > 0.99


def test_a_dark_needle_inside_is_not_a_blade():
    frame = patient()
    frame[100:160, 120:123] = 30
    assert locate_valid_pixels(frame, TEN_BITS)[100:160, 120:123].all()


@pytest.mark.parametrize(
    ("shutter", "inside", "outside"),
    [
        (RectangularShutter(top=40, bottom=200, left=50, right=220), (120, 130), (20, 130)),
        (CircularShutter(row=128, column=128, radius=90), (128, 128), (10, 10)),
        (PolygonalShutter(vertices=((30, 30), (30, 220), (220, 125))), (80, 125), (200, 40)),
    ],
    ids=["rectangle", "circle", "polygon"],
)
def test_shutters_of_the_header_are_kept(shutter, inside, outside):
    valid = locate_valid_pixels(patient(), TEN_BITS, [shutter])
    assert valid[inside]
    assert not valid[outside]


def test_letters_are_found_where_they_are():
    frame = write(patient(), "L", (200, 60), 1023)
    letters = find_letters(frame, TEN_BITS)
    assert letters[40:62, 198:214].any()
    rest = letters.copy()
    rest[36:66, 194:220] = False
    assert not rest.any()


def test_inverted_letters_are_found():
    frame = write(1023 - patient(), "R", (30, 60), 0)
    inverted = IntensityScale(
        relationship=PixelIntensityRelationship.LIN, sign=-1, sign_source="test", low=0, high=1023
    )
    assert find_letters(frame, inverted)[40:62, 28:44].any()


def test_nothing_in_a_patient_is_a_letter():
    assert not find_letters(patient(), TEN_BITS).any()


@pytest.mark.parametrize("value", [0, 511, 1023])
def test_an_empty_frame_shows_nothing(value):
    frame = np.full((SIZE, SIZE), value, np.uint16)
    assert not locate_valid_pixels(frame, TEN_BITS).any()
