"""The curves over true time, as SVG that stands inside the page.

matplotlib draws without pyplot and without the user's own settings, so the same analysis gives the
same bytes. Text stays text: it takes the page's font and can be searched.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from guidance.records import Analysis, FrameRecord
from guidance.report._course import frame_times
from guidance.report.style import CURVE, FLAG, HAIRLINE, INK, MUTED_INK, ONSET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72.0
FEW_FRAMES = 60
"""Up to this many frames each one gets a dot, so that uneven times can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One quantity over the run.

    Attributes
    ----------
    name : str
        For a reader.
    unit : str
        Empty for a share.
    values : tuple of float
        One per frame record; NaN where it is not known.
    """

    name: str
    unit: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSize:
    """Size of a drawing, in SVG units.

    Attributes
    ----------
    prefix : str
        Makes the ids of this drawing its own on the page.
    width, panel_height : float
        Of the whole, and of one curve.
    font : float
        Of the text.
    """

    prefix: str
    width: float
    panel_height: float
    font: float


WIDE = ChartSize(prefix="w", width=860, panel_height=108, font=13)
NARROW = ChartSize(prefix="n", width=360, panel_height=120, font=11)


def curves(analysis: Analysis) -> list[Curve]:
    """Return the curves that the analysis holds, in the most telling unit it has for each."""
    frames = analysis.contrast.frames
    has_mm = any(record.area_mm2 is not None for record in frames)
    found = [
        _curve("Area", "mm²", (r.area_mm2 for r in frames))
        if has_mm
        else _curve("Area", "px²", (r.area_px for r in frames)),
        _signal(frames),
        _reach(analysis, has_mm),
    ]
    if any(record.intravascular_probability is not None for record in frames):
        known = (record.intravascular_probability for record in frames)
        found.append(_curve("Probability of uptake", "", known))
    return found


def _curve(name: str, unit: str, values: Iterable[float | None]) -> Curve:
    known = tuple(math.nan if value is None else float(value) for value in values)
    return Curve(name=name, unit=unit, values=known)


def _signal(frames: Sequence[FrameRecord]) -> Curve:
    if any(record.iodine_signal_mm2 is not None for record in frames):
        return _curve("Iodine signal", "mm²", (r.iodine_signal_mm2 for r in frames))
    if any(record.iodine_signal_px is not None for record in frames):
        return _curve("Iodine signal", "px²", (r.iodine_signal_px for r in frames))
    return _curve("Relative signal", "px²", (r.relative_signal_px for r in frames))


def _reach(analysis: Analysis, has_mm: bool) -> Curve:
    """Return the reach, in millimetres only where pixels are square: its direction is unknown."""
    reach = [record.reach_px for record in analysis.contrast.frames]
    spacing = analysis.source.spacing_mm
    if has_mm and spacing is not None and math.isclose(*spacing, rel_tol=0.01):
        known = (None if value is None else spacing[0] * value for value in reach)
        return _curve("Reach", "mm", known)
    return _curve("Reach", "px", reach)


def render_curves(analysis: Analysis, shown: Sequence[int], size: ChartSize) -> str:
    """Return the curves as one SVG element, stacked over a shared axis of true time.

    Parameters
    ----------
    analysis : Analysis
        With at least one frame record.
    shown : sequence of int
        Frames of the strip, marked on the time axis.
    size : ChartSize
        Of the drawing.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    panels = curves(analysis)
    times = frame_times(analysis)
    at = times or [float(frame) for frame in range(analysis.source.n_frames)]
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(size.font))
        figure = Figure(figsize=_figsize(size, len(panels)), dpi=POINTS_PER_INCH, facecolor="none")
        FigureCanvasSVG(figure)
        for index, curve in enumerate(panels):
            axes = figure.add_subplot(len(panels), 1, index + 1)
            _draw_curve(axes, [at[r.frame] for r in analysis.contrast.frames], curve)
            _draw_marks(axes, analysis, at, size, is_top=index == 0)
            axes.set_xlim(*_limits(at))
            if index < len(panels) - 1:
                axes.tick_params(axis="x", labelbottom=False)
        _draw_strip_marks(axes, [at[frame] for frame in shown])
        axes.set_xlabel("Time from the first frame (s)" if times else "Frame (no times known)")
        _place(figure, size, len(panels))
        text = StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(_METADATA))
    return _embed(text.getvalue(), size.prefix)


_METADATA = ("Creator", "Date", "Format", "Type")


def _settings(font: float) -> dict[Any, Any]:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "guidance",
        "font.size": font,
        "axes.facecolor": "none",
        "axes.edgecolor": MUTED_INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": HAIRLINE,
        "grid.linewidth": 0.7,
        "text.color": INK,
        "xtick.color": MUTED_INK,
        "ytick.color": MUTED_INK,
        "xtick.labelcolor": MUTED_INK,
        "ytick.labelcolor": MUTED_INK,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "ytick.major.pad": 6,
        "axes.formatter.use_mathtext": False,
        "axes.formatter.limits": (-4, 6),
        "axes.unicode_minus": True,
        "path.simplify_threshold": 0.1,
    }


_TOP, _BOTTOM, _BETWEEN = 3.4, 3.0, 2.3
"""Room above, below and between the panels, in lines of text."""


def _figsize(size: ChartSize, panels: int) -> tuple[float, float]:
    lines = _TOP + _BOTTOM + _BETWEEN * (panels - 1)
    height = panels * size.panel_height + lines * size.font
    return size.width / POINTS_PER_INCH, height / POINTS_PER_INCH


def _place(figure: "Figure", size: ChartSize, panels: int) -> None:
    height = _figsize(size, panels)[1] * POINTS_PER_INCH
    figure.subplots_adjust(
        left=4.2 * size.font / size.width,
        right=1 - 1.2 * size.font / size.width,
        top=1 - _TOP * size.font / height,
        bottom=_BOTTOM * size.font / height,
        hspace=_BETWEEN * size.font / size.panel_height,
    )


def _limits(at: Sequence[float]) -> tuple[float, float]:
    span = (at[-1] - at[0]) or 1.0
    return at[0] - 0.01 * span, at[-1] + 0.01 * span


def _draw_curve(axes: "Axes", at: Sequence[float], curve: Curve) -> None:
    marker = "o" if len(at) <= FEW_FRAMES else ""
    axes.plot(at, curve.values, color=CURVE, linewidth=1.8, marker=marker, markersize=3.2)
    axes.fill_between(at, curve.values, 0, color=CURVE, alpha=0.10, linewidth=0)
    label = f"{curve.name} ({curve.unit})" if curve.unit else curve.name
    axes.set_title(label, loc="left", fontsize="medium", color=INK, pad=5)
    known = [value for value in curve.values if math.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.08 * (high - low)
    axes.set_ylim(low - (room if low < 0 else 0), high + room if high > low else 1)
    axes.locator_params(axis="y", nbins=4)


def _draw_marks(
    axes: "Axes", analysis: Analysis, at: Sequence[float], size: ChartSize, is_top: bool
) -> None:
    """Draw onsets, flags and the frames that could not be judged; name them on the top panel."""
    contrast = analysis.contrast
    for low, high in unjudged_spans(contrast.frames):
        axes.axvspan(at[low], at[min(high + 1, len(at) - 1)], color=HAIRLINE, alpha=0.6, zorder=0)
    for injection in contrast.injections:
        _draw_line(axes, injection.onset_frame, at, ONSET, width=0.8)
        _draw_line(axes, injection.flag_frame, at, FLAG, width=1.0)
    for word, frame, colour, row in (
        ("onset", contrast.onset_frame, ONSET, 2.55),
        ("flag", contrast.flag_frame, FLAG, 1.55),
    ):
        _draw_line(axes, frame, at, colour, width=2.0 if word == "flag" else 1.2)
        if is_top and frame is not None:
            _name_line(axes, f"{word}, frame {frame}", (at[frame], at), row * size.font, colour)


def _draw_line(
    axes: "Axes", frame: int | None, at: Sequence[float], colour: str, width: float
) -> None:
    if frame is not None:
        style = "-" if colour == FLAG else (0, (4, 2.5))
        axes.axvline(at[frame], color=colour, linewidth=width, linestyle=style, zorder=3)


def _name_line(
    axes: "Axes", text: str, place: tuple[float, Sequence[float]], height: float, colour: str
) -> None:
    """Write a line's name above the panel, joined to the line by a leader of its colour.

    Onset and flag have a row each, so they never meet; a name near the right edge runs leftwards.
    """
    x, at = place
    low, high = _limits(at)
    runs_left = (x - low) / (high - low) > 0.72
    axes.annotate(
        text,
        xy=(x, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if runs_left else 5, height),
        textcoords="offset points",
        ha="right" if runs_left else "left",
        va="center",
        color=INK,
    )
    axes.annotate(
        "",
        xy=(x, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, height + 5),
        textcoords="offset points",
        arrowprops={
            "arrowstyle": "-",
            "color": colour,
            "linewidth": 2.0 if colour == FLAG else 1.2,
            "shrinkA": 0,
            "shrinkB": 0,
            "linestyle": "-" if colour == FLAG else (0, (4, 2.5)),
        },
    )


def _draw_strip_marks(axes: "Axes", at: Sequence[float]) -> None:
    """Mark the frames of the strip as small triangles standing on the time axis."""
    transform = axes.get_xaxis_transform()
    axes.plot(
        at,
        [0.0] * len(at),
        linestyle="",
        marker=6,
        markersize=6,
        color=INK,
        transform=transform,
        clip_on=False,
        zorder=4,
    )


def unjudged_spans(frames: Sequence[FrameRecord]) -> list[tuple[int, int]]:
    """Return first and last frame of each stretch of frames that carry a remark."""
    spans: list[tuple[int, int]] = []
    for record in frames:
        if not record.remark:
            continue
        if spans and spans[-1][1] == record.frame - 1:
            spans[-1] = (spans[-1][0], record.frame)
        else:
            spans.append((record.frame, record.frame))
    return spans


def _embed(svg: str, prefix: str) -> str:
    """Return the SVG element alone, with ids of its own and the page's font and width."""
    element = svg[svg.index("<svg") :]
    # Its style sheet would reach the whole page; what it says stands on the element instead.
    element = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", element, count=1, flags=re.S)
    element = re.sub(r'\s(?:xmlns(?::xlink)?|version|width|height)="[^"]*"', "", element, count=5)
    element = element.replace("xlink:href", "href")
    element = re.sub(r'\bid="', f'id="{prefix}-', element)
    element = element.replace('href="#', f'href="#{prefix}-')
    element = element.replace("url(#", f"url(#{prefix}-")
    # Only the size is matplotlib's; the face is the page's.
    element = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", element)
    element = re.sub(r" font-family: [^;\"]*;?", "", element)
    element = re.sub(r"\s*\n\s*", " ", element)
    return element.replace("<svg", '<svg aria-hidden="true" stroke-linejoin="round"', 1)
