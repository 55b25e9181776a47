"""Tissues about one vertebra of the parametric spine, painted without a body around it."""

from functools import cache

import numpy as np

from guidance.geometry import VoxelGrid, grid_about
from guidance.simulation._surroundings import Surroundings
from guidance.spine import Spine, SpineRanges, Tissue, build_spine, draw_spine, sample_bones


def paint_surroundings(
    spine: Spine, vertebra: str, half_mm: tuple[float, float, float], spacing_mm: float
) -> Surroundings:
    """Return muscle, bone, facet joints, epidural fat and sac in a box about a vertebra's arch."""
    middle = spine.landmarks[f"{vertebra}.body"] + np.array((0.0, 10.0, 0.0))
    low, high = middle - half_mm, middle + half_mm
    grid = grid_about(tuple(map(float, low)), tuple(map(float, high)), spacing_mm)
    bones = sample_bones(spine, grid)
    labels = np.full(grid.shape, Tissue.MUSCLE, np.uint8)
    x, y, z = grid.axes_mm
    points = np.stack(np.broadcast_arrays(x, y[:, None], z[:, None, None]), axis=-1)
    canal = spine.canal
    line = canal.centerline_lps_mm[::-1]
    at = [np.interp(z, line[:, 2], line[:, k]) for k in range(2)]
    half_width = np.interp(z, line[:, 2], canal.half_width_mm[::-1])
    half_depth = np.interp(z, line[:, 2], canal.half_depth_mm[::-1])
    across = (x - at[0][:, None, None]) / half_width[:, None, None]
    deep = (y[:, None] - at[1][:, None, None]) / half_depth[:, None, None]
    radius = np.sqrt(across**2 + deep**2)
    labels[radius < 1] = Tissue.EPIDURAL
    for foramen in spine.foramina:
        away = points - foramen.center_lps_mm
        out, up = away @ foramen.outward, away @ foramen.up
        deep = np.sqrt(np.maximum((away**2).sum(axis=-1) - out**2 - up**2, 0))
        inside = (up / foramen.half_height_mm) ** 2 + (deep / foramen.half_depth_mm) ** 2 < 1
        labels[inside & (np.abs(out) < 7)] = Tissue.EPIDURAL
    labels[radius < 0.75] = Tissue.THECAL_SAC
    for joint in spine.facet_joints:
        away = points - joint.center_lps_mm
        across, up, off = away @ joint.across, away @ joint.up, away @ joint.normal
        bend = joint.curve_mm - np.hypot(across, joint.curve_mm - off)
        near = (np.abs(bend) < joint.gap_mm / 2) & (np.abs(across) < joint.width_mm / 2)
        labels[near & (np.abs(up) < joint.height_mm / 2)] = Tissue.JOINT_SPACE
    labels[bones.distance_mm < 0] = Tissue.CORTICAL_BONE
    return Surroundings(
        labels=labels,
        bone_distance_mm=bones.distance_mm,
        grid=grid,
        landmarks=spine.landmarks,
    )


@cache
def painted_l4() -> Surroundings:
    """Return what lies about L4 of one spine; coarse, and made once."""
    spine = build_spine(draw_spine(np.random.default_rng(4), SpineRanges()))
    return paint_surroundings(spine, "L4", (42.0, 42.0, 46.0), 1.0)


def mirrored(surroundings: Surroundings) -> Surroundings:
    """Return surroundings with left and right exchanged."""
    grid = surroundings.grid
    x, y, z = grid.first_lps_mm
    last_x = x + grid.spacing_mm * (grid.shape[2] - 1)
    other = {"left": "right", "right": "left"}
    return Surroundings(
        labels=np.ascontiguousarray(surroundings.labels[:, :, ::-1]),
        bone_distance_mm=np.ascontiguousarray(surroundings.bone_distance_mm[:, :, ::-1]),
        grid=VoxelGrid(first_lps_mm=(-last_x, y, z), spacing_mm=grid.spacing_mm, shape=grid.shape),
        landmarks={
            ".".join(other.get(part, part) for part in name.split(".")): np.asarray(point)
            * (-1.0, 1.0, 1.0)
            for name, point in surroundings.landmarks.items()
        },
    )


def bone_floor(half_mm: float = 20.0, spacing_mm: float = 0.8) -> Surroundings:
    """Return muscle behind a plane of bone: all that lies in front of y = 0 is bone."""
    grid = grid_about((-half_mm,) * 3, (half_mm,) * 3, spacing_mm)
    y = grid.axes_mm[1][:, None]
    distance = np.broadcast_to(y, grid.shape).astype(np.float32)
    labels = np.where(distance < 0, Tissue.CORTICAL_BONE, Tissue.MUSCLE).astype(np.uint8)
    landmarks = {
        "L4.body": (0.0, -25.0, 0.0),
        "L4.left.pedicle": (14.0, -8.0, 0.0),
        "L4.right.pedicle": (-14.0, -8.0, 0.0),
    }
    return Surroundings(
        labels=labels,
        bone_distance_mm=distance,
        grid=grid,
        landmarks={name: np.array(point) for name, point in landmarks.items()},
    )
