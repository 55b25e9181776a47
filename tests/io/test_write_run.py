"""Written runs: valid DICOM, the same pixels back, the same bytes each time, nobody's identity."""

from dataclasses import dataclass, replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames, parse_basic_offsets

from guidance.errors import InputError, StorageError
from guidance.io import RunAttributes, TransferSyntax, write_run
from guidance.records import RectangularShutter


@dataclass(frozen=True)
class Encoding:
    """One way to store pixels."""

    syntax: TransferSyntax
    bits: int

    @property
    def dtype(self) -> type:
        return np.uint8 if self.bits == 8 else np.uint16


ENCODINGS = [
    Encoding(syntax, bits)
    for syntax in TransferSyntax
    for bits in (8, 10, 12, 16)
    if syntax is not TransferSyntax.JPEG_LS_LOSSLESS or bits in (8, 16)
]
UNEVEN_S = (10.0, 10.1, 10.25, 10.3, 10.41)


def make_frames(encoding: Encoding, shape: tuple[int, int, int] = (5, 33, 47)) -> np.ndarray:
    """Return noise with a flat part, of odd size, that uses every bit."""
    rng = np.random.default_rng(encoding.bits)
    frames = rng.integers(0, 2**encoding.bits, shape).astype(encoding.dtype)
    frames[:, :10] = 2**encoding.bits - 1
    return frames


def make_attributes(encoding: Encoding, times_s: tuple[float, ...] = UNEVEN_S) -> RunAttributes:
    return RunAttributes(
        times_s=np.array(times_s),
        bits_stored=encoding.bits,
        transfer_syntax=encoding.syntax,
        imager_pixel_spacing_mm=(0.48, 0.5),
        sid_mm=1000.0,
        sod_mm=700.0,
        primary_angle_deg=155.0,
        secondary_angle_deg=-10.0,
        patient_position="HFP",
        patient_orientation=("RP", "F"),
        kvp=80.0,
        series_description="SIMULATED",
        image_comments="SIMULATED",
        contrast_agent="SIMULATED",
        contrast_concentration_mg_per_ml=240.0,
        collimator=RectangularShutter(top=1, bottom=30, left=2, right=40),
        window=(128.0, 200.0),
    )


RLE_10 = Encoding(TransferSyntax.RLE_LOSSLESS, 10)


def decode(dataset: Dataset) -> np.ndarray:
    """Return the pixels, for JPEG lossless by another library than the one that wrote them."""
    syntax = TransferSyntax(dataset.file_meta.TransferSyntaxUID)
    if syntax in (TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax.RLE_LOSSLESS):
        return dataset.pixel_array
    is_ls = syntax is TransferSyntax.JPEG_LS_LOSSLESS
    decoder = imagecodecs.jpegls_decode if is_ls else imagecodecs.ljpeg_decode
    frames = generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)
    return np.stack([decoder(frame) for frame in frames])


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.syntax.name}-{e.bits}")
def test_pixels_come_back_and_the_object_is_valid(encoding, tmp_path, dicom_errors):
    frames = make_frames(encoding)
    write_run(tmp_path / "run.dcm", frames, make_attributes(encoding))
    dataset = dcmread(tmp_path / "run.dcm")
    np.testing.assert_array_equal(decode(dataset), frames)
    assert (dataset.BitsAllocated, dataset.BitsStored) == (8 * frames.itemsize, encoding.bits)
    assert dicom_errors(tmp_path / "run.dcm") == []


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.syntax.name}-{e.bits}")
def test_the_offset_table_points_at_every_frame(encoding, tmp_path):
    if encoding.syntax is TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN:
        return
    write_run(tmp_path / "run.dcm", make_frames(encoding), make_attributes(encoding))
    data = dcmread(tmp_path / "run.dcm").PixelData
    offsets = parse_basic_offsets(data)
    assert len(offsets) == 5
    start = 8 + 4 * len(offsets)
    assert all(data[start + at : start + at + 4] == b"\xfe\xff\x00\xe0" for at in offsets)


def test_jpeg_lossless_is_first_order_prediction(tmp_path):
    encoding = Encoding(TransferSyntax.JPEG_LOSSLESS_SV1, 12)
    write_run(tmp_path / "run.dcm", make_frames(encoding), make_attributes(encoding))
    dataset = dcmread(tmp_path / "run.dcm")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=5))
    at = frame.index(b"\xff\xc3")
    assert frame[at + 4] == encoding.bits
    scan = frame.index(b"\xff\xda")
    # Length, one component with its tables, then the selection value that .70 requires.
    assert frame[scan + 2 : scan + 5] == b"\x00\x08\x01"
    assert frame[scan + 7] == 1


def test_the_header_says_what_it_was_given(tmp_path):
    uid = write_run(tmp_path / "run.dcm", make_frames(RLE_10), make_attributes(RLE_10))
    dataset = dcmread(tmp_path / "run.dcm")
    assert uid == dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.12.1"
    assert [float(mm) for mm in dataset.ImagerPixelSpacing] == [0.48, 0.5]
    assert (dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient) == (1000, 700)
    assert float(dataset.EstimatedRadiographicMagnificationFactor) == pytest.approx(10 / 7)
    assert (dataset.PositionerPrimaryAngle, dataset.PositionerSecondaryAngle) == (155, -10)
    assert dataset.PatientPosition == "HFP"
    assert list(dataset.PatientOrientation) == ["RP", "F"]
    assert dataset.KVP == 80
    assert dataset.PixelIntensityRelationship == "LIN"
    assert dataset.ContrastBolusIngredientConcentration == 240
    assert (dataset.CollimatorUpperHorizontalEdge, dataset.CollimatorLowerHorizontalEdge) == (2, 31)
    assert (dataset.CollimatorLeftVerticalEdge, dataset.CollimatorRightVerticalEdge) == (3, 41)
    assert (dataset.WindowCenter, dataset.WindowWidth) == (128, 200)
    assert dataset.ContentQualification == "RESEARCH"
    assert dataset.SyntheticData == "YES"
    assert dataset.BurnedInAnnotation == "NO"


def test_nobody_and_no_day_is_named(tmp_path):
    write_run(tmp_path / "run.dcm", make_frames(RLE_10), make_attributes(RLE_10))
    dataset = dcmread(tmp_path / "run.dcm", stop_before_pixels=True)
    named = [e.keyword for e in dataset.iterall() if e.VR in ("PN", "DA", "TM", "DT", "AS", "UN")]
    assert "PatientName" in named
    assert all(dataset[keyword].is_empty for keyword in [*named, "PatientID", "AccessionNumber"])
    assert not any(element.tag.is_private for element in dataset)


def test_even_times_become_a_frame_time(tmp_path):
    attributes = make_attributes(RLE_10, tuple(k / 7.5 for k in range(5)))
    write_run(tmp_path / "run.dcm", make_frames(RLE_10), attributes)
    dataset = dcmread(tmp_path / "run.dcm")
    assert dataset.FrameIncrementPointer == 0x00181063
    assert float(dataset.FrameTime) == pytest.approx(1000 / 7.5, abs=1e-6)
    assert "FrameTimeVector" not in dataset


def test_uneven_times_become_a_vector_whose_sum_holds(tmp_path):
    attributes = make_attributes(RLE_10)
    write_run(tmp_path / "run.dcm", make_frames(RLE_10), attributes)
    dataset = dcmread(tmp_path / "run.dcm")
    assert dataset.FrameIncrementPointer == 0x00181065
    assert "FrameTime" not in dataset
    read_s = np.cumsum([float(ms) for ms in dataset.FrameTimeVector]) / 1000
    np.testing.assert_allclose(read_s, attributes.times_s, atol=1e-6)
    np.testing.assert_allclose(read_s, np.array(UNEVEN_S) - UNEVEN_S[0], atol=1e-6)


def test_one_frame_and_a_bare_header_are_valid(tmp_path, dicom_errors):
    frames = make_frames(RLE_10)[:1]
    write_run(tmp_path / "run.dcm", frames, RunAttributes(times_s=np.zeros(1), bits_stored=10))
    dataset = dcmread(tmp_path / "run.dcm")
    np.testing.assert_array_equal(dataset.pixel_array, frames[0])
    assert "FrameTime" not in dataset
    assert "ContrastBolusAgent" not in dataset
    assert dataset["KVP"].is_empty
    assert dicom_errors(tmp_path / "run.dcm") == []


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        write_run(tmp_path / name, make_frames(RLE_10), make_attributes(RLE_10))
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_another_content_gives_another_uid(tmp_path):
    frames, attributes = make_frames(RLE_10), make_attributes(RLE_10)
    changed = frames.copy()
    changed[2, 3, 4] ^= 1
    uids = {
        write_run(tmp_path / "a.dcm", frames, attributes),
        write_run(tmp_path / "b.dcm", changed, attributes),
        write_run(tmp_path / "c.dcm", frames, replace(attributes, sid_mm=1001.0)),
        write_run(tmp_path / "d.dcm", frames, replace(attributes, times_s=np.arange(5) / 5)),
    }
    assert len(uids) == 4
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_frames_that_are_a_view_are_written_as_they_look(tmp_path):
    frames = make_frames(RLE_10)[:, ::-1, ::2]
    write_run(tmp_path / "run.dcm", frames, make_attributes(RLE_10))
    np.testing.assert_array_equal(dcmread(tmp_path / "run.dcm").pixel_array, frames)


@dataclass(frozen=True)
class Fault:
    """Frames and attributes that do not fit, and what the message names."""

    name: str
    frames: np.ndarray
    bits: int
    times_s: tuple[float, ...]
    message: str
    syntax: TransferSyntax = TransferSyntax.RLE_LOSSLESS


FIVE = (0.0, 0.1, 0.2, 0.3, 0.4)
U16 = np.zeros((5, 8, 8), np.uint16)
FAULTS = [
    Fault("float", np.zeros((5, 8, 8)), 10, FIVE, "float64"),
    Fault("two axes", U16[0], 10, FIVE, "shape"),
    Fault("empty", U16[:, :0], 10, FIVE, "shape"),
    Fault("too few times", U16, 10, FIVE[:4], "4 times for 5 frames"),
    Fault("8 bits of uint16", U16, 8, FIVE, "bits_stored is 8"),
    Fault("overflow", U16 + np.uint16(1024), 10, FIVE, "does not fit 10 bits"),
    Fault("JPEG-LS of 10", U16, 10, FIVE, "JPEG-LS", TransferSyntax.JPEG_LS_LOSSLESS),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_does_not_fit_is_refused_before_anything_is_written(fault, tmp_path):
    attributes = RunAttributes(
        times_s=np.array(fault.times_s), bits_stored=fault.bits, transfer_syntax=fault.syntax
    )
    with pytest.raises(InputError, match=fault.message):
        write_run(tmp_path / "run.dcm", fault.frames, attributes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("times", [(), (0.0, 0.0), (0.2, 0.1), (0.0, float("nan"))], ids=str)
def test_times_that_are_none_are_refused(times):
    with pytest.raises(InputError, match="times_s"):
        RunAttributes(times_s=np.array(times), bits_stored=8)


def test_a_number_that_is_none_is_refused(tmp_path):
    attributes = replace(make_attributes(RLE_10), sid_mm=float("inf"))
    with pytest.raises(InputError, match="finite"):
        write_run(tmp_path / "run.dcm", make_frames(RLE_10), attributes)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "run.dcm"
    write_run(path, make_frames(RLE_10), make_attributes(RLE_10))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StorageError, match="No space left"):
        write_run(path, make_frames(RLE_10) // 2, make_attributes(RLE_10))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.dcm"]
