"""How much a line looks like steel: a logit, the sum of a few physical features.

The weights are those of a logistic regression on lines found in simulated runs (`docs/needle.md`).
What they say: a needle is narrow, straight, alike on both sides, long, and darker than the edges of
bone about it. What is as long as a finger is wide tells by its width and straightness, whatever it
lies over; what is shorter must be dark, or have a hub.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guidance.needle._line import Line

SHORT_MM = 12.0
"""What is shorter is a needle seen down its shaft, if it is one."""

END_ON_MM = 14.0
"""A needle of 89 mm seen within 8 degrees of its shaft shows less than this, parallax included."""

PALE_PENALTY = 2.5
_RAILS = 0.06
_RING = 0.1
_PALE = 1.8
_DARK = 3.5
"""A needle that shows only so much of itself is seen down its shaft: then its steel is darker than
edges of bone, and the ring of its hub shows about one end, or it is several times darker."""

_THINNEST_MM = 0.6
"""Nothing shows thinner than the blur lets it."""

_WIDEST_MM = 2.2
_MOST_STRAY_MM = 0.25
_MOST_RAILS = 0.2
_MOST_RING = 0.3
_LEAST_CONTRAST, _MOST_CONTRAST = -1.0, 2.0
_SIGNIFICANCE = 1.5, 3.7
"""Logarithms of standard deviations: in noise, lines of 5 to 10 of them are drawn by chance; what
stands out by 40 is there, whatever it is."""


_MOST_MEASURED = 8.0
_BOTH_OFFSET, _MEASURED, _STEEL, _TIP = -6.24, 0.47, 2.8, 6.1
"""Logistic regression of measurement and network together, on lines of other training runs."""

_MOST_BESIDE, _MOST_BESIDE_SHORT = 0.45, -0.6
"""The network may not speak for what does not measure like steel by more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """What each feature adds to the logit, `offset` by itself."""

    offset: float
    width: float
    lopsided: float
    skew: float
    length: float
    contrast: float
    is_dark: float
    significance: float
    stray: float
    drop: float
    rails: float
    ring: float


_LONG = _Weights(
    offset=0.5,
    width=-7.2,
    lopsided=-1.5,
    skew=-4.8,
    length=1.0,
    contrast=0.55,
    is_dark=0.0,
    significance=1.3,
    stray=-2.9,
    drop=0.5,
    rails=5.1,
    ring=0.0,
)
_SHORT = _Weights(
    offset=3.4,
    width=-6.8,
    lopsided=-1.2,
    skew=-1.0,
    length=0.7,
    contrast=0.7,
    is_dark=0.8,
    significance=0.5,
    stray=0.0,
    drop=0.0,
    rails=2.8,
    ring=1.8,
)


def rate_shaft(line: Line, contrast_ratio: float, mm: float) -> float:
    """Return the part of the logit that needs the line alone.

    Parameters
    ----------
    line : Line
        Any line.
    contrast_ratio : float
        Its contrast over the median of all lines' in the picture.
    mm : float
        Size of a fine pixel. Millimetres.
    """
    weights = _weights_for(line, mm)
    contrast = float(np.clip(math.log(max(contrast_ratio, 1e-3)), _LEAST_CONTRAST, _MOST_CONTRAST))
    return (
        weights.offset
        + weights.width * float(np.clip(line.width_mm, _THINNEST_MM, _WIDEST_MM))
        + weights.lopsided * min(line.lopsided, 1.0)
        + weights.skew * min(line.skew, 1.0)
        + weights.length * math.log(max(line.length * mm, 2.0))
        + weights.contrast * contrast
        + weights.is_dark * (contrast > 1.0)
        + weights.significance * float(np.clip(math.log(max(line.z, 1.0)), *_SIGNIFICANCE))
        + weights.stray * min(line.stray_mm, _MOST_STRAY_MM)
    )


def is_no_bulls_eye(
    line: Line, contrast_ratio: float, rails: Sequence[float], rings: Sequence[float], mm: float
) -> bool:
    """Return whether a line is too short for a shaft, but does not look like one seen from its end.

    Pins, sutures and pieces of bone's edges are as short. Parameters as of the others.
    """
    is_whole = not (line.is_start_cut or line.is_end_cut)
    has_hub = max(rails) > _RAILS or max(rings) > _RING
    is_short = line.length * mm < END_ON_MM
    is_pale = contrast_ratio < _PALE or (contrast_ratio < _DARK and not has_hub)
    return is_whole and is_short and is_pale


def rate_ends(
    line: Line, drop: float, rails: Sequence[float], rings: Sequence[float], mm: float
) -> float:
    """Return the part of the logit that its two ends add.

    Parameters
    ----------
    line : Line
        Any line.
    drop : float
        How clearly the less clear of its ends ends (`Tip.drop`).
    rails, rings : sequence of float
        What rails and a ring of plastic about either end add, over the line's contrast. Rails are
        about one end only; a line between other lines has them at both.
    mm : float
        Size of a fine pixel. Millimetres.
    """
    weights = _weights_for(line, mm)
    return (
        weights.drop * float(np.clip(drop, 0.0, 1.0))
        + weights.rails * min(max(rails) - min(rails), _MOST_RAILS)
        + weights.ring * min(max(rings), _MOST_RING)
    )


def rate_both(measured: float, steel: float, tip: float, *, is_short: bool) -> float:
    """Return the logit of being a needle, by what was measured and by the network.

    Parameters
    ----------
    measured : float
        The sum of all parts above.
    steel, tip : float
        Probability, by the network, of steel along the line, and of a tip at one of its ends.
    is_short : bool
        Whether it is a needle seen down its shaft, if it is one: the network takes any stub of
        metal for such.
    """
    kept = float(np.clip(measured, -_MOST_MEASURED, _MOST_MEASURED))
    both = _BOTH_OFFSET + _MEASURED * kept + _STEEL * steel + _TIP * tip
    return min(both, measured + (_MOST_BESIDE_SHORT if is_short else _MOST_BESIDE))


def _weights_for(line: Line, mm: float) -> _Weights:
    return _SHORT if line.length * mm < SHORT_MM else _LONG
