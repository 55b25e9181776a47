"""The ways in which an example is varied each time it is learned from.

Each is something that may differ between C-arms, patients and simulators without a change of what
is right: where north is, size and place, how strongly contrast shows, noise, how the anatomy looks.
"""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.spread import CHANNELS

Bytes = NDArray[np.uint8]
Image = NDArray[np.float32]
Matrix = NDArray[np.float64]
Grey = TypeVar("Grey", np.uint8, np.float32)

ZERO = 128
"""Inputs are bytes: this stands for nothing."""

WHOLE_PX = 256
"""Side of the input in use; anything smaller is a part of it."""

CHANGES = tuple(CHANNELS.index(name) for name in ("fast", "slow", "slower", "greatest", "fresh"))
ANATOMY = CHANNELS.index("anatomy")
_FAST, _SLOW = CHANNELS.index("fast"), CHANNELS.index("slow")

_STRENGTHENED, _NOISY, _ALTERED = 0.5, 0.3, 0.3
"""Shares of the examples that are varied so."""

_SIZES = (-0.35, 0.35)
"""Change of size (log)."""

_PART_SHIFT, _WHOLE_SHIFT = 0.33, 0.1
"""Largest shift from the middle as a share of the side, of a part and of the whole."""

_EDGE_PX = 50
"""A part without contrast has its middle at least so far within."""

_ELSEWHERE = 0.1
_LIT = 120
_STRENGTH = 0.35
_NOISE = 8.0
_ANATOMIES = (-1, 0.5, 0.0, 1.5)
"""The background is inverted, fainter, gone or stronger."""


def draw_similarity(
    rng: np.random.Generator,
    source_px: tuple[float, float],
    target_px: tuple[float, float],
    sizes: tuple[float, float] = _SIZES,
) -> Matrix:
    """Return a similarity (x, y) of any turn, mirrored or not, that takes one place to another.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides.
    source_px, target_px : (row, column)
        The places.
    sizes : (low, high)
        Change of size (log).

    Returns
    -------
    (2, 3) float64 array
        For OpenCV: columns first.
    """
    size, turn = np.exp(rng.uniform(*sizes)), rng.uniform(0, 2 * np.pi)
    cosine, sine = size * np.cos(turn), size * np.sin(turn)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    if rng.random() < 0.5:
        turned[:, 0] *= -1
    source, target = np.array(source_px[::-1]), np.array(target_px[::-1])
    return np.hstack((turned, (target - turned @ source)[:, None]))


def draw_view(rng: np.random.Generator, side: int, maps: Bytes | None = None) -> Matrix:
    """Return how a square of some side looks at the input: the whole about its middle, or a part.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides.
    side : int
        Of the square; `WHOLE_PX` for the whole.
    maps : (3, 128, 128) uint8 array, optional
        What is to be drawn: most parts are near to some of it.
    """
    middle = (side - 1) / 2
    if side == WHOLE_PX:
        at_px, shift = (middle, middle), _WHOLE_SHIFT
    elif maps is None:
        at_px, shift = _draw_place(rng), 0.0
    else:
        at_px, shift = _choose_place(maps, rng), _PART_SHIFT
    row, column = middle + rng.uniform(-shift, shift, 2) * side
    return draw_similarity(rng, at_px, (float(row), float(column)))


def _draw_place(rng: np.random.Generator) -> tuple[float, float]:
    """Return a place (row, column) that is not at the edge."""
    row, column = rng.uniform(_EDGE_PX, WHOLE_PX - _EDGE_PX, 2)
    return float(row), float(column)


def _choose_place(maps: Bytes, rng: np.random.Generator) -> tuple[float, float]:
    """Return a place (row, column) of the input to look at: one with contrast, mostly."""
    lit = np.argwhere(maps[0].astype(np.int32) + maps[2] > _LIT)
    if not len(lit) or rng.random() < _ELSEWHERE:
        return _draw_place(rng)
    row, column = lit[int(rng.integers(len(lit)))]
    # The centre of a half pixel i lies at 2 i + 0.5.
    return 2 * float(row) + 0.5, 2 * float(column) + 0.5


def show(channels: Bytes, matrix: Matrix, side: int) -> Bytes:
    """Return the input moved by a matrix (x, y) into a square; beyond the picture nothing is known.

    Parameters
    ----------
    channels : (8, S, S) uint8 array
        The network's input.
    matrix : (2, 3) float64 array
        See `draw_view`.
    side : int
        Of the square.
    """
    moved = warp(channels, matrix, side, ZERO)
    known = np.full((1, *channels.shape[1:]), 255, np.uint8)
    moved[:, warp(known, matrix, side, 0)[0] < 255] = ZERO
    return moved


def vary_values(channels: Image, rng: np.random.Generator) -> Image:
    """Return the input with contrast, noise and anatomy changed; what is right stays as it is.

    Parameters
    ----------
    channels : (8, S, S) float32 array
        0 to 255; it is changed in place.
    rng : numpy.random.Generator
        Decides.

    Returns
    -------
    (8, S, S) float32 array
        0 to 255, and somewhat beyond.
    """
    if rng.random() < _STRENGTHENED:
        factor = np.float32(np.exp(rng.uniform(-_STRENGTH, _STRENGTH)))
        for number in CHANGES:
            channels[number] = (channels[number] - ZERO) * factor + ZERO
    if rng.random() < _NOISY:
        noise = rng.standard_normal(channels.shape[1:], np.float32)
        noise *= np.float32(rng.uniform(0, _NOISE))
        channels[_FAST] += noise
        channels[_SLOW] += np.float32(0.6) * noise
    if rng.random() < _ALTERED:
        factor = np.float32(rng.choice(_ANATOMIES))
        channels[ANATOMY] = ZERO + (channels[ANATOMY] - ZERO) * factor
    return channels


def as_shares(maps: Bytes) -> Image:
    """Return maps of bytes as 0 to 1."""
    return np.asarray(maps.astype(np.float32) / np.float32(255), np.float32)


def halve_matrix(fine: Matrix) -> Matrix:
    """Return an affine map (x, y) of an image as it is on the same image at half the size.

    The centre of a half pixel i lies at 2 i + 0.5.

    Parameters
    ----------
    fine : (2, 3) float64 array
        In pixels of the whole image.
    """
    coarse = fine.copy()
    coarse[:, 2] = (fine[:, :2] @ np.array([0.5, 0.5]) + fine[:, 2] - 0.5) / 2
    return coarse


def warp(images: NDArray[Grey], matrix: Matrix, side: int, fill: int) -> NDArray[Grey]:
    """Return images (C, R, C) moved by an affine map (x, y) into squares; `fill` comes in."""
    moved = np.empty((len(images), side, side), images.dtype)
    # OpenCV fills the borders of at most four images at a time.
    for start in range(0, len(images), 4):
        part = np.ascontiguousarray(images[start : start + 4].transpose(1, 2, 0))
        done = cv2.warpAffine(
            part,
            matrix,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(fill,) * 4,
        )
        moved[start : start + 4] = done.reshape(side, side, -1).transpose(2, 0, 1)
    return moved
