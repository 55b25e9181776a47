"""Small made CT volumes: a body of water with bone in it, a needle, pools and vessels, noise.

Shapes are sampled finer than the voxels and averaged over each, as a scanner does (partial volume),
then blurred in the plane. Coordinates are (slice, row, column) in millimetres from the first
voxel's centre; the patient's frame has another order and origin, so that nothing works by chance.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import ndimage

from guidance.records import Volume

FINE = (5, 3, 3)
"""Samples in a voxel along slices, rows and columns."""
BLUR_MM = 0.45
MUSCLE_HU, BONE_HU, FAT_HU, AIR_HU, STEEL_HU, TOP_HU = 55.0, 900.0, -90.0, -1000.0, 20000.0, 3071.0


@dataclass(frozen=True)
class MadeScan:
    """A scanner's view of a made patient."""

    shape: tuple[int, int, int] = (16, 128, 128)
    spacing_mm: tuple[float, float, float] = (2.0, 0.6, 0.6)
    noise_hu: float = 15.0
    origin_lps_mm: tuple[float, float, float] = (-40.0, 12.0, -300.0)
    shapes: tuple = field(default_factory=tuple)

    @property
    def lps_from_vox(self) -> np.ndarray:
        """Rows run to the back, columns to the left, slices upwards."""
        s, r, c = self.spacing_mm
        transform = np.zeros((4, 4))
        transform[:3, 0], transform[:3, 1], transform[:3, 2] = (0, 0, s), (0, r, 0), (c, 0, 0)
        transform[:, 3] = (*self.origin_lps_mm, 1)
        return transform

    def lps(self, place_mm) -> np.ndarray:
        """Return the patient coordinates of a place."""
        return (self.lps_from_vox @ np.append(np.array(place_mm) / self.spacing_mm, 1))[:3]

    def take(self, *shapes, seed: int = 0, moved_mm=(0.0, 0.0, 0.0)) -> Volume:
        """Return the patient with shapes (distance, HU), the later over the earlier, all moved."""
        values = self._anatomy(np.array(moved_mm))
        for distance_mm, hu in shapes:
            share = self._share(distance_mm, np.array(moved_mm))
            values = values + share * (hu - values)
        sigma = [0.0, *(BLUR_MM / mm for mm in self.spacing_mm[1:])]
        values = ndimage.gaussian_filter(values, sigma)
        values += np.random.default_rng(seed).normal(0, self.noise_hu, self.shape)
        values = np.clip(np.rint(values), -1024, TOP_HU).astype(np.int16)
        return Volume(values=values, lps_from_vox=self.lps_from_vox)

    def _places(self, fine=(1, 1, 1), box=None):
        box = box or tuple(slice(0, n) for n in self.shape)
        axes = [
            (np.arange(part.start * f, part.stop * f) + 0.5) / f - 0.5
            for part, f in zip(box, fine, strict=True)
        ]
        return np.meshgrid(
            *(axis * mm for axis, mm in zip(axes, self.spacing_mm, strict=True)), indexing="ij"
        )

    def _anatomy(self, moved_mm) -> np.ndarray:
        s, r, c = (p - m for p, m in zip(self._places(), moved_mm, strict=True))
        middle = [(n - 1) * mm / 2 for n, mm in zip(self.shape, self.spacing_mm, strict=True)]
        body = np.hypot((r - middle[1]) / 0.95, c - middle[2]) - 0.47 * self.shape[1] * 0.6
        vertebra = np.hypot(r - middle[1] - 10, c - middle[2]) - 11 - 1.5 * np.cos(s / 5)
        process = np.maximum(
            abs(c - middle[2] - 14) - 7, abs(r - middle[1]) - 2.5 - 0.4 * np.sin(s)
        )
        values = np.where(body < 0, MUSCLE_HU, AIR_HU)
        fat = (body < 0) & (body > -4)
        values = np.where(fat, FAT_HU, values)
        bone = 1 / (1 + np.exp(np.minimum(vertebra, process) / 0.3))
        texture = 60 * np.sin(r / 2.3 + s / 3) * np.sin(c / 2.9)
        return values + bone * (BONE_HU - MUSCLE_HU) + np.where(body < -4, texture * 0.6, 0)

    def _share(self, distance_mm, moved_mm) -> np.ndarray:
        share = np.zeros(self.shape)
        coarse = distance_mm(*(p - m for p, m in zip(self._places(), moved_mm, strict=True)))
        near = np.argwhere(coarse < 1.5 * max(self.spacing_mm))
        if near.size == 0:
            return share
        box = tuple(slice(a, b + 1) for a, b in zip(near.min(0), near.max(0), strict=True))
        fine = distance_mm(*(p - m for p, m in zip(self._places(FINE, box), moved_mm, strict=True)))
        inside = (fine < 0).astype(np.float64)
        sizes = [n for part, f in zip(box, FINE, strict=True) for n in (part.stop - part.start, f)]
        share[box] = inside.reshape(sizes).mean(axis=(1, 3, 5))
        return share


def tube(points_mm, radius_mm: float):
    """Return the distance from a tube about a line of places, rounded at its ends."""
    points = np.asarray(points_mm, np.float64)

    def distance(s, r, c):
        place = np.stack([s, r, c], axis=-1)
        best = np.full(s.shape, np.inf)
        for a, b in pairwise(points):
            along = b - a
            share = np.clip((place - a) @ along / (along @ along), 0, 1)
            best = np.minimum(best, np.linalg.norm(place - a - share[..., None] * along, axis=-1))
        return best - radius_mm

    return distance


def ball(center_mm, radii_mm):
    """Return (roughly) the distance from an ellipsoid."""
    center, radii = np.asarray(center_mm), np.broadcast_to(radii_mm, 3)

    def distance(s, r, c):
        scaled = [(p - m) / q for p, m, q in zip((s, r, c), center, radii, strict=True)]
        return (np.sqrt(sum(part**2 for part in scaled)) - 1) * radii.min()

    return distance


def needle(tip_mm, direction, length_mm: float = 45.0, gauge_mm: float = 0.7):
    """Return a steel shaft that ends at a tip, as (distance, HU); `direction` leads to the tip."""
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    tip = np.asarray(tip_mm, np.float64)

    def distance(s, r, c):
        place = np.stack([s, r, c], axis=-1) - tip
        along = place @ unit
        across = np.linalg.norm(place - along[..., None] * unit, axis=-1)
        return np.maximum(across - gauge_mm / 2, np.maximum(along, -along - length_mm))

    return distance, STEEL_HU
