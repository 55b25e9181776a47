"""What one frame costs the monitor; reported, never failed for.

With `make bench`, or for a table: ``python -m tests.benchmarks.test_monitor_speed``.
"""

import sys
import time
from collections.abc import Callable
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


def push_all(frames: np.ndarray, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the seconds that each frame took, by a clock."""
    monitor = Monitor(context_of(frames, scale=NotFound("not needed")))
    taken = []
    for index, frame in enumerate(frames):
        started = clock()
        monitor.push(frame, index / 7.5)
        taken.append(clock() - started)
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
    print("side | processor: median ms | 99 % ms | wall: median ms | 99 % ms")
    for side in (256, 512, 1024, 2048):
        frames = enlarged(side)
        push_all(frames[:30])
        row = [str(side)]
        for clock in (time.thread_time, time.perf_counter):
            milliseconds = np.concatenate([push_all(frames, clock) for _ in range(3)]) * 1e3
            row += [f"{np.median(milliseconds):.1f}", f"{np.percentile(milliseconds, 99):.1f}"]
        print(" | ".join(row))


if __name__ == "__main__":
    main()
