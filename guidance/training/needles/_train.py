"""Training of the network that sees needles; it may be stopped at any time, and goes on."""

import csv
import io
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from guidance.errors import GuidanceError, InputError, StorageError
from guidance.io import write_atomically
from guidance.training._checkpoint import CHECKPOINT
from guidance.training._torch import Network, load_torch
from guidance.training._train_settings import Budget
from guidance.training.needles._figures import NeedleFigures, judge_needles
from guidance.training.needles._files import NeedleExamples
from guidance.training.needles._network import build_needle_network, measure_needle_loss
from guidance.training.needles._samples import draw_needle_sample

logger = logging.getLogger(__name__)

FIGURES = "figures.csv"
_LAST_RATE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleSettings:
    """How the network is trained; a mean of its weights is kept, as for the other one.

    Attributes
    ----------
    seed : int
        Of weights and variations.
    batch, side_px : int
        Parts at a time, and their side.
    learning_rate, weight_decay, warm_steps, longest_gradient, average_decay : float
        As of `TrainingSettings`.
    widths : tuple of four ints
        Of the network.
    """

    seed: int = 0
    batch: int = 16
    side_px: int = 192
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    warm_steps: int = 100
    longest_gradient: float = 5.0
    average_decay: float = 0.998
    widths: tuple[int, int, int, int] = (16, 24, 40, 56)


@dataclass(slots=True, kw_only=True, eq=False)
class _Learner:
    network: Network
    average: Any
    optimizer: Any
    rng: np.random.Generator
    step: int = 0
    elapsed_s: float = 0.0
    figures: list[NeedleFigures] = field(default_factory=list)


def train_needles(
    learned: Sequence[NeedleExamples],
    held_out: Sequence[NeedleExamples],
    folder: Path,
    *,
    budget: Budget,
    settings: NeedleSettings | None = None,
    figures_s: float = 180.0,
    should_stop: Callable[[], bool] = lambda: False,
    on_figures: Callable[[NeedleFigures], None] = lambda line: None,
) -> Network:
    """Train until the budget is spent or it is told to stop; go on where an earlier call stopped.

    Parameters
    ----------
    learned, held_out : sequence of NeedleExamples
        What it learns from, and what it is held against; of different patients.
    folder : Path
        For the checkpoint and the table of figures.
    budget : Budget
        How long.
    settings : NeedleSettings, optional
        How.
    figures_s : float
        So often it is held against the others, and saved.
    should_stop : callable
        Asked after each batch.
    on_figures : callable
        Is shown each line of figures.

    Returns
    -------
    torch.nn.Module
        With the mean of the weights.

    Raises
    ------
    InputError
        A patient is on both sides, one side is empty, or the folder holds a training with other
        settings.
    OptionalDependencyError
        PyTorch is not installed.
    """
    settings = settings or NeedleSettings()
    both = {run.patient for run in learned} & {run.patient for run in held_out}
    if both or not learned or not held_out:
        raise InputError(
            f"{len(learned)} runs to learn from, {len(held_out)} held out, patients on both sides: "
            f"{', '.join(sorted(both)[:3]) or 'none'}; give both, as FOLDER@0-29 and FOLDER@30-33"
        )
    learner = _begin(settings)
    path = folder / CHECKPOINT
    if path.exists():
        _restore(learner, path, settings)
    before, began = learner.elapsed_s, time.monotonic()
    shown, lost = began, []
    while (spent := budget.spent(learner.step, learner.elapsed_s)) < 1:
        lost.append(_learn(learner, learned, settings, spent))
        now = time.monotonic()
        learner.elapsed_s = before + now - began
        if should_stop():
            _save(learner, path, settings)
            return learner.average.module
        if now - shown >= figures_s:
            shown = now
            _show(learner, held_out, folder, lost, on_figures)
            _save(learner, path, settings)
    _show(learner, held_out, folder, lost, on_figures)
    _save(learner, path, settings)
    return learner.average.module


def read_needle_network(path: Path) -> Network:
    """Return the network of a checkpoint, or of a file of weights alone.

    Raises
    ------
    StorageError
        It holds none.
    """
    torch = load_torch("the network")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        words = json.loads(content.get("words", "{}"))
        widths = words.get("settings", {}).get("widths", NeedleSettings().widths)
        network = build_needle_network(tuple(widths))
        network.load_state_dict(content.get("average", content))
    except Exception as error:  # torch raises what its parts happen to raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise StorageError(
            f"{path.name} holds no weights of the network that sees needles ({reason}); make them "
            "with: python -m guidance.training train-needles"
        ) from error
    return network


def _begin(settings: NeedleSettings) -> _Learner:
    torch = load_torch("training")
    torch.manual_seed(settings.seed)
    network = build_needle_network(settings.widths).to(memory_format=torch.channels_last)
    averages = torch.optim.swa_utils
    return _Learner(
        network=network,
        average=averages.AveragedModel(
            network,
            multi_avg_fn=averages.get_ema_multi_avg_fn(settings.average_decay),
            use_buffers=True,
        ),
        optimizer=torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        ),
        rng=np.random.default_rng(settings.seed),
    )


def _learn(
    learner: _Learner, learned: Sequence[NeedleExamples], settings: NeedleSettings, spent: float
) -> float:
    """Learn from one batch, and return its loss."""
    torch = load_torch("training")
    falling = _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * spent))
    rate = settings.learning_rate * min(1.0, (learner.step + 1) / settings.warm_steps) * falling
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    samples = [
        draw_needle_sample(learned, learner.rng, settings.side_px) for _ in range(settings.batch)
    ]
    shown = torch.from_numpy(np.stack([sample.channels for sample in samples]))
    maps = torch.from_numpy(np.stack([sample.maps for sample in samples]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        odds = learner.network(shown.contiguous(memory_format=torch.channels_last))
    loss = measure_needle_loss(odds.float(), maps)
    learner.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learner.network.parameters(), settings.longest_gradient)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise GuidanceError(
            f"the loss is {value} at batch {learner.step}; the checkpoint before it is kept: lower "
            "the learning rate, or give another seed and another folder"
        )
    learner.optimizer.step()
    learner.average.update_parameters(learner.network)
    learner.step += 1
    return value


def _show(
    learner: _Learner,
    held_out: Sequence[NeedleExamples],
    folder: Path,
    lost: list[float],
    on_figures: Callable[[NeedleFigures], None],
) -> None:
    line = judge_needles(
        learner.average.module,
        held_out,
        step=learner.step,
        minutes=learner.elapsed_s / 60,
        train_loss=float(np.mean(lost)) if lost else math.nan,
    )
    lost.clear()
    learner.figures.append(line)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([each.name for each in fields(NeedleFigures)])
    writer.writerows(astuple(each) for each in learner.figures)
    write_atomically(folder / FIGURES, table.getvalue().encode())
    on_figures(line)


def _save(learner: _Learner, path: Path, settings: NeedleSettings) -> None:
    torch = load_torch("training")
    words = {
        "settings": asdict(settings),
        "numpy_rng": learner.rng.bit_generator.state,
        "step": learner.step,
        "elapsed_s": learner.elapsed_s,
        "figures": [asdict(line) for line in learner.figures],
    }
    packed = io.BytesIO()
    torch.save(
        {
            "words": json.dumps(words),
            "network": learner.network.state_dict(),
            "average": learner.average.module.state_dict(),
            "averaged": learner.average.n_averaged,
            "optimizer": learner.optimizer.state_dict(),
            "torch_rng": torch.get_rng_state(),
        },
        packed,
    )
    write_atomically(path, packed.getvalue())


def _restore(learner: _Learner, path: Path, settings: NeedleSettings) -> None:
    torch = load_torch("training")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        words = json.loads(content["words"])
        if words["settings"] != json.loads(json.dumps(asdict(settings))):
            raise InputError(
                f"the checkpoint was made with {words['settings']}, expected {asdict(settings)}; "
                "choose another folder, or delete it to begin anew"
            )
        learner.network.load_state_dict(content["network"])
        learner.average.module.load_state_dict(content["average"])
        learner.average.n_averaged.copy_(content["averaged"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.rng.bit_generator.state = words["numpy_rng"]
        learner.step, learner.elapsed_s = words["step"], words["elapsed_s"]
        learner.figures = [NeedleFigures(**line) for line in words["figures"]]
        torch.set_rng_state(content["torch_rng"])
    except InputError:
        raise
    except Exception as error:  # torch raises what its parts happen to raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise StorageError(
            f"{path.name} is no checkpoint of this version ({reason}); choose another folder, or "
            "delete it to begin anew"
        ) from error
