"""A monitor with a plain threshold for its network, and painted runs that it can follow."""

import math
from dataclasses import replace

import cv2
import numpy as np
from watching import SCALE, TEN_BITS

from guidance.records import RunContext
from guidance.spread import Measures
from guidance.spread._reader import PATTERNS, Reading

SIDE, PIXEL_MM, RATE_HZ = 96, 0.55, 8.0
LEAST_Z, STEEP = 1.0, 0.1


def plain_reader(channels, shape):
    """Stands for the network: what lasts and stands out is contrast, and all of it a vessel."""
    rows, columns = shape
    z = 2.0 * np.sinh((channels[1, :rows, :columns].astype(np.float32) - 128) / 28.0)
    share = 1 / (1 + np.exp(np.clip((LEAST_Z - cv2.blur(z, (3, 3))) / STEEP, -30, 30)))
    lit = float((share > 0.5).sum())
    return Reading(
        contrast=share.astype(np.float32),
        vessel=share.astype(np.float32),
        vessel_ever=share.astype(np.float32),
        uptake=min(lit, 20.0) - 6.0,
        injected=min(lit, 12.0) - 6.0,
        patterns=np.full(len(PATTERNS), 1 / len(PATTERNS), np.float32),
    )


class PlainDecision:
    """Flags 30 mm² of what the reader calls a vessel in two frames."""

    ratio_without_contrast = -3.0

    def threshold(self, alarms_per_min):
        return 0.0

    def ratio(self, measures: Measures) -> float:
        return float(np.clip(measures.vessel_ever**2 - 30, -12, 1))

    def share_of(self, measures, names):
        return 0.0


def make_plain(monkeypatch) -> None:
    """From here on monitors use `plain_reader` and `PlainDecision`."""
    monkeypatch.setattr("guidance.spread._monitor.read_channels", plain_reader)
    monkeypatch.setattr("guidance.spread._monitor.load_decision", PlainDecision)
    monkeypatch.setattr("guidance.spread._findings.load_decision", PlainDecision)


def painted(noise=0.015, n_frames=62, seed=3, blob=0.0, side=SIDE) -> np.ndarray:
    """Return frames of a smooth patient; from 3 s on a round pool grows within it for 1 s."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((side, side))
    patient = 0.15 * np.sin(rows / 9) * np.cos(columns / 7) + 0.1 * np.sin((rows + columns) / 4)
    frames = np.empty((n_frames, side, side), np.uint16)
    for index in range(n_frames):
        grown = min(max(index / RATE_HZ - 3.0, 0.0), 1.0)
        pool = np.hypot(rows - 48, columns - 48) < 6 * math.sqrt(grown)
        mean = patient + blob * pool + rng.normal(0, noise, (side, side))
        frames[index] = np.rint(np.clip(500 * np.exp(-mean), 1, 1022))
    return frames


def context_of(frames, **changes) -> RunContext:
    known = {
        "rows": frames.shape[1],
        "columns": frames.shape[2],
        "intensity": TEN_BITS,
        "scale": replace(SCALE, row_mm=PIXEL_MM, column_mm=PIXEL_MM),
        "pose": None,
        "valid": np.ones(frames.shape[1:], bool),
    }
    return RunContext(**(known | changes))
