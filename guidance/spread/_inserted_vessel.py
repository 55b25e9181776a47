"""Vessels of known calibre and dose, as they would add to what a run shows.

A vessel begins at a point, winds through the patient and may branch. Blood flows through it, an
injection adds its share of the dose; iodine goes along with both. Nothing is lost: what enters is
in the vessel until it leaves at its end. Attenuation adds (Beer and Lambert), so the answer is an
image that is added to a frame's change. The idea and its limits stand in `docs/detection-limit.md`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError

Image = NDArray[np.float32]
Floats = NDArray[np.float64]

LARGEST_VELOCITY_MM_S = 400.0
"""Injected contrast is pushed through a small vein no faster (guess; 22-25 G needles)."""

_BLUR_MM = 0.2
"""Standard deviation of an imaging chain's blur at the patient: MTF of one half at 0.7 per mm of
the detector, 1.4 times enlarged: the blurred end of usual chains (Wang and Blackburn 2000)."""

_CELL_MM = 0.25
_LENGTH_MM = (30.0, 80.0)
"""What lies beyond is lost: a segmental vein has met the cava by then, and contrast is thin."""

_PERSISTENCE_MM = 30.0
"""Length over which a vessel forgets its direction: about the bend of a segmental vein round a
vertebral body of 45 mm (guess)."""

_BRANCH_SHARE = 0.5
_BRANCH_AT_MM = (5.0, 20.0)
_BRANCH_MM = (10.0, 30.0)
_BRANCH_FLOW = (0.2, 0.5)
_TRANSIT_S = (0.5, 60.0)
_TRANSIT_MM = 60.0
"""Blood at rest passes so far in a time between the two: what is seen of wash-out, 0.5 to 60 s."""

_POINTS_PER_MM = 6.0
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptake:
    """How much contrast a vessel takes up, and when.

    Attributes
    ----------
    dose_fraction : float
        Share of the injection that goes into the vessel.
    signal_mm2 : float
        Sum of the change of ln(intensity) over all contrast of the injection, times area. mm².
    volume_ml : float
        Injected volume. Millilitres.
    start_s, duration_s : float
        Of the injection. Seconds.
    """

    dose_fraction: float
    signal_mm2: float
    volume_ml: float
    start_s: float
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse what no injection is."""
        amounts = (self.signal_mm2, self.volume_ml, self.duration_s)
        if not 0 <= self.dose_fraction <= 1 or not all(0 < v < 1e6 for v in amounts):
            raise InputError(
                f"an uptake of {self.dose_fraction} of {amounts} (mm², mL, s); expected a share "
                "from 0 to 1 and amounts above 0"
            )

    @property
    def flow_mm3_s(self) -> float:
        """Injected flow into the vessel. Cubic millimetres per second."""
        return self.dose_fraction * self.volume_ml * 1000 / self.duration_s

    @property
    def per_mm(self) -> float:
        """Change of ln(intensity) behind one millimetre of undiluted contrast. 1/mm."""
        return self.signal_mm2 / (self.volume_ml * 1000)


def can_carry(diameter_mm: float, flow_mm3_s: float) -> bool:
    """Return whether a vessel of a calibre takes an injected flow without being torn."""
    return flow_mm3_s <= math.pi / 4 * diameter_mm**2 * LARGEST_VELOCITY_MM_S


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InsertedVessel:
    """A vessel in cells along its course, N of them, and its place in the image.

    Attributes
    ----------
    shape : (r, c)
        Of the image.
    pixel_mm : float
        Size of its pixels. Millimetres.
    resting_mm3_s : float
        Flow of blood through its beginning. Cubic millimetres per second.
    volumes_mm3 : (N,) float64 array
        What each cell holds.
    before_mm3, after_mm3 : (N,) float64 array
        How much has flowed into the vessel when a parcel reaches the cell, and when it leaves it.
    cells : (M,) int64 array
        Of which cell each of M points is.
    pixels : (M,) int64 array
        Its pixel, in row order.
    weights : (M,) float64 array
        Its share of the cell; they sum to 1 over a cell that lies in the image.
    """

    shape: tuple[int, int]
    pixel_mm: float
    resting_mm3_s: float
    volumes_mm3: Floats
    before_mm3: Floats
    after_mm3: Floats
    cells: NDArray[np.int64]
    pixels: NDArray[np.int64]
    weights: Floats

    def held_mm2(self, uptake: Uptake, time_s: float) -> Floats:
        """Return the signal in each cell at a time, (N,): change of ln(intensity) times mm²."""
        flow = self.resting_mm3_s + uptake.flow_mm3_s
        passed = time_s - uptake.start_s
        if passed <= 0 or uptake.dose_fraction == 0:
            return np.zeros_like(self.volumes_mm3)
        entered = flow * min(passed, uptake.duration_s)
        rinsed = self.resting_mm3_s * max(passed - uptake.duration_s, 0.0)
        # Contrast fills what entered while it was injected, pushed on by what came after.
        low = np.maximum(self.before_mm3, rinsed)
        high = np.minimum(self.after_mm3, rinsed + entered)
        lit = np.clip(high - low, 0, None) / (self.after_mm3 - self.before_mm3)
        concentration = uptake.per_mm * uptake.flow_mm3_s / flow
        held: Floats = concentration * lit * self.volumes_mm3
        return held

    def render(self, uptake: Uptake, time_s: float) -> Image:
        """Return what the vessel adds to a frame's change at a time, (r, c) float32."""
        held = self.held_mm2(uptake, time_s) / self.pixel_mm**2
        size = self.shape[0] * self.shape[1]
        image = np.bincount(self.pixels, self.weights * held[self.cells], size)
        sharp = np.asarray(image.reshape(self.shape), np.float32)
        blur_px, lost = _BLUR_MM / self.pixel_mm, cv2.BORDER_CONSTANT
        return np.asarray(cv2.GaussianBlur(sharp, (0, 0), blur_px, borderType=lost), np.float32)


def draw_vessel(
    rng: np.random.Generator,
    shape: tuple[int, int],
    pixel_mm: float,
    origin: tuple[float, float],
    diameter_mm: float,
) -> InsertedVessel:
    """Draw a vessel that begins at a point.

    Parameters
    ----------
    rng : Generator
        Its random numbers do not depend on the calibre: equal seeds give equal courses.
    shape : (r, c)
        Of the image.
    pixel_mm : float
        Size of its pixels at the patient. Millimetres.
    origin : (row, column)
        Where it begins. Pixels.
    diameter_mm : float
        Its calibre there. After a branch the cubes of the two add up to that of the one before
        (Murray 1926, PNAS 12:207).
    """
    stem_mm, branch_mm = rng.uniform(*_LENGTH_MM), rng.uniform(*_BRANCH_MM)
    fork_mm, side_share = rng.uniform(*_BRANCH_AT_MM), rng.uniform(*_BRANCH_FLOW)
    has_branch = rng.random() < _BRANCH_SHARE
    transit_s = math.exp(rng.uniform(*np.log(_TRANSIT_S)))
    stem = _wind(rng, stem_mm)
    side = _wind(rng, branch_mm)
    fork = round(fork_mm / _CELL_MM)
    legs = [(stem, 1.0)]
    if has_branch and fork + 2 <= len(stem):
        branch = side - side[0] + stem[fork - 1]
        legs = [(stem[:fork], 1.0), (stem[fork:], 1 - side_share), (branch, side_share)]
    points = [leg for leg, _ in legs]
    diameters = [np.full(len(leg), diameter_mm * share ** (1 / 3)) for leg, share in legs]
    shares = [np.full(len(leg), share) for leg, share in legs]
    volumes, after = _fill(diameters, shares)
    cells, pixels, weights = _splat(points, diameters, shape, pixel_mm, origin)
    return InsertedVessel(
        shape=shape,
        pixel_mm=pixel_mm,
        resting_mm3_s=math.pi / 4 * diameter_mm**2 * _TRANSIT_MM / transit_s,
        volumes_mm3=volumes,
        before_mm3=after - volumes / np.concatenate(shares),
        after_mm3=after,
        cells=cells,
        pixels=pixels,
        weights=weights,
    )


def _wind(rng: np.random.Generator, length_mm: float) -> Floats:
    """Return a smooth random walk in space, (N, 3): row, column and depth in millimetres."""
    count = max(2, round(length_mm / _CELL_MM))
    heading = rng.standard_normal(3)
    turns = rng.standard_normal((count, 3)) * math.sqrt(2 * _CELL_MM / _PERSISTENCE_MM)
    steps = np.empty((count, 3))
    for index, turn in enumerate(turns):
        heading = heading / np.linalg.norm(heading) + turn
        steps[index] = _CELL_MM * heading / np.linalg.norm(heading)
    walk: Floats = np.cumsum(steps, axis=0) - steps / 2
    return walk


def _fill(diameters: list[Floats], shares: list[Floats]) -> tuple[Floats, Floats]:
    """Return what each cell holds, and how much has flowed in when a parcel leaves it. mm³."""
    volumes = [math.pi / 4 * leg**2 * _CELL_MM for leg in diameters]
    ends: list[Floats] = []
    for index, (held, share) in enumerate(zip(volumes, shares, strict=True)):
        # The stem's end is where both that follow begin.
        begin = ends[0][-1] if index else 0.0
        ends.append(begin + np.cumsum(held / share))
    return np.concatenate(volumes), np.concatenate(ends)


def _splat(
    points: list[Floats],
    diameters: list[Floats],
    shape: tuple[int, int],
    pixel_mm: float,
    origin: tuple[float, float],
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Spread each cell's disc over pixels: cells, pixels and weights of what lies in the image.

    Points on a sunflower's spiral fill the disc evenly, so that their sum is the chord of a round
    vessel from any side. Between pixels they are shared out linearly: a triangle of one pixel,
    which stands for the pixel and for having been moved by parts of one.
    """
    center, width = np.concatenate(points), np.concatenate(diameters)
    along = np.concatenate([np.gradient(leg, axis=0) for leg in points])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, np.where(np.abs(along[:, :1]) < 0.7, [[1.0, 0, 0]], [[0, 1.0, 0]]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    upward = np.cross(along, across)
    count = max(5, math.ceil((_POINTS_PER_MM * float(width.max()) / 2) ** 2))
    spiral = np.arange(count)
    radius, angle = np.sqrt((spiral + 0.5) / count) / 2, spiral * _GOLDEN_ANGLE
    # Each disc turned a little further: else their patterns add up to stripes.
    turned = angle[None] + np.arange(len(width))[:, None]
    reach = radius[None] * width[:, None]
    offset = (reach * np.cos(turned))[..., None] * across[:, None]
    offset += (reach * np.sin(turned))[..., None] * upward[:, None]
    place = (center[:, None] + offset)[..., :2].reshape(-1, 2) / pixel_mm + np.array(origin)
    cell = np.repeat(np.arange(len(width)), count)
    base = np.floor(place).astype(np.int64)
    part = place - base
    found = []
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        at = base + np.array((row, column))
        weight = np.abs(1 - row - part[:, 0]) * np.abs(1 - column - part[:, 1]) / count
        inside = ((at >= 0) & (at < shape)).all(axis=1)
        found.append((cell[inside], at[inside] @ (shape[1], 1), weight[inside]))
    cells, pixels, weights = (np.concatenate(column) for column in zip(*found, strict=True))
    return cells, pixels, weights
