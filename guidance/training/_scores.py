"""How well the network does on frames of patients it has not learned from."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Questions:
    """What is right of each example of a set; -1 where that is not asked.

    Attributes
    ----------
    uptake, contrast : (N,) float array
        1 or 0.
    pattern : (N,) int array
        Which.
    """

    uptake: NDArray[np.float32]
    contrast: NDArray[np.float32]
    pattern: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What the network says of each example of a set.

    Attributes
    ----------
    asked : Questions
        What is right.
    loss : float
        Mean.
    uptake, contrast : (N,) float array
        Log-odds.
    pattern : (N,) int array
        The likeliest.
    vessel_px : (N,) float array
        Sum of the map of contrast in vessels at any time.
    """

    asked: Questions
    loss: float
    uptake: NDArray[np.float32]
    contrast: NDArray[np.float32]
    pattern: NDArray[np.int64]
    vessel_px: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutFigures:
    """One line of the table of figures; None stands for one that cannot be had.

    Attributes
    ----------
    step : int
        Batches learned from.
    minutes : float
        Time spent.
    train_loss, loss : float
        Mean over the batches since the last line, and over all held-out frames.
    auc : float
        Chance that a frame by which a vessel could be seen gets larger log-odds than one by which
        none held contrast.
    auc_with_contrast : float
        The same among frames with contrast.
    auc_of_map : float
        The same by the area that the map shows.
    auc_of_contrast : float
        Frames with contrast against those without.
    pattern_accuracy : float
        Share of frames with the right pattern.
    frames, positive_frames, pattern_frames : int
        How many frames there are, show a vessel, and are asked for a pattern.
    composed_frames : int
        How many composed frames there are.
    composed_loss, composed_auc, composed_auc_of_map, composed_pattern_accuracy : float
        As above, of these.
    """

    step: int
    minutes: float
    train_loss: float
    loss: float
    auc: float | None
    auc_with_contrast: float | None
    auc_of_map: float | None
    auc_of_contrast: float | None
    pattern_accuracy: float | None
    frames: int
    positive_frames: int
    pattern_frames: int
    composed_frames: int = 0
    composed_loss: float | None = None
    composed_auc: float | None = None
    composed_auc_of_map: float | None = None
    composed_pattern_accuracy: float | None = None


FIGURE_COLUMNS = tuple(field.name for field in fields(HeldOutFigures))


def area_under_roc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the chance that a positive scores above a negative; ties count half.

    Parameters
    ----------
    score : (N,) float array
    positive : (N,) bool array

    Returns
    -------
    float
        NaN where there is no pair.
    """
    ordered = np.sort(score[~positive])
    pairs = ordered.size * int(positive.sum())
    if not pairs:
        return math.nan
    below = np.searchsorted(ordered, score[positive], side="left").sum()
    not_above = np.searchsorted(ordered, score[positive], side="right").sum()
    return float(below + not_above) / 2 / pairs


def score_answers(
    answers: Answers,
    composed: Answers | None = None,
    *,
    step: int,
    minutes: float,
    train_loss: float,
) -> HeldOutFigures:
    """Return the figures of a network's answers.

    Parameters
    ----------
    answers : Answers
        Of frames of runs.
    composed : Answers, optional
        Of composed frames.
    step, minutes, train_loss : int, float, float
        How far training was.
    """
    wanted = answers.asked
    shown = wanted.contrast > 0
    figures = HeldOutFigures(
        step=step,
        minutes=round(minutes, 2),
        train_loss=round(train_loss, 4),
        loss=round(answers.loss, 4),
        auc=_tell_apart(answers.uptake, wanted.uptake),
        auc_with_contrast=_tell_apart(answers.uptake[shown], wanted.uptake[shown]),
        auc_of_map=_tell_apart(answers.vessel_px[shown], wanted.uptake[shown]),
        auc_of_contrast=_tell_apart(answers.contrast, wanted.contrast),
        pattern_accuracy=_share_right(answers),
        frames=wanted.uptake.size,
        positive_frames=int((wanted.uptake > 0).sum()),
        pattern_frames=int((wanted.pattern >= 0).sum()),
    )
    if composed is None:
        return figures
    return replace(
        figures,
        composed_frames=composed.uptake.size,
        composed_loss=round(composed.loss, 4),
        composed_auc=_tell_apart(composed.uptake, composed.asked.uptake),
        composed_auc_of_map=_tell_apart(composed.vessel_px, composed.asked.uptake),
        composed_pattern_accuracy=_share_right(composed),
    )


def _tell_apart(score: NDArray[np.float32], wanted: NDArray[np.float32]) -> float | None:
    asked = wanted >= 0
    return _tidy(area_under_roc(score[asked], wanted[asked] > 0))


def _share_right(answers: Answers) -> float | None:
    named = answers.asked.pattern >= 0
    right = answers.pattern[named] == answers.asked.pattern[named]
    return _tidy(float(right.mean()) if right.size else math.nan)


def format_figures(lines: list[HeldOutFigures]) -> str:
    """Return the figures as CSV; an empty cell is one that cannot be had."""
    rows = [",".join(FIGURE_COLUMNS)]
    for line in lines:
        values = [getattr(line, name) for name in FIGURE_COLUMNS]
        rows.append(",".join("" if value is None else str(value) for value in values))
    return "\n".join(rows) + "\n"


def _tidy(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
