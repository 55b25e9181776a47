"""Findings to layer data: pure functions, without Qt and without napari.

napari lays an image's axes out as the array has them, so a run is (frame, row, column) and a
layer's `scale`, `units` and `axis_labels` follow that order.
"""

from typing import Any, Literal

import numpy as np

from guidance.io import run_name
from guidance.records import Cine, FrameArray

LayerArguments = dict[str, Any]
ImageLayer = tuple[Cine, LayerArguments, Literal["image"]]

AXES = ("frame", "row", "column")
# What is brighter or darker than all but one pixel in two hundred is metal, air or a shutter.
ROBUST_PERCENTILES = (0.5, 99.5)
# Every fourth pixel each way tells the percentiles of a frame as well as all of them.
STRIDE = 4


def run_layer(cine: Cine) -> ImageLayer:
    """Return a run as napari's (data, arguments, type), its frames still on disk.

    Only the first frame is read, and only where the header gives no display window.

    Parameters
    ----------
    cine : Cine
        The run; it becomes the layer's data as it is, and must stay open as long as the layer.

    Returns
    -------
    tuple of (Cine, dict, str)
        Data (T, R, C); the arguments of napari's ``add_image``, where `scale` is 1 a frame, then
        millimetres (or 1, in pixels, where the header gives no size) between rows and columns; and
        ``"image"``.
    """
    header = cine.header
    scale = header.scale
    spacing, unit = ((scale.row_mm, scale.column_mm), "mm") if scale else ((1.0, 1.0), "pixel")
    arguments: LayerArguments = {
        # Tells runs apart, as the folders of their results do, and identifies nobody.
        "name": f"{header.modality} {run_name(header.sop_instance_uid)}",
        "scale": (1.0, *spacing),
        "units": ("pixel", unit, unit),
        "axis_labels": AXES,
        "contrast_limits": contrast_limits(cine),
        "colormap": "gray_r" if header.photometric_interpretation == "MONOCHROME1" else "gray",
        # napari would take three or four columns for colours, and look at every frame to be sure.
        "rgb": False,
        "multiscale": False,
        "metadata": {
            "spacing_at": scale.at.value if scale else None,
            "remarks": [str(remark) for remark in header.remarks],
        },
    }
    return (cine, arguments, "image")


def contrast_limits(cine: Cine) -> tuple[float, float]:
    """Return the pixel values to show as black and as white.

    The header's window, by the linear function of PS3.3 C.11.2.1.2; without one, robust limits of
    the first frame; and where that is flat, all that the stored bits can hold.
    """
    window = cine.header.window
    if window is not None and window[1] > 1:
        center, width = window
        half = (width - 1) / 2
        return (center - 0.5 - half, center - 0.5 + half)
    low, high = robust_limits(cine[0])
    if low < high:
        return (low, high)
    return (cine.header.intensity.low, cine.header.intensity.high)


def robust_limits(frame: FrameArray) -> tuple[float, float]:
    """Return the percentiles of a frame that leave out metal, air and shutters.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values.
    """
    low, high = np.percentile(frame[::STRIDE, ::STRIDE], ROBUST_PERCENTILES)
    return (float(low), float(high))
