"""Added or moved: drawn cases with a known answer."""

import cv2
import numpy as np
import pytest

from guidance.spread._suspects import is_added, is_moved

SIZE = 120
NOISE = 0.003


def background(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), (0, 0), 6)
    return smooth * 2


def blob(row: float, column: float, radius: float = 9) -> np.ndarray:
    rows, columns = np.indices((SIZE, SIZE))
    return (np.hypot(rows - row, columns - column) < radius).astype(np.float32)


def noise(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.005, (SIZE, SIZE)).astype(np.float32)


def lit(added: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(added, (0, 0), 2) > 0.05


def test_contrast_is_added_and_has_not_moved():
    before = background()
    now = before + 0.3 * blob(60, 60) + noise(1)
    added = now - before
    assert is_added(lit(added), cv2.GaussianBlur(added, (0, 0), 2), NOISE, 0.2)
    assert not is_moved(lit(added), now, added, NOISE, 0.4)


@pytest.mark.parametrize("distance", [4, 8])
def test_a_tool_that_moves_a_little_is_not_added(distance):
    still = background()
    before = still + 0.4 * blob(60, 60 - distance, 4)
    now = still + 0.4 * blob(60, 60, 4) + noise(2)
    added = now - before
    assert not is_added(lit(added), cv2.GaussianBlur(added, (0, 0), 2), NOISE, 0.2)


@pytest.mark.parametrize("distance", [5, 12, 18])
def test_an_edge_that_moves_on_has_moved(distance):
    """A diaphragm adds on one side and loses nowhere near; a shift explains it."""
    rows, columns = np.indices((SIZE, SIZE))
    curve = 70 + 6 * np.sin(columns / 15)
    before = np.where(rows > curve, 0.8, 0).astype(np.float32)
    now = np.where(rows > curve - distance, 0.8, 0).astype(np.float32) + noise(3)
    added = now - before
    assert is_moved(lit(added), now, added, NOISE, 0.4)


def test_a_vein_beside_a_needle_has_not_moved():
    """Moving the needle onto the vein leaves the needle's own place unexplained."""
    needle = np.zeros((SIZE, SIZE), np.float32)
    cv2.line(needle, (20, 20), (100, 100), 0.4, 2)
    vein = np.zeros((SIZE, SIZE), np.float32)
    cv2.line(vein, (34, 20), (100, 86), 0.4, 2)
    before = background(4) + needle
    now = before + vein + noise(4)
    added = now - before
    assert is_added(lit(added), cv2.GaussianBlur(added, (0, 0), 2), NOISE, 0.2)
    assert not is_moved(lit(added), now, added, NOISE, 0.4)
