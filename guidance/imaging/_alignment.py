"""How far one frame has shifted against another: robust, to a fraction of a pixel.

Gauss-Newton on the translation, coarse to fine, with weights that let go of what does not fit: an
injection of contrast, a tool or a beating heart must not pull the rest of the image along (Baker
and Matthews 2004, doi 10.1023/B:VISI.0000011205.11775.fd, with Tukey's biweight).
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging._compiled import Compiled
from guidance.imaging._median import median_of
from guidance.imaging._running import take_off

MAX_SHIFT_SHARE = 0.2
"""A shift beyond this share of the image's smaller side is not believed: too little overlaps."""

_LEVELS_PX = (64, 128, 256)
"""Larger side of the image at each level; a finer one gains nothing (0.03 px at 256)."""

_ITERATIONS = 6
_BIWEIGHT = 4.685
"""Tukey's constant, in standard deviations: 95 % efficient for normal noise."""

_LEAST_PIXELS = 50
_SAMPLE = 5
"""The scale of the residuals is taken from every fifth row and pixel of it."""

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """Where an image counts at one size; the same for every reference.

    `inside` and `inner` are 0 or 1; `fast_share` and `slow_share` say how much of a blur came from
    inside, and are None where all of the image is.
    """

    factor: float
    inside: Image
    inner: Image
    fast_share: Image | None
    slow_share: Image | None
    sampled: NDArray[np.bool_]
    sampled_inner: NDArray[np.bool_]
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Level:
    """The reference at one size: its fast part, and the gradients of that."""

    place: _Place
    image: Image
    gradient_row: Image
    gradient_column: Image
    moved: Image


class Aligner:
    """Finds shifts against one reference; what does not depend on the frame is computed once.

    Parameters
    ----------
    reference : (R, C) float32 array
        Attenuation. A constant between it and a frame, or a slow change, does not matter.
    valid : (R, C) bool array
        Pixels that show the patient.

    Raises
    ------
    InputError
        The shapes differ.
    """

    def __init__(self, reference: Image, valid: NDArray[np.bool_]) -> None:
        if reference.shape != valid.shape:
            raise InputError(
                f"shapes {reference.shape} and {valid.shape} differ; align equal frames"
            )
        self._shape = reference.shape
        longest = max(reference.shape)
        self._places: list[_Place] = []
        for size in _LEVELS_PX:
            factor = min(1.0, size / longest)
            self._places.append(_make_place(valid, factor))
            if factor == 1.0:
                break
        self.refer_to(reference)

    def refer_to(self, reference: Image) -> None:
        """Take another reference, valid where the first was; dearer than one frame's shift.

        Parameters
        ----------
        reference : (R, C) float32 array
            Attenuation.
        """
        self._levels = [_make_level(reference, place) for place in self._places]

    def find_shift(
        self, frame: Image, start: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[float, float]:
        """Return how far the content of a frame lies from where it is in the reference.

        Parameters
        ----------
        frame : (R, C) float32 array
            Attenuation.
        start : (rows, columns), optional
            Where to begin: the shift of the frame before, where that is known.

        Returns
        -------
        (rows, columns) : tuple of float
            Shift in pixels: `frame[r + rows, c + columns]` shows what `reference[r, c]` does.
            (0, 0) where the image has nothing to hold on to, or the answer would be beyond
            `MAX_SHIFT_SHARE`.

        Raises
        ------
        InputError
            The frame has another shape.
        """
        if frame.shape != self._shape:
            raise InputError(f"shapes {self._shape} and {frame.shape} differ; align equal frames")
        rows, columns = start
        for level in self._levels:
            factor = level.place.factor
            image = _without_slow_part(_shrink(frame, factor), level.place)
            row, column = _refine(level, image, (rows * factor, columns * factor))
            rows, columns = row / factor, column / factor
        if max(abs(rows), abs(columns)) > MAX_SHIFT_SHARE * min(self._shape):
            return 0.0, 0.0
        return rows, columns


def estimate_translation(
    reference: Image,
    frame: Image,
    valid: NDArray[np.bool_],
    start: tuple[float, float] = (0.0, 0.0),
) -> tuple[float, float]:
    """Return how far the content of `frame` lies from where it is in `reference`.

    Parameters
    ----------
    reference, frame : (R, C) float32 array
        Attenuation.
    valid : (R, C) bool array
        Pixels that show the patient in both.
    start : (rows, columns), optional
        Where to begin.

    Returns
    -------
    (rows, columns) : tuple of float
        See `Aligner.find_shift`.

    Raises
    ------
    InputError
        The three shapes differ.
    """
    return Aligner(reference, valid).find_shift(frame, start)


def translate(image: Image, shift: tuple[float, float]) -> Image:
    """Return the image moved: content at [r, c] comes to [r + rows, c + columns].

    Parameters
    ----------
    image : (R, C) float32 array
    shift : (rows, columns)
        Pixels. What comes in over an edge repeats that edge.

    Returns
    -------
    (R, C) float32 array
    """
    rows, columns = shift
    if rows == 0.0 and columns == 0.0:
        return image
    moved = np.empty(image.shape, np.float32)
    move(image, -rows, -columns, moved)
    return moved


def _make_place(valid: NDArray[np.bool_], factor: float) -> _Place:
    inside = (_shrink(valid.astype(np.float32), factor) > 0.99).astype(np.float32)
    # The rim of the field stands still while the patient moves: it must not hold the image.
    inner = np.asarray(cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0), np.float32)
    is_whole = bool(inside.all())
    return _Place(
        factor=factor,
        inside=inside,
        inner=inner,
        fast_share=None if is_whole else np.maximum(_blur_a_little(inside), np.float32(1e-3)),
        slow_share=None if is_whole else np.maximum(_blur_much(inside), np.float32(1e-3)),
        sampled=inside[::_SAMPLE, ::_SAMPLE] > 0,
        sampled_inner=inner[::_SAMPLE, ::_SAMPLE] > 0,
        holds=float(inner.sum()) >= _LEAST_PIXELS,
    )


def _make_level(reference: Image, place: _Place) -> _Level:
    image = _without_slow_part(_shrink(reference, place.factor), place)
    return _Level(
        place=place,
        image=image,
        gradient_row=_gradient(image, 0, 1),
        gradient_column=_gradient(image, 1, 0),
        moved=np.empty_like(image),
    )


def _gradient(image: Image, columns: int, rows: int) -> Image:
    return np.asarray(cv2.Sobel(image, cv2.CV_32F, columns, rows, scale=1 / 8), np.float32)


def _shrink(image: Image, factor: float) -> Image:
    if factor == 1.0:
        return image
    rows, columns = (max(1, round(side * factor)) for side in image.shape)
    shrunk = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(rows, columns)


def _blur_a_little(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8), np.float32)


def _blur_much(image: Image) -> Image:
    return np.asarray(cv2.blur(image, (25, 25)), np.float32)


def _without_slow_part(image: Image, place: _Place) -> Image:
    """Return what changes fast, from the pixels inside alone; 0 outside."""
    sample = image[::_SAMPLE, ::_SAMPLE][place.sampled]
    weighed = image - np.float32(median_of(sample) if sample.size else 0)
    if place.fast_share is None or place.slow_share is None:
        fast = _blur_a_little(weighed)
        fast -= _blur_much(weighed)
        return fast
    weighed *= place.inside
    fast, slow = _blur_a_little(weighed), _blur_much(weighed)
    take_off(fast, place.fast_share, slow, place.slow_share, place.inside)
    return fast


def _refine(level: _Level, frame: Image, start: tuple[float, float]) -> tuple[float, float]:
    """Return the shift at one level, from a start; the start itself where nothing holds it."""
    place, moved = level.place, level.moved
    if not place.holds:
        return start
    sampled = level.image[::_SAMPLE, ::_SAMPLE]
    row, column = start
    for _ in range(_ITERATIONS):
        move(frame, row, column, moved)
        apart = (moved[::_SAMPLE, ::_SAMPLE] - sampled)[place.sampled_inner]
        scale = 1.4826 * median_of(np.abs(apart)) if apart.size else 0.0
        sums = np.zeros(5)
        sum_step(
            level.image,
            moved,
            level.gradient_row,
            level.gradient_column,
            place.inner,
            np.float32(1 / (_BIWEIGHT * (scale + 1e-6))),
            sums,
        )
        rr, rc, cc, r, c = (float(each) for each in sums)
        determinant = rr * cc - rc * rc
        if not math.isfinite(determinant + r + c) or not _is_sound(rr + cc, determinant):
            return start
        step_row = (cc * r - rc * c) / determinant
        step_column = (rr * c - rc * r) / determinant
        row, column = row - step_row, column - step_column
        if max(abs(step_row), abs(step_column)) < 0.005:
            break
    return row, column


def _is_sound(trace: float, determinant: float) -> bool:
    """Return whether both directions are held: the ratio of the eigenvalues is below 10^4."""
    return trace > 0 and determinant > 1e-4 * trace**2 / (1 + 1e-4) ** 2


def _move(
    image: Any,  # noqa: ANN401 - numba's arrays
    row_shift: float,
    column_shift: float,
    moved: Any,  # noqa: ANN401
) -> None:
    """Write what lies a shift further: `moved[r, c]` is `image[r + rows, c + columns]`, linear.

    What lies over an edge repeats it. To the last bit what `cv2.warpAffine` of OpenCV 5 makes, in a
    third of its time: all rows share their columns' weights. Places are float32, as they are there.
    """
    rows, columns = image.shape
    first_column = min(max(math.floor(column_shift), -columns), columns)
    share = np.empty(columns, np.float32)
    for column in range(columns):
        at = np.float32(column) + np.float32(column_shift)
        share[column] = min(max(at - np.float32(column + first_column), 0), 1)
    # Each row moved sideways serves two; -1 stands for none yet.
    lines, held = np.empty((2, columns), np.float32), np.full(2, -1)
    from_column = np.empty(3 * columns + 1, np.float32)
    for row in range(rows):
        at = np.float32(row) + np.float32(row_shift)
        first_row = math.floor(at)
        down = at - np.float32(first_row)
        for source in (first_row, first_row + 1):
            nearest = min(max(source, 0), rows - 1)
            if held[nearest % 2] != nearest:
                held[nearest % 2] = nearest
                from_column[:columns] = image[nearest, 0]
                from_column[columns : 2 * columns] = image[nearest]
                from_column[2 * columns :] = image[nearest, columns - 1]
                moved_in = from_column[columns + first_column :]
                line = lines[nearest % 2]
                for column in range(columns):
                    start = moved_in[column]
                    line[column] = start + share[column] * (moved_in[column + 1] - start)
        above = lines[min(max(first_row, 0), rows - 1) % 2]
        below = lines[min(max(first_row + 1, 0), rows - 1) % 2]
        for column in range(columns):
            moved[row, column] = above[column] + down * (below[column] - above[column])


move = Compiled(_move)


def _sum_step(
    reference: Any,  # noqa: ANN401 - numba's arrays
    moved: Any,  # noqa: ANN401
    gradient_row: Any,  # noqa: ANN401
    gradient_column: Any,  # noqa: ANN401
    inner: Any,  # noqa: ANN401
    sharpness: Any,  # noqa: ANN401
    sums: Any,  # noqa: ANN401
) -> None:
    """Add up the normal equations of one step: rr, rc, cc, r residual, c residual."""
    rows, columns = reference.shape
    one, zero = np.float32(1), np.float32(0)
    for row in range(rows):
        rr = rc = cc = r = c = zero
        for column in range(columns):
            residual = moved[row, column] - reference[row, column]
            part = residual * sharpness
            left = max(one - part * part, zero)
            weight = left * left * inner[row, column]
            along = gradient_row[row, column]
            across = gradient_column[row, column]
            rr += weight * along * along
            rc += weight * along * across
            cc += weight * across * across
            r += weight * along * residual
            c += weight * across * residual
        sums[0] += rr
        sums[1] += rc
        sums[2] += cc
        sums[3] += r
        sums[4] += c


sum_step = Compiled(_sum_step)
