"""Arteries of organs, which no plan of a suite draws: several vessels, wide, dense, that beat.

What a run of the heart or the bowel shows is a vessel as well. Vessels of several courses are laid
over each other and moved along a loop; the running means of a thing that moves are means over the
places it has been at.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guidance.training._course_files import COURSE_IMAGES, Course
from guidance.training._variation import Bytes, Image, Matrix, draw_similarity, warp

_SIZES = (0.3, 1.0)
"""Change of size (log)."""

_WITHIN = 0.2
"""A place with contrast of each comes to lie so far within, as a share of the side."""

_BEATING, _REACH_PX, _PHASES = 0.6, (1.0, 8.0), 6
"""Share of those that beat, how far working pixels move them, and into how many phases a beat is
divided. A coronary artery moves by up to some 20 mm, mostly less than 10."""

_RESTLESS, _MOST_UNREST, _RADIUS = 0.5, 4.0, (0.15, 0.5)
"""Share of those beside which the background is restless, how much it is, and how far."""

_UNREST_STEPS = 40.0
_FAST, _SLOW, _SLOWER, _GREATEST = (
    COURSE_IMAGES.index(name) for name in ("fast", "slow", "slower", "greatest")
)
_EVER, _STEEL = COURSE_IMAGES.index("vessel_ever"), COURSE_IMAGES.index("steel")


def lay_arteries(
    pulses: Sequence[tuple[Image, tuple[float, float]]], rng: np.random.Generator, side: int
) -> Image:
    """Return several vessels as one course's images, laid into a square.

    Parameters
    ----------
    pulses : sequence of (images, place)
        `COURSE_IMAGES` of one pulse each, (8, r, c), and a place (row, column) with contrast.
    rng : numpy.random.Generator
        Decides where, how large and how they move.
    side : int
        Of the square. Pixels.

    Returns
    -------
    (8, side, side) float32 array
        Without a needle.
    """
    loop = _draw_loop(rng)
    laid = np.zeros((len(COURSE_IMAGES), side, side), np.float32)
    for images, place in pulses:
        row, column = rng.uniform(_WITHIN, 1 - _WITHIN, 2) * side
        matrix = draw_similarity(rng, place, (float(row), float(column)), _SIZES)
        laid += _move(images, matrix, loop, side)
    return laid


def choose_pulse(course: Course, rng: np.random.Generator) -> Image:
    """Return the images of one pulse of a course, as float32."""
    return np.asarray(course.images[int(rng.integers(len(course.frames)))], np.float32)


def stir(scene: Bytes, unrest: int, rng: np.random.Generator) -> None:
    """Make part of the background restless, in half of the cases.

    Parameters
    ----------
    scene : (8, S, S) uint8 array
        The network's input; it is changed in place.
    unrest : int
        Which of its images says how restless a place is.
    rng : numpy.random.Generator
        Decides.
    """
    side = scene.shape[1]
    row, column, radius = (*rng.uniform(0, side, 2), rng.uniform(*_RADIUS) * side)
    steps = _UNREST_STEPS * np.log2(rng.uniform(1, _MOST_UNREST))
    if rng.random() >= _RESTLESS:
        return
    rows, columns = np.ogrid[:side, :side]
    near = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2))
    scene[unrest] = np.clip(np.rint(scene[unrest] + steps * near), 0, 255).astype(np.uint8)


def _draw_loop(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return where a beat takes a vessel, (phases, x and y): an ellipse, or nowhere."""
    reach, flat, turn = rng.uniform(*_REACH_PX), rng.uniform(0, 1), rng.uniform(0, 2 * np.pi)
    begin, beats = rng.uniform(0, 2 * np.pi), rng.random() < _BEATING
    if not beats:
        return np.zeros((1, 2))
    angles = begin + np.arange(_PHASES) * 2 * np.pi / _PHASES
    along, across = reach * np.cos(angles), reach * flat * np.sin(angles)
    loop = np.stack(
        (
            along * np.cos(turn) - across * np.sin(turn),
            along * np.sin(turn) + across * np.cos(turn),
        ),
        axis=1,
    )
    return np.asarray(loop - loop[0], np.float64)


def _move(images: Image, matrix: Matrix, loop: NDArray[np.float64], side: int) -> Image:
    """Return the images of a vessel that has gone along a loop; the first phase is now."""
    phases = []
    for shift in loop:
        moved = matrix.copy()
        moved[:, 2] += shift
        phases.append(warp(images, moved, side, 0))
    places = np.stack(phases)
    laid = phases[0].copy()
    laid[_FAST] = places[:2, _FAST].mean(0)
    laid[_SLOW] = (places[:3, _SLOW].mean(0) + places[:, _SLOW].mean(0)) / 2
    laid[_SLOWER] = places[:, _SLOWER].mean(0)
    laid[_GREATEST] = np.maximum(laid[_SLOW], places[:, _GREATEST].mean(0))
    laid[_EVER] = places[:, _EVER].max(0)
    laid[_STEEL] = 0
    return laid
