"""A parametric spine, T11 to the pelvis, that needs no outside file: shapes and landmarks."""

from guidance.spine._body import BodyRanges, BodySettings, draw_body
from guidance.spine._body_anatomy import (
    Anatomy,
    AnatomyRanges,
    AnatomySettings,
    build_anatomy,
    draw_anatomy,
)
from guidance.spine._body_bowel import GasPocket
from guidance.spine._build import Spine, bone_distance, build_spine, sample_bones
from guidance.spine._draw import SpineRanges, draw_spine
from guidance.spine._mesh import Mesh, check_closed, mesh_volume_mm3, surface_of
from guidance.spine._mesh_voxels import voxelize_mesh
from guidance.spine._sample import Bone, BoneFields
from guidance.spine._settings import (
    DiscSettings,
    FacetSettings,
    RibSettings,
    SacrumSettings,
    SpineSettings,
    VertebraSettings,
)
from guidance.spine._spaces import Canal, Disc, FacetJoint, Foramen
from guidance.spine._targets import BlockTarget, block_targets
from guidance.spine._tissues import Tissue
from guidance.spine._voxels import (
    CtSettings,
    MaterialVolumes,
    PatientVoxels,
    label_tissues,
    voxelize_gas,
    voxelize_hu,
    voxelize_materials,
    voxelize_patient,
)

__all__ = [
    "Anatomy",
    "AnatomyRanges",
    "AnatomySettings",
    "BlockTarget",
    "BodyRanges",
    "BodySettings",
    "Bone",
    "BoneFields",
    "Canal",
    "CtSettings",
    "Disc",
    "DiscSettings",
    "FacetJoint",
    "FacetSettings",
    "Foramen",
    "GasPocket",
    "MaterialVolumes",
    "Mesh",
    "PatientVoxels",
    "RibSettings",
    "SacrumSettings",
    "Spine",
    "SpineRanges",
    "SpineSettings",
    "Tissue",
    "VertebraSettings",
    "block_targets",
    "bone_distance",
    "build_anatomy",
    "build_spine",
    "check_closed",
    "draw_anatomy",
    "draw_body",
    "draw_spine",
    "label_tissues",
    "mesh_volume_mm3",
    "sample_bones",
    "surface_of",
    "voxelize_gas",
    "voxelize_hu",
    "voxelize_materials",
    "voxelize_mesh",
    "voxelize_patient",
]
