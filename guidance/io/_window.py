"""Reads stretches of an open file by position, from any thread, and closes it once."""

import os
import threading
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from guidance.errors import DamagedFileError, InputError
from guidance.io._disk import storage_error
from guidance.io._keywords import label


class FileWindow:
    """The one handle through which the pixels of a run are read.

    Parameters
    ----------
    file : binary file
        Open for reading; closed by `close`.
    size : int
        Length of the file. Bytes.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        # Closing while another thread reads would hand that thread whatever file is opened next.
        self._lock = threading.Lock()

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes.

        Raises
        ------
        DamagedFileError
            The file ends before that.
        StorageError
            The disk fails.
        """
        if offset + count > self.size:
            raise _cut_short(offset + count, self.size)
        data = bytearray(count)
        self._fill(memoryview(data), offset)
        return bytes(data)

    def read_into(self, array: NDArray[Any], offset: int) -> None:
        """Fill a contiguous array with the bytes from `offset` on; raises as `read` does."""
        self._fill(array.reshape(-1).view(np.uint8).data, offset)

    def close(self) -> None:
        """Let go of the file; a second time does nothing."""
        with self._lock:
            self._file.close()

    def _fill(self, target: memoryview, offset: int) -> None:
        with self._lock:
            if self._file.closed:
                raise InputError("the run is closed; open it again to read its frames")
            filled = 0
            try:
                # A read may stop early, at a signal or at 2 GB.
                while filled < len(target):
                    count = os.preadv(self._file.fileno(), [target[filled:]], offset + filled)
                    if count == 0:
                        raise _cut_short(offset + len(target), offset + filled)
                    filled += count
            except OSError as error:
                raise storage_error("read", error, "check the disk or the network drive") from error


def _cut_short(expected: int, found: int) -> DamagedFileError:
    return DamagedFileError(
        f"{label('PixelData')} is cut short; found the file to end at byte {found}, expected at "
        f"least {expected}; copy the file again"
    )
