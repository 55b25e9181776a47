"""Draw anatomies of the simulator's spine on one sheet: solid, and as a radiograph would see them.

    python tools/draw_spine.py sheet.png --count 6 --seed 1

Each row is one drawn spine: from behind, from the left, from the left and behind by 30 degrees, and
the same oblique as a parallel-beam radiograph of bone alone. A tool for looking; nothing here
measures.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from guidance.geometry import grid_about
from guidance.spine import Spine, SpineRanges, build_spine, draw_spine, sample_bones

FloatArray = NDArray[np.float64]

# Thickness of the cortical shell, and attenuation of both kinds of bone at about 60 keV. About.
CORTEX_MM = 1.0
CORTEX_PER_MM, TRABECULAR_PER_MM = 0.045, 0.012


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """A closed surface: corners (V, 3) in millimetres, and triangles (F, 3) facing outwards."""

    vertices: FloatArray
    faces: NDArray[np.int64]


def view_axes(primary_deg: float, secondary_deg: float = 0.0) -> FloatArray:
    """(3, 3): image right, image down, towards the eye; 0 faces the chest, 90 the left side."""
    a, b = np.deg2rad((primary_deg, secondary_deg))
    eye = np.array((np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)))
    right = np.array((np.cos(a), np.sin(a), 0.0))
    return np.stack((right, np.cross(right, eye), eye))


@njit(cache=True)
def rasterize(
    points: FloatArray,
    faces: NDArray[np.int64],
    normals: FloatArray,
    nearest: FloatArray,
    shade: FloatArray,
    path: FloatArray,
) -> None:
    """Fill depth, shade and path length; `points` are (column, row, towards the eye)."""
    light = np.array((-0.35, -0.45, 0.82))
    for f in range(faces.shape[0]):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-12:
            continue
        r0 = max(int(np.ceil(min(a[1], b[1], c[1]))), 0)
        r1 = min(int(np.floor(max(a[1], b[1], c[1]))), nearest.shape[0] - 1)
        c0 = max(int(np.ceil(min(a[0], b[0], c[0]))), 0)
        c1 = min(int(np.floor(max(a[0], b[0], c[0]))), nearest.shape[1] - 1)
        for r in range(r0, r1 + 1):
            for k in range(c0, c1 + 1):
                u = ((k - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (r - a[1])) / area
                v = ((b[0] - a[0]) * (r - a[1]) - (k - a[0]) * (b[1] - a[1])) / area
                if u <= 0 or v <= 0 or u + v >= 1:
                    continue
                depth = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
                path[r, k] += depth if area < 0 else -depth
                if depth > nearest[r, k]:
                    nearest[r, k] = depth
                    w = 1 - u - v
                    n = w * normals[faces[f, 0]] + u * normals[faces[f, 1]]
                    n = n + v * normals[faces[f, 2]]
                    size = np.sqrt((n * n).sum()) + 1e-12
                    shade[r, k] = max((n * light).sum() / size, 0.0)


def vertex_normals(mesh: Mesh) -> FloatArray:
    """(V, 3) outward unit normals."""
    corners = mesh.vertices[mesh.faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(mesh.vertices)
    for i in range(3):
        np.add.at(normals, mesh.faces[:, i], flat)
    length: FloatArray = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.maximum(length, 1e-12)


def render(
    mesh: Mesh, axes: FloatArray, center: FloatArray, size: tuple[int, int], mm_per_px: float
) -> tuple[NDArray[np.uint8], FloatArray]:
    """Return the shaded picture and the path length through the solid (mm), both (rows, cols)."""
    rows, columns = size
    seen = (mesh.vertices - center) @ axes.T
    points = np.stack(
        (
            # Off the lattice, so that no pixel falls on a shared edge and is counted twice.
            seen[:, 0] / mm_per_px + (columns - 1) / 2 + 0.01234567,
            seen[:, 1] / mm_per_px + (rows - 1) / 2 + 0.00765432,
            seen[:, 2],
        ),
        axis=1,
    )
    normals = vertex_normals(mesh) @ axes.T
    nearest, shade = np.full(size, -np.inf), np.zeros(size)
    path = np.zeros(size)
    rasterize(points, mesh.faces, normals, nearest, shade, path)
    hit = np.isfinite(nearest)
    low, high = np.percentile(nearest[hit], (1, 99)) if hit.any() else (0.0, 1.0)
    fog = np.clip((nearest - low) / max(high - low, 1.0), 0.0, 1.0)
    picture = np.where(hit, 40 + 200 * (0.15 + 0.85 * shade) * (0.55 + 0.45 * fog), 20)
    return picture.astype(np.uint8), np.maximum(path, 0.0)


def mesh_at(
    spine: Spine,
    level_mm: float,
    spacing_mm: float,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    parts: tuple[int, ...] = (),
) -> Mesh:
    """Return the surface at a signed distance of `level_mm`, within a box, of some parts or all."""
    grid = grid_about(low, high, spacing_mm)
    fields = sample_bones(spine, grid)
    distance = fields.distance_mm
    if parts:
        distance = np.where(np.isin(fields.part, parts), distance, np.abs(distance) + 0.2)
    # Close the surface where the box cuts bone.
    padded = np.pad(distance, 1, constant_values=5.0)
    vertices, faces, _, _ = marching_cubes(padded, level_mm)  # type: ignore[no-untyped-call] # untyped library
    lps = (vertices[:, ::-1] - 1) * spacing_mm + np.array(low)
    mesh = Mesh(vertices=np.ascontiguousarray(lps), faces=faces.astype(np.int64))
    return outward(mesh)


def outward(mesh: Mesh) -> Mesh:
    """Return the mesh with its triangles facing outwards."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    volume = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())
    return mesh if volume > 0 else Mesh(vertices=mesh.vertices, faces=mesh.faces[:, ::-1].copy())


def radiograph(path: FloatArray, inner: FloatArray) -> NDArray[np.uint8]:
    """Turn path lengths through bone, and through what lies within its cortex, into grey."""
    exponent = CORTEX_PER_MM * np.maximum(path - inner, 0) + TRABECULAR_PER_MM * inner
    top = float(np.percentile(exponent, 99.7)) or 1.0
    return np.clip(255 * exponent / top, 0, 255).astype(np.uint8)


def draw_row(spine: Spine, mm_per_px: float, spacing_mm: float) -> NDArray[np.uint8]:
    """Return one spine's four pictures beside each other."""
    low, high = (-150.0, -110.0, -150.0), (150.0, 130.0, 165.0)
    outer = mesh_at(spine, 0.0, spacing_mm, low, high)
    inner = mesh_at(spine, -CORTEX_MM, spacing_mm, low, high)
    center = np.array((0.0, 10.0, 10.0))
    size = (int(320 / mm_per_px), int(300 / mm_per_px))
    pictures = [
        render(outer, view_axes(angle), center, size, mm_per_px)[0]
        for angle in (180.0, 90.0, 150.0)
    ]
    for angle in (180.0, 150.0):
        paths = [render(m, view_axes(angle), center, size, mm_per_px)[1] for m in (outer, inner)]
        pictures.append(radiograph(*paths))
    return np.hstack(pictures)


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spacing", type=float, default=1.25, help="of the voxels, mm")
    parser.add_argument("--pixel", type=float, default=0.9, help="mm")
    options = parser.parse_args()
    rows = []
    for i in range(options.count):
        rng = np.random.default_rng((options.seed, i))
        spine = build_spine(draw_spine(rng, SpineRanges()))
        rows.append(draw_row(spine, options.pixel, options.spacing))
    if not cv2.imwrite(str(options.path), np.vstack(rows)):
        raise SystemExit(f"could not write {options.path.name}; give a folder that exists")


if __name__ == "__main__":
    main()
