"""The curves of an evaluation, as SVG that stands inside the page."""

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

from guidance.records import NotFound
from guidance.report._charts import POINTS_PER_INCH
from guidance.report._charts import _embed as embed_svg
from guidance.report._charts import _settings as chart_settings
from guidance.report.style import CURVE, FLAG, HAIRLINE, INK, MUTED_INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from guidance.evaluation import Evaluation, LatencyCurve, ReliabilityBin, RiskCurve, RocCurve

_WIDTH, _HEIGHT, _FONT = 400.0, 330.0, 11.5
_MOST_POINTS = 600
"""Corners drawn of a curve; more cannot be seen."""

_METADATA = ("Creator", "Date", "Format", "Type")
_HALO = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}


def draw_roc(evaluation: "Evaluation") -> str:
    """Return the ROC curve with its band and the flag's own point; empty where there is none."""
    curve = evaluation.roc
    if isinstance(curve, NotFound):
        return ""
    return _draw("roc", lambda axes: _roc(axes, curve, evaluation))


def draw_risk(evaluation: "Evaluation") -> str:
    """Return error rate against coverage; empty where there is none."""
    curve = evaluation.risk
    if isinstance(curve, NotFound):
        return ""
    return _draw("risk", lambda axes: _risk(axes, curve, evaluation))


def draw_latency(evaluation: "Evaluation") -> str:
    """Return the share of visible vessels flagged by a time; empty where there is none."""
    curve = evaluation.latency
    if isinstance(curve, NotFound) or not curve.latency_s:
        return ""
    return _draw("latency", lambda axes: _latency(axes, curve))


def draw_reliability(evaluation: "Evaluation") -> str:
    """Return stated against observed shares; empty where there is none."""
    bins = evaluation.reliability
    if isinstance(bins, NotFound):
        return ""
    return _draw("reliability", lambda axes: _reliability(axes, bins))


def _draw(prefix: str, draw: Callable[["Axes"], None]) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(chart_settings(_FONT))
        size = (_WIDTH / POINTS_PER_INCH, _HEIGHT / POINTS_PER_INCH)
        figure = Figure(figsize=size, dpi=POINTS_PER_INCH, facecolor="none")
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.145, 0.15, 0.805, 0.82))
        draw(axes)
        text = StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(_METADATA))
    return embed_svg(text.getvalue(), prefix)


def _roc(axes: "Axes", curve: "RocCurve", evaluation: "Evaluation") -> None:
    axes.plot([0, 1], [0, 1], color=MUTED_INK, linewidth=0.9, linestyle=(0, (4, 3)))
    if curve.grid:
        axes.fill_between(curve.grid, curve.low, curve.high, color=CURVE, alpha=0.16, linewidth=0)
    step = max(1, len(curve.sensitivity) // _MOST_POINTS)
    x = (*curve.false_positive_share[:-1:step], 1.0)
    y = (*curve.sensitivity[:-1:step], 1.0)
    axes.plot(x, y, color=CURVE, linewidth=1.9)
    found, cleared = (evaluation.figure(name).estimate for name in ("sensitivity", "specificity"))
    if found is not None and cleared is not None:
        _mark(axes, 1.0 - cleared, found, "the flag")
    _percent_axes(axes, "Runs without uptake that are flagged", "Uptakes that are flagged")


def _risk(axes: "Axes", curve: "RiskCurve", evaluation: "Evaluation") -> None:
    from matplotlib.ticker import MaxNLocator

    step = max(1, len(curve.risk) // _MOST_POINTS)
    x = (*curve.coverage[:-1:step], curve.coverage[-1])
    y = (*curve.risk[:-1:step], curve.risk[-1])
    axes.plot(x, y, color=CURVE, linewidth=1.9)
    axes.fill_between(x, y, 0, color=CURVE, alpha=0.10, linewidth=0)
    coverage = evaluation.figure("coverage").estimate
    risk = evaluation.figure("error_rate_of_decided").estimate
    # One run alone is right or wrong: the first few say nothing of the height.
    settled = [value for at, value in zip(x, y, strict=True) if at >= 0.05]
    top = max([0.1, *settled, risk or 0.0]) * 1.15
    if coverage is not None and risk is not None:
        _mark(axes, coverage, risk, "the verdicts")
    _percent_axes(axes, "Runs that are answered, the surest first", "Wrong among them")
    axes.set_ylim(0, min(1.0, top))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))


def _latency(axes: "Axes", curve: "LatencyCurve") -> None:
    # The slowest few would squeeze all others to the left.
    most = curve.latency_s[min(len(curve.latency_s) - 1, int(0.98 * len(curve.latency_s)))]
    high = max(1.15 * most, 0.5)
    low = min(0.0, curve.latency_s[0])
    first = (low - 0.04 * (high - low), 0.0)
    points = [first, *zip(curve.latency_s, curve.share, strict=True), (high, curve.share[-1])]
    step = max(1, len(points) // _MOST_POINTS)
    kept = [*points[:-2:step], *points[-2:]]
    x, y = zip(*((at, up_to) for at, up_to in kept if at <= high), strict=True)
    axes.plot(x, y, color=CURVE, linewidth=1.9, drawstyle="steps-post")
    axes.fill_between(x, y, 0, color=CURVE, alpha=0.10, linewidth=0, step="post")
    axes.axvline(0.0, color=MUTED_INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.axhline(curve.share[-1], color=FLAG, linewidth=1.2)
    _percent_axes(axes, "Seconds from the first visible vessel", "Visible uptakes flagged by then")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(first[0], high)
    left = 1.0 - curve.share[-1]
    axes.annotate(
        f"{100 * left:.0f} % missed or too early" if left > 0 else "all flagged",
        xy=(high, curve.share[-1]),
        xytext=(-2, 5 if curve.share[-1] < 0.9 else -13),
        textcoords="offset points",
        ha="right",
        color=INK,
    )


def _reliability(axes: "Axes", bins: "tuple[ReliabilityBin, ...]") -> None:
    axes.plot([0, 1], [0, 1], color=MUTED_INK, linewidth=0.9, linestyle=(0, (4, 3)))
    x = [one.stated for one in bins]
    y = [one.observed for one in bins]
    for one in bins:
        axes.plot([one.stated] * 2, [one.low, one.high], color=CURVE, linewidth=1.3, alpha=0.7)
    axes.plot(x, y, color=CURVE, linewidth=1.0, alpha=0.5)
    axes.plot(x, y, color=CURVE, linestyle="", marker="o", markersize=6, markeredgecolor="white")
    _percent_axes(axes, "Probability of uptake that was stated", "Uptakes among those runs")


def _mark(axes: "Axes", x: float, y: float, name: str) -> None:
    """Mark the observer's own decision, and say what the mark is."""
    axes.plot(
        [x], [y], marker="D", markersize=8, color=FLAG, markeredgecolor=INK, linestyle="", zorder=5
    )
    runs_left = x > 0.6
    axes.annotate(
        name,
        xy=(x, y),
        xytext=(-9 if runs_left else 9, -13),
        textcoords="offset points",
        ha="right" if runs_left else "left",
        color=INK,
        bbox=_HALO,
        zorder=6,
    )


def _percent_axes(axes: "Axes", across: str, up: str) -> None:
    from matplotlib.ticker import FuncFormatter

    def percent(value: float, _: int) -> str:
        return f"{100 * value:g} %"

    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.xaxis.set_major_formatter(FuncFormatter(percent))
    axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid(color=HAIRLINE)
