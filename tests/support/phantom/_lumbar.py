"""A lumbar vertebra made of solids, and its bone seen along an oblique beam.

Vertebra frame, millimetres: x to the patient's left, y backwards, z up; the origin lies in the
middle of the rear wall of the body. View frame: u to the right and v down in the image, w towards
the detector. Sizes are those of an adult L4, rounded, after M. M. Panjabi et al., Spine 17 (1992)
299-306.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray
from phantom._physics import Map

Grid = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
Box = tuple[slice, slice, slice]

# Positioner angle of the left Scotty dog in a prone patient: the detector stands behind the
# patient, 25° towards the left.
PRIMARY_ANGLE_DEG = 155.0
# Directions of the image's rows and columns that follow from it (PS3.3 C.7.6.1.1.1).
PATIENT_ORIENTATION = ("RP", "F")

# Where the medial branch lies: the corner between the superior articular process and the root of
# the transverse process, and the tips of the solids that meet there.
GROOVE_LEFT_MM = (22.0, 10.0, 8.0)
# Centre to centre, body and disc. Millimetres.
VERTEBRA_PITCH_MM = 37.0

# Thickness of the compact shell: thin around the body, thick in the arch.
BODY_CORTEX_MM = 0.7
ARCH_CORTEX_MM = 1.5
# Share of compact bone in cancellous bone of a lumbar body.
CANCELLOUS_SHARE = 0.15
# No bone is turned on a lathe: plane waves that roughen every surface. Amplitude in millimetres,
# wave vector in radians per millimetre, phase.
ROUGHNESS = (
    (0.42, (0.31, 0.12, 0.22), 0.4),
    (0.38, (-0.10, 0.37, 0.28), 2.1),
    (0.33, (0.26, -0.21, 0.45), 4.0),
    (0.24, (0.55, 0.33, -0.38), 1.3),
    (0.18, (-0.62, 0.51, 0.47), 5.2),
)
# Half the size of the box that holds a vertebra in the view frame, and its sampling.
EXTENT_UVW_MM = (58.0, 44.0, 62.0)
SAMPLING_MM = 0.7
# Distances beyond this are of no interest: neither cortex nor edge.
FAR_MM = 4.0


@dataclass(frozen=True, slots=True)
class Limb:
    """A tapered rod with an elliptic section.

    Attributes
    ----------
    start, end : (x, y, z)
        Ends of its axis. Millimetres, vertebra frame.
    start_radius_mm, end_radius_mm : float
        Radius at either end.
    flatten : (x, y, z)
        Factor on the radius along each axis.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    start_radius_mm: float
    end_radius_mm: float
    flatten: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def bounds(self) -> FloatArray:
        """Return the (2, 3) corners of the box that holds the limb. Millimetres."""
        ends = np.array([self.start, self.end])
        reach = max(self.start_radius_mm, self.end_radius_mm) * np.array(self.flatten)
        return np.array([ends.min(0) - reach, ends.max(0) + reach])

    def distance_mm(self, grid: Grid) -> NDArray[np.float32]:
        """Return the distance to the surface, negative inside; exact where the section is round."""
        scale = np.asarray(self.flatten)
        axis = np.subtract(self.end, self.start) / scale
        # In coordinates where the section is round.
        ahead = [
            np.float32(1 / factor) * (coordinate - np.float32(start))
            for coordinate, factor, start in zip(grid, scale, self.start, strict=True)
        ]
        along = np.zeros(np.broadcast_shapes(*(a.shape for a in ahead)), np.float32)
        for component, offset in zip(axis, ahead, strict=True):
            along += np.float32(component / (axis @ axis)) * offset
        np.clip(along, 0, 1, out=along)
        square = np.zeros_like(along)
        for component, offset in zip(axis, ahead, strict=True):
            square += (offset - np.float32(component) * along) ** 2
        taper = np.float32(self.end_radius_mm - self.start_radius_mm)
        distance = np.sqrt(square) - np.float32(self.start_radius_mm) - taper * along
        result: NDArray[np.float32] = distance * np.float32(scale.mean())
        return result


@dataclass(frozen=True, slots=True)
class Body:
    """The vertebral body: an elliptic drum with a waist and hollow endplates.

    Attributes
    ----------
    half_width_mm, half_depth_mm, half_height_mm : float
        Half its size, left to right, front to back and top to bottom, at the rim.
    waist : float
        Share of the radius lost half-way up.
    hollow_mm : float
        Depth of the endplates.
    """

    half_width_mm: float = 25.0
    half_depth_mm: float = 17.5
    half_height_mm: float = 14.0
    waist: float = 0.12
    hollow_mm: float = 2.2

    def bounds(self) -> FloatArray:
        """Return the (2, 3) corners of the box that holds the body. Millimetres."""
        half = np.array([self.half_width_mm, self.half_depth_mm, self.half_height_mm])
        centre = np.array([0.0, -self.half_depth_mm, 0.0])
        return np.array([centre - half, centre + half])

    def distance_mm(self, grid: Grid) -> NDArray[np.float32]:
        """Return the distance to the surface to first order, negative inside."""
        x, y, z = grid
        y = y + np.float32(self.half_depth_mm)
        height = z / np.float32(self.half_height_mm)
        girth = 1 - np.float32(self.waist) * np.clip(1 - height**2, 0, 1)
        a, b = np.float32(self.half_width_mm) * girth, np.float32(self.half_depth_mm) * girth
        radius = np.sqrt((x / a) ** 2 + (y / b) ** 2) + np.float32(1e-3)
        slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2) + np.float32(1e-3)
        side = (radius - 1) * radius / slope
        rim = np.float32(self.hollow_mm) * np.clip(1 - radius**2, 0, 1) ** np.float32(0.7)
        end = np.abs(z) - np.float32(self.half_height_mm) + rim
        result: NDArray[np.float32] = np.maximum(side, end)
        return result


def arch(side: int) -> Iterator[Limb]:
    """Yield the solids of one half of the vertebral arch; `side` is +1 left, -1 right."""
    s = float(side)
    yield Limb((s * 14.5, -4, 4.5), (s * 17.5, 10, 4.0), 7.6, 6.8, (0.66, 1, 1))  # pedicle
    yield Limb((s * 18.5, 11, 2), (s * 20.5, 14, 17), 6.2, 4.6, (0.8, 1, 1))  # superior articular
    yield Limb((s * 19.0, 9, 3), (s * 45.0, 14, 6), 6.2, 3.4, (1, 0.6, 1))  # transverse process
    yield Limb((s * 17.0, 13, 1), (s * 12.0, 19, -13), 5.2, 4.6, (1, 0.8, 1))  # isthmus
    yield Limb(
        (s * 12.5, 19, -12), (s * 14.0, 21, -26), 5.2, 4.4, (0.9, 1, 1)
    )  # inferior articular
    yield Limb((s * 12.0, 19, -6), (0, 29, -7), 7.0, 7.0, (1, 0.5, 1))  # lamina


SPINOUS_PROCESS = Limb((0, 29, -7), (0, 51, -12), 9.0, 9.5, (0.36, 1, 1))
SOLIDS: tuple[Body | Limb, ...] = (Body(), SPINOUS_PROCESS, *arch(+1), *arch(-1))


def view_from_vertebra(tilt_deg: float) -> FloatArray:
    """Return the (3, 3) rotation that takes vertebra to view axes.

    Parameters
    ----------
    tilt_deg : float
        Rotation of the vertebra about its own left-right axis; + lifts its front.
    """
    angle, tilt = np.radians([180.0 - PRIMARY_ANGLE_DEG, tilt_deg])
    beam = np.array([np.sin(angle), np.cos(angle), 0.0])
    right = np.array([-np.cos(angle), np.sin(angle), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    cosine, sine = np.cos(tilt), np.sin(tilt)
    patient_from_vertebra = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    rotation: FloatArray = np.array([right, down, beam]) @ patient_from_vertebra
    return rotation


@lru_cache(maxsize=16)
def project_vertebra(tilt_deg: float) -> Map:
    """Return the compact bone of one vertebra along the beam.

    Parameters
    ----------
    tilt_deg : float
        See `view_from_vertebra`.

    Returns
    -------
    (V, U) float32 array, read-only
        Centimetres; `SAMPLING_MM` between samples, the vertebra's origin in the middle.
    """
    steps = [
        np.arange(-e, e + SAMPLING_MM / 2, SAMPLING_MM).astype(np.float32) for e in EXTENT_UVW_MM
    ]
    outer = np.full([step.size for step in steps], FAR_MM, np.float32)
    inner = outer.copy()
    rotation = view_from_vertebra(tilt_deg)
    for solid in SOLIDS:
        box = _box(steps, solid, rotation)
        grid = _grid(steps, box, rotation)
        distance = solid.distance_mm(grid) + _roughness_mm(grid)
        cortex = BODY_CORTEX_MM if isinstance(solid, Body) else ARCH_CORTEX_MM
        np.minimum(outer[box], distance, out=outer[box])
        np.minimum(inner[box], distance + np.float32(cortex), out=inner[box])
    compact = _occupancy(outer) - np.float32(1 - CANCELLOUS_SHARE) * _occupancy(inner)
    result: Map = np.ascontiguousarray((compact.sum(axis=2) * np.float32(SAMPLING_MM / 10)).T)
    result.setflags(write=False)
    return result


def _box(steps: list[NDArray[np.float32]], solid: Body | Limb, rotation: FloatArray) -> Box:
    """Return the part of the view frame that a solid can fill."""
    corners = np.array(list(product(*solid.bounds().T))) @ rotation.T
    low, high = corners.min(axis=0) - FAR_MM, corners.max(axis=0) + FAR_MM
    edges = zip(steps, low, high, strict=True)
    first, second, third = (slice(*np.searchsorted(s, (lo, hi))) for s, lo, hi in edges)
    return (first, second, third)


def _grid(steps: list[NDArray[np.float32]], box: Box, rotation: FloatArray) -> Grid:
    """Return the vertebra's coordinates of the samples in a box."""
    axes = [step[part] for step, part in zip(steps, box, strict=True)]
    u, v, w = np.meshgrid(*axes, indexing="ij", sparse=True)
    turn = rotation.astype(np.float32)
    x, y, z = (u * turn[0, k] + v * turn[1, k] + w * turn[2, k] for k in range(3))
    return (x, y, z)


def _roughness_mm(grid: Grid) -> NDArray[np.float32]:
    x, y, z = grid
    total = np.zeros(x.shape, np.float32)
    for amplitude, (kx, ky, kz), phase in ROUGHNESS:
        wave = np.float32(kx) * x + np.float32(ky) * y + np.float32(kz) * z + np.float32(phase)
        total += np.float32(amplitude) * np.sin(wave)
    return total


def _occupancy(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of each sample that lies inside."""
    result: NDArray[np.float32] = np.clip(
        np.float32(0.5) - distance / np.float32(SAMPLING_MM), 0, 1
    )
    return result
