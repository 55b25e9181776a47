"""Simulated runs for the monitor, made once: a run costs a second."""

from functools import cache

import numpy as np
from phantom import PhantomSettings, SimulatedRun, simulate_run

from guidance.imaging import locate_valid_pixels
from guidance.records import (
    FrameAssessment,
    IntensityScale,
    PixelIntensityRelationship,
    PixelScale,
    RunContext,
    SpacingAt,
    SpreadFindings,
    SpreadPattern,
)
from guidance.spread import Monitor

TEN_BITS = IntensityScale(
    relationship=PixelIntensityRelationship.LIN, sign=1, sign_source="test", low=0, high=1023
)
SCALE = PixelScale(row_mm=0.34, column_mm=0.34, at=SpacingAt.ISOCENTER, source="test")


@cache
def simulated(pattern: str, seed: int) -> SimulatedRun:
    """Return a run of 45 frames, six seconds; equal arguments give the same object."""
    return simulate_run(PhantomSettings(pattern=SpreadPattern(pattern), frames=45), seed)


def context_of(frames: np.ndarray, **changes) -> RunContext:
    """Return what is known of a run of 10-bit frames."""
    known = {
        "rows": frames.shape[1],
        "columns": frames.shape[2],
        "intensity": TEN_BITS,
        "scale": SCALE,
        "pose": None,
        "valid": locate_valid_pixels(frames[0], TEN_BITS),
    }
    return RunContext(**(known | changes))


def watch(
    frames: np.ndarray, times_s: np.ndarray | None, **changes
) -> tuple[list[FrameAssessment], SpreadFindings]:
    """Push frames through a fresh monitor; return all it said."""
    monitor = Monitor(context_of(frames, **changes))
    times = [None] * len(frames) if times_s is None else [float(t) for t in times_s]
    said = [monitor.push(frame, time) for frame, time in zip(frames, times, strict=True)]
    return said, monitor.findings()
