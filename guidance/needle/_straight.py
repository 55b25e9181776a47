"""How straight a line is: where its pieces lie across it."""

import math

import numpy as np

from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._strip import across_positions, mean_known, ridge_profile, sample_strips
from guidance.records import FloatArray

REACH_MM = 3.0
"""How far to both sides a strip goes."""

_REACH_OF_FIT_MM = 1.2

UNKNOWN_STRAY_MM = 0.06
"""Of a line too short or too faint to tell: between steel, and edges of bone."""


def fit_straight(picture: Picture, line: Line) -> tuple[float, float, float]:
    """Return a long line's point and direction, fitted to where its windows have their ridge."""
    middles, places = _ridge_places(picture, line, _REACH_OF_FIT_MM)
    if len(middles) < 3:
        return line.row, line.column, line.angle_rad
    slope, offset = _robust_line(middles, places, 0.5 / picture.fine_mm)
    return (
        line.row + offset * math.cos(line.angle_rad),
        line.column - offset * math.sin(line.angle_rad),
        line.angle_rad + math.atan(slope),
    )


def measure_stray(picture: Picture, line: Line) -> float:
    """Return how far the pieces of a line lie off it, at the median. Millimetres.

    `UNKNOWN_STRAY_MM` for a line of which too few pieces show.
    """
    middles, places = _ridge_places(picture, line, _REACH_OF_FIT_MM)
    if len(middles) < 3:
        return UNKNOWN_STRAY_MM
    slope, offset = (float(value) for value in np.polyfit(middles, places, 1))
    return float(np.median(np.abs(places - slope * middles - offset))) * picture.fine_mm


def measure_bow(picture: Picture, line: Line) -> tuple[float, float]:
    """Return how far the middle of a line lies off its chord, and the radius that it is bent to.

    Millimetres; 0 and inf for a line too short to tell.
    """
    mm = picture.fine_mm
    middles, places = _ridge_places(picture, line, 2.0)
    if len(middles) < 5:
        return 0.0, math.inf
    bend = float(np.polyfit(middles, places, 2)[0])
    sagitta = abs(bend) * (line.length / 2) ** 2 * mm
    return sagitta, mm / (2 * abs(bend)) if bend else math.inf


def _ridge_places(picture: Picture, line: Line, reach_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return where windows along a line have their ridge: places along it, and across it."""
    mm = picture.fine_mm
    count = max(3, round(line.length * mm / 4))
    along = np.arange(line.start, line.end + 1)
    across = across_positions(mm, REACH_MM + reach_mm)
    strip = sample_strips(
        picture.fine,
        np.array([(line.row, line.column)]),
        np.array([line.angle_rad]),
        along,
        across,
    )[0]
    pieces = np.array_split(np.arange(len(along)), count)
    profiles = np.stack([mean_known(strip[:, piece], -1) for piece in pieces])
    ridge = ridge_profile(profiles, mm)
    ridge[:, np.abs(across) * mm > reach_mm] = -np.inf
    best = np.argmax(ridge, axis=1)
    heights = ridge[np.arange(count), best]
    middles = np.array([float(along[piece].mean()) for piece in pieces])
    good = np.isfinite(heights) & (heights > 0.3 * line.contrast)
    return middles[good], across[best[good]]


def _robust_line(x: FloatArray, y: FloatArray, tolerance: float) -> tuple[float, float]:
    """Return slope and offset of the straight line through most of the points."""
    slope, offset = (float(v) for v in np.polyfit(x, y, 1))
    for _ in range(4):
        weight = 1 / (1 + ((y - slope * x - offset) / tolerance) ** 2)
        slope, offset = (float(v) for v in np.polyfit(x, y, 1, w=np.sqrt(weight)))
    return slope, offset
