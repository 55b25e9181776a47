"""The tip: a bend of the last millimetres, and the place where the steel ends.

Users bend the last few millimetres of a needle, so that the shaft's line misses the tip. From
places near the end of the straight part a fan of short lines is tried; one is taken if it carries
steel on, which the straight line does not. The end itself is where the added attenuation falls to
half: a step, blurred by focal spot and detector, fitted to a fraction of a pixel.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.needle._faint import faint_part
from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._strip import across_positions, measure_sides, sample_strips

LONGEST_BEND_MM = 13.0
"""Bends are put on the last 4 to 12 mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fan:
    """Which short lines are tried for a bent tip.

    Attributes
    ----------
    turns_deg : tuple of float
        Directions, from that of the shaft. Degrees.
    back_mm : float
        How far before the end of the straight part the elbow may lie.
    threshold : float
        Share of the shaft's contrast at which steel and none are told apart.
    least_mm : float
        How much more steel than the straight line a bend must carry.
    """

    turns_deg: tuple[float, ...]
    back_mm: float
    threshold: float
    least_mm: float


_SIDE_ON = _Fan(
    turns_deg=tuple(float(turn) for turn in range(-36, 37, 3)),
    # The straight line still grazes a bend of few degrees so far behind the elbow.
    back_mm=7.0,
    threshold=0.4,
    least_mm=1.0,
)
"""Bends of up to 20 degrees on a shaft seen from the side: as much steel as the shaft."""

_FORESHORTENED = _Fan(
    turns_deg=tuple(float(turn) for turn in range(-112, 113, 7)),
    back_mm=1.4,
    threshold=0.3,
    least_mm=1.0,
)
"""On a shaft seen steeply the same bend may show at any angle, and adds less than the shaft, which
is longer in the beam."""

_CROSSES_RAD = math.radians(32)
"""Lines that turn by more than this leave the shaft's own width within 1.5 mm."""

_FORESHORTENED_MM = 60.0
"""A needle of 89 to 127 mm of which more shows is not seen so steeply."""

_LONGEST_NEEDLE_MM = 127.0
_STEEPEST_BEND_DEG = 20.0
_BEND_MARGIN_DEG = 6.0
"""What the longest needle shows of itself tells how steeply it may be seen at most, and that by how
much a bend may turn in the image."""

_ELBOW_STEP_MM = 0.7
_LEAST_BEND_MM = 1.5
_LEAST_SHARE = 0.4
_LEAST_SHARE_SIDE_ON = 0.6
_LONG_MM = 30.0
_PER_DEG_MM = 0.006
"""A bend shows over so much, adds so much of what the shaft adds, and the more it turns, the more
of it there must be: edges of bone run every way. A shaft that shows so much of itself is seen from
the side, and its bend adds little less."""

_CLEAR_DROP = 1.0
_FADING_MM = 20.0
"""A line that loses less than this of its contrast where it seems to end may go on, more faintly;
one of such a length tells where it would run."""

_FADING_DROP = 0.4
_FADING_SIGMA_MM = 4.0
"""Where the steel fades away over bone it may go on unseen for some millimetres."""

_BLUR_MM = 0.25
"""Standard deviation of focal spot and detector at the patient; where it is wrong by 0.1 mm the
place of half the height stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """Where a line ends.

    Attributes
    ----------
    row, column : float
        Fine pixels.
    angle_rad : float
        Direction of the last part, towards the tip: (row, column) = (sin, cos).
    bend_rad : float
        By how much that differs from the shaft.
    bend_length : float
        Length of the last part if it is bent, else 0. Fine pixels.
    sigma : float
        Standard deviation of the end's place along the line, from the noise and from how clearly it
        ends. Fine pixels.
    drop : float
        How clearly the steel ends: what it adds just before, less just behind, over its contrast.
    """

    row: float
    column: float
    angle_rad: float
    bend_rad: float
    bend_length: float
    sigma: float
    drop: float


def locate_tip(picture: Picture, line: Line) -> Tip:
    """Return where a line ends, at its `end`; `Line.turned` gives the other."""
    mm = picture.fine_mm
    end = line.end
    best = (0.0, end, 0.0, 0.0)
    for fan in (_SIDE_ON, _FORESHORTENED):
        if fan is _SIDE_ON or line.length * mm < _FORESHORTENED_MM:
            best = max(best, _best_bend(picture, line, end, fan))
    gain, elbow, turn, run = best
    if gain == 0:
        # A bend behind a part that is hardly seen would be an edge of bone more often than not.
        row, column = line.at(elbow)
        as_it_is = refine_end(picture, line, (row, column, line.angle_rad), (0.0, 0.0))
        is_sure = as_it_is.drop > _CLEAR_DROP or line.length * mm < _FADING_MM
        elbow += faint_part(picture, line, ends_clearly=is_sure)
    row, column = line.at(elbow)
    return refine_end(picture, line, (row, column, line.angle_rad + turn), (turn, run))


def _best_bend(
    picture: Picture, line: Line, end: float, fan: _Fan
) -> tuple[float, float, float, float]:
    """Return the gain in millimetres, the elbow, the turn in radians and the length of a bend."""
    mm = picture.fine_mm
    turns = np.deg2rad(fan.turns_deg)
    turns = turns[np.abs(turns) <= _most_turn_rad(line.length * mm)]
    back = min(fan.back_mm / mm, max(0.0, 0.6 * line.length))
    elbows = np.arange(end - back, end + 0.8 / mm, _ELBOW_STEP_MM / mm)
    reach = np.arange(0.0, LONGEST_BEND_MM / mm + 1)
    added = _fan(picture, line, elbows, turns, reach)
    share = np.clip(added / line.contrast, -1.0, 1.2)
    total = np.cumsum(share - fan.threshold, axis=-1)
    # A gap ends a bend: what lies behind it is another thing.
    fallen = np.maximum.accumulate(np.maximum(total, 0), axis=-1) - total > 0.5 / mm
    total = np.where(np.maximum.accumulate(fallen, axis=-1), -np.inf, total)
    length = np.argmax(total, axis=-1)
    carried = np.take_along_axis(np.cumsum(share, axis=-1), length[..., None], axis=-1)[..., 0]
    carried = np.where(total.max(axis=-1) > 0, carried, 0)
    # What the straight line carries on from the same elbow would be lost with it.
    lost = np.repeat(carried[:, len(turns) // 2][:, None], len(turns), axis=1)
    if fan is _FORESHORTENED:
        lost = np.maximum(lost, _behind(picture, line, elbows, turns, length))
    extra = (carried - lost) * mm - fan.least_mm - _PER_DEG_MM * np.abs(np.rad2deg(turns))
    least = _LEAST_SHARE if line.length * mm < _LONG_MM else _LEAST_SHARE_SIDE_ON
    extra[(length * mm < _LEAST_BEND_MM) | (carried < least * (length + 1))] = -np.inf
    at, turn = np.unravel_index(int(np.argmax(extra)), extra.shape)
    return (
        float(extra[at, turn]),
        float(elbows[at]),
        float(turns[turn]),
        float(length[at, turn]),
    )


def _most_turn_rad(visible_mm: float) -> float:
    """Return by how much the last part of a needle that shows so much of itself may turn."""
    steepest = visible_mm / _LONGEST_NEEDLE_MM
    share = math.sin(math.radians(_STEEPEST_BEND_DEG)) / max(steepest, 1e-3)
    return math.pi if share >= 1 else math.asin(share) + math.radians(_BEND_MARGIN_DEG)


def _behind(
    picture: Picture,
    line: Line,
    elbows: NDArray[np.float64],
    turns: NDArray[np.float64],
    length: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return what would be expected if the line behind the elbow went on as it begins there.

    An edge of bone crosses the shaft; a bend does not.
    """
    steep = np.abs(turns) > _CROSSES_RAD
    mm = picture.fine_mm
    reach = np.arange(0.8 / mm, 2.8 / mm)
    added = _fan(picture, line, elbows, turns[steep] + math.pi, reach)
    share = np.clip(added / line.contrast, 0, 1.2).mean(axis=-1)
    result = np.zeros(length.shape)
    result[:, steep] = share * length[:, steep]
    return result


def _fan(
    picture: Picture,
    line: Line,
    elbows: NDArray[np.float64],
    turns: NDArray[np.float64],
    reach: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return what is added along lines from each elbow in each direction: (E, B, S)."""
    sin, cos = math.sin(line.angle_rad), math.cos(line.angle_rad)
    points = np.stack((line.row + elbows * sin, line.column + elbows * cos), axis=1)
    origins = np.repeat(points, len(turns), axis=0)
    angles = np.tile(line.angle_rad + turns, len(elbows))
    # Three places are enough to compare thousands of lines.
    mm = picture.fine_mm
    across = np.array((-1.3, -1.0, 0.0, 1.0, 1.3)) / mm
    strips = sample_strips(picture.fine, origins, angles, reach, across)
    added = strips[:, 2] - np.maximum(strips[:, 0] + strips[:, 1], strips[:, 3] + strips[:, 4]) / 2
    shape = (len(elbows), len(turns), len(reach))
    return np.asarray(np.nan_to_num(added, nan=-1.0).reshape(shape), np.float32)


def refine_end(
    picture: Picture,
    line: Line,
    point: tuple[float, float, float],
    bend: tuple[float, float],
) -> Tip:
    """Fit a blurred step to what is added along the last part."""
    mm = picture.fine_mm
    row, column, angle = point
    run = bend[1]
    before = round(min(5.0 / mm, max(line.length, 2.0 / mm)))
    along = run + np.arange(-before, round(4.0 / mm) + 1.0)
    across = across_positions(mm, 2.0)
    strip = sample_strips(
        picture.fine, np.array([(row, column)]), np.array([angle]), along, across
    )[0]
    middle, left, right = measure_sides(strip, across * mm)
    added = np.nan_to_num(middle - (left + right) / 2, nan=0.0).astype(np.float64)
    place, height, floor = _fit_step(along - run, added, _BLUR_MM / mm, 1.6 / mm)
    sigma = math.hypot(0.1 / mm, line.noise / max(height, 0.2 * line.contrast))
    drop = (height - floor) / line.contrast
    if drop < _FADING_DROP:
        sigma = math.hypot(sigma, _FADING_SIGMA_MM / mm)
    return Tip(
        row=row + (run + place) * math.sin(angle),
        column=column + (run + place) * math.cos(angle),
        angle_rad=angle,
        bend_rad=bend[0],
        bend_length=run + place if run else 0.0,
        sigma=sigma,
        drop=drop,
    )


def _fit_step(
    along: NDArray[np.float64], added: NDArray[np.float64], blur: float, limit: float
) -> tuple[float, float, float]:
    """Return the place, the height before and the height behind of the best blurred step."""
    places = np.arange(-limit, limit + 0.01, 0.2)
    erf = np.vectorize(math.erf)
    shapes = 0.5 - 0.5 * erf((along[None, :] - places[:, None]) / (math.sqrt(2) * blur))
    mean_shape = shapes.mean(axis=1, keepdims=True)
    level = added.mean()
    centered = shapes - mean_shape
    slope = (centered * (added - level)).sum(axis=1) / (centered**2).sum(axis=1)
    left = ((added - level - slope[:, None] * centered) ** 2).sum(axis=1)
    left[slope <= 0] = np.inf
    if not np.isfinite(left).any():
        return 0.0, float(level), float(level)
    best = int(np.argmin(left))
    floor = float(level - slope[best] * mean_shape[best, 0])
    return float(places[best]), floor + float(slope[best]), floor
