"""What lies between the bones: discs, facet joint spaces, foramina and the canal.

All positions and directions are LPS; lengths are millimetres, the overall scale included.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.records import FloatArray
from guidance.spine._chain import Pose
from guidance.spine._joints import JointFrame
from guidance.spine._sample import Bone, least_distance
from guidance.spine._settings import SpineSettings
from guidance.spine._vertebra import Arch

SACRAL_CANAL_DEPTH_MM = 15.0
# How far before and behind the pedicles' middle a foramen's centre is looked for.
FORAMEN_SEARCH_MM = np.arange(-6.0, 6.1, 1.0)[:, None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Disc:
    """An intervertebral disc: an elliptic slab.

    Attributes
    ----------
    name : str
        Such as ``"L4-L5"``.
    center_lps_mm : (3,) float64 array
        Its middle.
    normal, lateral : (3,) float64 arrays
        Upwards out of it, and to the left in it.
    half_width_mm, half_depth_mm : float
        Half axes of the ellipse, to the left and to the front.
    thickness_mm : float
        Between the endplates in the middle.
    """

    name: str
    center_lps_mm: FloatArray
    normal: FloatArray
    lateral: FloatArray
    half_width_mm: float
    half_depth_mm: float
    thickness_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FacetJoint:
    """A facet joint's space: a piece of a cylinder's wall.

    Attributes
    ----------
    name : str
        Such as ``"L4-L5"``.
    side : Side
        The patient's.
    center_lps_mm : (3,) float64 array
        Middle of the gap.
    normal, across, up : (3,) float64 arrays
        From the superior process (lower bone) to the inferior one; along the width, outwards
        backwards; along the height.
    width_mm, height_mm, gap_mm : float
        Extent of the space.
    curve_mm : float
        Radius of the middle of the gap; its axis lies that far along `normal`.
    """

    name: str
    side: Side
    center_lps_mm: FloatArray
    normal: FloatArray
    across: FloatArray
    up: FloatArray
    width_mm: float
    height_mm: float
    gap_mm: float
    curve_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foramen:
    """An intervertebral foramen.

    Attributes
    ----------
    name : str
        Such as ``"L4-L5"``: the L4 nerve leaves there.
    side : Side
        The patient's.
    center_lps_mm : (3,) float64 array
        Middle, between both pedicles.
    outward, up : (3,) float64 arrays
        Out of the canal, and along its height.
    half_height_mm, half_depth_mm : float
        Half of its height, and the room about its centre.
    """

    name: str
    side: Side
    center_lps_mm: FloatArray
    outward: FloatArray
    up: FloatArray
    half_height_mm: float
    half_depth_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canal:
    """The vertebral canal, from above T11 to below S1.

    Attributes
    ----------
    centerline_lps_mm : (K, 3) float64 array
        Middle, from above down.
    half_width_mm, half_depth_mm : (K,) float64 arrays
        Half axes of the ellipse that fits into the bony canal, to the left and from front to back.
    """

    centerline_lps_mm: FloatArray
    half_width_mm: FloatArray
    half_depth_mm: FloatArray


def _names(settings: SpineSettings) -> list[str]:
    levels = [v.name for v in settings.vertebrae] + [Vertebra.S1]
    return [f"{upper}-{lower}" for upper, lower in pairwise(levels)]


def _discs(settings: SpineSettings, poses: tuple[Pose, ...], sacrum: Pose) -> tuple[Disc, ...]:
    tops = [
        (pose.to_world(np.array((0.0, 0.0, 0.5 * v.height_mm))), v.width_upper_mm, v.depth_upper_mm)
        for pose, v in zip(poses[1:], settings.vertebrae[1:], strict=True)
    ]
    s = settings.sacrum
    tops.append((sacrum.origin, s.endplate_width_mm, s.endplate_depth_mm))
    found = []
    for name, v, pose, disc, (top, width, depth) in zip(
        _names(settings), settings.vertebrae, poses, settings.discs, tops, strict=True
    ):
        bottom = pose.to_world(np.array((0.0, 0.0, -0.5 * v.height_mm)))
        normal = bottom - top
        normal = normal / np.linalg.norm(normal)
        lateral = pose.rotation[:, 0] - (pose.rotation[:, 0] @ normal) * normal
        found.append(
            Disc(
                name=name,
                center_lps_mm=settings.scale * 0.5 * (bottom + top),
                normal=normal,
                lateral=lateral / np.linalg.norm(lateral),
                half_width_mm=settings.scale * 0.25 * (v.width_lower_mm + width),
                half_depth_mm=settings.scale * 0.25 * (v.depth_lower_mm + depth),
                thickness_mm=settings.scale * disc.height_mm,
            )
        )
    return tuple(found)


def _facet_joints(
    settings: SpineSettings,
    poses: tuple[Pose, ...],
    below: list[tuple[JointFrame, JointFrame]],
) -> tuple[FacetJoint, ...]:
    scale = settings.scale
    return tuple(
        FacetJoint(
            name=name,
            side=side,
            center_lps_mm=scale * pose.to_world(joint.gap_center),
            normal=pose.rotation @ joint.normal,
            across=pose.rotation @ joint.across,
            up=pose.rotation @ joint.up,
            width_mm=scale * joint.width_mm,
            height_mm=scale * joint.height_mm,
            gap_mm=scale * joint.gap_mm,
            curve_mm=scale * (joint.curve_mm - 0.5 * joint.gap_mm),
        )
        for name, pose, joints in zip(_names(settings), poses, below, strict=True)
        for side, joint in zip((Side.LEFT, Side.RIGHT), joints, strict=True)
    )


def _foramina(
    settings: SpineSettings,
    poses: tuple[Pose, ...],
    sacrum: Pose,
    arches: list[Arch],
    bones: tuple[Bone, ...],
) -> tuple[Foramen, ...]:
    scale, found = settings.scale, []
    for i, (name, v, pose) in enumerate(
        zip(_names(settings), settings.vertebrae, poses, strict=True)
    ):
        for side, sign in enumerate((1, -1)):
            roof = pose.to_world(arches[i].isthmus[side] + (0.0, 0.5, -0.5 * v.pedicle_height_mm))
            if i + 1 < len(poses):
                below = arches[i + 1]
                rise = 0.5 * settings.vertebrae[i + 1].pedicle_height_mm
                floor = poses[i + 1].to_world(below.isthmus[side] + (0.0, 0.5, rise))
            else:
                s = settings.sacrum
                x = sign * 0.42 * s.facets.between_mm
                floor = sacrum.to_world(np.array((x, 0.5 * s.endplate_depth_mm + 5.0, -3.0)))
            up = roof - floor
            height = float(np.linalg.norm(up))
            # Between body and facet joint, where there is most room.
            middle = scale * (0.5 * (roof + floor) + FORAMEN_SEARCH_MM * pose.rotation[:, 1])
            room = least_distance(bones, middle)
            best = int(np.argmax(room))
            found.append(
                Foramen(
                    name=name,
                    side=Side.LEFT if sign > 0 else Side.RIGHT,
                    center_lps_mm=middle[best],
                    outward=sign * pose.rotation[:, 0],
                    up=up / height,
                    half_height_mm=scale * 0.5 * height,
                    half_depth_mm=float(max(room[best], 1.0)),
                )
            )
    return tuple(found)


def _canal(
    settings: SpineSettings, poses: tuple[Pose, ...], sacrum: Pose, arches: list[Arch]
) -> Canal:
    points, widths, depths = [], [], []
    for v, pose, arch in zip(settings.vertebrae, poses, arches, strict=True):
        y = arch.wall_mm + 0.5 * v.canal_depth_mm
        for share in (0.5, 0.0, -0.5):
            points.append(pose.to_world(np.array((0.0, y, share * v.height_mm))))
            widths.append(0.5 * v.canal_width_mm)
            depths.append(0.5 * v.canal_depth_mm)
    s = settings.sacrum
    y = 0.5 * s.endplate_depth_mm + 0.5 * SACRAL_CANAL_DEPTH_MM
    for z, width in ((0.0, 15.0), (-14.0, 13.0)):
        points.append(sacrum.to_world(np.array((0.0, y, z))))
        widths.append(width)
        depths.append(0.5 * SACRAL_CANAL_DEPTH_MM)
    return Canal(
        centerline_lps_mm=settings.scale * np.array(points),
        # An ellipse within the rounded triangle that the bone leaves.
        half_width_mm=settings.scale * 0.9 * np.array(widths),
        half_depth_mm=settings.scale * 0.9 * np.array(depths),
    )


def find_spaces(
    settings: SpineSettings,
    poses: tuple[Pose, ...],
    sacrum: Pose,
    arches: list[Arch],
    below: list[tuple[JointFrame, JointFrame]],
    bones: tuple[Bone, ...],
) -> tuple[tuple[Disc, ...], tuple[FacetJoint, ...], tuple[Foramen, ...], Canal]:
    """Return the spaces of a spine."""
    return (
        _discs(settings, poses, sacrum),
        _facet_joints(settings, poses, below),
        _foramina(settings, poses, sacrum, arches, bones),
        _canal(settings, poses, sacrum, arches),
    )
