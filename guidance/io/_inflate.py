"""Unpacks a deflated data set (PS3.5 A.5) into a temporary file, within a limit.

pydicom would unpack it in memory without one, and a deflated file may promise a thousand times its
own size.
"""

import struct
import tempfile
import zlib
from typing import BinaryIO

from guidance.errors import DamagedFileError, UnsupportedImageError

# A run of 600 frames of 1024² at 16 bits, and some more.
LARGEST_INFLATED_BYTES = 2 * 1024**3
PIECE_BYTES = 1024**2
EXPLICIT_VR_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1\0"


def inflate(file: BinaryIO, at: int) -> BinaryIO:
    """Return a temporary, uncompressed file with the same data set.

    Parameters
    ----------
    file : binary file
        Open for reading.
    at : int
        Where the deflated data set begins. Bytes.

    Raises
    ------
    DamagedFileError
        The stream is cut short or broken.
    UnsupportedImageError
        It unpacks to more than the limit.
    """
    unpacked: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        unpacked.write(bytes(128) + b"DICM")
        unpacked.write(struct.pack("<HH2sH", 2, 0x10, b"UI", len(EXPLICIT_VR_LITTLE_ENDIAN)))
        unpacked.write(EXPLICIT_VR_LITTLE_ENDIAN)
        file.seek(at)
        _unpack(file, unpacked)
    except BaseException:
        unpacked.close()
        raise
    unpacked.seek(0)
    return unpacked


def _unpack(packed: BinaryIO, unpacked: BinaryIO) -> None:
    """Copy `packed` to `unpacked`, never more than the limit, a piece in memory at a time."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = packed.read(PIECE_BYTES)
    written = 0
    try:
        while pending and not stream.eof:
            piece = stream.decompress(pending, PIECE_BYTES)
            written += len(piece)
            if written > LARGEST_INFLATED_BYTES:
                raise UnsupportedImageError(
                    "the deflated data set is too large; found more than "
                    f"{LARGEST_INFLATED_BYTES} bytes; store it uncompressed, in shorter runs"
                )
            unpacked.write(piece)
            pending = stream.unconsumed_tail or packed.read(PIECE_BYTES)
    except zlib.error as error:
        raise DamagedFileError(
            "the deflated data set is broken; expected a deflate stream; copy the file again"
        ) from error
    if not stream.eof:
        raise DamagedFileError(
            "the deflated data set is cut short; its end is missing; copy the file again"
        )
