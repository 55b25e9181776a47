"""Examples: chosen by the truth, made of real runs, read back as they were."""

from types import SimpleNamespace

import numpy as np
import pytest

from guidance.errors import InputError, StorageError
from guidance.training import (
    HeldBy,
    PatientRange,
    RunFiles,
    Source,
    choose_frames,
    make_examples,
    read_example_set,
    read_examples,
    see_run,
)
from guidance.training._drawn import halve
from guidance.training._examples import AFTER, BEFORE, WITHOUT
from guidance.training._folders import EVERYBODY, read_run_truth


def truth(onset: int | None, n_frames: int = 200, seed: int = 5) -> SimpleNamespace:
    return SimpleNamespace(seed=seed, n_frames=n_frames, onset_frame=onset)


def choose(onset: int | None, n_frames: int = 200, seed: int = 5):
    return choose_frames(truth(onset, n_frames, seed), np.arange(n_frames))


def test_frames_after_onset_are_chosen_and_a_few_before():
    choice = choose(onset=60)
    assert 60 <= choice.held_from <= 62
    assert sum(frame >= 60 for frame in choice.frames) == AFTER
    assert sum(frame < 60 for frame in choice.frames) == BEFORE
    assert choice == choose(onset=60)
    assert choice != choose(onset=60, seed=6)


def test_early_frames_are_chosen_more_often():
    chosen = [frame for seed in range(40) for frame in choose(20, seed=seed).frames]
    early, late = (sum(start <= frame < start + 40 for frame in chosen) for start in (20, 140))
    assert early > 2 * late


def test_without_contrast_some_runs_are_held_all_the_same():
    choices = [choose(None, seed=seed) for seed in range(100)]
    assert {len(choice.frames) for choice in choices} == {WITHOUT}
    held = [choice.held_from for choice in choices if choice.held_from is not None]
    assert 25 <= len(held) <= 55  # 40 % of 100, three standard deviations
    assert min(held) >= 50


def test_short_runs_give_what_they_have():
    assert choose(None, n_frames=3).frames == {0, 1, 2}
    assert choose(2, n_frames=3).frames == {0, 1, 2}
    assert choose(0, n_frames=3).frames == {0, 1, 2}


def test_repeated_frames_are_not_chosen():
    thrice = np.repeat(np.arange(70), 3)[:200]
    found = choose_frames(truth(onset=60), thrice).frames
    assert found
    assert all(frame % 3 == 0 for frame in found)


def test_half_an_image_lies_in_the_corner():
    image = np.zeros((96, 64), np.float32)
    image[10:12, 20:22] = 1
    half = halve(image, 256)
    assert half.shape == (128, 128)
    assert half[5, 10] == 255
    assert int(half.sum()) == 255


@pytest.mark.parametrize("index", [0, 1, 3])
def test_a_simulated_run_becomes_examples(runs_folder, index):
    files = RunFiles(folder=runs_folder, index=index)
    found, known = see_run(files), read_run_truth(files)
    assert 0 < len(found.frames) <= known.n_frames
    chosen = choose_frames(known, np.arange(known.n_frames))
    assert set(found.frames.tolist()) <= chosen.frames
    assert found.channels.shape == (len(found.frames), 8, 256, 256)
    assert found.maps.shape == (len(found.frames), 3, 128, 128)
    assert (found.pattern, found.patient) == (known.pattern, known.patient)
    # By the simulator's rule; what lies beyond the noise is drawn all the same.
    onset = known.n_frames if known.onset_frame is None else known.onset_frame
    np.testing.assert_array_equal(found.has_contrast, found.frames >= onset)
    assert found.maps.any() == (known.pattern != "none")
    # Frames of 96 pixels lie in the corner.
    assert not found.maps[:, :, 49:].any()


def test_the_monitor_may_hold_the_background(runs_folder):
    files = RunFiles(folder=runs_folder, index=3)
    found, expected = see_run(files, HeldBy.MONITOR), see_run(files)
    assert len(found.frames) > 0
    assert set(found.frames.tolist()) <= set(expected.frames.tolist())
    assert found.maps.any()
    assert (found.pattern, found.patient) == (expected.pattern, expected.patient)


def test_examples_are_kept_and_resumed(runs_folder, tmp_path):
    source = Source(folder=runs_folder, patients=EVERYBODY)
    outcomes = list(make_examples(source, tmp_path))
    assert [(o.item.index, o.error) for o in outcomes] == [(n, "") for n in range(4)]
    assert list(make_examples(source, tmp_path)) == []
    again, expected = (
        read_examples(tmp_path, "00001"),
        see_run(RunFiles(folder=runs_folder, index=1)),
    )
    for place in range(len(expected.frames)):
        np.testing.assert_array_equal(again.channels[place], expected.channels[place])
    for name in ("maps", "frames", "vessel_visible", "has_contrast", "vessel_px"):
        np.testing.assert_array_equal(getattr(again, name), getattr(expected, name))
    assert (again.suite, again.index, again.is_vascular) == ("small", 1, True)
    first = read_example_set([Source(folder=tmp_path, patients=PatientRange(first=0, last=0))])
    assert first.patients == ["va000"]
    (tmp_path / "00001.npy").unlink()
    assert [o.item.index for o in make_examples(source, tmp_path)] == [1]


def test_nothing_to_learn_from_is_said(tmp_path):
    nobody = Source(folder=tmp_path, patients=EVERYBODY)
    with pytest.raises(InputError, match="no runs"):
        make_examples(nobody, tmp_path / "out")
    with pytest.raises(InputError, match="no examples"):
        read_example_set([nobody])
    (tmp_path / "00000.npz").write_bytes(b"damaged")
    with pytest.raises(StorageError, match=r"00000\.npz"):
        read_example_set([nobody])
