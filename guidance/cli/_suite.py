"""`guidance simulate --suite`: makes, lets observers judge, and drops the runs of a suite.

For each run a small record is kept, so that a call that was stopped goes on where it was.
"""

import os
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from guidance import __version__
from guidance.cli._exit import ExitStatus, Tally, hand_out, say
from guidance.cli._progress import show_progress
from guidance.errors import GuidanceError, InputError, StorageError
from guidance.io import write_atomically

if TYPE_CHECKING:
    from guidance.records import Cine
    from guidance.simulation import RunTruth, SimulatedRun, Suite


class Observer(StrEnum):
    """Who judges the runs of a suite."""

    GUIDANCE = "guidance"
    BASELINES = "baselines"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRequest:
    """One call.

    Attributes
    ----------
    suite : str
        Name of the suite.
    out : Path
        Folder for everything.
    first : int
        First run.
    count : int or None
        How many; None for all that follow.
    workers : int
        Number of processes.
    observers : tuple of Observer
        Who judges each run while it is there.
    keeps_runs : bool
        Whether the DICOM files stay.
    """

    suite: str
    out: Path
    first: int
    count: int | None
    workers: int
    observers: tuple[Observer, ...]
    keeps_runs: bool


def run_suite(request: SuiteRequest) -> ExitStatus:
    """Make the runs, and print the paths of what was gathered; truth.json comes last."""
    from guidance.simulation import read_suite, stream_suite

    tally = Tally()
    try:
        suite = read_suite(request.suite)
        wanted = _wanted(request, suite)
        probe = request.out / "records" / ".probe"
        write_atomically(probe, b"")
        probe.unlink()
        missing = [index for index in wanted if not _is_done(request, suite, index)]
    except (GuidanceError, OSError) as error:
        say(str(error))
        return ExitStatus.WRONG_CALL
    if len(missing) < len(wanted):
        say(f"{len(wanted) - len(missing)} of {len(wanted)} runs were done before")
    work = partial(
        judge_run,
        out=request.out,
        observers=request.observers,
        keeps_runs=request.keeps_runs,
    )
    try:
        with show_progress(request.suite, len(missing)) as advance:
            outcomes = stream_suite(suite, missing, work, workers=request.workers)
            for number, outcome in enumerate(outcomes, start=1):
                if outcome.error:
                    tally.fail(f"run {outcome.index} of {request.suite}", outcome.error)
                advance(number)
    except GuidanceError as error:
        say(str(error))
        return ExitStatus.WRONG_CALL
    try:
        tally.read = gather(request.out, suite)
    except GuidanceError as error:
        say(str(error))
        return ExitStatus.SOME_FAILED
    return tally.status


def _wanted(request: SuiteRequest, suite: "Suite") -> list[int]:
    end = len(suite.runs) if request.count is None else request.first + request.count
    if not 0 <= request.first < min(end, len(suite.runs)):
        raise StorageError(
            f"runs {request.first} to {end - 1} of suite {suite.name}; it has {len(suite.runs)}, "
            "counted from 0"
        )
    return list(range(request.first, min(end, len(suite.runs))))


def _record_path(out: Path, index: int) -> Path:
    return out / "records" / f"{index:05d}.json"


def _is_done(request: SuiteRequest, suite: "Suite", index: int) -> bool:
    """Return whether all that this call asks of a run was done before.

    Raises
    ------
    InputError
        The folder holds another suite's runs, or those of another version.
    """
    path = _record_path(request.out, index)
    try:
        record = _read(path) if path.exists() else None
    except StorageError:
        record = None  # damaged: it is made again
    if record is None:
        return False
    truth = record["truth"]
    found = truth.get("suite"), truth.get("seed"), truth.get("simulator_version")
    expected = suite.name, suite.runs[index].seed, __version__
    if found != expected:
        raise InputError(
            f"--out holds run {index} of {found[0]!r} (seed {found[1]}, version {found[2]}), "
            f"expected {expected[0]!r} (seed {expected[1]}, version {expected[2]}); "
            "choose another folder"
        )
    analysis = request.out / "results" / str(truth["name"]) / "analysis.json"
    is_there = {
        "run": not request.keeps_runs or (request.out / "runs" / _file_name(index)).exists(),
        Observer.BASELINES: bool(record["scores"]),
        Observer.GUIDANCE: analysis.exists(),
    }
    return all(is_there[thing] for thing in ("run", *request.observers))


def _file_name(index: int) -> str:
    return f"run_{index:05d}.dcm"


def judge_run(
    run: "SimulatedRun", *, out: Path, observers: tuple[Observer, ...], keeps_runs: bool
) -> None:
    """Write one run, let the observers see the file, keep its record; called where it was made."""
    from guidance.io import open_run
    from guidance.simulation import write_simulated

    index = run.settings.index
    scores: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = out / "runs" if keeps_runs else Path(scratch)
        file = _file_name(index)
        folder.mkdir(parents=True, exist_ok=True)
        truth = write_simulated(run, folder / file, file=f"runs/{file}" if keeps_runs else "")
        with open_run(folder / file) as cine:
            if Observer.BASELINES in observers:
                from guidance.evaluation import score_baselines

                scores = score_baselines(iter(cine), cine.header.intensity)
            if Observer.GUIDANCE in observers:
                _analyze(cine, truth, folder / file, out)
    scores = scores or _earlier_scores(_record_path(out, index), truth.name)
    record = {"truth": msgspec.to_builtins(truth), "scores": scores}
    write_atomically(_record_path(out, index), msgspec.json.encode(record))


def _earlier_scores(path: Path, name: str) -> dict[str, float]:
    """Return what the baselines said of the same run when they were asked before."""
    try:
        record = _read(path)
    except StorageError:
        return {}
    return record["scores"] if record["truth"].get("name") == name else {}


def _analyze(cine: "Cine", truth: "RunTruth", path: Path, out: Path) -> None:
    from guidance.io import encode_analysis, hash_file
    from guidance.pipeline import analyze_run

    result = analyze_run(cine, path=path.name, sha256=hash_file(path))
    folder = out / "results" / truth.name
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "analysis.json", encode_analysis(result.analysis))


def gather(out: Path, suite: "Suite") -> int:
    """Write truth.json and the baselines' tables from all records; return how many there are.

    Calls that each make a part of a suite so add up to the whole.
    """
    from guidance.evaluation import CaseResult, format_scores
    from guidance.simulation import (
        DETECTABILITY_RULE,
        RunTruth,
        StudyTruth,
        encode_truth,
        library_versions,
    )

    truths: dict[str, RunTruth] = {}
    tables: dict[str, list[CaseResult]] = {}
    for index in range(len(suite.runs)):
        path = _record_path(out, index)
        if not path.exists():
            continue
        record = _read(path)
        truth = msgspec.convert(record["truth"], RunTruth)
        truths[truth.name] = truth
        for name, score in record["scores"].items():
            # A plain score: whoever evaluates it chooses the threshold.
            case = CaseResult(run=truth.name, flagged=False, score=score)
            tables.setdefault(name, []).append(case)
    study = StudyTruth(
        schema="guidance.truth/2",
        about=f"SIMULATED runs of the suite {suite.name}, made by mbb-guidance {__version__}.",
        detectability_rule=DETECTABILITY_RULE,
        seed=suite.seed,
        made_with=library_versions(),
        study_instance_uid=None,
        frame_of_reference_uid=None,
        ct=None,
        runs=truths,
    )
    for name, cases in sorted(tables.items()):
        path = out / "scores" / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, format_scores(cases).encode())
        hand_out(path)
    write_atomically(out / "truth.json", encode_truth(study))
    hand_out(out / "truth.json")
    return len(truths)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
        return {part: record[part] for part in ("truth", "scores")}
    except KeyError as error:
        raise StorageError(
            f"{path.name} has no {error}; delete it, and its run is made again"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(
            f"{path.name} cannot be read: {error}; delete it, and its run is made again"
        ) from error


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
