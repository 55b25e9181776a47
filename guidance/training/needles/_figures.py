"""How well needles are seen, on patients that were held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from guidance.needle import CELL_PX
from guidance.training._torch import Network, load_torch
from guidance.training.needles._files import NeedleExamples

_MARGIN_PX = 3.0
_NEAR_MM, _FAR_MM = 2.5, 5.0
_STEEL_STEPS = 8
_SIDE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleFigures:
    """One line of the table.

    Attributes
    ----------
    step, minutes : int, float
        When.
    train_loss : float
        Of what was learned since the line before.
    runs : int
        Held out, with the injecting needle's tip in the picture.
    median_mm : float
        Distance of the likeliest tip from a true one.
    near, within : float
        Share of the runs with less than 2.5 and 5 mm.
    overlap : float
        Dice of the steel.
    """

    step: int
    minutes: float
    train_loss: float
    runs: int
    median_mm: float
    near: float
    within: float
    overlap: float


def judge_needles(
    network: Network,
    examples: Sequence[NeedleExamples],
    *,
    step: int = 0,
    minutes: float = 0.0,
    train_loss: float = 0.0,
) -> NeedleFigures:
    """Return how well needles are seen in the last picture of each run.

    Parameters
    ----------
    network : torch.nn.Module
        Left in training mode.
    examples : sequence of NeedleExamples
        Held out.
    step, minutes, train_loss : int, float, float
        Go into the line.
    """
    torch = load_torch("training")
    network.eval()
    away_mm, overlaps = [], []
    for run in examples:
        rows, columns = run.steel.shape
        tip = run.tips[0]
        if min(*tip, rows - tip[0], columns - tip[1]) < _MARGIN_PX:
            continue
        padded = [(0, 0), *((0, -side % _SIDE) for side in (rows, columns))]
        shown = np.pad(run.show(len(run.pictures) - 1), padded)
        with torch.no_grad():
            odds = network(torch.from_numpy(shown[None]))[0].numpy()
        steel, tips = (image[: rows // CELL_PX, : columns // CELL_PX] for image in odds)
        row, column = np.unravel_index(int(tips.argmax()), tips.shape)
        place = np.array([row, column]) * CELL_PX + (CELL_PX - 1) / 2
        away_mm.append(float(np.linalg.norm(run.tips - place, axis=1).min()) * run.pixel_mm)
        size = (columns // CELL_PX, rows // CELL_PX)
        true = cv2.resize(run.steel, size, interpolation=cv2.INTER_AREA) > _STEEL_STEPS
        overlaps.append(2 * (true & (steel > 0)).sum() / max((true.sum() + (steel > 0).sum()), 1))
    network.train()
    errors = np.array(away_mm or [np.nan])
    return NeedleFigures(
        step=step,
        minutes=round(minutes, 2),
        train_loss=round(train_loss, 4),
        runs=len(away_mm),
        median_mm=round(float(np.median(errors)), 3),
        near=round(float((errors < _NEAR_MM).mean()), 3),
        within=round(float((errors < _FAR_MM).mean()), 3),
        overlap=round(float(np.mean(overlaps or [0.0])), 3),
    )
