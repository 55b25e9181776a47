"""Which needle the contrast came from."""

import math
from collections.abc import Sequence
from dataclasses import replace

from guidance.errors import InputError
from guidance.records import NeedleKind, NeedleSighting, NotFound

USUAL_WIDTHS = 10.0
"""How far from the tip contrast is first seen, in widths of the needle: 6 mm. It comes out as a
drop that must spread before it can be seen, and a vessel may carry it away."""

_FURTHEST_SIGMA = 3.0
"""A tip that lies further from where contrast began than so many standard deviations did not give
it."""

_CLEARLY = 1.5
"""A needle is chosen that is so many times likelier than the next; else it cannot be told."""

_OTHER_END = 0.1
"""How often the end that was taken for the hub's is the tip, roughly (`docs/needle.md`)."""


def choose_injecting(
    sightings: Sequence[NeedleSighting],
    origin_px: tuple[float, float] | None,
    uncertainty_px: float | None = None,
) -> NeedleSighting | NotFound:
    """Return the needle that contrast came out of; before contrast, the surest.

    Each needle is weighed by how near its tip lies to where contrast first appeared, both being
    uncertain, and by how surely it is a needle.

    Parameters
    ----------
    sightings : sequence of NeedleSighting
        What was seen when contrast appeared, or just before.
    origin_px : (row, column) or None
        Where contrast first appeared, in stored pixels; None where none has yet.
    uncertainty_px : float, optional
        Standard deviation of that, in each direction, in stored pixels; ten widths of the needle
        where it is not known.

    Returns
    -------
    NeedleSighting or NotFound
        Not found where there is no needle, none ends near the contrast, or two do alike.

    Raises
    ------
    InputError
        The position is no number, or its uncertainty not positive.
    """
    _check(origin_px, uncertainty_px)
    needles = [each for each in sightings if each.kind is NeedleKind.NEEDLE]
    if not needles:
        return NotFound("no needle is seen")
    if origin_px is None:
        return max(needles, key=lambda each: each.confidence)
    needles += [each for needle in needles if (each := turn(needle)) is not None]
    weighed = sorted(
        ((*_weigh(each, origin_px, uncertainty_px), each) for each in needles),
        key=lambda entry: -entry[0],
    )
    weight, sigmas, best = weighed[0]
    if sigmas > _FURTHEST_SIGMA:
        away = math.dist(best.tip_px, origin_px)
        return NotFound(
            f"the nearest needle ends {away:.0f} px from where contrast began, which is further "
            "than both are uncertain"
        )
    if len(weighed) > 1 and weight - weighed[1][0] < math.log(_CLEARLY):
        return NotFound("two needles end where contrast began")
    return best


def turn(sighting: NeedleSighting) -> NeedleSighting | None:
    """Return a needle with its other end as the tip; None where that is outside the field.

    Seen down its shaft, or with a hub that hardly shows, a needle does not tell which end is which:
    contrast does.
    """
    if sighting.hub_px is None:
        return None
    away = [hub - tip for hub, tip in zip(sighting.hub_px, sighting.tip_px, strict=True)]
    size = math.hypot(*away)
    return replace(
        sighting,
        tip_px=sighting.hub_px,
        hub_px=sighting.tip_px,
        direction_px=(away[0] / size, away[1] / size) if size else None,
        confidence=_OTHER_END * sighting.confidence,
    )


def _check(origin_px: tuple[float, float] | None, uncertainty_px: float | None) -> None:
    """Refuse what is no place, and no uncertainty."""
    place_is_sound = origin_px is None or all(map(math.isfinite, origin_px))
    if not place_is_sound or not (uncertainty_px is None or 0 < uncertainty_px < math.inf):
        raise InputError(
            f"contrast began at {origin_px} ± {uncertainty_px} px; expected finite numbers and a "
            "positive uncertainty"
        )


def _weigh(
    sighting: NeedleSighting, origin_px: tuple[float, float], uncertainty_px: float | None
) -> tuple[float, float]:
    """Return how likely a needle is the one (logarithm, up to a constant), and how far it is off.

    The distance is in standard deviations.
    """
    sigma = uncertainty_px or USUAL_WIDTHS * max(sighting.width_px, 1.0)
    variance = sigma**2 + sighting.uncertainty_px**2
    squared = math.dist(sighting.tip_px, origin_px) ** 2 / variance
    sureness = math.log(max(sighting.confidence, 1e-3))
    return -squared / 2 - math.log(variance) + sureness, math.sqrt(squared)
