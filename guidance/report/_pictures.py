"""The pictures of the page: the strip, the key frame and the subtraction view.

Outlines are not burnt in: they lie over the picture as SVG in stored pixels, so they stay sharp at
any size and can be hidden.
"""

from dataclasses import dataclass

import numpy as np

from guidance.records import Analysis, Cine, RunHeader
from guidance.report import _words as words
from guidance.report._course import (
    frame_roles,
    frame_times,
    key_frames,
    reference_frames,
    shown_frame,
)
from guidance.report._display import (
    DisplayWindow,
    Values,
    choose_window,
    data_uri,
    encode_png,
    reduce_frame,
    shows_logarithm,
    subtract,
)
from guidance.report._outlines import Outlines, svg_path

STRIP_PX = 320
KEY_PX = 640
SCALE_BARS_MM = (50, 20, 10, 5, 2, 1)
LONGEST_SCALE_BAR = 0.3
"""Share of the picture's width."""
CROSS_ARM = 0.022
"""Half the size of the cross at the origin, as a share of the longer side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the page.

    Attributes
    ----------
    frame : int
        From 0.
    time : str
        When it was taken, or that this is unknown.
    roles : list of str
        What makes it worth showing.
    uri : str
        The picture as a data URI.
    path : str
        Outline as SVG path data, (column, row) in stored pixels; empty where no contrast is seen.
    description : str
        For those who cannot see it.
    """

    frame: int
    time: str
    roles: list[str]
    uri: str
    path: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtraction:
    """The subtraction view, or why there is none.

    Attributes
    ----------
    uri : str
        The picture as a data URI; empty where there is none.
    compared_with : str
        The frames of the average, in words; where there are none, why.
    full_scale : str
        Change that shows as black or white.
    """

    uri: str
    compared_with: str
    full_scale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The coordinates that the outlines are drawn in.

    Attributes
    ----------
    view_box : str
        Of the SVG; the centre of the first pixel is 0 0.
    aspect : float
        Width over height at the patient.
    rows, columns : int
        Stored pixels.
    bar_px : float or None
        Length of the scale bar along a row, stored pixels; None where sizes are unknown.
    bar_mm : int
        The same, millimetres.
    origins : str
        Crosses where each injection first appeared, as SVG path data; empty where none is known.
    """

    view_box: str
    aspect: float
    rows: int
    columns: int
    bar_px: float | None
    bar_mm: int
    origins: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All pictures of the page, and how they are shown."""

    strip: list[Picture]
    key: Picture
    subtraction: Subtraction
    window: DisplayWindow
    frame: Frame


def render_pictures(analysis: Analysis, cine: Cine, outlines: Outlines) -> Pictures:
    """Read the frames that the page needs, once each and one at a time, and make its pictures."""
    chosen, shown = key_frames(analysis), shown_frame(analysis)
    before = reference_frames(analysis)
    if shown in before:
        before = range(0)
    small: dict[int, Values] = {}
    large: dict[int, Values] = {}
    total = np.zeros((1, 1), np.float32)
    for frame in sorted({*chosen, *before, shown}):
        pixels = cine[frame]
        if frame in chosen:
            small[frame] = reduce_frame(pixels, STRIP_PX)
        if frame == shown:
            large[frame] = reduce_frame(pixels, KEY_PX)
        if frame in before:
            total = total + reduce_frame(pixels, KEY_PX)
    window = choose_window(cine.header, list(small.values()))
    return Pictures(
        strip=[_picture(analysis, outlines, f, window, small[f]) for f in chosen],
        key=_picture(analysis, outlines, shown, window, large[shown]),
        subtraction=_subtraction(large[shown], total, before, cine.header),
        window=window,
        frame=_frame(analysis),
    )


def _picture(
    analysis: Analysis, outlines: Outlines, frame: int, window: DisplayWindow, values: Values
) -> Picture:
    times, roles = frame_times(analysis), frame_roles(analysis).get(frame, [])
    longest = max(analysis.source.rows, analysis.source.columns)
    path = svg_path(outlines[frame], 0.5 * longest / max(values.shape))
    what = f", {', '.join(roles)}" if roles else ""
    seen = "contrast outlined" if path else "no contrast outlined"
    return Picture(
        frame=frame,
        time=words.seconds(times[frame] if times else None),
        roles=roles,
        uri=data_uri(encode_png(window.grey(values))),
        path=path,
        description=f"{words.at_frame(frame, times)}{what}; {seen}".capitalize(),
    )


def _subtraction(key: Values, total: Values, before: range, header: RunHeader) -> Subtraction:
    if not before:
        single = header.n_frames == 1
        why = "a single frame has no other" if single else "no frame comes before the contrast"
        return Subtraction(uri="", compared_with=why, full_scale="")
    picture, full_scale = subtract(key, np.asarray(total / len(before), np.float32), header)
    frames = f"frames {before[0]}–{before[-1]}" if len(before) > 1 else f"frame {before[0]}"
    quantity = "in ln(value)" if shows_logarithm(header) else "in value"
    return Subtraction(
        uri=data_uri(encode_png(picture)),
        compared_with=frames if len(before) == 1 else f"the average of {frames}",
        full_scale=f"{words.number(full_scale)} {quantity}",
    )


def _frame(analysis: Analysis) -> Frame:
    source = analysis.source
    row_mm, column_mm = source.spacing_mm or (1.0, 1.0)
    bar_px, bar_mm = None, 0
    # Millimetres are drawn only where the analysis itself gives sizes at the patient.
    if any(record.area_mm2 is not None for record in analysis.contrast.frames):
        width_mm = source.columns * column_mm
        fitting = [bar for bar in SCALE_BARS_MM if bar <= LONGEST_SCALE_BAR * width_mm]
        if fitting:
            bar_mm = fitting[0]
            bar_px = bar_mm / column_mm
    return Frame(
        view_box=f"-0.5 -0.5 {source.columns} {source.rows}",
        aspect=round(source.columns * column_mm / (source.rows * row_mm), 4),
        rows=source.rows,
        columns=source.columns,
        bar_px=bar_px,
        bar_mm=bar_mm,
        origins=_crosses(analysis),
    )


def _crosses(analysis: Analysis) -> str:
    """Return a cross with an open middle at each origin, so that what lies there stays visible."""
    arm = CROSS_ARM * max(analysis.source.rows, analysis.source.columns)
    parts = []
    for injection in analysis.contrast.injections:
        if injection.origin_px is not None:
            row, column = injection.origin_px
            for sign in (-1, 1):
                parts.append(f"M{column + sign * arm:.1f} {row:.1f}h{-sign * 0.6 * arm:.1f}")
                parts.append(f"M{column:.1f} {row + sign * arm:.1f}v{-sign * 0.6 * arm:.1f}")
    return "".join(parts)
