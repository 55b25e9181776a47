"""A study: runs and a CT of one patient, which belong together, and their truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from small_runs import coarse_patient, small_suite

from guidance.errors import InputError, StorageError
from guidance.io import open_run
from guidance.simulation import CtRequest, read_truth, write_study
from guidance.simulation._study import SCHEMA
from guidance.spine import CtSettings

SEED = 12
CT = CtRequest(low_lps_mm=(-70.0, -60.0, -80.0), high_lps_mm=(70.0, 80.0, 80.0), spacing_mm=4.0)


def runs_of(*patterns: str):
    return tuple(replace(run, anatomy="va000", suite="") for run in small_suite(patterns).runs)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    done = []
    write_study(
        folder,
        coarse_patient(),
        runs_of("none", "perineural"),
        seed=SEED,
        ct=CT,
        on_run=done.append,
    )
    assert done == [1, 2]
    return folder


@pytest.fixture
def no_work(monkeypatch) -> None:
    for name in ("simulate_run", "voxelize_hu"):
        monkeypatch.setattr(f"guidance.simulation._study.{name}", lambda *_: pytest.fail("work"))


def headers(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.glob("*.dcm"))]


def voxels_of(study: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return HU (S, R, C) from below upwards, and the place of the first voxel, read plainly."""
    slices = [pydicom.dcmread(path) for path in (study / "ct").glob("*.dcm")]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    hu = [s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices]
    return np.stack(hu), np.array(slices[0].ImagePositionPatient, float)


def test_runs_and_ct_belong_together(study):
    runs, slices = headers(study / "runs"), headers(study / "ct")
    assert len(runs) == 2
    assert len(slices) > 30
    truth = read_truth(study / "truth.json")
    assert {one.StudyInstanceUID for one in runs + slices} == {truth.study_instance_uid}
    assert {one.FrameOfReferenceUID for one in slices} == {truth.frame_of_reference_uid}
    stated = {one.FrameOfReferenceUID for one in runs if "FrameOfReferenceUID" in one}
    assert stated <= {truth.frame_of_reference_uid}
    series = [one.SeriesInstanceUID for one in runs]
    assert len({*series, slices[0].SeriesInstanceUID}) == 3
    assert len({one.SOPInstanceUID for one in runs + slices}) == len(runs) + len(slices)
    assert {one.Modality for one in slices} == {"CT"}


def test_the_truth_is_that_of_the_files(study):
    truth = read_truth(study / "truth.json")
    assert (truth.schema, truth.seed, truth.ct) == (SCHEMA, SEED, "ct")
    assert [run.pattern for run in truth.runs.values()] == ["none", "perineural"]
    for name, run in truth.runs.items():
        assert run.name == name
        assert not Path(run.file).is_absolute()
        dataset = pydicom.dcmread(study / run.file)
        assert dataset.SOPInstanceUID == run.sop_instance_uid
        with open_run(study / run.file) as cine:
            assert cine.header.n_frames == run.n_frames == len(run.times_s)
    assert sorted(p.name for p in study.iterdir()) == ["ct", "runs", "truth.json"]


def test_nothing_names_a_person(study):
    for dataset in headers(study / "runs") + headers(study / "ct"):
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "ReferringPhysicianName"):
            assert str(dataset.get(keyword, "")) == "", keyword


def test_the_ct_shows_bone_where_the_landmarks_are(study):
    hu, first = voxels_of(study)
    landmarks = coarse_patient().anatomy.spine.landmarks

    def around(name: str) -> np.ndarray:
        column, row, level = np.round((landmarks[name] - first) / CT.spacing_mm).astype(int)
        return hu[level - 1 : level + 2, row - 1 : row + 2, column - 1 : column + 2]

    for side in ("left", "right"):
        # Marrow in a cortex, of a patient whose bone has three quarters of the usual mineral.
        pedicle = around(f"L4.{side}.pedicle")
        assert 40 < pedicle[1, 1, 1] < 600
        assert 300 < pedicle.max() < 1200
        # The groove lies on the cortex.
        assert around(f"L4.{side}.groove_superior")[1, 1, 1] > 150
    assert 60 < around("L4.body").mean() < 250
    assert hu.min() >= -1024
    assert hu.max() < 2500


def test_the_ct_lies_where_it_was_asked_for(study):
    hu, first = voxels_of(study)
    last = first + CT.spacing_mm * (np.array(hu.shape)[::-1] - 1)
    assert np.abs(first - CT.low_lps_mm).max() <= CT.spacing_mm
    assert np.abs(last - CT.high_lps_mm).max() <= CT.spacing_mm


def test_the_same_seed_gives_the_same_bytes(study, tmp_path):
    write_study(tmp_path, coarse_patient(), runs_of("none", "perineural"), seed=SEED, ct=CT)
    files = sorted(path.relative_to(study) for path in study.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    for name in files:
        assert (study / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_a_ct_without_noise_is_the_sharper_one(study, tmp_path):
    quiet = replace(CT, scanner=CtSettings(noise_hu=0.0))
    write_study(tmp_path, coarse_patient(), (), seed=SEED, ct=quiet)
    assert read_truth(tmp_path / "truth.json").runs == {}
    noisy, _ = voxels_of(study)
    still, _ = voxels_of(tmp_path)
    assert noisy.shape == still.shape
    assert 0 < (noisy - still).std() < 60
    assert abs(float(np.mean(noisy - still))) < 2


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ((300.0, 0.0, 0.0), (400.0, 100.0, 100.0)),
        ((-70.0, -60.0, 900.0), (70.0, 80.0, 990.0)),
        ((70.0, -60.0, -80.0), (-70.0, 80.0, 80.0)),
        ((0.0, 0.0, float("nan")), (70.0, 80.0, 80.0)),
        ((-70.0, -60.0, -80.0), (70.0, 80.0, float("inf"))),
    ],
)
@pytest.mark.usefixtures("no_work")
def test_a_ct_that_misses_the_spine_is_refused_before_any_work(tmp_path, low, high):
    request = CtRequest(low_lps_mm=low, high_lps_mm=high, spacing_mm=4.0)
    with pytest.raises(InputError, match="box"):
        write_study(tmp_path / "out", coarse_patient(), runs_of("none"), seed=SEED, ct=request)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, 0.01, float("nan")])
@pytest.mark.usefixtures("no_work")
def test_an_impossible_spacing_is_refused(tmp_path, spacing_mm):
    request = replace(CT, spacing_mm=spacing_mm)
    with pytest.raises(InputError, match="spacing"):
        write_study(tmp_path / "out", coarse_patient(), (), seed=SEED, ct=request)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_work")
def test_a_folder_that_cannot_be_written_is_found_out_before_any_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="choose another folder"):
        write_study(tmp_path / "file" / "out", coarse_patient(), runs_of("none"), seed=SEED, ct=CT)
