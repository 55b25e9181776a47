"""Pictures of needles: steel lies where the truth has the tips; parts of them; what is stored."""

import numpy as np
import pytest
from made_needles import made

from guidance.errors import InputError, StorageError
from guidance.needle import CELL_PX
from guidance.training import parse_source, read_labels
from guidance.training._folders import find_runs, read_run_truth
from guidance.training.needles import (
    NeedleExamples,
    draw_needle_sample,
    make_needle_examples,
    read_needles,
    see_needles,
    write_needles,
)
from guidance.training.needles._files import read_needle_sets
from guidance.training.needles._samples import draw_maps


@pytest.fixture(scope="module")
def seen(runs_folder, suite) -> list[NeedleExamples]:
    return [see_needles(files, suite) for files in find_runs(parse_source(str(runs_folder)))]


def test_steel_begins_at_the_tip_of_the_truth(seen, runs_folder):
    inside = 0
    for examples, files in zip(seen, find_runs(parse_source(str(runs_folder))), strict=True):
        truth = read_run_truth(files)
        # Frames that repeat the one before show nothing new; eight make the second picture.
        before = read_labels(files.labels).pulses[: truth.onset_frame]
        assert len(examples.pictures) == (2 if np.unique(before).size >= 8 else 1)
        assert len(examples.tips) == 1 + len(truth.other_needles)
        rows, columns = examples.steel.shape
        row, column = examples.tips[0]
        if truth.tip_px[0] is None or not (6 < row < rows - 6 and 6 < column < columns - 6):
            continue
        inside += 1
        near = examples.steel[
            round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3
        ]
        assert near.max() > 10
        # Ahead of the tip there is none, but of another needle.
        direction = truth.needle.direction_px
        if direction is not None and not truth.other_needles:
            ahead = np.rint(examples.tips[0] + 5 * np.array(direction)).astype(int)
            assert examples.steel[ahead[0], ahead[1]] == 0
        assert np.abs(examples.show(0)[0]).max() > 1
    assert inside


def test_what_is_stored_is_read_back(tmp_path):
    write_needles(tmp_path, "00003", made(3))
    found = read_needles(tmp_path / "00003.npz")
    for name in ("pictures", "known", "steel", "tips"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made(3), name))
    assert (found.pixel_mm, found.view, found.patient, found.index) == (0.5, "oblique", "va000", 3)
    write_needles(tmp_path, "00004", made(4, "va007"))
    assert [run.index for run in read_needle_sets([parse_source(f"{tmp_path}@7-9")])] == [4]
    (tmp_path / "00004.npz").write_bytes(b"half of it")
    with pytest.raises(StorageError, match=r"00004\.npz cannot be read"):
        read_needles(tmp_path / "00004.npz")


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no runs"):
        list(make_needle_examples(parse_source(str(tmp_path)), tmp_path / "out"))


def test_maps_are_drawn_in_cells():
    steel = np.zeros((32, 48), np.float32)
    steel[10:12, 20:30] = 100
    maps = draw_maps(steel, np.ones(steel.shape, np.bool_), [(10.5, 20.5), (99.0, 3.0)])
    assert maps.shape == (2, 32 // CELL_PX, 48 // CELL_PX)
    np.testing.assert_array_equal(np.argwhere(maps[0] == 1), [[5, c] for c in range(10, 15)])
    assert np.unravel_index(maps[1].argmax(), maps[1].shape) == (5, 10)
    assert maps[1].max() == pytest.approx(1)
    assert not draw_maps(steel, np.zeros(steel.shape, np.bool_), [(10.5, 20.5)]).any()


def test_parts_show_steel_where_they_ask_for_it():
    rng = np.random.default_rng(2)
    lit, dark = [], []
    for _ in range(20):
        sample = draw_needle_sample([made(0), made(1, angle=2.0)], rng, 96)
        assert sample.channels.shape == (2, 96, 96)
        assert sample.maps.shape == (2, 48, 48)
        assert 0 <= sample.maps.min() <= sample.maps.max() <= 1
        assert not sample.channels[0][sample.channels[1] == 0].any()
        cells = sample.channels[0].reshape(48, 2, 48, 2).mean((1, 3))
        known = sample.channels[1].reshape(48, 2, 48, 2).min((1, 3)) > 0
        lit += cells[known & (sample.maps[0] == 1)].tolist()
        dark += cells[known & (sample.maps[0] == 0)].tolist()
    assert np.mean(lit) > np.mean(dark) + 0.4
    one, other = (draw_needle_sample([made(0)], np.random.default_rng(7), 96) for _ in range(2))
    np.testing.assert_array_equal(one.channels, other.channels)
