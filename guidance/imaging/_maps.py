"""What became of contrast at each pixel of a run: time to peak, wash-out, persistence.

One pass, and memory that does not grow with the run: beside a few frames for smoothing, what is
kept per pixel is its peak, when it was reached, the latest value, and the time spent above each of
a ladder of levels. Half of a peak that is known only at the end is then found between two levels.

Where noise does not let a value be told, it is NaN. Noise is taken pixel by pixel from the frames
before contrast, so that places that move count as noisy.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging._noise import measure_noise
from guidance.records import FloatArray

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMOOTH_PX = 1.5
"""Standard deviation of the smoothing in the plane: a vein of 1.5 mm is some four pixels wide."""

SMOOTH_S = 0.4
"""Values are averaged over this time: veins of medial branch blocks empty within 0.5 to 3 s."""

_MOST_SMOOTHED = 9
_SMOOTHED_UNTIMED = 3

PEAK_IN_NOISE = 5.0
"""A pixel has a peak where it exceeds so many standard deviations of its noise: one in a million by
chance, and a run holds as many independent values."""

LEAST_PATCH_PX = 12
"""Fewer pixels that touch are chance or a fault of the detector: smoothed noise is patchy."""

WASH_OUT_IN_NOISE = 8.0
"""Wash-out is a difference of two values: at eight standard deviations it is known to 0.18."""

_TIME_MARGIN = 2.0
"""The peak is reached when the value comes within so many standard deviations of it: on a plateau
the greatest value is noise, and its time means nothing."""

_LEVELS = 0.004 * np.sqrt(2.0) ** np.arange(17)
"""Ladder of attenuation, from half of the faintest peak (1 %) to 1.0, in half octaves."""

_LEAST_NOISE = 2e-3
_PRIOR_FRAMES = 4.0
_LOCAL_PX = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastMaps:
    """Maps of a run, where the patient lay in the mask. NaN where noise does not let them be told.

    Attributes
    ----------
    peak : (R, C) float32 array
        Greatest change of attenuation, smoothed; never NaN.
    time_to_peak : (R, C) float32 array
        Time from the run's first frame until the peak was reached, within its noise. In the unit of
        the times given: seconds, or frames.
    wash_out : (R, C) float32 array
        Share of the peak that has left by the end of the run, 0 to 1.
    persistence : (R, C) float32 array
        Time above half of the peak. Unit as above.
    lasts : (R, C) bool array
        Still above half of the peak at the end: `persistence` is a lower bound there.
    noise : (R, C) float32 array
        Standard deviation of the smoothed change where nothing changed. Attenuation.
    """

    peak: Image
    time_to_peak: Image
    wash_out: Image
    persistence: Image
    lasts: Mask
    noise: Image


def measure_maps(
    changes: Iterable[Image], times: FloatArray, valid: Mask, *, n_before: int = 0, smoothed: int
) -> ContrastMaps:
    """Measure the maps of a run.

    Parameters
    ----------
    changes : iterable of (R, C) float32 arrays
        Change of attenuation of each distinct frame, all where the patient lay in the mask. One is
        asked for at a time.
    times : (T,) float64 array
        When each was taken, from the run's first frame; rises. Seconds, or frame numbers.
    valid : (R, C) bool array
        Pixels that show the patient.
    n_before : int
        So many of the first frames are before contrast: they give the noise of each pixel, and no
        peak.
    smoothed : int
        Frames that are averaged; see `frames_to_smooth`. Fewer in a short run.

    Returns
    -------
    ContrastMaps

    Raises
    ------
    InputError
        Fewer than two times, times that do not rise, or another number of images.
    """
    if times.size < 2 or not bool((np.diff(times) > 0).all()):
        raise InputError(f"{times.size} times; expected at least two that rise, one a frame")
    smoothed = max(1, min(smoothed, times.size // 3))
    gathered = _Gathered(valid, times, n_before, smoothed)
    count = 0
    for change in changes:
        if count == times.size:
            raise InputError(f"more than {times.size} images; expected as many as times")
        gathered.add(count, change)
        count += 1
    if count != times.size:
        raise InputError(f"{count} images; expected {times.size}, as many as times")
    return gathered.finish()


def frames_to_smooth(times_s: FloatArray | None) -> int:
    """Return how many frames span `SMOOTH_S`: at least 1, at most 9; 3 where times are unknown."""
    if times_s is None or times_s.size < 2:
        return _SMOOTHED_UNTIMED
    step_s = float(np.median(np.diff(times_s)))
    return int(np.clip(round(SMOOTH_S / max(step_s, 1e-6)), 1, _MOST_SMOOTHED))


class _Gathered:
    """What is kept of a run while it passes."""

    def __init__(self, valid: Mask, times: FloatArray, n_before: int, smoothed: int) -> None:
        shape = valid.shape
        self._valid, self._times, self._before = valid, times, n_before
        self._recent: deque[Image] = deque(maxlen=smoothed)
        self._squares = np.zeros(shape, np.float32)
        self._quiet_variance, self._n_quiet = 0.0, 0
        self._peak = np.zeros(shape, np.float32)
        self._claim = np.zeros(shape, np.float32)
        self._claimed_at = np.full(shape, np.nan, np.float32)
        self._last = np.zeros(shape, np.float32)
        self._above = np.zeros((len(_LEVELS), *shape), np.float32)
        self._noise: Image | None = None

    def add(self, index: int, change: Image) -> None:
        """Take the next image."""
        soft = np.asarray(cv2.GaussianBlur(change, (0, 0), SMOOTH_PX), np.float32)
        self._recent.append(soft)
        if len(self._recent) < (self._recent.maxlen or 1):
            return
        mean = np.asarray(np.mean(self._recent, axis=0), np.float32)
        # Only means that lie wholly before contrast tell of the noise.
        if index < self._before:
            self._learn_noise(mean)
            return
        if self._noise is None:
            self._noise = self._settle_noise(mean)
        self._take(index, mean)

    def finish(self) -> ContrastMaps:
        """Return the maps."""
        noise = self._noise if self._noise is not None else self._settle_noise(self._last)
        has_peak = _without_specks(self._valid & (self._peak > PEAK_IN_NOISE * noise))
        told = has_peak & (self._peak > WASH_OUT_IN_NOISE * noise)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.clip(1 - self._last / self._peak, 0, 1)
        persistence = self._time_above(np.asarray(self._peak / 2, np.float32))
        return ContrastMaps(
            peak=np.where(self._valid, self._peak, 0),
            time_to_peak=_where(has_peak, self._claimed_at),
            wash_out=_where(told, left),
            persistence=_where(has_peak, persistence),
            lasts=np.asarray(has_peak & (self._last > self._peak / 2), np.bool_),
            noise=noise,
        )

    def _learn_noise(self, mean: Image) -> None:
        self._squares += mean**2
        self._quiet_variance += measure_noise(mean, self._valid) ** 2
        self._n_quiet += 1

    def _settle_noise(self, mean: Image) -> Image:
        """Return the noise of each pixel, from the frames before contrast as far as there are any.

        That of the whole image counts as some frames' worth, since few frames say little.
        """
        if self._n_quiet == 0:
            whole = max(measure_noise(mean, self._valid), _LEAST_NOISE)
            return np.full(self._valid.shape, whole, np.float32)
        whole_variance = max(self._quiet_variance / self._n_quiet, _LEAST_NOISE**2)
        local = cv2.blur(self._squares, (_LOCAL_PX, _LOCAL_PX))
        variance = local + np.float32(_PRIOR_FRAMES * whole_variance)
        variance /= np.float32(self._n_quiet + _PRIOR_FRAMES)
        least = np.float32(whole_variance / 2)
        return np.asarray(np.sqrt(np.maximum(variance, least)), np.float32)

    def _take(self, index: int, mean: Image) -> None:
        assert self._noise is not None
        width = self._recent.maxlen or 1
        first, last = index - width + 1, index
        time = float(self._times[first : last + 1].mean())
        # The first value stands for what was before it, the last for what came after.
        stands_for = self._stands_for(first, last)
        higher = mean > self._claim + _TIME_MARGIN * self._noise
        self._claim = np.where(higher, mean, self._claim)
        self._claimed_at = np.where(higher, np.float32(time), self._claimed_at)
        np.maximum(self._peak, mean, out=self._peak)
        for level, above in zip(_LEVELS, self._above, strict=True):
            above += np.float32(stands_for) * (mean > level)
        self._last = mean

    def _stands_for(self, first: int, last: int) -> float:
        """Return how long the mean of frames from `first` to `last` stands for."""
        times = self._times
        middle = (first + last) // 2
        is_start = first == 0 or middle <= self._before
        begin = times[middle] if is_start else (times[middle] + times[middle - 1]) / 2
        is_end = last == times.size - 1
        end = times[-1] if is_end else (times[middle] + times[middle + 1]) / 2
        return float(max(end - begin, 0.0))

    def _time_above(self, threshold: Image) -> Image:
        """Return the time above a threshold of each pixel, between the levels of the ladder."""
        upper = np.searchsorted(_LEVELS, threshold).clip(1, len(_LEVELS) - 1)
        lower_level, upper_level = _LEVELS[upper - 1], _LEVELS[upper]
        share = np.clip((threshold - lower_level) / (upper_level - lower_level), 0, 1)
        at_lower = np.take_along_axis(self._above, (upper - 1)[None], axis=0)[0]
        at_upper = np.take_along_axis(self._above, upper[None], axis=0)[0]
        return np.asarray(at_lower + share * (at_upper - at_lower), np.float32)


def _where(told: Mask, values: Image) -> Image:
    return np.where(told, values, np.float32(math.nan)).astype(np.float32)


def _without_specks(mask: Mask) -> Mask:
    """Return a mask without its patches of fewer than `LEAST_PATCH_PX` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    is_kept = stats[:, cv2.CC_STAT_AREA] >= LEAST_PATCH_PX
    is_kept[0] = False
    return np.asarray(is_kept[labels], np.bool_)
