"""The same work on many runs, one after the other or in several processes; failures are kept."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2

from guidance.errors import GuidanceError, InputError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[Item]):
    """What became of one piece of work.

    Attributes
    ----------
    item : object
        What was worked on.
    said : str
        What there is to say of it; empty if it failed.
    error : str
        Why it failed; empty if it did not.
    """

    item: Item
    said: str
    error: str = ""


def work_through(
    pieces: Sequence[Sequence[Item]], work: Callable[[Item], str], *, workers: int = 1
) -> Iterator[Outcome[Item]]:
    """Yield what became of each item, as soon as it is done.

    Parameters
    ----------
    pieces : sequence of sequences
        Items; those of one piece are done in a row by one process.
    work : callable
        Takes an item and returns what there is to say of it; must be picklable.
    workers : int
        Number of processes; with 1 nothing is started.

    Raises
    ------
    InputError
        Fewer than one worker.
    """
    if workers < 1:
        raise InputError(f"{workers} workers, expected at least 1")
    if workers == 1:
        for piece in pieces:
            for item in piece:
                yield _do(item, work)
        return
    # Forking a process that has threads is not safe, and numba's are not wanted twice.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start)
    waiting: list[Future[list[Outcome[Item]]]] = []
    try:
        waiting = [pool.submit(_do_all, piece, work) for piece in pieces]
        for done in as_completed(waiting):
            yield from done.result()
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)


def _start() -> None:
    cv2.setNumThreads(1)  # there is a process for every core already


def _do_all(piece: Sequence[Item], work: Callable[[Item], str]) -> list[Outcome[Item]]:
    return [_do(item, work) for item in piece]


def _do(item: Item, work: Callable[[Item], str]) -> Outcome[Item]:
    try:
        return Outcome(item=item, said=work(item))
    except GuidanceError as error:
        return Outcome(item=item, said="", error=str(error))
    except Exception as error:
        # A mistake of the program: hours of other runs must not be lost for it.
        logger.exception("unforeseen failure")
        return Outcome(item=item, said="", error=f"unforeseen {type(error).__name__}: {error}")
