"""Where frames lie in compressed pixel data, whatever tables the file has."""

import os
import struct
from itertools import pairwise
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from guidance.errors import DamagedFileError
from guidance.io import open_run

JPEG_LS = "1.2.840.10008.1.2.4.80"
RLE = "1.2.840.10008.1.2.5"
DELIMITER = b"\xfe\xff\xdd\xe0" + bytes(4)


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def even(stream: bytes) -> bytes:
    return stream + bytes(len(stream) % 2)


@pytest.fixture
def frames(make_ramp) -> np.ndarray:
    return make_ramp(n_frames=5, rows=30, columns=40, bits=12)


@pytest.fixture
def streams(frames) -> list[bytes]:
    return [imagecodecs.jpegls_encode(frame) for frame in frames]


@pytest.mark.parametrize("has_offsets", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 5])
def test_frames_are_found(make_run, frames, streams, fragments: int, has_offsets: bool):
    with make_run(
        frames, syntax=JPEG_LS, streams=streams, fragments=fragments, has_offsets=has_offsets
    ) as cine:
        for index in (3, 0, 4, 1, 2, 4):
            assert_array_equal(cine[index], frames[index])


@pytest.mark.parametrize("has_offsets", [True, False])
def test_one_frame_is_all_fragments(make_run, frames, streams, has_offsets: bool):
    with make_run(
        frames[:1], syntax=JPEG_LS, streams=streams[:1], fragments=7, has_offsets=has_offsets
    ) as cine:
        assert_array_equal(cine[0], frames[0])


def test_fragments_of_uneven_lengths(make_run, frames, streams):
    parts = []
    for number, stream in enumerate(map(even, streams)):
        cuts = [0, *sorted({2 * number + 2, len(stream) // 4 * 2}), len(stream)]
        parts += [item(stream[low:high]) for low, high in pairwise(cuts)]
    pixels = item(b"") + b"".join(parts) + DELIMITER
    with make_run(frames, syntax=JPEG_LS, streams=streams, pixels=pixels) as cine:
        assert_array_equal(cine[:], frames)


def test_padding_after_the_end_of_image(make_run, frames, streams):
    pixels = item(b"") + b"".join(item(even(one) + bytes(40)) for one in streams) + DELIMITER
    with make_run(frames, syntax=JPEG_LS, streams=streams, pixels=pixels) as cine:
        assert_array_equal(cine[:], frames)


def test_the_delimiter_may_be_missing(make_run, frames, streams):
    pixels = item(b"") + b"".join(item(even(one)) for one in streams)
    data = {"syntax": JPEG_LS, "streams": streams, "pixels": pixels}
    with make_run(frames, **data) as cine:
        assert_array_equal(cine[:], frames)


def test_an_extended_offset_table(make_run, frames, streams):
    lengths = [len(even(stream)) for stream in streams]
    starts = np.cumsum([0] + [length + 8 for length in lengths])[:-1]
    attributes = {
        "ExtendedOffsetTable": starts.astype("<u8").tobytes(),
        "ExtendedOffsetTableLengths": np.array(lengths, "<u8").tobytes(),
    }
    with make_run(
        frames, syntax=JPEG_LS, streams=streams, has_offsets=False, attributes=attributes
    ) as cine:
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize(
    "table",
    [
        struct.pack("<5I", 0, 10, 20, 30, 40),  # not where items begin
        struct.pack("<5I", 8, 9, 10, 11, 12),  # does not begin at 0
        struct.pack("<5I", 0, 50, 40, 60, 70),  # runs back
        struct.pack("<5I", 0, 1, 2, 3, 0xFFFFFFFF),  # beyond the file
        struct.pack("<3I", 0, 1, 2),  # of another number of frames
    ],
)
def test_a_table_that_is_no_use_is_not_used(make_run, frames, streams, table: bytes):
    pixels = item(table) + b"".join(item(even(one)) for one in streams) + DELIMITER
    with make_run(frames, syntax=JPEG_LS, streams=streams, pixels=pixels) as cine:
        assert_array_equal(cine[:], frames)


def test_rle_has_one_fragment_for_each_frame(make_run, make_ramp, rle):
    # Nothing in an RLE stream marks its end: bytes that look like one must not count.
    frames = make_ramp(n_frames=4, rows=8, columns=8, bits=8)
    frames[:, ::2] = 0xFF
    frames[:, 1::2] = 0xD9
    with make_run(frames, syntax=RLE, streams=map(rle, frames), has_offsets=False) as cine:
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize("has_offsets", [True, False])
def test_fewer_fragments_than_frames(make_dicom, scratch, frames, streams, has_offsets: bool):
    data = make_dicom(frames, syntax=JPEG_LS, streams=streams[:3], has_offsets=has_offsets)
    with open_run(scratch(data)) as cine:
        assert_array_equal(cine[:3], frames[:3])
        with pytest.raises(DamagedFileError, match=r"lacks frame 3 .*found 3 of the 5"):
            cine[3]


def test_no_items_at_all(make_dicom, scratch, frames, streams):
    data = make_dicom(frames, syntax=JPEG_LS, streams=streams, pixels=bytes(500))
    with pytest.raises(DamagedFileError, match=r"expected an item \(FFFE,E000\)"):
        open_run(scratch(data))


def test_an_item_that_promises_more_than_the_file_holds(make_dicom, scratch, frames, streams):
    pixels = item(b"") + b"\xfe\xff\x00\xe0\xf0\xff\xff\xff" + streams[0]
    data = make_dicom(frames, syntax=JPEG_LS, streams=streams, pixels=pixels)
    with open_run(scratch(data)) as cine, pytest.raises(DamagedFileError, match="4294967280"):
        cine[0]


@pytest.mark.parametrize("has_offsets", [True, False])
def test_the_first_frame_costs_the_same_in_a_long_run(
    make_dicom, scratch, monkeypatch, streams, frames, has_offsets: bool
):
    seen = SimpleNamespace(reads=0, bytes=0)
    real = os.preadv

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        seen.reads += 1
        seen.bytes += sum(len(buffer) for buffer in buffers)
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    costs = []
    for n_frames in (20, 600):
        data = make_dicom(
            np.broadcast_to(frames[:1], (n_frames, 30, 40)),
            syntax=JPEG_LS,
            streams=streams[:1] * n_frames,
            has_offsets=has_offsets,
        )
        seen.reads = seen.bytes = 0
        with open_run(scratch(data)) as cine:
            assert_array_equal(cine[0], frames[0])
            table_bytes = 4 * n_frames if has_offsets else 0
            costs.append((seen.reads, seen.bytes - table_bytes))
    assert costs[0] == costs[1]
