"""Fills voxels with soft tissue, slice by slice: outline first, then one compartment on another.

Every compartment has a signed distance (right to first order), which gives the share of a voxel
that it covers; later compartments cover earlier ones. Shares, not labels, are what is mixed, so
edges are smooth below the size of a voxel.

Tables (float64), one row per slice or per thing, are made by `_body_layout`:

- outline (S, 15): see `_body_trunk`.
- columns (N, S, 8): middle x and y, half axes, cosine and sine of the turn, share of fat, rim of
  fat (mm). A column with half axes of 0 is not there.
- ellipsoids (N, 8): middle, half axes, shear of x and of y with z.
- segments (N, 8): tapered capsules, start and radius, end and radius; tubes are runs of them.
- things (N, 8): the order of painting: kind, first row, last row, clip, filling, filling of the
  wall, wall (mm), thickness of fat around (mm).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.records import FloatArray
from guidance.spine._body_noise import noise_at
from guidance.spine._body_trunk import (
    FIBRE_LONG_MM,
    FIBRE_MM,
    cover,
    oval_distance,
    paint_outline,
    put,
    trunk_distance,
)
from guidance.spine._tissues import Filling, Tissue

COLUMN, ELLIPSOID, TUBE, LUNG = range(4)
ANYWHERE, IN_FASCIA, IN_CAVITY = range(3)

FAT, MUSCLE, BLOOD = int(Filling.FAT), int(Filling.MUSCLE), int(Filling.BLOOD)
LUNG_FILLING, FAECES = int(Filling.LUNG), int(Filling.FAECES)
GAS_LABEL = int(Tissue.GAS)


@njit(cache=True, nogil=True, inline="always")
def _span(low: float, high: float, axis: FloatArray) -> tuple[int, int]:
    """Return the first and one past the last index of an even axis within an interval."""
    if axis.size == 1:
        return (0, 1) if low <= axis[0] <= high else (0, 0)
    step = axis[1] - axis[0]
    first = (
        int(np.floor((min(low, high) - axis[0]) / step))
        if step > 0
        else int(np.floor((high - axis[0]) / step))
    )
    last = (
        int(np.ceil((high - axis[0]) / step)) if step > 0 else int(np.ceil((low - axis[0]) / step))
    )
    return max(0, first - 1), max(0, min(axis.size, last + 2))


@njit(cache=True, nogil=True)
def _paint_column(
    page: FloatArray,
    clip: FloatArray,
    c: FloatArray,
    thing: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: float,
    h: float,
    fillings: FloatArray,
    seed: int,
) -> None:
    """Fill a muscle or vessel that runs along the trunk."""
    if c[2] <= 0.5 or c[3] <= 0.5:
        return
    row = fillings[int(thing[4])]
    is_muscle = int(thing[4]) == MUSCLE
    reach = np.sqrt(c[2] ** 2 + c[3] ** 2) + c[7] + h
    i0, i1 = _span(c[1] - reach, c[1] + reach, y)
    j0, j1 = _span(c[0] - reach, c[0] + reach, x)
    for i in range(i0, i1):
        for j in range(j0, j1):
            dx, dy = x[j] - c[0], y[i] - c[1]
            depth = -oval_distance(c[4] * dx + c[5] * dy, c[4] * dy - c[5] * dx, c[2], c[3])
            allowed = clip[i, j]
            if depth < -c[7] - h or allowed <= 0.0:
                continue
            if c[7] > 0.0:
                put(page, i, j, allowed * cover(depth + c[7], h), fillings[FAT], 0.0)
            fat = 0.0
            if is_muscle:
                n = 0.6 * noise_at(x[j] / FIBRE_MM, y[i] / FIBRE_MM, z / FIBRE_LONG_MM, seed + 3)
                n += 0.4 * noise_at(x[j] / 9.0, y[i] / 6.0, z / FIBRE_LONG_MM, seed + 10)
                fat = min(1.0, max(0.0, c[6] * (1.0 + 4.0 * (n - 0.5))))
            put(page, i, j, allowed * cover(depth, h), row, fat)


@njit(cache=True, nogil=True)
def _paint_ellipsoid(
    page: FloatArray,
    clip: FloatArray,
    e: FloatArray,
    thing: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: float,
    h: float,
    fillings: FloatArray,
) -> None:
    """Fill an organ; its axis may lean (shear)."""
    dz = (z - e[2]) / e[5]
    if abs(dz) > 1.0 + h / e[5]:
        return
    cx, cy = e[0] + e[6] * (z - e[2]), e[1] + e[7] * (z - e[2])
    row = fillings[int(thing[4])]
    i0, i1 = _span(cy - e[4] - h, cy + e[4] + h, y)
    j0, j1 = _span(cx - e[3] - h, cx + e[3] + h, x)
    for i in range(i0, i1):
        for j in range(j0, j1):
            u, v = (x[j] - cx) / e[3], (y[i] - cy) / e[4]
            s = np.sqrt(u * u + v * v + dz * dz)
            grade = np.sqrt((u / e[3]) ** 2 + (v / e[4]) ** 2 + (dz / e[5]) ** 2)
            # In the very middle both vanish, and the way out is a half axis.
            depth = (1.0 - s) * (s / grade if grade > 1e-9 else min(e[3], e[4], e[5]))
            share = clip[i, j] * cover(depth, h)
            if share > 0.0:
                put(page, i, j, share, row, 0.0)


@njit(cache=True, nogil=True)
def _tube_depth(
    room: FloatArray,
    segments: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: float,
    edge: float,
) -> tuple[int, int, int, int]:
    """Write the depth inside a run of tapered capsules to `room`; return the part written."""
    top, bottom, left, right = y.size, 0, x.size, 0
    for k in range(segments.shape[0]):
        s = segments[k]
        r = max(s[3], s[7]) + edge
        if min(s[2], s[6]) - r > z or max(s[2], s[6]) + r < z:
            continue
        i0, i1 = _span(min(s[1], s[5]) - r, max(s[1], s[5]) + r, y)
        j0, j1 = _span(min(s[0], s[4]) - r, max(s[0], s[4]) + r, x)
        bx, by, bz = s[4] - s[0], s[5] - s[1], s[6] - s[2]
        length = max(bx * bx + by * by + bz * bz, 1e-9)
        for i in range(i0, i1):
            for j in range(j0, j1):
                px, py, pz = x[j] - s[0], y[i] - s[1], z - s[2]
                t = min(1.0, max(0.0, (px * bx + py * by + pz * bz) / length))
                qx, qy, qz = px - t * bx, py - t * by, pz - t * bz
                depth = s[3] + t * (s[7] - s[3]) - np.sqrt(qx * qx + qy * qy + qz * qz)
                room[i, j] = max(room[i, j], depth)
        top, bottom = min(top, i0), max(bottom, i1)
        left, right = min(left, j0), max(right, j1)
    return top, bottom, left, right


@njit(cache=True, nogil=True)
def _paint_tube(
    page: FloatArray,
    clip: FloatArray,
    room: FloatArray,
    segments: FloatArray,
    thing: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: float,
    h: float,
    fillings: FloatArray,
    seed: int,
) -> None:
    """Fill a bowel loop or a vessel: its wall, then what is in it."""
    top, bottom, left, right = _tube_depth(room, segments, x, y, z, h)
    filling, wall = int(thing[4]), thing[6]
    for i in range(top, bottom):
        for j in range(left, right):
            depth, room[i, j] = room[i, j], -1e3
            share = clip[i, j] * cover(depth, h)
            if share <= 0.0:
                continue
            if wall > 0.0:
                plaque = filling != BLOOD or thing[7] > noise_at(
                    x[j] / 7.0, y[i] / 7.0, z / 12.0, seed + 4
                )
                if plaque:
                    put(page, i, j, share, fillings[int(thing[5])], 0.0)
            share = clip[i, j] * cover(depth - wall, h)
            if wall > 0.0 and filling == BLOOD and not plaque:
                share = clip[i, j] * cover(depth, h)
            put(page, i, j, share, fillings[filling], 0.0)
            if filling == FAECES and share > 0.0:
                _bubble(page, i, j, share, x[j], y[i], z, h, seed)


@njit(cache=True, nogil=True)
def _bubble(
    page: FloatArray,
    i: int,
    j: int,
    share: float,
    x: float,
    y: float,
    z: float,
    h: float,
    seed: int,
) -> None:
    """Thin faeces by the bubbles in them: lumps of some millimetres, finer ones in between."""
    n = 0.6 * noise_at(x / 5.0, y / 5.0, z / 5.0, seed + 5)
    n += 0.4 * noise_at(x / 2.2, y / 2.2, z / 2.2, seed + 6)
    left = 1.0 - share * min(0.9, max(0.0, (n - 0.50) * 3.0))
    page[0, i, j] *= left
    page[1, i, j] *= left
    if left < 0.5:
        page[3, i, j] = GAS_LABEL


@njit(cache=True, nogil=True)
def _paint_lung(
    page: FloatArray,
    clip: FloatArray,
    o: FloatArray,
    height: float,
    x: FloatArray,
    y: FloatArray,
    h: float,
    fillings: FloatArray,
) -> None:
    """Fill the recess between chest wall and diaphragm: a crescent that widens upwards."""
    if height <= 0.0:
        return
    back, front = o[11] + 12.0, o[2] + o[10]
    yv, half_y = 0.5 * (back + front), 0.5 * (back - front)
    half_x = o[3] - o[9]
    width = 0.9 * height
    for i in range(y.size):
        for j in range(x.size):
            if clip[i, j] <= 0.0:
                continue
            v = (y[i] - yv) / half_y
            # The recess reaches down behind and at the side, hardly in front.
            low = min(1.0, max(0.0, (v + 0.70) / 0.9))
            # It ends beside the spine, where the crura and the aorta are.
            beside = min(1.0, max(0.0, (abs(x[j] - o[14]) - 26.0) / 8.0))
            depth = -trunk_distance(x[j] - o[0], y[i] - yv, half_x, half_y, o[13])
            share = clip[i, j] * beside * cover(width * low - depth - 2.0 * (1 - low), h)
            if share > 0.0:
                put(page, i, j, share, fillings[LUNG_FILLING], 0.0)


@njit(cache=True, nogil=True)
def paint_soft(
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    outline: FloatArray,
    lung: FloatArray,
    columns: FloatArray,
    ellipsoids: FloatArray,
    segments: FloatArray,
    things: FloatArray,
    fillings: FloatArray,
    seed: int,
    soft: NDArray[np.float32],
    adipose: NDArray[np.float32],
    mineral: NDArray[np.float32],
    label: NDArray[Any],
) -> None:
    """Fill (S, R, C) arrays of soft, adipose and mineral mass (g/cm3) and of labels.

    `x`, `y`, `z` are the voxels' centres in millimetres; `x` may run backwards (a mirrored body).
    """
    n_rows, n_columns = y.size, x.size
    h = abs(x[1] - x[0]) if n_columns > 1 else (abs(y[1] - y[0]) if n_rows > 1 else 1.0)
    page = np.zeros((4, n_rows, n_columns))
    clips = np.zeros((3, n_rows, n_columns))
    clips[2] = 1.0
    room = np.full((n_rows, n_columns), -1e3)
    for s in range(z.size):
        o = outline[s]
        paint_outline(page, clips, o, x, y, z[s], fillings, seed)
        for k in range(things.shape[0]):
            thing = things[k]
            kind, first, last, clip_at = int(thing[0]), int(thing[1]), int(thing[2]), int(thing[3])
            clip = clips[2] if clip_at == ANYWHERE else clips[clip_at - 1]
            if kind == COLUMN:
                c = columns[first, s]
                _paint_column(page, clip, c, thing, x, y, z[s], h, fillings, seed)
            elif kind == ELLIPSOID:
                e = ellipsoids[first]
                _paint_ellipsoid(page, clip, e, thing, x, y, z[s], h, fillings)
            elif kind == TUBE:
                run = segments[first:last]
                _paint_tube(page, clip, room, run, thing, x, y, z[s], h, fillings, seed)
            else:
                _paint_lung(page, clip, o, lung[s], x, y, h, fillings)
        for i in range(n_rows):
            for j in range(n_columns):
                soft[s, i, j] = page[0, i, j]
                adipose[s, i, j] = page[1, i, j]
                mineral[s, i, j] = page[2, i, j]
                label[s, i, j] = int(page[3, i, j])
