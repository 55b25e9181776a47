"""The ways in which an example is varied each time it is learned from.

Each is something that may differ between C-arms, patients and simulators without a change of what
is right: where north is, size and place, how strongly contrast shows, noise, how the anatomy looks.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.spread import CHANNELS

Bytes = NDArray[np.uint8]
Image = NDArray[np.float32]

ZERO = 128
"""Inputs are bytes: this stands for nothing."""

_CHANGES = [CHANNELS.index(name) for name in ("fast", "slow", "slower", "greatest", "fresh")]
_FAST, _SLOW, _ANATOMY = (CHANNELS.index(name) for name in ("fast", "slow", "anatomy"))

_MOVED, _STRENGTHENED, _NOISY, _ALTERED = 0.7, 0.5, 0.3, 0.3
"""Shares of the examples that are varied so."""

_SCALE, _TURN_RAD, _SHIFT = 0.3, 0.4, 0.12
"""Largest change of size (log), turn, and shift as a share of the side."""

_STRENGTH = 0.35
_NOISE = 8.0
_ANATOMIES = (-1, 0.5, 0.0, 1.5)
"""The background is inverted, fainter, gone or stronger."""


def vary(channels: Bytes, maps: Bytes, rng: np.random.Generator) -> tuple[Image, Image]:
    """Return an example changed in ways that leave what is right as it is.

    Parameters
    ----------
    channels : (8, S, S) uint8 array
        The network's input.
    maps : (3, S / 2, S / 2) uint8 array
        What it should draw.
    rng : numpy.random.Generator
        Decides.

    Returns
    -------
    channels : (8, S, S) float32 array
        0 to 255, and somewhat beyond.
    maps : (3, S / 2, S / 2) float32 array
        0 to 1.
    """
    channels, maps = _turn(channels, maps, rng)
    if rng.random() < _MOVED:
        channels, maps = _move(channels, maps, rng)
    image = channels.astype(np.float32)
    if rng.random() < _STRENGTHENED:
        factor = np.float32(np.exp(rng.uniform(-_STRENGTH, _STRENGTH)))
        image[_CHANGES] = (image[_CHANGES] - ZERO) * factor + ZERO
    if rng.random() < _NOISY:
        noise = rng.standard_normal(image.shape[1:], np.float32)
        noise *= np.float32(rng.uniform(0, _NOISE))
        image[_FAST] += noise
        image[_SLOW] += np.float32(0.6) * noise
    if rng.random() < _ALTERED:
        image[_ANATOMY] = ZERO + (image[_ANATOMY] - ZERO) * np.float32(rng.choice(_ANATOMIES))
    return image, as_shares(maps)


def as_shares(maps: Bytes) -> Image:
    """Return maps of bytes as 0 to 1."""
    return np.asarray(maps.astype(np.float32) / np.float32(255), np.float32)


def _turn(channels: Bytes, maps: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Turn by quarters, and mirror."""
    quarters = int(rng.integers(4))
    channels, maps = (np.rot90(image, quarters, (1, 2)) for image in (channels, maps))
    if rng.random() < 0.5:
        channels, maps = channels[:, :, ::-1], maps[:, :, ::-1]
    return np.ascontiguousarray(channels), np.ascontiguousarray(maps)


def _move(channels: Bytes, maps: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Turn, scale and shift; beyond the picture nothing is known."""
    side = channels.shape[1]
    scale = math.exp(rng.uniform(-_SCALE, _SCALE))
    degrees = math.degrees(rng.uniform(-_TURN_RAD, _TURN_RAD))
    shift = rng.uniform(-_SHIFT, _SHIFT, 2) * side
    middle = (side - 1) / 2
    turned = cv2.getRotationMatrix2D((middle, middle), degrees, scale)
    fine = np.asarray(turned, np.float64)
    fine[:, 2] += shift
    moved = warp(channels, fine, ZERO)
    known = np.full((side, side), 255, np.uint8)
    outside = cv2.warpAffine(known, fine, (side, side)) < 255
    moved[:, outside] = ZERO
    return moved, warp(maps, halve_matrix(fine), 0)


def halve_matrix(fine: NDArray[np.float64]) -> NDArray[np.float64]:
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


def warp(images: Bytes, matrix: NDArray[np.float64], fill: int) -> Bytes:
    """Return images (C, S, S) moved by an affine map (x, y); `fill` comes in over an edge."""
    size = (images.shape[2], images.shape[1])
    moved = np.empty_like(images)
    # OpenCV fills the borders of at most four images at a time.
    for start in range(0, len(images), 4):
        part = np.ascontiguousarray(images[start : start + 4].transpose(1, 2, 0))
        done = cv2.warpAffine(
            part,
            matrix,
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(fill,) * 4,
        )
        moved[start : start + 4] = done.reshape(part.shape).transpose(2, 0, 1)
    return moved
