"""The record of a training: what was learned from, how, and what came of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from guidance import __version__
from guidance.errors import InputError, StorageError
from guidance.simulation import encode_suite, library_versions, read_suite
from guidance.training._scores import HeldOutFigures
from guidance.training._train_settings import TrainingSettings

RECORD = "training.json"
SCHEMA = "guidance.training/1"


class Portion(Protocol):
    """What was learned from one run: its examples, or a course."""

    @property
    def suite(self) -> str:
        """Where it is from."""

    @property
    def patient(self) -> str:
        """Of whom."""

    @property
    def frames(self) -> NDArray[np.int64]:
        """Which frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePart:
    """Examples of one suite.

    Attributes
    ----------
    suite, suite_sha256 : str
        Name of the suite, and hash of its unpacked list; empty where it is no known suite.
    patients : tuple of str
        Whose runs.
    runs, frames : int
        How many.
    kind : str
        ``"runs"``, or ``"courses"``: the contrast alone of runs from the suite's ranges.
    """

    suite: str
    suite_sha256: str
    patients: tuple[str, ...]
    runs: int
    frames: int
    kind: str = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What there is to say of a training.

    Attributes
    ----------
    schema : str
        ``"guidance.training/1"``.
    guidance_version : str
        Of the code.
    libraries : dict of str
        Versions of what it was trained with.
    device : str
        ``"cpu"`` or ``"cuda"``.
    settings : TrainingSettings
        How.
    steps, minutes : int, float
        How long.
    parameters : int
        Numbers that the network learned.
    learned, held_out : tuple of SuitePart
        From whom it learned, and against whom it was held.
    figures : HeldOutFigures or None
        On held-out frames, in the end.
    """

    schema: str
    guidance_version: str
    libraries: dict[str, str]
    device: str
    settings: TrainingSettings
    steps: int
    minutes: float
    parameters: int
    learned: tuple[SuitePart, ...]
    held_out: tuple[SuitePart, ...]
    figures: HeldOutFigures | None

    def __post_init__(self) -> None:
        """Refuse other schemas, and patients on both sides."""
        if self.schema != SCHEMA:
            raise InputError(f"schema is {self.schema[:40]!r}, expected {SCHEMA!r}")
        sides = [
            {name for part in parts for name in part.patients}
            for parts in (self.learned, self.held_out)
        ]
        check_split(*sides)


def check_split(learned: set[str], held_out: set[str]) -> None:
    """Refuse a split that lets a patient judge what was learned from him.

    Raises
    ------
    InputError
        One is on both sides.
    """
    if both := sorted(learned & held_out):
        raise InputError(
            f"patients {', '.join(both[:3])} are learned from and held out; split by patients, "
            "as FOLDER@0-127 and FOLDER@128-159"
        )


def describe_parts(runs: Sequence[Portion], kind: str = "runs") -> tuple[SuitePart, ...]:
    """Return what some examples or courses are made of, by suite."""
    return tuple(
        SuitePart(
            suite=suite,
            suite_sha256=hash_suite(suite),
            patients=tuple(sorted({run.patient for run in runs if run.suite == suite})),
            runs=sum(run.suite == suite for run in runs),
            frames=sum(len(run.frames) for run in runs if run.suite == suite),
            kind=kind,
        )
        for suite in sorted({run.suite for run in runs})
    )


@cache
def hash_suite(name: str) -> str:
    """Return the SHA-256 of a suite's unpacked list; empty where there is no such suite."""
    try:
        return hashlib.sha256(encode_suite(read_suite(name))).hexdigest()
    except InputError:
        return ""


def make_record(
    *,
    settings: TrainingSettings,
    device: str,
    spent: tuple[int, float],
    parameters: int,
    parts: tuple[tuple[SuitePart, ...], tuple[SuitePart, ...]],
    figures: HeldOutFigures | None,
    torch_version: str,
) -> TrainingRecord:
    """Return the record of a training by this version.

    Parameters
    ----------
    settings : TrainingSettings
        How.
    device : str
        Where.
    spent : (int, float)
        Batches and minutes.
    parameters : int
        Numbers that the network learned.
    parts : pair of tuples of SuitePart
        Learned from; held out.
    figures : HeldOutFigures or None
        In the end.
    torch_version : str
        Of PyTorch.
    """
    return TrainingRecord(
        schema=SCHEMA,
        guidance_version=__version__,
        libraries=library_versions() | {"torch": torch_version},
        device=device,
        settings=settings,
        steps=spent[0],
        minutes=round(spent[1], 1),
        parameters=parameters,
        learned=parts[0],
        held_out=parts[1],
        figures=figures,
    )


def encode_record(record: TrainingRecord) -> bytes:
    """Return the record as JSON."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read_record(path: Path) -> TrainingRecord:
    """Return the record that a file holds.

    Raises
    ------
    StorageError
        It is missing, damaged or no record.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingRecord)
    except (OSError, msgspec.MsgspecError, InputError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"{path.name} is no record of a training: {reason}; give the {RECORD} that "
            "`python -m guidance.training train` wrote"
        ) from error
