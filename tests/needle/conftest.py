"""Painted radiographs with needles whose tips are known."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

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
FINER = 4
BRIGHT = 30_000.0


@dataclass(frozen=True, kw_only=True)
class Paint:
    """What is in the picture; places are (row, column) in pixels, lengths in millimetres.

    Attributes
    ----------
    tip, toward : (row, column)
        The needle's tip, and the direction in degrees from it to the hub (0 along the row).
    """

    tip: tuple[float, float] = (160.0, 150.0)
    toward_deg: float = 35.0
    length_mm: float = 38.0
    width_mm: float = 0.6
    contrast: float = 0.35
    bend_deg: float = 0.0
    bend_mm: float = 6.0
    has_needle: bool = True
    has_hub: bool = True
    tubing: float = 0.0
    pool: float = 0.0
    noise: float = 0.02
    seed: int = 1
    shift: tuple[float, float] = (0.0, 0.0)
    others: tuple["Paint", ...] = field(default=())


def _line(canvas: np.ndarray, points: np.ndarray, width_mm: float, amount: float) -> None:
    """Add a line through (row, column) points, in pixels, to a finer canvas."""
    layer = np.zeros_like(canvas)
    shifted = np.round(((points + 0.5) * FINER - 0.5)[:, ::-1] * 16).astype(np.int32)
    thick = max(1, round(width_mm / MM * FINER))
    cv2.polylines(layer, [shifted.reshape(-1, 1, 2)], False, 1.0, thick, cv2.LINE_8, 4)
    # Round caps would lengthen the line by half its width at each end.
    start, before = points[0], points[1]
    along = (start - before) / np.linalg.norm(start - before)
    rows, columns = np.indices(canvas.shape)
    ahead = (rows + 0.5) / FINER - 0.5 - start[0], (columns + 0.5) / FINER - 0.5 - start[1]
    near = np.hypot(*ahead) < width_mm / MM
    layer[near & (ahead[0] * along[0] + ahead[1] * along[1] > 0)] = 0
    canvas += amount * layer


def _needle(canvas: np.ndarray, paint: Paint) -> None:
    toward = math.radians(paint.toward_deg)
    shaft = np.array((math.sin(toward), math.cos(toward)))
    last = toward + math.radians(paint.bend_deg)
    tip = np.array(paint.tip) + paint.shift
    bend_mm = paint.bend_mm if paint.bend_deg else 0.0
    elbow = tip + np.array((math.sin(last), math.cos(last))) * bend_mm / MM
    hub = elbow + shaft * (paint.length_mm - bend_mm) / MM
    points = np.stack((tip, elbow, hub)) if bend_mm else np.stack((tip, hub))
    _line(canvas, points, paint.width_mm, paint.contrast)
    across = np.array((shaft[1], -shaft[0]))
    if paint.has_hub:
        for side in (-1, 1):
            rail = hub + side * across * 2.0 / MM
            wider = hub + side * across * 3.0 / MM + shaft * 9.0 / MM
            _line(canvas, np.stack((rail, wider)), 0.8, 0.08)
    if paint.tubing:
        turns = np.linspace(0, 2.0, 40)
        center = hub + shaft * 10 / MM + across * 25 / MM
        arc = center - 25 / MM * (
            np.cos(turns)[:, None] * across - np.sin(turns)[:, None] * shaft
        )
        _line(canvas, arc, 1.2, paint.tubing)


def _bones(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return vertebrae: bodies that are denser than what is about them, with denser rims."""
    bone = np.zeros(rows.shape)
    for top in (20, 120, 220):
        inside = np.minimum.reduce(
            [rows - top, top + 75 - rows, columns - 190, 290 - columns]
        ) * MM
        bone += 0.25 / (1 + np.exp(-inside / 0.5))
        bone += 0.12 * np.exp(-(np.maximum(inside, 0) ** 2) / 2 / 1.2**2) * (inside > -0.6)
    return bone


@pytest.fixture(scope="session")
def paint() -> Callable[[Paint], np.ndarray]:
    """Return what paints a (R, C) uint16 frame: X-ray intensity, steel dark."""

    def draw(what: Paint) -> np.ndarray:
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
        attenuation = cv2.GaussianBlur(attenuation + steel, (0, 0), 0.35 / MM)
        noise = what.noise * np.random.default_rng(what.seed).standard_normal(attenuation.shape)
        return np.clip(BRIGHT * np.exp(-attenuation + noise), 0, 65535).astype(np.uint16)

    return draw


def make_context(
    *, scale: PixelScale | NotFound | None = None, sign: int = 1, side: int = SIDE
) -> RunContext:
    """Return the context of painted frames."""
    return RunContext(
        rows=side,
        columns=side,
        intensity=IntensityScale(
            relationship=PixelIntensityRelationship.LIN,
            sign=sign,
            sign_source="convention",
            low=0.0,
            high=65535.0,
        ),
        scale=PixelScale(row_mm=MM, column_mm=MM, at=SpacingAt.CALIBRATED, source="painted")
        if scale is None
        else scale,
        pose=None,
        valid=np.ones((side, side), np.bool_),
    )


@pytest.fixture(scope="session")
def context() -> RunContext:
    """Return the context of painted frames."""
    return make_context()
