"""Draws contact sheets of simulated CTs: a row of axial slices and two planes along each patient.

Usage: python tools/draw_body.py sheet.png [--seeds 1 2 3] [--spacing 1.2]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.geometry import VoxelGrid, grid_about
from guidance.records import Volume
from guidance.spine import Anatomy, build_anatomy, draw_anatomy, voxelize_hu

SOFT, BONE = (40.0, 400.0), (350.0, 1500.0)
LEVELS = ("T12", "L2", "L3", "L4", "L5", "S1")


def windowed(plane: NDArray[np.int16], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return a plane of HU as grey values, by window centre and width."""
    center, width = window
    share = np.clip((plane.astype(np.float32) - center) / width + 0.5, 0, 1)
    grey: NDArray[np.uint8] = np.rint(255 * share).astype(np.uint8)
    return grey


def whole_grid(anatomy: Anatomy, spacing_mm: float) -> VoxelGrid:
    """Return a grid that holds the trunk from T11 to the sacrum."""
    low = float(anatomy.spine.landmarks["S1.body"][2]) - 60
    high = float(anatomy.spine.landmarks["T11.body"][2]) + 20
    return grid_about((-215.0, -215.0, low), (215.0, 165.0, high), spacing_mm)


def sheet_of(anatomy: Anatomy, ct: Volume, grid: VoxelGrid) -> NDArray[np.uint8]:
    """Return the pictures of one patient: axial on top, coronal and sagittal below."""
    x, y, z = grid.axes_mm
    places = anatomy.spine.landmarks
    axial = []
    for level in LEVELS:
        k = int(np.argmin(np.abs(z - places[f"{level}.body"][2])))
        page = windowed(ct.values[k], SOFT)
        cv2.putText(page, level, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
        axial.append(page)
    k = int(np.argmin(np.abs(z - places["L4.left.groove_superior"][2])))
    axial.append(windowed(ct.values[k], BONE))
    along = []
    for depth in (0.0, -70.0, 30.0):
        r = int(np.argmin(np.abs(y - places["L3.body"][1] - depth)))
        along.append(windowed(ct.values[::-1, r, :], SOFT))
    for side in (0.0, 62.0):
        c = int(np.argmin(np.abs(x - places["L3.body"][0] - side)))
        along.append(windowed(ct.values[::-1, :, c], SOFT))
    c = int(np.argmin(np.abs(x - places["L4.left.groove_superior"][0])))
    along.append(windowed(ct.values[::-1, :, c], BONE))
    rows = [np.hstack(axial), np.hstack(along)]
    wide = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 4), (0, wide - row.shape[1]))) for row in rows])


def main() -> None:
    """Draw the patients and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="PNG to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--spacing", type=float, default=1.4, help="millimetres")
    options = parser.parse_args()
    sheets = []
    for seed in options.seeds:
        rng = np.random.default_rng(seed)
        settings = draw_anatomy(rng)
        anatomy = build_anatomy(settings.spine, settings.body)
        grid = whole_grid(anatomy, options.spacing)
        sheets.append(sheet_of(anatomy, voxelize_hu(anatomy, grid, rng), grid))
    wide = max(sheet.shape[1] for sheet in sheets)
    page = np.vstack([np.pad(sheet, ((0, 0), (0, wide - sheet.shape[1]))) for sheet in sheets])
    if not cv2.imwrite(str(options.path), page):
        raise SystemExit("the sheet cannot be written; choose another folder")


if __name__ == "__main__":
    main()
