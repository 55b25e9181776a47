"""What the network is shown of a frame: eight images of bytes.

Bytes, so that training and use see the same to the last bit, and examples fit on a disk. Multiples
of the noise are compressed: beyond ten standard deviations a pixel is sure, and more adds little.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import look_up
from guidance.spread._history import History
from guidance.spread._sight import Image, Mask, Sight

CHANNELS = ("fast", "slow", "slower", "greatest", "anatomy", "unrest", "valid", "fresh")
SIDE_PX = 256

_Z_UNIT = 2.0
_Z_STEPS = 28.0
_MOST = 120.0
_PER_Z = 64.0
"""Steps of the table that a multiple of the noise is looked up in."""

_ANATOMY_PX = 33
_ZERO = 128.0


def compress_z(z: Image, into: NDArray[np.uint8]) -> None:
    """Write multiples of the noise as bytes: linear near 0, logarithmic far off, 128 at 0."""
    look_up(z, np.float32(_PER_Z), _table(), into)


def expand_z(steps: NDArray[np.uint8]) -> Image:
    """Return the multiples of the noise that bytes stand for, as `compress_z` wrote them."""
    values = _Z_UNIT * np.sinh((np.arange(256) - _ZERO) / _Z_STEPS)
    return np.asarray(values.astype(np.float32)[steps], np.float32)


@cache
def _table() -> NDArray[np.uint8]:
    steps = np.arange(-round(_MOST * _PER_Z), round(_MOST * _PER_Z) + 1)
    values = np.arcsinh(steps / _PER_Z / _Z_UNIT) * _Z_STEPS + _ZERO
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def make_channels(sight: Sight, history: History, valid: Mask) -> NDArray[np.uint8]:
    """Return the network's input.

    Parameters
    ----------
    sight : Sight
        Has a background.
    history : History
        With the newest frame taken in.
    valid : (r, c) bool array
        Pixels that were compared in it.

    Returns
    -------
    (8, 256, 256) uint8 array
        In the order of `CHANNELS`; 128 is zero. Images smaller than that lie in the upper left
        corner. `anatomy` is the background beside its surroundings, `unrest` how much a place
        changes without contrast, `fresh` what has come in the last half second.
    """
    background = sight.background
    assert background is not None
    inside = valid.astype(np.float32)
    level = cv2.blur(background * inside, (_ANATOMY_PX, _ANATOMY_PX)) / np.maximum(
        cv2.blur(inside, (_ANATOMY_PX, _ANATOMY_PX)), 1e-3
    )
    anatomy = np.asarray((background - level) * inside, np.float32)
    # Of unknown unit: by its own spread.
    anatomy *= np.float32(40.0 / max(float(np.sqrt(np.mean(anatomy**2))), 1e-6))
    unrest = np.log2(sight.spread / np.float32(max(sight.noise, 1e-6))) * inside * 40
    out = np.full((len(CHANNELS), SIDE_PX, SIDE_PX), int(_ZERO), np.uint8)
    rows, columns = background.shape
    for number, image in enumerate(history.images()):
        compress_z(image, out[number, :rows, :columns])
    for number, image in ((4, anatomy), (5, unrest)):
        image += np.float32(_ZERO)
        np.clip(np.rint(image, out=image), 0, 255, out=image)
        out[number, :rows, :columns] = image
    out[6, :rows, :columns] += np.uint8(100) * valid
    compress_z(history.fast - history.slow, out[7, :rows, :columns])
    return out
