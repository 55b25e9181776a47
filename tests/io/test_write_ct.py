"""A written CT against the volume that it was made of."""

import os
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from guidance.errors import InputError, StorageError
from guidance.io import (
    CtAttributes,
    RunAttributes,
    StudyPlace,
    TransferSyntax,
    plan_study_uids,
    write_ct,
    write_run,
)
from guidance.records import Volume

JPEG_LS = TransferSyntax.JPEG_LS_LOSSLESS
PLACE = StudyPlace(uids=plan_study_uids(7), series_number=3, second_of_day=36_000.5)
ATTRIBUTES = CtAttributes(
    patient_position="HFP",
    kvp=120.0,
    convolution_kernel="SIMULATED",
    series_description="SIMULATED",
    model_name="SIMULATED",
    window=(40.0, 400.0),
)


def make_volume(shape: tuple[int, int, int] = (4, 9, 11)) -> Volume:
    """Return noise that uses the whole range, in voxels of three different sizes."""
    rng = np.random.default_rng(0)
    values = rng.integers(-1024, 3072, shape).astype(np.int16)
    values[0, 0, :2] = -1024, 32767
    transform = np.eye(4)
    transform[:3] = [[0, 0, 0.7, -12.5], [0, 0.8, 0, -100.25], [2.5, 0, 0, 33.125]]
    return Volume(values=values, lps_from_vox=transform)


def turned(volume: Volume, rotation: np.ndarray) -> Volume:
    transform = volume.lps_from_vox.copy()
    transform[:3, :3] = rotation @ transform[:3, :3]
    return Volume(values=volume.values, lps_from_vox=transform)


def read_back(folder: Path) -> Volume:
    """Return a series by what its headers say, as a reader that knows nothing of ours would."""
    slices = sorted((dcmread(path) for path in folder.iterdir()), key=lambda ds: ds.InstanceNumber)
    pages = []
    for ds in slices:
        if ds.file_meta.TransferSyntaxUID == JPEG_LS:
            frame = next(generate_frames(ds.PixelData, number_of_frames=1))
            stored = imagecodecs.jpegls_decode(frame)
        else:
            stored = ds.pixel_array
        pages.append(stored.astype(np.int32) * int(ds.RescaleSlope) + int(ds.RescaleIntercept))
    row, column = np.array(slices[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    between_rows, between_columns = (float(mm) for mm in slices[0].PixelSpacing)
    positions = np.array([ds.ImagePositionPatient for ds in slices], dtype=float)
    transform = np.eye(4)
    transform[:3, 0] = (positions[-1] - positions[0]) / (len(slices) - 1)
    transform[:3, 1] = column * between_rows
    transform[:3, 2] = row * between_columns
    transform[:3, 3] = positions[0]
    return Volume(values=np.stack(pages), lps_from_vox=transform)


@pytest.mark.parametrize("syntax", [TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN, JPEG_LS])
@pytest.mark.parametrize("place", [None, PLACE], ids=["alone", "in a study"])
def test_voxels_and_places_come_back_and_the_objects_are_valid(
    syntax, place, tmp_path, dicom_errors
):
    volume = make_volume()
    attributes = replace(ATTRIBUTES, transfer_syntax=syntax, study=place)
    series = write_ct(tmp_path / "ct", volume, attributes)
    back = read_back(tmp_path / "ct")
    np.testing.assert_array_equal(back.values, volume.values)
    np.testing.assert_allclose(back.lps_from_vox, volume.lps_from_vox, atol=1e-6)
    assert len(series.paths) == 4
    for path in series.paths:
        assert dicom_errors(path) == []


def test_oblique_and_flipped_volumes_keep_their_places(tmp_path):
    angle = np.deg2rad(20)
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    for k, rotation in enumerate((about_x, np.diag([-1.0, -1.0, 1.0]), np.diag([1.0, 1.0, -1.0]))):
        volume = turned(make_volume(), rotation)
        write_ct(tmp_path / str(k), volume, ATTRIBUTES)
        back = read_back(tmp_path / str(k))
        np.testing.assert_allclose(back.lps_from_vox, volume.lps_from_vox, atol=1e-6)


def test_the_header_says_what_it_was_given(tmp_path):
    attributes = replace(ATTRIBUTES, slice_thickness_mm=3.0, image_comments="SIMULATED")
    series = write_ct(tmp_path / "ct", make_volume(), attributes)
    ds = dcmread(series.paths[2], stop_before_pixels=True)
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert (ds.Modality, ds.PatientPosition, ds.ConvolutionKernel) == ("CT", "HFP", "SIMULATED")
    assert (ds.KVP, ds.SliceThickness, ds.SpacingBetweenSlices) == (120, 3, 2.5)
    assert (ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType) == (-1024, 1, "HU")
    assert [float(mm) for mm in ds.PixelSpacing] == [0.8, 0.7]
    assert [float(mm) for mm in ds.ImagePositionPatient] == [-12.5, -100.25, 38.125]
    assert (ds.SliceLocation, ds.InstanceNumber) == (38.125, 3)
    assert (ds.WindowCenter, ds.WindowWidth) == (40, 400)
    assert (ds.SyntheticData, ds.ContentQualification) == ("YES", "RESEARCH")


def test_thickness_is_the_distance_of_slices_unless_it_is_told(tmp_path):
    series = write_ct(tmp_path / "ct", make_volume(), CtAttributes())
    assert dcmread(series.paths[0]).SliceThickness == 2.5


def test_nobody_and_no_day_is_named(tmp_path):
    series = write_ct(tmp_path / "ct", make_volume(), ATTRIBUTES)
    ds = dcmread(series.paths[0], stop_before_pixels=True)
    named = [e.keyword for e in ds.iterall() if e.VR in ("PN", "DA", "TM", "DT", "AS", "UN")]
    assert "PatientName" in named
    assert all(ds[keyword].is_empty for keyword in [*named, "PatientID", "AccessionNumber"])
    assert not any(element.tag.is_private for element in ds)


def test_runs_and_ct_of_a_study_share_its_frame_of_reference(tmp_path):
    series = write_ct(tmp_path / "ct", make_volume(), replace(ATTRIBUTES, study=PLACE))
    run = RunAttributes(times_s=np.zeros(1), bits_stored=8, study=PLACE)
    write_run(tmp_path / "run.dcm", np.zeros((1, 8, 8), np.uint8), run)
    of_run = dcmread(tmp_path / "run.dcm")
    for path in series.paths:
        of_ct = dcmread(path)
        assert of_ct.StudyInstanceUID == of_run.StudyInstanceUID
        assert of_ct.FrameOfReferenceUID == of_run.FrameOfReferenceUID
        assert of_ct.SeriesInstanceUID != of_run.SeriesInstanceUID
        assert of_ct.SeriesInstanceUID == series.series_instance_uid
    assert series.uids == PLACE.uids


def test_the_same_input_gives_the_same_bytes(tmp_path):
    first, again = (write_ct(tmp_path / name, make_volume(), ATTRIBUTES) for name in "ab")
    for one, other in zip(first.paths, again.paths, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_another_content_gives_other_uids(tmp_path):
    volume = make_volume()
    values = volume.values.copy()
    values[1, 2, 3] += 1
    transform = volume.lps_from_vox.copy()
    transform[0, 3] += 0.5
    volumes = [
        volume,
        Volume(values=values, lps_from_vox=volume.lps_from_vox),
        Volume(values=volume.values, lps_from_vox=transform),
    ]
    series = [write_ct(tmp_path / str(k), v, ATTRIBUTES) for k, v in enumerate(volumes)]
    series.append(write_ct(tmp_path / "3", volume, replace(ATTRIBUTES, kvp=100.0)))
    assert len({s.series_instance_uid for s in series}) == 4
    instances = {dcmread(path).SOPInstanceUID for s in series for path in s.paths}
    assert len(instances) == 16
    assert all(len(uid) <= 64 for uid in instances)


def test_a_smaller_series_replaces_a_greater_one_whole(tmp_path):
    write_ct(tmp_path / "ct", make_volume((6, 5, 5)), ATTRIBUTES)
    write_ct(tmp_path / "ct", make_volume((3, 5, 5)), ATTRIBUTES)
    assert len(list((tmp_path / "ct").iterdir())) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["ct"]


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="1 things"):
        write_ct(tmp_path, make_volume(), ATTRIBUTES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failed_write_leaves_the_old_series(tmp_path, monkeypatch):
    series = write_ct(tmp_path / "ct", make_volume(), ATTRIBUTES)
    before = [path.read_bytes() for path in series.paths]
    made = []

    def full(path: Path, *_: object) -> None:
        made.append(path)
        if len(made) == 3:
            raise StorageError("the file cannot be written; No space left on device; free some")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")

    monkeypatch.setattr("guidance.io._write_ct.save_dataset", full)
    with pytest.raises(StorageError, match="No space left"):
        write_ct(tmp_path / "ct", make_volume((5, 9, 11)), ATTRIBUTES)
    assert [path.read_bytes() for path in series.paths] == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["ct"]


def test_a_swap_that_fails_puts_the_old_series_back(tmp_path, monkeypatch):
    series = write_ct(tmp_path / "ct", make_volume(), ATTRIBUTES)
    real = os.replace

    def refuse(source: Path, target: Path) -> None:
        if str(source).endswith(".part") and Path(source).is_dir():
            raise OSError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        write_ct(tmp_path / "ct", make_volume((2, 9, 11)), ATTRIBUTES)
    assert all(path.exists() for path in series.paths)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ct"]


def test_a_folder_that_cannot_be_made_is_named_as_such(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot be"):
        write_ct(tmp_path / "file" / "ct", make_volume(), ATTRIBUTES)
    with pytest.raises(StorageError, match="cannot be"):
        write_ct(tmp_path / "file", make_volume(), ATTRIBUTES)


def sheared() -> Volume:
    volume = make_volume()
    transform = volume.lps_from_vox.copy()
    transform[1, 0] = 0.5
    return Volume(values=volume.values, lps_from_vox=transform)


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (Volume(values=np.zeros((2, 3, 4), np.float32), lps_from_vox=np.eye(4)), "float32"),
        (Volume(values=np.full((2, 3, 4), -2000, np.int16), lps_from_vox=np.eye(4)), "-2000"),
        (Volume(values=np.full((2, 3, 4), 70_000, np.int32), lps_from_vox=np.eye(4)), "70000"),
        (sheared(), "right angles"),
    ],
    ids=["not whole", "too low", "too high", "askew"],
)
def test_a_volume_that_is_no_ct_is_refused_before_anything_is_written(volume, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_ct(tmp_path / "ct", volume, ATTRIBUTES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient_position": "PRONE"}, "patient_position"),
        ({"kvp": 0.0}, "kvp"),
        ({"slice_thickness_mm": float("nan")}, "slice_thickness_mm"),
        ({"window": (40.0, 0.0)}, "window"),
        ({"convolution_kernel": "x" * 17}, "convolution_kernel"),
        ({"series_description": "x" * 65}, "series_description"),
        ({"transfer_syntax": TransferSyntax.RLE_LOSSLESS}, "transfer_syntax"),
    ],
    ids=str,
)
def test_attributes_that_say_nothing_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        CtAttributes(**changes)
