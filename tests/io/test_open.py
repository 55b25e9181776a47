"""Opening runs: the pixels are those that were stored, read only when asked for."""

import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal
from pydicom.pixels.processing import apply_modality_lut

from guidance.errors import DamagedFileError, InputError, UnsupportedImageError
from guidance.io import open_run, read_header

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_uncompressed_frames_are_as_stored(make_run, make_ramp, syntax: str, bits: int):
    frames = make_ramp(bits=bits)
    with make_run(frames, syntax=syntax) as cine:
        assert cine.shape == frames.shape
        assert cine.dtype == frames.dtype
        assert cine.header.transfer_syntax_uid == syntax
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_a_bare_data_set_is_read_with_a_remark(make_run, make_ramp, syntax: str):
    with make_run(syntax=syntax, is_bare=True) as cine:
        assert_array_equal(cine[:], make_ramp())
        assert cine.header.transfer_syntax_uid == syntax
        assert any("TransferSyntaxUID" in remark.attribute for remark in cine.header.remarks)


def test_bytes_in_big_endian_words_are_refused(make_dicom, make_ramp, scratch):
    data = make_dicom(make_ramp(bits=8), syntax=BIG).replace(b"\0\x10OB", b"\0\x10OW")
    with pytest.raises(UnsupportedImageError, match="big-endian"):
        open_run(scratch(data))


def test_frames_are_new_and_may_be_changed(make_run, make_ramp):
    with make_run() as cine:
        cine[0][:] = 7
        assert_array_equal(cine[0], make_ramp()[0])


def test_a_single_image_is_a_run_of_one_frame(make_run, make_ramp):
    frames = make_ramp(n_frames=1)
    with make_run(frames, attributes={"NumberOfFrames": None}) as cine:
        assert cine.header.n_frames == 1
        assert_array_equal(cine[0], frames[0])


def test_an_odd_number_of_bytes_has_a_padding_byte(make_run, make_ramp):
    frames = make_ramp(n_frames=3, rows=3, columns=5, bits=8)
    with make_run(frames, pixels=frames.tobytes() + b"\0") as cine:
        assert_array_equal(cine[:], frames)
        assert not any("NumberOfFrames" in remark.attribute for remark in cine.header.remarks)


def test_frames_beyond_the_stated_number_are_remarked(make_run, make_ramp):
    with make_run(attributes={"NumberOfFrames": 1}) as cine:
        assert_array_equal(cine[:], make_ramp()[:1])
        (remark,) = (one for one in cine.header.remarks if "NumberOfFrames" in one.attribute)
        assert "2 more" in remark.finding


# What 12 stored bits look like in a 16-bit cell, with rubbish around them.
@pytest.mark.parametrize("high_bit", [11, 13, 15])
@pytest.mark.parametrize("is_signed", [False, True])
def test_only_the_stored_bits_count(make_run, high_bit: int, is_signed: bool):
    low, high = (-2048, 2048) if is_signed else (0, 4096)
    values = np.arange(low, high).reshape(1, 64, 64)
    shift = high_bit - 11
    rubbish = np.random.default_rng(5).integers(0, 1 << 16, values.shape)
    mask = 0xFFF << shift
    cells = (((values & 0xFFF) << shift) | (rubbish & ~mask)).astype(np.uint16)
    attributes = {"BitsStored": 12, "HighBit": high_bit, "PixelRepresentation": int(is_signed)}
    with make_run(cells, attributes=attributes) as cine:
        assert cine.dtype == (np.int16 if is_signed else np.uint16)
        assert_array_equal(cine[:], values)
        assert (cine.header.intensity.low, cine.header.intensity.high) == (low, high - 1)


def test_signed_bytes(make_run):
    values = np.arange(-8, 8).reshape(1, 4, 4)
    attributes = {"BitsStored": 4, "PixelRepresentation": 1}
    with make_run((values & 0xF | 0xA0).astype(np.uint8), attributes=attributes) as cine:
        assert cine.dtype == np.int8
        assert_array_equal(cine[:], values)


def test_the_identity_costs_no_copy():
    from guidance.io._modality import Identity

    stored = np.zeros((2, 2), np.uint16)
    assert Identity(stored.dtype).apply(stored) is stored


@pytest.mark.parametrize(
    ("slope", "intercept", "low", "high"),
    [("2", "-10", -10, 8180), ("0.5", "0", 0, 2047.5), ("-1", "4095", 0, 4095)],
)
def test_slope_and_intercept_are_applied(make_run, make_ramp, slope, intercept, low, high):
    frames = make_ramp()
    attributes = {"BitsStored": 12, "RescaleSlope": slope, "RescaleIntercept": intercept}
    with make_run(frames, attributes=attributes) as cine:
        assert cine.dtype == np.float32
        assert_array_equal(cine[:], frames * np.float32(slope) + np.float32(intercept))
        assert (cine.header.intensity.low, cine.header.intensity.high) == (low, high)


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [
        (b"0", b"3"),
        (b"nan", b"0 "),
        (b"1 ", b"inf "),
        (b"x ", b"0 "),
        (b"1 ", b"1e30"),
        (b"1e99", b"0 "),
    ],
)
def test_an_impossible_rescale_is_ignored_with_a_remark(make_run, make_ramp, slope, intercept):
    with make_run(attributes={"RescaleSlope": slope, "RescaleIntercept": intercept}) as cine:
        assert_array_equal(cine[:], make_ramp())
        assert any(remark.attribute.startswith("Rescale") for remark in cine.header.remarks)


def lookup(entries: np.ndarray, first: int, bits: int) -> dict[str, object]:
    item = pydicom.Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    item.add_new("LUTData", "OW", entries.tobytes() + bytes(entries.nbytes % 2))
    item.ModalityLUTType = "US"
    return {"ModalityLUTSequence": [item]}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("first", [0, 100])
def test_a_lookup_table_is_applied_as_pydicom_does(
    make_dicom, make_ramp, scratch, first: int, bits: int
):
    frames = make_ramp(bits=10)
    dtype = np.uint8 if bits == 8 else np.uint16
    entries = (np.sqrt(np.arange(701)) * (9 if bits == 8 else 2000)).astype(dtype)
    data = make_dicom(frames, attributes={"BitsStored": 10, **lookup(entries, first, bits)})
    expected = entries[np.clip(frames.astype(int) - first, 0, 700)]
    with open_run(scratch(data)) as cine:
        assert cine.dtype == dtype
        assert_array_equal(cine[:], expected)
        table_end = entries[min(1023 - first, 700)]
        assert (cine.header.intensity.low, cine.header.intensity.high) == (0, table_end)
    if bits == 16:  # pydicom takes bytes that are packed two to a word for words
        assert_array_equal(apply_modality_lut(frames, pydicom.dcmread(BytesIO(data))), expected)


def test_a_table_for_signed_values(make_run):
    values = np.arange(-128, 128).reshape(1, 16, 16).astype(np.int16)
    entries = np.arange(300, 300 + 256, dtype=np.uint16)[::-1].copy()
    attributes = {"BitsStored": 8, "HighBit": 7, **lookup(entries, -128, 16)}
    with make_run(values, attributes=attributes) as cine:
        assert_array_equal(cine[:], 555 - (values.astype(int) + 128))


def test_a_table_that_changes_nothing_is_the_fast_path(make_run, make_ramp):
    frames = make_ramp(bits=8)
    with make_run(frames, attributes=lookup(np.arange(256, dtype=np.uint8), 0, 8)) as cine:
        assert cine.dtype == np.uint8
        assert_array_equal(cine[:], frames)


@pytest.mark.parametrize(
    "change",
    [
        {"LUTDescriptor": [5, 0, 16]},
        {"LUTDescriptor": [256, 0, 32]},
        {"LUTDescriptor": [256, 0, 0]},
        {"LUTDescriptor": [0, 0, 16]},
        {"LUTDescriptor": None},
        {"LUTData": b""},
        {"LUTData": b"\1\0" * 256},
    ],
)
def test_a_damaged_table_is_ignored_with_a_remark(make_run, make_ramp, change):
    attributes = lookup(np.arange(256, dtype=np.uint16)[::-1].copy(), 0, 16)
    (item,) = attributes["ModalityLUTSequence"]
    for keyword, value in change.items():
        if value is None:
            del item[keyword]
        else:
            item[keyword].value = value
    if change == {"LUTDescriptor": [5, 0, 16]}:
        item.LUTData = b"\1\0"
    frames = make_ramp(bits=8)
    with make_run(frames, attributes=attributes) as cine:
        assert_array_equal(cine[:], frames)
        assert any("ModalityLUTSequence" in one.attribute for one in cine.header.remarks)


def test_monochrome1_is_not_inverted(make_run, make_ramp):
    with make_run(attributes={"PhotometricInterpretation": "MONOCHROME1"}) as cine:
        assert_array_equal(cine[:], make_ramp())
        assert cine.header.intensity.sign == -1


def test_several_threads_may_read(make_run, make_ramp):
    frames = make_ramp(n_frames=40, rows=64, columns=64)
    with make_run(frames) as cine, ThreadPoolExecutor(4) as pool:
        indices = [index * 7 % 40 for index in range(200)]
        for index, frame in zip(indices, pool.map(cine.reader.read, indices), strict=True):
            assert_array_equal(frame, frames[index])


def test_a_closed_run_says_so(make_run):
    with make_run() as cine:
        pass
    cine.reader.close()  # a second time does nothing
    with pytest.raises(InputError, match="closed"):
        cine[0]


@pytest.mark.parametrize("index", [-1, 3, 10**9])
def test_a_reader_refuses_frames_that_are_not_there(make_run, index: int):
    with make_run() as cine, pytest.raises(InputError, match="does not exist"):
        cine.reader.read(index)


def test_a_file_cut_while_open_is_damaged(make_dicom, scratch):
    path = scratch(make_dicom())
    with open_run(path) as cine:
        os.truncate(path, 1500)
        with pytest.raises(DamagedFileError, match="cut short"):
            cine[2]


def test_opening_reads_no_pixels(make_dicom, make_ramp, scratch, monkeypatch):
    path = scratch(make_dicom(make_ramp(n_frames=50, rows=64, columns=64)))
    seen = SimpleNamespace(bytes=0)
    real = os.preadv

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        seen.bytes += sum(len(buffer) for buffer in buffers)
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    with open_run(path) as cine:
        assert seen.bytes == 0
        cine[30]
        assert seen.bytes == 64 * 64 * 2


def test_the_header_alone_leaves_no_file_open(make_dicom, scratch):
    path = scratch(make_dicom())
    before = len(os.listdir("/proc/self/fd"))
    headers = [read_header(path) for _ in range(5)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert headers[0].sop_instance_uid == "2.25.1234"


def test_a_file_that_is_refused_is_closed(make_dicom, scratch):
    path = scratch(make_dicom(attributes={"Rows": None}))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(LookupError):
            open_run(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_strange_names_are_only_names(make_dicom, tmp_path: Path):
    path = tmp_path / 'a run\'s "name"\n%s {0} ünïcode.dcm'
    path.write_bytes(make_dicom(attributes={"SOPInstanceUID": b"../../tmp/x "}))
    assert read_header(path).sop_instance_uid == "../../tmp/x"
