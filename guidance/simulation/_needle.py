"""Needles: a thin steel tube to the target, its plastic hub, and the tubing that brings contrast.

Each is a cloud of points that fill it (LPS millimetres), so that `splat` gives the true length of
metal at every angle: a line from the side, a bull's-eye end-on.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._motion import Range

# ISO 9626: mean outer diameter, least inner diameter of regular-walled tubing. Millimetres.
TUBES_MM = {22: (0.718, 0.390), 23: (0.642, 0.317), 25: (0.515, 0.232)}
# A luer hub: polycarbonate of 1.2 g/cm³, its soft-tissue-like wall, cone and length. Guess from
# common spinal needles.
HUB_LENGTH_MM = 22.0
HUB_RADII_MM = (2.2, 3.6)
HUB_WALL_MM = 0.9
HUB_DENSITY_G_PER_CM3 = 1.2
# Minimum-volume extension tubing. Millimetres; its wall is of PVC, 1.3 g/cm³.
TUBING_INNER_MM = 1.2
TUBING_OUTER_MM = 2.4
PVC_DENSITY_G_PER_CM3 = 1.3
AXIAL_STEP_MM = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleRanges:
    """Ranges that `draw_needle` draws from.

    Attributes
    ----------
    gauges : tuple of int
        22 to 25 gauge is what practice guidelines name for medial branch blocks (SIS 2013).
    length_mm : tuple of float
        3.5 and 5 inch spinal needles.
    bend_deg, bend_length_mm : Range
        The bend that users put on the tip, in half of the needles. Guess.
    oblique_deg : Range
        Of the needle's path from straight posterior, to the side of the target: 15 to 35 degrees
        (Bogduk 2013).
    caudal_deg : Range
        How far the needle points up from below. Degrees; guess.
    tip_error_mm : Range
        How far the tip lies from the target; placements within 1 to 5 mm. Guess.
    tubing_share, filled_share : float
        How many needles have tubing, and how many of those hold contrast before the run. Guess.
    others : tuple of int
        Least and greatest number of other needles; two to four are placed for two joints.
    """

    gauges: tuple[int, ...] = (22, 23, 25)
    length_mm: tuple[float, ...] = (88.9, 127.0)
    bend_deg: Range = (3.0, 20.0)
    bend_length_mm: Range = (4.0, 12.0)
    oblique_deg: Range = (12.0, 35.0)
    caudal_deg: Range = (-5.0, 20.0)
    tip_error_mm: Range = (0.0, 4.0)
    tubing_share: float = 0.7
    filled_share: float = 0.6
    others: tuple[int, int] = (0, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleSettings:
    """One needle.

    Attributes
    ----------
    gauge : int
        22, 23 or 25.
    length_mm : float
        From tip to hub.
    oblique_deg, caudal_deg : float
        Direction from the tip to the hub: to the target's side, and downwards. Degrees.
    tip_offset_mm : (x, y, z)
        From the target to where the tip would go if no bone were in the way.
    bend_deg, bend_length_mm, bend_turn : float
        Bend of the last `bend_length_mm`, in the direction `bend_turn` (turns about the shaft).
    has_tubing : bool
        Whether tubing leads away from the hub.
    tubing_filled_s : float or None
        When contrast reaches the hub through the tubing, negative for before the run; None if the
        tubing holds none.
    tubing_turn : float
        Which way the tubing leaves, in turns about the shaft.
    """

    gauge: int
    length_mm: float
    oblique_deg: float
    caudal_deg: float
    tip_offset_mm: tuple[float, float, float]
    bend_deg: float = 0.0
    bend_length_mm: float = 8.0
    bend_turn: float = 0.0
    has_tubing: bool = False
    tubing_filled_s: float | None = None
    tubing_turn: float = 0.0

    def __post_init__(self) -> None:
        """Refuse needles that nobody sells."""
        if self.gauge not in TUBES_MM:
            raise InputError(f"gauge is {self.gauge}, expected one of {sorted(TUBES_MM)}")
        if not 20 <= self.length_mm <= 250:
            raise InputError(f"length_mm is {self.length_mm}, expected 20 to 250")
        if not 0 <= self.bend_length_mm < self.length_mm or not abs(self.bend_deg) <= 60:
            raise InputError(
                f"a bend of {self.bend_deg} degrees over {self.bend_length_mm} mm; expected at "
                f"most 60 degrees within the needle's {self.length_mm} mm"
            )
        if abs(self.oblique_deg) > 80 or abs(self.caudal_deg) > 60:
            raise InputError(
                f"oblique_deg {self.oblique_deg} and caudal_deg {self.caudal_deg} do not come "
                "from behind the patient; expected at most 80 and 60"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeedlePoints:
    """A needle at its first place, as points with amounts.

    Attributes
    ----------
    tip_lps_mm, direction_lps : (3,) float64 arrays
        The tip, and the unit vector along which it points.
    steel_lps_mm : (N, 3) float64 array
        Points of the tube.
    steel_cm3 : (N,) float64 array
        Volume of steel at each.
    plastic_lps_mm : (M, 3) float64 array
        Points of hub and tubing.
    plastic_g : (M,) float64 array
        Mass at each, attenuating like soft tissue.
    lumen_lps_mm : (K, 3) float64 array
        Points of the tubing's lumen, from the far end to the hub.
    lumen_cm3 : (K,) float64 array
        Volume of the lumen at each.
    """

    tip_lps_mm: FloatArray
    direction_lps: FloatArray
    steel_lps_mm: FloatArray
    steel_cm3: FloatArray
    plastic_lps_mm: FloatArray
    plastic_g: FloatArray
    lumen_lps_mm: FloatArray
    lumen_cm3: FloatArray


def draw_needle(
    rng: np.random.Generator, ranges: NeedleRanges, injection_start_s: float | None
) -> NeedleSettings:
    """Return one needle; `injection_start_s` is None for one that nothing is injected through."""
    error = rng.normal(size=3)
    error *= rng.uniform(*ranges.tip_error_mm) / np.linalg.norm(error)
    bend = rng.uniform(*ranges.bend_deg) if rng.random() < 0.5 else 0.0
    has_tubing = bool(rng.random() < ranges.tubing_share) and injection_start_s is not None
    is_filled, before = rng.random() < ranges.filled_share, rng.uniform(0.0, 0.8)
    filled = None
    if has_tubing and injection_start_s is not None:
        filled = -1.0 if is_filled else max(0.0, injection_start_s - before)
    return NeedleSettings(
        gauge=int(rng.choice(ranges.gauges)),
        length_mm=float(rng.choice(ranges.length_mm)),
        oblique_deg=rng.uniform(*ranges.oblique_deg),
        caudal_deg=rng.uniform(*ranges.caudal_deg),
        tip_offset_mm=(float(error[0]), float(error[1]), float(error[2])),
        bend_deg=bend,
        bend_length_mm=rng.uniform(*ranges.bend_length_mm),
        bend_turn=rng.random(),
        has_tubing=has_tubing,
        tubing_filled_s=filled,
        tubing_turn=rng.random(),
    )


def shaft_direction(settings: NeedleSettings, is_left: bool) -> FloatArray:
    """Return the (3,) unit vector from the tip to the hub, in LPS."""
    oblique, caudal = np.deg2rad((settings.oblique_deg, settings.caudal_deg))
    sideways = np.sin(oblique) * (1 if is_left else -1)
    return np.array((sideways * np.cos(caudal), np.cos(oblique) * np.cos(caudal), -np.sin(caudal)))


def place_needle(settings: NeedleSettings, tip_lps_mm: FloatArray, is_left: bool) -> NeedlePoints:
    """Return the needle's points with its tip at `tip_lps_mm` (3,)."""
    shaft = shaft_direction(settings, is_left)
    across, along = _perpendicular(shaft)
    turn = 2 * np.pi * settings.bend_turn
    bend = np.deg2rad(settings.bend_deg)
    last = np.cos(bend) * shaft + np.sin(bend) * (np.cos(turn) * across + np.sin(turn) * along)
    elbow = tip_lps_mm + settings.bend_length_mm * last
    hub = elbow + (settings.length_mm - settings.bend_length_mm) * shaft

    outer, inner = (d / 2 for d in TUBES_MM[settings.gauge])
    line = _polyline(np.stack((tip_lps_mm, elbow, hub)), AXIAL_STEP_MM)
    steel, steel_mm3 = _fill_tube(line, inner, outer, rings=2, spokes=10)

    hub_end = hub + HUB_LENGTH_MM * shaft
    hub_line = _polyline(np.stack((hub, hub_end)), 0.4)
    grown = np.linspace(*HUB_RADII_MM, len(hub_line))
    plastic, plastic_mm3 = _fill_tube(hub_line, grown - HUB_WALL_MM, grown, rings=2, spokes=32)
    plastic_g = plastic_mm3 * HUB_DENSITY_G_PER_CM3 / 1000
    lumen, lumen_mm3 = np.zeros((0, 3)), np.zeros(0)
    if settings.has_tubing:
        tube = _tubing(hub_end, shaft, 2 * np.pi * settings.tubing_turn)[::-1]
        radii = TUBING_INNER_MM / 2, TUBING_OUTER_MM / 2
        wall, wall_mm3 = _fill_tube(tube, *radii, rings=1, spokes=16)
        lumen, lumen_mm3 = _fill_tube(tube, 0.0, radii[0], rings=3, spokes=10)
        plastic = np.concatenate((plastic, wall))
        plastic_g = np.concatenate((plastic_g, wall_mm3 * PVC_DENSITY_G_PER_CM3 / 1000))
    return NeedlePoints(
        tip_lps_mm=np.array(tip_lps_mm, dtype=np.float64),
        direction_lps=-last,
        steel_lps_mm=steel,
        steel_cm3=steel_mm3 / 1000,
        plastic_lps_mm=plastic,
        plastic_g=plastic_g,
        lumen_lps_mm=lumen,
        lumen_cm3=lumen_mm3 / 1000,
    )


def lumen_share(settings: NeedleSettings, time_s: float) -> float:
    """Return how much of the tubing holds contrast, 0 to 1, from its far end."""
    if settings.tubing_filled_s is None:
        return 0.0
    # 0.25 mL of tubing at the injection's rate takes about half a second.
    return float(np.clip(1 + (time_s - settings.tubing_filled_s) / 0.5, 0, 1))


def _perpendicular(direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return two (3,) unit vectors that stand on `direction` and on each other."""
    other = np.array((1.0, 0.0, 0.0)) if abs(direction[0]) < 0.9 else np.array((0.0, 1.0, 0.0))
    first = np.cross(direction, other)
    first /= np.linalg.norm(first)
    return first, np.cross(direction, first)


def _polyline(corners: FloatArray, step_mm: float) -> FloatArray:
    """Return points along straight pieces, at the middle of equal steps. (N, 3)."""
    pieces = []
    for start, end in itertools.pairwise(corners):
        count = max(1, round(float(np.linalg.norm(end - start)) / step_mm))
        shares = (np.arange(count) + 0.5) / count
        pieces.append(start + shares[:, None] * (end - start))
    return np.concatenate(pieces)


def _fill_tube(
    line: FloatArray,
    inner_mm: float | FloatArray,
    outer_mm: float | FloatArray,
    rings: int,
    spokes: int,
) -> tuple[FloatArray, FloatArray]:
    """Fill a tube about `line` (N, 3) with points of equal share; return them and their mm³."""
    n_points = len(line)
    inner = np.broadcast_to(np.asarray(inner_mm, np.float64), n_points)
    outer = np.broadcast_to(np.asarray(outer_mm, np.float64), n_points)
    direction = np.gradient(line, axis=0)
    steps = np.linalg.norm(direction, axis=1)
    direction /= steps[:, None]
    # One way that the tube never runs along serves as the reference for all its cross-sections.
    reference = np.eye(3)[np.argmin(np.abs(direction).max(axis=0))]
    first = np.cross(direction, reference)
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(direction, first)
    # Half-way radii of rings of equal area.
    shares = (np.arange(rings) + 0.5) / rings
    radii = np.sqrt(inner[:, None] ** 2 + shares * (outer**2 - inner**2)[:, None])
    turns = 2 * np.pi * (np.arange(spokes) + 0.5 * (np.arange(rings)[:, None] % 2)) / spokes
    spread = radii[:, :, None, None] * (
        np.cos(turns)[None, :, :, None] * first[:, None, None, :]
        + np.sin(turns)[None, :, :, None] * second[:, None, None, :]
    )
    points = line[:, None, None, :] + spread
    volume = np.pi * (outer**2 - inner**2) * steps / (rings * spokes)
    amounts = np.broadcast_to(volume[:, None, None], points.shape[:3])
    return points.reshape(-1, 3), np.array(amounts).ravel()


def _tubing(start: FloatArray, shaft: FloatArray, turn_rad: float) -> FloatArray:
    """Return the middle line of tubing that leaves the hub and bends away to the side. (N, 3)."""
    first, second = _perpendicular(shaft)
    away = np.cos(turn_rad) * first + np.sin(turn_rad) * second
    reach = np.linspace(0, 1, 500)[:, None]
    # A quarter of a turn in the first 40 mm, then a lazy S of 180 mm along the drapes.
    up = 35.0 * np.sin(np.minimum(reach * 4, 1) * np.pi / 2)
    out = 180.0 * reach**1.5
    wave = 12.0 * np.sin(2 * np.pi * reach) * reach
    return np.asarray(start + up * shaft + out * away + wave * np.cross(shaft, away))
