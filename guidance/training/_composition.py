"""Composed examples: the contrast of one run added to a frame of another one that has none.

Contrast adds to attenuation, and running means are linear: the sum is what the monitor would have
seen, save for what its background would have taken of it. So each frame without contrast goes with
each course, anywhere, at any size, turn and strength.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.spread import CHANNELS, PATTERNS, compress_z, expand_z
from guidance.training._arteries import choose_pulse, lay_arteries, stir
from guidance.training._course_files import COURSE_IMAGES, Course
from guidance.training._drawn import as_noise, ramp
from guidance.training._example_set import UNKNOWN
from guidance.training._sample import Sample
from guidance.training._variation import (
    ANATOMY,
    CHANGES,
    WHOLE_PX,
    ZERO,
    Bytes,
    Image,
    draw_similarity,
    draw_view,
    show,
    warp,
)

Place = tuple[float, float]

_UNREST, _VALID = CHANNELS.index("unrest"), CHANNELS.index("valid")
_NEW, _EVER = COURSE_IMAGES.index("new"), COURSE_IMAGES.index("vessel_ever")
_STEEL = COURSE_IMAGES.index("steel")

# As `guidance.spread.make_channels` writes them: whether a pixel was compared, and how restless a
# place is, 40 steps for twice as much.
_COMPARED = 150
_UNREST_STEPS = 40.0

_PER_NOISE = (10.0, 110.0)
"""One over the noise of a working pixel: from the noisiest fluoroscopy to digital runs."""

_SIZES = (-0.4, 0.4)
_ARTERY_STRENGTH = (1.0, 3.0)
"""Arteries of organs are denser."""

_PART_WITHIN, _WHOLE_WITHIN = 0.2, 0.25
"""A place of the course with contrast comes to lie so far within, as a share of the side."""

_FROM_VESSEL, _FEW_PX = 0.6, 3
_SHOWN = 0.004
_NOTHING = 1e-4
_FORGOTTEN = 0.6
"""What was greatest before keeps so much of itself under what comes."""

_STEEL_STEPS = (120.0, 320.0)
_VESSEL_PX, _CONTRAST_PX = 20, 8
"""So many pixels beyond half a label show a vessel, and contrast, to a good eye."""


def compose(
    clean: Bytes,
    course: Course,
    rng: np.random.Generator,
    side: int,
    *,
    is_varied: bool = True,
    beside: Sequence[Course] | None = None,
) -> Sample | None:
    """Return a frame with the contrast of a course added, or None where none of it shows.

    Parameters
    ----------
    clean : (8, 256, 256) uint8 array
        The network's input in a frame without contrast.
    course : Course
        With at least one pulse.
    rng : numpy.random.Generator
        Decides which pulse, where, how large and how strong.
    side : int
        Of the part that is looked at; 256 for the whole.
    is_varied : bool
        Whether the frame is moved and turned; the course always is.
    beside : sequence of Course, optional
        With these the course makes up arteries of an organ: `guidance.training._arteries`. They
        and the course show vessels alone.
    """
    images = choose_pulse(course, rng)
    anchor = _choose_anchor(images, rng)
    if anchor is None:
        return None
    scene = show(clean, draw_view(rng, side), side) if is_varied else clean.copy()
    per_noise = float(np.exp(rng.uniform(*np.log(_PER_NOISE))))
    if beside is None:
        laid = _lay(images, anchor, rng, side)
    else:
        laid = lay_arteries([(images, anchor), *_draw_pulses(beside, rng)], rng, side)
        per_noise *= float(rng.uniform(*_ARTERY_STRENGTH))
        stir(scene, _UNREST, rng)
    if np.abs(laid[:_NEW]).max() <= _NOTHING:
        return None
    is_compared = scene[_VALID] > _COMPARED
    _add_steel(scene, laid[_STEEL], float(rng.uniform(*_STEEL_STEPS)))
    _add_contrast(scene, laid, per_noise, is_compared)
    drawn = np.stack(
        [ramp(as_noise(image, per_noise)) * is_compared for image in laid[_NEW:_STEEL]]
    )
    return _ask(scene, drawn, course)


def _lay(images: Image, anchor: Place, rng: np.random.Generator, side: int) -> Image:
    """Return the images of a pulse, moved, turned and sized into a square."""
    within = _WHOLE_WITHIN if side == WHOLE_PX else _PART_WITHIN
    row, column = rng.uniform(within, 1 - within, 2) * side
    return warp(images, draw_similarity(rng, anchor, (float(row), float(column)), _SIZES), side, 0)


def _draw_pulses(courses: Sequence[Course], rng: np.random.Generator) -> list[tuple[Image, Place]]:
    """Return a pulse of each course that shows, and a place of it with contrast."""
    drawn = [choose_pulse(course, rng) for course in courses]
    places = [_choose_anchor(images, rng) for images in drawn]
    return [(one, place) for one, place in zip(drawn, places, strict=True) if place is not None]


def _choose_anchor(images: Image, rng: np.random.Generator) -> Place | None:
    """Return a place (row, column) of a course with contrast, sooner with a vessel."""
    has_vessel = (images[_EVER] > _SHOWN).sum() > _FEW_PX
    chosen = images[_EVER if has_vessel and rng.random() < _FROM_VESSEL else _NEW]
    places = np.argwhere(chosen > min(_SHOWN, float(chosen.max()) / 2))
    if not len(places):
        return None
    row, column = places[int(rng.integers(len(places)))]
    return float(row), float(column)


def _add_steel(scene: Bytes, steel: Image, steps: float) -> None:
    """Show the course's own needle in the anatomy."""
    anatomy = scene[ANATOMY].astype(np.float32) + np.float32(steps) * steel
    scene[ANATOMY] = np.clip(anatomy, 0, 255).astype(np.uint8)


def _add_contrast(
    scene: Bytes, laid: Image, per_noise: float, is_compared: NDArray[np.bool_]
) -> None:
    """Add the running means of a course to those of a frame."""
    fast, slow, slower, greatest, fresh = expand_z(scene[list(CHANGES)])
    unrest = np.exp2((ZERO - scene[_UNREST].astype(np.float32)) / np.float32(_UNREST_STEPS))
    added = laid[:_NEW] * (np.float32(per_noise) * unrest * is_compared)
    kept = np.maximum(slow + added[3], np.float32(_FORGOTTEN) * greatest + added[3])
    changed = (
        fast + added[0],
        slow + added[1],
        slower + added[2],
        np.maximum(greatest, kept),
        fresh + added[0] - added[1],
    )
    for number, z in zip(CHANGES, changed, strict=True):
        compress_z(z, scene[number])


def _ask(scene: Bytes, drawn: Image, course: Course) -> Sample:
    """Return the composed frame, with the questions that a good eye could answer."""
    area, lit = (int((drawn[number] > 0.5).sum()) for number in (2, 0))
    uptake = float(UNKNOWN)
    if area >= _VESSEL_PX:
        uptake = 1.0
    elif area == 0 or not course.is_vascular:
        uptake = 0.0
    contrast = 1.0 if lit >= _CONTRAST_PX or area >= _VESSEL_PX else float(UNKNOWN)
    is_named = contrast > 0 and (uptake > 0 or not course.is_vascular)
    half = scene.shape[1] // 2
    maps = [cv2.resize(image, (half, half), interpolation=cv2.INTER_AREA) for image in drawn]
    return Sample(
        channels=scene.astype(np.float32),
        maps=np.stack(maps).astype(np.float32),
        uptake=uptake,
        contrast=contrast,
        pattern=PATTERNS.index(course.pattern) if is_named else UNKNOWN,
    )
