"""`guidance evaluate` as a user meets it: files, messages, exit status, history."""

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from guidance import __version__
from guidance.cli._app import app
from guidance.evaluation import CaseResult, CaseTruth, format_scores, format_truth_table
from guidance.io import RunAttributes, run_name, write_run
from guidance.records import SpreadPattern


class Called(NamedTuple):
    """What a call ended with, as `subprocess.CompletedProcess` names it."""

    returncode: int
    stdout: str
    stderr: str


def runs(n=40):
    """Return truths and results of `n` runs of 20 anatomies; half vascular, two judged wrongly."""
    truths, results = [], []
    for number in range(n):
        positive = number % 2 == 0
        vessel = {"pattern": SpreadPattern.VASCULAR, "first_visible_vessel_s": 4.0, "uptake_s": 3.0}
        truths.append(
            CaseTruth(
                run=run_name(str(number)),
                suite="tiny",
                index=number,
                patient=f"p{number % 20}",
                duration_s=10.0,
                n_frames=11,
                **(vessel if positive else {"pattern": SpreadPattern.NONE}),
            )
        )
        flagged = positive != (number < 2)
        results.append(
            CaseResult(
                run=run_name(str(number)),
                flagged=flagged,
                score=float(flagged),
                flag_frames=(5,) if flagged else (),
            )
        )
    return truths, results


@pytest.fixture
def files(tmp_path) -> Path:
    truths, results = runs()
    (tmp_path / "truth.csv").write_text(format_truth_table(truths))
    (tmp_path / "scores.csv").write_text(format_scores(results))
    return tmp_path


@pytest.fixture
def call(files, monkeypatch, capsys):
    """Return what calls the command in this process, where the files lie: many calls, one start."""
    monkeypatch.chdir(files)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            app(["evaluate", *map(str, arguments)])
        said = capsys.readouterr()
        return Called(returncode=end.value.code or 0, stdout=said.out, stderr=said.err)

    return run


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_scores_go_all_the_way(guidance, files):
    out = files / "out"
    done = guidance("evaluate", files / "scores.csv", "--truth", files / "truth.csv", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines == [str(out / n) for n in ("figures.csv", "cases.csv", "evaluation.html")]
    figures = {(row["metric"], row["stratum"]): row for row in rows_of(out / "figures.csv")}
    assert float(figures["sensitivity", "all"]["estimate"]) == 0.95
    assert float(figures["latency_median_s", "all"]["estimate"]) == 1.0
    assert len(rows_of(out / "cases.csv")) == 40
    assert "scores on tiny" in (out / "evaluation.html").read_text()


def test_the_same_call_gives_the_same_bytes(call, files):
    for out in ("one", "two"):
        done = call("scores.csv", "--truth", "truth.csv", "--out", out, "--seed", 5)
        assert done.returncode == 0
    for name in ("figures.csv", "cases.csv", "evaluation.html"):
        assert (files / "one" / name).read_bytes() == (files / "two" / name).read_bytes()


def test_analyses_go_all_the_way(call, capsys, files):
    for number in range(2):
        rng = np.random.default_rng(number)
        frames = rng.normal(500, 20, (6, 96, 96)).astype(np.uint16)
        attributes = RunAttributes(times_s=np.arange(6) / 8, bits_stored=10)
        write_run(files / "runs" / f"{number}.dcm", frames, attributes)
    with pytest.raises(SystemExit):
        app(["analyze", "runs", "--no-report", "--out", "results"])
    analyses = [json.loads(Path(line).read_text()) for line in capsys.readouterr().out.split()]
    entries = {
        one["source"]["path"]: {
            "sop_instance_uid": one["source"]["sop_instance_uid"],
            "patient": one["source"]["path"],
            "pattern": ("none", "vascular")[number],
            "duration_s": 0.625,
        }
        for number, one in enumerate(analyses)
    }
    Path("truth.json").write_text(json.dumps({"suite": "noise", "runs": entries}))
    damaged = Path("results") / "damaged" / "analysis.json"
    damaged.parent.mkdir()
    damaged.write_text("{")
    done = call("results", "--truth", "truth.json", "--out", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("damaged/analysis.json: not an analysis.json")
    assert done.stdout.splitlines()[-1] == str(Path("out") / "evaluation.html")
    outcomes = [row["outcome"] for row in rows_of(Path("out") / "cases.csv")]
    assert len(outcomes) == len(analyses) == 2
    assert {outcome.partition(",")[0] for outcome in outcomes} == {"cleared", "missed"}
    assert f"guidance {__version__} on noise" in (Path("out") / "evaluation.html").read_text()


def test_a_history_gets_a_line(call, files):
    history = files / "results" / "evaluation.csv"
    wanted = ("scores.csv", "--truth", "truth.csv", "--out", "out", "--append", history)
    done = call(*wanted, "--commit", "abc", "--observer", "threshold")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == str(history)
    assert done.stdout.splitlines()[-1] == str(Path("out") / "evaluation.html")
    (row,) = rows_of(history)
    assert (row["commit"], row["observer"], row["suite"]) == ("abc", "threshold", "tiny")
    assert call(*wanted, "--commit", "def").returncode == 0
    assert [row["commit"] for row in rows_of(history)] == ["abc", "def"]


def test_git_is_asked_for_the_commit(call, files, require):
    require(shutil.which("git"), "git is not installed")
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    for step in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "all")):
        subprocess.run(["git", *step], cwd=files, check=True)
    asked = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=files, capture_output=True, text=True
    )
    commit = asked.stdout.strip()
    wanted = ("scores.csv", "--truth", "truth.csv", "--append", "history.csv")
    assert call(*wanted, "--out", "out").returncode == 0
    with open(files / "scores.csv", "a") as file:
        file.write("\n")
    assert call(*wanted, "--out", "out").returncode == 0
    found = [row["commit"] for row in rows_of(files / "history.csv")]
    assert found == [commit, f"{commit}+changes"]


def test_without_git_the_commit_must_be_given(call, files):
    wanted = ("scores.csv", "--truth", "truth.csv", "--out", "out", "--append", "h.csv")
    done = call(*wanted)
    assert done.returncode == 2
    assert "give --commit" in done.stderr
    assert not (files / "out").exists()


def test_what_found_no_partner_is_said(call, files):
    _, results = runs(42)
    (files / "scores.csv").write_text(format_scores(results[3:]))
    done = call("scores.csv", "--truth", "truth.csv", "--out", "out")
    assert done.returncode == 0
    assert "3 runs of the truth have no result: " in done.stderr
    assert "2 results have no truth: " in done.stderr
    outcomes = [row["outcome"] for row in rows_of(files / "out" / "cases.csv")]
    assert (outcomes.count("no result"), outcomes.count("no truth"), len(outcomes)) == (3, 2, 42)


def test_too_few_uptakes_are_said_to_be_few(call, files):
    truths, _ = runs()
    (files / "truth.csv").write_text(format_truth_table([t for t in truths if not t.is_vascular]))
    done = call("scores.csv", "--truth", "truth.csv", "--out", "out")
    assert done.returncode == 0
    assert "only 0 runs with a result are vascular or mixed: sensitivity and ROC" in done.stderr


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"truth": "no-such-suite"}, 2, "neither a file nor a suite; known suites: "),
        ({"truth": "missing.json"}, 2, "is no file"),
        ({"truth": "scores.csv"}, 2, "scores.csv: the truth has no column"),
        ({"truth": "."}, 2, "is no file"),
        ({"truth": "strangers.csv"}, 2, "none of the 40 results is of a run of this truth"),
        ({"results": "missing"}, 3, "missing: the file cannot be read"),
        ({"results": "truth.csv"}, 3, "no column flagged"),
        ({"results": "empty"}, 3, "no result could be read"),
        ({"append": "truth.csv"}, 2, "the history has no column"),
        ({"out": "scores.csv/out"}, 2, "cannot be used"),
        ({"prior": "2"}, 2, "prior"),
        ({"observer": "=1+1"}, 2, "observer is '=1+1'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call, files, changes, status, said):
    (files / "empty").mkdir()
    strangers = [
        CaseTruth(
            run="0" * 12,
            suite="other",
            index=0,
            patient="p",
            pattern=SpreadPattern.NONE,
            duration_s=1.0,
        )
    ]
    (files / "strangers.csv").write_text(format_truth_table(strangers))
    options = {"truth": "truth.csv", "out": "out", "commit": "abc", **changes}
    results = options.pop("results", "scores.csv")
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    done = call(results, *flags)
    assert done.returncode == status, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (files / "out").exists()
