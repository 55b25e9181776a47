"""`guidance simulate` as a user meets it: studies, suites that are resumed, refusals."""

import csv
import json
from pathlib import Path
from typing import NamedTuple

import pydicom
import pytest
from small_runs import coarse_patient, coarse_patients, small_suite

from guidance.cli._app import app
from guidance.simulation import read_truth

SMALL = ("--set", "view.matrix=96", "--set", "recording.pulse_rate_hz=4")


class Called(NamedTuple):
    """What a call ended with, as `subprocess.CompletedProcess` names it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Return what calls the command in this process, in an empty folder, with coarse patients."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("guidance.simulation.read_suite", lambda name: small_suite())
    monkeypatch.setattr(
        "guidance.simulation._stream.prepare_patient", lambda name, settings: coarse_patient(name)
    )

    def run(*arguments):
        with coarse_patients(), pytest.raises(SystemExit) as end:
            app(["simulate", *map(str, arguments)])
        said = capsys.readouterr()
        return Called(returncode=end.value.code or 0, stdout=said.out, stderr=said.err)

    return run


@pytest.mark.slow
def test_a_study_goes_all_the_way(guidance, tmp_path):
    out = tmp_path / "study"
    wanted = ("--pattern", "perineural", "--runs", 1, "--level", "L4", "--side", "left")
    done = guidance("simulate", "--out", out, *wanted, *SMALL, "--seed", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == str(out / "truth.json")
    (truth,) = read_truth(out / "truth.json").runs.values()
    assert (truth.pattern, truth.level, truth.side) == ("perineural", "L4", "left")
    dataset = pydicom.dcmread(out / truth.file)
    assert dataset.SOPInstanceUID == truth.sop_instance_uid
    assert (dataset.Rows, dataset.Columns) == (96, 96)
    assert int(dataset.NumberOfFrames) == truth.n_frames
    assert str(dataset.PatientName) == str(dataset.PatientID) == ""
    assert sorted(p.name for p in out.iterdir()) == ["runs", "truth.json"]


@pytest.mark.slow
def test_the_same_call_gives_the_same_bytes(call):
    calm = ("--pattern", "none", "--runs", 1, *SMALL, "--set", "duration_s=1.2")
    for out in ("one", "two"):
        assert call("--out", out, *calm, "--seed", 4).returncode == 0
    other = call("--out", "other", *calm, "--seed", 5)
    assert other.stdout == str(Path("other") / "truth.json") + "\n"
    files = sorted(p.relative_to("one") for p in Path("one").rglob("*") if p.is_file())
    assert len(files) == 2
    for name in files:
        assert ("one" / name).read_bytes() == ("two" / name).read_bytes()
        assert ("one" / name).read_bytes() != ("other" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("view.nothing=5", "names no setting"),
        ("nothing=5", "names no setting"),
        ("view.matrix.deeper=5", "names no setting"),
        ("view.matrix", "write NAME=VALUE"),
        ("view.sod_mm=2000", "sod"),
        ("view.sod_mm=NaN", "sod_mm"),
        ("view.matrix=8", "64 to 4096"),
        ("view.matrix=wide", "int"),
        ("view.kind=sideways", "sideways"),
        ("view=5", "view"),
        ("needle.needle.gauge=19", "[22, 23, 25]"),
        ("contrast.iodine_mg_ml=2000", "400"),
        ("contrast.pattern=vascular", "does not fit"),
        ("recording.pulse_rate_hz=0", "pulse_rate_hz"),
        ("recording.recorder_hz=1e9", "DICOM file can hold"),
        ("duration_s=0.1", "1 to 300"),
        ("duration_s=1", "the injection begins at"),
        ("seed=-1", "0 or more"),
        ("marker=Q", "L, R"),
    ],
)
def test_impossible_settings_end_before_any_work(call, monkeypatch, change, said):
    monkeypatch.setattr("guidance.simulation.prepare_patient", lambda *_: pytest.fail("work"))
    done = call("--out", "out", "--pattern", "perineural", "--set", change)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_written_ends_before_any_work(call, monkeypatch):
    monkeypatch.setattr("guidance.simulation.prepare_patient", lambda *_: pytest.fail("work"))
    Path("file").write_text("in the way")
    for extra in ((), ("--suite", "small", "--workers", 1)):
        done = call("--out", "file/out", *extra)
        assert (done.returncode, done.stdout) == (2, "")
        assert "choose another folder" in done.stderr
        assert str(Path.cwd()) not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--suite", "small", "--set", "view.matrix=96"), "--set"),
        (("--suite", "small", "--runs", 2, "--ct"), "--runs, --ct"),
        (("--runs", 2, "--observe", "baselines"), "--observe"),
        (("--count", 2), "--count"),
    ],
)
def test_options_that_would_do_nothing_are_refused(call, arguments, named):
    done = call("--out", "out", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert not Path("out").exists()


def test_an_unknown_suite_is_refused_by_the_real_command(guidance, tmp_path):
    done = guidance("simulate", "--suite", "nosuch", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "evaluation, train, validation" in done.stderr
    assert not (tmp_path / "out").exists()


def suite(*arguments) -> tuple[object, ...]:
    return ("--suite", "small", "--out", "out", "--workers", 1, *arguments)


def test_a_suite_is_resumed(call):
    done = call(*suite("--count", 1))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == str(Path("out") / "truth.json")
    record, run = Path("out/records/00000.json"), Path("out/runs/run_00000.dcm")
    before = record.stat().st_mtime_ns, run.stat().st_mtime_ns
    truth = Path("out/truth.json").read_bytes()
    done = call(*suite("--count", 1))
    assert (done.returncode, done.stderr) == (0, "1 of 1 runs were done before\n")
    assert (record.stat().st_mtime_ns, run.stat().st_mtime_ns) == before
    assert Path("out/truth.json").read_bytes() == truth
    done = call(*suite())
    assert "1 of 4 runs were done before" in done.stderr
    assert (record.stat().st_mtime_ns, run.stat().st_mtime_ns) == before
    runs = read_truth(Path("out/truth.json")).runs
    assert [run.index for run in runs.values()] == [0, 1, 2, 3]
    assert all((Path("out") / run.file).is_file() for run in runs.values())


def test_a_record_that_is_damaged_is_made_again(call):
    call(*suite("--count", 1, "--drop"))
    record = Path("out/records/00000.json")
    before = record.read_bytes()
    for damaged in (b"", before[:100], b"{}", b"[]"):
        record.write_bytes(damaged)
        done = call(*suite("--count", 1, "--drop"))
        assert (done.returncode, done.stderr) == (0, "")
        assert record.read_bytes() == before


def test_runs_of_another_suite_are_not_taken_for_these(call):
    call(*suite("--count", 1, "--drop"))
    record = Path("out/records/00000.json")
    fields = json.loads(record.read_text())
    fields["truth"]["suite"] = "other"
    record.write_text(json.dumps(fields))
    done = call(*suite("--count", 1, "--drop"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "choose another folder" in done.stderr
    assert json.loads(record.read_text()) == fields


def test_observers_leave_tables_that_can_be_evaluated(call, capsys):
    assert call(*suite("--drop")).returncode == 0
    assert not Path("out/runs").exists()
    # What was not asked of a run before is done now.
    done = call(*suite("--drop", "--observe", "baselines"))
    assert (done.returncode, done.stderr) == (0, "")
    *tables, truth = done.stdout.splitlines()
    assert len(tables) >= 3
    for table in tables:
        with open(table, newline="") as file:
            assert len(list(csv.DictReader(file))) == 4
    with pytest.raises(SystemExit) as end:
        app(["evaluate", tables[0], "--truth", truth, "--out", "evaluated"])
    said = capsys.readouterr()
    assert end.value.code == 0, said.err
    assert Path("evaluated/evaluation.html").is_file()
    assert "done before" in call(*suite("--drop", "--observe", "baselines")).stderr


def test_runs_that_are_not_in_the_suite_are_refused(call):
    done = call(*suite("--first", 4))
    assert done.returncode == 2
    assert "it has 4" in done.stderr
    assert not Path("out").exists()
