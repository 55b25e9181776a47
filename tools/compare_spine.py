"""Set the simulator's vertebrae beside real ones: the same views, and a table of sizes.

    python tools/compare_spine.py ../shared/data picture.png

Reads the Visible Human's vertebrae (Remus et al. 2021) and the mean of 87 patients (Clouthier et
al. 2023) where the folder has them. Every vertebra is shown from behind, from the left, from the
left and behind by 30 degrees and from above: ours in the upper row, then theirs. Pictures of that
data stay outside the project.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from draw_spine import Mesh, mesh_at, outward, render, view_axes
from numpy.typing import NDArray

from guidance.records import FloatArray
from guidance.spine import Spine, SpineRanges, build_spine, draw_spine

VIEWS = ((180.0, 0.0), (90.0, 0.0), (150.0, 0.0), (180.0, 89.9))
LEVELS = ("L2", "L3", "L4", "L5")
PARTS = {"L2": 4, "L3": 5, "L4": 6, "L5": 7}
SIZE_PX, MM_PER_PX = 260, 0.42
MEAN = SpineRanges(
    scoliosis_deg=(0, 0),
    rotation_deg=(0, 0),
    degeneration=(0, 0),
    variation=(0, 0),
    asymmetry=(0, 0),
    tropism_deg=(0, 0),
    size=(1, 1),
    lordosis_deg=(45, 45),
)


def read_obj(path: Path) -> Mesh:
    """Read a mesh in metres, x forwards, y left, z up, into LPS millimetres."""
    vertices, faces = [], []
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            x, y, z = (1000 * float(word) for word in words[1:4])
            vertices.append((y, -x, z))
        elif words[:1] == ["f"]:
            faces.append([int(word.split("/")[0]) - 1 for word in words[1:4]])
    return outward(Mesh(vertices=np.array(vertices), faces=np.array(faces, dtype=np.int64)))


def components(faces: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """(n,) the number of the connected piece that each vertex belongs to."""
    label = np.arange(n)
    while True:
        least = label[faces].min(axis=1)
        changed = label.copy()
        for i in range(3):
            np.minimum.at(changed, faces[:, i], least)
        changed = changed[changed]
        if (changed == label).all():
            return label
        label = changed


def read_means(folder: Path) -> dict[str, Mesh]:
    """Read the mean lumbar shape: one file of all vertebrae, taken apart and named from above."""
    vertices = np.loadtxt(folder / "meanMesh_vertices.csv", delimiter=",", ndmin=2)[:, :3]
    faces = np.loadtxt(folder / "meanMesh_faces.csv", delimiter=",", ndmin=2).astype(np.int64)[
        :, :3
    ]
    faces -= faces.min()
    label = components(faces, len(vertices))
    pieces = [k for k in np.unique(label) if (label == k).sum() > 500]
    meshes = []
    for k in pieces:
        number = np.cumsum(label == k) - 1
        own = faces[(label[faces] == k).all(axis=1)]
        meshes.append(Mesh(vertices=vertices[label == k], faces=number[own]))
    up = int(np.argmax(np.ptp([m.vertices.mean(axis=0) for m in meshes], axis=0)))
    meshes.sort(key=lambda m: -float(m.vertices[:, up].mean()))
    return dict(zip(LEVELS, meshes, strict=False))


def own_mesh(spine: Spine, level: str) -> Mesh:
    """Return one of our vertebrae, at half a millimetre."""
    bone = spine.bones[PARTS[level] - 1]
    low, high = bone.box_lps_mm()
    mesh = mesh_at(spine, 0.0, 0.6, tuple(low - 3), tuple(high + 3), (bone.part,))
    rotation, shift = bone.local_from_world[:, :3], bone.local_from_world[:, 3]
    return outward(Mesh(vertices=mesh.vertices / bone.scale @ rotation.T + shift, faces=mesh.faces))


def row_of(mesh: Mesh) -> NDArray[np.uint8]:
    """Return a mesh's views beside each other."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    size = (SIZE_PX, SIZE_PX)
    views = [
        render(mesh, view_axes(*view), 0.5 * (low + high), size, MM_PER_PX)[0] for view in VIEWS
    ]
    return np.hstack(views)


def extent(mesh: Mesh) -> FloatArray:
    """(3,) extent to the left, backwards and upwards. Millimetres."""
    found: FloatArray = np.ptp(mesh.vertices, axis=0)
    return found


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    spine = build_spine(draw_spine(np.random.default_rng(0), MEAN))
    folder = options.data / "meshes"
    means = read_means(folder / "lumbar_mean_shape") if folder.is_dir() else {}
    rows = []
    print("extent in mm (across the transverse processes, front to back, height)")
    for level in LEVELS:
        sources = {"ours": own_mesh(spine, level)}
        path = folder / "vhm_lumbosacral_remus" / f"{level}_Schrumpfverpacken.obj"
        if path.is_file():
            sources["Visible Human"] = read_obj(path)
        if level in means:
            sources["mean of 87"] = means[level]
        for name, mesh in sources.items():
            print(f"{level} {name:14s}", np.round(extent(mesh), 1))
            if name != "mean of 87":
                rows.append(row_of(mesh))
    if not cv2.imwrite(str(options.picture), np.vstack(rows)):
        raise SystemExit(f"could not write {options.picture.name}; give a folder that exists")


if __name__ == "__main__":
    main()
