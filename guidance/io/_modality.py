"""The Modality LUT (PS3.3 C.11.1): from stored values to the values that the rest works with."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.io._layout import PixelLayout
from guidance.records import Remark

LARGEST_VALUE = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Identity:
    """Stored values are the values: nothing is computed, nothing is copied."""

    dtype: np.dtype[Any]

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return `stored` itself."""
        return stored


@dataclass(frozen=True, slots=True)
class Rescale:
    """Values are slope × stored + intercept, as float32."""

    slope: float
    intercept: float

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(np.float32)

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a frame.

        Parameters
        ----------
        stored : (R, C) integer array
            Stored values.
        """
        values: NDArray[Any] = stored.astype(np.float32)
        values *= np.float32(self.slope)
        values += np.float32(self.intercept)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Values are looked up in a table that has an entry for every stored value.

    Attributes
    ----------
    table : (N,) uint8 or uint16 array
        Value of the stored value `lowest` + index.
    lowest : int
        Stored value of the first entry.
    """

    table: NDArray[Any]
    lowest: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.table.dtype

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a frame, given its (R, C) stored values."""
        if self.lowest:
            stored = stored.astype(np.int32) - self.lowest
        return np.take(self.table, stored)


ModalityTransform = Identity | Rescale | Lookup


def read_modality(
    attributes: Attributes, layout: PixelLayout
) -> tuple[ModalityTransform, list[Remark]]:
    """Return what turns stored values into values, and what was wrong with it.

    A sequence goes before slope and intercept; the standard has only one of the two. One that does
    nothing is the identity, which is the fast path.

    Parameters
    ----------
    attributes : Attributes
        The header.
    layout : PixelLayout
        The bits that go in.
    """
    items = attributes.items("ModalityLUTSequence")
    if items:
        table = _table(items[0], layout)
        if table is not None:
            lowest, highest = layout.stored_range
            is_identity = np.array_equal(table, np.arange(lowest, highest + 1))
            return (Identity(layout.value_dtype) if is_identity else Lookup(table, lowest)), []
        damaged = Remark(
            attribute=label("ModalityLUTSequence"),
            finding="is damaged and was ignored",
            cost="values are as stored, and may not be what the maker meant",
            remedy="export the run again from its source",
        )
        return Identity(layout.value_dtype), [damaged]
    return _rescale(attributes, layout)


def value_range(transform: ModalityTransform, layout: PixelLayout) -> tuple[float, float]:
    """Return the lowest and highest value that the stored bits can hold after the transform."""
    low, high = layout.stored_range
    match transform:
        case Rescale(slope=slope, intercept=intercept):
            ends = sorted((low * slope + intercept, high * slope + intercept))
            return ends[0], ends[1]
        case Lookup(table=table):
            return float(table.min()), float(table.max())
        case Identity():
            return float(low), float(high)


def is_falling(transform: ModalityTransform) -> bool:
    """Return whether higher stored values become lower values."""
    match transform:
        case Rescale(slope=slope):
            return slope < 0
        case Lookup(table=table):
            return bool(table[-1] < table[0])
        case Identity():
            return False


def _rescale(attributes: Attributes, layout: PixelLayout) -> tuple[ModalityTransform, list[Remark]]:
    """Return slope and intercept, or the identity where they do nothing or cannot be used."""
    identity = Identity(layout.value_dtype)
    slope = attributes.number("RescaleSlope")
    intercept = attributes.number("RescaleIntercept")
    slope = 1.0 if slope is None else slope
    intercept = 0.0 if intercept is None else intercept
    if slope == 1 and intercept == 0:
        return identity, []
    low, high = sorted(end * slope + intercept for end in layout.stored_range)
    # float32 must hold the values: they must not overflow, nor their span drown in the intercept.
    is_held = low > -LARGEST_VALUE and high < LARGEST_VALUE  # false for NaN, too
    if is_held and np.float32(low) < np.float32(high):
        return Rescale(slope, intercept), []
    keyword = "RescaleIntercept" if math.isfinite(slope) and slope != 0 else "RescaleSlope"
    unusable = Remark(
        attribute=label(keyword),
        finding="is zero, not a number or out of range, and was ignored",
        cost="values are as stored, and may not be what the maker meant",
        remedy="export the run again from its source",
    )
    return identity, [unusable]


def _table(item: Attributes, layout: PixelLayout) -> NDArray[Any] | None:
    """Return the value of every stored value, in order, or None where the item is damaged.

    PS3.3 C.11.1.1.1: the descriptor is the number of entries (0 for 65536), the stored value of the
    first, and the bits of each; stored values before the first or after the last take its value.
    """
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3 or not all(-0x8000 <= number <= 0xFFFF for number in descriptor):
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = (count & 0xFFFF) or 0x10000
    if layout.is_signed and first > 0x7FFF:  # written with the unsigned representation
        first -= 0x10000
    entries = _entries(item, count, bits)
    if entries is None:
        return None
    lowest, highest = layout.stored_range
    stored = np.arange(lowest, highest + 1)
    table: NDArray[Any] = entries[np.clip(stored - first, 0, count - 1)]
    return None if table.min() == table.max() else table


def _entries(item: Attributes, count: int, bits: int) -> NDArray[Any] | None:
    """Return the entries as uint8 or uint16, however their bytes are packed."""
    if not 1 <= bits <= 16:
        return None
    dtype = np.uint8 if bits <= 8 else np.uint16
    order = "<" if item.is_little_endian("LUTData") else ">"
    data = item.raw("LUTData")
    entries: NDArray[Any]
    if len(data) >= 2 * count:
        entries = np.frombuffer(data, f"{order}u2", count)
    elif len(data) >= count and bits <= 8:  # two entries to a word
        entries = np.frombuffer(data, np.uint8, count)
    else:
        numbers = item.numbers("LUTData")  # already converted, or written as text
        if len(numbers) < count or not all(0 <= number <= 0xFFFF for number in numbers):
            return None
        entries = np.array(numbers[:count])
    return entries.astype(dtype)
