"""The bowel and its gas: colon, stomach, loops of small bowel.

No bowel lies like another's, so its course is drawn anew for every patient from `bowel_seed`.
"""

from dataclasses import dataclass, replace

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.spine._body import BodySettings
from guidance.spine._body_paint import IN_CAVITY
from guidance.spine._body_things import Things
from guidance.spine._tissues import Filling

Point = tuple[float, float, float]
# Haustra: the colon is drawn in every few centimetres. Guess.
HAUSTRA_MM, HAUSTRA_DEPTH = 32.0, 0.16
COLON_WALL_MM, SMALL_WALL_MM = 2.0, 2.2
SMALL_RADIUS_MM = (7.0, 12.5)  # mostly collapsed; up to 30 mm wide is normal


@dataclass(frozen=True, slots=True, kw_only=True)
class GasPocket:
    """Gas in the bowel; it moves on its own, so it is kept apart from the tissue around it.

    Attributes
    ----------
    center_lps_mm : (x, y, z)
        Its middle. Millimetres, LPS.
    half_axes_mm : (x, y, z)
        Half its extent along the axes. Millimetres.
    """

    center_lps_mm: Point
    half_axes_mm: Point

    def __post_init__(self) -> None:
        """Refuse gas that is nowhere or takes no room."""
        numbers = (*self.center_lps_mm, *self.half_axes_mm)
        if not np.isfinite(numbers).all() or min(self.half_axes_mm) <= 0:
            raise InputError(
                f"a gas pocket at {self.center_lps_mm} with half axes {self.half_axes_mm}; "
                "expected finite numbers and positive half axes"
            )

    def mirrored(self) -> "GasPocket":
        """Return the pocket on the other side."""
        x, y, z = self.center_lps_mm
        return replace(self, center_lps_mm=(-x, y, z))

    def moved(self, by_lps_mm: Point) -> "GasPocket":
        """Return the pocket elsewhere."""
        x, y, z = (a + b for a, b in zip(self.center_lps_mm, by_lps_mm, strict=True))
        return replace(self, center_lps_mm=(x, y, z))


def _through(points: FloatArray, step_mm: float) -> FloatArray:
    """Return a smooth way through points (Catmull-Rom), about every `step_mm`."""
    ends = np.vstack((2 * points[0] - points[1], points, 2 * points[-1] - points[-2]))
    way = [points[0]]
    for k in range(1, len(ends) - 2):
        p, a, b, q = ends[k - 1 : k + 3]
        n = max(2, round(float(np.linalg.norm(b - a)) / step_mm))
        t = (np.arange(1, n + 1) / n)[:, None]
        bend = (2 * p - 5 * a + 4 * b - q) * t**2 + (3 * a - p - 3 * b + q) * t**3
        way.extend(0.5 * (2 * a + (b - p) * t + bend))
    return np.array(way)


def _colon_ways(things: Things, body: BodySettings, rng: np.random.Generator) -> list[FloatArray]:
    """Return the middle lines of ascending, transverse and descending colon with sigmoid."""
    f, radius = things.frame, body.colon_radius_mm

    def place(level: str, across: float, back: float) -> FloatArray:
        """Return a point: share of the cavity's half width, and of its depth from the front."""
        row = things.row(level)
        half = row.half_width - body.wall_mm - radius - 3
        front = row.front_y + 0.55 * body.wall_mm + radius + 2
        rear = row.process_y + 10 - radius
        jitter = rng.normal(0, 4, 3)
        return (
            np.array((row.center_x + across * half, front + back * (rear - front), f.level(level)))
            + jitter
        )

    ascending = [
        place("S2", -0.62, 0.35),
        place("S1", -0.80, 0.45),
        place("L4", -0.97, 0.62),
        place("L3", -0.97, 0.62),
        place("L2", -0.88, 0.42),
    ]
    sag = rng.uniform(-1, 1)
    mid = "L3" if sag < 0.2 else "L4"
    transverse = [
        ascending[-1] + np.array((6.0, -18.0, 4.0)),
        place("L2", -0.55, 0.02),
        place(mid, -0.1, 0.0),
        place("L2", 0.45, 0.02),
        place("L1", 0.78, 0.25),
        place("T12-12", 0.92, 0.55),
    ]
    descending = [
        transverse[-1] + np.array((2.0, 14.0, -6.0)),
        place("L2", 0.99, 0.72),
        place("L3", 0.99, 0.72),
        place("L4", 0.97, 0.66),
        place("S1", 0.82, 0.45),
        place("S2", 0.45, 0.50),
        place("S3", 0.10, 0.75),
        place("S4", 0.02, 0.85),
    ]
    return [np.array(way) for way in (ascending, transverse, descending)]


def lay_out_bowel(things: Things, body: BodySettings) -> tuple[GasPocket, ...]:
    """Add stomach, small bowel and colon to the things; return the gas in them."""
    rng = np.random.default_rng(body.bowel_seed)
    pockets: list[GasPocket] = []
    colon = _colon_ways(things, body, rng)
    _stomach(things, body, pockets)
    _small_bowel(things, body, rng, pockets)
    for k, way in enumerate(colon):
        _colon(things, body, rng, way, k, pockets)
    return tuple(pockets)


def _stomach(things: Things, body: BodySettings, pockets: list[GasPocket]) -> None:
    row, f = things.row("T12"), things.frame
    depth = row.process_y + 12 - row.front_y
    points = np.array(
        (
            (0.50 * row.half_width, row.front_y + 0.50 * depth, f.level("T11") + 35),
            (0.48 * row.half_width, row.front_y + 0.40 * depth, f.level("T12") + 8),
            (0.22 * row.half_width, row.front_y + 0.28 * depth, f.level("L1")),
            (-0.12 * row.half_width, row.front_y + 0.32 * depth, f.level("L1") + 4),
        )
    )
    radii = np.array((36.0, 32.0, 22.0, 14.0))
    things.tube(
        list(points),
        list(radii),
        Filling.BOWEL_FLUID,
        clip=IN_CAVITY,
        wall=(Filling.BOWEL_WALL, 4.0),
    )
    if body.gas_amount > 0.3:
        _add_gas(pockets, body, points[0], (0.72 * 36, 0.5 * 36, 0.9 * 36), 36.0)


def _add_gas(
    pockets: list[GasPocket],
    body: BodySettings,
    center: FloatArray,
    half: Point,
    room_mm: float,
) -> None:
    """Add gas to a lumen: it lies against the upper wall, the back of a prone patient."""
    up = 1.0 if body.is_prone else -1.0
    rise = max(0.0, room_mm - half[1] - 2.5)
    x, y, z = (float(v) for v in center)
    pockets.append(GasPocket(center_lps_mm=(x, y + up * rise, z), half_axes_mm=half))


def _small_bowel(
    things: Things, body: BodySettings, rng: np.random.Generator, pockets: list[GasPocket]
) -> None:
    """Add loops: short ways that wander and stay between belly and spine."""
    f = things.frame
    for _ in range(body.bowel_loops):
        z = rng.uniform(f.level("S3"), f.level("L2"))
        row = things.at(z)
        radius = float(rng.uniform(*SMALL_RADIUS_MM))
        front = row.front_y + 0.55 * body.wall_mm + radius + 3
        rear = row.spine_y - 0.8 * row.spine_half - radius - 24
        half = 0.66 * row.half_width
        low = np.array((row.center_x - half, front, z - 32))
        high = np.array((row.center_x + half, max(rear, front + 6), z + 32))
        at = np.array((rng.uniform(low[0], high[0]), rng.uniform(low[1], high[1]), z))
        way, heading = [at], rng.normal(0, 1, 3) * (1.2, 0.8, 0.7)
        for _ in range(int(rng.integers(4, 8))):
            heading = heading / np.linalg.norm(heading) + 0.75 * rng.normal(0, 1, 3)
            heading /= np.linalg.norm(heading)
            at = np.clip(at + 15.0 * heading, low, high)
            way.append(at)
        smooth = _through(np.array(way), 6.0)
        radii = radius * (1 + 0.07 * np.sin(np.arange(len(smooth)) * 0.9))
        things.tube(
            list(smooth),
            [float(r) for r in radii],
            Filling.BOWEL_FLUID,
            clip=IN_CAVITY,
            wall=(Filling.BOWEL_WALL, SMALL_WALL_MM),
        )
        if rng.random() < 0.10 * body.gas_amount:
            inner = radius - SMALL_WALL_MM - 0.5
            where = smooth[int(rng.integers(1, len(smooth) - 1))]
            _add_gas(pockets, body, where, (inner, 0.75 * inner, inner), radius)


def _colon(
    things: Things,
    body: BodySettings,
    rng: np.random.Generator,
    way: FloatArray,
    part: int,
    pockets: list[GasPocket],
) -> None:
    """Add a part of the colon with its haustra, faeces and gas."""
    smooth = _through(way, 5.0)
    lengths = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))))
    # The colon narrows from the caecum to the sigmoid. Guess.
    shares = ((1.0, 0.95), (0.95, 0.78), (0.66, 0.55))[part]
    base = body.colon_radius_mm * np.interp(lengths, (0, lengths[-1]), shares)
    phase = rng.uniform(0, 2 * np.pi)
    # Sharp folds between round bulges.
    fold = np.abs(np.sin(np.pi * lengths / HAUSTRA_MM + phase))
    radii = base * (1 - HAUSTRA_DEPTH * (1 - fold) ** 1.5)
    things.tube(
        list(smooth),
        [float(r) for r in radii],
        Filling.FAECES if part != 1 or rng.random() < 0.5 else Filling.BOWEL_FLUID,
        clip=IN_CAVITY,
        wall=(Filling.BOWEL_WALL, COLON_WALL_MM),
    )
    # A pocket in a haustrum here and there; more in the transverse colon.
    chance = min(0.95, (0.28, 0.5, 0.3)[part] * body.gas_amount)
    for at in np.arange(0.5 * HAUSTRA_MM, lengths[-1] - 8, 0.62 * HAUSTRA_MM):
        size = rng.uniform(0.55, 1.0, 3)
        if rng.random() >= chance:
            continue
        k = int(np.argmin(np.abs(lengths - at)))
        inner = float(radii[k]) - COLON_WALL_MM - 0.5
        half = tuple(float(v) for v in inner * size * (1.0, 0.85, 1.0))
        _add_gas(pockets, body, smooth[k], (half[0], half[1], half[2]), float(radii[k]))
