"""`train` as it is called: reads examples, trains until told to stop, keeps the record."""

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from guidance.io import write_atomically
from guidance.training._checkpoint import CHECKPOINT, read_network
from guidance.training._course_set import read_course_set
from guidance.training._example_set import read_example_set
from guidance.training._folders import Source
from guidance.training._material import Material
from guidance.training._network import count_parameters
from guidance.training._record import (
    RECORD,
    SuitePart,
    check_split,
    describe_parts,
    encode_record,
    make_record,
)
from guidance.training._scores import HeldOutFigures
from guidance.training._torch import load_torch
from guidance.training._train import Schedule, train
from guidance.training._train_settings import Budget, TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFolders:
    """What one side of the split is made of.

    Attributes
    ----------
    examples : tuple of Source
        Folders of examples.
    courses : tuple of Source
        Folders of courses; may be empty.
    """

    examples: tuple[Source, ...]
    courses: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainCall:
    """One call.

    Attributes
    ----------
    learned, held_out : TrainingFolders
        What it learns from, and what it is held against.
    folder : Path
        For checkpoint, figures and record.
    budget : Budget
        How long.
    settings : TrainingSettings
        How; which weights it begins with stands in `begin_with`.
    begin_with : Path or None
        A checkpoint, or weights, of an earlier stage; None for random ones.
    threads : int or None
        Cores PyTorch may use; None leaves it to PyTorch.
    say : callable
        Takes lines for the user.
    """

    learned: TrainingFolders
    held_out: TrainingFolders
    folder: Path
    budget: Budget
    settings: TrainingSettings
    begin_with: Path | None = None
    threads: int | None = None
    say: Callable[[str], None] = print


def run_training(call: TrainCall) -> Path:
    """Train, and return the path of the checkpoint.

    Raises
    ------
    GuidanceError
        PyTorch is missing, or the examples cannot be used.
    """
    torch = load_torch("training")
    if call.threads is not None:
        torch.set_num_threads(call.threads)
    settings, weights = _begin(call)
    learned, held_out = _read(call.learned), _read(call.held_out)
    parts = _describe(learned), _describe(held_out)
    sides = [{name for part in side for name in part.patients} for side in parts]
    check_split(sides[0], sides[1])
    for material, what in ((learned, "to learn from"), (held_out, "held out")):
        call.say(_count(material, what))
    with told_to_stop() as should_stop:
        learner = train(
            learned,
            held_out,
            call.folder,
            budget=call.budget,
            settings=settings,
            schedule=Schedule(should_stop=should_stop, on_figures=lambda line: _say(call, line)),
            weights=weights,
        )
    record = make_record(
        settings=learner.settings,
        device=learner.device,
        spent=(learner.step, learner.elapsed_s / 60),
        parameters=count_parameters(learner.network),
        parts=parts,
        figures=learner.figures[-1] if learner.figures else None,
        torch_version=str(torch.__version__),
    )
    write_atomically(call.folder / RECORD, encode_record(record))
    return call.folder / CHECKPOINT


def _begin(call: TrainCall) -> tuple[TrainingSettings, dict[str, Any] | None]:
    """Return the settings in force and the first weights, which decide the network's size."""
    if call.begin_with is None:
        return call.settings, None
    network, before = read_network(call.begin_with)
    sha256 = hashlib.sha256(call.begin_with.read_bytes()).hexdigest()
    settings = replace(call.settings, network=before.network, begun_with=sha256)
    return settings, network.state_dict()


def _read(folders: TrainingFolders) -> Material:
    courses = read_course_set(folders.courses) if folders.courses else None
    return Material(examples=read_example_set(folders.examples), courses=courses)


def _describe(material: Material) -> tuple[SuitePart, ...]:
    courses = () if material.courses is None else material.courses.courses
    return describe_parts(material.examples.runs) + describe_parts(courses, "courses")


def _count(material: Material, what: str) -> str:
    examples, courses = material.examples, material.courses
    said = f"{what}: {len(examples)} frames of {len(examples.patients)} patients"
    if courses is None:
        return said
    return f"{said}, {len(courses.courses)} courses of {len(courses.patients)}"


def _say(call: TrainCall, line: HeldOutFigures) -> None:
    said = (
        f"batch {line.step}, {line.minutes} min: loss {line.train_loss} learned, {line.loss} held "
        f"out; AUC {line.auc}, with contrast {line.auc_with_contrast}"
    )
    if line.composed_frames:
        said += f"; composed: loss {line.composed_loss}, AUC {line.composed_auc}"
    call.say(said)


@contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield what says whether Ctrl-C or a plain `kill` has asked for an end."""
    asked: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        if asked:  # asked twice: at once
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
