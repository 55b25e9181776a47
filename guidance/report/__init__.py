"""From results to what people read: a page, pictures that move, a table, an index.

Takes records only. matplotlib, Pillow and jinja2 load when something is rendered, not on import.
"""

from guidance.report._course import key_frames
from guidance.report._curves import format_curves
from guidance.report._evaluation import render_evaluation
from guidance.report._index import IndexEntry, render_index
from guidance.report._overlay import render_overlay_gif, render_thumbnail
from guidance.report._page import render_report
from guidance.report._subtraction import (
    GifWriter,
    MapStyle,
    choose_full_scale,
    encode_png,
    frame_hundredths,
    grey_levels,
    render_map,
)

__all__ = [
    "GifWriter",
    "IndexEntry",
    "MapStyle",
    "choose_full_scale",
    "encode_png",
    "format_curves",
    "frame_hundredths",
    "grey_levels",
    "key_frames",
    "render_evaluation",
    "render_index",
    "render_map",
    "render_overlay_gif",
    "render_report",
    "render_thumbnail",
]
