"""Lines that the network sees: from each tip back along the steel that leads to it."""

import math

import cv2
import numpy as np

from guidance.needle._likeness import END_ON_MM
from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._steel import Steel
from guidance.needle._straight import fit_straight
from guidance.needle._trace import describe_part
from guidance.records import FloatArray

LEAST_TIP = 0.1
"""Probability at which a place is tried as a tip."""

_MOST_TIPS = 6
_NEAR_CELLS = 5
_TURNS = 72
_LOOK_MM = (3.0, 22.0)
_FINE_TURNS_DEG = np.arange(-5.0, 6.0)
_ASIDE_MM = np.arange(-2.0, 2.1, 0.5)
"""A bent tip lies beside the line of its shaft."""

_LEAST_STEEL = 0.2
_LONGEST_MM = 170.0
_KEPT = 0.3
_MOST_GAP_MM = 12.0
_SHORTEST_MM = 3.0


def find_by_steel(picture: Picture, steel: Steel) -> list[Line]:
    """Return lines that run to the likeliest tips; some may be no needles.

    Short ones are left out: the network takes any stub of metal for a needle seen down its shaft.
    """
    lines = [_follow_back(picture, steel, tip) for tip in find_tips(steel)]
    return [
        line for line in lines if line is not None and line.length * picture.fine_mm >= END_ON_MM
    ]


def find_tips(steel: Steel, least: float = LEAST_TIP) -> list[tuple[float, float]]:
    """Return where tips may lie, the likeliest first: (row, column) in fine pixels."""
    map_ = steel.tip
    around = cv2.dilate(map_, np.ones((_NEAR_CELLS, _NEAR_CELLS), np.uint8))
    rows, columns = np.nonzero((map_ >= around) & (map_ > least))
    order = np.argsort(-map_[rows, columns], kind="stable")[:_MOST_TIPS]
    return [_settle(steel, int(rows[one]), int(columns[one])) for one in order]


def _settle(steel: Steel, row: int, column: int) -> tuple[float, float]:
    """Return the middle of a peak, to a fraction of a cell, in fine pixels."""
    top, left = max(row - 1, 0), max(column - 1, 0)
    part = steel.tip[top : row + 2, left : column + 2].astype(np.float64)
    total = part.sum()
    down = float((part.sum(1) * np.arange(part.shape[0])).sum() / total)
    right = float((part.sum(0) * np.arange(part.shape[1])).sum() / total)
    return steel.to_fine(top + down), steel.to_fine(left + right)


def _follow_back(picture: Picture, steel: Steel, tip: tuple[float, float]) -> Line | None:
    """Return the line of steel that leads to a tip, run towards it; None where there is none."""
    mm = picture.fine_mm
    out = np.arange(*_LOOK_MM, 0.8) / mm
    coarse = np.arange(_TURNS) * 2 * math.pi / _TURNS
    first = _mean_steel(steel, tip, coarse, np.zeros(1), out)
    back = float(coarse[int(np.argmax(first[:, 0]))])
    turns, aside = back + np.deg2rad(_FINE_TURNS_DEG), _ASIDE_MM / mm
    second = _mean_steel(steel, tip, turns, aside, out)
    turn, shift = np.unravel_index(int(np.argmax(second)), second.shape)
    if second[turn, shift] < _LEAST_STEEL:
        return None
    angle = float(turns[turn])
    row = tip[0] + float(aside[shift]) * math.cos(angle)
    column = tip[1] - float(aside[shift]) * math.sin(angle)
    along = np.arange(0.0, _LONGEST_MM / mm)
    share = steel.at(steel.steel, row + along * math.sin(angle), column + along * math.cos(angle))
    total = np.cumsum(share - _KEPT)
    fallen = np.maximum.accumulate(total) - total > _KEPT * _MOST_GAP_MM / mm
    total[np.maximum.accumulate(fallen)] = -math.inf
    length = float(along[int(np.argmax(total))])
    if length * mm < _SHORTEST_MM:
        return None
    towards = (row, column, angle + math.pi)
    line = describe_part(picture, towards, -length, 0.0)
    if line is None or line.length * mm < _LOOK_MM[1]:
        return line
    point = fit_straight(picture, line)
    again = describe_part(picture, point, -length, 0.0)
    return again if again is not None and again.contrast > line.contrast else line


def _mean_steel(
    steel: Steel, tip: tuple[float, float], turns: FloatArray, aside: FloatArray, out: FloatArray
) -> FloatArray:
    """Return the mean of steel along lines from beside a tip: (turns, places aside)."""
    sin, cos = np.sin(turns)[:, None, None], np.cos(turns)[:, None, None]
    rows = tip[0] + out * sin + aside[:, None] * cos
    columns = tip[1] + out * cos - aside[:, None] * sin
    found = steel.at(steel.steel, rows.reshape(-1), columns.reshape(-1)).reshape(rows.shape)
    return np.asarray(found.mean(-1), np.float64)
