"""The outline of the contrast: checked, thinned out, and drawn as SVG or with Pillow.

Polygons are (N, 2) arrays of [row, column] in stored pixels; the centre of the first pixel is
[0, 0].
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import Analysis, Cine, ContrastRecord
from guidance.report.style import OUTLINE, OUTLINE_CASING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Polygon = NDArray[Any]
Outlines = Sequence[Sequence[Polygon]]


def check_run(analysis: Analysis, cine: Cine, outlines: Outlines) -> None:
    """Check that the three describe one run.

    Raises
    ------
    InputError
        They differ in their number of frames, the analysis names a frame that the run lacks, or an
        outline is not (N, 2).
    """
    counts = (analysis.source.n_frames, len(cine), len(outlines))
    if len(set(counts)) > 1:
        raise InputError(
            f"the analysis has {counts[0]} frames, the run {counts[1]}, the outlines {counts[2]}, "
            "expected the same number; pass results of one run"
        )
    named = _frames_named(analysis.contrast)
    if named and not 0 <= min(named) <= max(named) < counts[0]:
        raise InputError(
            f"the analysis names frames {min(named)} to {max(named)}, expected 0 to "
            f"{counts[0] - 1}; pass results of one run"
        )
    for frame, polygons in enumerate(outlines):
        for polygon in polygons:
            if polygon.ndim != 2 or polygon.shape[1] != 2:
                raise InputError(
                    f"an outline of frame {frame} has shape {polygon.shape}, expected (N, 2); "
                    "pass [row, column] positions"
                )


def _frames_named(contrast: ContrastRecord) -> set[int]:
    named = {contrast.onset_frame, contrast.flag_frame, *(r.frame for r in contrast.frames)}
    for injection in contrast.injections:
        named |= {injection.onset_frame, injection.end_frame, injection.flag_frame}
    return {frame for frame in named if frame is not None}


def thin(polygon: Polygon, step: float) -> Polygon:
    """Return a polygon without the points nearer than `step` to the last one kept.

    Parameters
    ----------
    polygon : (N, 2) array
        [row, column], stored pixels.
    step : float
        Stored pixels; what the eye cannot tell apart at the size shown.

    Returns
    -------
    (n, 2) array
        [row, column], stored pixels.
    """
    kept: list[tuple[float, float]] = []
    for row, column in polygon.tolist():
        if not kept or math.hypot(row - kept[-1][0], column - kept[-1][1]) >= step:
            kept.append((row, column))
    return np.asarray(kept, np.float64).reshape(-1, 2)


def svg_path(polygons: Iterable[Polygon], step: float) -> str:
    """Return closed polygons as the `d` of an SVG path in (column, row); empty for none."""
    parts = []
    for polygon in polygons:
        points = [f"{column:.1f} {row:.1f}" for row, column in thin(polygon, step)]
        if points:
            parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)


def draw_outlines(
    draw: "ImageDraw",
    polygons: Iterable[Polygon],
    scale: float,
    width: int,
    inks: tuple[Any, Any] = (OUTLINE_CASING, OUTLINE),
) -> None:
    """Draw closed polygons on a picture: a dark casing, and the colour on it.

    Parameters
    ----------
    draw : ImageDraw
        Of the picture.
    polygons : iterable of (N, 2) arrays
        [row, column], stored pixels.
    scale : float
        Picture pixels per stored pixel.
    width : int
        Of the coloured line; the casing adds one pixel on each side. Picture pixels.
    inks : tuple
        Casing and colour, in what the picture's mode takes.
    """
    paths = []
    for polygon in polygons:
        # Pillow's (x, y) counts from the corner of the first pixel, not from its centre.
        points = [
            ((column + 0.5) * scale - 0.5, (row + 0.5) * scale - 0.5)
            for row, column in thin(polygon, 0.5 / scale)
        ]
        if len(points) > 1:
            paths.append([*points, points[0]])
    for ink, line in zip(inks, (width + 2, width), strict=True):
        for path in paths:
            draw.line(path, fill=ink, width=line, joint="curve")
