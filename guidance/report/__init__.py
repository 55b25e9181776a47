"""From results to what people read: a page, pictures that move, a table, an index.

Takes records only. matplotlib, Pillow and jinja2 load when something is rendered, not on import.
"""

from guidance.report._course import key_frames
from guidance.report._curves import format_curves
from guidance.report._evaluation import render_evaluation
from guidance.report._index import IndexEntry, render_index
from guidance.report._overlay import render_overlay_gif, render_thumbnail
from guidance.report._page import render_report

__all__ = [
    "IndexEntry",
    "format_curves",
    "key_frames",
    "render_evaluation",
    "render_index",
    "render_overlay_gif",
    "render_report",
    "render_thumbnail",
]
