"""A view as the voxels of a volume see it, and what cannot be projected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.records import FloatArray, Volume


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rays:
    """Source and rays of a view, in voxels.

    Attributes
    ----------
    source : (3,) float64 array
        Slice, row, column.
    directions : (3, 3) float64 array
        Columns: of the ray to pixel (0, 0), what a row adds, what a column adds. Voxels per
        millimetre of depth along the central ray: ``source + depth * direction`` lies on the ray.
    depth_from_vox : (4,) float64 array
        Times (slice, row, column, 1), the depth of a voxel. Millimetres.
    sid_mm : float
        Depth of the detector.
    """

    source: FloatArray
    directions: FloatArray
    depth_from_vox: FloatArray
    sid_mm: float


def rays_in_voxels(volume: Volume, view: ConeBeamView) -> Rays:
    """Return the rays of a view as the voxels of a volume see them."""
    px_from_vox = view.px_from_lps @ volume.lps_from_vox
    vox_from_px = np.linalg.inv(px_from_vox[:, :3])
    return Rays(
        source=-(vox_from_px @ px_from_vox[:, 3]),
        directions=np.ascontiguousarray(vox_from_px[:, [2, 0, 1]]),
        depth_from_vox=px_from_vox[2],
        sid_mm=view.sid_mm,
    )


def check_source(volume: Volume, rays: Rays) -> None:
    """Refuse a source between the voxels."""
    if all(-1 < at < n for at, n in zip(rays.source, volume.values.shape, strict=True)):
        raise InputError(
            "the source lies inside the volume, at (slice, row, column) "
            f"{tuple(round(float(v)) for v in rays.source)} of {volume.values.shape}; move the "
            "isocentre, increase sod_mm or crop the volume"
        )


def check_sums(image: NDArray[np.float32]) -> None:
    """Refuse what came of values that are not finite."""
    if not np.isfinite(image).all():
        raise InputError(
            "the volume holds values that are not finite, or too large for float32, in the beam; "
            "replace them, e.g. with numpy.nan_to_num"
        )


def without_beyond(volume: Volume, rays: Rays) -> Volume:
    """Return the volume, 0 where a voxel lies beyond the detector; itself where none does."""
    slice_, row, column, constant = rays.depth_from_vox
    s, r, c = np.ogrid[tuple(slice(n) for n in volume.values.shape)]
    ends = (s[[0, -1]], r[:, [0, -1]], c[:, :, [0, -1]])
    farthest = (slice_ * ends[0] + row * ends[1] + column * ends[2] + constant).max()
    if farthest <= rays.sid_mm:
        return volume
    depth = (slice_ * s + row * r + constant).astype(np.float32) + (column * c).astype(np.float32)
    values = np.where(depth <= rays.sid_mm, volume.values, volume.values.dtype.type(0))
    return Volume(values=values, lps_from_vox=volume.lps_from_vox)
