"""What a frame costs ours beside the same written with OpenCV or scikit-image alone.

Compared is what those libraries can do too: from a frame of 16 bits to multiples of its noise and
their running means. Answers must be equal, which is asserted; times are reported, never failed for.
For a table, one thread, from the project's root: ``python -m tests.benchmarks.test_peer_speed``.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import Known, OpenCv, Peer, ScikitImage, ScikitImageByName
from watching import TEN_BITS, simulated

from guidance.imaging import (
    Background,
    follow,
    measure_attenuation,
    measure_noise,
    reduce_frame,
    translate,
)

REFERENCES = 8
WORKING_PX = 256
SHARES = (0.49, 0.2, 0.065)
TOOLS = {
    "OpenCV": OpenCv,
    "scikit-image": ScikitImage,
    "scikit-image by name": ScikitImageByName,
}

Z_APART = 2e-3
"""Multiples of the noise may differ by so much: sums in float32, taken in another order."""

SHIFT_APART_PX = 1e-4


class Ours:
    """The part of the monitor that is compared, after contrast: nothing is learned any more."""

    def __init__(self, references: list[np.ndarray], valid: np.ndarray, factor: int) -> None:
        self._factor, self._valid = factor, valid
        self._background = Background(references[0], valid, REFERENCES)
        for reference in references[1:]:
            self._background.add(reference)
        left = self._background.explain(references[-1], valid, 0.02)
        self.noise = max(measure_noise(left, valid), 2e-3)
        self.spread = np.full(valid.shape, self.noise, np.float32)
        self.shift = (0.0, 0.0)
        self.means = np.zeros((3, *valid.shape), np.float32)
        self.greatest = np.zeros(valid.shape, np.float32)
        self._background.find_shift(references[0], self.shift)

    def known(self, references: list[np.ndarray]) -> Known:
        """Return the same knowledge for the peers."""
        mean = self._background.mean
        soft = cv2.GaussianBlur(mean, (0, 0), 0.7)
        terms = [
            cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8),
            cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8),
            np.ones_like(mean),
            mean - mean.mean(),
            *(reference - mean for reference in references[:-1]),
        ]
        return Known(
            factor=self._factor,
            mean=mean,
            spread=self.spread,
            terms=np.stack(terms),
            valid=self._valid,
            noise=self.noise,
        )

    def push(self, frame: np.ndarray) -> np.ndarray:
        image = measure_attenuation(reduce_frame(frame, TEN_BITS, 1 / self._factor)[0], TEN_BITS)
        self.shift = self._background.find_shift(image, self.shift)
        moved = translate(image, (-self.shift[0], -self.shift[1]))
        change = self._background.explain(moved, self._valid, self.noise)
        change[~self._valid] = 0
        z = change / self.spread
        for share, mean in zip(SHARES, self.means, strict=True):
            follow(mean, z, self._valid, np.float32(share), np.float32(60))
        np.maximum(self.greatest, self.means[1], out=self.greatest)
        return z


def make_all(frames: np.ndarray) -> dict[str, Ours | Peer]:
    """Return ours and its peers, all knowing the run's first frames."""
    factor = frames.shape[1] // WORKING_PX
    valid = np.zeros((WORKING_PX, WORKING_PX), np.bool_)
    valid[5:-5, 5:-5] = True
    references = [
        measure_attenuation(reduce_frame(frame, TEN_BITS, 1 / factor)[0], TEN_BITS)
        for frame in frames[:REFERENCES]
    ]
    ours = Ours(references, valid, factor)
    known = ours.known(references)
    return {"ours": ours} | {name: Peer(tools(), known) for name, tools in TOOLS.items()}


def enlarged(side: int, count: int) -> np.ndarray:
    """Return frames of a run with contrast, at another size."""
    frames = simulated("vascular", 1).frames[:count]
    return np.stack([cv2.resize(frame, (side, side)) for frame in frames])


@pytest.mark.parametrize("name", TOOLS)
def test_a_peer_gives_what_ours_gives(name):
    frames = enlarged(512, 26)
    watching = make_all(frames)
    ours, peer = watching["ours"], watching[name]
    for frame in frames[REFERENCES::3]:
        np.testing.assert_allclose(peer.push(frame), ours.push(frame), atol=Z_APART)
        np.testing.assert_allclose(peer.shift, ours.shift, atol=SHIFT_APART_PX)
    np.testing.assert_allclose(peer.means, ours.means, atol=Z_APART)
    np.testing.assert_allclose(peer.greatest, ours.greatest, atol=Z_APART)
    assert ours.greatest.max() > 5  # there was contrast to agree about


@pytest.mark.benchmark(group="a frame of 1024² to multiples of its noise")
@pytest.mark.parametrize("name", ["ours", *TOOLS])
def test_a_frame(benchmark, name):
    frames = enlarged(1024, REFERENCES + 2)
    watching = make_all(frames)[name]
    watching.push(frames[-1])
    benchmark(watching.push, frames[-1])


def time_all(frames: np.ndarray, rounds: int, clock: Callable[[], float]) -> dict[str, np.ndarray]:
    """Return the seconds of each frame; turns are taken frame by frame, so that load hits alike."""
    watching = make_all(frames)
    taken: dict[str, list[float]] = {name: [] for name in watching}
    for number in range(rounds + 1):
        for frame in frames[REFERENCES:]:
            for name, each in watching.items():
                started = clock()
                each.push(frame)
                if number:  # the first round warms up
                    taken[name].append(clock() - started)
    return {name: np.array(times) for name, times in taken.items()}


def main() -> None:
    """Print the cost of a frame of 1024² and how many times ours it is; one thread."""
    if os.environ.get("OMP_NUM_THREADS") != "1":  # numpy's BLAS asks only when it is loaded
        alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.test_peer_speed"], alone)
    cv2.setNumThreads(1)
    frames = enlarged(1024, 40)
    for label, clock in (("processor", time.thread_time), ("wall", time.perf_counter)):
        taken = time_all(frames, 3, clock)
        print(f"{label} time | median ms | times ours")
        for name, times in taken.items():
            ratio = np.median(times) / np.median(taken["ours"])
            print(f"{name} | {np.median(times) * 1e3:.2f} | {ratio:.2f}")


if __name__ == "__main__":
    main()
