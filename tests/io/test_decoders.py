"""Compressed frames: every syntax gives back what was stored, and no stream is believed blindly."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from guidance.errors import DamagedFileError, GuidanceError, UnsupportedImageError
from guidance.io import open_run
from guidance.io._layout import PixelLayout
from guidance.io._streams import read_j2k_promise, read_jpeg_promise

RLE = "1.2.840.10008.1.2.5"
JPEG_8 = "1.2.840.10008.1.2.4.50"
JPEG_12 = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
J2K = "1.2.840.10008.1.2.4.91"


@dataclass(frozen=True)
class Case:
    """A way to store frames, and by how much a value may come back changed."""

    name: str
    syntax: str
    bits: int
    encode: Callable[..., bytes]
    tolerance: int = 0


def lossless(predictor: int, bits: int) -> Callable[[np.ndarray], bytes]:
    return lambda frame: imagecodecs.jpeg8_encode(
        frame, lossless=True, predictor=predictor, bitspersample=bits
    )


CASES = [
    *(Case(f"rle-{bits}", RLE, bits, lambda frame: b"") for bits in (8, 12, 16)),
    *(
        Case(f"jpeg-lossless-{predictor}-{bits}", JPEG_LOSSLESS, bits, lossless(predictor, bits))
        for predictor in range(1, 8)
        for bits in (8, 12, 16)
    ),
    *(
        Case(f"jpeg-sv1-{bits}", JPEG_LOSSLESS_SV1, bits, lossless(1, bits))
        for bits in (2, 8, 10, 12, 14, 16)
    ),
    *(Case(f"jpeg-ls-{bits}", JPEG_LS, bits, imagecodecs.jpegls_encode) for bits in (8, 12, 16)),
    Case("jpeg-ls-near", JPEG_LS_NEAR, 12, lambda f: imagecodecs.jpegls_encode(f, level=2), 2),
    Case("jpeg-8", JPEG_8, 8, lambda f: imagecodecs.jpeg8_encode(f, level=100), 3),
    Case(
        "jpeg-12",
        JPEG_12,
        12,
        lambda f: imagecodecs.jpeg8_encode(f, level=100, bitspersample=12),
        8,
    ),
    *(Case(f"j2k-{bits}", J2K_LOSSLESS, bits, lambda frame: b"") for bits in (8, 16)),
    Case("j2k-lossy", J2K, 16, lambda frame: b"", 40),
]


def smooth(n_frames: int, rows: int, columns: int, bits: int) -> np.ndarray:
    """Return frames that even a lossy coding keeps well, with both ends of the range in them."""
    frame, row, column = np.ogrid[:n_frames, :rows, :columns]
    wave = np.sin(row / 9 + frame) + np.cos(column / 7) + 2
    values = np.round(wave / 4 * ((1 << bits) - 1))
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_frames_come_back(make_run, rle, j2k, case: Case):
    frames = smooth(3, 37, 50, case.bits)
    encode = case.encode
    if case.syntax == RLE:
        encode = rle
    elif case.syntax == J2K_LOSSLESS:
        encode = lambda frame: j2k(frame, level=0, reversible=True)  # noqa: E731
    elif case.syntax == J2K:
        encode = lambda frame: j2k(frame, level=80)  # noqa: E731
    streams = [encode(frame) for frame in frames]
    with make_run(
        frames, syntax=case.syntax, streams=streams, attributes={"BitsStored": case.bits}
    ) as cine:
        assert cine.dtype == frames.dtype
        difference = np.abs(cine[:].astype(int) - frames)
        assert difference.max() <= case.tolerance
        assert cine.header.transfer_syntax_uid == case.syntax


def test_a_word_may_hold_what_a_byte_could(make_run, make_ramp):
    frames = make_ramp(bits=8).astype(np.uint16)
    streams = [imagecodecs.jpegls_encode(frame.astype(np.uint8)) for frame in frames]
    with make_run(frames, syntax=JPEG_LS, streams=streams, attributes={"BitsStored": 8}) as cine:
        assert cine.dtype == np.uint16
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize("high_bit", [11, 15])
def test_a_stream_holds_the_value_wherever_the_header_puts_it(make_run, make_ramp, high_bit: int):
    frames = make_ramp(bits=12)
    streams = [lossless(1, 12)(frame) for frame in frames]
    attributes = {"BitsStored": 12, "HighBit": high_bit}
    with make_run(frames, syntax=JPEG_LOSSLESS_SV1, streams=streams, attributes=attributes) as cine:
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS_SV1, JPEG_LS, J2K_LOSSLESS])
def test_bits_beside_the_stored_ones_are_removed(make_run, make_ramp, rle, j2k, syntax: str):
    frames = make_ramp(bits=12)
    encode = {
        RLE: rle,
        JPEG_LOSSLESS_SV1: lossless(1, 16),
        JPEG_LS: imagecodecs.jpegls_encode,
        J2K_LOSSLESS: lambda frame: j2k(frame, level=0, reversible=True),
    }[syntax]
    streams = [encode(frame | 0xA000) for frame in frames]
    with make_run(frames, syntax=syntax, streams=streams, attributes={"BitsStored": 12}) as cine:
        assert_array_equal(cine[:], frames)


def test_what_overshoots_in_a_lossy_stream_stays_bright(make_run):
    frames = np.full((1, 16, 16), 1023, np.uint16)
    frames[0, ::3] = 0
    stream = imagecodecs.jpeg8_encode(
        np.where(frames[0], 1100, 0).astype(np.uint16), level=90, bitspersample=12
    )
    with make_run(frames, syntax=JPEG_12, streams=[stream], attributes={"BitsStored": 10}) as cine:
        assert cine[0].max() == 1023
        assert (cine[0][1::3] > 900).all()


@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS_SV1, J2K_LOSSLESS])
def test_signed_values(make_run, rle, j2k, syntax: str):
    frames = np.arange(-2048, 2048).reshape(1, 64, 64).astype(np.int16)
    encode = {
        RLE: lambda frame: rle(frame.view(np.uint16)),
        JPEG_LOSSLESS_SV1: lambda frame: lossless(1, 12)(frame.view(np.uint16) & 0xFFF),
        J2K_LOSSLESS: lambda frame: j2k(frame, level=0, reversible=True),
    }[syntax]
    with make_run(
        frames, syntax=syntax, streams=[encode(frames[0])], attributes={"BitsStored": 12}
    ) as cine:
        assert cine.dtype == np.int16
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize("syntax", [JPEG_LS_NEAR, J2K_LOSSLESS])
def test_a_sign_that_the_stream_cannot_have_is_damage(make_run, j2k, syntax: str):
    frames = np.zeros((1, 16, 16), np.int16)
    encode = imagecodecs.jpegls_encode if syntax == JPEG_LS_NEAR else j2k
    stream = encode(frames[0].view(np.uint16))
    with (
        make_run(frames, syntax=syntax, streams=[stream]) as cine,
        pytest.raises(DamagedFileError, match="PixelRepresentation"),
    ):
        cine[0]


def other_images(j2k: Callable[..., bytes], rle: Callable[..., bytes]) -> dict[str, list[bytes]]:
    """Return streams that are whole, but not of a 12 × 20 image of 8 bits."""
    grey = np.zeros((12, 21), np.uint8)
    deep = np.zeros((12, 20), np.uint16)
    colour = np.zeros((12, 20, 3), np.uint8)
    return {
        JPEG_8: [imagecodecs.jpeg8_encode(grey), imagecodecs.jpeg8_encode(colour)],
        JPEG_12: [imagecodecs.jpeg8_encode(deep, bitspersample=12)],
        JPEG_LOSSLESS_SV1: [lossless(1, 8)(grey), lossless(1, 16)(deep), lossless(1, 8)(colour)],
        JPEG_LS: [imagecodecs.jpegls_encode(image) for image in (grey, deep, colour)],
        J2K: [j2k(image) for image in (grey, deep, colour)],
        RLE: [rle(grey), rle(deep), rle(grey[:11])],
    }


@pytest.mark.parametrize("syntax", [JPEG_8, JPEG_12, JPEG_LOSSLESS_SV1, JPEG_LS, J2K, RLE])
def test_a_stream_of_another_image_is_damage(make_run, j2k, rle, syntax: str):
    for stream in other_images(j2k, rle)[syntax]:
        with (
            make_run(np.zeros((1, 12, 20), np.uint8), syntax=syntax, streams=[stream]) as cine,
            pytest.raises(DamagedFileError, match=r"PixelData \(7FE0,0010\), frame 0 from 0"),
        ):
            cine[0]


def test_a_promise_of_gigabytes_never_reaches_a_decoder(make_run, j2k, monkeypatch):
    def never(*_: object) -> None:
        pytest.fail("the decoder was called")

    frames = np.zeros((1, 16, 16), np.uint8)
    jpeg = bytearray(imagecodecs.jpeg8_encode(frames[0]))
    at = jpeg.find(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    wide = bytearray(j2k(frames[0]))
    wide[8:16] = b"\x7f\xff\xff\xff" * 2
    ls = bytearray(imagecodecs.jpegls_encode(frames[0]))
    at = ls.find(b"\xff\xf7")
    ls[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    for name in ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode"):
        monkeypatch.setattr(imagecodecs, name, never)
    for syntax, stream in ((JPEG_8, jpeg), (J2K, wide), (JPEG_LS, ls)):
        with (
            make_run(frames, syntax=syntax, streams=[bytes(stream)]) as cine,
            pytest.raises(DamagedFileError, match="promises another image"),
        ):
            cine[0]


def test_rle_that_grows_without_end_is_stopped(make_run):
    segment = b"\x81\0" * 5000  # 640,000 bytes from 10,000
    stream = struct.pack("<16I", 1, 64, *[0] * 14) + segment
    frames = np.zeros((1, 100, 100), np.uint8)
    with make_run(frames, syntax=RLE, streams=[stream]) as cine, pytest.raises(DamagedFileError):
        cine[0]


def test_a_stream_longer_than_any_frame_is_not_read(make_run):
    frames = np.zeros((1, 16, 16), np.uint8)
    stream = imagecodecs.jpeg8_encode(frames[0])
    padded = stream[:2] + b"\xff\xfe\xff\xff" + bytes(65533)
    stream = padded * 20 + stream[2:]
    with (
        make_run(frames, syntax=JPEG_8, streams=[stream]) as cine,
        pytest.raises(DamagedFileError, match="too long"),
    ):
        cine[0]


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_an_unknown_syntax_is_named(make_dicom, scratch, syntax: str, name: str):
    data = make_dicom(syntax=syntax, streams=[b"\0\0"] * 3)
    with pytest.raises(UnsupportedImageError, match=r"TransferSyntaxUID \(0002,0010\)") as caught:
        open_run(scratch(data))
    assert name in str(caught.value)


def test_a_damaged_lossless_stream_that_runs_over_its_bits_is_damage(make_run, make_ramp):
    """libjpeg-turbo adds up differences without a look at the promised bits."""
    frames = make_ramp(n_frames=1, rows=60, columns=60, bits=10)
    whole = lossless(1, 10)(frames[0])
    start = whole.find(b"\xff\xda") + 10
    errors = 0
    for at in range(start, len(whole) - 2, 3):
        stream = bytearray(whole)
        stream[at] ^= 0x55
        with make_run(
            frames,
            syntax=JPEG_LOSSLESS_SV1,
            streams=[bytes(stream)],
            attributes={"BitsStored": 10, "RescaleSlope": "1"},
        ) as cine:
            try:
                assert cine[0].max() < 1024
            except DamagedFileError:
                errors += 1
    assert errors


STREAMS = {
    JPEG_8: imagecodecs.jpeg8_encode(smooth(1, 24, 32, 8)[0]),
    JPEG_LOSSLESS_SV1: lossless(1, 8)(smooth(1, 24, 32, 8)[0]),
    JPEG_LS: imagecodecs.jpegls_encode(smooth(1, 24, 32, 8)[0]),
    J2K: imagecodecs.jpeg2k_encode(smooth(1, 24, 32, 8)[0], codecformat="j2k"),
}


@pytest.mark.parametrize("syntax", STREAMS)
def test_a_stream_cut_anywhere_is_damage(make_run, syntax: str):
    frames = np.zeros((1, 24, 32), np.uint8)
    whole = STREAMS[syntax]
    for length in range(2, len(whole) - 1, 7):
        with (
            make_run(frames, syntax=syntax, streams=[whole[:length]]) as cine,
            pytest.raises(DamagedFileError),
        ):
            cine[0]


# The first bytes hold what is checked before decoding; later bytes reach the decoders themselves,
# which are trusted to refuse or to decode, and are given the sizes that they were promised for.
@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    syntax=st.sampled_from([*STREAMS, RLE]),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_streams_decode_or_are_damage(make_run, rle, syntax: str, changes):
    frames = smooth(1, 24, 32, 8)
    stream = bytearray(rle(frames[0]) if syntax == RLE else STREAMS[syntax])
    for at, value in changes:
        stream[at % len(stream)] = value
    with make_run(frames, syntax=syntax, streams=[bytes(stream)]) as cine:
        try:
            frame = cine[0]
        except GuidanceError:
            return
        assert frame.shape == (24, 32)
        assert frame.dtype == np.uint8


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    data=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51"]),
)
def test_any_bytes_promise_something_or_are_damage(data: bytes, prefix: bytes):
    for read in (read_jpeg_promise, read_j2k_promise):
        try:
            promise = read(prefix + data)
        except DamagedFileError:
            continue
        assert promise.bits > 0


def test_a_layout_knows_its_sizes():
    layout = PixelLayout(
        n_frames=2,
        rows=3,
        columns=5,
        bits_allocated=16,
        bits_stored=12,
        high_bit=11,
        is_signed=True,
    )
    assert layout.frame_bytes == 30
    assert layout.stored_range == (-2048, 2047)
    assert layout.value_dtype == np.int16
