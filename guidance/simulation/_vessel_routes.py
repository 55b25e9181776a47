"""Where veins and arteries about a lumbar vertebra run, as waypoints from its landmarks.

A plan is made of legs: polylines of waypoints, which `_vessel_tree` leads round bone and gives
their winding. Courses after Gray's Anatomy (42nd ed., ch. 45 and 62), Batson 1940 (Ann Surg
112:138) and Crock & Yoshizawa 1976 (Clin Orthop 115:6); millimetres from the landmarks: guess.
"""

from dataclasses import dataclass

import numpy as np

from guidance.records import FloatArray
from guidance.simulation._surroundings import Bearings, Surroundings
from guidance.simulation._vessel_settings import VesselRoute


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leg:
    """One vessel of a plan.

    Attributes
    ----------
    waypoints : (N, 3) float64 array
        Away from where it is joined to the rest. LPS, millimetres.
    is_drain : bool
        Its far end leads on to greater veins (or, in an artery, comes from the aorta); otherwise
        small vessels begin there.
    calibre : float
        Its diameter over that of the trunk, or of the entry vessel for the first leg and the
        tributary.
    """

    waypoints: FloatArray
    is_drain: bool
    calibre: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VesselPlan:
    """The vessels about the tip.

    Attributes
    ----------
    entry : Leg
        From the tip to the junction with the trunk.
    trunk : Leg
        From the junction to where it drains (comes from, in an artery).
    tributary : Leg
        From the tip backwards, away from the trunk.
    upstream : Leg or None
        The greater vessel before the junction.
    sides : tuple of Leg
        What else leaves the junction or the trunk.
    """

    entry: Leg
    trunk: Leg
    tributary: Leg
    upstream: Leg | None
    sides: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sites:
    """Places that vessels pass, about one vertebra."""

    tip: FloatArray
    before_process: FloatArray
    ascending: FloatArray
    foramen: FloatArray
    up: FloatArray
    down: FloatArray
    bearings: Bearings
    midline: FloatArray


def plan_vessels(
    route: VesselRoute,
    surroundings: Surroundings,
    bearings: Bearings,
    tip_lps_mm: FloatArray,
    needle_direction_lps: FloatArray | None,
) -> VesselPlan:
    """Return where the vessels about the tip run.

    Parameters
    ----------
    route : VesselRoute
        What the tip's vessel leads to.
    surroundings : Surroundings
        For the landmarks.
    bearings : Bearings
        Of the vertebra whose groove the needle aims at.
    tip_lps_mm : (3,) float64 array
        The tip. Millimetres.
    needle_direction_lps : (3,) float64 array or None
        Unit vector into the patient that the first centimetre follows; None to go freely.
    """
    b = bearings
    up, down = b.above - b.body, b.below - b.body
    sites = _Sites(
        tip=tip_lps_mm,
        before_process=_shift(b, tip_lps_mm, 2.0, 8.0, 5.0),
        ascending=_shift(b, b.pedicle, 10.0, 3.0, 4.0),
        foramen=_shift(b, b.pedicle, 1.0, 1.0, 0.0) + 0.55 * up,
        up=up,
        down=down,
        bearings=b,
        midline=(b.pedicle + b.opposite_pedicle) / 2,
    )
    plan = {
        VesselRoute.SEGMENTAL: _to_cava,
        VesselRoute.ASCENDING_LUMBAR: _to_ascending,
        VesselRoute.EPIDURAL_PLEXUS: _to_epidural,
        VesselRoute.EXTERNAL_PLEXUS: _to_external,
        VesselRoute.DORSAL_ARTERY: _from_aorta,
    }[route](sites, surroundings)
    if needle_direction_lps is None:
        return plan
    # Beside the bone that the tip rests on, then along the needle.
    beside = _shift(b, tip_lps_mm, 2.0, 0.0, 3.5)
    first = plan.entry.waypoints
    along = np.stack([beside + step * needle_direction_lps for step in (4.0, 8.0, 12.0)])
    kept = first[-1:] if len(first) < 4 else first[2:]
    entry = Leg(waypoints=np.concatenate((first[:1], along, kept)), is_drain=False)
    return VesselPlan(
        entry=entry,
        trunk=plan.trunk,
        tributary=plan.tributary,
        upstream=plan.upstream,
        sides=plan.sides,
    )


def _shift(
    b: Bearings, point: FloatArray, lateral: float, anterior: float, superior: float
) -> FloatArray:
    moved: FloatArray = point + lateral * b.lateral + anterior * b.anterior + superior * b.superior
    return moved


def _leg(*points: FloatArray, drain: bool = False, calibre: float = 1.0) -> Leg:
    return Leg(waypoints=np.stack(points), is_drain=drain, calibre=calibre)


def _about_body(sites: _Sites) -> list[FloatArray]:
    """Return the way round the waist of the body to the cava, at the right of its front."""
    b = sites.bearings
    waist = (
        b.at(b.half_width_mm + 3.0, -0.25 * b.half_depth_mm, 0.0),
        b.at(0.93 * b.half_width_mm + 3.0, 0.4 * b.half_depth_mm, -1.0),
        b.at(0.7 * b.half_width_mm + 2.0, 0.85 * b.half_depth_mm + 2.0, 0.0),
    )
    to_right = 1.0 if b.side == "right" else -1.0
    if to_right > 0:
        return [*waist, b.at(14.0, b.half_depth_mm + 7.0, 2.0)]
    front = b.at(0.0, b.half_depth_mm + 4.0, 1.0)
    return [*waist, front, b.at(-12.0, b.half_depth_mm + 7.0, 2.0)]


def _tributary(sites: _Sites) -> Leg:
    """Return a small vein that comes out of the muscle behind the groove."""
    b, tip = sites.bearings, sites.tip
    return _leg(
        tip,
        _shift(b, tip, 2.0, -6.0, -4.0),
        _shift(b, tip, 5.0, -13.0, -12.0),
        _shift(b, tip, 4.0, -18.0, -24.0),
    )


def _to_cava(sites: _Sites, surroundings: Surroundings) -> VesselPlan:
    b = sites.bearings
    return VesselPlan(
        entry=_leg(sites.tip, sites.before_process, sites.ascending),
        trunk=_leg(sites.ascending, *_about_body(sites), drain=True),
        tributary=_tributary(sites),
        upstream=_leg(
            sites.ascending, sites.ascending + 0.5 * sites.down, sites.ascending + sites.down
        ),
        sides=(
            _leg(
                sites.ascending,
                _shift(b, sites.ascending, -2.0, 0.0, 0.0) + 0.5 * sites.up,
                sites.ascending + sites.up,
                sites.ascending + 1.5 * sites.up,
                drain=True,
                calibre=0.65,
            ),
        ),
    )


def _to_ascending(sites: _Sites, surroundings: Surroundings) -> VesselPlan:
    a = sites.ascending
    return VesselPlan(
        entry=_leg(sites.tip, sites.before_process, a),
        trunk=_leg(
            a, a + 0.5 * sites.up, a + sites.up, a + 1.5 * sites.up, a + 2.0 * sites.up, drain=True
        ),
        tributary=_tributary(sites),
        upstream=_leg(a, a + 0.5 * sites.down, a + sites.down, a + 1.5 * sites.down),
        sides=(_leg(a, *_about_body(sites), drain=True, calibre=0.6),),
    )


def _channel(sites: _Sites, side: float, height: float) -> FloatArray:
    """Return a place on the vein in front of the sac: drawn in at pedicles, out at discs."""
    b = sites.bearings
    half = abs(float((b.pedicle - sites.midline) @ b.lateral))
    out = half - 7.5 + 4.0 * abs(np.sin(np.pi * height))
    step = sites.up if height >= 0 else -sites.down
    # The canal begins about where the pedicles have their centres.
    place: FloatArray = (
        sites.midline + side * out * b.lateral - 1.0 * b.anterior + abs(height) * step
    )
    return place


def _to_epidural(sites: _Sites, surroundings: Surroundings) -> VesselPlan:
    b = sites.bearings
    up = [_channel(sites, 1.0, height) for height in (0.5, 0.75, 1.0, 1.25)]
    down = [_channel(sites, 1.0, height) for height in (0.25, 0.0, -0.25, -0.5, -0.9)]
    across = [_channel(sites, side, 0.97) for side in (0.35, -0.35, -1.0)]
    over = [_channel(sites, -1.0, height) for height in (0.75, 0.5)]
    exit_up = sites.foramen + sites.up
    exit_over = sites.foramen - 2 * float((sites.foramen - sites.midline) @ b.lateral) * b.lateral
    return VesselPlan(
        entry=_leg(sites.tip, sites.before_process, sites.foramen, up[0]),
        trunk=_leg(
            up[0],
            *up[1:],
            _channel(sites, 1.0, 1.5),
            exit_up,
            exit_up + 14.0 * b.lateral,
            drain=True,
        ),
        tributary=_tributary(sites),
        upstream=_leg(up[0], *down),
        sides=(
            _leg(
                up[2],
                *across,
                *over,
                exit_over,
                exit_over - 12.0 * b.lateral,
                drain=True,
                calibre=0.8,
            ),
        ),
    )


def _to_external(sites: _Sites, surroundings: Surroundings) -> VesselPlan:
    b = sites.bearings
    spinous = surroundings.landmark_or(f"{b.vertebra}.spinous_process", b.at(0.0, -60.0, -12.0))
    off_midline = float((sites.tip - spinous) @ b.lateral)
    lamina = sites.tip + 0.5 * (spinous - sites.tip)
    lamina = _shift(b, lamina, 2.0, -2.0, -2.0)
    beside = _shift(b, spinous, min(7.0, 0.4 * off_midline), 12.0, 0.0)
    return VesselPlan(
        entry=_leg(sites.tip, _shift(b, sites.tip, -4.0, -5.0, -2.0), lamina),
        trunk=_leg(
            lamina,
            beside,
            beside + 0.5 * sites.down,
            _shift(b, beside, 2.0, 3.0, 0.0) + sites.down,
            _shift(b, beside, 6.0, 8.0, 0.0) + 1.6 * sites.down,
            drain=True,
        ),
        tributary=_tributary(sites),
        upstream=_leg(
            lamina,
            _shift(b, lamina, -2.0, -2.0, 0.0) + 0.5 * sites.up,
            _shift(b, lamina, -1.0, 0.0, 0.0) + 0.95 * sites.up,
        ),
        sides=(
            _leg(
                sites.tip,
                sites.before_process,
                sites.ascending,
                sites.ascending + 0.7 * sites.up,
                drain=True,
                calibre=0.5,
            ),
        ),
    )


def _from_aorta(sites: _Sites, surroundings: Surroundings) -> VesselPlan:
    """Plan the lumbar artery: from the aorta round the body, then its dorsal branch."""
    b = sites.bearings
    around = _about_body(sites)
    to_left = b.lateral if b.side == "left" else -b.lateral
    aorta = b.at(0.0, b.half_depth_mm + 6.0, 2.0) + 7.0 * to_left
    waist = around[:3] if b.side == "left" else [*around[:3], b.at(0.0, b.half_depth_mm + 3.0, 1.0)]
    tip = sites.tip
    return VesselPlan(
        entry=_leg(tip, sites.before_process, _shift(b, sites.ascending, -1.0, 1.0, -6.0)),
        trunk=_leg(_shift(b, sites.ascending, -1.0, 1.0, -6.0), *waist, aorta, drain=True),
        tributary=_leg(
            tip,
            _shift(b, tip, -2.0, -8.0, -5.0),
            _shift(b, tip, -4.0, -15.0, -14.0),
            _shift(b, tip, -3.0, -20.0, -26.0),
        ),
        upstream=_leg(
            _shift(b, sites.ascending, -1.0, 1.0, -6.0),
            _shift(b, sites.ascending, 12.0, -2.0, -8.0),
            _shift(b, sites.ascending, 28.0, -6.0, -14.0),
            calibre=0.7,
        ),
        sides=(),
    )
