"""Where the steel of a run's needles falls on the image: exact, and for nothing but the needles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from guidance.geometry import project
from guidance.records import FloatArray
from guidance.simulation._place import find_target
from guidance.simulation._run_settings import RunSettings
from guidance.simulation._simulate import find_top, shape_needle
from guidance.simulation._splat import splat
from guidance.simulation._view_settings import make_view
from guidance.spine import Spine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SteelMap:
    """Needles alone.

    Attributes
    ----------
    steel_cm : (r, c) float32 array
        Steel that the rays pass; of needles that cross, the most of one.
    tips_px : (K, 2) float64 array
        (row, column) of the tips in pixels of the run, the injecting needle's first; they may lie
        outside.
    """

    steel_cm: NDArray[np.float32]
    tips_px: FloatArray


def draw_steel(
    settings: RunSettings,
    spine: Spine,
    tips_lps_mm: Sequence[FloatArray],
    shape: tuple[int, int],
) -> SteelMap:
    """Return the needles of a run, where they lie in its first frame but for motion.

    Parameters
    ----------
    settings : RunSettings
        The run.
    spine : Spine
        Of its patient.
    tips_lps_mm : sequence of (3,) float64 arrays
        Tip of the injecting needle, and of the others in their order.
    shape : (r, c)
        Of the map; its field is the run's.
    """
    target = find_target(spine, settings.needle.vertebra, settings.needle.side)
    view = replace(
        make_view(settings.view, target.block_point_lps_mm, find_top(spine)),
        mirrored=settings.header.mirrored,
    )
    down, across = view.spacing_det_mm
    spacing = (down * view.rows / shape[0], across * view.columns / shape[1])
    coarse = replace(view, rows=shape[0], columns=shape[1], spacing_det_mm=spacing)
    steel_cm = np.zeros(shape, np.float32)
    tips = []
    for placed, tip_lps_mm in zip((settings.needle, *settings.others), tips_lps_mm, strict=True):
        points = shape_needle(placed, tip_lps_mm).points
        drawn = splat(coarse, points.steel_lps_mm, points.steel_cm3)
        steel_cm = np.asarray(np.maximum(steel_cm, drawn), np.float32)
        (position,), _ = project(view, tip_lps_mm[None])
        tips.append(position)
    return SteelMap(steel_cm=steel_cm, tips_px=np.array(tips))
