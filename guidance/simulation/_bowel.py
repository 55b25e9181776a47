"""Gas in the bowel: ellipsoids that drift and swell, each with its exact chord lengths.

Gas moves on its own, against bone and against itself, so it is drawn anew in every frame.
"""

from dataclasses import replace

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.geometry import ConeBeamView
from guidance.records import FloatArray

Map = NDArray[np.float32]


@njit(cache=True, nogil=True)
def _add_chords(
    image: Map,
    source: FloatArray,
    corner: FloatArray,
    per_column: FloatArray,
    per_row: FloatArray,
    centers: FloatArray,
    half_axes: FloatArray,
    boxes: NDArray[np.int64],
) -> None:
    for n in range(centers.shape[0]):
        a0, a1, a2 = half_axes[n, 0], half_axes[n, 1], half_axes[n, 2]
        s0 = (source[0] - centers[n, 0]) / a0
        s1 = (source[1] - centers[n, 1]) / a1
        s2 = (source[2] - centers[n, 2]) / a2
        beyond = s0 * s0 + s1 * s1 + s2 * s2 - 1
        for r in range(boxes[n, 0], boxes[n, 1]):
            for c in range(boxes[n, 2], boxes[n, 3]):
                x = corner[0] + r * per_row[0] + c * per_column[0]
                y = corner[1] + r * per_row[1] + c * per_column[1]
                z = corner[2] + r * per_row[2] + c * per_column[2]
                length = np.sqrt(x * x + y * y + z * z)
                d0, d1, d2 = x / length / a0, y / length / a1, z / length / a2
                square = d0 * d0 + d1 * d1 + d2 * d2
                half = d0 * s0 + d1 * s1 + d2 * s2
                discriminant = half * half - square * beyond
                if discriminant > 0:
                    image[r, c] += 0.2 * np.sqrt(discriminant) / square


def gas_chords(
    view: ConeBeamView, centers_lps_mm: FloatArray, half_axes_mm: FloatArray, coarser: int = 2
) -> Map:
    """Return how much gas lies on the way to each pixel.

    Parameters
    ----------
    view : ConeBeamView
        The C-arm.
    centers_lps_mm, half_axes_mm : (N, 3) float64 arrays
        Ellipsoids along the axes of LPS. Millimetres.
    coarser : int
        The map is drawn with pixels this much larger, then enlarged: the walls of bowel are no
        sharper than that.

    Returns
    -------
    (R, C) float32 array
        Sum of the chords. Centimetres.
    """
    row_mm, column_mm = view.spacing_det_mm
    coarse = replace(
        view,
        rows=-(-view.rows // coarser),
        columns=-(-view.columns // coarser),
        spacing_det_mm=(row_mm * coarser, column_mm * coarser),
    )
    image = np.zeros((coarse.rows, coarse.columns), np.float32)
    if len(centers_lps_mm):
        right, down, to_detector = coarse.axes
        per_row, per_column = (
            coarse.spacing_det_mm[0] * down,
            coarse.spacing_det_mm[1] * right,
        )
        corner = (
            view.sid_mm * to_detector
            - (coarse.rows - 1) / 2 * per_row
            - (coarse.columns - 1) / 2 * per_column
        )
        boxes = _boxes(coarse, centers_lps_mm, half_axes_mm)
        _add_chords(
            image,
            coarse.source_lps_mm,
            corner,
            per_column,
            per_row,
            np.ascontiguousarray(centers_lps_mm, dtype=np.float64),
            np.ascontiguousarray(half_axes_mm, dtype=np.float64),
            boxes,
        )
    large = cv2.resize(
        image,
        (coarse.columns * coarser, coarse.rows * coarser),
        interpolation=cv2.INTER_LINEAR,
    )
    top, left = (large.shape[0] - view.rows) // 2, (large.shape[1] - view.columns) // 2
    return np.ascontiguousarray(large[top : top + view.rows, left : left + view.columns])


def _boxes(
    view: ConeBeamView, centers_lps_mm: FloatArray, half_axes_mm: FloatArray
) -> NDArray[np.int64]:
    """Return (N, 4): first and last + 1 row and column that each ellipsoid's ball can touch."""
    relative = centers_lps_mm - view.source_lps_mm
    right, down, to_detector = view.axes
    radius = half_axes_mm.max(axis=1)
    depth = relative @ to_detector
    nearest = np.maximum(depth - radius, 1.0)
    boxes = np.zeros((len(centers_lps_mm), 4), np.int64)
    for axis, (direction, spacing, count) in enumerate(
        ((down, view.spacing_det_mm[0], view.rows), (right, view.spacing_det_mm[1], view.columns))
    ):
        middle = relative @ direction
        # The ball's shadow is wider than its radius by the slant of the rays that touch it.
        reach = 1.3 * radius + 1.0
        low = np.minimum((middle - reach) / nearest, (middle - reach) / (depth + radius))
        high = np.maximum((middle + reach) / nearest, (middle + reach) / (depth + radius))
        scale = view.sid_mm / spacing
        boxes[:, 2 * axis] = np.clip(np.floor(low * scale + (count - 1) / 2), 0, count)
        boxes[:, 2 * axis + 1] = np.clip(np.ceil(high * scale + (count - 1) / 2) + 1, 0, count)
    return boxes
