"""The per-frame figures as CSV.

The columns bear the contract's names, units among them. Every cell but the last is a number, so a
spreadsheet cannot take it for a formula; the last is text and is made safe.
"""

import csv
import math
from io import StringIO

from guidance.records import Analysis, FrameRecord
from guidance.report._words import clean

COLUMNS = (
    "frame",
    "time_s",
    "area_px",
    "area_mm2",
    "iodine_signal_px",
    "iodine_signal_mm2",
    "relative_signal_px",
    "reach_px",
    "thin_length_px",
    "run_off",
    "intravascular_probability",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'", "|", "%")


def format_curves(analysis: Analysis) -> str:
    """Format the per-frame figures as CSV.

    One row per frame under a row of names: the contract's fields, with `tip_px` as
    `tip_row_px` and `tip_column_px`, and `flagged` as 0 or 1. What is not known is empty. Numbers
    have all their digits: reading them back gives the analysis.

    Parameters
    ----------
    analysis : Analysis
        The result.

    Returns
    -------
    str
        Comma-separated lines, each ending in a line feed.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "flagged", "tip_row_px", "tip_column_px", "remark"])
    for record in analysis.contrast.frames:
        writer.writerow(_row(record))
    return text.getvalue()


def _row(record: FrameRecord) -> list[str]:
    numbers = [_cell(getattr(record, name)) for name in COLUMNS]
    tip = record.tip_px or (None, None)
    return [*numbers, str(int(record.flagged)), *map(_cell, tip), _neutral(record.remark)]


def _cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else str(value)


def _neutral(text: str) -> str:
    """Return text that a spreadsheet will not run: an apostrophe precedes a formula's start."""
    plain = clean(text)
    return f"'{plain}" if plain.startswith(FORMULA_STARTS) else plain
