"""Builds small DICOM files, good and bad, for the tests of reading."""

import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import Tag

from guidance.io import open_run
from guidance.records import Cine

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
XA = "1.2.840.10008.5.1.4.1.1.12.1"


def ramp(n_frames: int = 3, rows: int = 12, columns: int = 20, bits: int = 12) -> np.ndarray:
    """Return frames that differ in every row, column and frame, and use all bits."""
    frame, row, column = np.ogrid[:n_frames, :rows, :columns]
    values = (frame * 37 + row * 53 + column * 97) * 7919 % (1 << bits)
    values[0, 0, 0], values[-1, -1, -1] = 0, (1 << bits) - 1
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def build(
    frames: np.ndarray | None = None,
    *,
    syntax: str = EXPLICIT,
    streams: Sequence[bytes] | None = None,
    fragments: int = 1,
    has_offsets: bool = True,
    pixels: bytes | None = None,
    is_bare: bool = False,
    has_meta_uids: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes of a run.

    `has_meta_uids` repeats class and instance in the file meta information, as most files do.
    `streams` are compressed frames; `pixels` replaces the value of Pixel Data. An attribute that is
    None is left out; one that is bytes is written as it is, with the dictionary's representation;
    one that is (representation, bytes) is written with that one.
    """
    frames = ramp() if frames is None else frames
    values: dict[str, Any] = {
        "SOPClassUID": XA,
        "SOPInstanceUID": "2.25.1234",
        "Modality": "XA",
        "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "NumberOfFrames": frames.shape[0],
        "Rows": frames.shape[1],
        "Columns": frames.shape[2],
        "BitsAllocated": frames.dtype.itemsize * 8,
        "BitsStored": frames.dtype.itemsize * 8,
        "HighBit": frames.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(frames.dtype.kind == "i"),
        "PixelIntensityRelationship": "LIN",
        "FrameIncrementPointer": Tag(0x00181063),
        "FrameTime": 100.0,
        **(attributes or {}),
    }
    if isinstance(values["BitsStored"], int) and "HighBit" not in (attributes or {}):
        values["HighBit"] = values["BitsStored"] - 1
    data_set = Dataset()
    for keyword, value in values.items():
        if value is not None and not isinstance(value, bytes | tuple):
            setattr(data_set, keyword, value)
    little = syntax != BIG
    if pixels is None and streams is None:
        pixels = frames.astype(frames.dtype.newbyteorder("<" if little else ">")).tobytes()
        pixels += bytes(len(pixels) % 2)
    elif pixels is None:
        pixels = encapsulate(list(streams), fragments_per_frame=fragments, has_bot=has_offsets)
        pixels += b"\xfe\xff\xdd\xe0" + bytes(4)
    order, implicit = "<" if little else ">", syntax == IMPLICIT
    correct_ambiguous_vr(data_set, little)
    for keyword, value in values.items():
        if isinstance(value, bytes | tuple):
            _put_raw(data_set, keyword, value)
    length = len(pixels) if streams is None else 0xFFFFFFFF
    element = struct.pack(f"{order}HH", 0x7FE0, 0x0010)
    if not implicit:
        element += b"OB\0\0" if streams is not None or frames.itemsize == 1 else b"OW\0\0"
    body = _body(data_set, implicit, little) + element + struct.pack(f"{order}I", length) + pixels
    if syntax == DEFLATED:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflate.compress(body) + deflate.flush()
    return body if is_bare else _preamble(syntax, has_meta_uids=has_meta_uids) + body


def _put_raw(data_set: Dataset, keyword: str, value: bytes | tuple[str, bytes]) -> None:
    raw = value if isinstance(value, tuple) else (dictionary_VR(keyword)[:2], value)
    tag = Tag(tag_for_keyword(keyword))
    data_set._dict[tag] = RawDataElement(tag, raw[0], len(raw[1]), raw[1], 0, False, True)


def _body(data_set: Dataset, implicit: bool, little: bool) -> bytes:
    buffer = BytesIO()
    # What is raw is then written as it is, and not converted first.
    data_set.set_original_encoding(implicit, little, data_set._character_set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the values that are wrong on purpose
        pydicom.dcmwrite(buffer, data_set, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()


def _preamble(syntax: str, *, has_meta_uids: bool) -> bytes:
    """Return preamble and file meta information (PS3.10 7.1)."""
    meta = struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\0\1")
    objects = ((2, XA), (3, "2.25.1234")) if has_meta_uids else ()
    for number, uid in (*objects, (0x10, syntax), (0x12, "2.25.1")):
        value = uid.encode() + bytes(len(uid) % 2)
        meta += struct.pack("<HH2sH", 2, number, b"UI", len(value)) + value
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta


def encode_rle(frame: np.ndarray) -> bytes:
    """Return a frame as DICOM RLE, high bytes first (PS3.5 annex G)."""
    planes = frame.astype(frame.dtype.newbyteorder(">")).reshape(-1).view(np.uint8)
    planes = planes.reshape(-1, frame.dtype.itemsize).T
    segments = []
    for plane in planes:
        rows = plane.reshape(frame.shape[0], -1)
        packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in rows)
        segments.append(packed + bytes(len(packed) % 2))
    starts = 64 + np.cumsum([0] + [len(segment) for segment in segments])[:-1]
    header = struct.pack("<I", len(segments)) + starts.astype("<u4").tobytes()
    return header.ljust(64, b"\0") + b"".join(segments)


def encode_j2k(frame: np.ndarray, **options: Any) -> bytes:
    """Return a frame as a JPEG 2000 codestream."""
    return imagecodecs.jpeg2k_encode(frame, codecformat="j2k", **options)


@pytest.fixture(scope="session")
def make_ramp() -> Callable[..., np.ndarray]:
    """Return the maker of test frames."""
    return ramp


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., bytes]:
    """Return the maker of DICOM files."""
    return build


@pytest.fixture(scope="session")
def rle() -> Callable[[np.ndarray], bytes]:
    """Return an RLE encoder, which imagecodecs lacks."""
    return encode_rle


@pytest.fixture(scope="session")
def j2k() -> Callable[..., bytes]:
    """Return a JPEG 2000 encoder of bare codestreams."""
    return encode_j2k


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Path]:
    """Return what puts bytes into a new file; serves hypothesis, which has no folder a test."""
    folder, number = tmp_path_factory.mktemp("runs"), count()

    def put(data: bytes) -> Path:
        path = folder / f"{next(number)}.dcm"
        path.write_bytes(data)
        return path

    return put


@pytest.fixture(scope="session")
def make_run(scratch: Callable[[bytes], Path]) -> Callable[..., Cine]:
    """Return what builds a run as `make_dicom` does and opens it."""

    def make(*args: Any, **options: Any) -> Cine:
        return open_run(scratch(build(*args, **options)))

    return make
