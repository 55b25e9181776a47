"""Frames to bytes in a transfer syntax, all of them without loss.

Encapsulated pixel data has one fragment per frame and a basic offset table (PS3.5 A.4).
"""

import struct
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from guidance.records import FrameArray


class TransferSyntax(StrEnum):
    """How `write_run` stores the pixels; all without loss."""

    EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
    JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
    JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
    RLE_LOSSLESS = "1.2.840.10008.1.2.5"


def put_pixel_data(
    dataset: Dataset, frames: FrameArray, bits_stored: int, syntax: TransferSyntax
) -> None:
    """Put Pixel Data (7FE0,0010).

    Parameters
    ----------
    dataset : Dataset
        Where to put it.
    frames : (T, R, C) uint8 or uint16 array
        Pixel values.
    bits_stored : int
        Bits that carry the value.
    syntax : TransferSyntax
        How to store it.
    """
    is_native = syntax is TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN
    if is_native:
        data = frames.astype(frames.dtype.newbyteorder("<"), copy=False).tobytes()
        dataset.PixelData = data + b"\0" * (len(data) % 2)
    else:
        dataset.PixelData = encapsulate([_encode(frame, bits_stored, syntax) for frame in frames])
    dataset["PixelData"].VR = "OW" if is_native and frames.dtype != np.uint8 else "OB"


def _encode(frame: NDArray[Any], bits_stored: int, syntax: TransferSyntax) -> bytes:
    import imagecodecs  # slow to load, and reading alone may never need it

    match syntax:
        case TransferSyntax.JPEG_LOSSLESS_SV1:
            return bytes(
                imagecodecs.jpeg8_encode(
                    frame, lossless=True, predictor=1, bitspersample=bits_stored
                )
            )
        case TransferSyntax.JPEG_LS_LOSSLESS:
            return bytes(imagecodecs.jpegls_encode(frame))
        case _:
            return _encode_rle(frame)


def _encode_rle(frame: NDArray[Any]) -> bytes:
    """Return a frame as PS3.5 annex G has it: byte planes, most significant first, row by row."""
    import imagecodecs

    rows, columns = frame.shape
    planes = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8).reshape(rows, columns, -1)
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        data = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
        segments.append(data + b"\0" * (len(data) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    header = [len(segments), *offsets]
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)
