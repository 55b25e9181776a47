"""Opens a DICOM file: header by pydicom, pixels located but not touched."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from guidance.errors import (
    DamagedFileError,
    GuidanceError,
    NotDicomError,
    StorageError,
)
from guidance.io._attributes import Attributes
from guidance.io._disk import open_regular, storage_error
from guidance.io._inflate import inflate
from guidance.io._keywords import READ_KEYWORDS
from guidance.io._quiet import quiet_pydicom
from guidance.io._sniff import (
    HEAD_BYTES,
    PREAMBLE_BYTES,
    UNDEFINED_LENGTH,
    element_value,
    has_preamble,
    starts_as_data_set,
)

# The standard has about twenty (PS3.10 7.1).
MOST_META_ELEMENTS = 1000
LONGEST_UID = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelElement:
    """Where the value of Pixel Data (7FE0,0010) lies.

    Attributes
    ----------
    offset : int
        From the beginning of the file. Bytes.
    length : int or None
        As the file states it, in bytes; None for an undefined length, as compressed frames have.
    representation : str
        OB or OW; empty in an implicit file.
    """

    offset: int
    length: int | None
    representation: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomSource:
    """An open DICOM file with its header parsed.

    Attributes
    ----------
    file : binary file
        Open for reading; belongs to whoever holds this record.
    size : int
        Length of `file`. Bytes.
    meta, attributes : Attributes
        The file meta information, and the data set up to the pixels.
    transfer_syntax_uid : str
        As stated, or as found where the file does not state it.
    is_syntax_stated : bool
        Whether the file states its transfer syntax.
    pixels : PixelElement or None
        None where there is no Pixel Data.
    """

    file: BinaryIO
    size: int
    meta: Attributes
    attributes: Attributes
    transfer_syntax_uid: str
    is_syntax_stated: bool
    pixels: PixelElement | None


@contextmanager
def dicom_source(path: Path) -> Iterator[DicomSource]:
    """Open a file and parse its header; on any error the file is closed again.

    The file stays open when the block ends well: a reader of its pixels has taken it over.

    Raises
    ------
    GuidanceError
        Of the fitting kind, whatever goes wrong in here or in the block.
    """
    with ExitStack() as files:
        try:
            yield _parse(files.enter_context(open_regular(path)), files)
        except GuidanceError:
            raise
        except OSError as error:
            raise storage_error("read", error, "check the disk or the network drive") from error
        files.pop_all()


def _parse(file: BinaryIO, files: ExitStack) -> DicomSource:
    """Return what the header says, and where the pixels are.

    Parameters
    ----------
    file : binary file
        As opened.
    files : ExitStack
        Closes what is opened here, if anything goes wrong.
    """
    head = file.read(HEAD_BYTES)
    size = file.seek(0, os.SEEK_END)
    if not head:
        raise NotDicomError("the file is empty; found 0 bytes; copy it again from its source")
    if not has_preamble(head) and not starts_as_data_set(head, size):
        raise NotDicomError(
            "not a DICOM file; found neither the DICM prefix nor data elements; name a DICOM file"
        )
    deflated_at = _deflated_at(file, PREAMBLE_BYTES if has_preamble(head) else 0)
    if deflated_at:
        with file as packed:
            file = files.enter_context(inflate(packed, deflated_at))
        size = file.seek(0, os.SEEK_END)
    bounded = _BoundedFile(file, size)
    with quiet_pydicom():
        data_set = _read_header(bounded)
    meta, attributes = Attributes(data_set.file_meta), Attributes(data_set)
    stated = meta.uid("TransferSyntaxUID")
    if deflated_at:
        stated = str(DeflatedExplicitVRLittleEndian)
    return DicomSource(
        file=file,
        size=size,
        meta=meta,
        attributes=attributes,
        transfer_syntax_uid=stated or _found_syntax(data_set),
        is_syntax_stated=bool(stated),
        pixels=_pixel_element(file, bounded.tell()),
    )


def _read_header(bounded: "_BoundedFile") -> pydicom.FileDataset:
    """Parse up to the pixels; whatever pydicom raises becomes one of our errors."""
    bounded.seek(0)
    try:
        return pydicom.dcmread(
            cast("BinaryIO", bounded),
            stop_before_pixels=True,
            force=True,
            specific_tags=list(READ_KEYWORDS),
        )
    except StorageError:
        raise
    except Exception as error:  # of many types, for as many ways to be broken
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own; pydicom's are without a number
        raise DamagedFileError(
            f"the header cannot be parsed; pydicom stopped with {type(error).__name__}; "
            "copy the file again or have its source write it anew"
        ) from error


def _found_syntax(data_set: pydicom.FileDataset) -> str:
    """Return the syntax of a file that does not state it: how its elements are in fact written."""
    is_implicit, is_little_endian = data_set.original_encoding
    if is_implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian)


def _deflated_at(file: BinaryIO, at: int) -> int:
    """Return where a deflated data set begins, or 0 if the file is not deflated.

    The file meta information, from `at` on, is always explicit, low byte first (PS3.10 7.1).
    """
    is_deflated = False
    for _ in range(MOST_META_ELEMENTS):
        file.seek(at)
        header = file.read(12)
        if len(header) < 12 or header[:2] != b"\x02\0":
            break
        value_at, length = element_value(header, 0, "<", explicit=True)
        if value_at is None:
            return 0
        if header[2:4] == b"\x10\0":
            file.seek(at + value_at)
            stated = file.read(min(length, LONGEST_UID)).decode("latin-1").strip("\0 ")
            is_deflated = stated == DeflatedExplicitVRLittleEndian
        at += value_at + length
    return at if is_deflated else 0


def _pixel_element(file: BinaryIO, at: int) -> PixelElement | None:
    """Return the Pixel Data element that begins at `at`; None if another or none does."""
    file.seek(at)
    header = file.read(12)
    for order, mark in (("<", b"\xe0\x7f\x10\0"), (">", b"\x7f\xe0\0\x10")):
        if header[:4] != mark or len(header) < 8:
            continue
        # An implicit length whose low half reads OB, OW or UN would be odd, which none may be.
        explicit = header[4:6] in (b"OB", b"OW", b"UN")
        value_at, length = element_value(header, 0, order, explicit)
        if value_at is None:
            return None
        return PixelElement(
            offset=at + value_at,
            length=None if length == UNDEFINED_LENGTH else length,
            representation=header[4:6].decode("ascii") if explicit else "",
        )
    return None


class _BoundedFile:
    """A file that never reads, and so never allocates, more than it holds.

    pydicom asks for as many bytes as an element claims to have, and Python makes room for all of
    them before it looks.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def read(self, count: int = -1) -> bytes:
        """Return up to `count` bytes."""
        left = max(self._size - self._file.tell(), 0)
        return self._file.read(left if count < 0 else min(count, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as a file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position. Bytes."""
        return self._file.tell()
