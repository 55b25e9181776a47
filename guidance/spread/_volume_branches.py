"""Thin round branches of contrast in 3D: how long the longest is, how thick, and where it hangs.

The contrast is thinned to its middle lines (Lee et al. 1994, doi 10.1006/cgip.1994.1042) on a cubic
grid; where the distance to the edge stays small it is thin. A sheet between muscles is thin too,
but not round: what belongs to a stretch of middle line, divided by its length, is the area of its
cross-section, small for a vessel and large for a sheet.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from guidance.records import FloatArray

Mask = NDArray[np.bool_]

_GRID_MM = 0.7
_MARGIN = 2
_MOST_POINTS = 1500
"""Of a longer thin part the ends are looked for from the nearest such many points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """The longest thin round branch.

    Attributes
    ----------
    length_mm : float
        Along its middle line.
    width_mm : float
        Diameter of the circle whose area its cross-section has on average.
    is_connected : bool
        It hangs on something thicker.
    places_vox : (N, 3) float64 array
        Its middle line: slice, row, column.
    """

    length_mm: float
    width_mm: float
    is_connected: bool
    places_vox: FloatArray


def find_longest_branch(
    mask: Mask,
    spacing_mm: tuple[float, float, float],
    widest_mm: float,
    around: Mask | None = None,
    left_out: Mask | None = None,
) -> Branch | None:
    """Return the longest thin round branch of a mask; None where there is none.

    Parameters
    ----------
    mask : (S, R, C) bool array
        Contrast.
    spacing_mm : (slices, rows, columns)
        Of the voxels. Millimetres.
    widest_mm : float
        What is wider is no branch.
    around : (S, R, C) bool array, optional
        All that shows contrast, fainter rims too: what hangs together in it is connected.
    left_out : (S, R, C) bool array, optional
        Where no branch is looked for: along a needle contrast flows back, and steel leaves rims.
    """
    if not mask.any():
        return None
    whole_mask = mask if around is None else mask | around
    box = ndimage.find_objects(whole_mask.astype(np.uint8))[0]
    cubes, start_vox, scale = _cubic(mask, box, spacing_mm)
    pieces, _ = ndimage.label(_cubic(whole_mask, box, spacing_mm)[0], np.ones((3, 3, 3)))
    radius = ndimage.distance_transform_edt(cubes) * _GRID_MM
    lines = _thin_to_lines(cubes)
    # Half a step: the distance is measured to the middle of the first voxel outside.
    thin_line = lines & (radius - _GRID_MM / 2 <= widest_mm / 2)
    if left_out is not None:
        thin_line &= ~_cubic(left_out, box, spacing_mm)[0]
    labels, count = ndimage.label(thin_line, np.ones((3, 3, 3)))
    if count == 0:
        return None
    nearest = ndimage.distance_transform_edt(~lines, return_distances=False, return_indices=True)
    owner = np.where(cubes, labels[tuple(nearest)], 0)
    volumes_mm3 = np.bincount(owner.ravel(), minlength=count + 1) * _GRID_MM**3
    # In slices as thick as the vein, it fills one, or parts of two: rounder it cannot look.
    wide_mm = math.sqrt(widest_mm * max(widest_mm, 2 * spacing_mm[0]))
    with_thick = set(np.unique(pieces[lines & ~(labels > 0)]).tolist()) - {0}
    best: Branch | None = None
    for label in range(1, count + 1):
        at = np.argwhere(labels == label)
        # Steps of a grid zigzag about a line: their mean over a few is as long as the line.
        way = _longest_path(at)
        path = ndimage.uniform_filter1d(way, 5, axis=0, mode="nearest")
        path[[0, -1]] = way[[0, -1]]
        length = _GRID_MM * float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        whole = _GRID_MM * len(at)
        width = math.sqrt(4 / math.pi * volumes_mm3[label] / max(whole, length, _GRID_MM))
        if width > wide_mm or length < 2 * width or (best and length <= best.length_mm):
            continue
        piece = int(pieces[tuple(at[0])])
        best = Branch(
            length_mm=length,
            width_mm=width,
            is_connected=piece in with_thick,
            places_vox=(path - _MARGIN + 0.5) * scale - 0.5 + start_vox,
        )
    return best


def _thin_to_lines(cubes: Mask) -> Mask:
    # It loads slowly, and only those who look at volumes need it.
    from skimage.morphology import skeletonize

    thinned = skeletonize(cubes)  # type: ignore[no-untyped-call]  # it ships no types
    return np.asarray(thinned, np.bool_)


def _cubic(
    mask: Mask, box: tuple[slice, ...], spacing_mm: tuple[float, float, float]
) -> tuple[Mask, FloatArray, FloatArray]:
    """Return a part of the mask on a cubic grid, where it begins, and voxels a step."""
    part = mask[box].astype(np.float32)
    sizes = np.array(part.shape)
    steps = np.maximum(1, np.rint(sizes * spacing_mm / _GRID_MM).astype(int))
    axes = [(np.arange(n) + 0.5) * size / n - 0.5 for n, size in zip(steps, sizes, strict=True)]
    places = np.meshgrid(*axes, indexing="ij")
    fine = ndimage.map_coordinates(part, places, order=1, mode="nearest") > 0.5
    start = np.array([side.start for side in box], np.float64)
    return np.pad(fine, _MARGIN), start, sizes / steps


def _longest_path(at: NDArray[np.intp]) -> FloatArray:
    """Return the longest of the shortest ways between two places of a line, (N, 3)."""
    if len(at) > _MOST_POINTS:
        at = at[:_MOST_POINTS]
    number = {tuple(place): index for index, place in enumerate(at.tolist())}
    offsets = [o for o in np.ndindex(3, 3, 3) if o != (1, 1, 1)]
    first, second, far = [], [], []
    for (s, r, c), index in number.items():
        for a, b, d in offsets:
            other = number.get((s + a - 1, r + b - 1, c + d - 1))
            if other is not None:
                first.append(index)
                second.append(other)
                far.append(math.sqrt((a - 1) ** 2 + (b - 1) ** 2 + (d - 1) ** 2))
    graph = coo_array((far, (first, second)), shape=(len(at), len(at))).tocsr()
    begin = _farthest(dijkstra(graph, indices=0))
    lengths, before = dijkstra(graph, indices=begin, return_predecessors=True)
    place, path = _farthest(lengths), []
    while place >= 0:
        path.append(at[place])
        place = int(before[place])
    return np.array(path, np.float64)


def _farthest(lengths: FloatArray) -> int:
    return int(np.argmax(np.where(np.isfinite(lengths), lengths, -1)))
