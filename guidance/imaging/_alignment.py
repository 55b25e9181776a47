"""How far one frame has shifted against another: robust, to a fraction of a pixel.

Gauss-Newton on the translation, coarse to fine, with weights that let go of what does not fit: an
injection of contrast, a tool or a beating heart must not pull the rest of the image along (Baker
and Matthews 2004, doi 10.1023/B:VISI.0000011205.11775.fd, with Tukey's biweight).
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging._compiled import Compiled

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
class _Level:
    """The reference at one size: its fast part, gradients, and where it counts (0 or 1)."""

    factor: float
    image: Image
    gradient_row: Image
    gradient_column: Image
    inside: Image
    inner: Image


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
        self._levels: list[_Level] = []
        for size in _LEVELS_PX:
            factor = min(1.0, size / longest)
            inside = (_shrink(valid.astype(np.float32), factor) > 0.99).astype(np.float32)
            image = _without_slow_part(_shrink(reference, factor), inside)
            # The rim of the field stands still while the patient moves: it must not hold the image.
            inner = cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0)
            self._levels.append(
                _Level(
                    factor=factor,
                    image=image,
                    gradient_row=_gradient(image, 0, 1),
                    gradient_column=_gradient(image, 1, 0),
                    inside=inside,
                    inner=np.asarray(inner, np.float32),
                )
            )
            if factor == 1.0:
                break

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
            image = _without_slow_part(_shrink(frame, level.factor), level.inside)
            row, column = _refine(level, image, (rows * level.factor, columns * level.factor))
            rows, columns = row / level.factor, column / level.factor
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
    matrix = np.array([[1.0, 0.0, columns], [0.0, 1.0, rows]])
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _gradient(image: Image, columns: int, rows: int) -> Image:
    return np.asarray(cv2.Sobel(image, cv2.CV_32F, columns, rows, scale=1 / 8), np.float32)


def _shrink(image: Image, factor: float) -> Image:
    if factor == 1.0:
        return image
    rows, columns = (max(1, round(side * factor)) for side in image.shape)
    shrunk = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(rows, columns)


def _without_slow_part(image: Image, inside: Image) -> Image:
    """Return what changes fast, from the pixels inside alone; 0 outside."""
    sample = image[::_SAMPLE, ::_SAMPLE][inside[::_SAMPLE, ::_SAMPLE] > 0]
    center = np.float32(np.median(sample)) if sample.size else np.float32(0)
    weighed = (image - center) * inside
    fast = cv2.GaussianBlur(weighed, (0, 0), 0.8)
    slow = cv2.blur(weighed, (25, 25))
    if inside.all():
        return np.asarray(fast - slow, np.float32)
    fast_share = np.maximum(cv2.GaussianBlur(inside, (0, 0), 0.8), 1e-3)
    slow_share = np.maximum(cv2.blur(inside, (25, 25)), 1e-3)
    return np.asarray((fast / fast_share - slow / slow_share) * inside, np.float32)


def _refine(level: _Level, frame: Image, start: tuple[float, float]) -> tuple[float, float]:
    """Return the shift at one level, from a start; the start itself where nothing holds it."""
    if float(level.inner.sum()) < _LEAST_PIXELS:
        return start
    within = level.inner[::_SAMPLE, ::_SAMPLE] > 0
    shift = np.array(start)
    for _ in range(_ITERATIONS):
        moved_back = translate(frame, (-float(shift[0]), -float(shift[1])))
        apart = (moved_back - level.image)[::_SAMPLE, ::_SAMPLE][within]
        scale = 1.4826 * float(np.median(np.abs(apart))) if apart.size else 0.0
        sums = np.zeros(5)
        sum_step(
            level.image,
            moved_back,
            level.gradient_row,
            level.gradient_column,
            level.inner,
            np.float32(1 / (_BIWEIGHT * (scale + 1e-6))),
            sums,
        )
        normal = np.array([[sums[0], sums[1]], [sums[1], sums[2]]])
        if not np.isfinite(sums).all() or not _is_sound(normal):
            return start
        step = np.linalg.solve(normal, sums[3:])
        shift = shift - step
        if float(np.abs(step).max()) < 0.005:
            break
    return float(shift[0]), float(shift[1])


def _is_sound(normal: NDArray[np.float64]) -> bool:
    """Return whether both directions are held: the ratio of the eigenvalues is below 10^4."""
    trace, determinant = float(np.trace(normal)), float(np.linalg.det(normal))
    return trace > 0 and determinant > 1e-4 * trace**2 / (1 + 1e-4) ** 2


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
