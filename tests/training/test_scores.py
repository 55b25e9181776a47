"""Figures of the network on frames of patients that it does not know."""

import csv
import io

import numpy as np
import pytest
from made_examples import made_run

from guidance.training import gather
from guidance.training._scores import (
    FIGURE_COLUMNS,
    Answers,
    area_under_roc,
    format_figures,
    score_answers,
)


def test_area_under_roc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 6, 60), rng.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert area_under_roc(score, positive) == pytest.approx(np.mean(pairs))
    assert np.isnan(area_under_roc(score, np.zeros(60, bool)))


def answers_of(found, rightness: float) -> Answers:
    score = rightness * found.uptake
    return Answers(
        loss=1.0,
        uptake=score,
        contrast=rightness * found.contrast,
        pattern=np.maximum(found.pattern, 0),
        vessel_px=score,
    )


def test_perfect_answers_get_perfect_figures():
    found = gather([made_run(1), made_run(2, "epidural"), made_run(3, "none")])
    line = score_answers(found, answers_of(found, 1), step=5, minutes=1.234, train_loss=0.5)
    assert (line.auc, line.auc_with_contrast, line.auc_of_map, line.auc_of_contrast) == (1,) * 4
    assert line.pattern_accuracy == 1
    assert (line.frames, line.positive_frames, line.pattern_frames) == (18, 3, 6)
    mute = score_answers(found, answers_of(found, 0), step=5, minutes=1, train_loss=0.5)
    assert mute.auc == mute.auc_of_contrast == 0.5


def test_the_table_has_a_line_of_names_and_empty_cells():
    found = gather([made_run(3, "none")])
    line = score_answers(found, answers_of(found, 1), step=5, minutes=1.234, train_loss=0.5)
    (row,) = csv.DictReader(io.StringIO(format_figures([line])))
    assert tuple(row) == FIGURE_COLUMNS
    assert (row["step"], row["minutes"], row["auc"], row["frames"]) == ("5", "1.23", "", "6")
