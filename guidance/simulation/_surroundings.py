"""What lies around the needle's tip: tissues and the distance to bone, looked up anywhere.

Arrays are (S, R, C): slices along +z, rows along +y, columns along +x of DICOM patient coordinates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guidance.errors import InputError
from guidance.geometry import VoxelGrid
from guidance.records import FloatArray
from guidance.spine import Tissue

# Beyond the arrays no bone is known; this far from bone nothing depends on the distance any more.
FAR_FROM_BONE_MM = 20.0

LabelArray = NDArray[np.uint8]
DistanceArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """Tissue and bone about the tip.

    Attributes
    ----------
    labels : (S, R, C) uint8 array
        Values of `Tissue`. Never copied.
    bone_distance_mm : (S, R, C) float32 array
        Distance to the nearest bone's surface, negative inside bone. Never copied. Millimetres.
    grid : VoxelGrid
        Where the voxels lie. Contrast stays believable when they cover 35 mm about the tip and,
        for vessels, the vertebra with its neighbours; beyond, all is taken for muscle.
    landmarks : mapping of str to (3,) array
        The contract's names, such as "L4.left.pedicle". LPS, millimetres.
    """

    labels: LabelArray
    bone_distance_mm: DistanceArray
    grid: VoxelGrid
    landmarks: Mapping[str, ArrayLike]

    def __post_init__(self) -> None:
        """Check that the arrays are those of the grid."""
        for name, array in (("labels", self.labels), ("bone_distance_mm", self.bone_distance_mm)):
            if array.shape != self.grid.shape:
                raise InputError(
                    f"{name} has shape {array.shape}, the grid {self.grid.shape}; sample both on "
                    "the same grid"
                )
        if not np.isfinite(self.bone_distance_mm).all():
            raise InputError("bone_distance_mm holds a number that is not finite")

    def landmark(self, name: str) -> FloatArray:
        """Return a landmark (3,); one that must be there."""
        if name not in self.landmarks:
            raise InputError(
                f"landmark {name!r} is missing; vessels and nerve roots are laid out by the "
                f"landmarks, of which there are {len(self.landmarks)}: {sorted(self.landmarks)[:4]}"
            )
        return np.asarray(self.landmarks[name], dtype=np.float64)

    def landmark_or(self, name: str, otherwise: FloatArray) -> FloatArray:
        """Return a landmark (3,), or `otherwise` where the spine ends before it."""
        return self.landmark(name) if name in self.landmarks else otherwise

    def resampled(self, grid: VoxelGrid) -> tuple[LabelArray, DistanceArray]:
        """Return labels (nearest) and bone distance (trilinear) on another grid.

        Outside of what is known: muscle, far from bone.
        """
        own = (self.grid.axes_mm[2], self.grid.axes_mm[1], self.grid.axes_mm[0])
        wanted = (grid.axes_mm[2], grid.axes_mm[1], grid.axes_mm[0])
        spacing = self.grid.spacing_mm
        places = [(w - o[0]) / spacing for w, o in zip(wanted, own, strict=True)]
        inside = [(p > -0.5) & (p < n - 0.5) for p, n in zip(places, self.grid.shape, strict=True)]
        known = inside[0][:, None, None] & inside[1][:, None] & inside[2]
        clipped = [np.clip(p, 0, n - 1) for p, n in zip(places, self.grid.shape, strict=True)]
        nearest = [np.rint(p).astype(np.int64) for p in clipped]
        labels = np.where(known, self.labels[np.ix_(*nearest)], np.uint8(Tissue.MUSCLE))
        distance = _separable(self.bone_distance_mm, clipped)
        return labels, np.where(known, distance, np.float32(FAR_FROM_BONE_MM))

    def bone_distance_at(self, points_lps_mm: FloatArray) -> FloatArray:
        """Return the distance to bone (N,) at points (N, 3), trilinear; far outside the arrays."""
        first = np.array(self.grid.first_lps_mm)
        place = ((points_lps_mm - first) / self.grid.spacing_mm)[:, ::-1]
        size = np.array(self.grid.shape)
        inside = ((place > -0.5) & (place < size - 0.5)).all(axis=1)
        place = np.clip(place, 0, size - 1)
        low = np.minimum(place.astype(np.int64), np.maximum(size - 2, 0))
        share = place - low
        total = np.zeros(len(place))
        for corner in np.ndindex(2, 2, 2):
            weight = np.where(np.array(corner) == 1, share, 1 - share).prod(axis=1)
            at = np.minimum(low + corner, size - 1)
            total += weight * self.bone_distance_mm[at[:, 0], at[:, 1], at[:, 2]]
        distance: FloatArray = np.where(inside, total, FAR_FROM_BONE_MM)
        return distance

    def bone_direction_at(self, points_lps_mm: FloatArray, step_mm: float = 0.5) -> FloatArray:
        """Return unit vectors (N, 3) away from bone; zero where no bone is near."""
        gradient = np.stack(
            [
                self.bone_distance_at(points_lps_mm + step)
                - self.bone_distance_at(points_lps_mm - step)
                for step in step_mm * np.eye(3)
            ],
            axis=1,
        )
        length = np.linalg.norm(gradient, axis=1, keepdims=True)
        away: FloatArray = np.where(length > 1e-6, gradient / np.maximum(length, 1e-6), 0.0)
        return away


def _separable(values: DistanceArray, places: list[FloatArray]) -> DistanceArray:
    """Interpolate linearly along each axis in turn, at fractional places on the axes."""
    for axis, place in enumerate(places):
        low = np.minimum(place.astype(np.int64), max(values.shape[axis] - 2, 0))
        high = np.minimum(low + 1, values.shape[axis] - 1)
        shape = [1, 1, 1]
        shape[axis] = -1
        share = (place - low).astype(np.float32).reshape(shape)
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bearings:
    """Anatomical directions and sizes at one vertebra, from its landmarks.

    Attributes
    ----------
    vertebra, side : str
        Contract names.
    lateral, anterior, superior : (3,) float64 array
        Unit vectors: away from the midline on that side, to the belly, to the head. LPS.
    body : (3,) float64 array
        Centroid of the vertebral body. LPS, millimetres.
    pedicle, opposite_pedicle : (3,) float64 array
        Centres of the pedicle on that side and on the other. LPS, millimetres.
    half_width_mm, half_depth_mm : float
        Of the vertebral body. Millimetres.
    above, below : (3,) float64 array
        Centroids of the neighbouring bodies, extrapolated where there is none. LPS, millimetres.
    """

    vertebra: str
    side: str
    lateral: FloatArray
    anterior: FloatArray
    superior: FloatArray
    body: FloatArray
    pedicle: FloatArray
    opposite_pedicle: FloatArray
    half_width_mm: float
    half_depth_mm: float
    above: FloatArray
    below: FloatArray

    def at(self, lateral_mm: float, anterior_mm: float, superior_mm: float) -> FloatArray:
        """Return the point (3,) so far from the body's centroid."""
        point: FloatArray = (
            self.body
            + lateral_mm * self.lateral
            + anterior_mm * self.anterior
            + superior_mm * self.superior
        )
        return point


# Half the width of a lumbar body is about 24 mm at L4 (Zhou 2000, Eur Spine J 9:242: width 51 mm,
# depth 35 mm), and its depth about 0.68 of the width.
DEPTH_OVER_WIDTH = 0.68
LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
# Centre to centre of neighbouring lumbar bodies, body 27 mm and disc 10 mm (Zhou 2000).
LEVEL_SPACING_MM = 37.0


def _pedicle(surroundings: Surroundings, vertebra: str, side: str, body: FloatArray) -> FloatArray:
    """Return the centre of a pedicle; of S1, which has none of its own, where it would be."""
    name = f"{vertebra}.{side}.pedicle"
    if vertebra != "S1" or name in surroundings.landmarks:
        return surroundings.landmark(name)
    groove = surroundings.landmark(f"S1.{side}.groove_superior")
    corner = surroundings.landmark_or(f"S1.{side}.superior_endplate", body)
    between = 0.6 * groove + 0.4 * corner
    # A fifth of the way back to the midline: as it lies at L5, by eye.
    between[0] += 0.2 * (body[0] - between[0])
    return between


def take_bearings(surroundings: Surroundings, vertebra: str, side: str) -> Bearings:
    """Return directions and sizes at `vertebra`; `side` is "left" or "right".

    Raises
    ------
    InputError
        The vertebra is not one of T11 to S1, or its landmarks are missing.
    """
    if vertebra not in LEVELS or side not in ("left", "right"):
        raise InputError(f"{vertebra!r} {side!r} is no level from T11 to S1 with a side")
    body = surroundings.landmark(f"{vertebra}.body")
    left = _pedicle(surroundings, vertebra, "left", body)
    right = _pedicle(surroundings, vertebra, "right", body)
    place = LEVELS.index(vertebra)
    up = np.array((0.0, 0.0, LEVEL_SPACING_MM))
    above = surroundings.landmark_or(f"{LEVELS[max(place - 1, 0)]}.body", body + up)
    below = surroundings.landmark_or(f"{LEVELS[min(place + 1, 7)]}.body", body - up)
    above = body + up if place == 0 else above
    below = body - up if place == 7 else below
    to_left = (left - right) / np.linalg.norm(left - right)
    superior = above - below
    superior -= (superior @ to_left) * to_left
    superior /= np.linalg.norm(superior)
    # x is left and z is up, so left × up points to the belly (-y).
    anterior = np.cross(to_left, superior)
    corner = f"{vertebra}.{{}}.superior_endplate"
    width = np.linalg.norm(
        surroundings.landmark_or(corner.format("left"), left)
        - surroundings.landmark_or(corner.format("right"), right)
    )
    # Without corners the pedicles stand in, whose centres lie about 0.6 of the half width out.
    half_width = width / 2 if corner.format("left") in surroundings.landmarks else width / 2 / 0.6
    return Bearings(
        vertebra=vertebra,
        side=side,
        lateral=to_left if side == "left" else -to_left,
        anterior=anterior,
        superior=superior,
        body=body,
        pedicle=left if side == "left" else right,
        opposite_pedicle=right if side == "left" else left,
        half_width_mm=float(half_width),
        half_depth_mm=float(half_width * DEPTH_OVER_WIDTH),
        above=above,
        below=below,
    )
