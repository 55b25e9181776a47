"""Reducing a frame in one pass gives what averaging and marking by hand give."""

import numpy as np
import pytest

from guidance.imaging import find_saturated, reduce_frame
from guidance.imaging._alignment import sum_step
from guidance.imaging._reduce import average_blocks
from guidance.records import IntensityScale, PixelIntensityRelationship

INTENSITY = IntensityScale(
    relationship=PixelIntensityRelationship.LIN,
    sign=1,
    sign_source="convention",
    low=0.0,
    high=4095.0,
)


def frame_of(shape: tuple[int, int], dtype: type, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(rng.integers(-300, 4400, shape), 0, 4095).astype(dtype)


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_the_mean_and_the_saturated_share_are_those_of_the_blocks(factor, dtype):
    frame = frame_of((64, 96), dtype)
    mean, saturated = reduce_frame(frame, INTENSITY, 1 / factor)
    blocks = frame.astype(float).reshape(64 // factor, factor, 96 // factor, factor)
    marked = find_saturated(frame, INTENSITY).reshape(blocks.shape)
    np.testing.assert_allclose(mean, blocks.mean(axis=(1, 3)), rtol=1e-5)
    np.testing.assert_allclose(saturated, marked.mean(axis=(1, 3)), atol=1e-5)


def test_sizes_that_do_not_divide_are_reduced_all_the_same():
    frame = frame_of((75, 100), np.uint16)
    mean, _ = reduce_frame(frame, INTENSITY, 0.51)
    assert mean.shape == (38, 51)
    assert mean.mean() == pytest.approx(frame.mean(), rel=0.01)


def test_the_compiled_loops_do_what_their_python_does():
    frame = frame_of((16, 24), np.uint16)
    found, expected = [], []
    for run, into in ((average_blocks, found), (average_blocks.plain, expected)):
        mean, share = np.empty((4, 6), np.float32), np.empty((4, 6), np.float32)
        run(frame, 4, 0.0, 4095.0, mean, share)
        into += [mean, share]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    rng = np.random.default_rng(1)
    images = [rng.standard_normal((12, 15)).astype(np.float32) for _ in range(5)]
    sums, plain = np.zeros(5), np.zeros(5)
    sum_step(*images, np.float32(0.3), sums)
    sum_step.plain(*images, np.float32(0.3), plain)
    np.testing.assert_allclose(sums, plain, rtol=1e-4)
