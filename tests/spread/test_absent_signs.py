"""Wash-out, thinness and connection to the tip may each be absent where a vessel takes contrast up.

Vessels are painted by Beer and Lambert's law on runs of the tests' own phantom, from which nothing
was learned. Each lacks one sign; the flag must go up all the same, and not before the contrast.
"""

import cv2
import numpy as np
import pytest
from watching import SCALE, simulated, watch

from guidance.records import Verdict

ONSET_S = 2.4


def paint_vessel(
    path_mm: list[tuple[float, float]],
    *,
    width_mm: float,
    dip: float,
    seed: int,
    speed_mm_s: float = 60.0,
    washout_s: float | None = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a run without contrast into which contrast flows along a path from the needle's tip.

    Each point of the path, (rows, columns) from the tip, fills as the front comes by; after 2 s of
    injection it empties with `washout_s`, or stays. `dip` is the attenuation in the middle.
    """
    run = simulated("none", seed)
    tip = np.array(run.truth.tip_px[0])
    corners = tip + np.array(path_mm) / SCALE.row_mm
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    along = np.arange(0, lengths.sum(), 0.5)
    ends = np.concatenate(([0], np.cumsum(lengths)))
    points = np.stack([np.interp(along, ends, corners[:, axis]) for axis in (0, 1)], axis=1)
    frames = run.frames.astype(np.float64)
    for number, time_s in enumerate(run.times_s):
        arrived = ONSET_S + along * SCALE.row_mm / speed_mm_s
        share = np.clip((time_s - arrived) / 0.3, 0, 1)
        if washout_s is not None:
            share = share * np.exp(-np.maximum(time_s - arrived - 2.0, 0) / washout_s)
        canvas = np.zeros(frames.shape[1:], np.float32)
        for (row, column), filled in zip(points, share, strict=True):
            if filled > 0.02:
                disc = np.zeros_like(canvas)
                center = (round(column * 8), round(row * 8))
                radius = round(width_mm / SCALE.row_mm / 2 * 8)
                cv2.circle(disc, center, radius, float(filled), -1, cv2.LINE_8, 3)
                np.maximum(canvas, disc, out=canvas)
        frames[number] *= np.exp(-dip * cv2.GaussianBlur(canvas, (0, 0), 0.8))
    return np.rint(frames).astype(run.frames.dtype), np.asarray(run.times_s)


VEIN = [(0.0, 0.0), (-8.0, 5.0), (-15.0, 4.0), (-24.0, 11.0), (-34.0, 10.0), (-44.0, 16.0)]
ABSENT = {
    "nothing": {"path_mm": VEIN, "width_mm": 1.8, "dip": 0.25},
    "wash-out": {"path_mm": VEIN, "width_mm": 1.8, "dip": 0.25, "washout_s": None},
    "thinness": {"path_mm": VEIN, "width_mm": 5.0, "dip": 0.3},
    "connection": {
        "path_mm": [(row - 22.0, column + 14.0) for row, column in VEIN],
        "width_mm": 1.8,
        "dip": 0.25,
    },
}


@pytest.mark.parametrize("seed", [3, 5])
@pytest.mark.parametrize("absent", list(ABSENT))
def test_a_vessel_is_flagged_without_one_of_its_signs(absent, seed):
    frames, times_s = paint_vessel(**ABSENT[absent], seed=seed)
    said, findings = watch(frames, times_s)
    assert findings.verdict is Verdict.INTRAVASCULAR
    assert times_s[findings.flag_frame] >= ONSET_S
    assert not any(one.flagged for one in said[: findings.flag_frame])
