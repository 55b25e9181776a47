"""Surfaces: what is closed passes, what is not is refused with its place, and voxels agree."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.spine import (
    Mesh,
    Spine,
    SpineRanges,
    build_spine,
    check_closed,
    draw_spine,
    mesh_volume_mm3,
    sample_bones,
    surface_of,
    voxelize_mesh,
)


def cube(edge_mm=20.0, low_mm=(0.0, 0.0, 0.0)) -> Mesh:
    """Corner k has x, y, z from its bits; each side is split along a diagonal."""
    corners = np.array([[k & 1, k >> 1 & 1, k >> 2 & 1] for k in range(8)]) * edge_mm
    sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [f for a, b, c, d in sides for f in ((a, b, c), (a, c, d))]
    return Mesh(vertices_lps_mm=corners + low_mm, faces=np.array(faces))


def rolled(points: np.ndarray) -> Mesh:
    """Close a (U, V, 3) sheet of points around both ways."""
    u, v = points.shape[:2]
    at = np.arange(u * v).reshape(u, v)
    a, b = at, np.roll(at, -1, axis=0)
    c, d = np.roll(b, -1, axis=1), np.roll(at, -1, axis=1)
    faces = np.stack((np.stack((a, b, c), -1), np.stack((a, c, d), -1))).reshape(-1, 3)
    return Mesh(vertices_lps_mm=points.reshape(-1, 3), faces=faces)


def torus(ring_mm=20.0, tube_mm=6.0) -> Mesh:
    u, v = np.meshgrid(*(2 * np.pi * np.arange(n) / n for n in (90, 60)), indexing="ij")
    out = ring_mm + tube_mm * np.cos(v)
    return rolled(np.stack((out * np.cos(u), out * np.sin(u), tube_mm * np.sin(v)), -1))


def sphere(radius_mm=15.0) -> Mesh:
    """Split a cube's triangles and push the corners out."""
    points, faces = cube(2.0, (-1, -1, -1)).vertices_lps_mm, cube().faces
    for _ in range(5):
        soup = points[faces]
        middles = 0.5 * (soup + np.roll(soup, -1, axis=1))
        (a, b, c), (ab, bc, ca) = soup.transpose(1, 0, 2), middles.transpose(1, 0, 2)
        soup = np.stack(((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)))
        soup = soup.transpose(0, 2, 1, 3).reshape(-1, 3)
        points, faces = np.unique(soup.round(9), axis=0, return_inverse=True)
        faces = faces.reshape(-1, 3)
    points = radius_mm * points / np.linalg.norm(points, axis=1, keepdims=True)
    return Mesh(vertices_lps_mm=points, faces=faces)


def scaled(mesh: Mesh, factor: float) -> Mesh:
    return Mesh(vertices_lps_mm=factor * mesh.vertices_lps_mm, faces=mesh.faces)


def around(mesh: Mesh, spacing_mm: float) -> VoxelGrid:
    low, high = mesh.vertices_lps_mm.min(axis=0) - 3, mesh.vertices_lps_mm.max(axis=0) + 3
    return grid_about(tuple(map(float, low)), tuple(map(float, high)), spacing_mm)


SOLIDS = [
    pytest.param(cube, 8000.0, 1e-12, id="cube"),
    pytest.param(sphere, 4 / 3 * np.pi * 15**3, 0.002, id="sphere"),
    pytest.param(torus, 2 * np.pi**2 * 20 * 6**2, 0.003, id="torus"),
]


@pytest.mark.parametrize(("make", "expected_mm3", "tolerance"), SOLIDS)
def test_solids_are_closed_and_have_their_volume(make, expected_mm3, tolerance):
    mesh = make()
    check_closed(mesh, "solid")
    assert mesh_volume_mm3(mesh) == pytest.approx(expected_mm3, rel=tolerance)
    far = Mesh(vertices_lps_mm=mesh.vertices_lps_mm + 5000, faces=mesh.faces)
    assert mesh_volume_mm3(far) == pytest.approx(mesh_volume_mm3(mesh), rel=1e-9)
    assert mesh_volume_mm3(scaled(mesh, 2)) == pytest.approx(8 * mesh_volume_mm3(mesh))


def with_vertex(mesh: Mesh, row: int, value: float) -> Mesh:
    vertices = mesh.vertices_lps_mm.copy()
    vertices[row] = value
    return Mesh(vertices_lps_mm=vertices, faces=mesh.faces)


def with_face(mesh: Mesh, row: int, face: tuple[int, int, int]) -> Mesh:
    faces = mesh.faces.copy()
    faces[row] = face
    return Mesh(vertices_lps_mm=mesh.vertices_lps_mm, faces=faces)


def with_faces(mesh: Mesh, faces: np.ndarray) -> Mesh:
    return Mesh(vertices_lps_mm=mesh.vertices_lps_mm, faces=faces)


CUBE = cube()
SOUP = Mesh(
    vertices_lps_mm=CUBE.vertices_lps_mm[CUBE.faces.ravel()], faces=np.arange(36).reshape(-1, 3)
)
REFUSED = [
    (with_faces(CUBE, CUBE.faces[:-1]), r"3 of 18 edges are open.*\(3 have one face.*fill holes"),
    (with_face(CUBE, 0, CUBE.faces[0][::-1]), "3 of 18 edges are open.*3 two faces turned"),
    (with_faces(CUBE, CUBE.faces[[*range(12), 0]]), "3 of 18 edges are open.*3 more than two"),
    (SOUP, "36 of 36 edges are open.*Merge corners"),
    (CUBE.flipped(), r"inside out: it encloses -8000 mm³.*mesh\.flipped\(\)"),
    (scaled(CUBE, 0.001), r"extends over 0\.02 × 0\.02 × 0\.02 mm.*metres by 1000"),
    (scaled(CUBE, 1 / 27.6), r"extends over 0\.725 × 0\.725 × 0\.725 mm"),
    (scaled(CUBE, 1000), "extends over 2e.04"),
    (with_vertex(CUBE, 5, np.nan), "1 corners that are NaN.*corner 5"),
    (with_face(CUBE, 3, (0, 1, 8)), "corners 0 to 8, expected 0 to 7.*count from 1"),
    (with_face(CUBE, 3, (0, 1, -1)), "corners -1 to 7"),
    (with_face(CUBE, 3, (0, 1, 0)), "1 faces that name a corner twice.*face 3"),
    (with_faces(CUBE, CUBE.faces[:0]), "no faces"),
    (with_faces(CUBE, np.array([[0, 1, 2], [2, 1, 0]])), "encloses nothing"),
]


@pytest.mark.parametrize(("mesh", "message"), REFUSED)
def test_what_is_no_closed_bone_is_refused(mesh, message):
    with pytest.raises(InputError, match=f"^the ilium .*{message}"):
        check_closed(mesh, "the ilium")
    with pytest.raises(InputError):
        voxelize_mesh(mesh, around(CUBE, 4.0))


def test_the_first_open_edge_is_where_the_hole_is():
    hole = 7
    mesh = with_faces(CUBE, np.delete(CUBE.faces, hole, axis=0))
    corners = CUBE.vertices_lps_mm[CUBE.faces[hole]]
    middles = 0.5 * (corners + np.roll(corners, -1, axis=0))
    with pytest.raises(InputError) as refused:
        check_closed(mesh, "cube")
    told = [f"the first at ({x:.1f}, {y:.1f}, {z:.1f}) mm" for x, y, z in middles]
    assert any(place in str(refused.value) for place in told)


@pytest.mark.parametrize(
    ("vertices", "faces"), [(np.zeros((4, 2)), np.zeros((4, 3), int)), (np.eye(3), np.eye(3))]
)
def test_a_mesh_has_three_coordinates_and_whole_numbers(vertices, faces):
    with pytest.raises(InputError, match=r"expected \(N, 3\)|expected integers"):
        Mesh(vertices_lps_mm=vertices, faces=faces)


def test_a_cavity_is_taken_off():
    inner = cube(10.0, (5.0, 5.0, 5.0)).flipped()
    hollow = Mesh(
        vertices_lps_mm=np.vstack((CUBE.vertices_lps_mm, inner.vertices_lps_mm)),
        faces=np.vstack((CUBE.faces, inner.faces + 8)),
    )
    assert mesh_volume_mm3(hollow) == pytest.approx(7000)
    share = voxelize_mesh(hollow, grid_about((0.5,) * 3, (19.5,) * 3, 1.0)).values
    assert share.sum() == pytest.approx(7000)
    assert not share[5:15, 5:15, 5:15].any()


@pytest.mark.parametrize("first_mm", [-2.0, -1.5, -1.75, -1.1])
def test_voxels_of_a_cube_are_exact_wherever_its_faces_lie(first_mm):
    # On these lattices faces, edges and diagonals of the cube lie on voxels' centres and rays.
    grid = VoxelGrid(first_lps_mm=(first_mm,) * 3, spacing_mm=1.0, shape=(25, 25, 25))
    share = voxelize_mesh(CUBE, grid).values
    reach = np.clip(np.arange(25) + first_mm + 0.5, 0, 20)
    length = reach - np.clip(np.arange(25) + first_mm - 0.5, 0, 20)
    inner = np.ix_(*(np.flatnonzero(length == 1),) * 3)
    assert (share[inner] == 1).all()
    # In z measured exactly, in x and y with two rays.
    assert share.sum(axis=(1, 2)) == pytest.approx(share.sum() / 20 * length, abs=1e-3)
    assert share.sum() == pytest.approx(8000, rel=0.06)


def test_what_reaches_out_of_the_grid_is_cut_off():
    ball = sphere()
    whole = VoxelGrid(first_lps_mm=(-17.5,) * 3, spacing_mm=1.0, shape=(36, 36, 36))
    part = VoxelGrid(first_lps_mm=(-15.5, -3.5, 2.5), spacing_mm=1.0, shape=(7, 6, 5))
    expected = voxelize_mesh(ball, whole).values[20:27, 14:20, 2:7]
    assert 0 < expected.mean() < 1
    assert voxelize_mesh(ball, part).values == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("make", [sphere, torus])
def test_shares_sum_up_to_the_volume(make):
    mesh = make()
    grid = around(mesh, 1.0)
    volume = voxelize_mesh(mesh, grid)
    assert (volume.lps_from_vox == grid.lps_from_vox).all()
    assert volume.values.dtype == np.float32
    assert volume.values.sum() == pytest.approx(mesh_volume_mm3(mesh), rel=2e-3)


@pytest.fixture(scope="module")
def spine() -> Spine:
    return build_spine(draw_spine(np.random.default_rng(3), SpineRanges()))


@pytest.fixture(scope="module")
def fourth(spine) -> Mesh:
    return surface_of(spine, "L4")


def test_the_surface_of_a_vertebra_has_its_volume(spine, fourth):
    check_closed(fourth, "L4")
    part = next(bone.part for bone in spine.bones if bone.name == "L4")
    fields = sample_bones(spine, around(fourth, 1.0))
    voxels = ((fields.distance_mm < 0) & (fields.part == part)).sum()
    assert mesh_volume_mm3(fourth) == pytest.approx(voxels, rel=0.03)


def test_voxels_of_a_surface_agree_with_the_distance_it_came_from(spine, fourth):
    grid = around(fourth, 1.3)
    share = voxelize_mesh(fourth, grid, "L4").values
    assert share.sum() * 1.3**3 == pytest.approx(mesh_volume_mm3(fourth), rel=5e-3)
    x, y, z = grid.axes_mm
    points = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    bone = next(bone for bone in spine.bones if bone.name == "L4")
    distance = bone.distance_mm(points).reshape(grid.shape)
    clear = np.abs(distance) > grid.spacing_mm
    assert ((share >= 0.5) == (distance < 0))[clear].all()


@pytest.mark.parametrize("name", ["T11", "L5", "sacrum", "T12.rib.left"])
def test_other_bones_are_closed_too(spine, name):
    mesh = surface_of(spine, name, 2.0)
    low, high = next(bone for bone in spine.bones if bone.name == name).box_lps_mm()
    assert (mesh.vertices_lps_mm > low - 2).all()
    assert (mesh.vertices_lps_mm < high + 2).all()


def test_what_cannot_be_made_is_refused(spine):
    with pytest.raises(InputError, match=r"no bone is called 'L6'.*sacrum"):
        surface_of(spine, "L6")
    with pytest.raises(InputError, match="spacing_mm is 0"):
        surface_of(spine, "L4", 0)


def read_obj(path: Path, mm: float) -> Mesh:
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = [[float(word) * mm for word in row[1:4]] for row in rows if row[:1] == ["v"]]
    faces = [[int(w.split("/")[0]) - 1 for w in row[1:4]] for row in rows if row[:1] == ["f"]]
    return Mesh(vertices_lps_mm=np.array(vertices), faces=np.array(faces))


def read_glb(path: Path) -> Mesh:
    """Read the first surface, with corners of one place merged."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    header, body = json.loads(data[20 : 20 + size]), data[28 + size :]

    def array(number: int, kind: str, width: int) -> np.ndarray:
        accessor = header["accessors"][number]
        start = header["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
        flat = np.frombuffer(body, kind, accessor["count"] * width, start)
        return flat.reshape(-1, width)

    surface = header["meshes"][0]["primitives"][0]
    points = array(surface["attributes"]["POSITION"], "<f4", 3)
    merged, row = np.unique(points, axis=0, return_inverse=True)
    faces = row.ravel()[array(surface["indices"], "<u2", 1).reshape(-1, 3)]
    return Mesh(vertices_lps_mm=merged, faces=faces)


def test_real_vertebrae_are_closed(shared_data):
    folder = shared_data / "meshes"
    path = folder / "vhm_lumbosacral_remus" / "L4_Schrumpfverpacken.obj"
    # Remus et al. 2021; about 73 cm³ with the discs' rims.
    assert mesh_volume_mm3(read_obj(path, 1000), "L4") == pytest.approx(72_600, rel=0.01)
    with pytest.raises(InputError, match="metres by 1000"):
        check_closed(read_obj(path, 1), "L4")
    check_closed(read_obj(folder / "cervical_artisynth" / "c5.obj", 1), "C5")
    # Left with faces given twice.
    with pytest.raises(InputError, match=r"C7 is not closed: 659 of .* 659 more than two"):
        check_closed(read_obj(folder / "cervical_artisynth" / "c7.obj", 1), "C7")


def test_real_meshes_that_are_wrong_are_refused_with_what_is_wrong(shared_data):
    folder = shared_data / "meshes" / "bodyparts3d"
    check_closed(read_glb(folder / "FJ40_BP62922_FMA24474_Right_femur.glb"), "femur")
    sacrum = read_glb(folder / "FJ66_BP62532_FMA16202_Sacrum.glb")
    with pytest.raises(InputError, match=r"sacrum extends over 4\.41 × 5\.25 × 3\.21 mm"):
        check_closed(sacrum, "sacrum")
    with pytest.raises(InputError, match="sacrum is not closed: 28 of"):
        check_closed(scaled(sacrum, 27.6), "sacrum")
    fourth = read_glb(folder / "FJ1_BP62499_FMA13075_Fourth_lumbar_vertebra.glb")
    with pytest.raises(InputError, match=r"L4 is not closed: 44 of .*44 have one face"):
        check_closed(fourth, "L4")
