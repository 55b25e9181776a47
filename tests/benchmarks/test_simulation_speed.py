"""What a patient, a run and a CT cost the simulator; reported, never failed for.

With `make bench`, or for a table: ``python -m tests.benchmarks.test_simulation_speed``.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from small_runs import coarse_patient, small_suite

from guidance.geometry import VoxelGrid
from guidance.simulation import Patient, RunSettings, prepare_patient, read_suite, simulate_run
from guidance.spine import voxelize_hu

PATTERNS = ("none", "perineural", "mixed")
FRAMES, FULL, SMALL = 100, 256, 32
BOX_MM = 320.0


@pytest.fixture(scope="module")
def is_timed(request: pytest.FixtureRequest) -> bool:
    return not request.config.getoption("benchmark_disable")


@cache
def full_patient() -> Patient:
    return prepare_patient("va000", read_suite("validation").patients["va000"])


def run_of(pattern: str, matrix: int, frames: int) -> RunSettings:
    """Return a run of so many frames, 10 a second, with contrast in most of them."""
    (settings,) = small_suite((pattern,)).runs
    view = replace(settings.view, matrix=matrix)
    recording = replace(settings.recording, pulse_rate_hz=10.0)
    duration_s = max((frames - 1) / 10 + 0.01, 1.0)
    return replace(settings, view=view, recording=recording, duration_s=duration_s)


def grid_of(side: int) -> VoxelGrid:
    """Return a CT's grid of side³ voxels about the lumbar spine."""
    spacing = BOX_MM / side
    first = spacing / 2 - BOX_MM / 2
    return VoxelGrid(first_lps_mm=(first, first, first), spacing_mm=spacing, shape=(side,) * 3)


@pytest.mark.benchmark(group="100 frames of 512², given a patient")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_run(benchmark, is_timed, pattern):
    patient = full_patient() if is_timed else coarse_patient()
    settings = run_of(pattern, *((512, FRAMES) if is_timed else (64, 11)))
    run = benchmark.pedantic(simulate_run, (settings, patient), rounds=1, warmup_rounds=is_timed)
    assert len(run.frames) == (FRAMES if is_timed else 11)
    assert (run.truth.iodine_in_image_mg.max() > 0) == (pattern != "none")


@pytest.mark.benchmark(group="a patient")
def test_a_patient(benchmark, is_timed):
    prepare = full_patient.__wrapped__ if is_timed else coarse_patient.__wrapped__
    patient = benchmark.pedantic(prepare, rounds=1, warmup_rounds=is_timed)
    assert patient.bone.values.max() > 1


@pytest.mark.benchmark(group="a CT of 256³ voxels")
def test_a_ct(benchmark, is_timed):
    anatomy = coarse_patient().anatomy
    grid = grid_of(FULL if is_timed else SMALL)
    ct = benchmark.pedantic(
        voxelize_hu,
        (anatomy, grid, np.random.default_rng(0)),
        rounds=1,
        warmup_rounds=is_timed,
    )
    assert ct.values.shape == grid.shape
    assert ct.values.max() > 200


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor's seconds, once what is compiled has been compiled."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Print the seconds of one core: other programs on the machine do not count."""
    cv2.setNumThreads(1)
    coarse_patient()
    simulate_run(run_of("mixed", 64, 11), coarse_patient())
    grid, rng = grid_of(FULL), np.random.default_rng(0)
    print("work | processor's seconds")
    print(f"a patient | {seconds_of(full_patient):.1f}")
    print(f"CT of 256³ | {seconds_of(lambda: voxelize_hu(full_patient().anatomy, grid, rng)):.1f}")
    for pattern in PATTERNS:
        settings = run_of(pattern, 512, FRAMES)
        taken = seconds_of(lambda settings=settings: simulate_run(settings, full_patient()))
        print(f"{FRAMES} frames of 512², {pattern} | {taken:.1f}")


if __name__ == "__main__":
    main()
