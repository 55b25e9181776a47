"""Landmarks by construction, put onto the bone's final surface.

The points that the construction knows are moved onto the zero level of the finished bone, because
blends and cuts shift the surface by a millimetre or two. The groove is found as the valley between
the superior articular process (SAP) and the root of the transverse process (TP): in a horizontal
cut, the deepest place of the surface as seen from the side and behind.
"""

from dataclasses import dataclass

import numpy as np

from guidance.records import FloatArray
from guidance.spine._sample import Bone
from guidance.spine._shape import unit

# Below the root's superior border: the contract says 1-2 mm.
BELOW_BORDER_MM = 1.5
# A corner lies within this of where it is looked for, and has higher ground within this beside it.
DEEPEST_MM, BESIDE_MM = 5.0, 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocalBone:
    """A bone in its own frame and at unit scale, for placing landmarks."""

    bone: Bone

    def distance(self, points: FloatArray) -> FloatArray:
        """Signed distance (N,) of points (N, 3) in the bone's frame."""
        return self.bone.distance_mm(np.atleast_2d(points))

    def gradient(self, point: FloatArray) -> FloatArray:
        """Direction (3,) in which the distance grows."""
        offsets = 0.02 * np.concatenate((np.eye(3), -np.eye(3)))
        values = self.distance(point + offsets)
        slope = values[:3] - values[3:]
        if np.linalg.norm(slope) < 1e-9:
            return np.array((0.0, 1.0, 0.0))
        return unit(slope)

    def snapped(self, point: FloatArray) -> FloatArray:
        """Return the nearest surface point, by steps along the gradient."""
        at = np.asarray(point, dtype=np.float64)
        for _ in range(24):
            value = float(self.distance(at)[0])
            if abs(value) < 1e-3:
                break
            at = at - 0.9 * value * self.gradient(at)
        return at

    def hit(self, start: FloatArray, direction: FloatArray, length: float) -> FloatArray:
        """Return where the bone's surface is first met on the way from `start`.

        The surface point nearest to the way stands in where it is not met.
        """
        steps = np.arange(0.0, length, 0.1)
        way = start + steps[:, None] * unit(direction)
        values = self.distance(way)
        inside = np.flatnonzero(values <= 0)
        if not inside.size or inside[0] == 0:
            return self.snapped(way[int(np.argmin(np.abs(values)))])
        i = int(inside[0])
        share = values[i - 1] / (values[i - 1] - values[i])
        met: FloatArray = way[i - 1] + share * (way[i] - way[i - 1])
        return self.snapped(met)

    def reach(self, inside: FloatArray, direction: FloatArray, length: float) -> FloatArray:
        """Return where the way out of the bone from `inside` ends."""
        steps = np.arange(0.0, length, 0.1)
        way = inside + steps[:, None] * unit(direction)
        outside = np.flatnonzero(self.distance(way) > 0)
        last = int(outside[0]) if outside.size else len(way) - 1
        return self.snapped(way[last])


def valley(
    local: LocalBone, around: FloatArray, look: FloatArray, across: FloatArray, half: float
) -> FloatArray:
    """Return the deepest surface point of a concave corner.

    Rays along `look` (into the bone) start 12 mm away from it on a line along `across` about
    `around`; of the points where they meet the bone, that is taken which is deepest and has higher
    ground on both sides.

    Parameters
    ----------
    local : LocalBone
        The bone.
    around : (3,) float64 array
        About where the corner lies.
    look, across : (3,) float64 arrays
        Direction of the rays, and of the line they start from.
    half : float
        Half length of that line. Millimetres.
    """
    look, across = unit(look), unit(across)
    offsets = np.arange(-half, half + 0.01, 0.4)
    steps = np.arange(-12.0, 12.0, 0.5)
    ways = around + offsets[:, None, None] * across + steps[:, None] * look
    values = local.distance(ways.reshape(-1, 3)).reshape(len(offsets), len(steps))
    depths = np.full(len(offsets), np.nan)
    for i, row in enumerate(values):
        inside = np.flatnonzero(row <= 0)
        if inside.size and inside[0] > 0:
            j = int(inside[0])
            depths[i] = steps[j - 1] + 0.5 * row[j - 1] / (row[j - 1] - row[j])
    depths[np.abs(depths) > DEEPEST_MM] = np.nan  # past the corner, on something else
    best, best_rise = int(len(offsets) // 2), -1.0
    beside = round(BESIDE_MM / 0.4)
    for i in range(1, len(offsets) - 1):
        left, right = depths[max(i - beside, 0) : i], depths[i + 1 : i + 1 + beside]
        if np.isnan(depths[i]) or np.isnan(left).all() or np.isnan(right).all():
            continue
        rise = float(min(depths[i] - np.nanmin(left), depths[i] - np.nanmin(right)))
        if rise > best_rise:
            best, best_rise = i, rise
    depth = depths[best] if np.isfinite(depths[best]) else 0.0
    point: FloatArray = around + offsets[best] * across + depth * look
    return local.snapped(point)


def narrowest(local: LocalBone, middle: FloatArray, half: float) -> FloatArray:
    """Return the centre of a pedicle's smallest coronal cross-section, near `middle`.

    The cross-section is what is connected to its middle in a plane y = constant.
    """
    n = int(np.ceil(half / 0.7))
    grid = 0.7 * np.arange(-n, n + 1)
    x, z = np.meshgrid(grid, grid, indexing="ij")
    best, center = np.inf, middle
    for dy in (-2.0, -1.0, 0.0, 1.0, 2.0):
        points = np.stack((x + middle[0], np.full_like(x, middle[1] + dy), z + middle[2]), -1)
        inside = local.distance(points.reshape(-1, 3)).reshape(x.shape) < 0
        area = int(inside.sum())
        if 0 < area < best:
            best = area
            center = points[inside].mean(axis=0)
    return center
