"""Where a needle goes on although it adds less: over dense bone, in scatter, under display curves.

Behind the end of what is clear the line is held against its own surroundings: the same filter, run
along parallel lines to both sides, says what bone and noise alone give there. The needle goes on
for as long as its own line stands out from them, piece after piece.
"""

import math

import cv2
import numpy as np

from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._strip import CORE_MM, FAR_MM, NEAR_MM, sample_strips
from guidance.records import FloatArray

PIECE_MM = 3.0
"""Pieces that are judged alone: longer than the edge of a bone is wide that crosses the line."""

FURTHEST_MM = 60.0
"""A shaft in a lateral view may lie over bone for half of its length."""

_PARALLEL_MM = (2.2, 5.0)
_BESIDE_MM = _PARALLEL_MM[1] + FAR_MM
_STEP_MM = 0.3

_COMMON_Z = 1.0
"""What a piece must stand out by, in standard deviations of the parallel lines, to speak for the
needle rather than against it: half of what a needle gives that can just be followed."""

_LEAST_EVIDENCE = 6.0
_LEAST_EVIDENCE_UNCLEAR = 1.4
"""Sum of what speaks for it, at the least. Where the line ends clearly it takes three pieces, for
an edge of bone may go on from a tip for two; where it fades away it goes on more often than not."""

_LEAST_SHARE = 0.2
_LEAST_SHARE_COST = 0.3
"""Where noise is low, anything stands out; but steel over bone keeps a third of its contrast."""

_MOST_Z = 3.5
_MOST_AGAINST = 3.0
"""The search ends where so much has spoken against it since the best place."""


def faint_part(picture: Picture, line: Line, *, ends_clearly: bool) -> float:
    """Return how far a line goes on beyond its `end` with less contrast. Fine pixels.

    Parameters
    ----------
    picture : Picture
        Where the line was found.
    line : Line
        A line, of which `end` is asked about.
    ends_clearly : bool
        Whether the steel seems to end there at once.
    """
    mm = picture.fine_mm
    piece = max(2, round(PIECE_MM / mm))
    along = line.end + np.arange(1.0, FURTHEST_MM / mm)
    count = round(_BESIDE_MM / _STEP_MM)
    across_mm = np.arange(-count, count + 1, dtype=np.float64) * _STEP_MM
    strip = sample_strips(
        picture.fine,
        np.array([(line.row, line.column)]),
        np.array([line.angle_rad]),
        along,
        across_mm / mm,
    )[0]
    known = np.isfinite(strip).all(axis=0)
    length = int(np.argmin(known)) if not known.all() else len(known)
    pieces = length // piece
    if pieces < 2:
        return 0.0
    strip = strip[:, : pieces * piece]
    middle = cv2.blur(strip, (1, 2 * round(CORE_MM / _STEP_MM) + 1))
    ridge = (middle - _sides(strip)) / np.float32(line.contrast)
    means = np.clip(ridge, -1.0, 1.5).reshape(len(across_mm), pieces, piece).mean(axis=-1)
    gain = np.clip(_stand_out(means, across_mm), -_MOST_Z, _MOST_Z) - _COMMON_Z
    share = means[len(means) // 2]
    gain = np.where(share < _LEAST_SHARE, np.minimum(gain, -_LEAST_SHARE_COST), gain)
    total = np.cumsum(gain)
    fallen = np.maximum.accumulate(np.maximum(total, 0.0)) - total > _MOST_AGAINST
    total[np.maximum.accumulate(fallen)] = -math.inf
    last = int(np.argmax(total))
    least = _LEAST_EVIDENCE if ends_clearly else _LEAST_EVIDENCE_UNCLEAR
    # One piece by itself may be what the blur leaves of the end.
    if last == 0 or total[last] < least:
        return 0.0
    return _end_within(ridge[count], last, piece)


def _sides(strip: FloatArray) -> FloatArray:
    """Return the mean of both sides of every place of a strip (X, S)."""
    near, far = round(NEAR_MM / _STEP_MM), round(FAR_MM / _STEP_MM)
    total = np.zeros_like(strip)
    for shift in range(near, far + 1):
        total += np.roll(strip, shift, axis=0) + np.roll(strip, -shift, axis=0)
    return total / np.float32(2 * (far - near + 1))


def _stand_out(means: FloatArray, across_mm: FloatArray) -> FloatArray:
    """Return by how many standard deviations the middle of (X, P) stands out from parallels."""
    far = np.abs(across_mm)
    parallel = means[(far >= _PARALLEL_MM[0]) & (far <= _PARALLEL_MM[1])]
    middle = means[len(means) // 2]
    variance = parallel.var(axis=0)
    # Neighbouring pieces lie over much the same.
    padded = np.pad(variance, 1, mode="edge")
    variance = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return np.asarray((middle - parallel.mean(axis=0)) / np.sqrt(variance + 1e-4))


def _end_within(share: FloatArray, last: int, piece: int) -> float:
    """Return the place near the end of piece `last` where `share` falls to half its level there."""
    begin = max(0, (last - 3) * piece)
    level = float(share[begin : (last + 1) * piece].mean())
    stop = min(len(share), (last + 2) * piece)
    total = np.cumsum(np.clip(share[begin:stop] / max(level, 1e-3), -1.0, 2.0) - 0.5)
    return float(begin + int(np.argmax(total)) + 1)
