"""scikit-image's part, in two forms: the fastest that it and its dependencies allow, and by name.

scikit-image stands on numpy and scipy; where those are faster than its own functions, the first
form takes them. The second calls scikit-image by name wherever it has a function.
"""

from functools import cache

import numpy as np
from scipy import ndimage
from skimage.filters import gaussian
from skimage.transform import AffineTransform, downscale_local_mean, resize, warp


class ScikitImage:
    """See `Tools`."""

    def reduce(self, frame: np.ndarray, factor: int) -> np.ndarray:
        rows, columns = frame.shape
        lines = frame.reshape(rows // factor, factor, columns).sum(axis=1, dtype=np.uint32)
        return self._sum_columns(lines.astype(np.float32), factor)

    def shrink(self, image: np.ndarray, factor: int) -> np.ndarray:
        lines = image[::factor] + image[1::factor]
        for row in range(2, factor):
            lines += image[row::factor]
        return self._sum_columns(lines, factor)

    def _sum_columns(self, lines: np.ndarray, factor: int) -> np.ndarray:
        total = lines[:, ::factor] + lines[:, 1::factor]
        for column in range(2, factor):
            total += lines[:, column::factor]
        total *= np.float32(1 / factor**2)
        return total

    def blur(self, image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, 0.8, mode="mirror", radius=3)

    def blur_much(self, image: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(image, 25, mode="mirror")

    def move(self, image: np.ndarray, rows: float, columns: float) -> np.ndarray:
        upper, left = int(np.floor(rows)), int(np.floor(columns))
        down, right = np.float32(rows - upper), np.float32(columns - left)
        height, width = image.shape
        at_rows = np.clip(np.arange(upper, upper + height + 1), 0, height - 1)
        at_columns = np.clip(np.arange(left, left + width + 1), 0, width - 1)
        taken = image[at_rows][:, at_columns]
        lines = taken[1:] - taken[:-1]
        lines *= down
        lines += taken[:-1]
        moved = lines[:, 1:] - lines[:, :-1]
        moved *= right
        moved += lines[:, :-1]
        return moved

    def add_up(self, coefficients: np.ndarray, terms: np.ndarray, pitch: int) -> np.ndarray:
        along = _between(terms.shape[1], coefficients.shape[0], pitch)
        across = _between(terms.shape[2], coefficients.shape[1], pitch)
        total = np.zeros(terms.shape[1:], np.float32)
        for k, term in enumerate(terms):
            field = along @ coefficients[:, :, k] @ across.T
            field *= term
            total += field
        return total


class ScikitImageByName(ScikitImage):
    """The same with scikit-image's own functions."""

    def reduce(self, frame: np.ndarray, factor: int) -> np.ndarray:
        return downscale_local_mean(frame, (factor, factor)).astype(np.float32)

    def shrink(self, image: np.ndarray, factor: int) -> np.ndarray:
        return downscale_local_mean(image, (factor, factor))

    def blur(self, image: np.ndarray) -> np.ndarray:
        return gaussian(image, 0.8, mode="mirror", preserve_range=True, truncate=3.75)

    def move(self, image: np.ndarray, rows: float, columns: float) -> np.ndarray:
        further = AffineTransform(translation=(columns, rows))
        return warp(image, further, order=1, mode="edge", preserve_range=True)

    def add_up(self, coefficients: np.ndarray, terms: np.ndarray, pitch: int) -> np.ndarray:
        shape = (coefficients.shape[0] * pitch, coefficients.shape[1] * pitch)
        total = np.zeros(terms.shape[1:], np.float32)
        for k, term in enumerate(terms):
            grown = resize(coefficients[:, :, k], shape, order=1, mode="edge", anti_aliasing=False)
            total += grown * term
        return total


@cache
def _between(length: int, count: int, pitch: int) -> np.ndarray:
    """Return (length, count) weights of the tiles' centres, linear between them."""
    at = np.clip((np.arange(length) + 0.5) / pitch - 0.5, 0, count - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(count)), 0).astype(np.float32)
