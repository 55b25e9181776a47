"""What the network is to draw of true contrast: where it stands out, and where a vessel has it."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

TARGET_PX = 128
"""Side of the maps the network learns to draw: half of what it sees."""

SURE_NOISE, STEP_NOISE = 0.3, 0.4
"""Contrast below 0.3 of the noise of a working pixel is labelled 0, above 0.7 it is labelled 1: a
mean over the few hundred pixels of a vessel shows that much."""

_OWN_SHARE, _OWN_STEP = 0.25, 0.4
"""A pixel is the vessel's own where more than a quarter, surely two thirds, of its contrast is."""

_LEAST = 1e-4
_NEAR = np.ones((3, 3), np.uint8)


def as_noise(contrast: Image, per_noise: float) -> Image:
    """Return contrast as multiples of the noise, as the mean of 3 by 3 pixels shows it.

    Parameters
    ----------
    contrast : (r, c) float32 array
        Relative change of intensity.
    per_noise : float
        Multiples of the noise for a change of 1.
    """
    return np.asarray(np.float32(per_noise) * cv2.blur(contrast, (3, 3)), np.float32)


def ramp(image: Image, start: float = SURE_NOISE, step: float = STEP_NOISE) -> Image:
    """Return 0 up to `start`, 1 from `start + step` on, and a straight line between."""
    return np.asarray(np.clip((image - np.float32(start)) / np.float32(step), 0, 1), np.float32)


def find_own(new: Image, vessel: Image) -> Image:
    """Return which pixels are the vessel's own, 0 to 1, with a margin of one.

    Parameters
    ----------
    new, vessel : (r, c) float32 array
        Contrast, and the part of it in a vessel; relative change of intensity.
    """
    share = np.asarray(vessel / np.maximum(new, np.float32(_LEAST)), np.float32)
    own = ramp(share, _OWN_SHARE, _OWN_STEP)
    return np.asarray(cv2.dilate(own, _NEAR), np.float32)


def halve(image: Image, side_px: int) -> NDArray[np.uint8]:
    """Return an image in the upper left corner of a square, halved, as bytes.

    Parameters
    ----------
    image : (r, c) float32 array
        0 to 1.
    side_px : int
        Side of the square before it is halved.

    Returns
    -------
    (side / 2, side / 2) uint8 array
        255 is 1.
    """
    square = np.zeros((side_px, side_px), np.float32)
    square[: image.shape[0], : image.shape[1]] = image
    half = cv2.resize(square, (side_px // 2, side_px // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(half * 255), np.uint8)
