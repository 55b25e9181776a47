"""How much a line looks like a needle, and which of its ends is the tip.

Both are sums of a few physical features with fixed weights: `_likeness` for the first.
"""

import math
from dataclasses import dataclass

import numpy as np

from guidance.needle._aim import aim_tip, steel_along, tip_chance
from guidance.needle._hub import follow_curve, is_at_rim, measure_rails, measure_ring
from guidance.needle._likeness import (
    END_ON_MM,
    PALE_PENALTY,
    is_no_bulls_eye,
    rate_both,
    rate_ends,
    rate_shaft,
)
from guidance.needle._line import Line
from guidance.needle._picture import Picture
from guidance.needle._steel import Steel
from guidance.needle._straight import measure_bow
from guidance.needle._strip import sample_strips
from guidance.needle._tip import Tip, locate_tip

_CURVE_MM = 15.0
"""A curve that goes on for more than this is no bent tip."""

_CURVE_RAD = math.radians(20)
"""A needle that goes on straight has only been cut short."""

_SAGITTA_MM = 0.5
_RADIUS_MM = 150.0
"""Steel of 25 gauge can be steered through tissue, but not round such a bend; half a millimetre is
what a bent tip may add to a straight shaft."""

_EDGE_STEP = 0.4
_EDGE_MM = 50.0
_EDGE_WIDTH_MM = 1.2
"""So long a line, wider than steel, that has another grey on each side runs along something, all
the way. A needle from the skin inwards has another grey on each side too, but is narrow."""

_LETTER_MM = 13.0
_LETTER_DARK = 0.6
_LETTER_SHARE = 0.1
_LEAD = 4.5
"""Markers are letters of 6 to 12 mm, of lead. About a needle seen down its shaft only hub and
tubing are dark, and less so than steel."""

_RAILS_WEIGHT = 10.0
_RING_WEIGHT = 6.0
_CENTER_WEIGHT = 2.0 / 20.0
_DOWN_WEIGHT = 1.6 / 20.0
_BEND_WEIGHT = 0.8
_LEADS_ON_WEIGHT = 2.0
_CUT_WEIGHT = 4.0
_RIM_WEIGHT = 2.5
_DROP_WEIGHT = 2.0
_MOST_DROP = 1.5
_TIP_WEIGHT = 8.0
"""What speaks for an end being the hub's: it leaves the field, or ends at a blade or at the skin; a
curve leads on from it; rails or a ring of plastic lie about it; it is farther from the middle of
the field, where the target is; it is nearer to the image's lower border, for needles point upwards
(to the head) more often than not; the steel ends more clearly there, in air or under the skin, than
the tip does over bone; and for the other being the tip: it is bent. Per millimetre, or as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """A line, run from its hub's end to its tip.

    Attributes
    ----------
    line : Line
        Its `end` is the tip's end.
    tip, hub : Tip
        Its two ends.
    score : float
        Logit of being a needle.
    end_score : float
        Logit of this end being the tip.
    is_other : bool
        It cannot be a needle: it goes on as a curve at both ends, or is the edge of something.
    """

    line: Line
    tip: Tip
    hub: Tip
    score: float
    end_score: float
    is_other: bool


def rate_line(picture: Picture, line: Line, contrast_ratio: float, steel: Steel) -> Rated:
    """Return the line, turned so that it runs to its tip, with its scores."""
    mm = picture.fine_mm
    ways = (line.turned(), line)
    tips = [locate_tip(picture, way) for way in ways]
    chances = [tip_chance(picture, tip, steel) for tip in tips]
    rails = [measure_rails(picture, tip) / line.contrast for tip in tips]
    rings = [measure_ring(picture, tip) / line.contrast for tip in tips]
    leads = [_leads_on(picture, way) for way in ways]
    center = [(side - 1) / 2 for side in picture.fine.shape]
    far = [math.hypot(t.row - center[0], t.column - center[1]) * mm for t in tips]
    for_second = (
        _RAILS_WEIGHT * (min(rails[0], 0.25) - min(rails[1], 0.25))
        + _RING_WEIGHT * (min(rings[0], 0.4) - min(rings[1], 0.4))
        + _CENTER_WEIGHT * float(np.clip(far[0] - far[1], -30, 30))
        + _DOWN_WEIGHT * float(np.clip((tips[0].row - tips[1].row) * mm, -20, 20))
        + _BEND_WEIGHT * ((tips[1].bend_length > 0) - (tips[0].bend_length > 0))
        + _LEADS_ON_WEIGHT * (leads[0] - leads[1])
        + _CUT_WEIGHT * (line.is_start_cut - line.is_end_cut)
        + _RIM_WEIGHT * (is_at_rim(picture, tips[0]) - is_at_rim(picture, tips[1]))
        + _DROP_WEIGHT * (_seen_drop(ways[0], tips[0]) - _seen_drop(ways[1], tips[1]))
        + _TIP_WEIGHT * (chances[1] - chances[0])
    )
    tip = 1 if for_second >= 0 else 0
    drop = _least_drop(ways, tips)
    tips[tip] = aim_tip(picture, ways[tip], tips[tip], steel)
    chances[tip] = max(chances[tip], tip_chance(picture, tips[tip], steel))
    score = rate_shaft(line, contrast_ratio, mm) + rate_ends(line, drop, rails, rings, mm)
    if is_no_bulls_eye(line, contrast_ratio, rails, rings, mm):
        score -= PALE_PENALTY
    score = rate_both(
        score,
        steel_along(picture, line, steel),
        max(chances),
        is_short=line.length * mm < END_ON_MM and not (line.is_start_cut or line.is_end_cut),
    )
    return Rated(
        line=ways[tip],
        tip=tips[tip],
        hub=tips[1 - tip],
        score=score,
        end_score=abs(for_second),
        is_other=all(leads)
        or _is_edge(line, mm)
        or _is_bowed(picture, line)
        or (contrast_ratio > _LEAD and _is_letter(picture, line)),
    )


def _leads_on(picture: Picture, line: Line) -> bool:
    """Return whether a curve leads on from the line's end: tubing, a catheter, a vessel."""
    length_mm, turned_rad = follow_curve(picture, line)
    return length_mm > _CURVE_MM and turned_rad > _CURVE_RAD


def _is_edge(line: Line, mm: float) -> bool:
    """Return whether a line is the rim of a blade, of the field, or of the body."""
    is_wide = line.width_mm > _EDGE_WIDTH_MM
    return is_wide and line.lopsided > _EDGE_STEP and line.length * mm > _EDGE_MM


def _is_letter(picture: Picture, line: Line) -> bool:
    """Return whether a short line is the stroke of a lead marker: others as dark lie beside it."""
    mm = picture.fine_mm
    if line.length * mm > _LETTER_MM:
        return False
    along = np.arange(line.start - 2.0 / mm, line.end + 2.0 / mm)
    across_mm = np.concatenate((np.arange(-6.0, -1.3, 0.5), np.arange(1.5, 6.1, 0.5)))
    strip = sample_strips(
        picture.fine,
        np.array([(line.row, line.column)]),
        np.array([line.angle_rad]),
        along,
        across_mm / mm,
    )[0]
    known = strip[np.isfinite(strip)]
    if not known.size:
        return False
    dark = known > np.median(known) + _LETTER_DARK * line.contrast
    return bool(dark.mean() > _LETTER_SHARE)


def _is_bowed(picture: Picture, line: Line) -> bool:
    """Return whether a line is bent as a vessel, a catheter or a fold of skin is."""
    sagitta_mm, radius_mm = measure_bow(picture, line)
    return sagitta_mm > _SAGITTA_MM and radius_mm < _RADIUS_MM


def _seen_drop(way: Line, tip: Tip) -> float:
    """Return how clearly an end ends; that of a needle and no more where the field ends first."""
    return 1.0 if way.is_end_cut else float(np.clip(tip.drop, 0.0, _MOST_DROP))


def _least_drop(ways: tuple[Line, Line], tips: list[Tip]) -> float:
    """Return how clearly the less clear of the ends within the field ends."""
    drops = [tip.drop for way, tip in zip(ways, tips, strict=True) if not way.is_end_cut]
    return min(drops, default=1.0)
