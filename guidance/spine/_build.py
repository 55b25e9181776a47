"""From settings to a spine: poses, bones, joints, discs, landmarks and targets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.geometry import VoxelGrid
from guidance.records import FloatArray
from guidance.spine._chain import Pose, stand
from guidance.spine._joints import JointFrame
from guidance.spine._pelvis import SACROILIAC_GAP_MM, hip_table, rib_table
from guidance.spine._places import BLOCK_POINT, sacral_places, vertebra_places
from guidance.spine._sacrum import sacral_joints, sacrum_table
from guidance.spine._sample import (
    Bone,
    BoneFields,
    Neighbours,
    least_distance,
    sample_bone_list,
    solid_rows,
)
from guidance.spine._settings import SpineSettings
from guidance.spine._spaces import Canal, Disc, FacetJoint, Foramen, find_spaces
from guidance.spine._vertebra import Arch, lay_out_arch, vertebra_table

SACRUM_PART, HIP_PARTS, RIB_PARTS = 8, (9, 10), (11, 12, 13, 14)


# Around a neighbour's solids, so that blends are not broken off.
CUT_MARGIN_MM = 2.5
# What each bone is cut back from, and the gap that stays, before the scale. Where discs are narrow
# or lordosis is deep, laminae and spinous processes of neighbours would run into each other; in a
# patient they remodel. Guess: 1.2 mm, more where there is cartilage or muscle between.
CLEARANCE_MM: dict[str, tuple[tuple[str, float], ...]] = {
    "T11": (("T12", 1.2),),
    "T12": (("L1", 1.2),),
    "L1": (("L2", 1.2),),
    "L2": (("L3", 1.2),),
    "L3": (("L4", 1.2),),
    "L4": (("L5", 1.2),),
    "L5": (("sacrum", 1.2),),
    "hip.left": (("sacrum", SACROILIAC_GAP_MM), ("L5", 3.0)),
    "hip.right": (("sacrum", SACROILIAC_GAP_MM), ("L5", 3.0)),
    "T11.rib.left": (("T11", 1.2), ("T12", 2.0)),
    "T11.rib.right": (("T11", 1.2), ("T12", 2.0)),
    "T12.rib.left": (("T12", 1.2), ("L1", 2.0), ("L2", 2.0), ("T11.rib.left", 3.0)),
    "T12.rib.right": (("T12", 1.2), ("L1", 2.0), ("L2", 2.0), ("T11.rib.right", 3.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spine:
    """A built spine.

    Attributes
    ----------
    settings : SpineSettings
        What it was built from.
    bones : tuple of Bone
        T11 to L5 (parts 1 to 7), sacrum (8), left and right hip (9, 10), ribs 11 left and right,
        12 left and right (11 to 14).
    landmarks : mapping of str to (3,) float64 array
        By the result contract's names. LPS, millimetres.
    block_points : mapping of str to (3,) float64 array
        By vertebra and side, such as ``"L4.left"``: midway along the groove, on bone.
    discs, facet_joints, foramina : tuples of records
        The spaces between the bones.
    canal : Canal
        The vertebral canal.
    """

    settings: SpineSettings
    bones: tuple[Bone, ...]
    landmarks: Mapping[str, FloatArray]
    block_points: Mapping[str, FloatArray]
    discs: tuple[Disc, ...]
    facet_joints: tuple[FacetJoint, ...]
    foramina: tuple[Foramen, ...]
    canal: Canal


def _joints_below(
    arches: list[Arch],
    sacral: tuple[JointFrame, JointFrame],
    poses: tuple[Pose, ...],
    sacrum: Pose,
) -> list[tuple[JointFrame, JointFrame]]:
    """Return, for every vertebra, the joints with the level below in its own frame."""
    own = [(arch.joints, pose) for arch, pose in zip(arches[1:], poses[1:], strict=True)]
    own.append((sacral, sacrum))
    found = []
    for (joints, pose), upper in zip(own, poses, strict=True):
        rotation, translation = pose.relative_to(upper)
        found.append(
            (joints[0].moved(rotation, translation), joints[1].moved(rotation, translation))
        )
    return found


def _bone(name: str, part: int, rows: FloatArray, pose: Pose, scale: float) -> Bone:
    return Bone(
        name=name, part=part, rows=rows, local_from_world=pose.local_from_world, scale=scale
    )


def build_spine(settings: SpineSettings) -> Spine:
    """Return the spine that the settings describe; the same settings give the same spine."""
    scale = settings.scale
    poses, sacrum = stand(settings)
    above = (None, *settings.discs[:-1])
    arches = [lay_out_arch(v, disc) for v, disc in zip(settings.vertebrae, above, strict=True)]
    sacral = sacral_joints(settings.sacrum, settings.discs[-1])
    below = _joints_below(arches, sacral, poses, sacrum)
    bones = [
        _bone(str(v.name), i + 1, vertebra_table(v, arches[i], joints), pose, scale)
        for i, (v, joints, pose) in enumerate(zip(settings.vertebrae, below, poses, strict=True))
    ]
    bones.append(_bone("sacrum", SACRUM_PART, sacrum_table(settings.sacrum, sacral), sacrum, scale))
    upright = Pose(rotation=np.eye(3), origin=sacrum.origin)
    for side in range(2):
        rows = hip_table(settings.sacrum, side)
        bones.append(_bone(f"hip.{_lateral(side)}", HIP_PARTS[side], rows, upright, scale))
    for i, rib in enumerate(settings.ribs):
        for side in range(2):
            rows = rib_table(rib, settings.vertebrae[i], arches[i], side)
            name = f"{rib.vertebra}.rib.{_lateral(side)}"
            bones.append(_bone(name, RIB_PARTS[2 * i + side], rows, poses[i], scale))
    bones = keep_clear(bones)
    landmarks: dict[str, FloatArray] = {}
    for i, v in enumerate(settings.vertebrae):
        places = vertebra_places(v, arches[i], below[i], bones[i])
        landmarks |= {f"{v.name}.{k}": scale * poses[i].to_world(p) for k, p in places.items()}
    places = sacral_places(settings.sacrum, sacral, bones[7])
    landmarks |= {f"{Vertebra.S1}.{k}": scale * sacrum.to_world(p) for k, p in places.items()}
    for point in landmarks.values():
        point.setflags(write=False)
    block_points = {
        name.removesuffix(f".{BLOCK_POINT}"): landmarks.pop(name)
        for name in list(landmarks)
        if name.endswith(BLOCK_POINT)
    }
    discs, joints, foramina, canal = find_spaces(
        settings, poses, sacrum, arches, below, tuple(bones)
    )
    return Spine(
        settings=settings,
        bones=tuple(bones),
        landmarks=MappingProxyType(landmarks),
        block_points=MappingProxyType(block_points),
        discs=discs,
        facet_joints=joints,
        foramina=foramina,
        canal=canal,
    )


def keep_clear(bones: list[Bone]) -> list[Bone]:
    """Return the bones, each cut back where it would touch one that it keeps clear of."""
    by_name = {bone.name: bone for bone in bones}
    kept = []
    for bone in bones:
        others = [(by_name[name], gap) for name, gap in CLEARANCE_MM.get(bone.name, ())]
        if not others:
            kept.append(bone)
            continue
        tables = [_arch_rows(other) for other, _ in others]
        neighbours = Neighbours(
            rows=np.concatenate(tables),
            starts=np.cumsum([0, *(len(rows) for rows in tables)]).astype(np.int64),
            moves=np.array([_into(bone, other) for other, _ in others]),
            boxes_mm=np.array(
                [_cut_box(rows, gap) for rows, (_, gap) in zip(tables, others, strict=True)]
            ),
        )
        kept.append(replace(bone, neighbours=neighbours))
    return kept


def _arch_rows(bone: Bone) -> FloatArray:
    """Return a neighbour's table without its body: discs keep bodies apart."""
    is_vertebra = bone.part < SACRUM_PART
    return bone.rows[3:] if is_vertebra else bone.rows


def _cut_box(rows: FloatArray, gap_mm: float) -> FloatArray:
    """(7,) gap, and the box within which a neighbour's solids can cut."""
    solid = solid_rows(rows)
    reach = solid[:, 6:7] + gap_mm + CUT_MARGIN_MM
    low = (solid[:, 3:6] - reach).min(axis=0)
    high = (solid[:, 3:6] + reach).max(axis=0)
    return np.concatenate(((gap_mm,), low, high))


def _into(bone: Bone, other: Bone) -> FloatArray:
    """(3, 4) from one bone's frame into another's."""
    rotation, shift = bone.local_from_world[:, :3], bone.local_from_world[:, 3]
    back = np.hstack((rotation.T, -(rotation.T @ shift)[:, None]))
    turn, move = other.local_from_world[:, :3], other.local_from_world[:, 3]
    return np.hstack((turn @ back[:, :3], (turn @ back[:, 3] + move)[:, None]))


def _lateral(side: int) -> Side:
    return (Side.LEFT, Side.RIGHT)[side]


def bone_distance(spine: Spine, points_lps_mm: FloatArray) -> FloatArray:
    """Return the signed distance of points to the nearest bone, negative inside.

    Parameters
    ----------
    spine : Spine
        The bones.
    points_lps_mm : (N, 3) float64 array
        Points. LPS, millimetres.

    Returns
    -------
    (N,) float64 array
        Right to first order within a few millimetres of a surface, a lower bound far away.
        Millimetres.
    """
    return least_distance(spine.bones, points_lps_mm)


def sample_bones(spine: Spine, grid: VoxelGrid) -> BoneFields:
    """Return the distance to the nearest bone, and which it is, on a grid of voxels."""
    return sample_bone_list(spine.bones, grid)
