"""What is measured of the contrast in each frame, knowing only the frames so far.

Lengths are millimetres at the patient where the run has a scale. Where it has none, a working pixel
is taken as `NOMINAL_MM`, for the decision alone: no such length is ever reported.
"""

import math
from collections import deque
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.spread._history import History
from guidance.spread._reader import Reading
from guidance.spread._shape import bounding_slices, measure_reach, measure_thin_length
from guidance.spread._sight import Mask, Seen

NOMINAL_MM = 0.55
"""A field of 140 mm on 256 pixels: the middle of the usual fields of C-arms at the patient."""

GROUPS = {
    "network": ("uptake", "uptake_greatest"),
    "vessel map": ("vessel_now", "vessel_ever", "vessel_sure", "vessel_z"),
    "shape": ("thin", "width", "elongation"),
    "transport": ("front_speed", "growth", "reach"),
    "persistence": ("run_off", "washed"),
    "connection": ("vessel_reach", "apart"),
    "amount": ("area", "signal"),
}
"""What each measurement speaks of; evaluation leaves each group out in turn."""

_STRONG, _WEAK = 0.9, 0.5
"""Probabilities of the map, as the network states them: lit pixels counted seven times while it
learned, so that it says 0.9 where about half are contrast."""

_SURE = 0.5
_LEAST_Z = 3.0
_LEFT_SHARE = 0.4
_SMOOTH_S = 0.3
_SPEED_S = 0.4
_THIN_MM = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One frame's measurements, on scales on which a straight line can weigh them.

    Attributes
    ----------
    uptake, uptake_greatest : float
        The network's log-odds that a vessel has been seen: running mean, and its greatest so far.
    vessel_now, vessel_ever : float
        Square root of the area in vessels, now and at any time, by summed probability. mm.
    vessel_sure : float
        The greatest mean probability over 3 by 3 pixels.
    vessel_z : float
        Mean of the greatest change over what was surely in a vessel; log, in noise.
    thin : float
        Square root of the length of thin contrast. mm^0.5.
    width : float
        Area over half of the outline; log mm.
    elongation : float
        Reach squared over area, log.
    front_speed : float
        The fastest advance so far; log mm/s.
    growth : float
        The fastest growth of the area so far; log mm²/s.
    reach : float
        Greatest distance from where contrast first appeared; log mm.
    run_off : float
        Share of the greatest signal that has left.
    washed : float
        Square root of the area that was lit and is so no more. mm.
    vessel_reach : float
        Greatest distance of what was surely in a vessel from the origin; log mm.
    apart : float
        Share of the contrast that does not hang together with the origin.
    area : float
        Of the contrast; log mm².
    signal : float
        Sum of the change over the contrast; log mm².
    """

    uptake: float = -6.0
    uptake_greatest: float = -6.0
    vessel_now: float = 0.0
    vessel_ever: float = 0.0
    vessel_sure: float = 0.0
    vessel_z: float = 0.0
    thin: float = 0.0
    width: float = 0.0
    elongation: float = 0.0
    front_speed: float = 0.0
    growth: float = 0.0
    reach: float = 0.0
    run_off: float = 0.0
    washed: float = 0.0
    vessel_reach: float = 0.0
    apart: float = 0.0
    area: float = 0.0
    signal: float = 0.0

    def row(self) -> NDArray[np.float64]:
        """Return the measurements in the order of their names, (18,)."""
        return np.array([getattr(self, name) for name in MEASURE_NAMES], np.float64)


MEASURE_NAMES = tuple(field.name for field in fields(Measures))


def find_contrast(reading: Reading, seen: Seen) -> Mask:
    """Return where contrast is in this frame: sure places, and what hangs together with them.

    Parameters
    ----------
    reading : Reading
    seen : Seen

    Returns
    -------
    (r, c) bool array
    """
    mask = np.zeros(seen.valid.shape, np.bool_)
    strong = (reading.contrast > _STRONG) & seen.valid
    if not strong.any():
        return mask
    weak = (reading.contrast > _WEAK) & seen.valid
    box = bounding_slices(weak)
    count, labels = cv2.connectedComponents(weak[box].astype(np.uint8), connectivity=8)
    kept = np.zeros(count, np.bool_)
    kept[labels[strong[box]]] = True
    kept[0] = False
    mask[box] = kept[labels]
    return mask


class ContrastCourse:
    """Follows the contrast from its onset on.

    Parameters
    ----------
    shape : (r, c)
        Of working images.
    pixel_mm : float
        Size of a working pixel; see `NOMINAL_MM`.
    """

    def __init__(self, shape: tuple[int, int], pixel_mm: float) -> None:
        self._mm = pixel_mm
        self.support = np.zeros(shape, np.bool_)
        self._latest = np.zeros(shape, np.float32)
        self.contrast = np.zeros(shape, np.bool_)
        self.origin: tuple[float, float] | None = None
        self.area = self.signal = self.held = self.peak = 0.0
        self.reach = self.thin = 0.0
        self._uptake: float | None = None
        self._uptake_greatest = -6.0
        self._front_speed = self._growth = 0.0
        self._recent: deque[tuple[float, float, float]] = deque()

    def begin(self, mask: Mask) -> None:
        """Take what is lit now as the contrast's origin."""
        rows, columns = np.nonzero(mask)
        self.origin = (float(rows.mean()), float(columns.mean()))

    @property
    def run_off(self) -> float:
        """Share of the greatest signal so far that has left."""
        return min(1.0, max(0.0, 1 - self.held / self.peak)) if self.peak > 0 else 0.0

    def listen(self, reading: Reading, passed_s: float) -> None:
        """Take in what the network says of the whole frame, before onset too."""
        value = min(max(reading.uptake, -8.0), 8.0)
        share = 1 - math.exp(-passed_s / _SMOOTH_S)
        self._uptake = (
            value if self._uptake is None else self._uptake + share * (value - self._uptake)
        )
        self._uptake_greatest = max(self._uptake_greatest, self._uptake)

    def measure(
        self, mask: Mask, seen: Seen, history: History, reading: Reading, time_s: float
    ) -> Measures:
        """Return the measurements of a frame with contrast.

        Parameters
        ----------
        mask : (r, c) bool array
            Where contrast is now.
        seen, history, reading : Seen, History, Reading
            Of this frame.
        time_s : float
            On any clock that does not run back.
        """
        mm, area_mm2 = self._mm, self._mm**2
        self.contrast = mask
        self.support |= mask
        np.copyto(self._latest, seen.change, where=seen.valid)
        self.area = float(mask.sum())
        self.signal = float(self._latest[mask].sum())
        self.held = float(self._latest[self.support].sum())
        self.peak = max(self.peak, self.held)
        origin = self.origin or (0.0, 0.0)
        self.reach = measure_reach(mask, origin)
        self.thin = measure_thin_length(mask, max(3.0, _THIN_MM / mm), seen.valid)
        self._move_on(time_s)
        sure = (reading.vessel_ever > _SURE) & seen.valid
        lit = self.support & (history.greatest > _LEAST_Z)
        washed = lit & (history.slow < _LEFT_SHARE * history.greatest)
        area = self.area * area_mm2
        reach = self.reach * mm
        return Measures(
            uptake=self._uptake or 0.0,
            uptake_greatest=self._uptake_greatest,
            vessel_now=math.sqrt(float(reading.vessel.sum()) * area_mm2),
            vessel_ever=math.sqrt(float(reading.vessel_ever.sum()) * area_mm2),
            vessel_sure=float(cv2.blur(reading.vessel_ever, (3, 3)).max()),
            vessel_z=math.log1p(float(history.greatest[sure].mean())) if sure.any() else 0.0,
            thin=math.sqrt(self.thin * mm),
            width=math.log(max(_measure_width(mask) * mm, 0.1)) if mask.any() else 0.0,
            elongation=math.log1p(reach**2 / area) if area > 0 else 0.0,
            front_speed=math.log1p(self._front_speed),
            growth=math.log1p(self._growth),
            reach=math.log1p(reach),
            run_off=self.run_off,
            washed=math.sqrt(float(washed.sum()) * area_mm2),
            vessel_reach=math.log1p(measure_reach(sure, origin) * mm),
            apart=_measure_apart(mask, origin),
            area=math.log1p(area),
            signal=math.log1p(max(self.signal, 0.0) * area_mm2),
        )

    def idle(self) -> Measures:
        """Return the measurements of a frame without contrast."""
        return Measures(uptake=self._uptake or -6.0, uptake_greatest=self._uptake_greatest)

    def _move_on(self, time_s: float) -> None:
        """Compare reach and area with those some tenths of a second ago."""
        recent = self._recent
        recent.append((time_s, self.reach * self._mm, self.area * self._mm**2))
        while len(recent) > 2 and time_s - recent[1][0] >= _SPEED_S:
            recent.popleft()
        first_s, reach_mm, area_mm2 = recent[0]
        passed = max(time_s - first_s, _SPEED_S)
        self._front_speed = max(self._front_speed, (recent[-1][1] - reach_mm) / passed)
        self._growth = max(self._growth, (recent[-1][2] - area_mm2) / passed)


def _measure_width(mask: Mask) -> float:
    """Return the mean width of a mask: its area over half of its outline. Pixels."""
    inside = mask[bounding_slices(mask)].astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = sum(max(cv2.arcLength(contour, closed=True), 2.0) for contour in contours)
    return float(mask.sum()) / max(outline / 2, 1.0)


def _measure_apart(mask: Mask, origin: tuple[float, float]) -> float:
    """Return the share of a mask that does not hang together with the piece nearest to a point."""
    if not mask.any():
        return 0.0
    box = bounding_slices(mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask[box].astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return 0.0
    rows, columns = np.nonzero(labels)
    row, column = origin[0] - box[0].start, origin[1] - box[1].start
    nearest = int(np.argmin((rows - row) ** 2 + (columns - column) ** 2))
    own = int(labels[rows[nearest], columns[nearest]])
    return 1.0 - float(stats[own, cv2.CC_STAT_AREA]) / float(mask.sum())
