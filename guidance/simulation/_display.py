"""From the raw signal to stored pixel values: recursive filter, smoothing, tone, edges, bits.

All in the order in which fluoroscopes do it. The raw signal is 1 at the target of the exposure
control; values from 0 to 1 become 0 to full scale, and what lies outside is clipped. Bone is dark:
greater values are more X-rays, unless `inverted`.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray
from guidance.simulation._lettering import text_mask
from guidance.simulation._scatter import blur
from guidance.simulation._transmission import Map

Range = tuple[float, float]
_LUT_STEPS = 4096
_LUT_TOP = 16.0
_LEAST_SIGNAL = 1e-3


class ToneCurve(StrEnum):
    """How pixel values grow with the signal."""

    LINEAR = "linear"
    LOGARITHMIC = "logarithmic"
    GAMMA = "gamma"
    S_SHAPED = "s_shaped"

    @property
    def relationship(self) -> str:
        """Pixel Intensity Relationship (0028,1040) of DICOM."""
        named = {ToneCurve.LINEAR: "LIN", ToneCurve.LOGARITHMIC: "LOG"}
        return named.get(self, "DISP")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplaySettings:
    """What is done to the image before it is stored.

    Attributes
    ----------
    recursive_weight : float
        Of the image before, 0 to below 1.
    motion_threshold : float
        Change, in standard deviations, at which the recursive filter lets go; 0 for never.
    smoothing : float
        Share of what looks like noise that a 5×5 adaptive filter removes, 0 to 1.
    edge_amount, edge_sigma_px : float
        Unsharp mask: how much of what a Gaussian removes is added, and its width. Pixels.
    curve : ToneCurve
        Of pixel values.
    level : float
        Where the target of the exposure control lies, as a share of full scale.
    log_span : float
        LOGARITHMIC: nepers of signal from 0 to full scale.
    gamma : float
        GAMMA: exponent. S_SHAPED: steepness.
    black : float
        Share of full scale that is taken off the dark end, for GAMMA and S_SHAPED.
    bits_stored : int
        8 to 14.
    text : tuple of str
        Burnt in at full scale: one line for each corner, from the top left, clockwise.
    """

    recursive_weight: float = 0.3
    motion_threshold: float = 0.0
    smoothing: float = 0.0
    edge_amount: float = 0.5
    edge_sigma_px: float = 2.0
    curve: ToneCurve = ToneCurve.LINEAR
    level: float = 0.35
    log_span: float = 4.5
    gamma: float = 0.6
    black: float = 0.0
    bits_stored: int = 10
    text: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be stored or does not settle."""
        if not (0 <= self.recursive_weight < 1 and 0 <= self.smoothing <= 1):
            raise InputError(
                f"recursive_weight {self.recursive_weight} and smoothing {self.smoothing}; "
                "expected 0 to below 1, and 0 to 1"
            )
        if not (0 < self.level < 1 and 0 <= self.black < self.level and self.gamma > 0):
            raise InputError(
                f"level {self.level}, black {self.black}, gamma {self.gamma}; expected a level "
                "between black and 1, and gamma above 0"
            )
        if not (8 <= self.bits_stored <= 14 and self.log_span > 0 and len(self.text) <= 4):
            raise InputError(
                f"bits_stored {self.bits_stored}, log_span {self.log_span}, {len(self.text)} lines "
                "of text; expected 8 to 14 bits, a span above 0 and four lines at most"
            )
        rest = (self.motion_threshold, self.edge_amount, self.edge_sigma_px)
        if min(rest) < 0:
            raise InputError(
                f"motion_threshold, edge_amount, edge_sigma_px are {rest}, expected 0 or more"
            )

    @property
    def full_scale(self) -> int:
        """The greatest pixel value."""
        return (1 << self.bits_stored) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayRanges:
    """Ranges that `draw_display` draws from. Makers publish none of this.

    Sources: [R] recursive weights: Wilson, Jabri and Manjeshwar, Annu Rev Biomed Eng 1:1 (1999),
    and Balter, AJR 203:W234 (2014); the rest is a guess after the stored images that DICOM knows
    (PS3.3 C.8.7.1) and the public runs of coronary arteries.
    """

    recursive_weight: Range = (0.0, 0.8)  # [R]
    motion_threshold: Range = (2.5, 6.0)  # guess
    motion_share: float = 0.4  # guess: units that detect motion
    smoothing: Range = (0.0, 0.6)  # guess
    smoothing_share: float = 0.3  # guess
    edge_amount: Range = (0.0, 1.5)  # guess
    edge_sigma_px: Range = (1.0, 4.0)  # guess
    curve_shares: tuple[float, float, float, float] = (0.3, 0.2, 0.25, 0.25)  # as ToneCurve; guess
    level: Range = (0.25, 0.55)  # guess
    log_span: Range = (3.5, 6.0)  # guess
    gamma: Range = (0.45, 0.8)  # guess
    # Film had 2 to 3 (nepers of light over nepers of exposure) and screens imitate it; widened from
    # a flatter guess after the bone contrast of a real image (docs/realism.md).
    slope: Range = (1.2, 2.8)
    black: Range = (0.0, 0.05)  # guess
    bits: tuple[int, ...] = (8, 8, 8, 10, 10, 12, 14)  # guess: most stored fluoroscopy has 8
    text_share: float = 0.4  # guess: secondary captures and old units burn text in


def draw_display(rng: np.random.Generator, ranges: DisplayRanges) -> DisplaySettings:
    """Return one way of storing; text names nobody."""
    curve = list(ToneCurve)[int(rng.choice(4, p=ranges.curve_shares))]
    level, black = rng.uniform(*ranges.level), rng.uniform(*ranges.black)
    gamma, slope = rng.uniform(*ranges.gamma), rng.uniform(*ranges.slope)
    has_motion, has_smoothing, has_text = rng.random(3) < (
        ranges.motion_share,
        ranges.smoothing_share,
        ranges.text_share,
    )
    threshold, smoothing = rng.uniform(*ranges.motion_threshold), rng.uniform(*ranges.smoothing)
    return DisplaySettings(
        recursive_weight=rng.uniform(*ranges.recursive_weight),
        motion_threshold=threshold if has_motion else 0.0,
        smoothing=smoothing if has_smoothing else 0.0,
        edge_amount=rng.uniform(*ranges.edge_amount),
        edge_sigma_px=rng.uniform(*ranges.edge_sigma_px),
        curve=curve,
        level=level,
        log_span=rng.uniform(*ranges.log_span),
        gamma=slope if curve is ToneCurve.S_SHAPED else gamma,
        black=black,
        bits_stored=int(rng.choice(ranges.bits)),
        text=("SIMULATED", "FLUORO") if has_text else (),
    )


def tone(settings: DisplaySettings, signal: FloatArray) -> FloatArray:
    """Return the share of full scale for a raw signal of any shape, not clipped."""
    x: FloatArray = np.maximum(signal, _LEAST_SIGNAL)
    match settings.curve:
        case ToneCurve.LINEAR:
            return np.asarray(settings.level * signal)
        case ToneCurve.LOGARITHMIC:
            return np.asarray(settings.level + np.log(x) / settings.log_span)
        case ToneCurve.GAMMA:
            raw = settings.level * x**settings.gamma
        case ToneCurve.S_SHAPED:
            raw = 1 / (1 + (1 / settings.level - 1) * x**-settings.gamma)
    return np.asarray((raw - settings.black) / (1 - settings.black))


def inverted(image: NDArray[np.unsignedinteger], bits_stored: int) -> NDArray[np.unsignedinteger]:
    """Return the image with dark and bright exchanged, as for MONOCHROME1."""
    return np.asarray(image.dtype.type((1 << bits_stored) - 1) - image)


class Display:
    """The processor of one run: keeps the image before, for the recursive filter."""

    def __init__(
        self, settings: DisplaySettings, field: NDArray[np.bool_], noise_gain: float
    ) -> None:
        """Prepare the tables.

        Parameters
        ----------
        settings : DisplaySettings
            What to do.
        field : (R, C) bool array
            Where the detector sees anything; 0 is stored elsewhere.
        noise_gain : float
            Variance of a pixel's signal over that of its quanta, behind the scintillator's blur.
        """
        self._settings = settings
        self._field = field
        self._noise_gain = noise_gain
        self._before: Map | None = None
        roots = np.linspace(0, np.sqrt(_LUT_TOP), _LUT_STEPS + 1)
        self._lut: Map = tone(settings, roots**2).astype(np.float32)
        self._text = text_mask(settings.text, field.shape)

    def __call__(self, raw: Map, quanta: float) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return pixel values of one pulse; `quanta` a pixel make up a signal of 1."""
        settings = self._settings
        variance = self._noise_gain / quanta
        image = self._recurse(raw, variance)
        if settings.smoothing:
            weight = settings.recursive_weight
            image = _smooth(image, settings.smoothing, variance * (1 - weight) / (1 + weight))
        if settings.curve is ToneCurve.LINEAR:
            shown: Map = image * np.float32(settings.level)
        else:
            shown = _look_up(image, self._lut, np.float32(_LUT_STEPS / np.sqrt(_LUT_TOP)))
        soft = shown
        if settings.edge_amount:
            soft = blur(shown, (settings.edge_sigma_px, settings.edge_sigma_px))
        values = _store(
            shown,
            soft,
            np.float32(settings.edge_amount),
            np.float32(settings.full_scale),
            self._field,
            self._text,
        )
        return values.astype(np.uint8) if settings.bits_stored <= 8 else values

    def _recurse(self, raw: Map, variance: float) -> Map:
        """Return the recursive filter's image, and keep it."""
        settings = self._settings
        if self._before is None or settings.recursive_weight == 0:
            self._before = raw.copy()
            return raw
        change = raw - self._before
        seen = change
        if settings.motion_threshold:
            # Single pixels are too noisy to tell motion by.
            seen = np.asarray(cv2.blur(change, (5, 5), borderType=cv2.BORDER_REFLECT), np.float32)
        scale = settings.motion_threshold**2 * variance
        weight = np.float32(settings.recursive_weight)
        _advance(self._before, change, seen, weight, np.float32(scale))
        return self._before


@njit(cache=True, nogil=True)
def _advance(
    before: Map, change: Map, seen: Map, weight: np.float32, motion_variance: np.float32
) -> None:
    """Move `before` towards the new image; where `seen` is large, all the way."""
    for r in range(before.shape[0]):
        for c in range(before.shape[1]):
            kept = weight
            if motion_variance > 0:
                expected = motion_variance * max(before[r, c], np.float32(1e-3))
                ratio = seen[r, c] * seen[r, c] / expected
                kept = weight / (1 + ratio * ratio)
            before[r, c] += (1 - kept) * change[r, c]


def _smooth(image: Map, share: float, variance: float) -> Map:
    """Return the image with part of its noise replaced by the local mean (Lee's filter)."""
    size = (5, 5)
    mean: Map = np.asarray(cv2.blur(image, size, borderType=cv2.BORDER_REFLECT), np.float32)
    square: Map = np.asarray(
        cv2.sqrBoxFilter(image, -1, size, borderType=cv2.BORDER_REFLECT), np.float32
    )
    result = np.empty_like(image)
    _blend(image, mean, square, np.float32(share), np.float32(variance), result)
    return result


@njit(cache=True, nogil=True)
def _blend(
    image: Map, mean: Map, square: Map, share: np.float32, variance: np.float32, result: Map
) -> None:
    for r in range(image.shape[0]):
        for c in range(image.shape[1]):
            m = mean[r, c]
            spread = max(square[r, c] - m * m, np.float32(1e-9))
            noise = min(np.float32(1), variance * max(m, np.float32(0)) / spread)
            result[r, c] = image[r, c] + share * noise * (m - image[r, c])


@njit(cache=True, nogil=True)
def _look_up(image: Map, lut: Map, scale: np.float32) -> Map:
    """Return the tone curve at each pixel; the table's steps are even in the signal's root."""
    result = np.empty_like(image)
    last = lut.size - 1
    for r in range(image.shape[0]):
        for c in range(image.shape[1]):
            place = np.sqrt(max(image[r, c], np.float32(0))) * scale
            place = min(place, np.float32(last) - np.float32(1e-3))
            index = int(place)
            part = place - np.float32(index)
            result[r, c] = lut[index] + part * (lut[index + 1] - lut[index])
    return result


@njit(cache=True, nogil=True)
def _store(
    shown: Map,
    soft: Map,
    amount: np.float32,
    full_scale: np.float32,
    field: NDArray[np.bool_],
    text: NDArray[np.bool_],
) -> NDArray[np.uint16]:
    """Return rounded and clipped pixel values behind the unsharp mask."""
    result = np.empty(shown.shape, np.uint16)
    for r in range(shown.shape[0]):
        for c in range(shown.shape[1]):
            value = shown[r, c] + amount * (shown[r, c] - soft[r, c])
            value = min(max(value * full_scale + np.float32(0.5), np.float32(0)), full_scale)
            if not field[r, c]:
                value = np.float32(0)
            if text[r, c]:
                value = full_scale
            result[r, c] = np.uint16(value)
    return result
