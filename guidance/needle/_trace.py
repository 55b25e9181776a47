"""From a seed to a line: where exactly it runs, how far, and what it is like.

The line is laid on the ridge by turning and shifting it, then followed both ways for as long as it
adds what it adds in its middle: steel adds the same all along. The end is where the sum of what is
added, less half of that, is greatest, which is the likeliest place of one step in white noise.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from guidance.needle._line import Laid, Line
from guidance.needle._picture import Picture
from guidance.needle._ridge import Seed
from guidance.needle._straight import REACH_MM, fit_straight, measure_stray
from guidance.needle._strip import (
    across_positions,
    mean_known,
    measure_sides,
    ridge_profile,
    sample_strips,
)
from guidance.records import FloatArray

WIDEST_MM = 1.9
"""Wider than a 22 gauge needle under the worst blur."""

MOST_GAP_MM = 5.0
"""A line goes on behind a gap of less than this: a dense edge of bone that it crosses."""

WINDOW_MM = 3.0
"""Evenness along the line is judged over windows of this length."""


def lay_seed(picture: Picture, seed: Seed) -> Laid | None:
    """Return a seed laid on its ridge, or None where there is none."""
    ratio = picture.fine_scale / picture.working_scale
    row, column = ((place + 0.5) * ratio - 0.5 for place in (seed.row, seed.column))
    first = _lay_on(picture, (row, column, seed.angle_rad), 4.0, _FIRST_TURNS_RAD)
    if first is None:
        return None
    return _lay_on(picture, (first.row, first.column, first.angle_rad), 6.0, _SECOND_TURNS_RAD)


def trace_line(picture: Picture, laid: Laid) -> Line | None:
    """Return the line that a seed lies on, or None where it is none."""
    line = _extend(picture, (laid.row, laid.column, laid.angle_rad))
    if line is None or line.length * picture.fine_mm < _LONG_MM or line.width_mm > WIDEST_MM:
        return line
    again = _extend(picture, fit_straight(picture, line))
    return None if again is None else replace(again, stray_mm=measure_stray(picture, again))


def trace_darkest(picture: Picture, line: Line) -> Line | None:
    """Return the part of a line that is far darker than the rest, or None where none is.

    Seen down its shaft, steel lies at the end of its own filled tubing.
    """
    if line.darkest_share < _MUCH_DARKER:
        return None
    row, column = line.at(line.darkest)
    return _extend(picture, (row, column, line.angle_rad), _DARK_KEPT, WINDOW_MM / 2)


_MUCH_DARKER = 1.5
_DARK_KEPT = 0.75

_FIRST_TURNS_RAD = np.deg2rad(np.linspace(-6.0, 6.0, 7))
_SECOND_TURNS_RAD = np.deg2rad(np.linspace(-1.5, 1.5, 7))

_LONG_MM = 12.0
"""A line at least so long is laid again, along all of its length."""


def _lay_on(
    picture: Picture, point: tuple[float, float, float], half_mm: float, turns_rad: FloatArray
) -> Laid | None:
    """Return the point and direction, among turns and shifts, at which the ridge is highest."""
    mm = picture.fine_mm
    row, column, angle = point
    across = across_positions(mm, REACH_MM)
    half = round(half_mm / mm)
    along = np.arange(-half, half + 1.0)
    origins = np.tile((row, column), (len(turns_rad), 1)).astype(np.float64)
    strips = sample_strips(picture.fine, origins, angle + turns_rad, along, across)
    profiles = mean_known(strips, -1)
    ridge = ridge_profile(profiles, mm)
    ridge[:, np.abs(across) * mm > 1.0] = -np.inf
    turn, shift = np.unravel_index(int(np.argmax(ridge)), ridge.shape)
    if not ridge[turn, shift] > 0:
        return None
    best = angle + float(turns_rad[turn])
    moved = float(across[shift])
    width, lopsided, skew = _measure_profile(profiles[turn], (across - moved) * mm)
    return Laid(
        row=row + moved * math.cos(best),
        column=column - moved * math.sin(best),
        angle_rad=best,
        height=float(ridge[turn, shift]),
        width_mm=width,
        lopsided=lopsided,
        skew=skew,
    )


def _extend(
    picture: Picture,
    point: tuple[float, float, float],
    kept: float = 0.5,
    near_mm: float = 3.0,
) -> Line | None:
    """Follow a line both ways while it keeps a share of what it adds near the point."""
    mm = picture.fine_mm
    row, column, angle = point
    reach = math.ceil(math.hypot(*picture.fine.shape))
    along = np.arange(-reach, reach + 1.0)
    # Only what lies within the image.
    rows, columns = row + along * math.sin(angle), column + along * math.cos(angle)
    inside = (rows >= 0) & (rows <= picture.fine.shape[0] - 1)
    inside &= (columns >= 0) & (columns <= picture.fine.shape[1] - 1)
    along = along[inside]
    across = across_positions(mm, REACH_MM)
    strip = sample_strips(
        picture.fine, np.array([(row, column)]), np.array([angle]), along, across
    )[0]
    middle, left, right = measure_sides(strip, across * mm)
    added = np.asarray(middle - (left + right) / 2, np.float32)
    seat = int(np.argmin(np.abs(along)))
    near = added[max(0, seat - round(near_mm / mm)) : seat + round(near_mm / mm) + 1]
    near = near[np.isfinite(near)]
    level = float(np.median(near)) if near.size else 0.0
    if level <= 0:
        return None
    for _ in range(2):
        first = seat - _last_of_step(added[seat::-1] / level, MOST_GAP_MM / mm, kept)
        last = seat + _last_of_step(added[seat:] / level, MOST_GAP_MM / mm, kept)
        known = added[first : last + 1]
        known = known[np.isfinite(known)]
        level = float(known.mean()) if known.size else 0.0
        if level <= 0:
            return None
    return _describe(picture, point, along, strip[:, first : last + 1], added, (first, last))


def describe_part(
    picture: Picture, point: tuple[float, float, float], start: float, end: float
) -> Line | None:
    """Return the line between two places along a direction, or None where too little is known.

    Parameters
    ----------
    picture : Picture
        Where it runs.
    point : (row, column, angle)
        Where along is 0, and the direction. Fine pixels, radians.
    start, end : float
        The places. Fine pixels.
    """
    mm = picture.fine_mm
    margin = math.ceil(3.0 / mm)
    along = np.arange(math.floor(start) - margin, math.ceil(end) + margin + 1.0)
    across = across_positions(mm, REACH_MM)
    strip = sample_strips(
        picture.fine, np.array([point[:2]], np.float64), np.array([point[2]]), along, across
    )[0]
    middle, left, right = measure_sides(strip, across * mm)
    added = np.asarray(middle - (left + right) / 2, np.float32)
    known = np.flatnonzero(np.isfinite(added) & (along >= start) & (along <= end))
    if known.size < 4:
        return None
    first, last = int(known[0]), int(known[-1])
    if not np.nanmean(added[first : last + 1]) > 0:
        return None
    line = _describe(picture, point, along, strip[:, first : last + 1], added, (first, last))
    if line is None or line.length * mm < _LONG_MM:
        return line
    return replace(line, stray_mm=measure_stray(picture, line))


def _last_of_step(share: NDArray[np.float32], most_gap: float, kept: float) -> int:
    """Return the index of the last place at which `share` is about 1, and not below `kept`.

    Not known counts as 0; the search ends where the sum has fallen by more than a gap's.
    """
    gain = np.clip(np.nan_to_num(share, nan=0.0), -1.0, 2.0) - kept
    total = np.cumsum(gain)
    fallen = np.maximum.accumulate(total) - total > most_gap / 2
    stop = int(np.argmax(fallen)) if fallen.any() else len(total)
    return int(np.argmax(total[: max(stop, 1)]))


def _describe(
    picture: Picture,
    point: tuple[float, float, float],
    along: FloatArray,
    strip: NDArray[np.float32],
    added: NDArray[np.float32],
    ends: tuple[int, int],
) -> Line | None:
    """Measure what a line is like; None where too little of it is known."""
    mm = picture.fine_mm
    first, last = ends
    known = added[first : last + 1]
    known = known[np.isfinite(known)]
    if known.size < 4:
        return None
    contrast = float(known.mean())
    across = across_positions(mm, REACH_MM) * mm
    width, lopsided, skew = _measure_profile(mean_known(strip, -1), across)
    noise = 1.05 * float(np.median(np.abs(np.diff(known))))
    windows = np.array_split(known, max(1, round(known.size * mm / WINDOW_MM)))
    means = np.array([window.mean() for window in windows])
    by_noise = noise**2 / (known.size / len(windows))
    piece = min(max(1, round(WINDOW_MM / mm)), last - first + 1)
    part = np.nan_to_num(added[first : last + 1], nan=0.0)
    smooth = np.convolve(part, np.ones(piece) / piece, mode="same")
    at = int(np.argmax(smooth))
    margin = round(1.5 / mm)
    return Line(
        row=point[0],
        column=point[1],
        angle_rad=point[2],
        start=float(along[first]),
        end=float(along[last]),
        contrast=contrast,
        noise=noise,
        width_mm=width,
        lopsided=lopsided,
        skew=skew,
        uneven=math.sqrt(max(0.0, float(means.var()) - by_noise)) / contrast,
        weakest=float(means.min()) / contrast,
        darkest=float(along[first + at]),
        darkest_share=float(smooth[at]) / contrast,
        is_start_cut=first < margin or not bool(np.isfinite(added[first - margin])),
        is_end_cut=last + margin >= len(added) or not bool(np.isfinite(added[last + margin])),
    )


def _measure_profile(
    profile: NDArray[np.float32], across_mm: FloatArray
) -> tuple[float, float, float]:
    """Return a cross-profile's width in millimetres, the step between its sides, and its skew.

    The background is a slope between the sides; the width is the area above it over the height.
    """
    core = np.abs(across_mm) <= 0.45
    if not np.isfinite(profile).all():
        return math.inf, math.inf, math.inf
    center = float(across_mm[core][np.argmax(profile[core])])
    step = 0.1
    out = np.arange(0.0, 2.05, step)
    right = np.interp(center + out, across_mm, profile)
    left = np.interp(center - out, across_mm, profile)
    sides = float(right[14:].mean()), float(left[14:].mean())
    slope = (sides[0] - sides[1]) / 2 / 1.7 * out
    right, left = right - sum(sides) / 2 - slope, left - sum(sides) / 2 + slope
    height = float(right[0] + left[0]) / 2
    even, odd = (right + left)[:15] / 2, (right - left)[:15] / 2
    if height <= 0 or even.sum() <= 0:
        return math.inf, math.inf, math.inf
    width = 2 * float(even.sum()) * step / height
    skew = float(np.abs(odd).sum() / np.abs(even).sum())
    return width, abs(sides[0] - sides[1]) / height, skew
