"""Where thin straight dark lines may run: a matched filter in every direction.

A needle adds a constant to the attenuation along a straight strip. So the image is sheared until
lines of one direction are rows, averaged along them, and the middle is held against the *darker* of
its two sides: a step, such as the edge of a bone, has one side as dark as itself and gives nothing;
a strip gives what it adds. Of three pieces in a row two must agree: a blob is no line.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.needle._picture import MOST_SIGNAL, UNKNOWN

DIRECTIONS = 32
"""Directions tried over half a turn: 5.6 degrees apart, so that over the 8 mm of two pieces a line
leaves its strip by no more than its own width."""

PIECE_MM = 4.0
"""Length of one piece: as short as a foreshortened needle gets before it becomes a dot."""

SIDE_MM = 1.1
"""How far from the middle the sides are measured: beyond the blur of a 0.7 mm needle, nearer than
most edges of bone run beside one another."""

LEAST_Z = 4.5
"""A line stands out by so many standard deviations of the noise. Among some 10⁵ independent places
and directions noise alone passes now and then, and fails what comes after."""


_MOST_OF_A_PIECE = np.float32(4.0)
"""What one piece may bring to the sum of three, in standard deviations: it takes three to pass."""

_SAME_DIRECTION = 0.25
"""Sine of the angle within which two seeds may belong to one line: two and a half steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A place and a direction in which a line seems to run.

    Attributes
    ----------
    row, column : float
        Its middle. Working pixels.
    angle_rad : float
        Its direction: (row, column) = (sin, cos).
    z : float
        How many standard deviations of the noise it stands out by.
    """

    row: float
    column: float
    angle_rad: float
    z: float


def find_seeds(
    signal: NDArray[np.float32],
    mm: float,
    directions: Iterable[int] = range(DIRECTIONS),
) -> list[Seed]:
    """Return where straight dark lines may run, without order.

    Parameters
    ----------
    signal : (r, c) float32 array
        Attenuation without its slow part, in standard deviations of its noise; where nothing is
        known, a value that no line reaches (`Picture`).
    mm : float
        Size of a pixel at the patient. Millimetres.
    directions : iterable of int
        Which of the `DIRECTIONS` are tried.
    """
    seeds: list[Seed] = []
    for index in directions:
        # From -45 to 135 degrees.
        angle = (index + 0.5) * math.pi / DIRECTIONS - math.pi / 4
        if angle <= math.pi / 4:
            seeds += _along_rows(signal, mm, angle)
        else:
            # Steeper lines are flat ones of the transposed image.
            seeds += [
                Seed(row=s.column, column=s.row, angle_rad=math.pi / 2 - s.angle_rad, z=s.z)
                for s in _along_rows(signal.T, mm, math.pi / 2 - angle)
            ]
    return seeds


def _along_rows(signal: NDArray[np.float32], mm: float, angle: float) -> list[Seed]:
    """Return the seeds of one direction within 45 degrees of the rows."""
    rows, columns = signal.shape
    slope, shrunk = math.tan(angle), math.cos(angle)
    extra = math.ceil(abs(slope) * (columns - 1))
    first = -extra if slope > 0 else 0
    # Row y of the sheared image holds (y + first + slope * column, column).
    shear = np.array([[1.0, 0.0, 0.0], [slope, 1.0, first]])
    flat = np.asarray(
        cv2.warpAffine(
            signal,
            shear,
            (columns, rows + extra),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderValue=float(UNKNOWN),
        ),
        np.float32,
    )
    piece = max(3, round(PIECE_MM / mm * shrunk) | 1)
    side = max(2, round(SIDE_MM / mm / shrunk))
    z = _agreement(flat, piece, side)
    wide = cv2.dilate(z, np.ones((2 * side + 1, 2 * piece + 1), np.uint8))
    at_row, at_column = np.nonzero((z >= wide) & (z > LEAST_Z))
    return [
        Seed(row=float(y + first + slope * x), column=float(x), angle_rad=angle, z=float(z[y, x]))
        for y, x in zip(at_row, at_column, strict=True)
    ]


def _agreement(flat: NDArray[np.float32], piece: int, side: int) -> NDArray[np.float32]:
    """Return by how much a strip along the row is darker than both sides, piece by piece.

    The better of two: one piece and one of its neighbours agree (the other may lie beyond the
    line's own end), or three pieces, none of which alone would do, add up.
    """
    mean = cv2.blur(flat, (piece, 1), borderType=cv2.BORDER_CONSTANT)
    three = cv2.blur(mean, (1, 3), borderType=cv2.BORDER_CONSTANT)
    sides = np.maximum(three[: -2 * side], three[2 * side :])
    ridge: NDArray[np.float32] = np.zeros_like(mean)
    ridge[side:-side] = mean[side:-side] - sides
    # Noise of a mean along `piece` pixels against that of the sides, three rows together.
    ridge = np.asarray(ridge * math.sqrt(piece / (1 + 1 / 3)), np.float32)
    before, after = np.zeros_like(ridge), np.zeros_like(ridge)
    before[:, piece:], after[:, :-piece] = ridge[:, :-piece], ridge[:, piece:]
    two = np.minimum(ridge, np.maximum(before, after))
    cut = np.minimum(ridge, _MOST_OF_A_PIECE)
    total = cut + np.minimum(before, _MOST_OF_A_PIECE) + np.minimum(after, _MOST_OF_A_PIECE)
    best = np.maximum(two, total * np.float32(1 / math.sqrt(3)))
    # A mean that holds a pixel of which nothing is known says nothing.
    best[mean > MOST_SIGNAL] = 0
    return best


def thin_out(seeds: list[Seed], mm: float, most: int) -> list[Seed]:
    """Return the best seeds, at most `most`, none of which lies along a better one.

    Parameters
    ----------
    seeds : list of Seed
        Without order.
    mm : float
        Size of a working pixel at the patient. Millimetres.
    most : int
        How many are returned.
    """
    kept: list[Seed] = []
    table = np.empty((most, 4))
    for seed in sorted(seeds, key=lambda s: (-s.z, s.row, s.column, s.angle_rad)):
        row, column, cos, sin = table[: len(kept)].T
        down, right = (seed.row - row) * mm, (seed.column - column) * mm
        along, across = down * sin + right * cos, down * cos - right * sin
        turned = np.abs(np.sin(seed.angle_rad) * cos - np.cos(seed.angle_rad) * sin)
        near = (np.abs(across) < SIDE_MM) & (np.abs(along) < 2 * PIECE_MM)
        if not (near & (turned < _SAME_DIRECTION)).any():
            table[len(kept)] = (
                seed.row,
                seed.column,
                math.cos(seed.angle_rad),
                math.sin(seed.angle_rad),
            )
            kept.append(seed)
            if len(kept) == most:
                break
    return kept
