"""Fills what lies between the bones: discs, joint spaces, canal with the thecal sac, foramina.

Distances are right to first order. Bones are filled afterwards and cut these spaces off where they
begin, so a space may reach a little into bone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.geometry import VoxelGrid
from guidance.records import FloatArray
from guidance.spine._build import Spine
from guidance.spine._spaces import Canal, Disc, FacetJoint, Foramen
from guidance.spine._tissues import FILLINGS, Filling, Tissue

# A disc reaches into the hollows of its endplates. Millimetres.
DISC_OVERLAP_MM = 4.0
# The sac fills about two thirds of the canal's width and lies in front; fat behind it. Guess, after
# axial CT; it ends at S2.
SAC_WIDTH, SAC_DEPTH = 0.80, 0.84
# Nerve root and ganglion in the upper foramen: 5 to 7 mm wide (Hasegawa et al., Spine 21:1005,
# 1996).
ROOT_RADIUS_MM = 2.8
FORAMEN_REACH_MM = 9.0


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Voxels being filled, and where they lie. Arrays (S, R, C); masses in g/cm3."""

    grid: VoxelGrid
    soft: NDArray[np.float32]
    adipose: NDArray[np.float32]
    mineral: NDArray[np.float32]
    label: NDArray[np.uint8]

    def box(
        self, low: FloatArray, high: FloatArray
    ) -> tuple[tuple[slice, slice, slice], FloatArray, FloatArray, FloatArray] | None:
        """Return the voxels of a box (x, y, z) and their coordinates, None where there are none."""
        slices, axes = [], []
        for axis, a, b in zip(self.grid.axes_mm, low, high, strict=True):
            first, last = np.searchsorted(axis, a), np.searchsorted(axis, b, side="right")
            if last <= first:
                return None
            slices.append(slice(int(first), int(last)))
            axes.append(axis[first:last])
        x, y, z = axes
        cut = (slices[2], slices[1], slices[0])
        return cut, x[None, None, :], y[None, :, None], z[:, None, None]

    def put(
        self,
        cut: tuple[slice, slice, slice],
        depth_mm: FloatArray,
        filling: Filling,
        tissue: Tissue,
    ) -> None:
        """Fill what lies deeper than 0 within a box."""
        share = np.clip(0.5 + depth_mm / self.grid.spacing_mm, 0, 1).astype(np.float32)
        _, soft, adipose, mineral = FILLINGS[filling]
        rest = 1 - share
        for array, mass in (
            (self.soft, soft),
            (self.adipose, adipose),
            (self.mineral, mineral),
        ):
            array[cut] = rest * array[cut] + share * np.float32(mass)
        self.label[cut] = np.where(share >= 0.5, np.uint8(tissue), self.label[cut])


def fill_spaces(mixture: Mixture, spine: Spine) -> None:
    """Fill canal, foramina, discs and joints of a spine, in this order."""
    _fill_canal(mixture, spine.canal)
    for foramen in spine.foramina:
        _fill_foramen(mixture, foramen)
    for disc in spine.discs:
        _fill_disc(mixture, disc)
    for joint in spine.facet_joints:
        _fill_joint(mixture, joint)


def _around(points: Sequence[FloatArray], reach_mm: float) -> tuple[FloatArray, FloatArray]:
    array = np.array(points)
    return array.min(axis=0) - reach_mm, array.max(axis=0) + reach_mm


def _ellipse_depth(
    u: FloatArray, v: FloatArray, half_u: FloatArray | float, half_v: FloatArray | float
) -> FloatArray:
    """Return the depth inside an ellipse, right to first order."""
    s = np.hypot(u / half_u, v / half_v)
    grade = np.hypot(u / half_u**2, v / half_v**2)
    # In the very middle both vanish, and the way out is the shorter half axis.
    reach = np.where(grade > 1e-9, s / np.maximum(grade, 1e-9), np.minimum(half_u, half_v))
    depth: FloatArray = (1 - s) * reach
    return depth


def _fill_canal(mixture: Mixture, canal: Canal) -> None:
    line = canal.centerline_lps_mm
    order = np.argsort(line[:, 2])
    heights = line[order, 2]
    reach = float(canal.half_width_mm.max()) + 2.0
    found = mixture.box(*_around(list(line), reach))
    if found is None:
        return
    cut, x, y, z = found
    inside = (z >= heights[0]) & (z <= heights[-1])
    cx, cy = (np.interp(z, heights, line[order, k]) for k in (0, 1))
    half_x = np.interp(z, heights, canal.half_width_mm[order])
    half_y = np.interp(z, heights, canal.half_depth_mm[order])
    # A little wider than the ellipse: fat fills the corners that the bone leaves.
    depth = np.where(inside, _ellipse_depth(x - cx, y - cy, half_x + 1.5, half_y + 1.5), -99.0)
    mixture.put(cut, depth, Filling.FAT, Tissue.EPIDURAL)
    # The sac tapers towards S2, below the end of this canal.
    taper = np.clip(0.55 + (z - heights[0]) / 80, 0.55, 1)
    depth = np.where(
        inside,
        _ellipse_depth(
            x - cx, y - (cy - 0.12 * half_y), SAC_WIDTH * half_x * taper, SAC_DEPTH * half_y * taper
        ),
        -99.0,
    )
    mixture.put(cut, depth, Filling.SAC, Tissue.THECAL_SAC)


def _fill_foramen(mixture: Mixture, foramen: Foramen) -> None:
    """Fill fat around a nerve root that leaves through the upper part."""
    out, up = foramen.outward, foramen.up
    low, high = _around([foramen.center_lps_mm], 1.3 * foramen.half_height_mm + FORAMEN_REACH_MM)
    found = mixture.box(low, high)
    if found is None:
        return
    cut, x, y, z = found
    dx, dy, dz = (c - p for c, p in zip((x, y, z), foramen.center_lps_mm, strict=True))
    along = dx * out[0] + dy * out[1] + dz * out[2]
    across = np.cross(up, out)
    v = dx * up[0] + dy * up[1] + dz * up[2]
    u = dx * across[0] + dy * across[1] + dz * across[2]
    # Wider than the passage itself; bone and disc take back what is theirs.
    depth = _ellipse_depth(u, v, foramen.half_depth_mm + 2.0, foramen.half_height_mm)
    depth = np.minimum(depth, FORAMEN_REACH_MM - np.abs(along))
    mixture.put(cut, depth, Filling.FAT, Tissue.EPIDURAL)
    # The root slopes down and forward as it leaves.
    root = np.hypot(u * np.ones_like(v), v - 0.42 * foramen.half_height_mm + 0.55 * (along + 2.0))
    depth = np.minimum(ROOT_RADIUS_MM - root, FORAMEN_REACH_MM + 3.0 - np.abs(along))
    mixture.put(cut, depth, Filling.MUSCLE, Tissue.THECAL_SAC)


def _fill_disc(mixture: Mixture, disc: Disc) -> None:
    reach = max(disc.half_width_mm, disc.half_depth_mm) + DISC_OVERLAP_MM
    found = mixture.box(*_around([disc.center_lps_mm], reach))
    if found is None:
        return
    cut, x, y, z = found
    dx, dy, dz = (c - p for c, p in zip((x, y, z), disc.center_lps_mm, strict=True))
    front = np.cross(disc.normal, disc.lateral)
    u = dx * disc.lateral[0] + dy * disc.lateral[1] + dz * disc.lateral[2]
    v = dx * front[0] + dy * front[1] + dz * front[2]
    w = dx * disc.normal[0] + dy * disc.normal[1] + dz * disc.normal[2]
    # Its hind border is flat: the ellipse is cut off behind the bodies' walls.
    depth = _ellipse_depth(u, v, disc.half_width_mm, disc.half_depth_mm)
    thick = 0.5 * disc.thickness_mm + DISC_OVERLAP_MM
    mixture.put(cut, np.minimum(depth, thick - np.abs(w)), Filling.DISC, Tissue.DISC)


def _fill_joint(mixture: Mixture, joint: FacetJoint) -> None:
    found = mixture.box(
        *_around([joint.center_lps_mm], 0.75 * max(joint.width_mm, joint.height_mm))
    )
    if found is None:
        return
    cut, x, y, z = found
    dx, dy, dz = (c - p for c, p in zip((x, y, z), joint.center_lps_mm, strict=True))
    n, a, u = (
        dx * axis[0] + dy * axis[1] + dz * axis[2]
        for axis in (joint.normal, joint.across, joint.up)
    )
    depth = 0.5 * joint.gap_mm + 0.3 - np.abs(np.hypot(a, n - joint.curve_mm) - joint.curve_mm)
    edge = _ellipse_depth(a, u, 0.54 * joint.width_mm, 0.54 * joint.height_mm)
    mixture.put(cut, np.minimum(depth, edge), Filling.JOINT, Tissue.JOINT_SPACE)
