"""`guidance subtract` as a user meets it: pictures, maps, the record, messages, exit status."""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from guidance.cli._app import app
from guidance.cli._subtract_options import parse_frames, parse_shift
from guidance.errors import InputError
from guidance.io import RunAttributes, write_run

N_FRAMES, ONSET, SIZE = 24, 12, 96
BLOCK = (slice(40, 56), slice(30, 70))


@pytest.fixture(scope="module")
def run_file(tmp_path_factory) -> Path:
    """Return a run in which a block of contrast appears, and stays."""
    rng = np.random.default_rng(0)
    field = np.cumsum(rng.normal(0, 0.02, (SIZE, SIZE)), axis=0)
    frames = []
    for index in range(N_FRAMES):
        attenuation = field.copy()
        if index >= ONSET:
            attenuation[BLOCK] += 0.3
        signal = 2000 * np.exp(-attenuation)
        frames.append(np.clip(signal * (1 + rng.normal(0, 0.02, signal.shape)), 0, 16383))
    path = tmp_path_factory.mktemp("subtract") / "run.dcm"
    attributes = RunAttributes(times_s=np.arange(N_FRAMES) / 8, bits_stored=14)
    write_run(path, np.array(frames).astype(np.uint16), attributes)
    return path


@dataclass
class Done:
    """What a call left behind."""

    returncode: int
    stdout: str
    stderr: str


def subtract(*arguments: object) -> Done:
    """Call the command in this process: starting one takes longer than all that it does."""
    found = CliRunner().invoke(app, ["subtract", *map(str, arguments)])
    return Done(found.exit_code, found.stdout, found.stderr)


def changed(path: Path, target: Path, **changes) -> Path:
    """Copy a run with other attributes; None removes one."""
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(target, enforce_file_format=True)
    return target


def record(done) -> tuple[Path, dict]:
    path = Path(done.stdout.strip())
    return path.parent, json.loads(path.read_text())


def picture(path: Path) -> np.ndarray:
    return np.asarray(PIL.Image.open(BytesIO(path.read_bytes())))


@pytest.fixture(scope="module")
def plain(run_file, tmp_path_factory):
    """Return folder and record of a call without options."""
    done = subtract(run_file, "--out", tmp_path_factory.mktemp("out"))
    assert done.returncode == 0, done.stderr
    return record(done)


def test_everything_is_there(plain):
    folder, found = plain
    names = {path.name for path in folder.iterdir()}
    maps = {"time_to_peak.png", "wash_out.png", "persistence.png"}
    assert names == {"frames", "peak.png", "subtraction.json", *maps}
    assert len(list((folder / "frames").iterdir())) == N_FRAMES
    assert found["schema"] == "guidance.subtraction/1"
    assert found["mask"]["from"] == "chosen"
    assert max(found["mask"]["frames"]) < ONSET
    assert found["mask"]["contrast_from_frame"] == ONSET
    assert [frame["frame"] for frame in found["frames"]] == list(range(N_FRAMES))
    shifts = np.array([frame["mask_shift_px"] for frame in found["frames"]])
    assert np.abs(shifts).max() < 0.3
    assert found["maps"]["time_to_peak"]["unit"] == "s"


def test_contrast_is_dark_on_grey(plain):
    folder, _ = plain
    early, late = (picture(folder / "frames" / f"frame_{n:04d}.png") for n in (4, 20))
    assert early.shape == (SIZE, SIZE)
    assert np.median(early) == pytest.approx(158, abs=3)
    assert np.median(late[BLOCK]) < 60
    outside = np.ones_like(late, bool)
    outside[BLOCK] = False
    assert np.median(late[outside]) == pytest.approx(158, abs=3)


def test_maps_tell_of_the_block(plain):
    _, found = plain
    area = (BLOCK[0].stop - BLOCK[0].start) * (BLOCK[1].stop - BLOCK[1].start)
    maps = found["maps"]
    # Smoothing takes the edge some three pixels further out.
    assert area <= maps["time_to_peak"]["told_px"] <= 1.6 * area
    # Contrast comes at 1.5 s at once, and stays to the end, at 2.875 s.
    assert maps["time_to_peak"]["median"] == pytest.approx(1.5, abs=0.2)
    assert maps["persistence"]["median"] == pytest.approx(1.375, abs=0.2)
    assert maps["wash_out"]["median"] < 0.12


def test_options_are_obeyed_and_recorded(run_file, tmp_path):
    options = ["--mask", "2-5", "--shift", "-1.5,2", "--frames", "2-20", "--pictures", "gif"]
    done = subtract(run_file, "--out", tmp_path, *options)
    folder, found = record(done)
    assert found["mask"]["from"] == "named"
    assert found["mask"]["frames"] == [2, 3, 4, 5]
    assert found["shift_from"] == "named"
    assert {tuple(frame["mask_shift_px"]) for frame in found["frames"]} == {(-1.5, 2.0)}
    assert found["frames"][0]["frame"] == 2
    with PIL.Image.open(folder / "subtraction.gif") as moving:
        assert moving.n_frames == 19
        assert moving.size == (SIZE, SIZE)
        assert moving.info["duration"] == pytest.approx(125, abs=10)
    assert not (folder / "frames").exists()


def test_a_second_call_leaves_nothing_of_the_first(run_file, tmp_path):
    subtract(run_file, "--out", tmp_path)
    done = subtract(run_file, "--out", tmp_path, "--frames", "3-18")
    folder, _ = record(done)
    names = sorted(path.name for path in (folder / "frames").iterdir())
    assert names == [f"frame_{number:04d}.png" for number in range(3, 19)]


def test_the_same_input_gives_the_same_bytes(run_file, tmp_path, plain):
    done = subtract(run_file, "--out", tmp_path)
    again = Path(done.stdout.strip()).parent
    for path in sorted(plain[0].rglob("*.*")):
        assert path.read_bytes() == (again / path.relative_to(plain[0])).read_bytes(), path.name


def test_the_consoles_mask_is_used(run_file, tmp_path):
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers = "AVG_SUB", [4, 5]
    item.MaskSubPixelShift = [0.0, 0.0]
    asked = changed(run_file, tmp_path / "dsa.dcm", MaskSubtractionSequence=[item])
    _, found = record(subtract(asked, "--out", tmp_path / "out"))
    assert found["mask"]["from"] == "header"
    assert found["mask"]["frames"] == [3, 4]


def test_differences_over_time_are_not_copied_and_that_is_said(run_file, tmp_path):
    item = Dataset()
    item.MaskOperation = "TID"
    asked = changed(run_file, tmp_path / "tid.dcm", MaskSubtractionSequence=[item])
    _, found = record(subtract(asked, "--out", tmp_path / "out"))
    assert found["mask"]["from"] == "chosen"
    assert any("TID" in warning for warning in found["warnings"])


def test_without_times_maps_are_in_frames(run_file, tmp_path):
    bare = without_times(run_file, tmp_path / "bare.dcm")
    _, found = record(subtract(bare, "--out", tmp_path / "out"))
    assert found["maps"]["persistence"]["unit"] == "frames"
    assert found["maps"]["time_to_peak"]["median"] == pytest.approx(12, abs=2)
    assert any("in frames" in warning for warning in found["warnings"])


def without_times(path: Path, target: Path) -> Path:
    dataset = pydicom.dcmread(path)
    for keyword in (
        "FrameTime", "FrameTimeVector", "FrameIncrementPointer", "CineRate",
        "RecommendedDisplayFrameRate", "ActualFrameDuration",
    ):  # fmt: skip
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.save_as(target, enforce_file_format=True)
    return target


def test_what_is_subtracted_already_is_left_alone(run_file, tmp_path):
    kind = ["DERIVED", "PRIMARY", "SINGLE PLANE", "SUBTRACTION"]
    done_before = changed(run_file, tmp_path / "sub.dcm", ImageType=kind)
    done = subtract(done_before, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "already" in done.stderr
    assert done.stdout == ""


def test_a_single_image_is_named_as_one(tmp_path):
    path = tmp_path / "one.dcm"
    frames = np.full((1, 32, 32), 900, np.uint16)
    write_run(path, frames, RunAttributes(times_s=np.zeros(1), bits_stored=14))
    done = subtract(path, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "single image" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--mask", "5-2"],
        ["--mask", "x"],
        ["--mask", "0-99"],
        ["--frames", "20-40"],
        ["--shift", "1"],
        ["--shift", "nan,0"],
        ["--pictures", "mp4"],
    ],
)
def test_a_wrong_call_is_a_wrong_call(run_file, tmp_path, options):
    done = subtract(run_file, "--out", tmp_path, *options)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_folder_goes_on_after_a_bad_file(guidance, run_file, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "run.dcm").write_bytes(run_file.read_bytes())
    (folder / "bad.dcm").write_bytes(b"nothing")
    done = guidance("subtract", folder, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith("bad.dcm: ")
    assert record(done)[1]["source"]["path"] == "run.dcm"


def test_options_are_read():
    assert parse_frames(" 3-8 ") == (3, 8)
    assert parse_shift("0,-0.25") == (0.0, -0.25)
    for text in ("", "-3", "3-", "8-3"):
        with pytest.raises(InputError, match="FIRST-LAST"):
            parse_frames(text)
    for text in ("", "1,2,3", "1e3,0", "inf,0"):
        with pytest.raises(InputError, match="ROW,COLUMN"):
            parse_shift(text)
