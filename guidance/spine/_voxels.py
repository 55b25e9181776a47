"""A patient in voxels: labels, material densities, gas, and CT numbers.

Everything is evaluated at the voxels of the grid that is asked for, with edges that are smooth
below their size; nothing is resampled.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from guidance.errors import InputError
from guidance.geometry import VoxelGrid
from guidance.records import FloatArray, Volume
from guidance.spine._body_anatomy import Anatomy
from guidance.spine._body_bone import (
    ARCH_MM,
    CORTEX_MINERAL,
    ENDPLATE_MM,
    describe_bones,
    fill_bone,
)
from guidance.spine._body_bowel import GasPocket
from guidance.spine._body_paint import paint_soft
from guidance.spine._body_spaces import Mixture, fill_spaces
from guidance.spine._build import sample_bones
from guidance.spine._tissues import FILLINGS, Filling, Tissue, filling_table, hu_of

# 12 bits, as scanners store them.
LEAST_HU, MOST_HU = -1024, 3071
TABLE_HALF_WIDTH_MM, TABLE_SKIN_MM = 215.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaterialVolumes:
    """Masses in every voxel, gas not taken off.

    Attributes
    ----------
    soft_g_per_cm3, adipose_g_per_cm3, bone_g_per_cm3 : (S, R, C) float32 arrays
        Water-like tissue, adipose tissue, bone mineral. Slice, row, column; read-only.
    lps_from_vox : (4, 4) float64 array
        Takes (slice, row, column, 1) to LPS. Millimetres.
    """

    soft_g_per_cm3: NDArray[np.float32]
    adipose_g_per_cm3: NDArray[np.float32]
    bone_g_per_cm3: NDArray[np.float32]
    lps_from_vox: FloatArray

    def __post_init__(self) -> None:
        """Keep anyone from writing into them."""
        for name in ("soft_g_per_cm3", "adipose_g_per_cm3", "bone_g_per_cm3"):
            view = getattr(self, name).view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)


@dataclass(frozen=True, slots=True, kw_only=True)
class CtSettings:
    """How the scanner shows the patient.

    Attributes
    ----------
    noise_hu : float
        Standard deviation in soft tissue; abdominal CT is made with 10 to 20. 0 for none.
    kernel_sigma_mm : float
        Blur of the reconstruction in the slice, beyond the voxel itself; 0.4 is a standard and 0.7
        a smooth body kernel. 0 for none.
    slice_sigma_mm : float
        Blur across slices; 0.4 for slices of about 1 mm.
    has_table : bool
        Whether the table lies under the patient.
    """

    noise_hu: float = 12.0
    kernel_sigma_mm: float = 0.45
    slice_sigma_mm: float = 0.4
    has_table: bool = False

    def __post_init__(self) -> None:
        """Refuse what no scanner does."""
        limits = {"noise_hu": 300, "kernel_sigma_mm": 5, "slice_sigma_mm": 10}
        for name, most in limits.items():
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"{name} is {getattr(self, name)}, expected 0 to {most}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientVoxels:
    """Everything that is known of every voxel, from one pass.

    Attributes
    ----------
    materials : MaterialVolumes
        Masses.
    labels : (S, R, C) uint8 array
        Values of `Tissue`; gas is not among them, since it moves.
    bone_distance_mm : (S, R, C) float32 array
        Signed distance to bone, negative inside, clipped. Millimetres.
    grid : VoxelGrid
        Where the voxels lie.
    """

    materials: MaterialVolumes
    labels: NDArray[np.uint8]
    bone_distance_mm: NDArray[np.float32]
    grid: VoxelGrid


def voxelize_patient(anatomy: Anatomy, grid: VoxelGrid) -> PatientVoxels:
    """Return masses, tissues and the distance to bone on one grid, for one pass's cost."""
    mixture, distance = _fill(anatomy, grid)
    return PatientVoxels(
        materials=_materials(mixture, grid),
        labels=mixture.label,
        bone_distance_mm=distance,
        grid=grid,
    )


def _materials(mixture: Mixture, grid: VoxelGrid) -> MaterialVolumes:
    return MaterialVolumes(
        soft_g_per_cm3=mixture.soft,
        adipose_g_per_cm3=mixture.adipose,
        bone_g_per_cm3=mixture.mineral,
        lps_from_vox=grid.lps_from_vox,
    )


def _fill(anatomy: Anatomy, grid: VoxelGrid) -> tuple[Mixture, NDArray[np.float32]]:
    """Return the patient in voxels, soft tissue, then spaces, then bone; and bone's distance."""
    shape, body = grid.shape, anatomy.body
    mixture = Mixture(
        grid,
        soft=np.empty(shape, np.float32),
        adipose=np.empty(shape, np.float32),
        mineral=np.empty(shape, np.float32),
        label=np.empty(shape, np.uint8),
    )
    x, y, z = grid.axes_mm
    settings = body.settings
    paint_soft(
        -x if settings.is_mirrored else x,
        y,
        z,
        body.outline_at(z),
        z - body.lung_base_z,
        body.columns_at(z),
        body.ellipsoids,
        body.segments,
        body.things,
        filling_table(),
        settings.texture_seed,
        mixture.soft,
        mixture.adipose,
        mixture.mineral,
        mixture.label,
    )
    fill_spaces(mixture, anatomy.spine)
    bones = sample_bones(anatomy.spine, grid)
    filling = describe_bones(anatomy.spine, settings)
    fill_bone(
        bones.distance_mm,
        bones.part,
        x,
        y,
        z,
        filling.local_from_world,
        filling.scale,
        filling.sizes,
        ENDPLATE_MM * settings.cortical_scale,
        ARCH_MM * settings.cortical_scale,
        CORTEX_MINERAL,
        settings.marrow_fat_share,
        settings.texture_contrast,
        settings.texture_seed,
        mixture.soft,
        mixture.adipose,
        mixture.mineral,
        mixture.label,
    )
    return mixture, bones.distance_mm


def label_tissues(anatomy: Anatomy, grid: VoxelGrid) -> Volume:
    """Return what tissue is at every voxel's centre, gas included.

    Parameters
    ----------
    anatomy : Anatomy
        The patient.
    grid : VoxelGrid
        Where; 0.6 mm around a needle's tip, for example.

    Returns
    -------
    Volume
        (S, R, C) uint8 values of `Tissue`.
    """
    label = _fill(anatomy, grid)[0].label
    label[voxelize_gas(anatomy, grid).values >= 0.5] = Tissue.GAS
    return Volume(values=label, lps_from_vox=grid.lps_from_vox)


def voxelize_materials(anatomy: Anatomy, grid: VoxelGrid) -> MaterialVolumes:
    """Return the masses of soft tissue, adipose tissue and bone mineral, for projecting.

    Bowel holds its content where gas is; take off what `voxelize_gas` gives, where the gas is by
    then: ``soft * (1 - gas)``.
    """
    return _materials(_fill(anatomy, grid)[0], grid)


def voxelize_gas(anatomy: Anatomy, grid: VoxelGrid) -> Volume:
    """Return the share of gas in every voxel, (S, R, C) float32 from 0 to 1."""
    share = np.zeros(grid.shape, np.float32)
    x, y, z = grid.axes_mm
    for pocket in anatomy.gas:
        _fill_pocket(share, pocket, x, y, z, grid.spacing_mm)
    return Volume(values=share, lps_from_vox=grid.lps_from_vox)


def _fill_pocket(
    share: NDArray[np.float32],
    pocket: GasPocket,
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    spacing_mm: float,
) -> None:
    """Put an ellipsoid of gas into the voxels; where two meet there is no more gas than room."""
    cuts, squares, grades = [], [], []
    for axis, middle, half in zip(
        (x, y, z), pocket.center_lps_mm, pocket.half_axes_mm, strict=True
    ):
        first = int(np.searchsorted(axis, middle - half - spacing_mm))
        last = int(np.searchsorted(axis, middle + half + spacing_mm, side="right"))
        if last <= first:
            return
        cuts.append(slice(first, last))
        offset = (axis[first:last] - middle) / half
        squares.append(offset**2)
        grades.append((offset / half) ** 2)
    s = np.sqrt(squares[2][:, None, None] + squares[1][:, None] + squares[0])
    grade = np.sqrt(grades[2][:, None, None] + grades[1][:, None] + grades[0])
    # In the very middle both vanish, and the way out is the shortest half axis.
    shortest = min(pocket.half_axes_mm)
    depth = (1 - s) * np.where(grade > 1e-9, s / np.maximum(grade, 1e-9), shortest)
    cut = (cuts[2], cuts[1], cuts[0])
    share[cut] = np.maximum(share[cut], np.clip(0.5 + depth / spacing_mm, 0, 1))


def voxelize_hu(
    anatomy: Anatomy, grid: VoxelGrid, rng: np.random.Generator, settings: CtSettings | None = None
) -> Volume:
    """Return a CT of the patient, gas included.

    Parameters
    ----------
    anatomy : Anatomy
        The patient.
    grid : VoxelGrid
        Where, and how fine.
    rng : numpy.random.Generator
        For the noise; not used where there is none.
    settings : CtSettings, optional
        How the scanner shows it.

    Returns
    -------
    Volume
        (S, R, C) int16. Hounsfield units at 120 kVp.
    """
    settings = CtSettings() if settings is None else settings
    mixture, _ = _fill(anatomy, grid)
    if settings.has_table:
        _put_table(mixture, anatomy)
    left = 1 - voxelize_gas(anatomy, grid).values
    hu = hu_of(mixture.soft * left, mixture.adipose * left, mixture.mineral)
    del mixture, left
    values = np.empty(grid.shape, np.int16)
    _blur(hu, settings, grid.spacing_mm)
    for s in range(grid.shape[0]):
        if settings.noise_hu > 0:
            noise = _noise_page(grid.shape[1:], rng, settings, grid.spacing_mm)
            hu[s] += np.float32(settings.noise_hu) * noise
        values[s] = np.clip(np.rint(hu[s]), LEAST_HU, MOST_HU)
    return Volume(values=values, lps_from_vox=grid.lps_from_vox)


def _blur(hu: NDArray[np.float32], settings: CtSettings, spacing_mm: float) -> None:
    """Blur in place, in the slices and across them."""
    sigma = settings.kernel_sigma_mm / spacing_mm
    if sigma > 0.05:
        for page in hu:
            page[...] = _smooth(page, sigma)
    sigma = settings.slice_sigma_mm / spacing_mm
    if sigma > 0.05 and hu.shape[0] > 1:
        gaussian_filter1d(hu, sigma, axis=0, output=hu, mode="nearest", truncate=3.0)


def _smooth(page: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(page, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32)


def _noise_page(
    shape: tuple[int, ...], rng: np.random.Generator, settings: CtSettings, spacing_mm: float
) -> NDArray[np.float32]:
    """Return noise of unit standard deviation with the ramp-like spectrum of a reconstruction.

    Filtered back-projection amplifies high frequencies and its kernel takes the highest away: the
    spectrum rises from zero and falls again. A difference of two Gaussians has that shape.
    """
    sigma = max(0.6, settings.kernel_sigma_mm / spacing_mm)
    white = rng.standard_normal(shape, dtype=np.float32)
    noise: NDArray[np.float32] = _smooth(white, sigma) - _smooth(white, 2.2 * sigma)
    noise /= np.float32(max(float(noise.std()), 1e-6))
    return noise


def _put_table(mixture: Mixture, anatomy: Anatomy) -> None:
    """Put a thin curved plate under the patient, where there is air."""
    body = anatomy.body
    x, y, z = mixture.grid.axes_mm
    outline = body.outline_at(z)
    if body.settings.is_prone:
        lowest, way = float((outline[:, 2] - outline[:, 7]).min()), -1.0
    else:
        lowest, way = float((outline[:, 1] + outline[:, 4] + outline[:, 6]).max()), 1.0
    # The plate's edges rise towards the patient.
    rise = 18.0 * (x / TABLE_HALF_WIDTH_MM) ** 2
    depth = way * (y[:, None] - lowest) - 4.0 + rise[None, :]
    share = np.clip(0.5 + (0.5 * TABLE_SKIN_MM - np.abs(depth)) / mixture.grid.spacing_mm, 0, 1)
    share = np.where(np.abs(x)[None, :] < TABLE_HALF_WIDTH_MM, share, 0.0).astype(np.float32)
    mass = np.float32(FILLINGS[Filling.TABLE][1])
    for soft, adipose in zip(mixture.soft, mixture.adipose, strict=True):
        soft += np.where(soft + adipose < 0.01, share * mass, 0)
