"""Line integrals through a volume, for every pixel of a cone-beam view: the fast way.

Joseph's method (IEEE Trans Med Imaging 1982) slab by slab, with its error at oblique rays mended:
see docs/projection.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.geometry import ConeBeamView
from guidance.projection._checks import check_source, check_sums, rays_in_voxels, without_beyond
from guidance.projection._prepare import Layout, PreparedVolume
from guidance.projection._rays import add_slab, name_rays
from guidance.projection._slabs import BORDER, DEPTH, fill_slab
from guidance.records import FloatArray, Volume

STEEPEST = 2.0
"""Rays that move more voxels than this along another axis, for one along the main axis, get a main
axis of their own."""

APART = 0.29
"""How far apart, before and behind a slice, steep rays read it. Half of the smear is got so, the
other half from neighbouring voxels. 0.25 and 0.35 are up to a quarter less accurate."""

STEEP = 0.05
"""Mean squared slope above which rays are steep: about 13 degrees. Less steep ones are accurate
enough with one reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Pixels whose rays share a main axis: rows and columns, from and to, and that axis."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    main: int


def integrate(volume: Volume | PreparedVolume, view: ConeBeamView) -> NDArray[np.float32]:
    """Return the line integral of a volume along the ray to each pixel.

    Parameters
    ----------
    volume : Volume or PreparedVolume
        What the rays cross; any grid, may lie partly or wholly off the beam. Read between voxel
        centres by linear interpolation; beyond the outermost centres values fall to 0 within one
        voxel, and voxels beyond the detector are taken as 0. Prepare a volume that is wanted from
        more than one view.
    view : ConeBeamView
        The C-arm.

    Returns
    -------
    (R, C) float32 array
        Integral from the source to each pixel's centre: value times centimetres; densities in
        g/cm³ give g/cm².

    Raises
    ------
    InputError
        The source lies inside the volume, or rays meet values that are not finite.
    """
    prepared = volume if isinstance(volume, PreparedVolume) else None
    plain = volume.volume if isinstance(volume, PreparedVolume) else volume
    rays = rays_in_voxels(plain, view)
    check_source(plain, rays)
    in_front = without_beyond(plain, rays)
    if prepared is None or in_front is not plain:
        prepared = PreparedVolume(in_front)
    centimetres = plain.lps_from_vox[:3, :3] @ rays.directions / 10
    image = np.zeros((view.rows, view.columns), np.float32)
    for part in _parts(rays.directions, (0, view.rows), (0, view.columns)):
        layout = prepared.layout(part.main)
        if layout.is_empty:
            continue
        to_part = np.array(((1, 0, 0), (part.rows[0], 1, 0), (part.columns[0], 0, 1)))
        image[slice(*part.rows), slice(*part.columns)] = _integrate_part(
            layout,
            rays.source[list(layout.axes)] - layout.start,
            rays.directions[list(layout.axes)] @ to_part,
            centimetres @ to_part,
            (part.rows[1] - part.rows[0], part.columns[1] - part.columns[0]),
        )
    check_sums(image)
    return image


def _parts(
    directions: FloatArray, rows: tuple[int, int], columns: tuple[int, int]
) -> Iterator[_Part]:
    """Yield rectangles of the detector, as large as one main axis allows: mostly the whole."""
    corners = np.array(
        [
            directions @ (1, row, column)
            for row in (rows[0], rows[1] - 1)
            for column in (columns[0], columns[1] - 1)
        ]
    )
    main = int(np.argmin(np.abs(corners).max() / np.maximum(np.abs(corners).min(axis=0), 1e-300)))
    along = corners[:, main]
    is_one_way = bool((along > 0).all() or (along < 0).all())
    slopes = np.abs(corners / np.where(along == 0, 1e-300, along)[:, None]).clip(max=1e3)
    if (is_one_way and slopes.max() <= STEEPEST) or (
        rows[1] - rows[0] <= 1 and columns[1] - columns[0] <= 1
    ):
        yield _Part(rows=rows, columns=columns, main=main)
        return
    by_row, by_column = (np.abs(slopes[other] - slopes[0]).max() for other in (2, 1))
    if columns[1] - columns[0] <= 1 or (rows[1] - rows[0] > 1 and by_row > by_column):
        middle = sum(rows) // 2
        yield from _parts(directions, (rows[0], middle), columns)
        yield from _parts(directions, (middle, rows[1]), columns)
    else:
        middle = sum(columns) // 2
        yield from _parts(directions, rows, (columns[0], middle))
        yield from _parts(directions, rows, (middle, columns[1]))


def _integrate_part(
    layout: Layout,
    source: FloatArray,
    directions: FloatArray,
    centimetres: FloatArray,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Return the integrals for rays with one main axis.

    Parameters
    ----------
    layout : Layout
        Voxels.
    source : (3,) float64 array
        In them; k, a, b.
    directions, centimetres : (3, 3) float64 arrays
        Of the ray to the first pixel, what a row and a column add; k, a, b, and x, y, z.
    shape : (R, C)
        Pixels.

    Returns
    -------
    (R, C) float32 array
    """
    slopes_a, slopes_b, per_slice = np.empty((3, *shape))
    name_rays(
        np.ascontiguousarray(directions),
        np.ascontiguousarray(centimetres),
        *(slopes_a, slopes_b, per_slice),
    )
    apart = APART if float(np.mean(slopes_a**2) + np.mean(slopes_b**2)) > STEEP else 0.0
    weights = _smear(slopes_a, slopes_b, apart)
    low, high = layout.low, layout.high
    size = high[1] - low[1] + 2 * BORDER + 1, high[2] - low[2] + 2 * BORDER + 1
    plain, held = np.zeros(size, np.float32), np.zeros((size[0], 2), np.int64)
    slab, dirty = np.zeros((DEPTH, *size), np.float32), np.zeros((DEPTH, size[0], 2), np.int64)
    at = float(source[1]) - low[1], float(source[2]) - low[2]
    step = float(np.sign(directions[0, 0]))
    total = np.zeros(shape, np.float32)
    first, last = low[0], high[0]
    if step > 0:  # not what lies behind the source
        first = max(first, int(np.floor(source[0])) + 1)
    else:
        last = min(last, int(np.ceil(source[0])))
    for k in range(first, last, DEPTH):
        fill_slab(
            *(layout.voxels, layout.spans, layout.k_first, (k, low[1], low[2]), last, weights),
            *(plain, held, slab, dirty),
        )
        near = step * (k - float(source[0])), step
        add_slab(slab, dirty, at, near, apart, slopes_a, slopes_b, total)
    return np.asarray(total * per_slice, np.float32)


def _smear(slopes_a: FloatArray, slopes_b: FloatArray, apart: float) -> NDArray[np.float32]:
    """Return the weights that smear a slice as rays do between it and its neighbours.

    Between slices a volume is interpolated linearly, so what a ray collects of one slice is spread
    over the voxels that it passes from the slice before to the one after, weighted by a hat
    function. It has a variance of 1/6; reading a slice `apart` before and behind has its square;
    the weights have the rest, for the mean ray.
    """
    half = (1 / 6 - apart**2) / 2
    along_a, along_b = (half * float((slopes**2).mean()) for slopes in (slopes_a, slopes_b))
    across = half / 2 * float((slopes_a * slopes_b).mean())
    return np.array((1 - 2 * along_a - 2 * along_b, along_a, along_b, across), np.float32)
