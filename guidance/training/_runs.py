"""Runs to learn from: those of a suite as DICOM, each with its truth and its labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from guidance import __version__
from guidance.errors import InputError
from guidance.io import write_atomically
from guidance.simulation import Suite, simulate_run, write_simulated
from guidance.training._folders import EVERYBODY, PatientRange, RunFiles, read_run_truth
from guidance.training._labels import ContrastLabels, pack_labels
from guidance.training._patients import take_patient
from guidance.training._work import Outcome, work_through


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsRequest:
    """Which runs of a suite are wanted, and where.

    Attributes
    ----------
    suite : Suite
        The suite.
    folder : Path
        For all files.
    first, count : int, int or None
        Which runs, by number; None for all that follow.
    patients : PatientRange
        Of whom.
    with_labels : bool
        Whether labels are written: runs that only judge need none.
    """

    suite: Suite
    folder: Path
    first: int = 0
    count: int | None = None
    patients: PatientRange = EVERYBODY
    with_labels: bool = True


def wanted_runs(request: RunsRequest) -> list[int]:
    """Return the numbers of the runs asked for.

    Raises
    ------
    InputError
        The suite has no such runs.
    """
    runs = request.suite.runs
    end = len(runs) if request.count is None else request.first + request.count
    wanted = [
        index
        for index in range(request.first, min(end, len(runs)))
        if request.patients.holds(runs[index].anatomy)
    ]
    if request.first < 0 or not wanted:
        raise InputError(
            f"runs {request.first} to {end - 1} of patients {request.patients}: suite "
            f"{request.suite.name} has {len(runs)} runs of {len(request.suite.patients)} patients, "
            "both counted from 0"
        )
    return wanted


def make_runs(request: RunsRequest, *, workers: int = 1) -> Iterator[Outcome[int]]:
    """Make the runs that are not there yet, and yield what became of each.

    Parameters
    ----------
    request : RunsRequest
        Which, and where.
    workers : int
        Number of processes.

    Raises
    ------
    InputError
        There are no such runs, or the folder holds others of their names.
    """
    missing = [index for index in wanted_runs(request) if not _is_done(request, index)]
    work = partial(
        make_run, suite=request.suite, folder=request.folder, with_labels=request.with_labels
    )
    return work_through(_by_patient(request.suite, missing), work, workers=workers)


def make_run(index: int, *, suite: Suite, folder: Path, with_labels: bool = True) -> str:
    """Make one run of a suite, write its files, and return its pattern.

    Parameters
    ----------
    index : int
        Its number.
    suite : Suite
        Whose run it is.
    folder : Path
        For the files.
    with_labels : bool
        Whether labels are written.
    """
    settings, files = suite.runs[index], RunFiles(folder=folder, index=index)
    labels = ContrastLabels() if with_labels else None
    run = simulate_run(settings, take_patient(suite, settings.anatomy), watch=labels)
    folder.mkdir(parents=True, exist_ok=True)
    truth = write_simulated(run, files.dicom, file=files.dicom.name)
    if labels is not None:
        write_atomically(files.labels, pack_labels(labels, run.stored.pulses))
    write_atomically(files.truth, msgspec.json.encode(msgspec.to_builtins(truth)))
    return str(truth.pattern)


def _by_patient(suite: Suite, indices: Sequence[int]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for index in indices:
        groups.setdefault(suite.runs[index].anatomy, []).append(index)
    return list(groups.values())


def _is_done(request: RunsRequest, index: int) -> bool:
    """Return whether a run was made before.

    Raises
    ------
    InputError
        Another one of its name was: of another suite, or by another version.
    """
    files = RunFiles(folder=request.folder, index=index)
    if not files.truth.exists():
        return False
    truth = read_run_truth(files)
    found = truth.suite, truth.seed, truth.simulator_version
    expected = request.suite.name, request.suite.runs[index].seed, __version__
    if found != expected:
        raise InputError(
            f"the folder holds run {index} of {found[0]!r} (seed {found[1]}, version {found[2]}), "
            f"expected {expected[0]!r} (seed {expected[1]}, version {expected[2]}); "
            "choose another folder"
        )
    return files.labels.exists() or not request.with_labels
