"""`python -m guidance.training` as a user meets it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from made_measures import made_runs

from guidance.errors import OptionalDependencyError
from guidance.training import _app, _decision_call, _torch


class Called(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch, capsys, suite):
    """Return what calls the command in this process."""
    monkeypatch.setattr("guidance.simulation.read_suite", lambda name: suite)

    def run(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            _app.main()
        said = capsys.readouterr()
        return Called(end.value.code or 0, said.out, said.err)

    return run


def test_runs_become_examples(call, coarse, tmp_path):
    made = call("runs", "--suite", "small", "--count", 1, "--out", tmp_path / "runs")
    assert (made.status, made.out) == (0, f"{tmp_path / 'runs'}\n")
    assert made.err == "run 0: none\n1 done now, 0 failed\n"
    again = call("runs", "--suite", "small", "--count", 1, "--out", tmp_path / "runs")
    assert (again.status, again.err) == (0, "0 done now, 0 failed\n")
    seen = call("examples", tmp_path / "runs", "--out", tmp_path / "examples")
    assert seen.status == 0
    assert "run 00000: " in seen.err
    assert (tmp_path / "examples" / "00000.npy").exists()
    by_monitor = call(
        *("examples", tmp_path / "runs", "--held-by", "monitor", "--out", tmp_path / "seen")
    )
    assert (by_monitor.status, by_monitor.out) == (0, f"{tmp_path / 'seen'}\n")
    assert (tmp_path / "seen" / "00000.npz").exists()
    (tmp_path / "runs" / "00000.dcm").write_bytes(b"damaged")
    (tmp_path / "examples" / "00000.npz").unlink()
    failed = call("examples", tmp_path / "runs", "--out", tmp_path / "examples")
    assert failed.status == 3
    assert failed.err.endswith("0 done now, 1 failed\n")


def test_courses_are_made_and_gone_on_with(call, coarse, tmp_path, monkeypatch, suite):
    named = replace(suite, name="validation")
    monkeypatch.setattr("guidance.simulation.read_suite", lambda name: named)
    arguments = ("courses", "validation", "--patients", "1-1", "--per-patient", 1)
    made = call(*arguments, "--out", tmp_path / "courses")
    assert (made.status, made.out) == (0, f"{tmp_path / 'courses'}\n")
    assert made.err.startswith("run va001-000: ")
    assert call(*arguments, "--out", tmp_path / "courses").err == "0 done now, 0 failed\n"
    assert sorted(path.name for path in (tmp_path / "courses").iterdir()) == [
        "va001-000.npy",
        "va001-000.npz",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs", "--suite", "small", "--first", 9, "--out", "x"), "has 4 runs"),
        (("runs", "--suite", "small", "--patients", "tom", "--out", "x"), "0-29"),
        (("examples", "gone", "--out", "x"), "is no folder"),
        (("courses", "small", "--out", "x"), "no plan"),
        (("train", "gone", "--held-out", "gone", "--steps", 1, "--out", "x"), "is no folder"),
        (("decision", "gone", "--measurements", "x", "--out", "y"), "is no folder"),
    ],
)
def test_calls_that_make_no_sense_are_refused(call, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    found = call(*arguments)
    assert found.status == 2
    assert said in found.err
    assert found.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_torch_the_extra_is_named(call, tmp_path, monkeypatch):
    def load(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", load)
    with pytest.raises(OptionalDependencyError, match=r"mbb-guidance\[train\]"):
        _torch.load_torch("training")
    found = call("export", tmp_path / "w.pt", "--out", tmp_path / "n.onnx")
    assert found.status == 2
    assert 'pip install "mbb-guidance[train]"' in found.err
    found = call(
        *("train", tmp_path, "--held-out", tmp_path, "--steps", 1, "--out", tmp_path / "t")
    )
    assert found.status == 2
    assert "training needs PyTorch" in found.err


def test_a_line_is_fitted_in_one_call(call, runs_folder, tmp_path, monkeypatch):
    # Real measurements of four small runs are too few; those of 120 made-up ones are not.
    monkeypatch.setattr(_decision_call, "gather_measurements", lambda source, out: made_runs(120))
    out = tmp_path / "models" / "decision.json"
    found = call(
        *("decision", f"{runs_folder}@0-1", "--measurements", tmp_path / "m", "--out", out),
        *("--signs", "--calibrate-on", "runs", "--without", "amount"),
    )
    assert (found.status, found.out) == (0, f"{out}\n")
    assert "120 runs of 20 patients, 60 with uptake" in found.err
    assert len(list((tmp_path / "m").rglob("*.npz"))) == 4
    figures = json.loads((tmp_path / "models" / "decision-figures.json").read_bytes())
    assert (figures["signs"], figures["calibrated_on"]) == (True, "runs")
    assert "signal" not in json.loads(out.read_bytes())["names"]


@pytest.mark.slow
def test_it_runs_as_a_module_and_in_two_processes():
    program = [sys.executable, "-m", "guidance.training"]
    done = subprocess.run([*program, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for command in (
        "runs",
        "courses",
        "examples",
        "train",
        "average",
        "export",
        "decision",
        "card",
    ):
        assert f"\n  {command} " in done.stdout
    assert Path("guidance/training").exists() or done.stderr == ""
