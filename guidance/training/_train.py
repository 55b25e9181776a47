"""The training loop. It may be stopped at any batch, and goes on from there as if it had not been.

Sums are in bfloat16 where that is faster without harm (autocast), weights and loss in float32. A
running mean of the weights is what is judged.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guidance.errors import GuidanceError
from guidance.io import write_atomically
from guidance.training._batch import Batch, make_batch, make_batches
from guidance.training._checkpoint import CHECKPOINT, Learner, new_learner, restore, save
from guidance.training._losses import measure_loss
from guidance.training._material import Material, draw_samples, take_composed, take_examples
from guidance.training._sample import Sample
from guidance.training._scores import (
    Answers,
    HeldOutFigures,
    Questions,
    format_figures,
    score_answers,
)
from guidance.training._torch import Network, Tensor, load_torch
from guidance.training._train_settings import Budget, TrainingSettings

logger = logging.getLogger(__name__)

FIGURES = "figures.csv"
_LAST_RATE = 0.02
_ASKED_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When training saves itself, and when it is held against patients it does not know.

    Attributes
    ----------
    checkpoint_s, figures_s : float
        So often, in seconds.
    should_stop : callable
        Asked after each batch.
    on_figures : callable
        Is shown each line of figures.
    """

    checkpoint_s: float = 60.0
    figures_s: float = 300.0
    should_stop: Callable[[], bool] = lambda: False
    on_figures: Callable[[HeldOutFigures], None] = lambda line: None


def choose_device() -> str:
    """Return ``"cuda"`` where there is a graphics card that PyTorch can use, else ``"cpu"``."""
    return "cuda" if load_torch("training").cuda.is_available() else "cpu"


def train(
    learned: Material,
    held_out: Material,
    folder: Path,
    *,
    budget: Budget,
    settings: TrainingSettings | None = None,
    schedule: Schedule | None = None,
    weights: dict[str, Any] | None = None,
) -> Learner:
    """Train until the budget is spent or it is told to stop; go on where an earlier call stopped.

    Parameters
    ----------
    learned, held_out : Material
        What it learns from, and what it is held against. They share no patient.
    folder : Path
        For the checkpoint and the table of figures.
    budget : Budget
        How long.
    settings : TrainingSettings, optional
        How.
    schedule : Schedule, optional
        What it does beside.
    weights : dict of tensors, optional
        The first ones; None for random ones.

    Returns
    -------
    Learner
        As it is in the checkpoint.

    Raises
    ------
    OptionalDependencyError
        PyTorch is not installed.
    InputError
        The folder holds a training with other settings.
    """
    settings, schedule = settings or TrainingSettings(), schedule or Schedule()
    learner = new_learner(settings, choose_device(), weights)
    if (folder / CHECKPOINT).exists():
        restore(learner, folder / CHECKPOINT)
    elapsed_before, began = learner.elapsed_s, time.monotonic()
    saved = shown = began
    learner.network.train()
    while (spent := budget.spent(learner.step, learner.elapsed_s)) < 1:
        _learn(learner, learned, _rate(settings, learner.step, spent))
        now = time.monotonic()
        learner.elapsed_s = elapsed_before + now - began
        is_over = schedule.should_stop()
        if now - shown >= schedule.figures_s:
            shown = now
            _show(learner, held_out, folder, schedule)
        if is_over or now - saved >= schedule.checkpoint_s:
            saved = now
            save(learner, folder / CHECKPOINT)
        if is_over:
            return learner
    if not learner.figures or learner.figures[-1].step != learner.step:
        _show(learner, held_out, folder, schedule)
    save(learner, folder / CHECKPOINT)
    return learner


def _rate(settings: TrainingSettings, step: int, spent: float) -> float:
    """Return the learning rate of a batch."""
    warm = min(1.0, (step + 1) / settings.warm_steps)
    falling = _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * spent))
    return settings.learning_rate * warm * falling


def _learn(learner: Learner, material: Material, rate: float) -> None:
    """Learn from one batch."""
    torch = load_torch("training")
    settings, network, optimizer = learner.settings, learner.network, learner.optimizer
    for group in optimizer.param_groups:
        group["lr"] = rate
    batch = make_batch(draw_samples(material, learner.rng, settings), learner.device)
    loss = measure_loss(*_ask(network, batch, learner.device), batch)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), settings.longest_gradient)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise GuidanceError(
            f"the loss is {value} at batch {learner.step}; the checkpoint before it is kept: "
            "lower the learning rate, or give another seed and another folder"
        )
    optimizer.step()
    learner.average.update_parameters(network)
    learner.step += 1
    learner.loss_sum += value
    learner.loss_count += 1


def _ask(network: Network, batch: Batch, device: str) -> tuple[Tensor, Tensor]:
    """Return the network's maps and logits, as float32."""
    torch = load_torch("training")
    channels = batch.channels.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, dtype=torch.bfloat16):
        maps, logits = network(channels)
    return maps.float(), logits.float()


def _show(learner: Learner, held_out: Material, folder: Path, schedule: Schedule) -> None:
    """Hold the averaged network against patients it does not know; write the table of figures."""
    network, device = learner.average.module, learner.device
    line = score_answers(
        answer(network, take_examples(held_out.examples), device),
        None if held_out.courses is None else answer(network, take_composed(held_out), device),
        step=learner.step,
        minutes=learner.elapsed_s / 60,
        train_loss=learner.loss_sum / max(learner.loss_count, 1),
    )
    learner.loss_sum, learner.loss_count = 0.0, 0
    learner.figures.append(line)
    write_atomically(folder / FIGURES, format_figures(learner.figures).encode())
    schedule.on_figures(line)


def answer(network: Network, samples: Iterable[Sample], device: str = "cpu") -> Answers:
    """Return what a network says of each sample.

    Parameters
    ----------
    network : torch.nn.Module
        See `build_network`; it is left in training mode if it was.
    samples : iterable of Sample
        What it is asked; at least one.
    device : str
        Where it is.
    """
    torch = load_torch("training")
    was_training = network.training
    network.eval()
    logits, areas, asked = [], [], []
    losses: list[float] = []
    with torch.no_grad():
        for batch in make_batches(samples, _ASKED_AT_ONCE, device):
            maps, said = _ask(network, batch, device)
            losses += [float(measure_loss(maps, said, batch))] * len(said)
            logits.append(said.cpu().numpy())
            areas.append(torch.sigmoid(maps[:, 2]).sum((1, 2)).cpu().numpy())
            asked.append([x.cpu().numpy() for x in (batch.uptake, batch.contrast, batch.pattern)])
    network.train(was_training)
    odds = np.concatenate(logits)
    uptake, contrast, pattern = (np.concatenate(parts) for parts in zip(*asked, strict=True))
    return Answers(
        asked=Questions(uptake=uptake, contrast=contrast, pattern=pattern),
        loss=float(np.mean(losses)),
        uptake=odds[:, 0],
        contrast=odds[:, 1],
        pattern=odds[:, 2:].argmax(1),
        vessel_px=np.concatenate(areas),
    )
