"""Fills bone from its signed distance: a shell of cortex, and textured trabecular bone within.

The share of shell and of core in a voxel follows from a box of the voxel's size along the surface
normal: a shell thinner than a voxel keeps its mass, and edges are smooth below the size of a voxel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.records import FloatArray
from guidance.spine._body import BodySettings
from guidance.spine._body_noise import noise_at
from guidance.spine._build import Spine
from guidance.spine._tissues import (
    ADIPOSE_DENSITY,
    FILLINGS,
    MINERAL_DENSITY,
    Filling,
    Tissue,
)

# Mineral of compact bone: ICRU 44 cortical bone has 1.92 g/cm3, 58 % of it ash: 1.1; a little less
# for the pores of vertebral cortex. Against a real L3 (docs/body.md).
CORTEX_MINERAL = 1.05
# Mineral of the trabecular bone at `bone_density` 1: quantitative CT of L1 at 50 years, 135 to 144
# mg/cm3 (Pickhardt's group, longitudinal BMD at 1603 adults), against 0.20 at 25 years. It gives
# about 150 HU: mean L1 attenuation is 226 HU below 30 years and falls by 2.5 HU a year (Jang et
# al., Radiology 291:360, 2019).
TRABECULAR_MINERAL = 0.135
# What lies between the crystals of cortex: collagen and water; and marrow without fat. g/cm3.
MATRIX_DENSITY, MARROW_DENSITY = 1.10, FILLINGS[Filling.MARROW][1]
# Thickness of the cortex. Vertebral body and endplate: 0.35 mm on average over 45 years (Silva et
# al., Bone 15:409, 1994); Palepu et al., Int J Spine Surg 13:361 (2019) by micro-CT; a little
# more here, as the trabeculae that fuse with them count. Arch: against a real L3 (docs/body.md).
# Sacrum, pelvis, ribs: guess. Millimetres.
BODY_WALL_MM, ENDPLATE_MM, ARCH_MM = 0.45, 0.60, 1.1
SACRUM_MM, HIP_MM, RIB_MM = 0.8, 1.6, 0.9
# How much denser than the core: under the endplates, in the pedicles and arch. Guess.
ENDPLATE_FACTOR, ENDPLATE_REACH_MM, ARCH_FACTOR = 1.8, 3.5, 1.15
# Trabeculae are 0.15 mm thick and 0.8 mm apart: no voxel here shows them one by one. What is seen
# is their crowding, which runs along the load. Millimetres; guess.
GRAIN_MM, GRAIN_LONG_MM, PATCH_MM = 1.3, 3.2, 9.0
# Standard deviation of the noise: see `noise_at`.
NOISE_SD = 0.19

CORTICAL, TRABECULAR = int(Tissue.CORTICAL_BONE), int(Tissue.TRABECULAR_BONE)
ORGAN, GAS, MUSCLE, FAT = int(Tissue.ORGAN), int(Tissue.GAS), int(Tissue.MUSCLE), int(Tissue.FAT)
# Parts above the sacrum's number are hips and ribs: intercostal muscle, iliacus. Guess.
N_PARTS, SACRUM, SHEATH_MM = 15, 8, 6.0


@dataclass(frozen=True, slots=True, eq=False)
class BoneFilling:
    """What the kernel needs of every part (row, `BoneFields.part`).

    Attributes
    ----------
    local_from_world : (15, 3, 4) float64 array
        Into the bone's own frame.
    scale : float
        Of the spine; lengths below are before it.
    sizes : (15, 4) float64 array
        Half depth and half height of the body, where the arch begins; 0 where there is no body;
        thickness of the cortex; density of the core.
    """

    local_from_world: FloatArray
    scale: float
    sizes: FloatArray


def describe_bones(spine: Spine, body: BodySettings) -> BoneFilling:
    """Return what is to be filled into each bone."""
    transforms = np.zeros((N_PARTS, 3, 4))
    sizes = np.zeros((N_PARTS, 4))
    density = TRABECULAR_MINERAL * spine.settings.bone_density
    shells = {8: SACRUM_MM, 9: HIP_MM, 10: HIP_MM}
    for bone in spine.bones:
        transforms[bone.part] = bone.local_from_world
        shell = shells.get(bone.part, RIB_MM if bone.part > 10 else BODY_WALL_MM)
        sizes[bone.part] = (0, 0, shell * body.cortical_scale, density)
    for part, v in enumerate(spine.settings.vertebrae, start=1):
        sizes[part, 0] = 0.25 * (v.depth_upper_mm + v.depth_lower_mm)
        sizes[part, 1] = 0.5 * v.height_mm
    return BoneFilling(transforms, spine.settings.scale, sizes)


@njit(cache=True, nogil=True, inline="always")
def _share_below(distance: float, level: float, h: float) -> float:
    """Return the share of a voxel that lies deeper than `level` (a signed distance)."""
    return min(1.0, max(0.0, 0.5 + (level - distance) / h))


@njit(cache=True, nogil=True)
def _core_density(
    x: float, y: float, z: float, size: FloatArray, seed: int, contrast: float
) -> float:
    """Return the trabecular mineral at a place of the bone's own frame. g/cm3."""
    density = size[3]
    grain = noise_at(x / GRAIN_MM, y / GRAIN_MM, z / GRAIN_LONG_MM, seed + 11)
    fine = noise_at(x / 0.8, y / 0.8, z / 1.6, seed + 12)
    patch = noise_at(x / PATCH_MM, y / PATCH_MM, z / PATCH_MM, seed + 13)
    if size[0] > 0.0:
        if y > size[0]:
            density *= ARCH_FACTOR
        else:
            below = size[1] - abs(z)
            density *= 1.0 + (ENDPLATE_FACTOR - 1.0) * np.exp(
                -((max(0.0, below) / ENDPLATE_REACH_MM) ** 2)
            )
    texture = 0.75 * (grain - 0.5) + 0.45 * (fine - 0.5) + 0.5 * (patch - 0.5)
    textured: float = density * max(0.15, 1.0 + contrast * texture / NOISE_SD)
    return textured


@njit(cache=True, nogil=True, inline="always")
def _shell_mm(y: float, z: float, size: FloatArray, endplate: float, arch: float) -> float:
    """Return the thickness of the cortex at a place of the bone's own frame."""
    wall: float = size[2]
    if size[0] <= 0.0:
        return wall
    # From body to arch over some millimetres of pedicle.
    back = min(1.0, max(0.0, (y - size[0]) / 8.0))
    plate = min(1.0, max(0.0, (abs(z) - size[1] + 3.5) / 2.0)) * (1 - back)
    shell: float = wall * (1 - back) * (1 - plate) + endplate * plate + arch * back
    return shell


@njit(cache=True, nogil=True)
def _sheathe(
    d: float,
    h: float,
    s: int,
    r: int,
    c: int,
    soft: NDArray[np.float32],
    adipose: NDArray[np.float32],
    mineral: NDArray[np.float32],
    label: NDArray[Any],
) -> None:
    """Keep organs and lung off a rib or an iliac wing: muscle lies between, and a little fat."""
    if label[s, r, c] != ORGAN and label[s, r, c] != GAS:
        return
    fat = _share_below(d, SHEATH_MM, h)
    muscle = _share_below(d, 0.6 * SHEATH_MM, h)
    soft[s, r, c] = (1 - fat) * soft[s, r, c] + 1.05 * muscle
    adipose[s, r, c] = (1 - fat) * adipose[s, r, c] + ADIPOSE_DENSITY * (fat - muscle)
    mineral[s, r, c] *= 1 - fat
    if fat >= 0.5:
        label[s, r, c] = MUSCLE if muscle >= 0.5 else FAT


@njit(cache=True, nogil=True)
def fill_bone(
    distance: NDArray[np.float32],
    part: NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    transforms: FloatArray,
    scale: float,
    sizes: FloatArray,
    endplate: float,
    arch: float,
    cortex: float,
    marrow_fat: float,
    contrast: float,
    seed: int,
    soft: NDArray[np.float32],
    adipose: NDArray[np.float32],
    mineral: NDArray[np.float32],
    label: NDArray[Any],
) -> None:
    """Put bone over what the arrays (S, R, C) hold so far."""
    h = abs(x[1] - x[0]) if x.size > 1 else 1.0
    for s in range(z.size):
        for r in range(y.size):
            for c in range(x.size):
                d = distance[s, r, c]
                p = part[s, r, c]
                if p > SACRUM and d < SHEATH_MM + 0.5 * h:
                    _sheathe(d, h, s, r, c, soft, adipose, mineral, label)
                if d >= 0.5 * h:
                    continue
                t = transforms[p]
                wx, wy, wz = x[c] / scale, y[r] / scale, z[s] / scale
                ly = t[1, 0] * wx + t[1, 1] * wy + t[1, 2] * wz + t[1, 3]
                lz = t[2, 0] * wx + t[2, 1] * wy + t[2, 2] * wz + t[2, 3]
                shell = _shell_mm(ly, lz, sizes[p], endplate, arch)
                inside = _share_below(d, 0.0, h)
                core = _share_below(d, -shell, h)
                compact = inside - core
                hard = cortex * compact
                if core > 0.0:
                    lx = t[0, 0] * wx + t[0, 1] * wy + t[0, 2] * wz + t[0, 3]
                    hard += core * _core_density(lx, ly, lz, sizes[p], seed, contrast)
                # What is not crystal: collagen and water in cortex, marrow in the core.
                crystal = hard / MINERAL_DENSITY
                room = max(0.0, 1.0 - crystal / max(inside, 1e-6))
                outside = 1.0 - inside
                soft[s, r, c] = outside * soft[s, r, c] + room * (
                    MATRIX_DENSITY * compact + (1 - marrow_fat) * MARROW_DENSITY * core
                )
                adipose[s, r, c] = (
                    outside * adipose[s, r, c] + room * marrow_fat * ADIPOSE_DENSITY * core
                )
                mineral[s, r, c] = outside * mineral[s, r, c] + hard
                if inside >= 0.5:
                    label[s, r, c] = CORTICAL if compact >= core else TRABECULAR
