"""The transfer syntaxes that are read, and how a frame of each is decoded.

A stream's own promise is checked against the header before the decoder sees it, and the decoder's
answer is checked again after. imagecodecs decodes all of them (libjpeg-turbo for every JPEG with up
to 16 bits, CharLS, OpenJPEG); it is imported when the first compressed frame is read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.errors import UnsupportedImageError
from guidance.io._accept import describe_uid
from guidance.io._keywords import label
from guidance.io._layout import PixelLayout
from guidance.io._stored import clip_samples, unpack_cells
from guidance.io._streams import (
    StreamPromise,
    broken,
    check_rle_header,
    read_j2k_promise,
    read_jpeg_promise,
)

# A lossless stream of noise is about as long as its pixels, at worst half as long again; metadata
# may come on top. More is a broken length, and must not be read into memory.
LARGEST_EXPANSION = 2
LARGEST_STREAM_HEADER_BYTES = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How the frames of a compressed transfer syntax are decoded.

    Attributes
    ----------
    decode : callable
        From one frame's stream to its stored values.
    is_lossy : bool or None
        None where the syntax leaves it open.
    one_fragment_each : bool
        Whether a frame must be a single fragment.
    """

    decode: Callable[[bytes, PixelLayout], NDArray[Any]]
    is_lossy: bool | None
    one_fragment_each: bool = False


def decode_jpeg(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a lossy JPEG frame of 8 or 12 bits."""
    from imagecodecs import jpeg8_decode

    return _decoded(jpeg8_decode, stream, read_jpeg_promise(stream), layout, is_exact=False)


def decode_lossless_jpeg(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a lossless JPEG frame (T.81 process 14)."""
    from imagecodecs import jpeg8_decode

    return _decoded(jpeg8_decode, stream, read_jpeg_promise(stream), layout, is_exact=True)


def decode_jpegls(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a JPEG-LS frame, lossless."""
    from imagecodecs import jpegls_decode

    return _decoded(jpegls_decode, stream, read_jpeg_promise(stream), layout, is_exact=True)


def decode_near_lossless_jpegls(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a JPEG-LS frame that may be off by a few."""
    from imagecodecs import jpegls_decode

    return _decoded(jpegls_decode, stream, read_jpeg_promise(stream), layout, is_exact=False)


def decode_lossless_j2k(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a reversible JPEG 2000 frame."""
    from imagecodecs import jpeg2k_decode

    return _decoded(jpeg2k_decode, stream, read_j2k_promise(stream), layout, is_exact=True)


def decode_j2k(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of a JPEG 2000 frame that may be lossy."""
    from imagecodecs import jpeg2k_decode

    return _decoded(jpeg2k_decode, stream, read_j2k_promise(stream), layout, is_exact=False)


def decode_rle(stream: bytes, layout: PixelLayout) -> NDArray[Any]:
    """Return the stored values of an RLE frame (PS3.5 annex G)."""
    from imagecodecs import dicomrle_decode

    check_rle_header(stream, layout.bits_allocated // 8)
    # A stream may grow 64-fold; the decoder stops at the end of the room it is given.
    room = np.zeros(layout.frame_bytes, np.uint8)
    try:
        filled = len(
            dicomrle_decode(stream, layout.cell_dtype.newbyteorder("<").str, out=room.data)
        )
    except Exception as error:  # imagecodecs has a type for each library, and raises others too
        raise broken("cannot be decoded", "damaged RLE segments") from error
    if filled != layout.frame_bytes:
        raise broken("ends early", f"{filled} bytes, expected {layout.frame_bytes}")
    return unpack_cells(room.view(layout.cell_dtype).reshape(layout.shape), layout)


JPEG_LOSSLESS = Codec(decode=decode_lossless_jpeg, is_lossy=False)

# Transfer syntax to decoder. PS3.6 annex A has the names.
CODECS = {
    "1.2.840.10008.1.2.5": Codec(decode=decode_rle, is_lossy=False, one_fragment_each=True),
    "1.2.840.10008.1.2.4.50": Codec(decode=decode_jpeg, is_lossy=True),
    "1.2.840.10008.1.2.4.51": Codec(decode=decode_jpeg, is_lossy=True),
    "1.2.840.10008.1.2.4.57": JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.70": JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.80": Codec(decode=decode_jpegls, is_lossy=False),
    "1.2.840.10008.1.2.4.81": Codec(decode=decode_near_lossless_jpegls, is_lossy=None),
    "1.2.840.10008.1.2.4.90": Codec(decode=decode_lossless_j2k, is_lossy=False),
    "1.2.840.10008.1.2.4.91": Codec(decode=decode_j2k, is_lossy=None),
}
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
UNCOMPRESSED = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        EXPLICIT_BIG_ENDIAN,
    }
)


def accept_transfer_syntax(uid: str) -> Codec | None:
    """Return the decoder of a transfer syntax; None where frames are uncompressed.

    Raises
    ------
    UnsupportedImageError
        No decoder for it.
    """
    if uid in UNCOMPRESSED:
        return None
    if uid in CODECS:
        return CODECS[uid]
    raise UnsupportedImageError(
        f"{label('TransferSyntaxUID')} is not read; found {describe_uid(uid)}, expected "
        "uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000; store the run in one of these, "
        "for instance with gdcmconv --raw"
    )


def check_stream_length(length: int, layout: PixelLayout) -> None:
    """Refuse a compressed frame that is longer than any frame of its size can be."""
    limit = LARGEST_EXPANSION * layout.frame_bytes + LARGEST_STREAM_HEADER_BYTES
    if length > limit:
        raise broken("is too long for its frame", f"{length} bytes, expected at most {limit}")


def _decoded(
    decode: Callable[[bytes], NDArray[Any]],
    stream: bytes,
    promise: StreamPromise,
    layout: PixelLayout,
    *,
    is_exact: bool,
) -> NDArray[Any]:
    """Return a frame's stored values; the stream is checked before and the samples after.

    Parameters
    ----------
    decode : callable
        The library's decoder.
    stream : bytes
        One frame.
    promise : StreamPromise
        What the stream says of itself.
    layout : PixelLayout
        What the header says.
    is_exact : bool
        Whether the samples are the stored bits themselves, or values close to them.
    """
    _check_promise(promise, layout, is_exact=is_exact)
    try:
        samples = decode(stream)
    except Exception as error:  # imagecodecs has a type for each library, and raises others too
        raise broken("cannot be decoded", type(error).__name__) from error
    dtype = np.dtype(f"{'i' if promise.is_signed else 'u'}{1 if promise.bits <= 8 else 2}")
    if samples.shape != layout.shape or samples.dtype != dtype:
        raise broken(
            "decodes to another image than it promises",
            f"{samples.dtype} {samples.shape}, expected {dtype} {layout.shape}",
        )
    if promise.bits < 8 * dtype.itemsize and not _is_within(samples, promise):
        raise broken("decodes to more bits than it promises", f"values beyond {promise.bits} bits")
    target = layout.value_dtype if promise.is_signed else layout.cell_dtype
    samples = samples.astype(target, copy=False)
    if promise.bits <= layout.bits_stored:
        # The stream holds the value's bits and no others, wherever the header puts them in a cell.
        layout = replace(layout, high_bit=layout.bits_stored - 1)
        return unpack_cells(samples, layout) if layout.is_signed else samples
    return unpack_cells(samples, layout) if is_exact else clip_samples(samples, layout)


def _check_promise(promise: StreamPromise, layout: PixelLayout, *, is_exact: bool) -> None:
    """Refuse a stream that promises another image than the header does."""
    found = (promise.rows, promise.columns, promise.samples)
    if found != (*layout.shape, 1) or not 1 <= promise.bits <= layout.bits_allocated:
        raise broken(
            "promises another image than the header",
            f"{found[0]} × {found[1]} pixels, {found[2]} samples, {promise.bits} bits, expected "
            f"{layout.rows} × {layout.columns}, 1 sample, at most {layout.bits_allocated} bits",
        )
    if promise.is_signed is None:
        # The sign is the top one of the stored bits: it must be there, and must have been kept.
        fits = not layout.is_signed or (is_exact and promise.bits >= layout.bits_stored)
    else:
        fits = promise.is_signed == layout.is_signed
    if not fits:
        raise broken(
            f"does not fit {label('PixelRepresentation')}",
            f"{promise.bits} bits, {'signed' if promise.is_signed else 'without sign'}, expected "
            f"{layout.bits_stored} bits, {'signed' if layout.is_signed else 'unsigned'}",
        )


def _is_within(samples: NDArray[Any], promise: StreamPromise) -> bool:
    """Return whether all samples fit the promised bits; a damaged lossless JPEG runs over them."""
    if not promise.is_signed:
        return int(samples.max()) < 1 << promise.bits
    half = 1 << (promise.bits - 1)
    return int(samples.max()) < half and int(samples.min()) >= -half
