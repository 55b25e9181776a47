"""Measured runs whose log-odds are known: two measurements speak, by known weights."""

import numpy as np

from guidance.spread import MEASURE_NAMES
from guidance.training import RunMeasurements

TRUE_WEIGHTS = {"vessel_ever": 1.5, "width": -1.0}
FRAMES, RATE_HZ = 24, 4.0


def made_run(
    index: int,
    *,
    is_vascular: bool,
    seed: int = 0,
    patients: int = 20,
    visible_from: int | None = 12,
    frames: int = FRAMES,
) -> RunMeasurements:
    """Return a run of six seconds; uptake comes in its middle, and its frames are independent.

    By then the two measurements have moved by their weights, each of variance 1, so that the log
    likelihood ratio of a frame is Σ weight × (value − weight / 2).
    """
    rng = np.random.default_rng([seed, index])
    values = rng.standard_normal((frames, len(MEASURE_NAMES)))
    numbers = np.arange(frames)
    uptake = frames // 2
    if is_vascular:
        for name, weight in TRUE_WEIGHTS.items():
            values[uptake:, MEASURE_NAMES.index(name)] += weight
    has_no_sight = not is_vascular or visible_from is None
    return RunMeasurements(
        values=values,
        frames=numbers,
        times_s=numbers / RATE_HZ,
        has_contrast=numbers >= 2,
        is_vascular=is_vascular,
        uptake_s=uptake / RATE_HZ if is_vascular else np.inf,
        vessel_frame=frames if has_no_sight else visible_from,
        duration_s=frames / RATE_HZ,
        pattern="vascular" if is_vascular else "perineural",
        patient=f"va{index % patients:03d}",
        suite="validation",
        index=index,
    )


def true_ratio(run: RunMeasurements) -> np.ndarray:
    """Return the true log likelihood ratio of each frame, in uptake against not."""
    ratio = np.zeros(len(run.frames))
    for name, weight in TRUE_WEIGHTS.items():
        ratio += weight * (run.values[:, MEASURE_NAMES.index(name)] - weight / 2)
    return ratio


def made_runs(count: int = 240, **changes) -> list[RunMeasurements]:
    """Return runs, half of them with uptake."""
    return [made_run(index, is_vascular=index % 2 == 0, **changes) for index in range(count)]
