"""Where each frame lies in encapsulated pixel data (PS3.5 A.4).

A table of offsets says where frames begin, but most files leave it empty. Then the items are walked
one by one, only as far as the frame that is asked for: the first frame of 600 costs as much as the
first of 20.
"""

import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from guidance.errors import DamagedFileError
from guidance.io._keywords import label
from guidance.io._sniff import UNDEFINED_LENGTH
from guidance.io._window import FileWindow

ITEM = 0xFFFEE000
DELIMITER = 0xFFFEE0DD
ITEM_HEADER_BYTES = 8
END_OF_IMAGE = b"\xff\xd9"  # the same in JPEG, JPEG-LS and JPEG 2000
# Start of image with the marker that follows: JPEG and JPEG-LS, JPEG 2000.
STARTS_OF_IMAGE = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
# An end of image may be followed by padding to an even length, or by a few bytes more.
TAIL_BYTES = 16


@dataclass(frozen=True, slots=True)
class Fragment:
    """The bytes of one item."""

    offset: int
    length: int


class FrameIndex:
    """Finds the fragments of a frame.

    Parameters
    ----------
    window : FileWindow
        The file.
    offset : int
        Where the value of Pixel Data begins. Bytes.
    n_frames : int
        Number of frames by the header.
    one_fragment_each : bool
        Whether every frame is one fragment, as RLE demands.
    """

    def __init__(
        self, window: FileWindow, offset: int, n_frames: int, *, one_fragment_each: bool
    ) -> None:
        self._window = window
        self._n_frames = n_frames
        self._one_fragment_each = one_fragment_each
        self._lock = threading.Lock()
        table = self._item(offset)
        if table is None:
            raise _missing(0, 0, n_frames)
        self._first = table.offset + table.length
        self._starts = self._basic_offsets(table)
        # What walking has found so far: the frames' fragments, and where the next item begins.
        self._walked: list[list[Fragment]] = []
        self._next = self._first

    def use_extended_offsets(self, offsets: bytes) -> None:
        """Take the frames from an Extended Offset Table (7FE0,0001), if it fits.

        Parameters
        ----------
        offsets : bytes
            64-bit numbers, low byte first: where each frame's item begins after the basic offset
            table.
        """
        if len(offsets) == 8 * self._n_frames:
            self._starts = self._checked(struct.unpack(f"<{self._n_frames}Q", offsets))

    def fragments(self, index: int) -> list[Fragment]:
        """Return the fragments of a frame, in order.

        Raises
        ------
        DamagedFileError
            The frame is not there.
        """
        if self._n_frames == 1:
            found = self._between(self._first, None)
        else:
            found = self._by_table(index) or self._walk_to(index)
        if not found:
            raise _missing(index, 0, self._n_frames)
        return found

    def _by_table(self, index: int) -> list[Fragment]:
        """Return the fragments that the table of offsets points at; empty where it is no use."""
        if not self._starts:
            return []
        following = self._starts[index + 1] if index + 1 < self._n_frames else None
        try:
            return self._between(self._starts[index], following)
        except DamagedFileError:
            # Some writers count wrongly. The items themselves are what counts; walking them tells
            # a wrong table from a damaged file.
            return []

    def _basic_offsets(self, table: Fragment) -> Sequence[int]:
        """Return where the frames' items begin by the basic offset table; empty if it is no use."""
        if table.length != 4 * self._n_frames:
            return ()
        data = self._window.read(table.offset, table.length)
        return self._checked(struct.unpack(f"<{self._n_frames}I", data))

    def _checked(self, offsets: Sequence[int]) -> Sequence[int]:
        """Return absolute offsets; empty where they are not ascending from 0 within the file.

        A table of 32 bits starts again from 0 in files above 4 GB.
        """
        rising = all(low < high for low, high in pairwise(offsets))
        if offsets[0] != 0 or not rising or self._first + offsets[-1] >= self._window.size:
            return ()
        return [self._first + offset for offset in offsets]

    def _item(self, at: int) -> Fragment | None:
        """Return the item whose header is at `at`; None for the delimiter or the file's end."""
        if at + ITEM_HEADER_BYTES > self._window.size:
            return None
        group, element, length = struct.unpack("<HHI", self._window.read(at, ITEM_HEADER_BYTES))
        tag = group << 16 | element
        if tag == DELIMITER:
            return None
        if tag != ITEM or length == UNDEFINED_LENGTH:
            raise DamagedFileError(
                f"{label('PixelData')} is broken; expected an item (FFFE,E000) at byte {at}; "
                "copy the file again"
            )
        if at + ITEM_HEADER_BYTES + length > self._window.size:
            raise DamagedFileError(
                f"{label('PixelData')} is cut short; found an item of {length} bytes at byte {at}, "
                f"the file ends at byte {self._window.size}; copy the file again"
            )
        return Fragment(at + ITEM_HEADER_BYTES, length)

    def _between(self, start: int, stop: int | None) -> list[Fragment]:
        """Return the items from `start` up to `stop`, or to the end."""
        found: list[Fragment] = []
        while stop is None or start < stop:
            item = self._item(start)
            if item is None:
                break
            found.append(item)
            start = item.offset + item.length
        return found

    def _walk_to(self, index: int) -> list[Fragment]:
        """Return a frame's fragments, walking on from the last frame that was found."""
        with self._lock:
            while len(self._walked) <= index:
                frame = self._next_frame()
                if not frame:
                    raise _missing(index, len(self._walked), self._n_frames)
                self._walked.append(frame)
            return self._walked[index]

    def _next_frame(self) -> list[Fragment]:
        """Return the fragments of the frame that begins at the next item."""
        frame: list[Fragment] = []
        while True:
            item = self._item(self._next)
            if item is None or (frame and self._starts_image(item)):
                return frame
            frame.append(item)
            self._next = item.offset + item.length
            if self._one_fragment_each or self._ends_image(item):
                return frame

    def _ends_image(self, item: Fragment) -> bool:
        count = min(item.length, TAIL_BYTES)
        return END_OF_IMAGE in self._window.read(item.offset + item.length - count, count)

    def _starts_image(self, item: Fragment) -> bool:
        return self._window.read(item.offset, min(item.length, 4)).startswith(STARTS_OF_IMAGE)


def _missing(index: int, found: int, expected: int) -> DamagedFileError:
    return DamagedFileError(
        f"{label('PixelData')} lacks frame {index} (from 0); found {found} of the {expected} that "
        f"{label('NumberOfFrames')} promises; copy the file again"
    )
