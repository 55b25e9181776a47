"""Voxels of a patient against what is known of its bones, its tissues and its gas."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.records import Volume
from guidance.spine import (
    Anatomy,
    CtSettings,
    GasPocket,
    Tissue,
    bone_distance,
    build_anatomy,
    draw_anatomy,
    label_tissues,
    sample_bones,
    voxelize_gas,
    voxelize_hu,
    voxelize_materials,
)

QUIET = CtSettings(noise_hu=0.0, kernel_sigma_mm=0.0, slice_sigma_mm=0.0)
SEED = 2


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    settings = draw_anatomy(np.random.default_rng(SEED))
    return build_anatomy(settings.spine, settings.body)


@pytest.fixture(scope="module")
def trunk(anatomy) -> VoxelGrid:
    """Return a coarse grid of the whole trunk."""
    places = anatomy.spine.landmarks
    low, high = places["S1.body"][2] - 40, places["T11.body"][2]
    return grid_about((-230.0, -220.0, float(low)), (230.0, 190.0, float(high)), 4.0)


@pytest.fixture(scope="module")
def labels(anatomy, trunk) -> np.ndarray:
    return label_tissues(anatomy, trunk).values


@pytest.fixture(scope="module")
def hu(anatomy, trunk) -> np.ndarray:
    return voxelize_hu(anatomy, trunk, np.random.default_rng(0), QUIET).values


def box(anatomy: Anatomy, name: str, half_mm: float, spacing_mm: float) -> VoxelGrid:
    x, y, z = (float(v) for v in anatomy.spine.landmarks[name])
    low = (x - half_mm, y - half_mm, z - half_mm)
    return grid_about(low, (x + half_mm, y + half_mm, z + half_mm), spacing_mm)


def test_every_tissue_is_somewhere(labels):
    found = set(np.unique(labels).tolist())
    assert found >= {int(tissue) for tissue in Tissue} - {int(Tissue.JOINT_SPACE)}


def test_the_trunk_weighs_what_a_trunk_weighs(anatomy, trunk, labels):
    materials = voxelize_materials(anatomy, trunk)
    litres = (trunk.spacing_mm / 100) ** 3
    arrays = (materials.soft_g_per_cm3, materials.adipose_g_per_cm3, materials.bone_g_per_cm3)
    for array in arrays:
        assert array.dtype == np.float32
        assert array.shape == trunk.shape
        assert not array.flags["W"]
        assert float(array.min()) >= 0
    soft, adipose, mineral = (float(array.sum()) * litres for array in arrays)
    # About 30 cm of an adult's trunk: some 12 to 40 kg, of bone mineral 100 g and more.
    assert 8 < soft + adipose < 45
    assert 0.1 < mineral < 1.2
    inside = labels != Tissue.AIR
    density = sum(array[inside].mean() for array in arrays)
    assert 0.85 < density < 1.1


@pytest.mark.parametrize(
    ("tissue", "low", "high"),
    [
        (Tissue.AIR, -1000, -990),
        (Tissue.FAT, -110, -70),
        (Tissue.MUSCLE, 20, 75),
        (Tissue.THECAL_SAC, 0, 70),
        (Tissue.ORGAN, 10, 65),
        (Tissue.BLOOD, 20, 120),
        (Tissue.TRABECULAR_BONE, 60, 450),
        (Tissue.CORTICAL_BONE, 250, 1200),
        (Tissue.GAS, -1000, -500),
    ],
    ids=lambda value: value.name if isinstance(value, Tissue) else "",
)
def test_labels_and_ct_numbers_agree(labels, hu, tissue, low, high):
    median = float(np.median(hu[labels == tissue]))
    assert low <= median <= high


def test_the_disc_is_brighter_than_muscle(anatomy):
    disc = next(disc for disc in anatomy.spine.discs if disc.name == "L3-L4")
    x, y, z = (float(v) for v in disc.center_lps_mm)
    grid = grid_about((x - 8, y - 8, z - 2), (x + 8, y + 8, z + 2), 1.0)
    values = voxelize_hu(anatomy, grid, np.random.default_rng(0), QUIET).values
    assert (label_tissues(anatomy, grid).values == Tissue.DISC).mean() > 0.7
    assert 70 <= np.median(values) <= 110


def test_ct_numbers_are_those_of_a_scanner(hu):
    assert hu.dtype == np.int16
    assert hu.min() == -1000
    assert 500 < hu.max() < 3071


def test_skin_surrounds_the_body_and_air_surrounds_the_skin(labels):
    page = labels[labels.shape[0] // 2]
    border = np.concatenate((page[0], page[-1], page[:, 0], page[:, -1]))
    assert (border == Tissue.AIR).all()
    is_body = page != Tissue.AIR
    # No air within the body: gas has its own label.
    columns = np.flatnonzero(is_body.any(axis=0))
    for c in columns[3:-3]:
        rows = np.flatnonzero(is_body[:, c])
        assert is_body[rows[0] : rows[-1] + 1, c].all()


def test_no_bone_pierces_the_fascia(anatomy, trunk, labels):
    """Between bone and air lie at least skin and fat."""
    bones = sample_bones(anatomy.spine, trunk)
    assert bones.distance_mm[labels == Tissue.AIR].min() > 4


def test_the_aorta_runs_left_of_the_cava_before_the_spine(anatomy):
    grid = box(anatomy, "L2.body", 48.0, 2.0)
    label = label_tissues(anatomy, grid).values[grid.shape[0] // 2]
    x, y, _ = grid.axes_mm
    rows, columns = np.nonzero(label == Tissue.BLOOD)
    assert (y[rows] < anatomy.spine.landmarks["L2.body"][1]).all()
    big = np.abs(x[columns] - anatomy.spine.landmarks["L2.body"][0]) < 30
    assert x[columns][big].max() > 0 > x[columns][big].min()


def test_bone_lies_where_its_distance_says(anatomy):
    """The half-way level of the mineral lies on the bone's surface, to a fraction of a voxel."""
    grid = box(anatomy, "L4.left.transverse_process_root", 14.0, 0.7)
    mineral = voxelize_materials(anatomy, grid).bone_g_per_cm3
    distance = sample_bones(anatomy.spine, grid).distance_mm
    assert float(mineral[distance > 0.36].max(initial=0)) == 0
    shell = (distance < -0.36) & (distance > -0.6)
    assert float(mineral[shell].min()) > 0.2
    # So near the surface there is cortex alone, however thin it is.
    edge = (distance > 0.02) & (distance < 0.36)
    share = np.clip(0.5 - distance[edge] / 0.7, 0, 1)
    assert np.abs(mineral[edge] - 1.05 * share).max() < 0.01


def test_edges_are_smooth_below_a_voxel(anatomy):
    """The bone's mass does not depend on where the grid happens to lie."""
    masses = []
    for shift in (0.0, 0.35, 0.7, 1.05):
        grid = box(anatomy, "L3.spinous_process", 16.0, 1.4)
        x, y, z = grid.first_lps_mm
        moved = replace(grid, first_lps_mm=(x + shift, y + shift / 2, z))
        inside = voxelize_materials(anatomy, moved).bone_g_per_cm3[4:-4, 4:-4, 4:-4]
        masses.append(float(inside.sum()))
    assert np.ptp(masses) < 0.12 * np.mean(masses)


def test_a_thin_cortex_keeps_its_mass_on_a_coarse_grid(anatomy):
    fine, coarse = (
        voxelize_materials(anatomy, box(anatomy, "L3.body", 32.0, mm)).bone_g_per_cm3
        for mm in (0.8, 1.6)
    )
    assert float(fine.mean()) == pytest.approx(float(coarse.mean()), rel=0.06)


def test_the_groove_lies_on_the_edge_of_bone(anatomy):
    """What is bone in the label map begins at the landmark."""
    spine = anatomy.spine
    for name in ("L3.left.groove_superior", "L5.right.groove_superior"):
        grid = box(anatomy, name, 3.0, 0.3)
        label = label_tissues(anatomy, grid).values
        is_bone = np.isin(label, (Tissue.CORTICAL_BONE, Tissue.TRABECULAR_BONE))
        x, y, z = grid.axes_mm
        points = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
        assert ((bone_distance(spine, points) < 0) == is_bone.ravel()).mean() > 0.99
        near = np.linalg.norm(points - spine.landmarks[name], axis=1) < 0.5
        assert 0 < is_bone.ravel()[near].mean() < 1


def test_one_patient_is_the_same_on_every_grid(anatomy):
    """Voxels at the same places hold the same, whichever box they are part of."""
    grid = box(anatomy, "L4.body", 24.0, 2.0)
    x, y, z = grid.first_lps_mm
    part = VoxelGrid(first_lps_mm=(x + 8.0, y + 4.0, z + 12.0), spacing_mm=2.0, shape=(8, 10, 12))
    whole, within = (voxelize_materials(anatomy, g) for g in (grid, part))
    for name in ("soft_g_per_cm3", "adipose_g_per_cm3", "bone_g_per_cm3"):
        cut = getattr(whole, name)[6:14, 2:12, 4:16]
        np.testing.assert_allclose(getattr(within, name), cut, atol=2e-3)


def test_the_same_seed_gives_the_same_bytes(anatomy):
    grid = box(anatomy, "L4.body", 20.0, 2.0)
    first, again, other = (
        voxelize_hu(anatomy, grid, np.random.default_rng(seed)).values for seed in (1, 1, 2)
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    settings = anatomy.settings
    rebuilt = build_anatomy(settings.spine, settings.body)
    labels = [label_tissues(a, grid).values.tobytes() for a in (anatomy, rebuilt)]
    assert labels[0] == labels[1]


def mirrored_spine(settings):
    """Return the mirror image of a spine's settings: left and right exchanged, turns reversed."""
    swap = lambda pair: (pair[1], pair[0])  # noqa: E731  # one line, used at once

    def facets(f):
        return replace(f, angle_deg=swap(f.angle_deg), growth_mm=swap(f.growth_mm))

    vertebrae = tuple(
        replace(
            v,
            pedicle_width_mm=swap(v.pedicle_width_mm),
            transverse_reach_mm=swap(v.transverse_reach_mm),
            transverse_rise_mm=swap(v.transverse_rise_mm),
            facets=facets(v.facets),
        )
        for v in settings.vertebrae
    )
    discs = tuple(
        replace(d, lateral_deg=-d.lateral_deg, axial_deg=-d.axial_deg) for d in settings.discs
    )
    sacrum = replace(
        settings.sacrum,
        ala_reach_mm=swap(settings.sacrum.ala_reach_mm),
        facets=facets(settings.sacrum.facets),
    )
    ribs = tuple(replace(r, length_mm=swap(r.length_mm)) for r in settings.ribs)
    return replace(settings, vertebrae=vertebrae, discs=discs, sacrum=sacrum, ribs=ribs)


def test_the_mirrored_patient_is_the_mirror_image(anatomy):
    settings = anatomy.settings
    body = replace(settings.body, is_mirrored=True)
    other = build_anatomy(mirrored_spine(settings.spine), body)
    grid = grid_about((-150.0, -150.0, -40.0), (150.0, 110.0, 120.0), 10.0)
    ours, theirs = (label_tissues(a, grid).values for a in (anatomy, other))
    assert (ours == theirs[:, :, ::-1]).mean() > 0.985
    # Not because nothing has a side.
    assert (ours == ours[:, :, ::-1]).mean() < 0.95


def test_gas_is_kept_apart_and_moves_on_its_own(anatomy, trunk):
    gas = voxelize_gas(anatomy, trunk).values
    assert gas.dtype == np.float32
    assert 0 <= gas.min() < gas.max() <= 1
    by = (0.0, 0.0, 8.0)
    moved = replace(anatomy, gas=tuple(pocket.moved(by) for pocket in anatomy.gas))
    np.testing.assert_allclose(voxelize_gas(moved, trunk).values[3:], gas[1:-2], atol=1e-5)


def test_gas_has_the_volume_of_its_ellipsoid(anatomy):
    pocket = GasPocket(center_lps_mm=(3.3, -4.1, 2.2), half_axes_mm=(12.0, 8.0, 10.0))
    grid = grid_about((-15.0, -18.0, -14.0), (20.0, 10.0, 16.0), 1.0)
    gas = voxelize_gas(replace(anatomy, gas=(pocket,)), grid).values
    assert float(gas.sum()) == pytest.approx(4 / 3 * np.pi * 12 * 8 * 10, rel=0.01)


def test_gas_is_dark_in_the_ct(anatomy):
    pocket = max(anatomy.gas, key=lambda pocket: min(pocket.half_axes_mm))
    x, y, z = pocket.center_lps_mm
    grid = grid_about((x - 2, y - 2, z - 2), (x + 2, y + 2, z + 2), 1.0)
    filled = voxelize_hu(anatomy, grid, np.random.default_rng(0), QUIET).values
    assert (filled == -1000).all()


def test_noise_has_the_deviation_that_was_asked_for(anatomy):
    grid = box(anatomy, "L4.body", 20.0, 1.5)
    quiet, noisy = (
        voxelize_hu(anatomy, grid, np.random.default_rng(1), CtSettings(noise_hu=noise)).values
        for noise in (0.0, 20.0)
    )
    noise = noisy.astype(float) - quiet
    assert noise.std() == pytest.approx(20, rel=0.05)
    assert abs(noise.mean()) < 1


def test_the_table_lies_outside_the_patient(anatomy, trunk):
    bare, on_table = (
        voxelize_hu(anatomy, trunk, np.random.default_rng(0), replace(QUIET, has_table=table))
        for table in (False, True)
    )
    changed = bare.values != on_table.values
    assert changed.any()
    assert (bare.values[changed] < -950).all()
    # These patients lie prone: the table is in front of them.
    assert anatomy.body.settings.is_prone
    rows = np.nonzero(changed)[1]
    assert rows.max() < trunk.shape[1] / 2


def test_a_grid_that_misses_the_patient_is_air(anatomy):
    grid = VoxelGrid(first_lps_mm=(600.0, 0.0, 0.0), spacing_mm=2.0, shape=(3, 4, 5))
    volume = voxelize_hu(anatomy, grid, np.random.default_rng(0), QUIET)
    assert isinstance(volume, Volume)
    assert (volume.values == -1000).all()


@pytest.mark.parametrize("shape", [(1, 6, 7), (5, 1, 7), (5, 6, 1), (1, 1, 1)])
def test_grids_of_one_voxel_across_work(anatomy, shape):
    grid = VoxelGrid(first_lps_mm=(0.0, 0.0, 0.0), spacing_mm=3.0, shape=shape)
    assert label_tissues(anatomy, grid).values.shape == shape


@pytest.mark.parametrize(
    "changes", [{"noise_hu": -1.0}, {"kernel_sigma_mm": 99.0}, {"slice_sigma_mm": float("nan")}]
)
def test_a_scanner_that_nobody_has_is_refused(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        CtSettings(**changes)
