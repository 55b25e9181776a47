"""The ground that a pool spreads over: how hard each voxel is to enter, and how much it holds.

Bone is closed. All else has a resistance by tissue, by distance to bone and by chance, and a
capacity: the share of its volume that contrast takes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from guidance.geometry import VoxelGrid, grid_about
from guidance.records import FloatArray, SpreadPattern
from guidance.simulation._arrival import step_lengths
from guidance.simulation._pool_layouts import LAYOUTS, FieldArray, Place, open_voxel
from guidance.simulation._pool_settings import PoolSettings
from guidance.simulation._surroundings import Bearings, Surroundings
from guidance.spine import Tissue

SPACING_MM = 0.6
# Standard deviation of the logarithm of resistance from voxel to voxel. Guess.
FINE = 0.35
MOST_CELLS = 40_000
# Half sizes of the voxel box about the tips, sideways and along the spine. Millimetres.
HALF_SIZES_MM = {
    SpreadPattern.PERINEURAL: (24.0, 22.0),
    SpreadPattern.INTRAMUSCULAR: (20.0, 34.0),
    SpreadPattern.INTRA_ARTICULAR: (24.0, 24.0),
    SpreadPattern.EPIDURAL: (30.0, 36.0),
}
CLOSED = np.float32(np.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolGround:
    """Where contrast may go about the tips.

    Attributes
    ----------
    grid : VoxelGrid
        The voxels.
    resistance : (S, R, C) float32 array
        Cost of a millimetre; infinite in bone.
    capacity_mm3 : (S, R, C) float32 array
        What each voxel holds. Cubic millimetres.
    lengths : (26,) float64 array
        What steps to the neighbours cost.
    starts : tuple of dict of int to float
        For each tip, the voxels that contrast starts from, with their first cost.
    """

    grid: VoxelGrid
    resistance: FieldArray
    capacity_mm3: FieldArray
    lengths: FloatArray
    starts: tuple[dict[int, float], ...]


def lay_pool_ground(
    settings: PoolSettings,
    surroundings: Surroundings,
    bearings: Bearings,
    tips_lps_mm: FloatArray,
    volume_ml: float,
    rng: np.random.Generator,
) -> PoolGround:
    """Return where a pool of this kind may go.

    Parameters
    ----------
    settings : PoolSettings
        The pool.
    surroundings : Surroundings
        Tissue and bone.
    bearings : Bearings
        Of the vertebra whose groove the needle aims at.
    tips_lps_mm : (N, 3) float64 array
        The needle's positions. Millimetres.
    volume_ml : float
        All that is injected; fixes the size of the voxels.
    rng : Generator
        For the tissue's irregularity.
    """
    spacing = max(SPACING_MM, (1e3 * volume_ml / settings.filled_share / MOST_CELLS) ** (1 / 3))
    sideways, upwards = HALF_SIZES_MM[settings.kind]
    half = np.array((sideways, sideways, upwards))
    low, high = tips_lps_mm.min(axis=0) - half, tips_lps_mm.max(axis=0) + half
    grid = grid_about(tuple(map(float, low)), tuple(map(float, high)), spacing)  # type: ignore[arg-type]
    labels, distance = surroundings.resampled(grid)
    # Points that stand for a voxel lie up to a quarter of its edge from its centre.
    is_open = (distance > 0.3 * spacing) & (labels != Tissue.SKIN) & (labels != Tissue.AIR)
    is_open &= ~np.isin(labels, (Tissue.CORTICAL_BONE, Tissue.TRABECULAR_BONE, Tissue.DISC))
    fibre = fibre_direction(bearings, settings.obliquity_deg)
    stretch = 10.0 if settings.kind is SpreadPattern.INTRAMUSCULAR else 1.0
    noise = grained_noise(rng, grid, settings.grain_mm, fibre, stretch)
    place = Place(
        settings=settings,
        surroundings=surroundings,
        bearings=bearings,
        grid=grid,
        labels=labels,
        bone_distance_mm=distance,
        is_open=is_open,
        noise=noise,
    )
    tips = [open_voxel(place, tip) for tip in tips_lps_mm]
    resistance, share, starts = LAYOUTS[settings.kind](place, tips)
    # Roughness finer than the grain, so that fronts do not show the steps of the search.
    resistance = resistance * np.exp(FINE * rng.standard_normal(grid.shape, dtype=np.float32))
    along = fibre if settings.kind is SpreadPattern.INTRAMUSCULAR else None
    return PoolGround(
        grid=grid,
        resistance=np.where(is_open, resistance, CLOSED).astype(np.float32),
        capacity_mm3=(np.where(is_open, share, 0) * spacing**3).astype(np.float32),
        lengths=step_lengths(grid, along, settings.across_cost),
        starts=starts,
    )


def fibre_direction(bearings: Bearings, obliquity_deg: float) -> FloatArray:
    """Return the unit vector (3,) along muscle fibres that descend and lean to the side."""
    angle = np.deg2rad(obliquity_deg)
    along: FloatArray = -np.cos(angle) * bearings.superior + np.sin(angle) * bearings.lateral
    return along


def grained_noise(
    rng: np.random.Generator,
    grid: VoxelGrid,
    grain_mm: float,
    along: FloatArray,
    stretch: float,
) -> FieldArray:
    """Return Gaussian noise of unit variance, `stretch` times longer in one direction.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    grid : VoxelGrid
        Where it is wanted.
    grain_mm : float
        Correlation length (standard deviation of the smoothing). Millimetres.
    along : (3,) float64 array
        Unit vector of the long direction. LPS.
    stretch : float
        How much longer the grain is along it.

    Returns
    -------
    (S, R, C) float32 array
    """
    # Noise is made on a coarse grid of its own, whose first axis lies along the fibres.
    step = np.array((stretch, 1.0, 1.0)) * grain_mm * 0.7
    aside = np.cross(along, (0.0, 1.0, 0.0))
    aside /= np.linalg.norm(aside)
    frame = np.stack((along, aside, np.cross(along, aside)))
    extent = grid.spacing_mm * float(np.linalg.norm(grid.shape))
    size = [int(n) for n in np.ceil(extent / step) + 4]
    raw = gaussian_filter(rng.standard_normal(size).astype(np.float32), 1 / 0.7, mode="wrap")
    raw /= raw.std()
    # An affine map from voxel (s, r, c) to places on that grid, middle to middle.
    matrix = (frame * grid.spacing_mm)[:, ::-1] / step[:, None]
    offset = (np.array(size) - 1) / 2 - matrix @ ((np.array(grid.shape) - 1) / 2)
    sampled: FieldArray = affine_transform(
        raw, matrix, offset=offset, output_shape=grid.shape, order=1, mode="grid-wrap"
    )
    return sampled
