"""Where each vertebra stands: a chain of rigid motions from the sacrum up.

The world is DICOM LPS (x left, y posterior, z superior). The sacral endplate leans forwards by the
sacral slope; each disc and each wedge of a body takes some of that lean back. The middle of L4 is
the origin.
"""

from dataclasses import dataclass

import numpy as np

from guidance.records import FloatArray
from guidance.spine._settings import (
    SACRAL_HOLLOW_MM,
    SpineSettings,
    VertebraSettings,
    rim_gap_mm,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pose:
    """A bone's frame in the world, before the overall scale.

    Attributes
    ----------
    rotation : (3, 3) float64 array
        Its columns are the bone's axes in the world.
    origin : (3,) float64 array
        Where its origin lies. Millimetres.
    """

    rotation: FloatArray
    origin: FloatArray

    def to_world(self, point: FloatArray) -> FloatArray:
        """Take a point (..., 3) of the bone's frame to the world."""
        world: FloatArray = point @ self.rotation.T + self.origin
        return world

    @property
    def local_from_world(self) -> FloatArray:
        """(3, 4) matrix, as the kernels want it."""
        inverse = self.rotation.T
        return np.hstack((inverse, -(inverse @ self.origin)[:, None]))

    def relative_to(self, other: "Pose") -> tuple[FloatArray, FloatArray]:
        """Return the motion (rotation, translation) from this bone's frame into the other's."""
        inverse = other.rotation.T
        return inverse @ self.rotation, inverse @ (self.origin - other.origin)


def turn_x(degrees: float) -> FloatArray:
    """Rotation about x (left); positive tips the top forwards."""
    s, c = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array(((1, 0, 0), (0, c, -s), (0, s, c)))


def turn_y(degrees: float) -> FloatArray:
    """Rotation about y (back); positive tips the top to the left."""
    s, c = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array(((c, 0, s), (0, 1, 0), (-s, 0, c)))


def turn_z(degrees: float) -> FloatArray:
    """Rotation about z (up); positive brings the front to the left."""
    s, c = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array(((c, -s, 0), (s, c, 0), (0, 0, 1)))


def wedge_deg(v: VertebraSettings) -> float:
    """Return the angle between the endplates of a body, positive where it is taller in front."""
    depth = 0.5 * (v.depth_upper_mm + v.depth_lower_mm)
    return float(np.rad2deg((v.height_anterior_mm - v.height_posterior_mm) / depth))


def stand(settings: SpineSettings) -> tuple[tuple[Pose, ...], Pose]:
    """Return the poses of T11 to L5, and that of the sacrum (origin: middle of its endplate)."""
    sacrum_rotation = turn_x(settings.sacrum.slope_deg)
    endplate, rotation = np.zeros(3), sacrum_rotation
    hollow_below = SACRAL_HOLLOW_MM
    poses = []
    for v, disc in zip(settings.vertebrae[::-1], settings.discs[::-1], strict=True):
        turned = (
            rotation
            @ turn_x(-disc.lordosis_deg)
            @ turn_y(disc.lateral_deg)
            @ turn_z(disc.axial_deg)
        )
        between = rotation[:, 2] + turned[:, 2]
        gap = rim_gap_mm(disc.height_mm, hollow_below, v.endplate_hollow_mm[1])
        endplate = endplate + gap * between / np.linalg.norm(between)
        half_wedge = 0.5 * wedge_deg(v)
        own = turned @ turn_x(-half_wedge)
        poses.append(Pose(rotation=own, origin=endplate + 0.5 * v.height_mm * own[:, 2]))
        endplate = endplate + v.height_mm * own[:, 2]
        rotation = own @ turn_x(-half_wedge)
        hollow_below = v.endplate_hollow_mm[0]
    poses.reverse()
    middle = poses[5].origin
    shifted = tuple(Pose(rotation=p.rotation, origin=p.origin - middle) for p in poses)
    return shifted, Pose(rotation=sacrum_rotation, origin=-middle)
