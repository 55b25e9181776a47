"""Let the monitor judge a suite, run by run: ``python tools/score_monitor.py SUITE --out DIR``.

Each run is made, written as DICOM, read through the usual door, analysed with everything but the
detection limit, and dropped. In DIR are ``results/NAME/analysis.json`` for `guidance evaluate`, and
``measurements/SUITE/00012.npz`` for `guidance.training`, from which
``tools/rank_monitors.py`` sets the shipped decision beside poorer ones. Call it again to go on.
``--publish`` then writes what was said of each run to docs/results, with the hashes of the weights.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from guidance import __version__
from guidance.errors import InputError
from guidance.evaluation import format_scores, result_of_analysis
from guidance.io import decode_analysis, encode_analysis, hash_file, open_run, write_atomically
from guidance.pipeline import analyze_run
from guidance.simulation import SimulatedRun, read_suite, stream_suite, write_simulated
from guidance.training import MeasurementLog, pack_measurements, read_measurements

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
MODELS = ("spread.onnx", "decision.json", "needle.onnx")


def judge(run: SimulatedRun, *, out: Path) -> str:
    """Judge one run; called in the process that made it."""
    index = run.settings.index
    log = MeasurementLog()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"run_{index:05d}.dcm"
        truth = write_simulated(run, path, file="")
        with open_run(path) as cine:
            result = analyze_run(cine, path=path.name, sha256=hash_file(path), watch=log.watch)
    folder = out / "results" / truth.name
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "analysis.json", encode_analysis(result.analysis))
    packed = pack_measurements(log.finish(truth))
    write_atomically(_measurements_path(out, truth.suite, index), packed)
    return truth.name


def _measurements_path(out: Path, suite: str, index: int) -> Path:
    return out / "measurements" / suite / f"{index:05d}.npz"


def publish(out: Path, suite: str, results: Path = RESULTS) -> list[Path]:
    """Write what the monitor said of each run of a suite; return the paths."""
    folder = out / "measurements" / suite
    measured = [read_measurements(path) for path in sorted(folder.glob("*.npz"))]
    analyses = [
        decode_analysis(path.read_bytes())
        for path in sorted((out / "results").glob("*/analysis.json"))
    ]
    if {len(measured), len(analyses)} != {len(read_suite(suite).runs)}:
        raise InputError(
            f"{len(measured)} measurements and {len(analyses)} results of suite {suite}; "
            "let the suite run to its end"
        )
    scores = results / f"{suite}-monitor-scores.csv"
    scores.write_text(format_scores([result_of_analysis(analysis) for analysis in analyses]))
    about = results / f"{suite}-monitor.json"
    models = ROOT / "guidance" / "models"
    known = {
        "suite": suite,
        "suite_seed": read_suite(suite).seed,
        "guidance_version": __version__,
        "commit": subprocess.check_output(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, text=True
        ).strip(),
        "sha256": {name: hash_file(models / name) for name in MODELS},
    }
    about.write_text(json.dumps(known, indent=1) + "\n")
    return [scores, about]


def main() -> int:
    """Run the command; return 1 if a run failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--publish", action="store_true")
    given = parser.parse_args()
    if given.publish:
        print(*publish(given.out, given.suite), sep="\n")
        return 0
    suite = read_suite(given.suite)
    end = len(suite.runs) if given.count is None else given.first + given.count
    (given.out / "measurements" / suite.name).mkdir(parents=True, exist_ok=True)
    todo = [
        index
        for index in range(given.first, min(end, len(suite.runs)))
        if not _measurements_path(given.out, suite.name, index).exists()
    ]
    failed = 0
    work = partial(judge, out=given.out)
    for number, outcome in enumerate(stream_suite(suite, todo, work, workers=given.workers), 1):
        failed += bool(outcome.error)
        print(
            f"{number}/{len(todo)} run {outcome.index}: {outcome.error or outcome.value}",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
