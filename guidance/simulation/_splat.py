"""Small amounts of matter, laid on the detector so that none is lost.

An amount at a point falls on the four pixels about its projection (bilinear), divided by the area
of a pixel at the point's own depth. The sum over the image times that area is the amount, whatever
the view; a cylinder filled with points gives a cylinder's chord lengths, end-on too.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from guidance.geometry import ConeBeamView, project
from guidance.records import FloatArray

Map = NDArray[np.float32]
MM2_PER_CM2 = 100.0


def pixel_area_cm2(view: ConeBeamView, depths_mm: FloatArray) -> FloatArray:
    """Return the area of a pixel at each depth (N,) from the source. Square centimetres."""
    row_mm, column_mm = view.spacing_det_mm
    area: FloatArray = row_mm * column_mm * (depths_mm / view.sid_mm) ** 2 / MM2_PER_CM2
    return area


@njit(cache=True, nogil=True)
def _add(image: Map, rows: FloatArray, columns: FloatArray, values: FloatArray) -> None:
    height, width = image.shape
    for i in range(rows.size):
        row, column = rows[i], columns[i]
        # Not-a-number fails every comparison and is left out too.
        if not (row > -1 and row < height and column > -1 and column < width):
            continue
        r, c = int(np.floor(row)), int(np.floor(column))
        fr, fc = row - r, column - c
        for dr in range(2):
            for dc in range(2):
                y, x = r + dr, c + dc
                if 0 <= y < height and 0 <= x < width:
                    share = (fr if dr else 1 - fr) * (fc if dc else 1 - fc)
                    image[y, x] += share * values[i]


def splat(view: ConeBeamView, points_lps_mm: FloatArray, amounts: FloatArray) -> Map:
    """Return the line integrals of small amounts at points.

    Parameters
    ----------
    view : ConeBeamView
        The C-arm.
    points_lps_mm : (N, 3) float64 array
        Where they are. Millimetres.
    amounts : (N,) float64 array
        Mass in milligrams, or volume in cubic centimetres.

    Returns
    -------
    (R, C) float32 array
        Amount per square centimetre; what falls off the detector is left out.
    """
    positions, depths = project(view, points_lps_mm)
    image = np.zeros((view.rows, view.columns), np.float32)
    _add(image, positions[:, 0], positions[:, 1], amounts / pixel_area_cm2(view, depths))
    return image


def splat_matrix(
    view: ConeBeamView, points_lps_mm: FloatArray, point_cell: NDArray[np.int32], n_cells: int
) -> csr_array:
    """Return the matrix that takes the amounts in cells to line integrals.

    Parameters
    ----------
    view : ConeBeamView
        The C-arm.
    points_lps_mm : (P, 3) array
        Points that fill the cells. Millimetres.
    point_cell : (P,) int32 array
        Which cell each point stands for; a cell's points share its amount equally.
    n_cells : int
        Number of cells, N.

    Returns
    -------
    (R * C, N) sparse float32 array
        Times the amounts (N,): amount per square centimetre, pixels in row-major order.
    """
    positions, depths = project(view, np.asarray(points_lps_mm, dtype=np.float64))
    shares = 1 / np.bincount(point_cell, minlength=n_cells)[point_cell]
    weights = shares / pixel_area_cm2(view, depths)
    corner = np.floor(positions)
    fraction = positions - corner
    rows: list[NDArray[np.int64]] = []
    cells: list[NDArray[np.int32]] = []
    values: list[FloatArray] = []
    for dr in (0, 1):
        for dc in (0, 1):
            row, column = corner[:, 0] + dr, corner[:, 1] + dc
            inside = (row >= 0) & (row < view.rows) & (column >= 0) & (column < view.columns)
            share = np.abs(1 - dr - fraction[:, 0]) * np.abs(1 - dc - fraction[:, 1])
            rows.append((row[inside] * view.columns + column[inside]).astype(np.int64))
            cells.append(point_cell[inside])
            values.append((share * weights)[inside])
    shape = (view.rows * view.columns, n_cells)
    entries = np.concatenate(values).astype(np.float32)
    return csr_array(coo_array((entries, (np.concatenate(rows), np.concatenate(cells))), shape))
