"""Layers of the picture that move: each drawn once for an angle of the C-arm, then shifted.

Bone and soft tissue are projected on a canvas wider than the detector by a margin, so that a layer
can move without baring its edge. A displacement is projected at the depth of one point; what lies
at another depth would shift by another amount, which the layers leave out: for 1 mm of breath and
40 mm of depth that is 0.06 mm.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.geometry import ConeBeamView, project
from guidance.records import FloatArray

Map = NDArray[np.float32]
# Room for motion on each side, as a share of the detector.
MARGIN_SHARE = 0.1


def with_margin(view: ConeBeamView) -> ConeBeamView:
    """Return the view on a detector that reaches further on every side."""
    return replace(
        view,
        rows=view.rows + 2 * round(MARGIN_SHARE * view.rows),
        columns=view.columns + 2 * round(MARGIN_SHARE * view.columns),
    )


def layer_motion(
    canvas: ConeBeamView,
    view: ConeBeamView,
    anchor_lps_mm: FloatArray,
    shift_lps_mm: FloatArray,
) -> FloatArray:
    """Return the (2, 3) affine map from a layer's canvas to the frame, in OpenCV's (x, y).

    Parameters
    ----------
    canvas : ConeBeamView
        The view that the layer was drawn in.
    view : ConeBeamView
        The view of the frame; its angles are those of the canvas.
    anchor_lps_mm : (3,) float64 array
        The point whose displacement is followed exactly. Millimetres.
    shift_lps_mm : (3,) float64 array
        How far the layer's matter lies from where it was drawn. Millimetres.
    """
    right, down, _ = canvas.axes
    points = anchor_lps_mm + np.stack((np.zeros(3), 60.0 * right, 60.0 * down))
    before, _ = project(canvas, points)
    after, _ = project(view, points + shift_lps_mm)
    # The only lines where (x, y) appears: OpenCV wants it.
    affine = cv2.getAffineTransform(
        np.ascontiguousarray(before[:, ::-1], dtype=np.float32),
        np.ascontiguousarray(after[:, ::-1], dtype=np.float32),
    )
    return np.asarray(affine, dtype=np.float64)


def move_layer(layer: Map, motion: FloatArray, rows: int, columns: int) -> Map:
    """Return a layer as a frame shows it; beyond the canvas the edge goes on."""
    moved = cv2.warpAffine(
        layer,
        motion,
        (columns, rows),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, dtype=np.float32)
