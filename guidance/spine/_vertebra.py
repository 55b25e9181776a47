"""One vertebra: its table of primitives, and where its landmarks lie by construction.

Frame: origin in the middle of the body, x left, y posterior, z superior along the body's axis.
Shares of sizes that no table gives (where a lamina begins, how thick it is) are guesses, set beside
anatomical atlases and the open meshes named in docs/spine.md.
"""

from dataclasses import dataclass

import numpy as np

from guidance.anatomy import Vertebra
from guidance.records import FloatArray
from guidance.spine._chain import wedge_deg
from guidance.spine._joints import (
    JointFrame,
    add_inferior_process,
    add_superior_process,
    clear_inferior_process,
    clear_superior_process,
    facet_joint,
)
from guidance.spine._settings import DiscSettings, VertebraSettings
from guidance.spine._shape import UPRIGHT, Shape, vector

THORACIC = (Vertebra.T11, Vertebra.T12)
SIGNS = (1, -1)  # left, right

# Distance from the posterior wall to the pedicle's isthmus. About: pedicles are 8 to 10 mm long.
ISTHMUS_BEHIND_WALL_MM = 4.8
# Of the centre of the superior facet, where discs and bodies are no wedges. Guess.
FACET_ABOVE_ENDPLATE_MM = 2.0
# Height of the transverse process against its thickness from front to back. About.
TRANSVERSE_FLATNESS = 1.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arch:
    """Points of a vertebra's arch that several parts share; pairs are (left, right).

    Attributes
    ----------
    wall_mm : float
        y of the posterior wall of the body.
    isthmus : pair of (3,) arrays
        Centre of the pedicle at its narrowest.
    pedicle_end : pair of (3,) arrays
        Where the pedicle has passed into the articular column.
    root, tip : pair of (3,) arrays
        Ends of the transverse process's axis.
    root_half_mm : float
        Half height of the transverse process at its root.
    joints : pair of JointFrame
        Superior facets.
    spinous_tip_z_mm : float
        z of the middle of the spinous process's tip.
    """

    wall_mm: float
    isthmus: tuple[FloatArray, FloatArray]
    pedicle_end: tuple[FloatArray, FloatArray]
    root: tuple[FloatArray, FloatArray]
    tip: tuple[FloatArray, FloatArray]
    root_half_mm: float
    joints: tuple[JointFrame, JointFrame]
    spinous_tip_z_mm: float


def _pedicle_direction(v: VertebraSettings, sign: int) -> FloatArray:
    angle, tilt = np.deg2rad((v.pedicle_angle_deg, v.pedicle_tilt_deg))
    return np.array((sign * np.sin(angle), np.cos(angle) * np.cos(tilt), -np.sin(tilt)))


def facet_rise(y_mm: float, disc_above: DiscSettings | None, wedge_deg: float) -> float:
    """Return how far a superior facet at depth `y_mm` lies above the middle of the endplate.

    It stands level with the disc's lower half. Where disc and body are open in front, the arches
    behind come closer to each other, and the facet follows.
    """
    lordosis = disc_above.lordosis_deg if disc_above is not None else 0.0
    closing = np.tan(np.deg2rad(0.6 * lordosis)) + np.tan(np.deg2rad(0.5 * wedge_deg))
    return float(FACET_ABOVE_ENDPLATE_MM - closing * y_mm)


def lay_out_arch(v: VertebraSettings, disc_above: DiscSettings | None) -> Arch:
    """Return the points that the arch of a vertebra hangs on."""
    wall = 0.25 * (v.depth_upper_mm + v.depth_lower_mm)
    z_pedicle = 0.5 * v.height_posterior_mm - 0.5 * v.pedicle_height_mm - 0.8
    isthmus, ends, roots, tips, joints = [], [], [], [], []
    thoracic = v.name in THORACIC
    half = 4.6 if thoracic else {Vertebra.L5: 7.5, Vertebra.L4: 5.8}.get(v.name, 6.0)
    for side, sign in enumerate(SIGNS):
        width = v.pedicle_width_mm[side]
        middle = np.array(
            (
                sign * 0.5 * (v.canal_width_mm + width),
                wall + ISTHMUS_BEHIND_WALL_MM,
                z_pedicle,
            )
        )
        end = middle + 6.5 * _pedicle_direction(v, sign)
        isthmus.append(middle)
        ends.append(end)
        reach, rise = v.transverse_reach_mm[side], v.transverse_rise_mm[side]
        back = {Vertebra.T11: 9.0, Vertebra.T12: 5.0}.get(v.name, 4.5)
        root = end + vector(sign * 0.12 * width, -1.5 if v.name != Vertebra.L5 else -4.0, -1.5)
        tip = np.array((sign * (reach - 2.6), root[1] + back, root[2] + rise))
        roots.append(root)
        tips.append(tip)
        depth = wall + v.canal_depth_mm + (-2.0 if not thoracic else 1.0)
        joints.append(
            facet_joint(
                v.facets,
                sign,
                depth,
                0.5 * v.height_mm + facet_rise(depth, disc_above, wedge_deg(v)),
                10.0 if thoracic else 4.0,
            )
        )
    return Arch(
        wall_mm=wall,
        isthmus=(isthmus[0], isthmus[1]),
        pedicle_end=(ends[0], ends[1]),
        root=(roots[0], roots[1]),
        tip=(tips[0], tips[1]),
        root_half_mm=half,
        joints=(joints[0], joints[1]),
        spinous_tip_z_mm=lamina_middle(v) - 3.5 - v.spinous_drop_mm,
    )


def _add_body(shape: Shape, v: VertebraSettings) -> None:
    shape.body(
        np.zeros(3),
        UPRIGHT,
        (
            0.5 * v.width_upper_mm,
            0.5 * v.width_lower_mm,
            0.5 * v.depth_upper_mm,
            0.5 * v.depth_lower_mm,
            v.height_anterior_mm,
            v.height_posterior_mm,
            v.waist_mm,
            *v.endplate_hollow_mm,
            1.2,  # hollow of the posterior wall; guess
            *v.osteophyte_mm,
            2.2,  # rounding of the rim; guess
        ),
    )
    shape.close()


def _add_pedicle(shape: Shape, v: VertebraSettings, arch: Arch, side: int, sign: int) -> None:
    direction = _pedicle_direction(v, sign)
    width, height = 0.5 * v.pedicle_width_mm[side], 0.5 * v.pedicle_height_mm
    lateral = np.cross(direction, (0.0, 0.0, 1.0))
    wide = (0.0, 0.0, 1.0) if height >= width else lateral
    thin, broad = min(width, height), max(width, height)
    middle = arch.isthmus[side]
    shape.cone(
        middle - 9.0 * direction,
        middle + 9.5 * direction,
        (thin, 0.9 * thin),
        wide=wide,
        flatness=broad / thin,
    )
    shape.close(blend=4.0)


def _add_transverse(shape: Shape, v: VertebraSettings, arch: Arch, side: int, sign: int) -> None:
    root, tip = arch.root[side], arch.tip[side]
    half = arch.root_half_mm
    if v.name in THORACIC:
        shape.cone(root, tip, (4.4, 4.6 if v.name == Vertebra.T11 else 3.6))
        shape.close(blend=4.0)
        return
    if v.name == Vertebra.L5:
        # Stout: it arises from the whole side of the pedicle and even from the body.
        middle = root + 0.5 * (tip - root)
        shape.cone(root, middle, (6.0, 4.2), flatness=1.3)
        shape.cone(middle, tip, (4.2, 2.7), flatness=1.3, blend=3.0)
        foot = arch.isthmus[side] + vector(sign * 0.1 * v.pedicle_width_mm[side], -2.0, -1.0)
        shape.cone(foot, middle, (5.5, 4.0), blend=4.0)
    else:
        # A spatula: high at the root, narrower, and wider again before the tip.
        thin = half / TRANSVERSE_FLATNESS
        middle = root + 0.45 * (tip - root) + (0.0, 0.8, 0.0)
        shape.cone(root, middle, (1.15 * thin, 0.76 * thin), flatness=TRANSVERSE_FLATNESS)
        end = tip + vector(-sign * 4.0, 0.0, 0.0)
        shape.cone(middle, end, (0.76 * thin, 0.72 * thin), flatness=TRANSVERSE_FLATNESS, blend=0.3)
        shape.cone(end, tip, (0.72 * thin, 0.5 * thin), flatness=TRANSVERSE_FLATNESS, blend=0.3)
    # The accessory process: a knob at the back of the root. Size: guess.
    knob = accessory_process(arch, side, sign)
    shape.cone(knob - (sign * 0.5, 2.5, -1.0), knob, (2.4, 1.6), blend=3.0)
    shape.close(blend=4.5)


def accessory_process(arch: Arch, side: int, sign: int) -> FloatArray:
    """Return the middle of the accessory process, (3,)."""
    root = arch.root[side]
    point: FloatArray = root + vector(sign * 4.2, 3.8, -0.8 * arch.root_half_mm)
    return point


def _add_lamina(
    shape: Shape,
    v: VertebraSettings,
    arch: Arch,
    side: int,
    sign: int,
    below: JointFrame,
) -> None:
    wall, depth = arch.wall_mm, v.canal_depth_mm
    half, z = lamina_half_height(v), lamina_middle(v)
    inner = np.array((0.0, wall + depth + 3.6, z - 1.0))
    reach = 0.5 * v.canal_width_mm + 0.22 * v.pedicle_width_mm[side]
    outer = np.array((sign * reach, wall + 0.72 * depth, z + 1.0))
    shape.cone(outer, inner, (3.6, 3.6), wide=(0.0, -0.25, 1.0), flatness=half / 3.6)
    # The pars: a stout column from the pedicle's end under the SAP down into the IAP.
    start = arch.pedicle_end[side] + (-sign * 0.5, 1.5, -2.0)
    high = below.iap_high
    waist = 0.5 * (start + high) + (-sign * 0.6, 0.3, 0.0)
    shape.cone(start, waist, (5.4, 4.6), wide=(0.0, 1.0, 0.3), flatness=1.2, blend=4.0)
    shape.cone(waist, high, (4.6, 4.8), wide=below.across, flatness=1.3, blend=2.0)
    # And the web between the column and the lamina, down along the IAP.
    web = 0.55 * inner + 0.45 * outer - (0.0, 0.0, 0.55 * half)
    shape.cone(high, web, (4.4, 3.6), blend=4.0)
    shape.cone(below.iap_middle + 1.5 * below.normal, web, (3.6, 3.6), blend=4.0)
    shape.close(blend=3.5)


def lamina_half_height(v: VertebraSettings) -> float:
    """Return half the height of the laminae at the midline. Guess."""
    share = {Vertebra.L5: 0.34, Vertebra.L4: 0.39}.get(v.name, 0.43)
    return share * v.height_posterior_mm


def lamina_middle(v: VertebraSettings) -> float:
    """Return z of the middle of the laminae: they lie behind the lower half of the body."""
    return -0.20 * v.height_posterior_mm


def _add_spinous(shape: Shape, v: VertebraSettings, arch: Arch) -> None:
    half = 0.5 * v.spinous_height_mm
    top = lamina_middle(v) - 3.5
    start = np.array((0.0, arch.wall_mm + v.canal_depth_mm + 4.0, top))
    tip = np.array((0.0, v.spinous_reach_mm - 3.4, top - v.spinous_drop_mm))
    waist = 0.45 * start + 0.55 * tip
    shape.cone(start, waist, (3.4, 2.6), flatness=half / 3.4)
    shape.cone(waist, tip, (2.6, 2.7), flatness=0.86 * half / 2.7, blend=1.0)
    # The hatchet's thick posterior border, thickest below.
    shape.cone(
        tip + vector(0.0, -0.4, 0.6 * half - 2.5),
        tip + vector(0.0, -1.4, -(0.9 * half - 3.5)),
        (2.7, 4.3),
        blend=4.0,
    )
    shape.close(blend=4.0)


def vertebra_table(
    v: VertebraSettings,
    arch: Arch,
    below: tuple[JointFrame, JointFrame],
) -> FloatArray:
    """Return a vertebra's table.

    Parameters
    ----------
    v : VertebraSettings
        Sizes.
    arch : Arch
        Its layout.
    below : (left, right) JointFrame
        Joints with the level below, in this vertebra's frame.
    """
    shape = Shape()
    _add_body(shape, v)
    for side, sign in enumerate(SIGNS):
        _add_pedicle(shape, v, arch, side, sign)
        _add_lamina(shape, v, arch, side, sign, below[side])
        add_inferior_process(shape, below[side], 4.0)
    _add_spinous(shape, v, arch)
    for side, sign in enumerate(SIGNS):
        _add_transverse(shape, v, arch, side, sign)
        add_superior_process(shape, arch.joints[side], arch.pedicle_end[side], 3.5)
    for side in range(2):
        clear_inferior_process(shape, arch.joints[side])
        clear_superior_process(shape, below[side])
    return shape.table()
