"""Landmarks of a vertebra and of S1, in the bone's own frame.

What each name means is listed in docs/spine.md.
"""

from dataclasses import replace

import numpy as np

from guidance.anatomy import Vertebra
from guidance.records import FloatArray
from guidance.spine._joints import JointFrame
from guidance.spine._landmarks import BELOW_BORDER_MM, LocalBone, narrowest, valley
from guidance.spine._sacrum import SIGNS, gutter_ridge
from guidance.spine._sample import Bone
from guidance.spine._settings import SacrumSettings, VertebraSettings
from guidance.spine._shape import vector
from guidance.spine._vertebra import THORACIC, Arch, accessory_process

# In front of the ala's crest the gutter falls forwards; the L5 dorsal ramus is met behind it.
GUTTER_LENGTH_MM = 4.0
BLOCK_POINT = "block_point"
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


def _corner(local: LocalBone, beside: FloatArray, sign: int) -> FloatArray:
    """Return the corner between the SAP's side and the back of the TP, at the height of `beside`.

    `beside` lies in the TP, a few millimetres aside of the corner.
    """
    back = local.hit(beside + vector(0.0, 14.0, 0.0), vector(0.0, -1.0, 0.0), 24.0)
    # Where a ray passes the bone by, what the construction says stands in.
    behind = back[1] if abs(back[1] - beside[1]) < 7.5 else beside[1] + 3.0
    side = local.hit(
        vector(beside[0] + sign * 20.0, behind + 3.5, beside[2]), vector(-sign, 0.0, 0.0), 36.0
    )
    aside = side[0] if abs(beside[0] - side[0]) < 7.5 else beside[0] - sign * 4.5
    around = vector(aside + sign * 0.7, behind + 0.7, beside[2])
    look, across = vector(-sign * 0.7, -0.7, 0.0), vector(sign * 0.7, -0.7, 0.0)
    return valley(local, around, look, across, 4.0)


def _side(local: LocalBone, beside: FloatArray, sign: int) -> FloatArray:
    """Return the surface at the side and back of T12's short process, which has no corner."""
    look = vector(-sign * 0.7, -0.7, 0.0)
    return local.hit(beside - 20.0 * look, look, 24.0)


def _groove(
    local: LocalBone, v: VertebraSettings, arch: Arch, side: int, sign: int
) -> dict[str, FloatArray]:
    """Return the upper end of the groove, the mamillo-accessory notch, and the block point."""
    root, tip = arch.root[side], arch.tip[side]
    # The border where it has left the fillet under the SAP.
    shares = (0.7, 0.85, 1.0) if v.name in THORACIC else (0.25, 0.35, 0.45)
    borders = [local.reach(root + share * (tip - root), -DOWN, 20.0)[2] for share in shares]
    height = min(borders) - BELOW_BORDER_MM
    # The notch lies nearer the accessory process, which is the lower of the two.
    knobs = arch.joints[side].mamillary, accessory_process(arch, side, sign)
    notch = float(np.clip(0.3 * knobs[0][2] + 0.7 * knobs[1][2], height - 8.0, height - 4.0))
    beside = root + min(7.0 / abs(tip[0] - root[0]), 0.6) * (tip - root)
    find = _side if v.name in THORACIC else _corner
    superior, inferior = (
        find(local, vector(beside[0], beside[1], z), sign) for z in (height, notch)
    )
    look, across = vector(-sign * 0.7, -0.7, 0.0), vector(sign * 0.7, -0.7, 0.0)
    block = valley(local, 0.5 * (superior + inferior), look, across, 2.0)
    return {"groove_superior": superior, "groove_inferior": inferior, BLOCK_POINT: block}


def vertebra_places(
    v: VertebraSettings,
    arch: Arch,
    below: tuple[JointFrame, JointFrame],
    bone: Bone,
) -> dict[str, FloatArray]:
    """Return the landmarks of a vertebra, without its name in front."""
    local = _local(bone)
    back = np.array((0.0, 1.0, 0.0))
    behind = vector(0.0, v.spinous_reach_mm - 6.0, arch.spinous_tip_z_mm)
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
            places |= _groove(local, v, arch, side, sign)
        for end, width, way in (
            ("superior_endplate", v.width_upper_mm, 1.0),
            ("inferior_endplate", v.width_lower_mm, -1.0),
        ):
            corner = np.array((sign * 0.5 * width, 0.0, way * 0.5 * v.height_mm))
            places[end] = local.snapped(corner)
        found |= {f"{name}.{key}": point for key, point in places.items()}
    return found


def _gutter(local: LocalBone, joint: JointFrame, sign: int) -> dict[str, FloatArray]:
    """Return the gutter's highest point between ala and SAP, and what lies behind it."""
    across = np.array((float(sign), 0.0, 0.0))
    ridge = gutter_ridge(joint, sign)
    course = [
        valley(local, ridge + vector(0.0, dy, 0.0), DOWN, across, 6.0)
        for dy in np.arange(-4.5, 8.0, 1.5)
    ]
    # Farther back the SAP itself rises beside the gutter.
    top = int(np.argmax([point[2] for point in course[:5]]))
    behind = np.array(course[top:])
    run = np.concatenate(((0.0,), np.cumsum(np.linalg.norm(np.diff(behind, axis=0), axis=1))))
    end, middle = (
        local.snapped(np.array([np.interp(share * GUTTER_LENGTH_MM, run, x) for x in behind.T]))
        for share in (1.0, 0.5)
    )
    return {"groove_superior": behind[0], "groove_inferior": end, BLOCK_POINT: middle}


def sacral_places(
    s: SacrumSettings, joints: tuple[JointFrame, JointFrame], bone: Bone
) -> dict[str, FloatArray]:
    """Return the landmarks of S1, without its name in front."""
    local = _local(bone)
    crest = np.array((0.0, 0.5 * s.endplate_depth_mm + 18.0, -14.0))
    found = {
        "body": np.array((0.0, 0.0, -0.13 * s.length_mm)),
        "spinous_process": local.reach(crest, np.array((0.0, 1.0, 0.0)), 40.0),
    }
    for side, sign in enumerate(SIGNS):
        name = "left" if sign > 0 else "right"
        joint = joints[side]
        middle = 0.5 * (joint.center[0] + sign * s.ala_reach_mm[side])
        start = np.array((middle, 8.0, 30.0))
        corner = np.array((sign * 0.5 * s.endplate_width_mm, 0.0, 0.0))
        found |= {
            f"{name}.superior_articular_process": local.reach(joint.sap_middle, joint.up, 25.0),
            f"{name}.facet_joint": joint.gap_center,
            **{f"{name}.{k}": p for k, p in _gutter(local, joint, sign).items()},
            f"{name}.sacral_ala": local.hit(start, DOWN, 70.0),
            f"{name}.superior_endplate": local.snapped(corner),
        }
    return found
