"""Where the needles' tips come to lie: at their targets, never in bone."""

import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.records import FloatArray, SpreadPattern
from guidance.simulation._patient import Patient
from guidance.simulation._pool_layouts import find_joint_entry
from guidance.simulation._run_settings import PlacedNeedle, RunSettings
from guidance.spine import BlockTarget, Spine, block_targets, bone_distance

# The bevel's middle lies this far from the bone that the tip touches. Guess: half a 22 G needle.
LEAST_BONE_DISTANCE_MM = 0.4
_STEP_MM = 0.25
_MOST_STEPS = 80


def find_target(spine: Spine, vertebra: Vertebra, side: Side) -> BlockTarget:
    """Return the target on a vertebra.

    Raises
    ------
    InputError
        No target lies on it.
    """
    targets = block_targets(spine)
    for target in targets:
        if target.vertebra is vertebra and target.side is side:
            return target
    known = sorted({str(target.vertebra) for target in targets})
    raise InputError(f"no target lies on {vertebra} {side}; expected one of {', '.join(known)}")


def off_bone(spine: Spine, point_lps_mm: FloatArray) -> FloatArray:
    """Return the point (3,) moved straight out of bone, if it lies in it or touches it."""
    point = np.array(point_lps_mm, dtype=np.float64)
    steps = 0.3 * np.concatenate((np.eye(3), -np.eye(3)))
    for _ in range(_MOST_STEPS):
        here = float(bone_distance(spine, point[None])[0])
        if here >= LEAST_BONE_DISTANCE_MM:
            return point
        around = bone_distance(spine, point + steps)
        outwards = around[:3] - around[3:]
        length = float(np.linalg.norm(outwards))
        # In the middle of a bone no way is shorter: leave towards the back, whence needles come.
        way = outwards / length if length > 1e-6 else np.array((0.0, 1.0, 0.0))
        point += max(_STEP_MM, 0.5 * (LEAST_BONE_DISTANCE_MM - here)) * way
    return point


def place_tip(spine: Spine, placed: PlacedNeedle) -> FloatArray:
    """Return where a needle's tip lies, (3,) LPS millimetres."""
    target = find_target(spine, placed.vertebra, placed.side)
    return off_bone(spine, target.block_point_lps_mm + np.array(placed.needle.tip_offset_mm))


def tips_of(patient: Patient, settings: RunSettings) -> FloatArray:
    """Return the places (K, 3) of the injecting needle's tip, one for each repositioning.

    Contrast that fills a joint was injected at its edge; else the tip is at the nerve's target.
    """
    spine, placed = patient.anatomy.spine, settings.needle
    if settings.contrast.pattern is SpreadPattern.INTRA_ARTICULAR:
        entry = find_joint_entry(patient.surroundings, str(placed.vertebra), str(placed.side))
        tips = [off_bone(spine, entry)]
    else:
        tips = [place_tip(spine, placed)]
    for move in settings.repositioned_mm:
        tips.append(off_bone(spine, tips[-1] + np.array(move)))
    return np.array(tips)
