"""How far tips and targets lie from the truth, in millimetres at the isocentre.

In the image plane: a lower bound of the distance in space, as the contract says of one view.
"""

import math
from dataclasses import dataclass

import numpy as np

from guidance.evaluation._cases import Case, Pixel, TargetResult, TargetTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """One distance between what was said and the truth.

    Attributes
    ----------
    run : str
        Where.
    cluster : str
        Whose anatomy.
    what : str
        ``"tip"``, or the nerve and side.
    error_mm : float
        NaN where the truth has a position and the observer gave none.
    """

    run: str
    cluster: str
    what: str
    error_mm: float


def measure_tip(case: Case) -> Distance | None:
    """Return the tip's median distance over the frames known to both; None where not measurable.

    NaN stands for an observer that reports tips, but none in a frame that the truth knows.
    """
    spacing = case.truth.spacing_iso_mm
    if spacing is None or not case.truth.tips or not case.result.tips:
        return None
    known = {tip.frame: tip.position_px for tip in case.truth.tips}
    apart = [
        spacing * math.dist(tip.position_px, known[tip.frame])
        for tip in case.result.tips
        if tip.frame in known
    ]
    error = float(np.median(apart)) if apart else math.nan
    return _distance(case, "tip", error)


def measure_targets(case: Case) -> list[Distance]:
    """Return the distance of every true target, NaN for those that the observer did not give.

    Nothing where the observer gives no targets at all: then it does not look for them.
    """
    spacing = case.truth.spacing_iso_mm
    if spacing is None or not case.result.targets:
        return []
    return [
        _distance(
            case,
            f"{target.nerve} {target.side}",
            spacing * _nearest(target, case.result.targets),
        )
        for target in case.truth.targets
    ]


def distance_to_segment(point: Pixel, start: Pixel, end: Pixel) -> float:
    """Return how far a point lies from a segment, in the unit of the three."""
    p, a, b = (np.asarray(one, np.float64) for one in (point, start, end))
    along = b - a
    length = float(along @ along)
    share = 0.0 if length == 0.0 else float(np.clip((p - a) @ along / length, 0.0, 1.0))
    return float(np.linalg.norm(p - (a + share * along)))


def _nearest(target: TargetTruth, stated: tuple[TargetResult, ...]) -> float:
    """Return the distance in pixels of the stated target meant, NaN where there is none.

    A target without a side may be either; the nearer one is taken, since the observer says so.
    """
    apart = [
        distance_to_segment(one.position_px, target.groove_superior_px, target.block_point_px)
        for one in stated
        if one.nerve == target.nerve and one.side in (None, target.side.value)
    ]
    return min(apart, default=math.nan)


def _distance(case: Case, what: str, error_mm: float) -> Distance:
    return Distance(run=case.truth.run, cluster=case.truth.patient, what=what, error_mm=error_mm)
