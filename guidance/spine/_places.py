"""Landmarks of a vertebra and of S1, in the bone's own frame.

What each name means is listed in docs/spine.md.
"""

from dataclasses import replace

import numpy as np

from guidance.anatomy import Vertebra
from guidance.records import FloatArray
from guidance.spine._joints import JointFrame
from guidance.spine._landmarks import BELOW_BORDER_MM, LocalBone, narrowest, valley
from guidance.spine._sacrum import SIGNS, sacral_joints
from guidance.spine._sample import Bone
from guidance.spine._settings import SacrumSettings, VertebraSettings
from guidance.spine._shape import vector
from guidance.spine._vertebra import Arch, accessory_process

# In front of the ala's crest the gutter falls forwards; the L5 dorsal ramus is met behind it.
GUTTER_LENGTH_MM = 4.0
DOWN = np.array((0.0, 0.0, -1.0))


def _local(bone: Bone) -> LocalBone:
    """Return the bone in its own frame."""
    stay = np.hstack((np.eye(3), np.zeros((3, 1))))
    return LocalBone(bone=replace(bone, local_from_world=stay, scale=1.0))


def _process_tips(local: LocalBone, joint: JointFrame, below: JointFrame) -> dict[str, FloatArray]:
    return {
        "superior_articular_process": local.reach(joint.sap_middle, joint.up, 25.0),
        "inferior_articular_process": local.reach(below.iap_middle, -below.up, 25.0),
        "facet_joint": joint.gap_center,
    }


def _groove(local: LocalBone, arch: Arch, side: int, sign: int) -> tuple[FloatArray, FloatArray]:
    """Return the upper end of the groove, and the mamillo-accessory notch."""
    root, tip = arch.root[side], arch.tip[side]
    beside = root + 0.22 * (tip - root)
    border = local.reach(beside, -DOWN, 20.0)
    around = root + vector(sign * 2.0, 4.0, 0.0)
    around[2] = border[2] - BELOW_BORDER_MM
    look = np.array((-sign * 0.6, -0.8, 0.0))
    across = np.array((sign * 0.8, -0.6, 0.0))
    superior = valley(local, around, look, across, 7.0)
    between = 0.5 * (arch.joints[side].mamillary + accessory_process(arch, side, sign))
    inferior = valley(local, between, look, across, 6.0)
    return superior, inferior


def _groove_places(
    local: LocalBone, superior: FloatArray, inferior: FloatArray
) -> dict[str, FloatArray]:
    """Return a groove's ends, and the block point midway, put onto the surface."""
    return {
        "groove_superior": superior,
        "groove_inferior": inferior,
        "block_point": local.snapped(0.5 * (superior + inferior)),
    }


def vertebra_places(
    v: VertebraSettings,
    arch: Arch,
    below: tuple[JointFrame, JointFrame],
    bone: Bone,
) -> dict[str, FloatArray]:
    """Return the landmarks of a vertebra, without its name in front."""
    local = _local(bone)
    back = np.array((0.0, 1.0, 0.0))
    behind = np.array((0.0, arch.wall_mm + v.canal_depth_mm + 5.0, arch.spinous_tip_z_mm))
    found = {"body": np.zeros(3), "spinous_process": local.reach(behind, back, 90.0)}
    for side, sign in enumerate(SIGNS):
        name = "left" if sign > 0 else "right"
        joint = arch.joints[side]
        places = _process_tips(local, joint, below[side])
        root, tip = arch.root[side], arch.tip[side]
        half = 0.5 * max(v.pedicle_height_mm, v.pedicle_width_mm[side]) + 2.5
        places["pedicle"] = narrowest(local, arch.isthmus[side], half)
        places["transverse_process_tip"] = local.reach(root + 0.8 * (tip - root), tip - root, 30.0)
        places["transverse_process_root"] = root
        if v.name != Vertebra.T11:
            superior, inferior = _groove(local, arch, side, sign)
            places |= _groove_places(local, superior, inferior)
        for end, width, way in (
            ("superior_endplate", v.width_upper_mm, 1.0),
            ("inferior_endplate", v.width_lower_mm, -1.0),
        ):
            corner = np.array((sign * 0.5 * width, 0.0, way * 0.5 * v.height_mm))
            places[end] = local.snapped(corner)
        found |= {f"{name}.{key}": point for key, point in places.items()}
    return found


def _gutter(local: LocalBone, joint: JointFrame, sign: int) -> tuple[FloatArray, FloatArray]:
    """Return the gutter's highest point between ala and SAP, and one `GUTTER_LENGTH_MM` behind."""
    low = joint.sap_low
    across = np.array((float(sign), 0.0, 0.0))
    course = [
        valley(local, low + vector(sign * 7.0, dy, 0.0), DOWN, across, 8.0)
        for dy in np.arange(-12.0, 9.0, 1.5)
    ]
    top = int(np.argmax([point[2] for point in course[:-4]]))
    behind = course[top:]
    run = np.concatenate(((0.0,), np.cumsum(np.linalg.norm(np.diff(behind, axis=0), axis=1))))
    end = np.array([np.interp(GUTTER_LENGTH_MM, run, [p[i] for p in behind]) for i in range(3)])
    return course[top], local.snapped(end)


def sacral_places(s: SacrumSettings, bone: Bone) -> dict[str, FloatArray]:
    """Return the landmarks of S1, without its name in front."""
    local = _local(bone)
    joints = sacral_joints(s)
    crest = np.array((0.0, 0.5 * s.endplate_depth_mm + 18.0, -14.0))
    found = {
        "body": np.array((0.0, 0.0, -0.13 * s.length_mm)),
        "spinous_process": local.reach(crest, np.array((0.0, 1.0, 0.0)), 40.0),
    }
    for side, sign in enumerate(SIGNS):
        name = "left" if sign > 0 else "right"
        joint = joints[side]
        superior, inferior = _gutter(local, joint, sign)
        middle = 0.5 * (joint.center[0] + sign * s.ala_reach_mm[side])
        start = np.array((middle, 8.0, 30.0))
        corner = np.array((sign * 0.5 * s.endplate_width_mm, 0.0, 0.0))
        found |= {
            f"{name}.superior_articular_process": local.reach(joint.sap_middle, joint.up, 25.0),
            f"{name}.facet_joint": joint.gap_center,
            **{f"{name}.{k}": p for k, p in _groove_places(local, superior, inferior).items()},
            f"{name}.sacral_ala": local.hit(start, DOWN, 70.0),
            f"{name}.superior_endplate": local.snapped(corner),
        }
    return found
