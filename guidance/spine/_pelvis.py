"""Hip bones and floating ribs: their tables of primitives.

The hip frame has the world's axes and its origin in the middle of the S1 endplate. Its points are
about those of an adult pelvis; those that `SacrumSettings` does not name are guesses. The
acetabulum is a cup without its notch, and there is no femur.
"""

import numpy as np
from scipy.interpolate import CubicSpline

from guidance.records import FloatArray
from guidance.spine._kernels import INTERSECT, SUBTRACT
from guidance.spine._sacrum import SIGNS
from guidance.spine._settings import RibSettings, SacrumSettings, VertebraSettings
from guidance.spine._shape import Shape, unit, vector
from guidance.spine._vertebra import Arch

# Width of the sacroiliac joint's gap with its cartilage: about 2 to 3 mm.
SACROILIAC_GAP_MM = 2.4
# The wing's outline in its own plane, from the posterior superior spine forwards along the crest
# to the anterior superior spine, then down the front and back by the sciatic notch. Guess.
WING_OUTLINE = np.array(
    (
        (-66.0, -6.0),
        (-58.0, 18.0),
        (-38.0, 38.0),
        (-12.0, 50.0),
        (14.0, 54.0),
        (38.0, 47.0),
        (56.0, 29.0),
        (68.0, 4.0),
        (66.0, -8.0),
        (56.0, -18.0),
        (58.0, -36.0),
        (48.0, -62.0),
        (14.0, -66.0),
        (0.0, -46.0),
        (-14.0, -34.0),
        (-34.0, -36.0),
        (-56.0, -34.0),
        (-64.0, -22.0),
    )
)
WING_CORNERS = 32
HIP_CENTER_MM = (88.0, -20.0, -98.0)  # against S1, about: pelvic incidence some 50 degrees


def rounded_outline(corners: FloatArray, n: int) -> FloatArray:
    """Return `n` corners evenly along a closed cubic spline through the given ones, (n, 2)."""
    closed = np.vstack((corners, corners[:1]))
    at = np.concatenate(((0.0,), np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))))
    spline = CubicSpline(at, closed, bc_type="periodic")
    outline: FloatArray = spline(np.linspace(0.0, at[-1], n, endpoint=False))
    return outline


def hip_table(s: SacrumSettings, side: int) -> FloatArray:
    """Return a hip bone's table."""
    sign, shape = SIGNS[side], Shape()
    flip = np.array((sign, 1.0, 1.0))
    along = unit((0.66, -0.75, 0.0))
    up = np.array((0.52, 0.06, 1.0))
    up = unit(up - (up @ along) * along)
    across = np.cross(along, up)  # backwards and outwards
    across = across if across[0] > 0 else -across
    axes = np.stack((along, up, across)) * flip
    top = float(54.0 * up[2])
    center = flip * (
        0.5 * s.crest_span_mm - 60.0,
        17.0,
        s.crest_above_mm - top - 4.0,
    )
    outline = rounded_outline(WING_OUTLINE, WING_CORNERS)
    shape.blade(center, axes, (2.6, 6.0, 0.0026, -0.0012, 3.0), outline)
    # The thick posterior part that carries the sacroiliac joint.
    reach = s.ala_reach_mm[side]
    for a, b in (
        ((reach + 8.0, 22.0, -20.0), (reach - 6.0, 52.0, -16.0)),
        ((reach + 9.0, 16.0, -34.0), (reach - 4.0, 46.0, -40.0)),
        ((reach + 9.0, 16.0, -34.0), (84.0, -8.0, -72.0)),
    ):
        shape.cone(flip * a, flip * b, (6.0, 6.0), flatness=1.9, blend=9.0)
    hip = flip * HIP_CENTER_MM
    inner = hip - (sign * 5.0, 0.0, -3.0)
    shape.ellipsoid(inner, np.eye(3), (29.0, 31.0, 31.0), blend=10.0)
    # Ischium, superior and inferior ramus of the pubis.
    tuber, symphysis = flip * (66.0, 22.0, -162.0), flip * (11.0, -58.0, -120.0)
    shape.cone(hip + vector(0, 12.0, -12.0), tuber, (15.0, 14.0), blend=8.0)
    shape.cone(inner + vector(0, -16.0, -6.0), symphysis, (10.0, 8.0), blend=8.0)
    shape.cone(symphysis, symphysis + vector(0.0, 8.0, -26.0), (8.5, 8.0), blend=4.0)
    shape.cone(symphysis + vector(0.0, 8.0, -26.0), tuber, (7.5, 9.0), flatness=1.2, blend=4.0)
    shape.close()
    shape.ellipsoid(hip + vector(sign * 7.0, -3.0, -5.0), np.eye(3), (25.5, 25.5, 25.5))
    shape.close(SUBTRACT, 2.0)
    # Neither side crosses the midline.
    shape.plane((sign * 2.0, 0, 0), (-sign, 0, 0))
    shape.close(INTERSECT, 1.0)
    return shape.table()


def rib_table(rib: RibSettings, v: VertebraSettings, arch: Arch, side: int) -> FloatArray:
    """Return a floating rib's table, in its vertebra's frame."""
    sign, shape = SIGNS[side], Shape()
    half_width = 0.25 * (v.width_upper_mm + v.width_lower_mm)
    z = float(arch.isthmus[side][2])
    # The head rests against the side of the body, in front of the pedicle.
    head = np.array((sign * (half_width - v.waist_mm + 4.4), arch.wall_mm - 6.0, z))
    # The chest wall is an ellipse seen from above. Guess.
    phi = np.deg2rad(np.linspace(20.0, 140.0, 60))
    x, y = 118.0 * np.sin(phi), arch.wall_mm - 66.0 + 92.0 * np.cos(phi)
    steps = np.hypot(np.diff(x), np.diff(y))
    neck = float(np.hypot(x[0] - abs(head[0]), y[0] - head[1]))
    slope = np.cos(np.deg2rad(rib.drop_deg))
    run = neck + np.concatenate(((0.0,), np.cumsum(steps)))
    length = slope * rib.length_mm[side]
    n = int(np.clip(np.ceil(length / 12.0), 4, 18))
    at = np.linspace(min(neck, 0.6 * length), length, n)
    # Level beside the spine, then ever more steeply, so that it clears the processes below.
    drop = np.tan(np.deg2rad(rib.drop_deg)) * at * at / (at + 22.0)
    points = [head]
    points += [
        np.array((sign * np.interp(a, run, x), np.interp(a, run, y), z - 1.0 - d))
        for a, d in zip(at, drop, strict=True)
    ]
    radii = np.linspace(rib.radius_mm, 0.62 * rib.radius_mm, len(points)) / 1.6
    for i in range(len(points) - 1):
        shape.cone(points[i], points[i + 1], (radii[i], radii[i + 1]), flatness=1.6, blend=2.0)
    shape.cone(points[0], points[0] - (sign * 0.5, 0.5, 0.0), (3.6, 3.2), blend=2.0)
    shape.close()
    return shape.table()
