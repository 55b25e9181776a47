"""Makes the runs of a suite one after the other, on all cores, and keeps none of them.

Each run goes to a function as soon as it is made, in the process that made it; only what that
function returns comes back. Runs of a patient are made in a row, since he takes seconds to build.
"""

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from guidance.errors import GuidanceError, InputError
from guidance.simulation._patient import Patient, prepare_patient
from guidance.simulation._simulate import SimulatedRun, simulate_run
from guidance.simulation._suites import Suite, by_patient, decode_suite, encode_suite

logger = logging.getLogger(__name__)

# So many runs of a patient are one piece of work: few enough to end together on many cores.
RUNS_AT_ONCE = 12

Work = Callable[[SimulatedRun], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of one run.

    Attributes
    ----------
    index : int
        Its number in the suite.
    value : object
        What the function returned; None if it failed.
    error : str
        Why it failed; empty if it did not.
    """

    index: int
    value: object
    error: str = ""


@dataclass(slots=True)
class _Process:
    """What a process holds: the suite, and the patient it worked on last."""

    suite: Suite | None = None
    patient: Patient | None = None


_here = _Process()


def _start(suite: bytes) -> None:
    _here.suite = decode_suite(suite)


def _make(indices: Sequence[int], work: Work) -> list[RunOutcome]:
    suite = _here.suite
    assert suite is not None
    outcomes = []
    for index in indices:
        settings = suite.runs[index]
        try:
            if _here.patient is None or _here.patient.name != settings.anatomy:
                _here.patient = None  # the old one goes before the new one comes
                _here.patient = prepare_patient(settings.anatomy, suite.patients[settings.anatomy])
            value = work(simulate_run(settings, _here.patient))
            outcomes.append(RunOutcome(index=index, value=value))
        except GuidanceError as error:
            outcomes.append(RunOutcome(index=index, value=None, error=str(error)))
        except Exception as error:
            # A mistake of the program: hours of other runs must not be lost for it.
            logger.exception("run %d of %s", index, suite.name)
            reason = f"unforeseen {type(error).__name__}: {error}"
            outcomes.append(RunOutcome(index=index, value=None, error=reason))
    return outcomes


def stream_suite(
    suite: Suite, indices: Sequence[int], work: Work, *, workers: int = 1
) -> Iterator[RunOutcome]:
    """Yield what `work` returned for each run, in no certain order.

    Parameters
    ----------
    suite : Suite
        The suite.
    indices : sequence of int
        Which of its runs.
    work : callable
        Takes a `SimulatedRun`; must be picklable, and what it returns too.
    workers : int
        Number of processes; with 1 nothing is started.

    Raises
    ------
    InputError
        An index is not in the suite; fewer than one worker.
    """
    beyond = [index for index in indices if not 0 <= index < len(suite.runs)]
    if beyond or workers < 1:
        raise InputError(
            f"runs {beyond[:3]} and {workers} workers; suite {suite.name} has {len(suite.runs)} "
            "runs, counted from 0, and at least one worker is needed"
        )
    pieces = [
        group[start : start + RUNS_AT_ONCE]
        for _, group in by_patient(suite, list(indices))
        for start in range(0, len(group), RUNS_AT_ONCE)
    ]
    if workers == 1:
        _here.suite, _here.patient = suite, None
        try:
            for piece in pieces:
                for index in piece:
                    yield from _make([index], work)
        finally:
            _here.suite, _here.patient = None, None
        return
    # Forking a process that has threads is not safe, and numba's are not wanted twice.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(encode_suite(suite),)
    )
    waiting: list[Future[list[RunOutcome]]] = []
    try:
        waiting = [pool.submit(_make, piece, work) for piece in pieces]
        for done in as_completed(waiting):
            yield from done.result()
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
