"""Truth as a view shows it: where points fall, where needles point, how far their tips are off."""

import numpy as np

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, project
from guidance.records import FloatArray
from guidance.simulation._truth_parts import LandmarkTruth, NeedleTruth, Pixel, Point

# The length of shaft that shows a needle's direction, and how long it must look. Shorter is end-on:
# a dot of the needle's own width (0.7 mm, two or three pixels).
SHAFT_MM = 10.0
LEAST_SHAFT_PX = 3.0


def see_point(view: ConeBeamView, point_lps_mm: FloatArray) -> LandmarkTruth:
    """Return a point (3,) with where it falls; null where that is outside the image."""
    x, y, z = (float(value) for value in point_lps_mm)
    return LandmarkTruth(lps_mm=(x, y, z), px=find_in_image(view, point_lps_mm))


def find_in_image(view: ConeBeamView, point_lps_mm: FloatArray) -> Pixel | None:
    """Return where a point (3,) falls, (row, column); None outside the image."""
    row, column = (float(value) for value in _project_one(view, point_lps_mm))
    is_inside = -0.5 <= row <= view.rows - 0.5 and -0.5 <= column <= view.columns - 0.5
    return (row, column) if is_inside else None


def see_needle(
    view: ConeBeamView, gauge: int, tip_lps_mm: FloatArray, direction_lps: FloatArray
) -> NeedleTruth:
    """Return a needle as a view shows it.

    Parameters
    ----------
    view : ConeBeamView
        The C-arm.
    gauge : int
        Of the needle.
    tip_lps_mm : (3,) float64 array
        Its tip. Millimetres.
    direction_lps : (3,) float64 array
        Along its last part, towards the tip; need not have unit length.
    """
    length = float(np.linalg.norm(direction_lps))
    if not length > 0:
        raise InputError(f"direction_lps is {direction_lps}, expected a direction")
    unit = np.asarray(direction_lps, dtype=np.float64) / length
    along = _project_one(view, tip_lps_mm) - _project_one(view, tip_lps_mm - SHAFT_MM * unit)
    along_px = float(np.linalg.norm(along))
    return NeedleTruth(
        gauge=gauge,
        tip_lps_mm=_point(tip_lps_mm),
        direction_lps=_point(unit),
        tip_px=find_in_image(view, tip_lps_mm),
        direction_px=(
            (float(along[0]) / along_px, float(along[1]) / along_px)
            if along_px >= LEAST_SHAFT_PX
            else None
        ),
    )


def measure_tip_to_target(
    view: ConeBeamView,
    tip_lps_mm: FloatArray,
    groove_superior_lps_mm: FloatArray,
    block_point_lps_mm: FloatArray,
) -> tuple[float, float]:
    """Return how far a tip is from a target's segment, in space and in the image plane.

    All points are (3,) in LPS, millimetres. The second distance is that of the projections, in
    millimetres at the isocentre: what a perfect reader of the image would measure.
    """
    points = np.stack((tip_lps_mm, groove_superior_lps_mm, block_point_lps_mm))
    in_plane = project(view, points)[0] * view.spacing_iso_mm
    return _to_segment(*points), _to_segment(*in_plane)


def _to_segment(point: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """Return the distance of a point from a segment, in any number of dimensions."""
    along = end - start
    square = float(along @ along)
    share = float(np.clip((point - start) @ along / square, 0, 1)) if square else 0.0
    return float(np.linalg.norm(point - start - share * along))


def _project_one(view: ConeBeamView, point_lps_mm: FloatArray) -> FloatArray:
    positions, _ = project(view, np.asarray(point_lps_mm, dtype=np.float64)[None])
    position: FloatArray = positions[0]
    return position


def _point(values: FloatArray) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
