"""A volume made ready for many radiographs: where it is not 0, and in which order it lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.projection._slabs import find_spans, take_slices
from guidance.records import Volume

_NATIVE = tuple(np.dtype(name) for name in ("float32", "int16", "uint8"))
"""What the kernels take as it is; other numbers are converted to float32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Voxels for rays along one main axis, `k`; `a` and `b` are the other two.

    Attributes
    ----------
    axes : (k, a, b)
        Which axes of the volume these are.
    k_first : bool
        Whether the axes of `voxels` are (k, a, b) or (a, k, b).
    voxels : (3 axes) array, C-contiguous
    spans : (2 axes, 2) int32 array
        From where to where each row of `voxels` is not 0.
    start : (k, a, b)
        Voxel of the volume that is the first of `voxels`.
    low, high : (k, a, b)
        First and one past the last of `voxels` that are not 0.
    """

    axes: tuple[int, int, int]
    k_first: bool
    voxels: NDArray[Any]
    spans: NDArray[np.int32]
    start: tuple[int, int, int]
    low: tuple[int, int, int]
    high: tuple[int, int, int]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but zeros."""
        return min(self.high) <= 0


class PreparedVolume:
    """A volume for `integrate`, searched for zeros once instead of for every view.

    Keeps a copy of what is not 0 for views along the axis on which voxels lie side by side in
    memory, from the first such view on.

    Parameters
    ----------
    volume : Volume
        Must not change afterwards.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._values, self._order = _in_memory_order(volume.values)
        self._spans = _spans_of(self._values)
        self._box = _box_of(self._spans)
        self._last: Layout | None = None

    def layout(self, main: int) -> Layout:
        """Return the voxels for rays along one axis of the volume: 0 slices, 1 rows, 2 columns."""
        at = self._order.index(main)
        if at == 2:
            if self._last is None:
                self._last = self._turned()
            return self._last
        inner = (0, 1, 2) if at == 0 else (1, 0, 2)
        low, high = self._box
        return Layout(
            axes=_pick(self._order, inner),
            k_first=at == 0,
            voxels=self._values,
            spans=self._spans,
            start=(0, 0, 0),
            low=_pick(low, inner),
            high=_pick(high, inner),
        )

    def _turned(self) -> Layout:
        """Return a copy of what is not 0 for rays along the last axis in memory."""
        low, high = self._box
        size = [max(1, upper - lower) for lower, upper in zip(low, high, strict=True)]
        voxels = np.empty((size[0], size[2], size[1]), self._values.dtype)
        take_slices(self._values, low, voxels)
        voxels.setflags(write=False)
        spans = _spans_of(voxels)
        inner = (2, 0, 1)
        (low_a, low_k, low_b), (high_a, high_k, high_b) = _box_of(spans)
        return Layout(
            axes=_pick(self._order, inner),
            k_first=False,
            voxels=voxels,
            spans=spans,
            start=_pick(low, inner),
            low=(low_k, low_a, low_b),
            high=(high_k, high_a, high_b),
        )


def _pick(values: tuple[int, int, int], which: tuple[int, int, int]) -> tuple[int, int, int]:
    return values[which[0]], values[which[1]], values[which[2]]


def _in_memory_order(values: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int, int]]:
    """Return the voxels in an order of axes in which they lie in memory, and that order."""
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    if values.dtype not in _NATIVE or not values.dtype.isnative:
        values = values.astype(np.float32)
    first, second, third = sorted(range(3), key=lambda axis: -abs(values.strides[axis]))
    ordered = np.ascontiguousarray(values.transpose(first, second, third))
    ordered.setflags(write=False)
    return ordered, (first, second, third)


def _spans_of(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return from where to where each row is not 0."""
    bits = values.view(np.int32) if values.dtype == np.float32 else values
    spans = np.empty((*values.shape[:2], 2), np.int32)
    find_spans(bits, spans)
    return spans


def _box_of(
    spans: NDArray[np.int32],
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return first and one past the last voxel that is not 0, along each axis; (0, 0) for none."""
    is_held = spans[..., 0] < spans[..., 1]
    if not is_held.any():
        return (0, 0, 0), (0, 0, 0)
    first, second = (np.flatnonzero(is_held.any(axis=axis)) for axis in (1, 0))
    low = int(first[0]), int(second[0]), int(spans[is_held][:, 0].min())
    high = int(first[-1]) + 1, int(second[-1]) + 1, int(spans[is_held][:, 1].max())
    return low, high
