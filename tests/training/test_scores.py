"""Figures of the network on frames of patients that it does not know."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from made_examples import made_run

from guidance.training import gather
from guidance.training._scores import (
    FIGURE_COLUMNS,
    Answers,
    Questions,
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
        asked=Questions(uptake=found.uptake, contrast=found.contrast, pattern=found.pattern),
        loss=1.0,
        uptake=score,
        contrast=rightness * found.contrast,
        pattern=np.maximum(found.pattern, 0),
        vessel_px=score,
    )


def test_perfect_answers_get_perfect_figures():
    found = gather([made_run(1), made_run(2, "epidural"), made_run(3, "none")])
    line = score_answers(answers_of(found, 1), step=5, minutes=1.234, train_loss=0.5)
    assert (line.auc, line.auc_with_contrast, line.auc_of_map, line.auc_of_contrast) == (1,) * 4
    assert line.pattern_accuracy == 1
    assert (line.frames, line.positive_frames, line.pattern_frames) == (18, 3, 6)
    mute = score_answers(answers_of(found, 0), step=5, minutes=1, train_loss=0.5)
    assert mute.auc == mute.auc_of_contrast == 0.5


def test_the_table_has_a_line_of_names_and_empty_cells():
    found = gather([made_run(3, "none")])
    line = score_answers(answers_of(found, 1), step=5, minutes=1.234, train_loss=0.5)
    (row,) = csv.DictReader(io.StringIO(format_figures([line])))
    assert tuple(row) == FIGURE_COLUMNS
    assert (row["step"], row["minutes"], row["auc"], row["frames"]) == ("5", "1.23", "", "6")


def test_composed_frames_have_their_own_figures():
    runs, composed = gather([made_run(1)]), gather([made_run(2), made_run(3, "epidural")])
    said = answers_of(runs, 1), answers_of(composed, 1)
    alone, both = (
        score_answers(*some, step=5, minutes=1, train_loss=0.5) for some in (said[:1], said)
    )
    assert (alone.composed_frames, alone.composed_auc) == (0, None)
    assert (both.frames, both.auc, both.loss) == (alone.frames, alone.auc, alone.loss)
    assert (both.composed_frames, both.composed_auc, both.composed_auc_of_map) == (12, 1, 1)
    assert (both.composed_loss, both.composed_pattern_accuracy) == (1, 1)


def test_what_is_not_asked_does_not_count():
    found = gather([made_run(1), made_run(2, "epidural")])
    said = answers_of(found, 1)
    unasked = replace(said, asked=replace(said.asked, contrast=np.full(12, -1, np.float32)))
    line = score_answers(unasked, step=5, minutes=1, train_loss=0.5)
    assert line.auc_of_contrast is None
    assert line.auc == 1
