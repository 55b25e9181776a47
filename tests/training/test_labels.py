"""Labels: what `simulate_run` shows, reduced, kept as whole numbers, read back by frame."""

import numpy as np
import pytest

from guidance.errors import StorageError
from guidance.training import ContrastLabels, read_labels
from guidance.training._labels import LABEL_PX, STEPS_PER_UNIT, pack_labels


def collected(new: np.ndarray, vessel: np.ndarray | None) -> ContrastLabels:
    labels = ContrastLabels()
    labels(0, np.zeros_like(new), None)
    labels(1, new, vessel)
    return labels


def contrast(shape=(512, 384)) -> np.ndarray:
    image = np.zeros(shape, np.float32)
    image[100:140, 200:260] = 0.2
    return image


def test_labels_come_back_by_stored_frame(tmp_path):
    vessel = np.zeros((512, 384), np.float32)
    vessel[100:140, 200:220] = 0.1
    labels = collected(contrast(), vessel)
    path = tmp_path / "00000.npz"
    path.write_bytes(pack_labels(labels, np.array([0, 1, 1])))
    read = read_labels(path)
    shape = (LABEL_PX, 192)
    for frame in (1, 2):  # a pulse that the recorder stored twice
        new, inside = read.at(frame, shape)
        assert new.shape == inside.shape == shape
        # An area of 40 by 60 pixels is one of 20 by 30 at half the size.
        assert new.sum() == pytest.approx(20 * 30 * 0.2, rel=1e-3)
        assert inside.sum() == pytest.approx(20 * 10 * 0.1, rel=1e-3)
        np.testing.assert_allclose(new[60, 115], 0.2, atol=1 / STEPS_PER_UNIT)
    assert not any(image.any() for image in read.at(0, shape))


def test_a_run_without_contrast_keeps_no_images(tmp_path):
    path = tmp_path / "00000.npz"
    nothing = collected(np.zeros((64, 64), np.float32), None)
    path.write_bytes(pack_labels(nothing, np.array([0, 1])))
    assert read_labels(path).at(0, (64, 64)) is None
    assert path.stat().st_size < 1000


def test_small_frames_are_not_reduced_but_brought_to_the_shape_asked_for(tmp_path):
    path = tmp_path / "00000.npz"
    path.write_bytes(pack_labels(collected(contrast((200, 280))[:, :256], None), np.array([1])))
    read = read_labels(path)
    assert read.at(0, (200, 256))[0].shape == (200, 256)
    assert read.at(0, (100, 128))[0].shape == (100, 128)


@pytest.mark.parametrize("content", [None, b"", b"PK damaged"])
def test_damaged_labels_are_named(tmp_path, content):
    path = tmp_path / "00003.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=r"labels 00003\.npz"):
        read_labels(path)
