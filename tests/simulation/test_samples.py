"""The bundled samples: small, simulated, nobody's, and what the script makes from the seed."""

import tomllib
from pathlib import Path

import imagecodecs
import msgspec
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from guidance.io import TransferSyntax, write_run
from guidance.simulation import RunTruth
from guidance.simulation.samples import (
    SAMPLES,
    Sample,
    SampleTruth,
    attributes_of,
    simulate_sample,
)

# All samples together may take 20 MB; the rest is for a CT.
MOST_BYTES = 14_000_000
BY_NAME = {sample.name: sample for sample in SAMPLES}
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


@pytest.fixture(scope="module")
def truth(sample_dicoms: Path) -> SampleTruth:
    return msgspec.json.decode((sample_dicoms / "truth.json").read_bytes(), type=SampleTruth)


def read(folder: Path, sample: Sample) -> Dataset:
    return dcmread(folder / f"{sample.name}.dcm")


def decode(dataset: Dataset) -> np.ndarray:
    decoders = {
        TransferSyntax.JPEG_LOSSLESS_SV1: imagecodecs.ljpeg_decode,
        TransferSyntax.JPEG_LS_LOSSLESS: imagecodecs.jpegls_decode,
    }
    decoder = decoders.get(TransferSyntax(dataset.file_meta.TransferSyntaxUID))
    if decoder is None:
        return dataset.pixel_array
    frames = generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)
    return np.stack([decoder(frame) for frame in frames])


def test_the_samples_are_all_there_and_small(sample_dicoms, truth):
    files = sorted(path.name for path in sample_dicoms.glob("*.dcm"))
    runs = sorted(f"{sample.name}.dcm" for sample in SAMPLES)
    assert set(runs) <= set(files)
    assert sorted(truth.runs) == runs
    assert sum((sample_dicoms / name).stat().st_size for name in runs) <= MOST_BYTES
    assert len({sample.transfer_syntax for sample in SAMPLES}) == 4


@each_sample
def test_a_sample_is_valid_simulated_and_nobodys(sample, sample_dicoms, dicom_errors):
    dataset = dcmread(sample_dicoms / f"{sample.name}.dcm", stop_before_pixels=True)
    assert dicom_errors(sample_dicoms / f"{sample.name}.dcm") == []
    assert dataset.SyntheticData == "YES"
    assert "SIMULATED" in dataset.SeriesDescription
    assert "SIMULATED" in dataset.ImageComments
    assert dataset.ContentQualification == "RESEARCH"
    for element in dataset.iterall():
        assert not element.tag.is_private
        if element.VR in ("PN", "DA", "TM", "DT", "AS"):
            assert element.is_empty, element.keyword
    assert dataset["PatientID"].is_empty
    assert dataset["PatientSex"].is_empty


@each_sample
def test_truth_is_consistent_with_the_file(sample, sample_dicoms, truth):
    dataset, run = read(sample_dicoms, sample), truth.runs[f"{sample.name}.dcm"]
    assert len(run.times_s) == len(run.tip_px) == dataset.NumberOfFrames
    vector = dataset.get("FrameTimeVector")
    count = dataset.NumberOfFrames
    steps_ms = vector if vector is not None else [0] + [dataset.FrameTime] * (count - 1)
    times_s = np.cumsum(np.array(steps_ms, float)) / 1000
    np.testing.assert_allclose(times_s, run.times_s, atol=1e-5)
    spacing = dataset.ImagerPixelSpacing[0] / dataset.EstimatedRadiographicMagnificationFactor
    assert float(spacing) == pytest.approx(run.spacing_iso_mm, rel=1e-6)
    tips = np.array(run.tip_px)
    assert ((tips > 0) & (tips < (dataset.Rows, dataset.Columns))).all()


@each_sample
def test_contrast_darkens_the_tip_after_onset_and_not_before(sample, sample_dicoms, truth):
    """A square of 3 mm at the tip, relative to the mean of the frame."""
    frames, run = decode(read(sample_dicoms, sample)), truth.runs[f"{sample.name}.dcm"]
    half = round(1.5 / run.spacing_iso_mm)
    at_tip = np.empty(len(frames))
    for index, (frame, tip) in enumerate(zip(frames, run.tip_px, strict=True)):
        row, column = (round(p) for p in tip)
        square = frame[row - half : row + half + 1, column - half : column + half + 1]
        at_tip[index] = np.log(square.mean() / frame.mean())
    before = at_tip[8 : run.first_iodine_frame or 19]
    during = at_tip[26:33]
    fall = before.mean() - during.mean()
    if run.onset_frame is None:
        assert abs(fall) < 4 * before.std() + 0.01
    else:
        assert run.first_iodine_frame <= run.onset_frame <= run.first_iodine_frame + 3
        assert fall > 4 * before.std()


@pytest.mark.parametrize("name", ["none", "mixed"])
def test_the_script_makes_the_same_run_again(name, sample_dicoms, truth, tmp_path):
    """On the same kind of machine the bytes are equal; elsewhere rounding may differ by one.

    numpy may change its random numbers from one release to the next; then the noise is another,
    and only what is seen through it can be compared.
    """
    sample = BY_NAME[name]
    run = simulate_sample(sample)
    stored = decode(read(sample_dicoms, sample)).astype(np.int32)
    change = run.frames.astype(np.int32) - stored
    made, here = (v.split(".")[:2] for v in (truth.made_with["numpy"], np.__version__))
    if made == here:
        assert np.abs(change).max() <= 1
        assert (change != 0).mean() < 1e-3
    noise = stored[20:].std(axis=0).mean() / np.sqrt(len(stored))
    assert abs(change.mean()) < 0.01 * stored.mean()
    assert np.abs(change.mean(axis=0)).mean() < 3 * noise + 1
    if not change.any():
        write_run(tmp_path / "again.dcm", run.frames, attributes_of(sample, run))
        again = (tmp_path / "again.dcm").read_bytes()
        assert again == (sample_dicoms / f"{name}.dcm").read_bytes()
    assert_truth_agrees(run.truth, truth.runs[f"{name}.dcm"])


def assert_truth_agrees(found: RunTruth, stored: RunTruth) -> None:
    """Frames and words are equal; numbers agree as far as they are written."""
    np.testing.assert_allclose(found.tip_px, stored.tip_px, atol=2e-3)
    np.testing.assert_allclose(found.iodine_in_image_mg, stored.iodine_in_image_mg, atol=0.05)
    for key in ("pattern", "verdict", "first_iodine_frame", "onset_frame", "injection_end_frame"):
        assert getattr(found, key) == getattr(stored, key), key


def test_the_readme_explains_every_key(sample_dicoms):
    text = (sample_dicoms / "README.md").read_text()
    for key in (*RunTruth.__dataclass_fields__, *SampleTruth.__dataclass_fields__):
        if key not in ("schema", "about"):
            assert f"`{key}`" in text, key
    assert "Apache-2.0" in text
    project = tomllib.loads((sample_dicoms.parent / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
