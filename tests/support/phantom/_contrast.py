"""Where injected iodine goes: a pool at the needle's tip, a tree of veins, or both.

Iodine is conserved: what the needle gave is in the pool, in the tree, or has left through the
tree's ends. Lengths in millimetres at the isocentre, volumes in cubic millimetres (1000 are one
millilitre), iodine in milligrams. Places are (row, column) in millimetres from the tip.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from guidance.records import FloatArray
from phantom._physics import Map

MM3_PER_ML = 1000.0
# A hand reaches its pressure, and lets go of it, within this time.
HAND_S = 0.25
# Share of the space that fluid takes between tissue planes; the rest is fibres and fat.
POOL_SHARE = 0.6
# Greatest thickness of a pool along the beam, as a share of its radius.
POOL_THICKNESS = 0.6
# Water-like diffusion blurs a pool's edge; start and growth with the root of time.
POOL_EDGE_MM = 0.3
POOL_EDGE_MM_PER_ROOT_S = 0.15
# Mean speed of blood in paravertebral veins of about a millimetre, prone and at rest.
BLOOD_SPEED_MM_PER_S = 45.0
# In-plane share of a vein's length.
VEIN_IN_PLANE = 0.85
VEIN_STEP_MM = 0.2
# Length of a vein between branchings, and of one that has left the field for certain.
VEIN_LENGTH_MM = (9.0, 20.0)
VEIN_LAST_MM = 180.0
VEIN_GENERATIONS = 3
FLOW_STEP_S = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """What the needle gives, and when.

    Attributes
    ----------
    start_s, duration_s : float
        First moment, and time from first to last. Seconds.
    iodine_mg : float
        Iodine in all. Milligrams.
    concentration_mg_per_ml : float
        Iodine in the agent. Milligrams per millilitre.
    vessel_share : float
        Share of the dose that enters the vein, 0 to 1.
    """

    start_s: float
    duration_s: float
    iodine_mg: float
    concentration_mg_per_ml: float
    vessel_share: float

    @property
    def volume_mm3(self) -> float:
        """Volume injected. Cubic millimetres."""
        return MM3_PER_ML * self.iodine_mg / self.concentration_mg_per_ml

    @property
    def end_s(self) -> float:
        """The last moment. Seconds."""
        return self.start_s + self.duration_s

    def share_given(self, times_s: FloatArray | float) -> FloatArray:
        """Return the share of the dose that has left the needle, 0 to 1."""
        elapsed = np.asarray(times_s, np.float64) - self.start_s
        ramp = min(HAND_S, self.duration_s / 2)
        clipped = np.clip(elapsed, 0, self.duration_s)
        tail = self.duration_s - clipped
        # Integral of a trapezium: rises for `ramp`, holds, falls for `ramp`.
        given = clipped - ramp / 2
        given = np.where(clipped < ramp, clipped**2 / (2 * ramp), given)
        whole = self.duration_s - ramp
        result: FloatArray = np.where(tail < ramp, whole - tail**2 / (2 * ramp), given) / whole
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """The pixels that contrast is drawn on.

    Attributes
    ----------
    shape : (rows, columns)
        Size.
    origin_px : (row, column)
        The needle's tip.
    spacing_mm : float
        Size of a pixel. Millimetres.
    """

    shape: tuple[int, int]
    origin_px: tuple[float, float]
    spacing_mm: float

    @property
    def pixel_cm2(self) -> float:
        """Area of a pixel. Square centimetres."""
        return self.spacing_mm**2 / 100

    def contains(self, places_mm: FloatArray) -> bool:
        """Return whether any of the (N, 2) places lies on the canvas."""
        pixels = places_mm / self.spacing_mm + np.asarray(self.origin_px)
        return bool(((pixels >= 0) & (pixels < np.asarray(self.shape))).all(axis=1).any())


class Splat:
    """Thin solids drawn by their volume: weights that turn values per element into a map."""

    def __init__(self, canvas: Canvas, places_mm: FloatArray, volumes_mm3: FloatArray) -> None:
        """Prepare the weights.

        Parameters
        ----------
        canvas : Canvas
            What to draw on; what lies outside is lost.
        places_mm : (N, K, 2) float64 array
            Sample points of each element, row and column. Millimetres from the tip.
        volumes_mm3 : (N, K) float64 array
            Volume that each point stands for. Cubic millimetres.
        """
        pixels = places_mm / canvas.spacing_mm + np.asarray(canvas.origin_px)
        corner = np.floor(pixels)
        part = pixels - corner
        elements = np.broadcast_to(np.arange(len(places_mm))[:, None], volumes_mm3.shape)
        index, weight, owner = [], [], []
        for down in (0, 1):
            for right in (0, 1):
                row, column = corner[..., 0] + down, corner[..., 1] + right
                share = np.abs(1 - down - part[..., 0]) * np.abs(1 - right - part[..., 1])
                inside = (row >= 0) & (row < canvas.shape[0])
                inside &= (column >= 0) & (column < canvas.shape[1])
                index.append((row * canvas.shape[1] + column)[inside].astype(np.intp))
                weight.append((share * volumes_mm3)[inside])
                owner.append(elements[inside])
        self._index = np.concatenate(index)
        self._weight = np.concatenate(weight)
        self._owner = np.concatenate(owner)
        self._shape = canvas.shape

    def draw(self, values: FloatArray) -> Map:
        """Return the sum of `values` (N,) times volume in each pixel, as (R, C) float32."""
        rows, columns = self._shape
        total = np.bincount(self._index, self._weight * values[self._owner], rows * columns)
        return total.reshape(rows, columns).astype(np.float32)


def tube_points(
    path_mm: FloatArray, outer_mm: float, inner_mm: float, samples: int
) -> tuple[FloatArray, FloatArray]:
    """Return points across a tube seen from the side, and the area that each stands for.

    Parameters
    ----------
    path_mm : (N, 2) float64 array
        Points along its axis in the image plane, row and column. Millimetres.
    outer_mm, inner_mm : float
        Outer and inner radius. Millimetres.
    samples : int
        Points across, K.

    Returns
    -------
    places_mm : (N, K, 2) float64 array
        Millimetres.
    areas_mm2 : (K,) float64 array
        Add up to the section of the tube's wall. Square millimetres.
    """
    tangent = np.gradient(path_mm, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    across = outer_mm * ((np.arange(samples) + 0.5) / samples * 2 - 1)
    chord = np.sqrt(outer_mm**2 - across**2)
    chord = chord - np.sqrt(np.clip(inner_mm**2 - across**2, 0, None))
    areas = chord / chord.sum() * np.pi * (outer_mm**2 - inner_mm**2)
    return path_mm[:, None] + across[None, :, None] * normal[:, None], areas


class VeinTree:
    """Veins that carry part of the injection away; plug flow, split in fixed shares.

    The veins of the vertebral plexus have no valves, so that flow from one point leaves through
    several. At each branching the radii follow Murray's law, flow proportional to radius cubed.
    """

    def __init__(
        self, canvas: Canvas, injection: Injection, diameter_mm: float, rng: np.random.Generator
    ) -> None:
        """Grow the tree from the tip; `diameter_mm` is that of its root."""
        self._injection = injection
        places, areas, upstream = [], [], []
        queue = [(np.zeros(2), rng.uniform(-2.4, -0.7), 1.0, 0.0, 0)]
        while queue:
            start, heading, share, before, generation = queue.pop()
            last = generation == VEIN_GENERATIONS or not canvas.contains(start[None])
            length = VEIN_LAST_MM if last else rng.uniform(*VEIN_LENGTH_MM)
            path, end_heading = _wander(start, heading, length, rng)
            radius = diameter_mm / 2 * share ** (1 / 3)
            points, area = tube_points(path, radius, 0.0, 9)
            section = np.pi * radius**2
            places.append(points)
            areas.append(np.broadcast_to(area, points.shape[:2]))
            # Volume of flow at the root that moves the front from the root to each element.
            upstream.append(before + section / share * VEIN_STEP_MM * (np.arange(len(path)) + 0.5))
            after = before + section / share * VEIN_STEP_MM * len(path)
            if not last:
                main = rng.uniform(0.55, 0.8)
                turn = rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)
                queue.append(
                    (path[-1], end_heading - 0.35 * turn, share * main, after, generation + 1)
                )
                queue.append(
                    (path[-1], end_heading + turn, share * (1 - main), after, generation + 1)
                )
        self._upstream = np.concatenate(upstream)
        self._splat = Splat(canvas, np.concatenate(places), np.concatenate(areas) * VEIN_STEP_MM)
        self._pixel_cm2 = canvas.pixel_cm2
        self._blood_mm3_per_s = BLOOD_SPEED_MM_PER_S * np.pi * (diameter_mm / 2) ** 2
        ticks = np.arange(0, injection.end_s + FLOW_STEP_S, FLOW_STEP_S)
        given = injection.share_given(ticks) * injection.volume_mm3 * injection.vessel_share
        self._times_s = ticks
        self._flow_mm3 = given + self._blood_mm3_per_s * ticks
        rate = np.gradient(given, ticks)
        self._inlet = injection.concentration_mg_per_ml * rate / (rate + self._blood_mm3_per_s)

    def areal_density(self, time_s: float) -> Map:
        """Return the iodine in the tree as milligrams per square centimetre, (R, C) float32."""
        beyond = max(0.0, time_s - float(self._times_s[-1])) * self._blood_mm3_per_s
        flow = float(np.interp(time_s, self._times_s, self._flow_mm3)) + beyond
        mg_per_ml = np.interp(flow - self._upstream, self._flow_mm3, self._inlet, left=0, right=0)
        return self._splat.draw(mg_per_ml / MM3_PER_ML / self._pixel_cm2)


def _wander(
    start: FloatArray, heading: float, length_mm: float, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Return a tortuous path (N, 2) of (row, column) from `start`, and its mean heading."""
    along = np.arange(round(length_mm / VEIN_STEP_MM)) * VEIN_STEP_MM
    wavelengths = np.array([5.0, 9.0, 17.0]) * rng.uniform(0.8, 1.25, 3)
    phases = rng.uniform(0, 2 * np.pi, 3)
    sway = (
        np.array([0.25, 0.45, 0.35]) * np.sin(2 * np.pi * along[:, None] / wavelengths + phases)
    ).sum(axis=1)
    angle = heading + sway - sway[0]
    steps = VEIN_STEP_MM * VEIN_IN_PLANE * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return start + np.cumsum(steps, axis=0), heading


class Pool:
    """Fluid between the tissue planes at the tip: grows with what it is given, and stays."""

    def __init__(
        self,
        canvas: Canvas,
        injection: Injection,
        along_rad: float,
        roughness: Map,
    ) -> None:
        """Lay out the shape.

        Parameters
        ----------
        canvas : Canvas
            What to draw on.
        injection : Injection
            What is given; the pool takes what the vein does not.
        along_rad : float
            Direction in which the bone guides it, from columns towards rows. Radians.
        roughness : (R, C) float32 array
            Smooth noise of unit spread on the canvas: makes the outline irregular.
        """
        self._injection = injection
        self._canvas = canvas
        rows = (np.arange(canvas.shape[0]) - canvas.origin_px[0]) * canvas.spacing_mm
        columns = (np.arange(canvas.shape[1]) - canvas.origin_px[1]) * canvas.spacing_mm
        y, x = np.meshgrid(rows, columns, indexing="ij")
        long = x * np.cos(along_rad) + y * np.sin(along_rad)
        short = y * np.cos(along_rad) - x * np.sin(along_rad)
        # Longer than wide by 1.5² or so, and further on one side of the tip than on the other.
        stretched = np.where(long > 0, long / 1.9, long / 1.1)
        self._reach_mm = np.hypot(stretched, short * 1.25) * np.exp(0.2 * roughness)
        self._radii_mm = np.linspace(canvas.spacing_mm, 30.0, 120)
        self._volumes_mm3 = np.array([self._thickness_mm(r).sum() for r in self._radii_mm])
        self._volumes_mm3 *= canvas.spacing_mm**2

    def _thickness_mm(self, radius_mm: float) -> FloatArray:
        dome = np.clip(1 - (self._reach_mm / radius_mm) ** 2, 0, None)
        result: FloatArray = POOL_THICKNESS * radius_mm * np.sqrt(dome)
        return result

    def areal_density(self, time_s: float) -> Map:
        """Return the iodine in the pool as milligrams per square centimetre, (R, C) float32."""
        injection = self._injection
        dose_mg = injection.iodine_mg * (1 - injection.vessel_share)
        mass_mg = dose_mg * float(injection.share_given(time_s))
        if mass_mg <= 0:
            return np.zeros(self._canvas.shape, np.float32)
        volume = mass_mg / injection.concentration_mg_per_ml * MM3_PER_ML / POOL_SHARE
        radius = float(np.interp(volume, self._volumes_mm3, self._radii_mm))
        thickness = self._thickness_mm(radius)
        density = thickness * (mass_mg / thickness.sum() / self._canvas.pixel_cm2)
        edge = POOL_EDGE_MM + POOL_EDGE_MM_PER_ROOT_S * np.sqrt(time_s - injection.start_s)
        spread = cv2.GaussianBlur(
            density.astype(np.float32), (0, 0), edge / self._canvas.spacing_mm
        )
        return np.asarray(spread, np.float32)
