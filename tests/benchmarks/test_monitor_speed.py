"""What one frame costs the monitor; reported, never failed for.

With `make bench`, or for a table: ``python -m tests.benchmarks.test_monitor_speed``.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from watching import context_of, simulated

from guidance.records import NotFound
from guidance.spread import Monitor


def enlarged(side: int) -> np.ndarray:
    """Return a simulated run of 45 frames with contrast, at another size."""
    frames = simulated("vascular", 1).frames
    return np.stack([cv2.resize(frame, (side, side)) for frame in frames])


def push_all(frames: np.ndarray) -> list[float]:
    """Return the seconds that each frame took."""
    monitor = Monitor(context_of(frames, scale=NotFound("not needed")))
    taken = []
    for index, frame in enumerate(frames):
        started = time.perf_counter()
        monitor.push(frame, index / 7.5)
        taken.append(time.perf_counter() - started)
    assert monitor.findings().onset_frame is not None
    return taken


@pytest.mark.benchmark
@pytest.mark.parametrize("side", [256, 512, 1024, 2048])
def test_a_run_of_45_frames(benchmark, side):
    frames = enlarged(side)
    benchmark.pedantic(push_all, args=(frames,), rounds=1, warmup_rounds=1)


def main() -> None:
    """Print the cost of a frame for some sizes; one thread."""
    cv2.setNumThreads(1)
    print("side | median ms | 99 % ms")
    for side in (256, 512, 1024, 2048):
        frames = enlarged(side)
        push_all(frames[:30])
        milliseconds = np.array(push_all(frames)) * 1e3
        print(f"{side} | {np.median(milliseconds):.1f} | {np.percentile(milliseconds, 99):.1f}")


if __name__ == "__main__":
    main()
