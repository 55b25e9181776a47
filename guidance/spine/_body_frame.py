"""Where the spine is at every height, and the outline that the trunk has around it.

The outline is drawn around the bones, whatever they are: a pelvis or a rib that reaches far out
pushes the muscle and the skin before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.records import FloatArray
from guidance.spine._body import BodySettings

LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
STEP_MM = 4.0
# The tables reach this far beyond the highest and the lowest level. Beyond them they are held.
ABOVE_MM, BELOW_MM = 90.0, 190.0
# Bones are looked for at this spacing; what is missed lies within its diagonal.
COARSE_MM = 7.0
# Soft tissue between bone and deep fascia, at the tips of spinous processes and at the iliac crest.
COVER_BACK_MM, COVER_SIDE_MM = 2.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyFrame:
    """Lines along the trunk, each a (K,) float64 array over `z_mm`. Millimetres, LPS.

    Attributes
    ----------
    z_mm : (K,) float64 array
        Heights, rising.
    spine_x, spine_y : (K,) float64 array
        Middle of the vertebral bodies.
    spine_half : (K,) float64 array
        Half the width of the bodies.
    process_y : (K,) float64 array
        Tips of the transverse processes; where the canal's back wall is, roughly.
    process_half : (K,) float64 array
        From the middle to those tips.
    back_y : (K,) float64 array
        Deep fascia of the back in the midline.
    front_y : (K,) float64 array
        Outer border of the abdominal muscles in the midline.
    center_x : (K,) float64 array
        Middle of the trunk.
    half_width : (K,) float64 array
        Of the trunk, to the deep fascia.
    pelvis : (K,) float64 array
        0 above the iliac crests, rising to 1 within the pelvis.
    above_l3 : (K,) float64 array
        Height above the middle of L3.
    levels_mm : tuple of (str, float)
        Heights of the levels' middles, T11 to S4.
    """

    z_mm: FloatArray
    spine_x: FloatArray
    spine_y: FloatArray
    spine_half: FloatArray
    process_y: FloatArray
    process_half: FloatArray
    back_y: FloatArray
    front_y: FloatArray
    center_x: FloatArray
    half_width: FloatArray
    pelvis: FloatArray
    above_l3: FloatArray
    levels_mm: tuple[tuple[str, float], ...]

    def level(self, name: str) -> float:
        """Return the height of a level's middle; ``"T11+90"`` is 90 mm above that of T11."""
        plain = name.replace("-", "+-").split("+")
        height = dict(self.levels_mm)[plain[0]]
        return height + (float(plain[1]) if len(plain) > 1 else 0.0)

    def at(self, z_mm: FloatArray) -> "BodyFrame":
        """Return the lines at other heights; held at their ends."""
        return BodyFrame(
            levels_mm=self.levels_mm,
            **{
                f.name: np.interp(z_mm, self.z_mm, getattr(self, f.name))
                for f in fields(self)
                if f.name != "levels_mm"
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoneExtents:
    """How far the bones reach at every height. Millimetres, LPS.

    Attributes
    ----------
    z_mm : (K,) float64 array
        Heights, rising.
    back_y, half_x : (K,) float64 array
        Rearmost bone near the midline, and the greatest distance from x = 0; NaN where no bone is.
    """

    z_mm: FloatArray
    back_y: FloatArray
    half_x: FloatArray


def extents_grid(landmarks: Mapping[str, FloatArray]) -> VoxelGrid:
    """Return the coarse grid in which bones are looked for."""
    points = np.array(list(landmarks.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    return grid_about(
        (low[0] - 130.0, low[1] - 60.0, low[2] - 130.0),
        (high[0] + 130.0, high[1] + 90.0, high[2] + 60.0),
        COARSE_MM,
    )


def measure_extents(grid: VoxelGrid, distance_mm: FloatArray) -> BoneExtents:
    """Return how far the bones reach, from their signed distances on a coarse grid (S, R, C)."""
    x, y, z = grid.axes_mm
    # A voxel this near holds bone or touches it; thin ribs lie between the voxels' centres.
    is_bone = distance_mm < 0.6 * grid.spacing_mm
    behind = is_bone[:, :, np.abs(x) < 60].any(axis=2)
    aside = is_bone.any(axis=1)
    back = np.where(behind, y[None, :], -np.inf).max(axis=1)
    half = np.where(aside, np.abs(x)[None, :], -np.inf).max(axis=1)
    return BoneExtents(
        z_mm=z,
        back_y=np.where(np.isfinite(back), back, np.nan),
        half_x=np.where(np.isfinite(half), half, np.nan),
    )


def _line(
    landmarks: Mapping[str, FloatArray], names: list[str], axis: int, z: FloatArray
) -> FloatArray:
    """Return one coordinate of landmarks against the heights of the bodies, held at the ends."""
    heights = [float(landmarks[f"{name.split('.')[0]}.body"][2]) for name in names]
    values = [float(landmarks[name][axis]) for name in names]
    order = np.argsort(heights)
    curve = PchipInterpolator(np.array(heights)[order], np.array(values)[order])
    held: FloatArray = curve(np.clip(z, min(heights), max(heights)))
    return held


def _smooth(values: FloatArray, sigma_mm: float) -> FloatArray:
    smoothed: FloatArray = gaussian_filter1d(values, sigma_mm / STEP_MM, mode="nearest")
    return smoothed


def _around(values: FloatArray, known_z: FloatArray, z: FloatArray, reach_mm: float) -> FloatArray:
    """Return a smooth line that nowhere lies below the known values."""
    known = np.isfinite(values)
    line = np.interp(z, known_z[known], values[known])
    highest = maximum_filter1d(line, 2 * round(reach_mm / STEP_MM) + 1, mode="nearest")
    return _smooth(highest, reach_mm / 2)


def build_frame(
    landmarks: Mapping[str, FloatArray], extents: BoneExtents, body: BodySettings
) -> BodyFrame:
    """Return the lines along which the soft body is built.

    Parameters
    ----------
    landmarks : mapping of str to (3,) float64 array
        Of the spine, by the contract's names.
    extents : BoneExtents
        Of all bones.
    body : BodySettings
        The body.
    """
    levels = [level for level in LEVELS if f"{level}.body" in landmarks]
    if len(levels) < 3 or "L3" not in levels or "L5" not in levels:
        raise InputError(
            f"the spine has landmarks of {', '.join(levels) or 'no level'}; expected at least "
            "three levels with L3 and L5, or there is nothing to build a body around"
        )
    heights = [float(landmarks[f"{level}.body"][2]) for level in levels]
    z = np.arange(min(heights) - BELOW_MM, max(heights) + ABOVE_MM, STEP_MM)
    height_of = _level_heights(dict(zip(levels, heights, strict=True)))
    bodies = [f"{level}.body" for level in levels]
    tips = [
        [f"{level}.{side}.transverse_process_tip" for level in levels if level != "S1"]
        for side in ("left", "right")
    ]
    corners = [
        [f"{level}.{side}.superior_endplate" for level in levels] for side in ("left", "right")
    ]
    left_tip, right_tip = (_line(landmarks, names, 0, z) for names in tips)
    left_edge, right_edge = (_line(landmarks, names, 0, z) for names in corners)
    process_y = np.mean([_line(landmarks, names, 1, z) for names in tips], axis=0)
    back = _around(extents.back_y, extents.z_mm, z, 28.0) + COVER_BACK_MM
    spine_x = _smooth(_line(landmarks, bodies, 0, z), 8.0)
    # A waist at L3, wider at the ribs and at the pelvis. Guess, after CT of one patient.
    l3, l5, top = height_of["L3"], height_of["L5"], max(heights)
    width = np.interp(z, [l5 - 130, l5 - 30, l3 + 5, top, top + 60], [1.14, 1.08, 1.0, 1.06, 1.10])
    depth = np.interp(z, [l5 - 120, l5, l3, top], [0.92, 0.97, 1.0, 1.06])
    press = 1 - 0.10 * body.prone_flattening * body.is_prone
    bone_half = _around(extents.half_x, extents.z_mm, z, 44.0) + COVER_SIDE_MM
    lean_half = body.lean_width_mm / 2 * width * (2 - press)
    back_at_l3 = float(np.interp(l3, z, back))
    front = back_at_l3 - body.lean_depth_mm * press * _smooth(depth, 20.0)
    spine_y = _smooth(_line(landmarks, bodies, 1, z), 8.0)
    # There is at least a hand's breadth of belly before the spine.
    front = np.minimum(front, _smooth(spine_y, 20.0) - 62.0)
    return BodyFrame(
        z_mm=z,
        spine_x=spine_x,
        spine_y=spine_y,
        spine_half=(left_edge - right_edge) / 2,
        process_y=_smooth(process_y, 8.0),
        process_half=np.abs(left_tip - right_tip) / 2,
        back_y=back,
        front_y=_smooth(front, 16.0),
        center_x=0.5 * _smooth(spine_x, 40.0),
        half_width=_smooth(np.maximum(lean_half, bone_half), 12.0),
        pelvis=np.clip((l5 - 5 - z) / 45, 0, 1),
        above_l3=z - l3,
        levels_mm=tuple(height_of.items()),
    )


def _level_heights(known: dict[str, float]) -> dict[str, float]:
    """Return the heights of T11 to S4, those that the spine lacks set by their neighbours."""
    step = (known["L3"] - known["L5"]) / 2
    heights = dict(known)
    for k, name in enumerate(("L2", "L1", "T12", "T11"), start=1):
        heights.setdefault(name, known["L3"] + step * k)
    heights.setdefault("L4", known["L3"] - step)
    heights.setdefault("S1", known["L5"] - 0.9 * step)
    # The sacrum leans back: its segments follow each other closely. Guess.
    for k in (2, 3, 4):
        heights[f"S{k}"] = heights["S1"] - 24.0 * (k - 1)
    return heights
