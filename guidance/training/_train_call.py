"""`train` as it is called: reads examples, trains until told to stop, keeps the record."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from guidance.io import write_atomically
from guidance.training._checkpoint import CHECKPOINT
from guidance.training._example_set import read_example_set
from guidance.training._folders import Source
from guidance.training._network import count_parameters
from guidance.training._record import (
    RECORD,
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
class TrainCall:
    """One call.

    Attributes
    ----------
    learned, held_out : Source
        Folders of examples.
    folder : Path
        For checkpoint, figures and record.
    budget : Budget
        How long.
    settings : TrainingSettings
        How.
    threads : int or None
        Cores PyTorch may use; None leaves it to PyTorch.
    say : callable
        Takes lines for the user.
    """

    learned: Source
    held_out: Source
    folder: Path
    budget: Budget
    settings: TrainingSettings
    threads: int | None
    say: Callable[[str], None]


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
    learned, held_out = read_example_set(call.learned), read_example_set(call.held_out)
    check_split(set(learned.patients), set(held_out.patients))
    call.say(
        f"{len(learned)} frames of {len(learned.patients)} patients to learn from, "
        f"{len(held_out)} of {len(held_out.patients)} held out"
    )
    with told_to_stop() as should_stop:
        learner = train(
            learned,
            held_out,
            call.folder,
            budget=call.budget,
            settings=call.settings,
            schedule=Schedule(should_stop=should_stop, on_figures=lambda line: _say(call, line)),
        )
    record = make_record(
        settings=learner.settings,
        device=learner.device,
        spent=(learner.step, learner.elapsed_s / 60),
        parameters=count_parameters(learner.network),
        parts=(describe_parts(learned.runs), describe_parts(held_out.runs)),
        figures=learner.figures[-1] if learner.figures else None,
        torch_version=str(torch.__version__),
    )
    write_atomically(call.folder / RECORD, encode_record(record))
    return call.folder / CHECKPOINT


def _say(call: TrainCall, line: HeldOutFigures) -> None:
    call.say(
        f"batch {line.step}, {line.minutes} min: loss {line.train_loss} learned, {line.loss} held "
        f"out; AUC {line.auc}, with contrast {line.auc_with_contrast}"
    )


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
