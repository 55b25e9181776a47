"""The tip of a line, held against where the network sees tips.

Over dense bone the steel fades, and a line ends early or runs on along an edge of bone. What the
network says there is off by half a millimetre or so, but not by ten.
"""

import math
from dataclasses import replace

import numpy as np

from guidance.needle._by_steel import find_tips
from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._steel import Steel
from guidance.needle._tip import Tip, refine_end

_HERE_MM = 2.5
_LEAST_TIP = 0.25
_SURER = 0.2
"""A tip is moved to a place that is one with at least this probability, and so much likelier."""

_BACK_MM, _AHEAD_MM, _ASIDE_MM = 25.0, 45.0, 4.5
"""How far from the end of a line its tip may lie."""

_STEEL_BETWEEN = 0.25
_ON_THE_LINE_MM = 1.0
_ELBOW_MM = 8.0
_CLEAR_DROP = 0.6
_SIGMA_MM = 1.0
"""Standard deviation of where the network sees a tip."""


def tip_chance(picture: Picture, tip: Tip, steel: Steel) -> float:
    """Return the probability, by the network, that a tip lies here."""
    reach = np.arange(-_HERE_MM, _HERE_MM + 0.1, 0.5) / picture.fine_mm
    down, right = (each.reshape(-1) for each in np.meshgrid(reach, reach, indexing="ij"))
    return float(steel.at(steel.tip, tip.row + down, tip.column + right).max())


def steel_along(picture: Picture, line: Line, steel: Steel) -> float:
    """Return the mean probability, by the network, that steel lies along a line."""
    along = np.arange(line.start, line.end + 1, 0.5 / picture.fine_mm)
    rows = line.row + along * math.sin(line.angle_rad)
    columns = line.column + along * math.cos(line.angle_rad)
    return float(steel.at(steel.steel, rows, columns).mean())


def aim_tip(picture: Picture, line: Line, tip: Tip, steel: Steel) -> Tip:
    """Return a line's tip, or the place where the network sees it if that is another one."""
    here = tip_chance(picture, tip, steel)
    best, chance = None, max(_LEAST_TIP, here + _SURER)
    for row, column in find_tips(steel, _LEAST_TIP):
        at = replace(tip, row=row, column=column)
        if tip_chance(picture, at, steel) >= chance and _leads_to(picture, line, at, steel):
            best, chance = at, tip_chance(picture, at, steel)
    return tip if best is None else _measure(picture, line, best)


def _place(picture: Picture, line: Line, tip: Tip) -> tuple[float, float]:
    """Return how far beyond a line's end a place lies, and how far beside it. Millimetres."""
    sin, cos = math.sin(line.angle_rad), math.cos(line.angle_rad)
    down, right = tip.row - line.row, tip.column - line.column
    beyond = down * sin + right * cos - line.end
    return beyond * picture.fine_mm, (down * cos - right * sin) * picture.fine_mm


def _leads_to(picture: Picture, line: Line, tip: Tip, steel: Steel) -> bool:
    """Return whether a line's steel may end at a place."""
    beyond_mm, aside_mm = _place(picture, line, tip)
    if not (-_BACK_MM <= beyond_mm <= _AHEAD_MM and abs(aside_mm) <= _ASIDE_MM):
        return False
    end = line.at(line.end)
    between = np.linspace(0.0, 1.0, 24)
    rows, columns = (
        from_ + between * (to - from_) for from_, to in zip(end, (tip.row, tip.column), strict=True)
    )
    share = float(steel.at(steel.steel, rows, columns).mean())
    return share >= _STEEL_BETWEEN if beyond_mm > 0 else share < 1 - _STEEL_BETWEEN


def _measure(picture: Picture, line: Line, tip: Tip) -> Tip:
    """Return a tip measured near a place, where it can be; else the place as it is."""
    mm = picture.fine_mm
    _, aside_mm = _place(picture, line, tip)
    sin, cos = math.sin(line.angle_rad), math.cos(line.angle_rad)
    along = (tip.row - line.row) * sin + (tip.column - line.column) * cos
    run, angle = 0.0, line.angle_rad
    if abs(aside_mm) > _ON_THE_LINE_MM:
        elbow = line.at(along - _ELBOW_MM / mm)
        angle = math.atan2(tip.row - elbow[0], tip.column - elbow[1])
        run = math.dist(elbow, (tip.row, tip.column))
    turn = math.remainder(angle - line.angle_rad, 2 * math.pi)
    start = (tip.row - run * math.sin(angle), tip.column - run * math.cos(angle), angle)
    found = refine_end(picture, line, start, (turn, run))
    if found.drop >= _CLEAR_DROP:
        return found
    return Tip(
        row=tip.row,
        column=tip.column,
        angle_rad=angle,
        bend_rad=turn,
        bend_length=run,
        sigma=_SIGMA_MM / mm,
        drop=found.drop,
    )
