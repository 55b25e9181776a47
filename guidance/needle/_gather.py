"""The mean of a few frames, laid on one another: less noise for the search.

A needle moves with the breath; a mean of frames that are not aligned would show it twice.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import measure_attenuation, translate
from guidance.needle._patch import settle
from guidance.records import RunContext

_ALIGN_PX = 256
"""Larger side of the images that are aligned: a quarter of a pixel of them is 0.15 mm."""

_MIDDLE_SHARE = 0.5
"""Only so much of each side is aligned, about the middle of the field: blades and the rim of the
field stand still while the patient moves, and what the needle is at lies in the middle."""


class Gathering:
    """Frames laid on the first of them; constant memory.

    Parameters
    ----------
    context : RunContext
        What the values mean.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._scale = min(1.0, _ALIGN_PX / max(context.rows, context.columns))
        self._total: NDArray[np.float32] | None = None
        self._reference: NDArray[np.float32] | None = None
        self._inside: NDArray[np.bool_] | None = None
        self._shift = (0.0, 0.0)
        self._middle = (slice(None), slice(None))
        self.count = 0

    def clear(self) -> None:
        """Forget all frames."""
        self._total = self._reference = self._inside = None
        self._shift = (0.0, 0.0)
        self.count = 0

    def add(self, values: NDArray[np.float32], field: NDArray[np.bool_]) -> None:
        """Add a frame's (R, C) values; `field` is where the patient shows."""
        if self._total is None:
            self._middle = self._find_middle(field)
        small = self._reduce(values)[self._middle]
        attenuation = measure_attenuation(small, self._context.intensity)
        if self._total is None or self._reference is None or self._inside is None:
            self._reference = attenuation
            self._inside = self._reduce(field.astype(np.float32))[self._middle] > 0.99
            self._total = values.astype(np.float32, copy=True)
            self.count = 1
            return
        shift = settle(self._reference, attenuation, self._inside, self._shift)
        self._shift = shift
        rows, columns = (-along / self._scale for along in shift)
        # Whatever is within the blur needs no moving.
        moved = values if math.hypot(rows, columns) < 0.3 else translate(values, (rows, columns))
        self._total += moved
        self.count += 1

    @property
    def shift_px(self) -> tuple[float, float]:
        """How far the latest frame lies from the first, in stored pixels."""
        return self._shift[0] / self._scale, self._shift[1] / self._scale

    def mean(self) -> NDArray[np.float32]:
        """Return the mean of all frames, as the first one lies."""
        if self._total is None:
            return np.zeros((self._context.rows, self._context.columns), np.float32)
        return self._total / np.float32(self.count)

    def _find_middle(self, field: NDArray[np.bool_]) -> tuple[slice, slice]:
        """Return the middle of the field, in reduced pixels."""
        middle = []
        for axis, size in enumerate(field.shape):
            known = np.flatnonzero(field.any(axis=1 - axis))
            first, last = (int(known[0]), int(known[-1])) if known.size else (0, size - 1)
            quarter = (1 - _MIDDLE_SHARE) / 2 * (last - first)
            begin, end = ((place * self._scale) for place in (first + quarter, last - quarter))
            middle.append(slice(int(begin), max(int(begin) + 8, int(end))))
        return middle[0], middle[1]

    def _reduce(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._scale == 1.0:
            return values
        rows, columns = (max(1, round(side * self._scale)) for side in values.shape)
        return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA))
