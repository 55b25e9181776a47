"""The hub's end of a line: rails or a ring of plastic about it, or tubing that leads on from it.

A luer hub is a cone of plastic with an outer radius of 2 to 3.6 mm. From the side its walls show as
two faint rails that begin where the steel ends; end-on they close to a ring. Nothing of the kind
lies about a tip.
"""

import math

import numpy as np
from numpy.typing import NDArray

from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._strip import mean_known, sample_strips
from guidance.needle._tip import Tip

_RAIL_MM = (1.6, 2.0, 2.4)
"""How far from the shaft's line a rail begins: the cone's narrow end, seen 10 percent smaller than
at the tip, for it lies nearer to the detector."""

_OPENING = (0.0, 0.1, 0.25, 0.5)
"""By how much rails go apart along their length: the cone widens by 1.4 mm over 22 mm, and the more
steeply it is seen, the shorter it looks."""

_SPANS_MM = ((-0.5, 2.5), (0.0, 5.0), (0.0, 10.0))
"""From where to where behind the end of the steel rails run."""

_APART_MM = 0.9
"""How far beside a rail there is none."""

_RING_MM = (1.8, 3.4)
_RING_AHEAD_MM = (0.0, 0.8, 1.6, 2.4, 3.2)
_RING_OPEN_DEG = 130.0
"""Radius of a ring, its middle behind the end of the steel, and how much of it is looked at: on the
far side lies the shaft."""

_GRID_MM = 0.25

_RIM_MM = 4.0
_RIM_STEP = 0.6
"""Blades and the skin against air change ln(intensity) by more than this within some millimetres;
bone does not."""

_PIECE_MM = 3.0
_TURNS_DEG = np.arange(-24.0, 25.0, 6.0)
_LEAST_SHARE = 0.5
_FURTHEST_MM = 30.0
"""A curve is followed in pieces that turn by up to 24 degrees: a radius of 7 mm and more."""


def measure_ring(picture: Picture, tip: Tip) -> float:
    """Return what the best ring about a place just behind an end adds: the median around it.

    Parameters
    ----------
    picture : Picture
        Where the line was found.
    tip : Tip
        The end.

    Returns
    -------
    float
        Attenuation; 0 where nothing can be seen. Noise alone gives some.
    """
    mm = picture.fine_mm
    ahead_mm = np.array(_RING_AHEAD_MM)
    turns = np.deg2rad(np.arange(-_RING_OPEN_DEG, _RING_OPEN_DEG + 1, 13.0))
    radii_mm = np.arange(_RING_MM[0] - _APART_MM, _RING_MM[1] + _APART_MM + 0.01, _GRID_MM)
    centers = np.stack(
        (
            tip.row + ahead_mm / mm * math.sin(tip.angle_rad),
            tip.column + ahead_mm / mm * math.cos(tip.angle_rad),
        ),
        axis=1,
    )
    origins = np.repeat(centers, len(turns), axis=0)
    angles = np.tile(tip.angle_rad + turns, len(ahead_mm))
    rays = sample_strips(picture.fine, origins, angles, radii_mm / mm, np.zeros(1))[:, 0]
    rays = rays.reshape(len(ahead_mm), len(turns), len(radii_mm))
    apart = round(_APART_MM / _GRID_MM)
    beside = (rays[..., : -2 * apart] + rays[..., 2 * apart :]) / 2
    added = np.median(rays[..., apart:-apart] - beside, axis=1)
    return max(0.0, float(np.nan_to_num(added, nan=0.0).max()))


def measure_rails(picture: Picture, tip: Tip) -> float:
    """Return what the best rails behind an end add, the weaker of both counting more.

    Parameters
    ----------
    picture : Picture
        Where the line was found.
    tip : Tip
        The end.

    Returns
    -------
    float
        Attenuation; 0 where nothing can be seen.
    """
    mm = picture.fine_mm
    along_mm = np.arange(-0.5, 10.0, 2 * _GRID_MM)
    out_mm = np.arange(0.5, 6.6, _GRID_MM)
    strips = sample_strips(
        picture.fine,
        np.array([(tip.row, tip.column)]),
        np.array([tip.angle_rad]),
        along_mm / mm,
        np.concatenate((-out_mm, out_mm)) / mm,
    )[0]
    sides = strips[: len(out_mm)], strips[len(out_mm) :]
    best = 0.0
    for start, end in _SPANS_MM:
        chosen = (along_mm >= start) & (along_mm <= end)
        left, right = (_rails(side[:, chosen], np.maximum(along_mm[chosen], 0)) for side in sides)
        both = np.minimum(left, right) + 0.25 * np.abs(left - right)
        best = max(best, float(np.nan_to_num(both, nan=0.0).max()))
    return best


def _rails(side: NDArray[np.float32], along_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each possible rail on one side stands above what lies beside it."""
    begin, opening = np.meshgrid(_RAIL_MM, _OPENING)
    place = begin.ravel()[:, None] + opening.ravel()[:, None] * along_mm
    place = np.minimum(place, 3.4 + 0.1 * begin.ravel()[:, None])
    at = np.rint((place - 0.5) / _GRID_MM).astype(np.intp)
    apart = round(_APART_MM / _GRID_MM)
    columns = np.arange(len(along_mm))
    level, within, without = (
        side[at + shift, columns].mean(axis=-1) for shift in (0, -apart, apart)
    )
    return np.asarray(level - np.maximum(within, without), np.float64)


def is_at_rim(picture: Picture, tip: Tip) -> bool:
    """Return whether an end lies where the body or the field ends: all about it changes at once."""
    mm = picture.fine_mm
    along_mm = np.arange(-_RIM_MM, _RIM_MM + 0.1, 0.5)
    across_mm = np.array((-4.0, -3.0, -2.0, 2.0, 3.0, 4.0))
    strip = sample_strips(
        picture.fine,
        np.array([(tip.row, tip.column)]),
        np.array([tip.angle_rad]),
        along_mm / mm,
        across_mm / mm,
    )[0]
    profile = mean_known(strip, 0)
    before, behind = profile[along_mm < -1.0], profile[along_mm > 1.0]
    if not (np.isfinite(before).any() and np.isfinite(behind).any()):
        return not np.isfinite(behind).any()
    return abs(float(np.nanmedian(behind)) - float(np.nanmedian(before))) > _RIM_STEP


def follow_curve(picture: Picture, line: Line) -> tuple[float, float]:
    """Return how far a dark curve goes on from a line's `end`, and how much it turns.

    Millimetres, at most 30, and radians: the sum of all turns, whichever way.
    """
    mm = picture.fine_mm
    reach = np.arange(1.0, _PIECE_MM / mm + 1)
    across = np.array((-1.2, 0.0, 1.2)) / mm
    (row, column), angle, length, turned = line.at(line.end), line.angle_rad, 0.0, 0.0
    while length < _FURTHEST_MM:
        angles = angle + np.deg2rad(_TURNS_DEG)
        origins = np.tile((row, column), (len(angles), 1)).astype(np.float64)
        strips = sample_strips(picture.fine, origins, angles, reach, across)
        added = strips[:, 1] - np.maximum(strips[:, 0], strips[:, 2])
        share = mean_known(added, -1) / line.contrast
        if not np.isfinite(share).any() or float(np.nanmax(share)) < _LEAST_SHARE:
            break
        best = float(angles[int(np.nanargmax(share))])
        turned += abs(best - angle)
        angle = best
        row += math.sin(angle) * _PIECE_MM / mm
        column += math.cos(angle) * _PIECE_MM / mm
        length += _PIECE_MM
    return length, turned
