"""The hook that keeps patients out: what it refuses, what it lets pass."""

import importlib.util
from collections.abc import Callable
from pathlib import Path, PurePath
from types import ModuleType

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, XRayAngiographicImageStorage

TOOL = Path(__file__).parents[2] / "tools" / "check_dicom_files.py"


def load_tool() -> ModuleType:
    """Return the tool as a module; it lies outside every package."""
    spec = importlib.util.spec_from_file_location("check_dicom_files", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = load_tool()
IN_SAMPLES = PurePath("sample_dicoms/run.dcm")


def make_sample() -> Dataset:
    """Return the smallest data set that may be committed as a sample."""
    dataset = Dataset()
    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "XA"
    dataset.PatientName = ""
    dataset.PatientID = ""
    dataset.StudyDate = ""
    dataset.ImageComments = "Simulated run, no patient"
    dataset.BurnedInAnnotation = "NO"
    return dataset


def write(dataset: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file with its preamble."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def test_simulated_sample_without_identity_passes(tmp_path: Path) -> None:
    path = write(make_sample(), tmp_path / "run.dcm")
    assert hook.find_faults(path, IN_SAMPLES) == []


@pytest.mark.parametrize("name", ["docs/run.dcm", "run.dcm", "tests/golden/run", "sample_dicom/x"])
def test_dicom_outside_the_samples_is_refused(tmp_path: Path, name: str) -> None:
    path = write(make_sample(), tmp_path / "run.dcm")
    (fault,) = hook.find_faults(path, PurePath(name))
    assert "outside sample_dicoms" in fault


def test_dicom_is_known_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    path = write(make_sample(), tmp_path / "notes.txt")
    assert hook.find_faults(path, PurePath("docs/notes.txt"))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_dicom_without_preamble_is_known_too(tmp_path: Path, syntax: str) -> None:
    path = tmp_path / "bare"
    dataset = make_sample()
    dcmwrite(path, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    assert hook.find_faults(path, PurePath("docs/bare"))


@pytest.mark.parametrize("name", ["run.dcm", "RUN.DCM", "DICOMDIR", "image.ima"])
def test_a_dicom_name_is_enough(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"anything")
    assert hook.find_faults(path, PurePath("docs") / name)


@pytest.mark.parametrize("content", [b"", b"# Notes\n", b"\x89PNG\r\n\x1a\n" + bytes(200)])
def test_other_files_pass(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert hook.find_faults(path, PurePath("docs/other")) == []


def test_something_else_among_the_samples_passes_but_a_broken_dicom_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "truth.json"
    path.write_text("{}")
    assert hook.find_faults(path, PurePath("sample_dicoms/truth.json")) == []
    broken = tmp_path / "run.dcm"
    broken.write_bytes(b"cut short")
    (fault,) = hook.find_faults(broken, IN_SAMPLES)
    assert "cannot be read" in fault


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Doe^Jane"),
        ("PatientID", "4711"),
        ("PatientBirthDate", "19500101"),
        ("PatientSex", "F"),
        ("PatientAge", "070Y"),
        ("AccessionNumber", "A1"),
        ("InstitutionName", "Hospital"),
        ("ReferringPhysicianName", "Roe^R"),
        ("OperatorsName", "Poe"),
        ("StationName", "ROOM2"),
        ("StudyDate", "20200101"),
        ("ContentTime", "101500"),
        ("AcquisitionDateTime", "20200101101500"),
        ("StudyID", "7"),
        ("DeviceSerialNumber", "123"),
    ],
)
def test_identity_places_and_dates_are_refused(tmp_path: Path, keyword: str, value: str) -> None:
    dataset = make_sample()
    setattr(dataset, keyword, value)
    faults = hook.find_faults(write(dataset, tmp_path / "run.dcm"), IN_SAMPLES)
    assert len(faults) == 1
    assert keyword in faults[0]
    assert value not in faults[0]


def test_a_name_deep_in_a_sequence_is_found(tmp_path: Path) -> None:
    inner = Dataset()
    inner.RequestingPhysician = "Roe^R"
    dataset = make_sample()
    dataset.ReferencedStudySequence = [inner]
    faults = hook.find_faults(write(dataset, tmp_path / "run.dcm"), IN_SAMPLES)
    assert [fault for fault in faults if "RequestingPhysician" in fault]


def add_private(dataset: Dataset) -> None:
    dataset.private_block(0x0029, "SOMEONE", create=True).add_new(0x01, "LO", "x")


def burn_in(dataset: Dataset) -> None:
    dataset.BurnedInAnnotation = "YES"


def say_nothing(dataset: Dataset) -> None:
    dataset.ImageComments = "Lumbar spine"


@pytest.mark.parametrize(
    ("change", "said"),
    [(add_private, "private"), (burn_in, "BurnedIn"), (say_nothing, "does not say")],
)
def test_other_reasons_to_refuse(
    tmp_path: Path, change: Callable[[Dataset], None], said: str
) -> None:
    dataset = make_sample()
    change(dataset)
    faults = hook.find_faults(write(dataset, tmp_path / "run.dcm"), IN_SAMPLES)
    assert faults
    assert all(said in fault for fault in faults)


def test_exit_status_and_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_dicoms").mkdir()
    write(make_sample(), tmp_path / "sample_dicoms" / "run.dcm")
    assert hook.main(["sample_dicoms/run.dcm", "absent.dcm"]) == 0
    write(make_sample(), tmp_path / "stray file.dcm")
    assert hook.main(["sample_dicoms/run.dcm", "stray file.dcm"]) == 1
    assert capsys.readouterr().err.startswith("stray file.dcm: ")
