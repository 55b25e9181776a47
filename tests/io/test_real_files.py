"""Real runs, on request beside the checkout: pixels as other decoders give them, headers as read.

The digests were made once with gdcm, libjpeg (pylibjpeg), CharLS (pyjpegls) and, for the 12-bit
lossy JPEG, which those refuse, DCMTK; where more than one decodes a file they agree.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal
from pydicom.pixels.processing import apply_modality_lut

from guidance.io import find_files, looks_like_dicom, open_run, read_header
from guidance.records import CircularShutter, RectangularShutter, SpacingAt


@dataclass(frozen=True)
class Case:
    """A file, its shape, the digest of its stored values as 16-bit words, and its sign."""

    path: str
    shape: tuple[int, int, int]
    digest: str
    sign: int = 1


ANGIOGRAM = (1, 1024, 1024)
PLATE = (1, 1760, 1760)
CASES = [
    Case("cine/catheter_no_contrast_12f_jpeg_lossless.dcm", (12, 512, 512), "04cd7e22bc0337a2"),
    Case("cine/right_coronary_96f_jpeg_baseline.dcm", (96, 512, 512), "053204a97dee9db0"),
    Case("cine/coronary/patient_2_coro_1.dcm", (34, 512, 512), "fa70d1829aed418a"),
    Case("cine/coronary/patient_2_coro_3.dcm", (53, 512, 512), "e2a17385457055a2"),
    Case("cine/coronary/patient_2_coro_4.dcm", (41, 512, 512), "35ba71f366f219df"),
    Case("cine/coronary/patient_4_coro_1.dcm", (35, 512, 512), "bf32b09d706b1aa5"),
    Case("cine/coronary/patient_4_coro_5.dcm", (36, 512, 512), "7050311d7dcc2ea4"),
    Case("encodings/barre_CR-MONO1-10-chest_noheader.dcm", (1, 440, 440), "400ebd95cd997250"),
    Case("encodings/gdcm-CR-MONO1-10-chest.dcm", (1, 440, 440), "400ebd95cd997250"),
    Case("encodings/orthanc_Issue44_CR_mono1_jpeg.dcm", (1, 2446, 2010), "dd180137ae83ce5e"),
    Case("encodings/wg04_RG3_J2KI.dcm", PLATE, "25559cb05640e9e9"),
    Case("encodings/wg04_RG3_JLSL.dcm", PLATE, "85480a0287e37795"),
    Case("encodings/wg04_RG3_JPLL.dcm", PLATE, "85480a0287e37795"),
    Case("encodings/wg04_RG3_RLE.dcm", PLATE, "85480a0287e37795"),
    Case("encodings/wg04_XA1_J2KI.dcm", ANGIOGRAM, "c61222c66b6a9c5f"),
    Case("encodings/wg04_XA1_JLSN.dcm", ANGIOGRAM, "344bcb528843a08e"),
    Case("encodings/wg04_XA1_JPLY.dcm", ANGIOGRAM, "d5f60be5c70a0ee7"),
    *(
        Case(f"encodings/wg04_XA1_{coding}.dcm", ANGIOGRAM, "797b3375a2d1f94c")
        for coding in ("UNC", "RLE", "JPLL", "JLSL", "J2KR")
    ),
    Case("still/hip_guidewire_rf_20.dcm", ANGIOGRAM, "a703b3f3584cc41c"),
    Case("still/hip_guidewire_rf_25.dcm", ANGIOGRAM, "f3b74d29ff894f31"),
    Case("still/hip_guidewire_rf_31.dcm", ANGIOGRAM, "98d00eb83a052107"),
    Case("still/hip_guidewire_rf_38.dcm", ANGIOGRAM, "bba9c7f6cfc6b6c4"),
    Case("still/lumbar_ap_rf_1024.dcm", ANGIOGRAM, "6c746e0e7d095011"),
    Case("still/shoulder_kwire_rf.dcm", (1, 464, 512), "f62420d04132d3fc"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case.path).stem)
def test_pixels_are_those_of_a_reference_decoder(shared_data: Path, case: Case):
    with open_run(shared_data / case.path) as cine:
        values = cine[:]
        assert cine.header.intensity.sign == case.sign
    assert values.shape == case.shape
    assert hashlib.sha256(values.astype("<u2").tobytes()).hexdigest()[:16] == case.digest


def test_frames_out_of_order_are_the_same_frames(shared_data: Path):
    with open_run(shared_data / "cine/right_coronary_96f_jpeg_baseline.dcm") as cine:
        late = cine[90]
        assert_array_equal(cine[88:92][2], late)
        assert not np.array_equal(cine[0], late)


@pytest.mark.parametrize(
    ("coding", "most", "mean"), [("JLSN", 4, 2.0), ("J2KI", 8, 1.2), ("JPLY", 120, 2.2)]
)
def test_lossy_codings_stay_close(shared_data: Path, coding: str, most: int, mean: float):
    """Bounds are what the reference decoders show for these streams."""
    with (
        open_run(shared_data / f"encodings/wg04_XA1_{coding}.dcm") as lossy,
        open_run(shared_data / "encodings/wg04_XA1_UNC.dcm") as true,
    ):
        difference = np.abs(lossy[0].astype(int) - true[0])
        assert any("loss" in remark.finding for remark in lossy.header.remarks)
    assert difference.max() <= most
    assert difference.mean() <= mean


def test_a_modality_table_as_pydicom_applies_it(shared_data: Path):
    path = shared_data / "encodings/fodicom_CR-ModalitySequenceLUT_mono1_jpll.dcm"
    with open_run(path) as cine:
        values = cine[0]
        assert cine.header.intensity.low == values.min()
        assert cine.header.intensity.high >= values.max()
    from imagecodecs import jpegsof3_decode

    data_set = pydicom.dcmread(path)
    stored = jpegsof3_decode(
        next(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=1))
    )
    assert_array_equal(values, apply_modality_lut(stored, data_set))


def test_the_header_of_a_coronary_run(shared_data: Path):
    header = read_header(shared_data / "cine/coronary/patient_2_coro_1.dcm")
    assert header.timing.source == "FrameTime"
    assert header.timing.times_s[1] == pytest.approx(0.13333)
    assert header.scale.at is SpacingAt.ISOCENTER
    assert header.scale.row_mm == pytest.approx(0.278875 * 750 / 1079)
    assert header.pose.primary_angle_deg == 58.9
    assert not header.pose.resolved
    assert not header.is_subtracted


def test_a_mask_sequence_of_none_leaves_a_run_unsubtracted(shared_data: Path):
    header = read_header(shared_data / "cine/right_coronary_96f_jpeg_baseline.dcm")
    assert not header.is_subtracted
    assert not any("MaskSubtraction" in remark.attribute for remark in header.remarks)
    assert not header.scale


def test_shutters_of_a_lumbar_image(shared_data: Path):
    header = read_header(shared_data / "still/lumbar_ap_rf_1024.dcm")
    assert header.shutters == (
        CircularShutter(row=479, column=479, radius=470),
        RectangularShutter(top=9, bottom=949, left=9, right=949),
    )


@pytest.mark.parametrize("folder", ["cine", "still", "encodings", "radiograph", "labels"])
def test_dicom_files_are_told_from_the_others(shared_data: Path, folder: str):
    for file in find_files([shared_data / folder]):
        assert looks_like_dicom(file.path) is (file.path.suffix == ".dcm"), file.relative


def test_no_remark_quotes_a_patient(shared_data: Path):
    """Nothing that a header says of a person reaches what is shown."""
    identifying = ("PatientName", "PatientID", "AccessionNumber", "StudyDate", "PatientBirthDate")
    for file in find_files(
        [shared_data / "cine", shared_data / "still", shared_data / "encodings"]
    ):
        data_set = pydicom.dcmread(file.path, stop_before_pixels=True, force=True)
        header = read_header(file.path)
        shown = " ".join([*map(str, header.remarks), repr(header.scale), repr(header.pose)])
        for keyword in identifying:
            value = str(data_set.get(keyword, "")).strip()
            assert len(value) < 4 or value not in shown, keyword
