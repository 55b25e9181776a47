"""Tells a DICOM file from any other by its first bytes, without reading the rest."""

import re
import struct
from pathlib import Path

from guidance.io._disk import opened

PREAMBLE_BYTES = 132
# A few elements settle it: ordinary bytes do not chain into ascending tags with fitting lengths.
ELEMENTS_TO_CHECK = 4
# Enough for a first handful of elements; a header-less file begins with short ones.
HEAD_BYTES = 4096
LONG_REPRESENTATIONS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN"})
LONG_REPRESENTATIONS |= {b"UR", b"UT", b"SV", b"UV"}
REPRESENTATION = re.compile(rb"[A-Z]{2}")
UNDEFINED_LENGTH = 0xFFFFFFFF
# PS3.6: a header-less data set begins in one of these groups (file meta, identification).
FIRST_GROUPS = frozenset({0x0002, 0x0008})


def looks_like_dicom(path: Path) -> bool:
    """Return whether a file is DICOM: it has the preamble, or starts as a bare data set does.

    Parameters
    ----------
    path : Path
        File to look at; at most its first 4 kB are read.

    Raises
    ------
    StorageError
        The file cannot be read.
    """
    with opened(path) as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
    return has_preamble(head) or starts_as_data_set(head, size)


def has_preamble(head: bytes) -> bool:
    """Return whether the 128-byte preamble and its prefix are there (PS3.10 7.1)."""
    return head[128:PREAMBLE_BYTES] == b"DICM"


def starts_as_data_set(head: bytes, size: int) -> bool:
    """Return whether bytes chain into data elements, in any encoding that DICOM has.

    Parameters
    ----------
    head : bytes
        The beginning of the file.
    size : int
        Length of the whole file. Bytes.
    """
    encodings = (("<", True), ("<", False), (">", True))
    return any(_chains(head, size, order, explicit) for order, explicit in encodings)


def _chains(head: bytes, size: int, order: str, explicit: bool) -> bool:
    """Return whether the first elements have ascending tags, and lengths that fit the file."""
    at, last = 0, -1
    for count in range(ELEMENTS_TO_CHECK):
        if at + 12 > len(head):
            return count > 1 and len(head) < size  # the rest lies beyond what was read
        group, number = struct.unpack_from(f"{order}HH", head, at)
        tag = group << 16 | number
        if tag <= last or (last < 0 and group not in FIRST_GROUPS):
            return False
        value_at, length = element_value(head, at, order, explicit)
        if length == UNDEFINED_LENGTH:
            return count > 0
        if value_at is None or value_at + length > size:
            return False
        at, last = value_at + length, tag
    return True


def element_value(
    data: bytes, at: int, order: str, explicit: bool
) -> tuple[int, int] | tuple[None, int]:
    """Return where the value of the element at `at` begins, and its length.

    Parameters
    ----------
    data : bytes
        The file, from its beginning.
    at : int
        Where the element's tag begins.
    order : str
        ``"<"`` or ``">"``, the byte order as `struct` has it.
    explicit : bool
        Whether the element carries its value representation.

    Returns
    -------
    tuple
        Offset and length in bytes; None and 0 where the bytes are no element header.
    """
    if not explicit:
        (length,) = struct.unpack_from(f"{order}I", data, at + 4)
        return at + 8, length
    representation = data[at + 4 : at + 6]
    if not REPRESENTATION.fullmatch(representation):
        return None, 0
    if representation not in LONG_REPRESENTATIONS:
        (length,) = struct.unpack_from(f"{order}H", data, at + 6)
        return at + 8, length
    if at + 12 > len(data):
        return None, 0
    (length,) = struct.unpack_from(f"{order}I", data, at + 8)
    return at + 12, length
