"""From pixel values to pictures: reduction, grey levels, the subtraction view, PNG.

For display only; nothing here is measured. Grey levels follow fluoroscopy: less X-ray intensity is
darker, so bone and contrast are dark whatever the sign of the stored values.
"""

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.records import FrameArray, IntensityScale, PixelIntensityRelationship, RunHeader

Values = NDArray[np.float32]
Grey = NDArray[np.uint8]

ROBUST_PERCENT = (0.5, 99.5)
"""Grey levels reach from black to white between these percentiles of the values."""
BORDER_SHARE = 0.05
"""So many pixels at an end of the range are a shutter or saturation, not the patient."""
BORDER_BAND = 0.02
"""How far from that end it reaches, as a share of the range."""
MID_GREY = 0.42
"""Brightness that the median gets, of 1, where the values decide."""
STRONGEST_GAMMA = 0.5
"""A stronger lift would show noise in the dense parts."""
USABLE_WINDOW = (0.15, 6.0)
"""A header's window narrower or wider than this, in spans of the values, shows too little."""
FAINTEST_FULL_SCALE = 0.05
"""Least full scale of the subtraction view, a change of ln(value): noise alone stays grey."""

_LARGEST_VALUE = 1e30
"""Values and windows beyond this are cut: their squares would not fit a float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayWindow:
    """Which values become black and white.

    Attributes
    ----------
    low, high : float
        Ends of the window. Pixel values.
    sign : int
        +1 where `low` is black, -1 where it is white.
    gamma : float
        Exponent of the brightness; below 1 lifts the dark parts.
    source : str
        Where the window comes from, for the caption.
    """

    low: float
    high: float
    sign: int
    gamma: float
    source: str

    def grey(self, values: NDArray[Any]) -> Grey:
        """Return `values` as grey levels, 0 to 255, of the same shape."""
        share = (np.asarray(values, np.float32) - self.low) / (self.high - self.low)
        rising = np.clip(share, 0, 1)
        brightness = (rising if self.sign > 0 else 1 - rising) ** np.float32(self.gamma)
        return np.asarray(np.rint(255 * brightness), np.uint8)


def reduce_frame(frame: FrameArray, longest: int) -> Values:
    """Return a frame averaged down until its longer side is at most `longest` pixels.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values.
    longest : int
        Pixels; a smaller frame keeps its size.

    Returns
    -------
    (r, c) float32 array
        Pixel values.
    """
    import PIL.Image

    values = np.ascontiguousarray(frame, np.float32)
    rows, columns = values.shape
    ratio = max(rows, columns) / longest
    if ratio <= 1:
        return values
    size = (max(1, round(columns / ratio)), max(1, round(rows / ratio)))
    image = PIL.Image.fromarray(values)
    return np.asarray(image.resize(size, PIL.Image.Resampling.BOX), np.float32)


def choose_window(header: RunHeader, samples: Iterable[NDArray[Any]]) -> DisplayWindow:
    """Choose one window for all pictures of a run.

    The header's window is used where it fits the values; headers of wrapped or re-encoded runs
    often carry one that does not, and then the values decide.

    Parameters
    ----------
    header : RunHeader
        For its window, and the sign of its values.
    samples : iterable of arrays
        Values of frames spread over the run.
    """
    values = np.concatenate([np.ravel(sample) for sample in samples]).astype(np.float32)
    values = np.clip(values, -_LARGEST_VALUE, _LARGEST_VALUE)
    low, high, middle = _robust_range(values)
    if not low < high:
        low, high = low - max(1.0, abs(low) / 2), high + max(1.0, abs(high) / 2)
    sign = header.intensity.sign
    if header.window is not None:
        centre, width = (
            float(np.clip(value, -_LARGEST_VALUE, _LARGEST_VALUE)) for value in header.window
        )
        inside = np.mean(np.abs(values - centre) <= width / 2)
        if width > 0 and inside >= 0.5 and _fits(width / max(high - low, 1e-6)):
            return DisplayWindow(
                low=centre - width / 2,
                high=centre + width / 2,
                sign=sign,
                gamma=1.0,
                source="display window of the header",
            )
    share = (middle - low) / (high - low)
    return DisplayWindow(
        low=low,
        high=high,
        sign=sign,
        gamma=_gamma(share if sign > 0 else 1 - share),
        source="display window from the values of the run",
    )


def _gamma(middle: float) -> float:
    """Return the exponent that brings the median brightness to mid-grey, within bounds.

    Intensities behind a patient span decades: shown in proportion, the dense half is black.
    """
    if not 0 < middle < MID_GREY:
        return 1.0
    return max(STRONGEST_GAMMA, math.log(MID_GREY) / math.log(middle))


def _fits(spans: float) -> bool:
    return USABLE_WINDOW[0] <= spans <= USABLE_WINDOW[1]


def _robust_range(values: Values) -> tuple[float, float, float]:
    """Return the ends of the patient's values, never an empty range, and their median."""
    lowest, highest = float(values.min()), float(values.max())
    band = BORDER_BAND * (highest - lowest)
    inner = values
    if np.mean(values <= lowest + band) > BORDER_SHARE:
        inner = inner[inner > lowest + band]
    if np.mean(values >= highest - band) > BORDER_SHARE:
        inner = inner[inner < highest - band]
    ends = (ROBUST_PERCENT[0], ROBUST_PERCENT[1], 50)
    low, high, middle = map(float, np.percentile(inner if inner.size else values, ends))
    return (low, high, middle) if high > low else (low - 0.5, low + 0.5, low)


def shows_logarithm(header: RunHeader) -> bool:
    """Return whether the stored values are taken as intensities, whose logarithm is compared.

    Values that are a logarithm or a difference already are compared as they are.
    """
    is_log = header.intensity.relationship is PixelIntensityRelationship.LOG
    return not (is_log or header.is_subtracted)


def subtract(key: Values, reference: Values, header: RunHeader) -> tuple[Grey, float]:
    """Return the change of a frame against a reference, darker where X-ray intensity fell.

    The median change is taken out: it is the exposure's, not the contrast's. Shown without aligning
    the frames, so motion shows as pairs of bright and dark edges.

    Parameters
    ----------
    key, reference : (r, c) float32 array
        Pixel values.
    header : RunHeader
        For what a value means.

    Returns
    -------
    picture : (r, c) uint8 array
        Grey levels; 128 is no change.
    full_scale : float
        Change shown as black or white: of ln(value), or of the value itself where
        `shows_logarithm` is false.
    """
    seen = np.ones(key.shape, bool)
    if shows_logarithm(header):
        floor = _logarithm_floor(reference, header.intensity)
        offset = min(header.intensity.low, 0.0)
        change = np.log(np.maximum(key - offset, floor) / np.maximum(reference - offset, floor))
        seen = reference - offset >= 2 * floor
        faintest = FAINTEST_FULL_SCALE
    else:
        change = key - reference
        faintest = 1.0
    if seen.any():
        change = np.where(seen, change - np.median(change[seen]), 0)
    change = header.intensity.sign * change
    full_scale = max(float(np.percentile(np.abs(change), 99.7)), faintest)
    grey = np.clip(128 + 127 * change / full_scale, 0, 255)
    return np.rint(grey).astype(np.uint8), full_scale


def _logarithm_floor(reference: Values, intensity: IntensityScale) -> float:
    """Return the value below which the logarithm would show only the noise of hidden borders."""
    bright = float(np.percentile(reference, 99)) - min(intensity.low, 0.0)
    return max(0.02 * bright, 1e-3)


def encode_png(grey: NDArray[np.uint8]) -> bytes:
    """Return an (r, c) or (r, c, 3) picture as the bytes of a PNG file."""
    import PIL.Image

    buffer = BytesIO()
    PIL.Image.fromarray(grey).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    """Return the bytes of a PNG file as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
