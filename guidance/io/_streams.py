"""What a compressed frame itself promises: its size and its bits, read from its own header.

Read before the stream is handed to a decoder written in C, which would believe it: a few bytes can
ask for gigabytes. Only markers are followed here; nothing is decoded.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

from guidance.errors import DamagedFileError

# ITU-T T.81 table B.1: start-of-frame markers, without DHT (C4), JPG (C8) and DAC (CC); and T.87's.
JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
# Markers that stand alone: TEM, restarts, start of image.
JPEG_BARE_MARKERS = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
START_OF_SCAN = 0xDA
END_OF_IMAGE = b"\xff\xd9"
J2K_START = b"\xff\x4f\xff\x51"
# A codestream may come in a JP2 wrapper, whose boxes are short.
J2K_WRAPPER_BYTES = 4096
RLE_HEADER_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPromise:
    """Size and bits of the image that a stream holds, by its own header.

    `is_signed` is None where the coding has no notion of a sign.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    is_signed: bool | None = None


def read_jpeg_promise(stream: bytes) -> StreamPromise:
    """Return what the frame header of a JPEG or JPEG-LS stream says (T.81 B.2.2, T.87 C.2.2).

    Raises
    ------
    DamagedFileError
        There is none, or the stream does not end.
    """
    at = _jpeg_frame_header(stream)
    bits, rows, columns, samples = struct.unpack_from(">BHHB", stream, at + 4)
    if stream.rfind(END_OF_IMAGE, at) < 0:
        # Decoders would fill the missing part with grey and say nothing.
        raise broken("is cut short", "no end-of-image marker")
    return StreamPromise(rows=rows, columns=columns, samples=samples, bits=bits)


def read_j2k_promise(stream: bytes) -> StreamPromise:
    """Return what the SIZ segment of a JPEG 2000 codestream says (ITU-T T.800 A.5.1).

    Raises
    ------
    DamagedFileError
        There is none, or the stream does not end.
    """
    at = stream.find(J2K_START, 0, J2K_WRAPPER_BYTES)
    # Marker and length, capabilities, then the sizes; the first component's bits follow.
    if at < 0 or at + 45 > len(stream):
        raise broken("is no JPEG 2000 codestream", "no SIZ segment")
    columns, rows, left, top = struct.unpack_from(">4I", stream, at + 8)
    (samples,) = struct.unpack_from(">H", stream, at + 40)
    depth, step_across, step_down = struct.unpack_from(">BBB", stream, at + 42)
    if (step_across, step_down) != (1, 1):
        raise broken("is subsampled", "a grey image that skips pixels")
    if stream.rfind(END_OF_IMAGE, at) < 0:
        raise broken("is cut short", "no end-of-codestream marker")
    return StreamPromise(
        rows=rows - top,
        columns=columns - left,
        samples=samples,
        bits=(depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
    )


def check_rle_header(stream: bytes, segments: int) -> None:
    """Check the header of an RLE frame: one segment for each byte of a pixel (PS3.5 G.5).

    Raises
    ------
    DamagedFileError
        Another number of segments, or segments that are not in the stream.
    """
    if len(stream) < RLE_HEADER_BYTES:
        raise broken("is cut short", f"{len(stream)} of the {RLE_HEADER_BYTES} bytes of its header")
    count, *offsets = struct.unpack_from("<16I", stream)
    if count != segments:
        raise broken(f"should have {segments} RLE segments", f"{count}")
    starts = [*offsets[:count], len(stream)]
    if starts[0] != RLE_HEADER_BYTES or any(high <= low for low, high in pairwise(starts)):
        raise broken("has a broken RLE header", "segments that do not follow each other")


def broken(what: str, found: str) -> DamagedFileError:
    """Return the error for a compressed frame; the reader adds which frame it is."""
    return DamagedFileError(f"the compressed stream {what}; found {found}")


def _jpeg_frame_header(stream: bytes) -> int:
    """Return where the start-of-frame marker stands."""
    if not stream.startswith(b"\xff\xd8"):
        raise broken("is no JPEG", "no start-of-image marker")
    at = 2
    while at + 10 <= len(stream):
        if stream[at] != 0xFF:
            break
        marker = stream[at + 1]
        if marker in JPEG_FRAME_MARKERS:
            return at
        if marker == START_OF_SCAN:
            break
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in JPEG_BARE_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    raise broken("has no frame header", "other markers only")
