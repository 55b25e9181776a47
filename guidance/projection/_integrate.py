"""Line integrals through a volume, for every pixel of a cone-beam view: the fast way.

Joseph's method (IEEE Trans Med Imaging 1982), slab by slab, without its error at oblique rays. See
docs/projection.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.geometry import ConeBeamView
from guidance.projection._checks import check_source, check_sums, rays_in_voxels, without_beyond
from guidance.projection._slabs import BORDER, DEPTH, add_slab, fill_slab, take_slices
from guidance.records import FloatArray, Volume

STEEPEST = 2.0
"""Rays that move more voxels than this along another axis, for one along the main axis, get a main
axis of their own."""

APART = 0.29
"""How far apart, before and behind a slice, steep rays read it. Half of the smear is got so, the
other half from neighbouring voxels. Measured: 0.25 and 0.35 are a tenth to a fifth less accurate."""

STEEP = 0.05
"""Mean squared slope above which rays are steep: about 13 degrees."""

_CHUNK = 4 * DEPTH
"""Slices copied together where the main axis is the one along which voxels lie side by side."""

_NATIVE = tuple(np.dtype(name) for name in ("float32", "int16", "uint8"))
"""What the kernels take as it is; other numbers are converted to float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Pixels whose rays share a main axis: rows and columns, from and to, and that axis."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    main: int


def integrate(volume: Volume, view: ConeBeamView) -> NDArray[np.float32]:
    """Return the line integral of a volume along the ray to each pixel.

    Parameters
    ----------
    volume : Volume
        What the rays cross; any grid, may lie partly or wholly off the beam. Read between voxel
        centres by linear interpolation; beyond the outermost centres values fall to 0 within one
        voxel, and voxels beyond the detector are taken as 0.
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
    rays = rays_in_voxels(volume, view)
    check_source(volume, rays)
    values, order = _in_memory_order(without_beyond(volume, rays))
    source, directions = rays.source[list(order)], rays.directions[list(order)]
    centimetres = volume.lps_from_vox[:3, :3] @ rays.directions / 10
    image = np.zeros((view.rows, view.columns), np.float32)
    for part in _parts(directions, (0, view.rows), (0, view.columns)):
        rows, columns = np.ogrid[slice(*part.rows), slice(*part.columns)]
        d, cm = (
            [v[0] + v[1] * rows + v[2] * columns for v in m] for m in (directions, centimetres)
        )
        lengths = np.sqrt(cm[0] ** 2 + cm[1] ** 2 + cm[2] ** 2) / np.abs(d[part.main])
        total = _sum_slices(values, part.main, source, d)
        image[slice(*part.rows), slice(*part.columns)] = total * lengths
    check_sums(image)
    return image


def _in_memory_order(values: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int, int]]:
    """Return the voxels in an order of axes in which they lie in memory, and that order."""
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    if values.dtype not in _NATIVE or not values.dtype.isnative:
        values = values.astype(np.float32)
    first, second, third = sorted(range(3), key=lambda axis: -abs(values.strides[axis]))
    ordered = np.ascontiguousarray(values.transpose(first, second, third))
    ordered.setflags(write=False)
    return ordered, (first, second, third)


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


def _sum_slices(
    values: NDArray[Any], main: int, source: FloatArray, directions: list[FloatArray]
) -> NDArray[np.float32]:
    """Return for some of the rays the sum over the slices perpendicular to the main axis.

    Parameters
    ----------
    values : (3 axes) array, C-contiguous
        Voxels.
    main : int
        Axis across whose slices the sum runs.
    source : (3,) float64 array
        Voxels.
    directions : three (R, C) float64 arrays
        Of the rays, along each axis.

    Returns
    -------
    (R, C) float32 array
    """
    axis_a, axis_b = (axis for axis in range(3) if axis != main)
    n_k, n_a, n_b = (values.shape[axis] for axis in (main, axis_a, axis_b))
    step = float(np.sign(directions[main].flat[0]))
    per_slice = 1 / np.abs(directions[main])
    slopes_a, slopes_b = directions[axis_a] * per_slice, directions[axis_b] * per_slice
    apart = APART if float((slopes_a**2 + slopes_b**2).mean()) > STEEP else 0.0
    weights = _smear(slopes_a, slopes_b, apart)
    total = np.zeros(slopes_a.shape, np.float32)
    border = 2 * BORDER + 1
    slab = np.zeros((DEPTH, n_a + border, n_b + border), np.float32)
    work = (
        np.zeros(slab.shape[1:], np.float32),
        np.zeros(n_a + border, np.bool_),
        np.zeros((DEPTH, n_a + border), np.bool_),
    )
    spans = np.empty((n_a + border, 2), np.int64)
    for first, slices in _slices(values, main):
        for start in range(0, min(slices.shape[min(main, 1)], n_k - first), DEPTH):
            fill_slab(slices, _bits(slices), start, main == 0, weights, work, slab, spans)
            near = step * (first + start - float(source[main]))
            at = float(source[axis_a]), float(source[axis_b])
            add_slab(slab, spans, at, (near, step), apart, slopes_a, slopes_b, total)
    return total


def _slices(values: NDArray[Any], main: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield slices whose voxels lie side by side, and which is the first of them."""
    if main < 2:
        yield 0, values
        return
    n_a, n_b, n_k = values.shape
    for first in range(0, n_k, _CHUNK):
        part = np.empty((n_a, min(_CHUNK, n_k - first), n_b), values.dtype)
        take_slices(values, first, part)
        part.setflags(write=False)
        yield first, part


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


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """Return the voxels as integers of the same size: 0 where they are 0."""
    return values.view(np.int32) if values.dtype == np.float32 else values
