"""The trunk of the body in one slice: skin, fat, fascia, the muscles of its wall.

A row of the outline (S, 15), millimetres in LPS: middle x, back and front of the lean trunk, its
half width, depth of the furrow, fat (side, back, front), skin, wall (side, front), y of the
transverse processes, pelvis (0..1), flatness of the belly (0..1), x of the spine.
"""

import numpy as np
from numba import njit

from guidance.records import FloatArray
from guidance.spine._body_noise import noise_at
from guidance.spine._tissues import ADIPOSE_DENSITY, Filling

OUTLINE = 15
FAT, MUSCLE, SKIN, BLOOD = (
    int(Filling.FAT),
    int(Filling.MUSCLE),
    int(Filling.SKIN),
    int(Filling.BLOOD),
)
# Muscle fibres run along the trunk: size of the texture across and along. Millimetres; guess.
FIBRE_MM, FIBRE_LONG_MM = 2.2, 30.0
# Gluteal muscle over the iliac wing, and what lines it inside. Guess. Millimetres.
GLUTEUS_MM, ILIACUS_MM = 38.0, 16.0
# How far before the transverse processes. Guess.
MESENTERY_BEFORE_MM = 45.0


@njit(cache=True, nogil=True, inline="always")
def cover(depth_mm: float, voxel_mm: float) -> float:
    """Return the share of a voxel that lies inside, from its depth below the surface."""
    return min(1.0, max(0.0, 0.5 + depth_mm / voxel_mm))


@njit(cache=True, nogil=True, inline="always")
def oval_distance(dx: float, dy: float, half_x: float, half_y: float) -> float:
    """Return the signed distance to a superellipse of exponent 2.5: what a muscle fills."""
    u, v = abs(dx) / half_x, abs(dy) / half_y
    ru, rv = u * np.sqrt(u), v * np.sqrt(v)
    gu, gv = 2.5 * ru / half_x, 2.5 * rv / half_y
    distance: float = (u * ru + v * rv - 1.0) / np.sqrt(gu * gu + gv * gv + 1e-12)
    return distance


@njit(cache=True, nogil=True, inline="always")
def trunk_distance(dx: float, dy: float, half_x: float, half_y: float, flat: float) -> float:
    """Return the signed distance to a superellipse of exponent 2.25, in front up to 4 if `flat`."""
    u, v = abs(dx) / half_x, abs(dy) / half_y
    ru, rv = u * np.sqrt(np.sqrt(u)), v * np.sqrt(np.sqrt(v))
    gu, gv = 2.25 * ru / half_x, 2.25 * rv / half_y
    s = u * ru
    if dy < 0.0:
        s += (1 - flat) * v * rv + flat * v**4
        gv = (1 - flat) * gv + flat * 4 * v**3 / half_y
    else:
        s += v * rv
    distance: float = (s - 1.0) / np.sqrt(gu * gu + gv * gv + 1e-12)
    return distance


@njit(cache=True, nogil=True, inline="always")
def put(page: FloatArray, i: int, j: int, share: float, row: FloatArray, fat: float) -> None:
    """Cover a share of a pixel by a filling, of whose volume `fat` is fat."""
    rest = 1.0 - share
    page[0, i, j] = rest * page[0, i, j] + share * (1 - fat) * row[1]
    page[1, i, j] = rest * page[1, i, j] + share * ((1 - fat) * row[2] + fat * ADIPOSE_DENSITY)
    page[2, i, j] = rest * page[2, i, j] + share * row[3]
    if share >= 0.5:
        # A voxel that is mostly fat is fat, within a muscle too.
        page[3, i, j] = row[0] if fat < 0.5 else 1.0


@njit(cache=True, nogil=True)
def paint_outline(
    page: FloatArray,
    clips: FloatArray,
    o: FloatArray,
    x: FloatArray,
    y: FloatArray,
    z: float,
    fillings: FloatArray,
    seed: int,
) -> None:
    """Fill air, skin, fat and the muscular wall; note what lies within fascia and cavity."""
    h = x[1] - x[0] if x.size > 1 else (y[1] - y[0] if y.size > 1 else 1.0)
    h = abs(h)
    furrow, flat, pelvis = o[4], o[13], o[12]
    lean_back = o[1] + furrow
    yc, half_y = 0.5 * (lean_back + o[2]), 0.5 * (lean_back - o[2])
    skin_back, skin_front = lean_back + o[6], o[2] - o[7]
    ys, skin_half = 0.5 * (skin_back + skin_front), 0.5 * (skin_back - skin_front)
    cavity_back, cavity_front = o[11] + 12.0, o[2] + o[10]
    yv, cavity_half = 0.5 * (cavity_back + cavity_front), 0.5 * (cavity_back - cavity_front)
    cavity_x = max(20.0, o[3] - o[9] - 26.0 * pelvis)
    for i in range(y.size):
        for j in range(x.size):
            dx = x[j] - o[0]
            pull = furrow * np.exp(-0.5 * ((x[j] - o[14]) / 20.0) ** 2) if y[i] > yc else 0.0
            clips[0, i, j] = clips[1, i, j] = 0.0
            page[0, i, j] = page[1, i, j] = page[2, i, j] = page[3, i, j] = 0.0
            body = -trunk_distance(dx, y[i] + 0.6 * pull - ys, o[3] + o[5], skin_half, flat)
            if body <= -h:
                continue
            inner = cover(body - o[8], h)
            put(page, i, j, cover(body, h), fillings[SKIN], 0.0)
            put(page, i, j, inner, fillings[FAT], 0.0)
            if inner <= 0.0:
                continue
            # Fibrous strands of the subcutaneous fat.
            strand = noise_at(x[j] / 9.0, y[i] / 2.5, z / 9.0, seed + 1)
            if strand > 0.75:
                put(page, i, j, inner * min(0.5, 2.0 * (strand - 0.75)), fillings[MUSCLE], 0.0)
                page[3, i, j] = 1.0 if inner >= 0.5 else page[3, i, j]
            depth = -trunk_distance(dx, y[i] + pull - yc, o[3], half_y, flat)
            clips[0, i, j] = cover(depth, h)
            clips[1, i, j] = cover(-trunk_distance(dx, y[i] - yv, cavity_x, cavity_half, flat), h)
            # Vessels of the mesentery lie before the spine, not behind the kidneys.
            if clips[1, i, j] > 0.0 and y[i] < o[11] - MESENTERY_BEFORE_MM:
                share = clips[1, i, j] * _mesentery(x[j], y[i], z, h, seed)
                if share > 0.0:
                    put(page, i, j, share, fillings[BLOOD], 0.0)
            if depth > -h:
                _paint_wall(page, i, j, depth, dx, (y[i] - yc) / half_y, o, h, z, fillings, seed)


@njit(cache=True, nogil=True, inline="always")
def _mesentery(x: float, y: float, z: float, h: float, seed: int) -> float:
    """Return the share of small vessels in the fat of the belly: where two noises are even."""
    a = noise_at(x / 17.0, y / 17.0, z / 23.0, seed + 7) - 0.5
    if abs(a) > 0.12:
        return 0.0
    b = noise_at(x / 17.0, y / 17.0, z / 23.0, seed + 8) - 0.5
    # The noise changes by about 0.03 a millimetre: vessels of 2 to 3 mm.
    return cover((0.045 - np.sqrt(a * a + b * b)) / 0.03, h)


@njit(cache=True, nogil=True)
def _paint_wall(
    page: FloatArray,
    i: int,
    j: int,
    depth: float,
    dx: float,
    v: float,
    o: FloatArray,
    h: float,
    z: float,
    fillings: FloatArray,
    seed: int,
) -> None:
    """Fill the muscles of the abdominal wall and the buttock, `depth` below the fascia."""
    side, front, pelvis = o[9], o[10], o[12]
    ahead = min(1.0, max(0.0, (-v - 0.50) / 0.25))
    behind = min(1.0, max(0.0, (v + 0.35) / 0.5))
    thick = ahead * front + (1 - ahead) * side
    thick += behind * pelvis * (GLUTEUS_MM + ILIACUS_MM)
    share = min(cover(depth, h), cover(thick - depth, h))
    if share <= 0.0:
        return
    fibre = noise_at((dx + o[0]) / FIBRE_MM, v * 25.0, z / FIBRE_LONG_MM, seed + 2)
    fat = 0.06 + max(0.0, fibre - 0.72) * 2.0
    # Fat between the layers: obliques at the side, linea alba and semilunaris in front; in the
    # buttock the planes wander.
    wander = noise_at((dx + o[0]) / 38.0, v * 3.0, z / 38.0, seed + 9) - 0.5
    gap = 9.0
    if ahead < 1.0 and v < 0.45:
        planes = min(abs(depth - (0.36 + 0.1 * wander) * thick), abs(depth - 0.68 * thick))
        gap = planes + 6.0 * ahead + 5.0 * pelvis
    if ahead > 0.2:
        seam = min(abs(dx) - 2.0, abs(abs(dx) - 0.47 * o[3]) - 1.0)
        gap = min(gap, seam + 3.0 * (1 - ahead))
    if pelvis > 0.5 and behind > 0.5:
        gap = min(gap, abs(depth - (0.45 + 0.7 * wander) * thick) + 0.2)
    fat = max(fat, min(1.0, max(0.0, (0.5 * h + 0.45 - gap) / max(h, 0.9))))
    put(page, i, j, share, fillings[MUSCLE], min(1.0, fat))
