"""The bones: sizes, landmarks, gaps and openings, and that mirrored settings mirror them."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.spine import (
    Spine,
    SpineRanges,
    SpineSettings,
    block_targets,
    bone_distance,
    build_spine,
    draw_spine,
    sample_bones,
)

# Everything at its mean, both sides alike, no wear.
PLAIN = SpineRanges(
    scoliosis_deg=(0, 0),
    rotation_deg=(0, 0),
    degeneration=(0, 0),
    variation=(0, 0),
    asymmetry=(0, 0),
    tropism_deg=(0, 0),
    size=(1, 1),
    lordosis_deg=(48, 48),
    slope_less_lordosis_deg=(3, 3),
)
PAIRED = {
    "pedicle_width_mm",
    "transverse_reach_mm",
    "transverse_rise_mm",
    "angle_deg",
    "growth_mm",
    "ala_reach_mm",
    "length_mm",
}
TURNED = {"lateral_deg", "axial_deg"}
ON_BONE = (
    "superior_articular_process",
    "inferior_articular_process",
    "transverse_process_tip",
    "groove_superior",
    "groove_inferior",
    "superior_endplate",
    "inferior_endplate",
    "sacral_ala",
    "spinous_process",
)


def drawn(seed: int, ranges: SpineRanges | None = None) -> Spine:
    return build_spine(draw_spine(np.random.default_rng(seed), ranges or SpineRanges()))


@pytest.fixture(scope="module")
def plain() -> Spine:
    spine = drawn(0, PLAIN)
    return build_spine(replace(spine.settings, scale=1.0))


@pytest.fixture(scope="module")
def worn() -> Spine:
    return drawn(3, SpineRanges(degeneration=(0.9, 0.9)))


def mirrored(value: object, name: str = "") -> object:
    """Exchange left and right in plain settings."""
    if isinstance(value, dict):
        return {k: mirrored(v, k) for k, v in value.items()}
    if name in PAIRED and isinstance(value, list | tuple):
        return value[::-1]
    if name in TURNED:
        return -value
    if isinstance(value, list | tuple):
        return [mirrored(v) for v in value]
    return value


def mirrored_settings(settings: SpineSettings) -> SpineSettings:
    plain = msgspec.to_builtins(settings)
    return msgspec.convert(mirrored(plain), SpineSettings)


def in_bone_frame(spine: Spine, part: int, point: np.ndarray) -> np.ndarray:
    bone = spine.bones[part - 1]
    return bone.local_from_world[:, :3] @ (point / bone.scale) + bone.local_from_world[:, 3]


def local_distance(spine: Spine, part: int, points: np.ndarray) -> np.ndarray:
    """Distance to one bone of points in its own frame."""
    bone = spine.bones[part - 1]
    rotation, shift = bone.local_from_world[:, :3], bone.local_from_world[:, 3]
    return bone.distance_mm(bone.scale * ((points - shift) @ rotation)) / bone.scale


def test_the_same_seed_draws_the_same_anatomy_and_settings_survive_json() -> None:
    settings = draw_spine(np.random.default_rng(7), SpineRanges())
    assert settings == draw_spine(np.random.default_rng(7), SpineRanges())
    assert settings != draw_spine(np.random.default_rng(8), SpineRanges())
    assert msgspec.json.decode(msgspec.json.encode(settings), type=SpineSettings) == settings


def test_landmarks_have_the_contracts_names(plain: Spine) -> None:
    sides = {"pedicle", "transverse_process_root", "facet_joint", *ON_BONE} - {
        "sacral_ala",
        "spinous_process",
    }
    expected = {f"L4.{side}.{name}" for side in Side for name in sides}
    expected |= {"L4.body", "L4.spinous_process"}
    assert {name for name in plain.landmarks if name.startswith("L4.")} == expected
    assert "S1.left.sacral_ala" in plain.landmarks
    np.testing.assert_allclose(plain.landmarks["L4.body"], 0, atol=1e-9)
    assert plain.landmarks["L4.left.pedicle"][0] > 10
    assert plain.landmarks["T11.body"][2] > 100 > plain.landmarks["S1.body"][2]


@pytest.mark.parametrize("seed", [1, 2])
def test_landmarks_that_lie_on_bone_do(seed: int) -> None:
    spine = drawn(seed)
    names = [name for name in spine.landmarks if name.endswith(ON_BONE)]
    distances = bone_distance(spine, np.array([spine.landmarks[name] for name in names]))
    assert np.abs(distances).max() < 0.05, names[int(np.argmax(np.abs(distances)))]
    blocks = np.array(list(spine.block_points.values()))
    assert np.abs(bone_distance(spine, blocks)).max() < 0.05


@pytest.mark.slow
def test_grooves_lie_on_bone_over_fifty_anatomies() -> None:
    for seed in range(50):
        spine = drawn(seed)
        grooves = [point for name, point in spine.landmarks.items() if "groove" in name]
        points = np.array([*grooves, *spine.block_points.values()])
        assert np.abs(bone_distance(spine, points)).max() < 0.3, seed


def test_the_groove_is_a_concave_corner(plain: Spine, worn: Spine) -> None:
    for spine in (plain, worn):
        for part in range(3, 8):
            name = spine.bones[part - 1].name
            for side, sign in ((Side.LEFT, 1), (Side.RIGHT, -1)):
                at = in_bone_frame(spine, part, spine.landmarks[f"{name}.{side}.groove_superior"])
                aside = np.array((sign * 0.7, -0.7, 0.0))
                # Up the SAP and out on the transverse process, bone stands higher on both sides.
                ends = at + np.array((3.5, -3.5))[:, None] * aside
                assert local_distance(spine, part, ends).max() < 0.0, (name, side)


def test_block_points_lie_midway(plain: Spine, worn: Spine) -> None:
    for spine in (plain, worn):
        targets = block_targets(spine)
        assert len(targets) == 14
        for target in targets:
            ends = target.groove_superior_lps_mm, target.groove_inferior_lps_mm
            apart = [float(np.linalg.norm(target.block_point_lps_mm - end)) for end in ends]
            assert max(apart) < np.linalg.norm(ends[0] - ends[1])
            assert 2.5 < np.linalg.norm(ends[0] - ends[1]) < 16.0


def test_a_nerve_is_not_its_vertebra(plain: Spine) -> None:
    by_nerve = {(t.nerve, t.side): t for t in block_targets(plain)}
    third = by_nerve["L3 medial branch", Side.LEFT]
    assert third.vertebra == Vertebra.L4
    assert third.joints == ("L3-L4", "L4-L5")
    assert third.groove_superior_lps_mm[0] > 0
    fifth = by_nerve["L5 dorsal ramus", Side.RIGHT]
    assert fifth.vertebra == Vertebra.S1
    assert fifth.joints == ("L5-S1",)


def test_the_sacral_block_point_lies_behind_the_crest_of_the_gutter(plain: Spine) -> None:
    target = next(t for t in block_targets(plain) if t.nerve == "L5 dorsal ramus")
    crest = in_bone_frame(plain, 8, target.groove_superior_lps_mm)
    block = in_bone_frame(plain, 8, target.block_point_lps_mm)
    assert block[1] - crest[1] == pytest.approx(2.0, abs=0.5)
    assert block[2] < crest[2]


def test_mirrored_settings_mirror_the_landmarks(worn: Spine) -> None:
    other = build_spine(mirrored_settings(worn.settings))
    for name, point in worn.landmarks.items():
        swapped = (
            name.replace(".left.", ".!.").replace(".right.", ".left.").replace(".!.", ".right.")
        )
        np.testing.assert_allclose(
            other.landmarks[swapped] * (-1, 1, 1), point, atol=0.05, err_msg=name
        )


def test_twice_the_scale_is_twice_the_spine(plain: Spine) -> None:
    twice = build_spine(replace(plain.settings, scale=2.0))
    for name, point in plain.landmarks.items():
        np.testing.assert_allclose(twice.landmarks[name], 2 * point, atol=1e-6)
    points = np.random.default_rng(0).uniform(-60, 60, (500, 3))
    np.testing.assert_allclose(bone_distance(twice, 2 * points), 2 * bone_distance(plain, points))


def test_bones_are_closed(worn: Spine) -> None:
    for bone in worn.bones:
        low, high = bone.box_lps_mm()
        u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, 1, 25), np.linspace(0, 1, 25)))
        for axis in range(3):
            for end in (0.0, 1.0):
                share = np.insert(np.stack((u, v), 1), axis, end, axis=1)
                assert bone.distance_mm(low + share * (high - low)).min() > 0, bone.name


@pytest.mark.parametrize("seed", [3, 11])
def test_neighbours_do_not_touch(seed: int) -> None:
    spine = drawn(seed, SpineRanges(degeneration=(1, 1)))
    grid = grid_about((-100.0, -50.0, -90.0), (100.0, 90.0, 150.0), 2.5)
    fields = np.stack(
        [sample_bones(replace(spine, bones=(bone,)), grid).distance_mm for bone in spine.bones]
    )
    # Where two bones are equally near, each is at half the gap.
    second = np.sort(fields, axis=0)[1]
    assert 2 * second.min() > 0.5 * spine.settings.scale


def test_spaces_are_open(plain: Spine, worn: Spine) -> None:
    for spine in (plain, worn):
        assert bone_distance(spine, spine.canal.centerline_lps_mm).min() > 3.0
        foramina = np.array([f.center_lps_mm for f in spine.foramina])
        assert bone_distance(spine, foramina).min() > 0.5
        discs = np.array([d.center_lps_mm for d in spine.discs])
        half = [0.5 * d.thickness_mm for d in spine.discs]
        np.testing.assert_allclose(bone_distance(spine, discs), half, atol=1.5)
        for joint in spine.facet_joints:
            gap = float(bone_distance(spine, joint.center_lps_mm[None])[0])
            assert gap == pytest.approx(0.5 * joint.gap_mm, abs=0.45), joint.name


def width_at(spine: Spine, part: int, y: float, z: float) -> float:
    """Measure how wide a bone is about the midline."""
    x = np.arange(-60, 60, 0.05)
    points = np.stack((x, np.full_like(x, y), np.full_like(x, z)), axis=1)
    inside = x[local_distance(spine, part, points) < 0]
    return float(inside.max() - inside.min())


def test_sizes_are_those_of_the_settings(plain: Spine) -> None:
    for i, v in enumerate(plain.settings.vertebrae):
        part = i + 1
        top, widest = 0.5 * v.height_mm - 1.5, 0.07 * v.depth_upper_mm
        # The rim is rounded over some 2 mm, so a little is lost there.
        assert width_at(plain, part, widest, top) == pytest.approx(v.width_upper_mm, abs=2.6)
        assert width_at(plain, part, widest, -top) == pytest.approx(v.width_lower_mm, abs=2.6)
        assert width_at(plain, part, 0.0, 0.0) < v.width_upper_mm - 1.0
        for side, sign in ((Side.LEFT, 1), (Side.RIGHT, -1)):
            j = 0 if sign > 0 else 1
            tip = in_bone_frame(
                plain, part, plain.landmarks[f"{v.name}.{side}.transverse_process_tip"]
            )
            assert sign * tip[0] == pytest.approx(v.transverse_reach_mm[j], abs=3.0)
            middle = in_bone_frame(plain, part, plain.landmarks[f"{v.name}.{side}.pedicle"])
            s = np.arange(-16, 16, 0.05)
            across = middle + s[:, None] * np.array((1.0, 0.0, 0.0))
            inside = s[local_distance(plain, part, across) < 0]
            inside = inside[np.abs(inside) < 14]
            # L5's transverse process springs from the pedicle itself and widens it.
            wider = 0.4 if v.name == Vertebra.L5 else 0.25
            assert np.ptp(inside) == pytest.approx(v.pedicle_width_mm[j], rel=wider)
        spine_tip = in_bone_frame(plain, part, plain.landmarks[f"{v.name}.spinous_process"])
        assert spine_tip[1] == pytest.approx(v.spinous_reach_mm, abs=3.5)


def test_lordosis_is_what_was_asked_for() -> None:
    for lordosis in (35.0, 55.0):
        spine = drawn(0, replace(PLAIN, lordosis_deg=(lordosis, lordosis)))
        first = spine.bones[2].local_from_world[2, :3]
        v = spine.settings.vertebrae[2]
        wedge = np.rad2deg(
            (v.height_anterior_mm - v.height_posterior_mm)
            / (0.5 * (v.depth_upper_mm + v.depth_lower_mm))
        )
        tilt = np.rad2deg(np.arctan2(first[1], first[2])) + 0.5 * wedge
        found = spine.settings.sacrum.slope_deg + tilt
        assert found == pytest.approx(lordosis, abs=1.0)


@pytest.mark.parametrize(("spacing", "usual", "worst"), [(1.1, 1e-4, 1e-4), (0.8, 0.15, 0.6)])
def test_a_grid_holds_the_same_distances_as_points(
    plain: Spine, spacing: float, usual: float, worst: float
) -> None:
    grid = VoxelGrid(first_lps_mm=(5.0, 10.0, -20.0), spacing_mm=spacing, shape=(40, 50, 45))
    fields = sample_bones(plain, grid)
    x, y, z = grid.axes_mm
    points = np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1)[..., ::-1].reshape(-1, 3)
    exact = bone_distance(plain, points).reshape(grid.shape)
    near = np.abs(exact) < 0.7
    assert near.sum() > 5000
    off = np.abs(fields.distance_mm[near] - exact[near])
    # Fine grids are interpolated from every second voxel.
    assert np.percentile(off, 95) < usual
    assert off.max() < worst
    assert set(np.unique(fields.part)) <= set(range(15))
    inside = fields.distance_mm < -1
    assert {6} <= set(np.unique(fields.part[inside])) <= {5, 6, 7}


@pytest.mark.parametrize("bounds", [(30.0, 20.0), (float("nan"), 3.0)])
def test_ranges_that_run_backwards_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="lordosis_deg"):
        SpineRanges(lordosis_deg=bounds)


def test_impossible_settings_are_refused(plain: Spine) -> None:
    settings = plain.settings
    with pytest.raises(InputError, match="pedicle_width_mm"):
        replace(settings.vertebrae[3], pedicle_width_mm=(9.0, 90.0))
    with pytest.raises(InputError, match="height_mm"):
        replace(settings.discs[0], height_mm=float("nan"))
    with pytest.raises(InputError, match="T11 to L5"):
        replace(settings, vertebrae=settings.vertebrae[::-1])
    narrow = replace(settings.discs[6], height_mm=3.0)
    with pytest.raises(InputError, match="too little for its angles"):
        replace(settings, discs=(*settings.discs[:6], narrow))
    with pytest.raises(InputError, match="scale"):
        replace(settings, scale=0.0)
    with pytest.raises(InputError, match="not built"):
        replace(settings.vertebrae[0], name=Vertebra.C3)
    with pytest.raises(InputError, match=r"\(N, 3\)"):
        bone_distance(plain, np.zeros(3))
