"""The shape and the bits of a run's frames, and whether the file can hold what they promise.

All of it is settled before any memory is asked for: a header of a few bytes may promise 100 GB.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from guidance.errors import DamagedFileError, MissingAttributeError, UnsupportedImageError
from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.io._source import PixelElement
from guidance.records import Remark

# The largest flat detectors have about 18 million pixels (43 cm at 0.1 mm); this is 8192 × 8192.
LARGEST_FRAME_PIXELS = 64 * 1024**2
# Rows and Columns are 16-bit (PS3.3 C.7.6.3).
LARGEST_SIDE = 0xFFFF
# An item header of 8 bytes, and the least that a compressed frame can be (PS3.5 A.4: even length).
LEAST_ENCAPSULATED_BYTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLayout:
    """How the pixels of a run are stored.

    Attributes
    ----------
    n_frames, rows, columns : int
        Shape of the run.
    bits_allocated, bits_stored, high_bit : int
        Room for a pixel, bits that carry its value, and the place of the highest of them, from 0.
    is_signed : bool
        Values are two's complement.
    """

    n_frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return (self.rows, self.columns)

    @property
    def frame_bytes(self) -> int:
        """Size of an uncompressed frame. Bytes."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def cell_dtype(self) -> np.dtype[Any]:
        """Unsigned type of the room for a pixel."""
        return np.dtype(f"u{self.bits_allocated // 8}")

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Type of a stored value once its bits are sorted out."""
        return np.dtype(f"{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")

    @property
    def stored_range(self) -> tuple[int, int]:
        """Lowest and highest value that the stored bits can hold."""
        if self.is_signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1


def read_layout(attributes: Attributes) -> PixelLayout:
    """Return how the pixels are stored.

    Raises
    ------
    MissingAttributeError
        A size is absent, zero or not a number.
    UnsupportedImageError
        A frame is too large, or its pixels are neither bytes nor words.
    DamagedFileError
        The numbers of bits contradict each other.
    """
    rows = attributes.required_integer("Rows", 1, LARGEST_SIDE)
    columns = attributes.required_integer("Columns", 1, LARGEST_SIDE)
    if rows * columns > LARGEST_FRAME_PIXELS:
        raise UnsupportedImageError(
            f"{label('Rows')} times Columns (0028,0011) is too large; found {rows} × {columns}, "
            f"expected at most {LARGEST_FRAME_PIXELS} pixels a frame; check the header"
        )
    allocated = attributes.required_integer("BitsAllocated", 1, 64)
    if allocated not in (8, 16):
        raise UnsupportedImageError(
            f"{label('BitsAllocated')} is not read; found {allocated}, expected 8 or 16; "
            "export the run as an 8- or 16-bit grey image"
        )
    stored = _optional_integer(attributes, "BitsStored", allocated, 1, allocated)
    high = _optional_integer(attributes, "HighBit", stored - 1, stored - 1, allocated - 1)
    return PixelLayout(
        n_frames=_frames(attributes),
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        is_signed=bool(_optional_integer(attributes, "PixelRepresentation", 0, 0, 1)),
    )


def check_promise(
    layout: PixelLayout, pixels: PixelElement | None, size: int, *, is_encapsulated: bool
) -> PixelElement:
    """Return the pixels' place after checking that the file can hold the promised frames.

    Parameters
    ----------
    layout : PixelLayout
        What the header promises.
    pixels : PixelElement or None
        Where the pixels are.
    size : int
        Length of the file. Bytes.
    is_encapsulated : bool
        Whether the transfer syntax stores frames compressed, each in an item of its own.

    Raises
    ------
    MissingAttributeError
        There are no pixels.
    DamagedFileError
        They cannot be all there.
    """
    name = label("PixelData")
    if pixels is None:
        raise MissingAttributeError(
            f"{name} is missing; expected the pixels after the header; the file may be cut short: "
            "copy it again"
        )
    if is_encapsulated != (pixels.length is None):
        expected = "items of undefined length" if is_encapsulated else "a definite length"
        raise DamagedFileError(
            f"{name} does not fit {label('TransferSyntaxUID')}; expected {expected}; "
            "have its source write the file anew"
        )
    there = size - pixels.offset
    if pixels.length is not None:
        there = min(there, pixels.length)
    least = LEAST_ENCAPSULATED_BYTES if is_encapsulated else layout.frame_bytes
    if layout.n_frames * least > there:
        raise DamagedFileError(
            f"{name} is cut short; found {max(there, 0)} bytes, room for {max(there, 0) // least} "
            f"frames at most, expected {layout.n_frames} frames by {label('NumberOfFrames')}; "
            "copy the file again"
        )
    return pixels


def surplus_remark(layout: PixelLayout, pixels: PixelElement) -> Remark | None:
    """Return a remark where uncompressed pixels go on after the last frame."""
    surplus = (pixels.length or 0) - layout.n_frames * layout.frame_bytes
    if surplus < layout.frame_bytes:  # one byte makes the length even; vendors pad by more
        return None
    return Remark(
        attribute=label("NumberOfFrames"),
        finding=f"says {layout.n_frames}, but the pixels of "
        f"{surplus // layout.frame_bytes} more are there",
        cost="the later frames are not analysed",
        remedy="export the run again if frames are missing",
    )


def _frames(attributes: Attributes) -> int:
    """Return the number of frames; a single image need not state it."""
    if not any(attributes.tokens("NumberOfFrames")):
        return 1
    # IS holds 32 bits (PS3.5 6.2). Whether the file holds as many frames is checked elsewhere.
    return attributes.required_integer("NumberOfFrames", 1, 0x7FFFFFFF)


def _optional_integer(
    attributes: Attributes, keyword: str, default: int, low: int, high: int
) -> int:
    """Return a whole number that has a usual value, or raise where it contradicts the others."""
    if not any(attributes.tokens(keyword)):
        return default
    try:
        return attributes.required_integer(keyword, low, high)
    except MissingAttributeError as error:
        raise DamagedFileError(str(error)) from error
