"""Pictures of `guidance subtract`: the subtracted frames, and maps with a colour bar and a unit.

Contrast is dark on grey, as radiologists read it. Maps lie over the mask, in a colour map of even
steps whose middle is no grey (viridis); where a map is not told, nothing is drawn.
"""

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray

Image = NDArray[np.float32]
Grey = NDArray[np.uint8]

UNCHANGED_GREY = 0.62
"""Brightness of no change, of 1: contrast has more room below than motion's bright edges above."""
FAINTEST_FULL_SCALE = 0.05
"""Least change shown as black: noise alone must stay grey. Attenuation."""
NOISE_IN_FULL_SCALE = 10.0
"""Black is at least so many standard deviations of the noise: a calm picture."""
PEAK_PERCENT = 99.5

GIF_GREYS = 64
HUNDREDTHS_UNTIMED = 10
HUNDREDTHS_SHORTEST = 2
HUNDREDTHS_LONGEST = 500
HUNDREDTHS_LAST = 150

MAP_PX = 640
"""A map's image is drawn with this longer side."""
_BAR_PX, _MARGIN_PX, _TITLE_PX, _DOTS_PER_INCH = 150, 18, 52, 100
_INK, _PAPER = "#E6E6E6", "#141414"
_MASK_GREYS = (0.16, 0.62)
"""The mask under a map keeps between these: light enough to see, dull enough to lie behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStyle:
    """How one map is labelled.

    Attributes
    ----------
    title, label : str
        Above the picture, and beside the bar with its unit.
    full : (low, high) or None
        Range of the colours; None to take it from the values.
    """

    title: str
    label: str
    full: tuple[float, float] | None = None


def choose_full_scale(peak: Image, noise: float) -> float:
    """Return the change of attenuation that is shown as black."""
    reached = float(np.percentile(peak, PEAK_PERCENT)) if peak.size else 0.0
    return max(reached, NOISE_IN_FULL_SCALE * noise, FAINTEST_FULL_SCALE)


def grey_levels(change: Image, full_scale: float) -> Grey:
    """Return a change as grey levels: no change is grey, added contrast darker."""
    brightness = UNCHANGED_GREY * (1 - change / np.float32(full_scale))
    return np.asarray(np.rint(255 * np.clip(brightness, 0, 1)), np.uint8)


def encode_png(grey: Grey) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    import PIL.Image

    buffer = BytesIO()
    PIL.Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()


class GifWriter:
    """Makes a moving picture; only its compressed frames are kept."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def add(self, grey: Grey, hundredths: int) -> None:
        """Take the next frame, and how long it stands."""
        import PIL.Image
        from PIL import GifImagePlugin

        if not self._chunks:
            self._chunks.append(_gif_header(*reversed(grey.shape)))
        indices = np.rint(grey * np.float32((GIF_GREYS - 1) / 255)).astype(np.uint8)
        image = PIL.Image.fromarray(indices)
        image.putpalette(bytes(768))
        self._chunks.extend(GifImagePlugin.getdata(image, duration=10 * hundredths, disposal=1))

    def finish(self) -> bytes:
        """Return the file."""
        return b"".join([*self._chunks, b";"])


def frame_hundredths(times: FloatArray, *, is_timed: bool) -> list[int]:
    """Return how long each frame of a moving picture stands, in hundredths of a second."""
    if not is_timed:
        return [HUNDREDTHS_UNTIMED] * (times.size - 1) + [HUNDREDTHS_LAST]
    ends = np.rint(100 * times).astype(int)
    lengths = np.clip(np.diff(ends), HUNDREDTHS_SHORTEST, HUNDREDTHS_LONGEST)
    return [*(int(length) for length in lengths), HUNDREDTHS_LAST]


def render_map(
    values: Image, lasts: NDArray[np.bool_] | None, mask: Image, style: MapStyle
) -> bytes:
    """Render a map over the mask, with a colour bar.

    Parameters
    ----------
    values : (r, c) float32 array
        The map; NaN where it is not told, and there the mask is seen.
    lasts : (r, c) bool array or None
        Where a value is a lower bound: outlined.
    mask : (r, c) float32 array
        Attenuation.
    style : MapStyle
        Words and range.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = values.shape
    zoom = MAP_PX / max(rows, columns)
    wide, high = round(columns * zoom), round(rows * zoom)
    total = (wide + _BAR_PX + 2 * _MARGIN_PX, high + _TITLE_PX + _MARGIN_PX)
    figure = Figure(
        figsize=(total[0] / _DOTS_PER_INCH, total[1] / _DOTS_PER_INCH),
        dpi=_DOTS_PER_INCH,
        facecolor=_PAPER,
    )
    FigureCanvasAgg(figure)

    def place(
        left: float, foot: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        return left / total[0], foot / total[1], width / total[0], height / total[1]

    axes = figure.add_axes(place(_MARGIN_PX, _MARGIN_PX, wide, high))
    axes.set_axis_off()
    axes.imshow(_dull(mask), cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
    low, high_value = style.full or _range(values)
    drawn = axes.imshow(
        np.ma.masked_invalid(values), cmap="viridis", vmin=low, vmax=high_value,
        interpolation="nearest",
    )  # fmt: skip
    if lasts is not None and lasts.any():
        axes.contour(lasts, levels=[0.5], colors=[_INK], linewidths=0.8)
    bar_axes = figure.add_axes(
        place(wide + 2.2 * _MARGIN_PX, _MARGIN_PX + 0.15 * high, 22, 0.7 * high)
    )
    bar = figure.colorbar(drawn, cax=bar_axes)
    bar.set_label(style.label, color=_INK, fontsize=11)
    bar.outline.set_edgecolor(_INK)
    bar_axes.tick_params(colors=_INK, labelsize=10)
    if style.full == (0.0, 1.0):
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    figure.text(
        _MARGIN_PX / total[0], 1 - 30 / total[1], style.title, color=_INK, fontsize=13, va="center"
    )
    if not np.isfinite(values).any():
        axes.text(
            0.5, 0.5, "nothing stands out from the noise", transform=axes.transAxes, color=_INK,
            ha="center", va="center", fontsize=12,
        )  # fmt: skip
    buffer = BytesIO()
    # Without the program's name and version: the same map, the same bytes.
    figure.savefig(buffer, format="png", facecolor=_PAPER, metadata={"Software": None})
    return buffer.getvalue()


def _dull(mask: Image) -> Image:
    """Return attenuation as a dull picture, dense parts dark."""
    low, high = (float(value) for value in np.percentile(mask, (2, 98)))
    share = np.clip((mask - low) / max(high - low, 1e-6), 0, 1)
    darkest, lightest = _MASK_GREYS
    return np.asarray(lightest - (lightest - darkest) * share, np.float32)


def _range(values: Image) -> tuple[float, float]:
    """Return the range of a map's colours: that of its values, but for the odd ones out."""
    told = values[np.isfinite(values)]
    if told.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(told, (2, 98)))
    return (low, high) if high - low > 1e-3 else (low, low + max(1e-3, 0.1 * abs(low)))


def _gif_header(width: int, height: int) -> bytes:
    """Return the start of a GIF file of greys, looping for ever."""
    levels = [round(255 * level / (GIF_GREYS - 1)) for level in range(GIF_GREYS)]
    palette = bytes(value for level in levels for value in (level, level, level))
    screen = struct.pack("<HHBBB", width, height, 0xF5, 0, 0)
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    return b"GIF89a" + screen + palette + loop
