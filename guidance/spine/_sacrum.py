"""The sacrum: its table of primitives and its landmarks' seeds.

Frame: origin in the middle of the S1 endplate, x left, y backwards along the endplate, z out of it.
The segments below S1 are simple. Sizes that `SacrumSettings` does not name are guesses set beside
the open meshes named in docs/spine.md.
"""

from dataclasses import dataclass

import numpy as np

from guidance.records import FloatArray
from guidance.spine._chain import turn_x
from guidance.spine._joints import (
    JointFrame,
    add_superior_process,
    clear_inferior_process,
    facet_joint,
)
from guidance.spine._kernels import SUBTRACT
from guidance.spine._settings import SACRAL_HOLLOW_MM, DiscSettings, SacrumSettings
from guidance.spine._shape import Shape, vector
from guidance.spine._vertebra import facet_rise

SIGNS = (1, -1)
# Of the sacral length that each segment takes, and its width and depth against S1's. Guess.
SEGMENT_SHARE = (0.265, 0.225, 0.195, 0.17, 0.145)
SEGMENT_WIDTH = (1.0, 0.70, 0.56, 0.48, 0.42, 0.34)
SEGMENT_DEPTH = (1.0, 0.72, 0.52, 0.42, 0.34, 0.26)
# Half width of the gutter between the ala and the superior articular process. Guess.
GUTTER_RADIUS_MM = 5.0
# Depth of the canal behind S1 to S4. About 15 mm at S1, closing below S4.
CANAL_DEPTH_MM = (15.0, 11.0, 8.0, 6.5, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SacralFrame:
    """The curve of the sacrum: where each segment begins, and how it is turned.

    Attributes
    ----------
    tops : (6, 3) float64 array
        Middle of the upper end of S1..S5, and the tip.
    turns : (5, 3, 3) float64 array
        Axes of each segment, in columns.
    half_width, half_depth : (6,) float64 arrays
        Of the segments' upper ends.
    """

    tops: FloatArray
    turns: FloatArray
    half_width: FloatArray
    half_depth: FloatArray

    def at(self, segment: int, x: float, y: float, down: float) -> FloatArray:
        """Return a point of a segment's frame: x left, y back, `down` from its top."""
        point: FloatArray = self.tops[segment] + self.turns[segment] @ np.array((x, y, -down))
        return point


def sacral_frame(s: SacrumSettings) -> SacralFrame:
    """Return the sacrum's curve."""
    tops, turns = [np.zeros(3)], []
    for i, share in enumerate(SEGMENT_SHARE):
        # The bend gathers in the lower half.
        turn = turn_x(-s.bend_deg * (i / 4) ** 1.4)
        turns.append(turn)
        tops.append(tops[-1] - share * s.length_mm * turn[:, 2])
    return SacralFrame(
        tops=np.array(tops),
        turns=np.array(turns),
        half_width=0.5 * s.endplate_width_mm * np.array(SEGMENT_WIDTH),
        half_depth=0.5 * s.endplate_depth_mm * np.array(SEGMENT_DEPTH),
    )


def sacral_joints(s: SacrumSettings, disc: DiscSettings) -> tuple[JointFrame, JointFrame]:
    """Return the superior facets of S1 (left, right)."""
    depth = 0.5 * s.endplate_depth_mm + 15.0
    rise = facet_rise(depth, disc, 0.0)
    left, right = (facet_joint(s.facets, sign, depth, rise, 8.0) for sign in SIGNS)
    return left, right


def _add_lateral_mass(shape: Shape, s: SacrumSettings, frame: SacralFrame, side: int) -> None:
    """Add one ala and what lies below it."""
    sign, reach = SIGNS[side], s.ala_reach_mm[side]
    # Bars from the midline outwards. Their ends (x of the outer one a share of the reach), half
    # thickness, wide direction, and how much wider they are that way.
    deep, high = np.array((0.0, 1.0, -0.25)), [turn[:, 2] for turn in frame.turns]
    bars = (
        (vector(sign * 12.0, 8.0, -11.0), frame.at(0, sign * 1.0, 15.0, 15.0), 9.5, deep, 1.6),
        (
            frame.at(0, sign * 8.0, 6.0, 27.0),
            frame.at(0, sign * 0.98, 12.0, 31.0),
            10.0,
            high[0],
            1.2,
        ),
        (
            frame.at(1, sign * 6.0, 4.0, 14.0),
            frame.at(1, sign * 0.84, 8.0, 14.0),
            9.0,
            high[1],
            1.3,
        ),
        (
            frame.at(2, sign * 6.0, 3.0, 11.0),
            frame.at(2, sign * 0.63, 5.0, 11.0),
            7.2,
            high[2],
            1.5,
        ),
        (frame.at(3, sign * 5.0, 2.0, 9.0), frame.at(3, sign * 0.45, 3.0, 9.0), 5.5, high[3], 1.7),
        (frame.at(4, sign * 4.0, 1.0, 6.0), frame.at(4, sign * 0.30, 1.0, 6.0), 4.2, high[4], 1.8),
    )
    previous: tuple[FloatArray, float] | None = None
    for a, b, r, wide, flatness in bars:
        end = np.array((b[0] * reach - sign * r, b[1], b[2]))
        shape.cone(a, end, (r, r), wide=wide, flatness=flatness)
        if previous is not None:
            # The edge that carries the joint with the ilium.
            radii = previous[1], 0.95 * r
            shape.cone(previous[0], end, radii, wide=deep, flatness=1.15, blend=6.0)
        shape.close(blend=6.0)
        previous = end, 0.95 * r


def _add_bodies(shape: Shape, s: SacrumSettings, frame: SacralFrame) -> None:
    for i in range(5):
        height = SEGMENT_SHARE[i] * s.length_mm + (0.0 if i == 0 else 3.0)
        center = frame.at(i, 0.0, 0.0, 0.5 * height - (0.0 if i == 0 else 1.5))
        w, d = frame.half_width, frame.half_depth
        hollow = SACRAL_HOLLOW_MM if i == 0 else 0.0
        shape.body(
            center,
            frame.turns[i].T,
            (w[i], w[i + 1], d[i], d[i + 1], height, height, 1.5, hollow, 0, 0.5, 0, 0, 2.5),
        )
        shape.close(blend=3.0)


def _add_dorsal_wall(shape: Shape, s: SacrumSettings, frame: SacralFrame) -> None:
    """Laminae, the median crest and the intermediate crests, S1 to S4."""
    previous = None
    for i in range(4):
        back = frame.half_depth[i] + CANAL_DEPTH_MM[i]
        length = SEGMENT_SHARE[i] * s.length_mm
        half, down = (0.43 * length, 0.62 * length) if i == 0 else (0.56 * length, 0.5 * length)
        side_x = 0.5 * frame.half_width[i] + 5.0
        along = frame.turns[i][:, 2]
        middle = frame.at(i, 0.0, back + 2.5, down)
        for sign in SIGNS:
            flank = frame.at(i, sign * side_x, back - 3.5, down)
            deep = frame.at(i, sign * (side_x + 12.0 - 1.5 * i), 0.55 * back, down)
            shape.cone(flank, middle, (4.0, 3.0), wide=along, flatness=half / 3.4, blend=4.0)
            shape.cone(flank, deep, (4.4, 4.4), wide=along, flatness=half / 4.4, blend=4.0)
        spine = frame.at(i, 0.0, back + 6.5 - 1.2 * i, down + 2.0)
        shape.cone(middle, spine, (3.2, 2.6), wide=along, flatness=2.2, blend=4.0)
        if previous is not None:
            shape.cone(previous, middle, (2.8, 2.8), blend=4.0)
        previous = middle
        shape.close(blend=5.0)


def gutter_ridge(joint: JointFrame, sign: int) -> FloatArray:
    """Return where the gutter between ala and SAP is highest, about (3,)."""
    aside = abs(float(joint.sap_middle[0] + 0.8 * joint.sap_half[0] * joint.across[0])) + 1.5
    return vector(sign * aside, float(joint.sap_low[1]) - 6.5, -7.5)


def _cut_gutters(shape: Shape, joints: tuple[JointFrame, JointFrame]) -> None:
    """Hollow the ala beside the SAP: a saddle that falls forwards and backwards."""
    for joint, sign in zip(joints, SIGNS, strict=True):
        ridge = gutter_ridge(joint, sign) + vector(0.0, 0.0, GUTTER_RADIUS_MM)
        front = ridge + vector(0.0, -16.0, -2.5)
        back = ridge + vector(-sign * 1.0, 16.0, -6.0)
        shape.cone(front, ridge, (GUTTER_RADIUS_MM, GUTTER_RADIUS_MM))
        shape.cone(ridge, back, (GUTTER_RADIUS_MM, GUTTER_RADIUS_MM), blend=2.0)
        shape.close(SUBTRACT, 2.0)


def _cut_canal(shape: Shape, frame: SacralFrame) -> None:
    for i in range(4):
        y = frame.half_depth[i] + 0.5 * CANAL_DEPTH_MM[i]
        y_next = frame.half_depth[i + 1] + 0.5 * CANAL_DEPTH_MM[i + 1]
        top = frame.at(i, 0.0, y, -14.0 if i == 0 else 0.0)
        shape.cone(
            top,
            frame.at(i + 1, 0.0, y_next, 0.0),
            (0.45 * CANAL_DEPTH_MM[i], 0.45 * CANAL_DEPTH_MM[i + 1]),
            wide=(1.0, 0.0, 0.0),
            flatness=1.9 if i == 0 else 1.7,
        )
        shape.close(SUBTRACT, 1.5)


def _cut_foramina(shape: Shape, s: SacrumSettings, frame: SacralFrame) -> None:
    """Ventral and dorsal foramina S1 to S4, each a funnel from front to back."""
    for i in range(4):
        length = SEGMENT_SHARE[i] * s.length_mm
        x = frame.half_width[i + 1] + 3.0 - 0.6 * i
        for sign in SIGNS:
            front = frame.at(i, sign * (x + 2.0), -frame.half_depth[i + 1] - 6.0, length - 1.0)
            middle = frame.at(i, sign * (x - 1.0), 0.8 * frame.half_depth[i + 1], length - 3.0)
            back = frame.at(i, sign * (x - 1.5), frame.half_depth[i + 1] + 22.0, length - 3.0)
            shape.cone(front, middle, (7.2 - 0.8 * i, 4.6 - 0.5 * i))
            shape.cone(middle, back, (4.6 - 0.5 * i, 3.4 - 0.3 * i))
            shape.close(SUBTRACT, 2.5)


def sacrum_table(s: SacrumSettings, joints: tuple[JointFrame, JointFrame]) -> FloatArray:
    """Return the sacrum's table; `joints` are its superior facets."""
    frame, shape = sacral_frame(s), Shape()
    _add_bodies(shape, s, frame)
    for side in range(2):
        _add_lateral_mass(shape, s, frame, side)
    _add_dorsal_wall(shape, s, frame)
    _cut_canal(shape, frame)
    _cut_foramina(shape, s, frame)
    _cut_gutters(shape, joints)
    for side, sign in enumerate(SIGNS):
        low = joints[side].sap_low
        foot = low + vector(sign * 0.5, -3.0, -10.0)
        add_superior_process(shape, joints[side], foot, 2.5)
    for joint in joints:
        clear_inferior_process(shape, joint)
    # L5's disc and canal stay open above the endplate.
    return shape.table()
