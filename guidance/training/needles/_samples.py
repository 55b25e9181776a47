"""Pictures varied: turned, mirrored, scaled, cut; other runs' needles laid over them.

As the needles of other runs are laid over any place, what is learned is what steel looks like, not
where suites put it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.needle import CELL_PX
from guidance.training._variation import draw_similarity
from guidance.training.needles._files import STEPS, NeedleExamples

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]

_AT_TIP = 0.6
"""So many parts of pictures have the tip within."""

_SIZES, _LAID_SIZES = (-0.2, 0.2), (-0.1, 0.1)
_WITHIN, _LAID_WITHIN = (0.2, 0.8), (0.15, 0.85)
_LAID = 0.45
_LAID_SIGNAL = (1.0, 9.0)
"""What a needle that is laid over adds, in standard deviations of the noise."""

_BLUR_PX = (0.4, 0.9)
_LEAST_STEEL, _FULL_STEEL = 4.0, 14.0
"""Steps of steel that are none, and that are all of a needle, in a cell's mean."""

_MUCH_STEEL = 20
_STRENGTH = 0.3
_NOISY, _NOISE = 0.3, 1.0
_TIP_CELLS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeedleSample:
    """A part of a picture, beside what is right.

    Attributes
    ----------
    channels : (2, S, S) float32 array
        As the network is shown it.
    maps : (2, S / 2, S / 2) float32 array
        Steel, and tips; 0 to 1.
    """

    channels: Image
    maps: Image


def draw_needle_sample(
    examples: Sequence[NeedleExamples], rng: np.random.Generator, side: int
) -> NeedleSample:
    """Return a varied part of one of the runs' pictures.

    Parameters
    ----------
    examples : sequence of NeedleExamples
        At least one.
    rng : numpy.random.Generator
        Decides.
    side : int
        Of the part. Pixels.
    """
    run = examples[int(rng.integers(len(examples)))]
    number = int(rng.integers(len(run.pictures)))
    matrix = _draw_view(run, rng, side)
    byte = _warp(run.pictures[number], matrix, side, 128).astype(np.float32)
    known = _warp(run.known[number].astype(np.uint8) * 255, matrix, side, 0) >= 250
    steel = _warp(run.steel, matrix, side, 0).astype(np.float32)
    tips = [_move(matrix, tip) for tip in run.tips]
    signal = np.sinh((byte - 128) / np.float32(STEPS))
    if rng.random() < _LAID:
        laid = _lay_over(examples[int(rng.integers(len(examples)))], rng, side)
        if laid is not None:
            signal += laid[0] * known
            steel = np.maximum(steel, laid[1])
            tips.append(laid[2])
    signal *= np.float32(np.exp(rng.uniform(-_STRENGTH, _STRENGTH)))
    if rng.random() < _NOISY:
        signal += np.float32(rng.uniform(0, _NOISE)) * rng.standard_normal(signal.shape, np.float32)
    channels = np.stack([np.arcsinh(signal) * known, known.astype(np.float32)])
    return NeedleSample(channels=channels.astype(np.float32), maps=draw_maps(steel, known, tips))


def draw_maps(steel: Image, known: NDArray[np.bool_], tips: Sequence[tuple[float, float]]) -> Image:
    """Return what the network is to draw, (2, r, c) cells.

    Parameters
    ----------
    steel : (R, C) float32 array
        In steps, as of `NeedleExamples`.
    known : (R, C) bool array
        Where the picture is known.
    tips : sequence of (row, column)
        In its pixels.
    """
    rows, columns = (side // CELL_PX for side in steel.shape)
    size = (columns, rows)
    mean = cv2.resize(steel, size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    near: Image = np.zeros((rows, columns), np.float32)
    down, right = np.arange(rows)[:, None], np.arange(columns)
    for row, column in tips:
        if 0 <= row < steel.shape[0] and 0 <= column < steel.shape[1]:
            away = (down - _cell(row)) ** 2 + (right - _cell(column)) ** 2
            near = np.maximum(near, np.exp(-away / (2 * _TIP_CELLS**2)).astype(np.float32))
    share = np.clip((mean - _LEAST_STEEL) / (_FULL_STEEL - _LEAST_STEEL), 0, 1)
    return np.asarray(np.stack([share, near]) * inside, np.float32)


def _cell(place: float) -> float:
    """Return the cell that holds a place: the centre of cell i lies at 2 i + 0.5."""
    return (place + 0.5) / CELL_PX - 0.5


def _draw_view(run: NeedleExamples, rng: np.random.Generator, side: int) -> Matrix:
    rows, columns = run.steel.shape
    at_px = float(run.tips[0][0]), float(run.tips[0][1])
    is_inside = 0 < at_px[0] < rows and 0 < at_px[1] < columns
    if not is_inside or rng.random() >= _AT_TIP:
        at_px = float(rng.uniform(0, rows)), float(rng.uniform(0, columns))
    row, column = rng.uniform(*_WITHIN, 2) * side
    return draw_similarity(rng, at_px, (float(row), float(column)), _SIZES)


def _lay_over(
    run: NeedleExamples, rng: np.random.Generator, side: int
) -> tuple[Image, Image, tuple[float, float]] | None:
    """Return what a run's needles add, their steel, and where the tip comes to lie."""
    if run.steel.max() <= _MUCH_STEEL:
        return None
    row, column = rng.uniform(*_LAID_WITHIN, 2) * side
    tip = float(run.tips[0][0]), float(run.tips[0][1])
    matrix = draw_similarity(rng, tip, (float(row), float(column)), _LAID_SIZES)
    steel = _warp(run.steel, matrix, side, 0).astype(np.float32)
    blurred = cv2.GaussianBlur(steel, (0, 0), float(rng.uniform(*_BLUR_PX)))
    shows = blurred > _LEAST_STEEL * 2
    if not shows.any():
        return None
    usual = np.percentile(blurred[shows], 60)
    added = np.float32(np.exp(rng.uniform(*np.log(_LAID_SIGNAL))) / usual) * blurred
    return np.asarray(added, np.float32), steel, _move(matrix, run.tips[0])


def _move(matrix: Matrix, place: NDArray[np.float64]) -> tuple[float, float]:
    across, down = matrix @ np.array([place[1], place[0], 1.0])
    return float(down), float(across)


def _warp(image: NDArray[np.uint8], matrix: Matrix, side: int, fill: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), borderValue=fill), np.uint8)
