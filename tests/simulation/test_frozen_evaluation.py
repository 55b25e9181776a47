"""Two dozen runs of the frozen evaluation suite, made again and held against what was published.

A difference means that the simulator has changed under a suite that judges: make it a new version
of the suite instead (docs/suites.md).
"""

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from guidance.cli._suite import Observer, judge_run
from guidance.evaluation import decode_scores, read_suite_truth, result_of_analysis
from guidance.io import decode_analysis, hash_file
from guidance.simulation import Suite, read_suite, stream_suite

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SCORES = ROOT / "docs" / "results" / "evaluation-baseline-scores.csv"
SAID = ROOT / "docs" / "results" / "evaluation-monitor-scores.csv"
MADE_WITH = ROOT / "docs" / "results" / "evaluation-monitor.json"
PATIENTS, RUNS_EACH = 3, 8
is_published = pytest.mark.skipif(
    not SAID.exists(),
    reason="no monitor has been judged on `evaluation` yet (tools/score_monitor.py --publish)",
)


def shortest_runs(suite: Suite) -> list[int]:
    """Return the runs with the fewest pulses of the patients that have the most such runs."""
    pulses = [run.duration_s * run.recording.pulse_rate_hz for run in suite.runs]
    by_patient: dict[str, list[int]] = {}
    for index in np.argsort(pulses, kind="stable").tolist():
        by_patient.setdefault(suite.runs[index].anatomy, []).append(index)
    cost = {
        name: sum(pulses[index] for index in indices[:RUNS_EACH])
        for name, indices in by_patient.items()
    }
    cheapest = sorted(cost, key=lambda name: cost[name])[:PATIENTS]
    return [index for name in cheapest for index in by_patient[name][:RUNS_EACH]]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Make the runs again, with the baselines' scores."""
    out = tmp_path_factory.mktemp("again")
    suite = read_suite("evaluation")
    observers = tuple(Observer) if SAID.exists() else (Observer.BASELINES,)
    work = partial(judge_run, out=out, observers=observers, keeps_runs=False)
    outcomes = list(stream_suite(suite, shortest_runs(suite), work, workers=2))
    assert [outcome.error for outcome in outcomes] == [""] * len(outcomes)
    found = [json.loads(path.read_bytes()) for path in sorted((out / "records").glob("*.json"))]
    for record in found:
        path = out / "results" / record["truth"]["name"] / "analysis.json"
        record["analysis"] = decode_analysis(path.read_bytes()) if path.exists() else None
    return found


def test_the_truth_is_what_was_published(records: list[dict]) -> None:
    published = {case.run: case for case in read_suite_truth("evaluation").cases}
    assert len(records) == PATIENTS * RUNS_EACH
    for record in records:
        truth = record["truth"]
        known = published[truth["name"]]
        assert truth["index"] == known.index
        assert truth["pattern"] == known.pattern
        assert truth["vessel_dose_fraction"] == pytest.approx(known.vessel_dose_fraction, rel=0.01)
        assert truth["onset_frame"] == pytest.approx(known.onset_frame, abs=1)
        seen, was_seen = truth["first_visible_vessel_s"], known.first_visible_vessel_s
        assert (seen is None) == (was_seen is None)
        if was_seen is not None:
            assert seen == pytest.approx(was_seen, abs=0.3)


def test_the_baselines_score_what_was_published(records: list[dict]) -> None:
    with SCORES.open(newline="") as file:
        published = {row["run"]: row for row in csv.DictReader(file)}
    differences = []
    for record in records:
        row = published[record["truth"]["name"]]
        for name, score in record["scores"].items():
            was = float(row[name])
            differences.append(abs(score - was) / max(abs(was), 1e-3))
    # Other builds round differently, and a threshold turns that into a few pixels now and then.
    assert np.median(differences) < 0.01
    assert np.quantile(differences, 0.9) < 0.05


@is_published
def test_the_monitor_says_what_was_published(records: list[dict]) -> None:
    published = {case.run: case for case in decode_scores(SAID.read_bytes())}
    assert len(published) == 640
    same_verdict, differences = 0, []
    for record in records:
        said = result_of_analysis(record["analysis"])
        was = published[said.run]
        same_verdict += said.verdict == was.verdict
        assert (said.probability is None) == (was.probability is None)
        if said.probability is not None:
            differences.append(abs(said.probability - was.probability))
    # Sums in another order move a measurement a little, and a verdict at a threshold now and then.
    assert same_verdict >= len(records) - 1
    assert np.median(differences) < 0.005
    assert np.quantile(differences, 0.9) < 0.05


@is_published
def test_what_was_published_is_of_the_shipped_weights() -> None:
    made_with = json.loads(MADE_WITH.read_bytes())["sha256"]
    models = ROOT / "guidance" / "models"
    assert made_with == {name: hash_file(models / name) for name in made_with}
