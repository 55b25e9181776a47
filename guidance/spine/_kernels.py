"""Signed distances of bones, evaluated by numba from tables of primitives.

A bone is a table of rows, each a primitive in the bone's own frame (x left, y posterior, z
superior; millimetres) with the operation that joins it to what came before. Rows are gathered in
groups: a group is worked out by itself (so that a facet can be carved out of one process alone) and
then joined to the bone by its closing row. Distances are negative inside. They are exact for
cones and boxes and right to first order near the surface for the others; blends are the quadratic
smooth minimum of Quilez ("Smooth minimum", iquilezles.org).
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.records import FloatArray

# Columns of a row: kind, operation, blend (mm), bounding sphere (centre, radius), parameters.
KIND, OPERATION, BLEND, CENTER, RADIUS, FIRST = 0, 1, 2, 3, 6, 7
ROW_LENGTH = 96

CLOSE, CONE, BOX, ELLIPSOID, CYLINDER, PLANE, BODY, BLADE, OPEN = range(9)
UNION, SUBTRACT, INTERSECT = range(3)

FAR_MM = 1.0e3
# Beyond this, the distance to a primitive's bounding sphere stands for that to the primitive.
COARSE_BEYOND_MM = 24.0
# Farther out of a bone than this, what it keeps clear of no longer matters.
KEPT_WITHIN_MM = 4.0


@njit(cache=True, nogil=True)
def smooth_min(a: float, b: float, k: float) -> float:
    """Return the quadratic smooth minimum; exactly the lesser where they differ by `k` or more."""
    h = k - abs(a - b)
    if h <= 0.0:
        return min(a, b)
    return min(a, b) - 0.25 * h * h / k


@njit(cache=True, nogil=True)
def join(value: float, other: float, operation: int, k: float) -> float:
    """Return two distances joined by union, subtraction or intersection."""
    if operation == UNION:
        return smooth_min(value, other, k)
    if operation == SUBTRACT:
        return -smooth_min(-value, other, k)
    return -smooth_min(-value, -other, k)


@njit(cache=True, nogil=True)
def cone_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Tapered capsule from a to b, squashed along a direction (so that it is flat there).

    Parameters: a (3), b (3), radius at a, radius at b (in the thin direction), wide direction (3),
    thin over wide. Distances are taken in the squashed space and put right to first order.
    """
    ax, ay, az = row[7], row[8], row[9]
    bx, by, bz = row[10] - ax, row[11] - ay, row[12] - az
    ra, rb = row[13], row[14]
    nx, ny, nz, squash = row[15], row[16], row[17], row[18]
    px, py, pz = x - ax, y - ay, z - az
    along_p = (squash - 1.0) * (px * nx + py * ny + pz * nz)
    px, py, pz = px + along_p * nx, py + along_p * ny, pz + along_p * nz
    along_b = (squash - 1.0) * (bx * nx + by * ny + bz * nz)
    bx, by, bz = bx + along_b * nx, by + along_b * ny, bz + along_b * nz
    length2 = bx * bx + by * by + bz * bz
    t = (px * bx + py * by + pz * bz) / length2
    # The nearest point of a cone's axis lies off the foot of the perpendicular by the taper.
    ox, oy, oz = px - t * bx, py - t * by, pz - t * bz
    off = math.sqrt(ox * ox + oy * oy + oz * oz)
    slope = (ra - rb) / math.sqrt(length2)
    t -= off * slope / math.sqrt(max(1.0 - slope * slope, 0.05)) / math.sqrt(length2)
    t = min(max(t, 0.0), 1.0)
    ox, oy, oz = px - t * bx, py - t * by, pz - t * bz
    gap = math.sqrt(ox * ox + oy * oy + oz * oz)
    distance = gap - (ra + t * (rb - ra))
    if squash == 1.0 or gap < 1e-9:
        return float(distance)
    along = (ox * nx + oy * ny + oz * nz) / gap
    return float(distance / math.sqrt(1.0 - along * along * (1.0 - squash * squash)))


@njit(cache=True, nogil=True)
def rotated(row: FloatArray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Take a point into a primitive's frame: centre (3) and three rows of axes (9)."""
    px, py, pz = x - row[7], y - row[8], z - row[9]
    return (
        row[10] * px + row[11] * py + row[12] * pz,
        row[13] * px + row[14] * py + row[15] * pz,
        row[16] * px + row[17] * py + row[18] * pz,
    )


@njit(cache=True, nogil=True)
def box_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Return the distance to a rounded box: frame (12), half sizes (3), rounding."""
    px, py, pz = rotated(row, x, y, z)
    r = row[22]
    qx, qy, qz = abs(px) - row[19] + r, abs(py) - row[20] + r, abs(pz) - row[21] + r
    mx, my, mz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
    return float(math.sqrt(mx * mx + my * my + mz * mz) + min(max(qx, max(qy, qz)), 0.0) - r)


@njit(cache=True, nogil=True)
def ellipsoid_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Ellipsoid: frame (12), half axes (3)."""
    px, py, pz = rotated(row, x, y, z)
    a, b, c = row[19], row[20], row[21]
    k0 = math.sqrt((px / a) ** 2 + (py / b) ** 2 + (pz / c) ** 2)
    k1 = math.sqrt((px / (a * a)) ** 2 + (py / (b * b)) ** 2 + (pz / (c * c)) ** 2)
    if k1 < 1e-9:
        return float(-min(a, min(b, c)))
    return k0 * (k0 - 1.0) / k1


@njit(cache=True, nogil=True)
def cylinder_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Endless cylinder: a point of the axis (3), its direction (3), radius."""
    px, py, pz = x - row[7], y - row[8], z - row[9]
    t = px * row[10] + py * row[11] + pz * row[12]
    ox, oy, oz = px - t * row[10], py - t * row[11], pz - t * row[12]
    return float(math.sqrt(ox * ox + oy * oy + oz * oz) - row[13])


@njit(cache=True, nogil=True)
def body_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Vertebral body: a kidney-shaped superelliptic drum with a waist, rims and hollow endplates.

    Parameters: frame (12), half widths above and below, half depths above and below, heights in
    front and behind, waist, hollow of the upper and of the lower endplate, hollow of the posterior
    wall, height of the osteophytes above and below, rounding of the rim.
    """
    px, py, pz = rotated(row, x, y, z)
    wu, wl, du, dl, ha, hp = row[19], row[20], row[21], row[22], row[23], row[24]
    waist, hollow_u, hollow_l, kidney = row[25], row[26], row[27], row[28]
    lip_u, lip_l, rim = row[29], row[30], row[31]
    depth = 0.5 * (du + dl)
    # Both endplates share the wedge of the body.
    half = 0.25 * (ha + hp) - 0.25 * (ha - hp) * min(max(py / depth, -1.3), 1.3)
    u = min(max(0.5 + 0.5 * pz / half, 0.0), 1.0)
    ends = abs(2.0 * u - 1.0)
    pinch = waist * (1.0 - ends * ends * ends)
    # Lips grow on the front and the sides, hardly towards the canal.
    front = min(max(0.5 - 0.5 * py / depth, 0.0), 1.0)
    lip = (lip_u if u > 0.5 else lip_l) * max(0.0, (ends - 0.55) / 0.45) ** 2 * front
    w = wl + u * (wu - wl) - pinch + lip
    # Widest somewhat behind the middle; rounder in front than behind.
    d = dl + u * (du - dl)
    wall = d - 0.4 * pinch
    y = py - 0.14 * d
    d = 0.86 * d - 0.4 * pinch if y > 0.0 else 1.14 * d - pinch + lip
    n = 2.7 if y > 0.0 else 2.1
    ex, ey = abs(px) / w, abs(y) / d
    sum_ = ex**n + ey**n
    if sum_ < 1e-12:
        norm, side = 0.0, -d
    else:
        norm = sum_ ** (1.0 / n)
        scale = norm ** (1.0 - n)
        gx, gy = ex ** (n - 1.0) * scale / w, ey ** (n - 1.0) * scale / d
        side = (norm - 1.0) / math.sqrt(gx * gx + gy * gy)
    if py > 0.0:
        # The posterior wall is drawn in between the pedicles.
        inner = max(0.0, 1.0 - (px / (0.62 * w)) ** 2)
        side = -smooth_min(-side, -(py - wall + kidney * inner), 1.0)
    dish = max(0.0, 1.0 - (norm / 0.86) ** 2)
    dish *= 2.0 - dish
    cap = max(pz - half + hollow_u * dish, -pz - half + hollow_l * dish)
    return -smooth_min(-side, -cap, rim)


@njit(cache=True, nogil=True)
def polygon_distance(row: FloatArray, u: float, v: float, first: int, n: int) -> float:
    """Signed distance in a plane to a polygon of `n` corners (u, v) from column `first` on."""
    best = 1.0e12
    inside = False
    ju, jv = row[first + 2 * (n - 1)], row[first + 2 * (n - 1) + 1]
    for i in range(n):
        iu, iv = row[first + 2 * i], row[first + 2 * i + 1]
        eu, ev = ju - iu, jv - iv
        pu, pv = u - iu, v - iv
        t = min(max((pu * eu + pv * ev) / (eu * eu + ev * ev), 0.0), 1.0)
        du, dv = pu - t * eu, pv - t * ev
        best = min(best, du * du + dv * dv)
        if (iv > v) != (jv > v) and u < (ju - iu) * (v - iv) / (jv - iv) + iu:
            inside = not inside
        ju, jv = iu, iv
    return -math.sqrt(best) if inside else math.sqrt(best)


@njit(cache=True, nogil=True)
def blade_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Bent plate with an outline: the wing of the ilium.

    Parameters: frame (12; u, v in the plate, w across it), half thickness in the middle, half
    thickness at the edge, bend along u and twist uv (1/mm), rounding of the outline, number of
    corners, corners (u, v).
    """
    u, v, w = rotated(row, x, y, z)
    thin, thick, bend, twist, rounding = row[19], row[20], row[21], row[22], row[23]
    outline = polygon_distance(row, u, v, 25, int(row[24])) - rounding
    sheet = bend * u * u + twist * u * v
    slope = math.sqrt(1.0 + (2.0 * bend * u + twist * v) ** 2 + (twist * u) ** 2)
    edge = min(max(1.0 + outline / 16.0, 0.0), 1.0)
    half = thin + (thick - thin) * edge * edge
    across = abs(w - sheet) / slope - half
    return -smooth_min(-across, -outline, 5.0)


@njit(cache=True, nogil=True)
def primitive_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Signed distance to one primitive."""
    kind = int(row[0])
    if kind == CONE:
        return cone_distance(row, x, y, z)
    if kind == BOX:
        return box_distance(row, x, y, z)
    if kind == ELLIPSOID:
        return ellipsoid_distance(row, x, y, z)
    if kind == CYLINDER:
        return cylinder_distance(row, x, y, z)
    if kind == BODY:
        return body_distance(row, x, y, z)
    if kind == BLADE:
        return blade_distance(row, x, y, z)
    return float((x - row[7]) * row[10] + (y - row[8]) * row[11] + (z - row[9]) * row[12])


@njit(cache=True, nogil=True)
def sphere_distance(row: FloatArray, x: float, y: float, z: float) -> float:
    """Signed distance to a row's bounding sphere."""
    cx, cy, cz = x - row[3], y - row[4], z - row[5]
    return float(math.sqrt(cx * cx + cy * cy + cz * cz) - row[6])


@njit(cache=True, nogil=True)
def is_idle(value: float, least: float, operation: int, k: float) -> bool:
    """Whether what is at least `least` away cannot change `value`."""
    if operation == UNION:
        return least > value + k
    return operation == SUBTRACT and -least < value - k


@njit(cache=True, nogil=True)
def row_joined(group: float, row: FloatArray, x: float, y: float, z: float) -> float:
    """Return the group's distance after one more primitive."""
    operation, k = int(row[1]), row[2]
    if row[6] > 0.0:
        least = sphere_distance(row, x, y, z)
        if is_idle(group, least, operation, k):
            return group
        if operation == UNION and least > COARSE_BEYOND_MM:
            return min(group, least)
    return join(group, primitive_distance(row, x, y, z), operation, k)


@njit(cache=True, nogil=True)
def table_distance(rows: FloatArray, x: float, y: float, z: float) -> float:
    """Signed distance to a bone, in its own frame. Rows that cannot matter are passed over.

    A group stands between an opening row (with its own bounding sphere, the operation that will
    join it, and its length) and a closing one.
    """
    total = FAR_MM
    group = FAR_MM
    i = 0
    while i < rows.shape[0]:
        row = rows[i]
        kind = int(row[0])
        i += 1
        if kind == OPEN:
            group = FAR_MM
            if row[6] > 0.0:
                least = sphere_distance(row, x, y, z)
                if is_idle(total, least, int(row[1]), row[2]):
                    i += int(row[7])
                elif int(row[1]) == UNION and least > COARSE_BEYOND_MM:
                    total = min(total, least)
                    i += int(row[7])
        elif kind == CLOSE:
            total = join(total, group, int(row[1]), row[2])
        else:
            group = row_joined(group, row, x, y, z)
    return total


@njit(cache=True, nogil=True)
def bone_distance_at(
    rows: FloatArray,
    others: FloatArray,
    starts: NDArray[np.int64],
    moves: FloatArray,
    boxes: FloatArray,
    x: float,
    y: float,
    z: float,
) -> float:
    """Signed distance to a bone that keeps clear of its neighbours, in its own frame.

    `others` holds the neighbours' tables one after the other, `starts` (K + 1) where each begins,
    `moves` (K, 3, 4) takes this bone's frame into theirs. `boxes` (K, 7) are the gap that is left
    between, and the lowest and highest corner of a box in their frames; nothing is cut outside it.
    """
    distance = table_distance(rows, x, y, z)
    for k in range(boxes.shape[0]):
        if distance > KEPT_WITHIN_MM:
            break
        m, box = moves[k], boxes[k]
        px = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
        py = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
        pz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
        if px < box[1] or py < box[2] or pz < box[3]:
            continue
        if px > box[4] or py > box[5] or pz > box[6]:
            continue
        other = table_distance(others[starts[k] : starts[k + 1]], px, py, pz)
        distance = join(distance, other - box[0], SUBTRACT, 1.0)
    return distance


@njit(cache=True, nogil=True)
def world_distance(
    rows: FloatArray,
    others: FloatArray,
    starts: NDArray[np.int64],
    moves: FloatArray,
    boxes: FloatArray,
    pose: FloatArray,
    scale: float,
    px: float,
    py: float,
    pz: float,
) -> float:
    """Signed distance at a point of the world; `pose` (3, 4) takes it, divided by `scale`, in."""
    x, y, z = px / scale, py / scale, pz / scale
    return scale * bone_distance_at(
        rows,
        others,
        starts,
        moves,
        boxes,
        pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3],
        pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3],
        pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3],
    )
