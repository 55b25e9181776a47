"""One patient, ready to be looked at: materials as voxels, gas as ellipsoids, landmarks."""

from dataclasses import dataclass

import numpy as np

from guidance.geometry import grid_about
from guidance.records import FloatArray, Volume
from guidance.simulation._surroundings import Surroundings
from guidance.spine import (
    Anatomy,
    AnatomySettings,
    build_anatomy,
    voxelize_materials,
    voxelize_patient,
)

# Bone is sharp, so it gets small voxels: at 0.8 mm a trabecula is lost, an edge is not.
BONE_SPACING_MM = 0.8
# Soft tissue has few edges, and fluoroscopy hardly shows them.
SOFT_SPACING_MM = 2.5
# Around the spine's bones: how far below and above the vertebrae a C-arm looks.
_BONE_LOW_MM = (-130.0, -80.0, -150.0)
_BONE_HIGH_MM = (130.0, 75.0, 172.0)
# ICRU-44 cortical bone is 58 % mineral; the rest, collagen and water, attenuates like muscle. The
# X-ray tables know that bone, the voxels hold mineral and soft tissue apart.
MINERAL_SHARE = 0.58
_BODY_LOW_MM = (-240.0, -210.0, -190.0)
_BODY_HIGH_MM = (240.0, 190.0, 230.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patient:
    """A patient.

    Attributes
    ----------
    name : str
        Of the anatomy.
    anatomy : Anatomy
        Shapes and landmarks.
    bone, soft, adipose : Volume
        Mass per volume, float32: cortical bone of ICRU-44, muscle and what attenuates like it, and
        fat. Grams per cubic centimetre.
    surroundings : Surroundings
        Tissues about the spine, for the contrast.
    gas_centers_lps_mm, gas_half_axes_mm : (N, 3) float64 arrays
        Gas in the bowel. Millimetres.
    middle_lps_mm : (3,) float64 array
        Of the body. Millimetres.
    """

    name: str
    anatomy: Anatomy
    bone: Volume
    soft: Volume
    adipose: Volume
    surroundings: Surroundings
    gas_centers_lps_mm: FloatArray
    gas_half_axes_mm: FloatArray
    middle_lps_mm: FloatArray


def prepare_patient(name: str, settings: AnatomySettings) -> Patient:
    """Return the patient with these settings: some seconds of work."""
    anatomy = build_anatomy(settings.spine, settings.body)
    voxels = voxelize_patient(anatomy, grid_about(_BONE_LOW_MM, _BONE_HIGH_MM, BONE_SPACING_MM))
    fine = voxels.materials
    coarse = voxelize_materials(anatomy, grid_about(_BODY_LOW_MM, _BODY_HIGH_MM, SOFT_SPACING_MM))
    organic = np.float32(1 / MINERAL_SHARE - 1) * coarse.bone_g_per_cm3
    soft = np.maximum(coarse.soft_g_per_cm3 - organic, np.float32(0))
    bone = fine.bone_g_per_cm3 / np.float32(MINERAL_SHARE)
    return Patient(
        name=name,
        anatomy=anatomy,
        bone=Volume(values=bone, lps_from_vox=fine.lps_from_vox),
        soft=Volume(values=soft, lps_from_vox=coarse.lps_from_vox),
        adipose=Volume(values=coarse.adipose_g_per_cm3, lps_from_vox=coarse.lps_from_vox),
        surroundings=Surroundings(
            labels=voxels.labels,
            bone_distance_mm=voxels.bone_distance_mm,
            grid=voxels.grid,
            landmarks=anatomy.spine.landmarks,
        ),
        gas_centers_lps_mm=np.array([p.center_lps_mm for p in anatomy.gas]).reshape(-1, 3),
        gas_half_axes_mm=np.array([p.half_axes_mm for p in anatomy.gas]).reshape(-1, 3),
        middle_lps_mm=np.array(anatomy.spine.landmarks["L3.body"], dtype=np.float64),
    )
