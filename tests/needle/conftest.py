"""Painted radiographs with needles whose tips are known."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from guidance.records import (
    IntensityScale,
    NotFound,
    PixelIntensityRelationship,
    PixelScale,
    RunContext,
    SpacingAt,
)

MM = 0.35
SIDE = 320
FINER = 3
BRIGHT = 30_000.0
BLUR_MM = 0.35


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A needle, and the picture about it; places are (row, column) in pixels.

    Attributes
    ----------
    tip : (row, column)
        Where the steel ends.
    toward_deg : float
        Direction from the tip to the hub: 0 along the row, 90 down.
    length_mm, width_mm : float
        Of the steel as it shows.
    contrast : float
        What it adds to -ln(intensity).
    bend_deg, bend_mm : float
        Of the last part.
    hub : str
        ``"rails"`` from the side, ``"ring"`` end-on, or none.
    wave_mm : float
        How far the line swings to both sides, every 12 mm: steel does not.
    tubing, pool : float
        What filled tubing, and a pool of contrast about the tip, add.
    noise, seed : float, int
        Standard deviation of a pixel's logarithm.
    shift : (rows, columns)
        How far everything has moved.
    jerk_mm : float
        How far the needle alone has been pushed on.
    others : tuple of Paint
        Further needles.
    """

    tip: tuple[float, float] = (160.0, 150.0)
    toward_deg: float = 35.0
    length_mm: float = 38.0
    width_mm: float = 0.6
    contrast: float = 0.35
    bend_deg: float = 0.0
    bend_mm: float = 6.0
    has_needle: bool = True
    hub: str = "rails"
    wave_mm: float = 0.0
    tubing: float = 0.0
    pool: float = 0.0
    noise: float = 0.02
    seed: int = 1
    shift: tuple[float, float] = (0.0, 0.0)
    jerk_mm: float = 0.0
    others: tuple["Paint", ...] = ()

    @property
    def true_tip(self) -> np.ndarray:
        """(row, column) of the tip after shift and jerk."""
        toward = math.radians(self.toward_deg)
        push = -self.jerk_mm / MM * np.array((math.sin(toward), math.cos(toward)))
        return np.array(self.tip) + self.shift + push


def _line(canvas: np.ndarray, points: np.ndarray, width_mm: float, amount: float) -> None:
    """Add a line through (row, column) points to a finer canvas; it ends at its first point."""
    layer = np.zeros_like(canvas)
    fine = np.round(((points + 0.5) * FINER - 0.5)[:, ::-1] * 16).astype(np.int32)
    thick = max(1, round(width_mm / MM * FINER))
    cv2.polylines(layer, [fine.reshape(-1, 1, 2)], False, 1.0, thick, cv2.LINE_8, 4)
    along = (points[0] - points[1]) / np.linalg.norm(points[0] - points[1])
    # Round caps would lengthen the line by half its width.
    reach = thick + 2
    top, left = (max(0, round(place * FINER) - reach) for place in points[0])
    rows, columns = np.indices((2 * reach, 2 * reach))
    down = (rows + top + 0.5) / FINER - 0.5 - points[0][0]
    right = (columns + left + 0.5) / FINER - 0.5 - points[0][1]
    is_cap = (np.hypot(down, right) < width_mm / MM) & (down * along[0] + right * along[1] > 0)
    part = layer[top : top + 2 * reach, left : left + 2 * reach]
    part[is_cap[: part.shape[0], : part.shape[1]]] = 0
    canvas += np.float32(amount) * layer


def _needle(canvas: np.ndarray, paint: Paint) -> None:
    """Add steel, hub and tubing to a finer canvas."""
    toward = math.radians(paint.toward_deg)
    shaft = np.array((math.sin(toward), math.cos(toward)))
    across = np.array((shaft[1], -shaft[0]))
    last = toward + math.radians(paint.bend_deg)
    tip = paint.true_tip
    bend_mm = paint.bend_mm if paint.bend_deg else 0.0
    elbow = tip + np.array((math.sin(last), math.cos(last))) * bend_mm / MM
    hub = elbow + shaft * (paint.length_mm - bend_mm) / MM
    points = np.stack((tip, elbow, hub)) if bend_mm else np.stack((tip, hub))
    if paint.wave_mm:
        share = np.linspace(0, 1, 80)[:, None]
        swing = paint.wave_mm * np.sin(2 * math.pi * share * paint.length_mm / 12)
        points = tip + share * (hub - tip) + swing / MM * across
    _line(canvas, points, paint.width_mm, paint.contrast)
    if paint.hub == "rails":
        for side in (-1, 1):
            rail = hub + side * across * 2.0 / MM
            _line(canvas, np.stack((rail, rail + side * across / MM + shaft * 9 / MM)), 0.8, 0.08)
    if paint.hub == "ring":
        turns = np.linspace(0, 2 * math.pi, 60)
        middle = hub + shaft * 1.5 / MM
        ring = middle + 2.6 / MM * np.stack((np.sin(turns), np.cos(turns)), axis=1)
        _line(canvas, ring, 0.9, 0.3)
    if paint.tubing:
        turns = np.linspace(0, 2.0, 40)[:, None]
        middle = hub + shaft * 10 / MM + across * 25 / MM
        arc = middle - 25 / MM * (np.cos(turns) * across - np.sin(turns) * shaft)
        _line(canvas, arc, 1.2, paint.tubing)


def _bones(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return what vertebrae add: bodies denser than what is about them, with denser rims."""
    bone = np.zeros(rows.shape)
    for top in (20, 120, 220):
        edges = [rows - top, top + 75 - rows, columns - 190, 290 - columns]
        inside = np.minimum.reduce(edges) * MM
        bone += 0.25 / (1 + np.exp(-inside / 0.5))
        bone += 0.12 * np.exp(-(np.maximum(inside, 0) ** 2) / 2 / 1.2**2) * (inside > -0.6)
    return bone


def _draw(what: Paint) -> np.ndarray:
    """Return a (R, C) uint16 frame: X-ray intensity, steel dark."""
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float64)
    rows, columns = rows - what.shift[0], columns - what.shift[1]
    attenuation = 0.5 + 0.3 * np.sin(rows / 130) * np.cos(columns / 170)
    attenuation += _bones(rows, columns)
    if what.pool:
        away = np.hypot(rows - what.tip[0], columns - what.tip[1]) * MM
        attenuation += what.pool * np.exp(-(away**2) / 2 / 3.0**2)
    canvas = np.zeros((SIDE * FINER, SIDE * FINER), np.float32)
    for each in (what, *what.others):
        if each.has_needle:
            _needle(canvas, each)
    steel = cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    attenuation = cv2.GaussianBlur(attenuation + steel, (0, 0), BLUR_MM / MM)
    noise = what.noise * np.random.default_rng(what.seed).standard_normal(
        attenuation.shape, np.float32
    )
    return np.clip(BRIGHT * np.exp(-attenuation + noise), 0, 65535).astype(np.uint16)


def _context(
    scale: PixelScale | NotFound | None = None, sign: int = 1, relationship: str = "LIN"
) -> RunContext:
    """Return the context of painted frames."""
    true_scale = PixelScale(row_mm=MM, column_mm=MM, at=SpacingAt.CALIBRATED, source="painted")
    return RunContext(
        rows=SIDE,
        columns=SIDE,
        intensity=IntensityScale(
            relationship=PixelIntensityRelationship(relationship),
            sign=sign,
            sign_source="convention",
            low=0.0,
            high=65535.0,
        ),
        scale=scale if scale is not None else true_scale,
        pose=None,
        valid=np.ones((SIDE, SIDE), np.bool_),
    )


@pytest.fixture(scope="session")
def painted() -> type[Paint]:
    """Return what is painted."""
    return Paint


@pytest.fixture(scope="session")
def draw() -> Callable[[Paint], np.ndarray]:
    """Return what paints a frame."""
    return _draw


@pytest.fixture(scope="session")
def make_context() -> Callable[..., RunContext]:
    """Return what makes the context of painted frames."""
    return _context


@pytest.fixture(scope="session")
def pixel_mm() -> float:
    """Return the size of a painted pixel at the patient."""
    return MM
