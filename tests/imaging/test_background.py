"""The linear background: explains what moved, was regulated or shaded; never what was added."""

import cv2
import numpy as np
import pytest

from guidance.imaging import Background, translate

SHAPE = (192, 256)
NOISE = 0.02


def scene(seed: int = 0) -> np.ndarray:
    """Return smooth structure of about the size of bones, in attenuation."""
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.standard_normal(SHAPE).astype(np.float32), (0, 0), 5) * 6
    return fine + cv2.GaussianBlur(rng.standard_normal(SHAPE).astype(np.float32), (0, 0), 25) * 12


def noisy(image: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return image + NOISE * rng.standard_normal(SHAPE).astype(np.float32)


def everywhere() -> np.ndarray:
    return np.ones(SHAPE, np.bool_)


def breathing(count: int) -> Background:
    """Return a background of frames that moved up and down by a pixel and a half."""
    still = scene()
    frames = [
        noisy(translate(still, (1.5 * np.sin(2 * np.pi * i / count), 0.0)), i) for i in range(count)
    ]
    background = Background(frames[0], everywhere(), count)
    for frame in frames[1:]:
        background.add(frame)
    return background


def test_a_breath_between_the_references_leaves_little_more_than_noise():
    frame = noisy(translate(scene(), (0.8, 0.0)), 99)
    left = breathing(8).explain(frame, everywhere(), NOISE)
    plain = frame - scene()
    inner = np.s_[8:-8, 8:-8]
    assert left[inner].std() < 1.3 * NOISE
    assert plain[inner].std() > 1.6 * NOISE  # so there was something to explain


def test_bone_and_bowel_that_part_are_each_followed():
    still, other = scene(), scene(7)
    apart = np.zeros(SHAPE, np.float32)
    apart[:, 128:] = 1
    apart = cv2.GaussianBlur(apart, (0, 0), 6)

    def at(bone: float, bowel: float) -> np.ndarray:
        return (1 - apart) * translate(still, (bone, 0)) + apart * translate(other, (bowel, 0))

    background = Background(noisy(at(0, 0), 1), everywhere(), 8)
    for i, (bone, bowel) in enumerate([(0.5, -1), (1, -2), (0, -1.5), (0.7, 0.5)]):
        background.add(noisy(at(bone, bowel), 10 + i))
    left = background.explain(noisy(at(0.8, -1.2), 50), everywhere(), NOISE)
    assert left[8:-8, 8:-8].std() < 1.35 * NOISE


def test_gain_offset_and_slow_shading_are_no_change():
    columns = np.linspace(-1, 1, SHAPE[1], dtype=np.float32)[None]
    frame = noisy(1.1 * scene() + 0.3 + 0.02 * columns, 5)
    left = breathing(6).explain(frame, everywhere(), NOISE)
    assert left[8:-8, 8:-8].std() < 1.4 * NOISE


@pytest.mark.parametrize("radius", [1.0, 4.0, 12.0])
def test_what_is_added_stays(radius):
    rows, columns = np.indices(SHAPE, dtype=np.float32)
    added = 0.15 * np.exp(-(((rows - 96) ** 2 + (columns - 120) ** 2) / (2 * radius**2)))
    frame = noisy(scene() + added.astype(np.float32), 3)
    known = added > 0.05 if radius > 8 else np.zeros(SHAPE, np.bool_)
    left = breathing(8).explain(frame, ~known, NOISE)
    assert left[added > 0.05].sum() == pytest.approx(added[added > 0.05].sum(), rel=0.15)


def test_no_more_frames_are_kept_than_asked_for():
    background = breathing(5)
    for i in range(9):
        background.add(noisy(scene(), 200 + i))
    assert len(background) == 5


def test_one_frame_alone_is_a_background():
    left = Background(noisy(scene(), 1), everywhere(), 8).explain(
        noisy(translate(scene(), (0.3, -0.2)), 2), everywhere(), NOISE
    )
    assert left[8:-8, 8:-8].std() < 1.7 * NOISE
