"""Whatever the bytes, only our own errors come out: one line, no path, no patient, no memory."""

import errno
import os
import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.errors import (
    DamagedFileError,
    GuidanceError,
    MissingAttributeError,
    NotDicomError,
    StorageError,
    UnsupportedImageError,
)
from guidance.io import open_run, read_header

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_LS = "1.2.840.10008.1.2.4.80"
PATIENT = {"PatientName": "Doe^John", "PatientID": "4711-Doe", "OperatorsName": "Doe^Jane"}


def read_all(path: Path) -> GuidanceError | None:
    """Read a run to its last frame; return the error, which must be one of ours, if any."""
    try:
        with open_run(path) as cine:
            for frame in cine:
                assert frame.shape == cine.shape[1:]
    except GuidanceError as error:
        text = str(error)
        assert "\n" not in text
        assert str(path.parent) not in text
        assert "Doe" not in text
        return error
    return None


def sample(
    make_dicom: Callable[..., bytes], make_ramp: Callable[..., np.ndarray], syntax: str
) -> bytes:
    frames = make_ramp(n_frames=3, rows=8, columns=8)
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames] if syntax == JPEG_LS else None
    return make_dicom(frames, syntax=syntax, streams=streams, attributes=PATIENT)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED, JPEG_LS])
def test_a_file_cut_anywhere_gives_our_error(make_dicom, make_ramp, scratch, syntax: str):
    data = sample(make_dicom, make_ramp, syntax)
    path = scratch(data)
    assert read_all(path) is None
    # The last item delimiter may go: all frames are still there.
    needed = len(data) - 8 if syntax == JPEG_LS else len(data)
    for length in range(needed - 1, -1, -1):
        os.truncate(path, length)
        assert read_all(path) is not None, length


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_bare_file_cut_anywhere_gives_our_error(make_dicom, scratch, syntax: str):
    data = make_dicom(syntax=syntax, is_bare=True, attributes=PATIENT)
    path = scratch(data)
    for length in range(len(data) - 1, -1, -7):
        os.truncate(path, length)
        assert read_all(path) is not None, length


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    syntax=st.sampled_from([EXPLICIT, IMPLICIT, BIG, DEFLATED, JPEG_LS]),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_are_read_or_give_our_error(make_dicom, make_ramp, scratch, syntax, changes):
    data = bytearray(sample(make_dicom, make_ramp, syntax))
    for at, value in changes:
        data[128 + at % (len(data) - 128)] = value
    read_all(scratch(bytes(data)))


KEYWORDS = [
    "BitsAllocated", "BitsStored", "CenterOfCircularShutter", "CineRate", "CollimatorShape",
    "Columns", "DistanceSourceToDetector", "DistanceSourceToPatient", "ExtendedOffsetTable",
    "FrameIncrementPointer", "FrameTime", "FrameTimeVector", "HighBit", "ImageType",
    "ImagerPixelSpacing", "MaskSubtractionSequence", "ModalityLUTSequence", "NumberOfFrames",
    "PatientOrientation", "PatientPosition", "PhotometricInterpretation", "PixelRepresentation",
    "PixelSpacing", "PositionerPrimaryAngle", "RescaleSlope", "Rows", "SOPClassUID",
    "SOPInstanceUID", "SamplesPerPixel", "ShutterShape", "VerticesOfThePolygonalShutter",
    "WindowCenter",
]  # fmt: skip
REPRESENTATIONS = [
    "US",
    "SS",
    "UL",
    "FD",
    "AT",
    "DS",
    "IS",
    "CS",
    "UI",
    "LO",
    "UN",
    "SQ",
    "OB",
    "ZZ",
]


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    attributes=st.dictionaries(
        st.sampled_from(KEYWORDS),
        st.tuples(
            st.sampled_from(REPRESENTATIONS),
            st.one_of(
                st.binary(max_size=24),
                st.sampled_from([b"0", b"-1", b"nan", b"inf\\0", b"1\\2\\3", b"Doe^John", b"\\\\"]),
            ).map(lambda value: value + bytes(len(value) % 2)),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_wrong_values_are_read_or_give_our_error(make_dicom, make_ramp, scratch, attributes):
    frames = make_ramp(n_frames=2, rows=6, columns=6)
    path = scratch(make_dicom(frames, attributes=attributes))
    if read_all(path) is None:
        for remark in read_header(path).remarks:
            assert "Doe" not in str(remark)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(data=st.binary(max_size=600), has_preamble=st.booleans())
def test_any_bytes_give_our_error(scratch, data: bytes, has_preamble: bool):
    prefix = bytes(128) + b"DICM" if has_preamble else b""
    assert read_all(scratch(prefix + data)) is not None


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"DICM" * 20, bytes(200)])
def test_what_is_not_dicom_is_said_to_be_so(scratch, data: bytes):
    with pytest.raises(NotDicomError):
        open_run(scratch(data))


def test_sequences_without_end_are_no_endless_work(make_dicom, scratch):
    nested = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    data = make_dicom(attributes={"SOPClassUID": None, "ImageType": None})
    at = data.find(b"\x08\0\x18\0UI")
    assert read_all(scratch(data[:at] + nested * 5000)) is not None


@pytest.mark.parametrize(
    ("syntax", "attributes", "error"),
    [
        (EXPLICIT, {"Rows": 65535, "Columns": 65535}, UnsupportedImageError),
        (JPEG_LS, {"Rows": 65535, "Columns": 65535}, UnsupportedImageError),
        (EXPLICIT, {"Rows": 8000, "Columns": 8000, "NumberOfFrames": 800}, DamagedFileError),
        (EXPLICIT, {"NumberOfFrames": 2**31 - 1}, DamagedFileError),
        (JPEG_LS, {"NumberOfFrames": 2**31 - 1}, DamagedFileError),
        (EXPLICIT, {"NumberOfFrames": b"99999999999"}, MissingAttributeError),
        (EXPLICIT, {"NumberOfFrames": 10**9, "Rows": 1, "Columns": 1}, DamagedFileError),
    ],
)
def test_a_promise_of_100_gb_allocates_nothing(
    make_dicom, make_ramp, scratch, syntax, attributes, error
):
    streams = [b"\xff\xd8\xff\xd9"] * 3 if syntax == JPEG_LS else None
    path = scratch(make_dicom(make_ramp(), syntax=syntax, streams=streams, attributes=attributes))
    tracemalloc.start()
    try:
        with pytest.raises(error):
            open_run(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("keyword", ["ImageType", "FrameTimeVector", "StudyDescription"])
def test_an_element_that_promises_4_gb_allocates_nothing(make_dicom, scratch, keyword: str):
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    data = make_dicom(attributes={keyword: ("UT", b"x" * 8)})
    mark = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + b"UT\0\0"
    path = scratch(data.replace(mark + b"\x08\0\0\0", mark + b"\xf0\xff\xff\xff"))
    tracemalloc.start()
    try:
        assert read_all(path) is not None
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_deflated_file_cannot_grow_without_end(make_dicom, scratch, monkeypatch):
    from guidance.io import _inflate

    monkeypatch.setattr(_inflate, "LARGEST_INFLATED_BYTES", 100_000)
    path = scratch(make_dicom(np.zeros((1, 1000, 1000), np.uint16), syntax=DEFLATED))
    assert path.stat().st_size < 5000
    with pytest.raises(UnsupportedImageError, match="more than 100000 bytes"):
        open_run(path)


def test_a_deflated_file_without_preamble_is_unpacked_within_the_limit_too(
    make_dicom, make_ramp, scratch, monkeypatch
):
    from guidance.io import _inflate

    path = scratch(make_dicom(make_ramp(), syntax=DEFLATED)[132:])
    with open_run(path) as cine:
        assert (cine[:] == make_ramp()).all()
    monkeypatch.setattr(_inflate, "LARGEST_INFLATED_BYTES", 100)
    with pytest.raises(UnsupportedImageError, match="too large"):
        open_run(path)


def test_no_file_stays_open_after_an_error(make_dicom, make_ramp, scratch):
    before = len(os.listdir("/proc/self/fd"))
    for syntax in (EXPLICIT, DEFLATED, JPEG_LS):
        data = sample(make_dicom, make_ramp, syntax)
        for length in range(0, len(data), 97):
            read_all(scratch(data[:length]))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["nowhere.dcm", "x" * 300, "a\0b"])
def test_what_cannot_be_opened_is_a_storage_error(tmp_path: Path, name: str):
    with pytest.raises(StorageError) as caught:
        open_run(tmp_path / name)
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_is_not_dicom(tmp_path: Path):
    with pytest.raises(NotDicomError, match="folder"):
        open_run(tmp_path)


def test_a_file_without_permission_is_a_storage_error(make_dicom, scratch, monkeypatch):
    path = scratch(make_dicom())
    real = os.open

    def refuse(name: object, *args: object) -> int:
        if name == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(name, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        open_run(path)


def test_a_disk_that_fails_while_reading_is_a_storage_error(make_run, monkeypatch):
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with make_run() as cine:
        monkeypatch.setattr(os, "preadv", fail)
        with pytest.raises(StorageError, match="Input/output error"):
            cine[0]


def test_a_disk_that_fails_in_the_header_is_a_storage_error(make_dicom, scratch, monkeypatch):
    from guidance.io import _source

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = scratch(make_dicom())
    monkeypatch.setattr(_source._BoundedFile, "read", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        open_run(path)


@pytest.mark.slow
def test_a_real_memory_limit_is_never_met(make_dicom, make_ramp, scratch):
    """The sizes above, once more in a process that has no more than 2 GB."""
    path = scratch(make_dicom(make_ramp(), attributes={"Rows": 8000, "NumberOfFrames": 10**6}))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3))
            open_run(path)
        except DamagedFileError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
