"""Which frames of a stored run make the mask: the first of settled exposure, before contrast.

The whole run is looked at, small, in one pass. Where contrast arrives is found as the split of the
run after which more places have become darker, for good, than brighter: breathing and bowel go to
and fro, and darken as much as they brighten. The split's own pattern then tells, frame by frame,
how much of it is there, and so when it began. This serves the choice of a mask; it is no verdict.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging._alignment import estimate_translation, translate
from guidance.imaging._intensity import measure_attenuation
from guidance.imaging._tone import match_tone, remove_slow_change
from guidance.records import FrameArray, IntensityScale, NotFound

Image = NDArray[np.float32]

MOST_MASK_FRAMES = 8
"""A mean of eight frames adds 6 % to the noise of a difference; more frames take in more motion."""

_SMALL_PX = 96
"""Larger side of the frames that are looked at: some 2 mm a pixel, a vein still marks them."""

_MOST_KEPT = 384
"""Of longer runs every second, fourth ... frame is looked at, so that memory stays flat."""

_SETTLED_STEP = 0.02
"""Exposure is being set while the median attenuation changes by more from frame to frame."""

_SLOW_PX = 12.0
"""Standard deviation of what counts as slow over the image: about 25 mm, wider than a vertebra."""

_EDGE_PX = 4
"""Pixels this close to the edge of the field are not judged: with motion others come in there."""

_MOST_CHANGE = 0.1
_LEAST_NOISE = 5e-4
_EFFECT = 1.5
"""A place has changed when its means before and after differ by so many standard deviations within
(motion counts as deviation); a straight rise from 0 gives 1.7."""

_SIGNAL_TO_NOISE = 6.0
"""Contrast is believed where its pattern stands out so far from what it did before."""

_LEAST_FRAMES = 4
_LEAST_BEFORE = 3
"""An arrival before the one already found needs so many frames before it: from fewer, motion looks
like one."""

_GUARD = 0.25
"""The frames just before the start are not used: this share of those that could be, two at most
and at least one. The first trace of contrast is smaller than what can be seen here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskChoice:
    """Which frames to average to a mask, and what they were chosen by.

    Attributes
    ----------
    frames : tuple of int
        Distinct frames, in order, from 0.
    settled_frame : int
        The first frame whose exposure was no longer being set.
    contrast_frame : int or None
        From this frame on contrast is suspected; None where the run shows none that stands out.
    quiet_until : int
        Frames from `settled_frame` to before this one are taken to be without contrast: they may
        serve as a mask, and tell of noise.
    distinct_frames : int
        Frames of the run that do not merely repeat the one before.
    notes : tuple of str
        What a reader of the pictures must know.
    """

    frames: tuple[int, ...]
    settled_frame: int
    contrast_frame: int | None
    quiet_until: int
    distinct_frames: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """Where a run falls into two parts, and what sets them apart."""

    start: int
    is_certain: bool

    @property
    def room(self) -> int:
        """How many frames before it may serve a mask."""
        return max(1, self.start - min(2, max(1, round(_GUARD * self.start))))


def choose_mask(
    frames: Iterable[FrameArray],
    intensity: IntensityScale,
    valid: NDArray[np.bool_],
    most: int = MOST_MASK_FRAMES,
) -> MaskChoice | NotFound:
    """Choose the frames of a mask.

    Parameters
    ----------
    frames : iterable of (R, C) arrays
        All frames of the run, in order; pixel values after the Modality LUT. One is held at a time.
    intensity : IntensityScale
        What the values mean.
    valid : (R, C) bool array
        Pixels that show the patient.
    most : int
        Frames to average at most.

    Returns
    -------
    MaskChoice or NotFound
        NotFound where the run has not two frames that differ.

    Raises
    ------
    InputError
        `most` is not positive.
    """
    if most < 1:
        raise InputError(f"most is {most}, expected at least 1 frame")
    numbers, small, inside, count = _reduce_run(frames, intensity, valid)
    if len(numbers) < 2:
        return NotFound("a single image has no mask; found one distinct frame, expected a run")
    settled = _find_settled(small, inside)
    changes = _measure_changes(small, inside, settled)
    split = _find_start(changes[settled:])
    notes = []
    if not split.is_certain:
        notes.append("no contrast stands out: the mask is of early frames, and may hold some")
    # The earliest: the start of contrast is seen late rather than early.
    chosen = range(settled, settled + min(most, split.room))
    if len(chosen) < min(most, 3):
        notes.append(f"the mask is a mean of {len(chosen)} only: its noise shows in every picture")
    return MaskChoice(
        frames=tuple(numbers[index] for index in chosen),
        settled_frame=numbers[settled],
        contrast_frame=numbers[settled + split.start] if split.is_certain else None,
        quiet_until=numbers[settled + split.room - 1] + 1,
        distinct_frames=count,
        notes=tuple(notes),
    )


def _reduce_run(
    frames: Iterable[FrameArray], intensity: IntensityScale, valid: NDArray[np.bool_]
) -> tuple[list[int], list[Image], NDArray[np.bool_], int]:
    """Return numbers and small attenuation images of distinct frames, what they show, and a count.

    Of many frames every second, fourth ... is kept.
    """
    factor = min(1.0, _SMALL_PX / max(valid.shape))
    rows, columns = (max(1, round(side * factor)) for side in valid.shape)
    shrunk = cv2.resize(valid.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    inside = cv2.erode((shrunk > 0.99).astype(np.uint8), np.ones((3, 3)), borderValue=0) > 0
    numbers: list[int] = []
    small: list[Image] = []
    previous: FrameArray | None = None
    count, stride = 0, 1
    for number, frame in enumerate(frames):
        if previous is not None and np.array_equal(frame, previous):
            continue
        previous = frame
        count += 1
        if (count - 1) % stride:
            continue
        values = cv2.resize(frame.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        numbers.append(number)
        small.append(measure_attenuation(values.reshape(rows, columns), intensity))
        if len(numbers) > _MOST_KEPT:
            numbers, small, stride = numbers[::2], small[::2], 2 * stride
    return numbers, small, np.asarray(inside, np.bool_), count


def _find_settled(small: list[Image], inside: NDArray[np.bool_]) -> int:
    """Return the first frame whose exposure stays, as calm as that run ever is."""
    medians = [float(np.median(image[inside])) if inside.any() else 0.0 for image in small]
    steps = np.abs(np.diff(medians))
    # Two quiet steps: a ramp may pause for one.
    pairs = np.maximum(steps, np.append(steps[1:], steps[-1]))
    calm = np.flatnonzero(pairs <= max(_SETTLED_STEP, float(pairs.min())))
    return int(calm[0])


def _measure_changes(small: list[Image], inside: NDArray[np.bool_], settled: int) -> Image:
    """Return how each frame differs from the first settled ones, (T, r, c) float32, aligned."""
    # Of a single frame the noise would be in every difference but its own: the look of an arrival.
    first = small[settled : settled + MOST_MASK_FRAMES]
    reference, weight = np.asarray(np.mean(first, axis=0), np.float32), inside.astype(np.float32)
    edge = np.ones((2 * _EDGE_PX + 1, 2 * _EDGE_PX + 1), np.uint8)
    judged = cv2.erode(inside.astype(np.uint8), edge, borderValue=0) > 0
    changes = np.zeros((len(small), *reference.shape), np.float32)
    shift = (0.0, 0.0)
    for index, image in enumerate(small):
        shift = estimate_translation(reference, image, inside, shift)
        back = translate(image, (-shift[0], -shift[1]))
        change = back - match_tone(reference, back, inside)
        change = remove_slow_change(change, weight, _SLOW_PX, _MOST_CHANGE)
        changes[index] = np.where(judged, cv2.GaussianBlur(change, (0, 0), 0.8), 0)
    return changes


def _find_start(changes: Image) -> _Split:
    """Return where contrast starts, the earliest of several arrivals.

    Where none stands out, the best guess, and not after the first third.

    Parameters
    ----------
    changes : (T, r, c) float32 array
        Of the settled frames.
    """
    series = changes.reshape(len(changes), -1)
    series = series[:, np.any(series != 0, axis=0)]
    third = max(1, len(series) // 3)
    found = _Split(start=third, is_certain=False)
    while len(series) >= _LEAST_FRAMES and series.size:
        split = _split_once(series)
        if found.is_certain and not (split.is_certain and split.start >= _LEAST_BEFORE):
            break
        found = split
        if not split.is_certain:
            return _Split(start=min(split.start, third), is_certain=False)
        series = series[: split.start]
    return found


def _split_once(series: Image) -> _Split:
    """Return the best split of a series of frames, traced back to its beginning."""
    n_frames = len(series)
    noise = max(_LEAST_NOISE, 1.05 * float(np.median(np.abs(np.diff(series[:, ::3], axis=0)))))
    sums, squares = _running_sums(series), _running_sums(series**2)
    best, best_score, best_end = 0, 0.0, n_frames
    for length in sorted({max(4, n_frames // 6), max(4, n_frames // 2), n_frames}):
        for at in range(1, n_frames - 1):
            end = min(n_frames, at + length)
            beyond = _beyond_chance(_measure_effect(sums, squares, at, end, noise))
            # As much brightening as darkening is motion.
            score = float(beyond.sum())
            if score > best_score:
                best, best_score, best_end = at, score, end
    if best == 0:
        return _Split(start=n_frames, is_certain=False)
    pattern = _beyond_chance(_measure_effect(sums, squares, best, best_end, noise))
    signal = _project(series, pattern)
    base, _, deviation = _levels(signal, best)
    start = best
    while start > 1 and signal[start - 1] > base + 2.5 * deviation:
        start -= 1
    return _Split(start=start, is_certain=_is_certain(series, best, best_end, noise))


def _is_certain(series: Image, at: int, end: int, noise: float) -> bool:
    """Return whether the pattern of every second frame is seen in the others, too.

    A pattern picked from noise is in no frame but those that it was picked from.
    """
    picked, held = series[::2], series[1::2]
    before = len(series[:at:2])
    if at < 2 or before >= len(series[:end:2]):
        return False
    sums, squares = _running_sums(picked), _running_sums(picked**2)
    effect = _measure_effect(sums, squares, before, len(series[:end:2]), noise)
    pattern = _beyond_chance(effect)
    base, top, deviation = _levels(_project(held, pattern), at // 2)
    # A few quiet frames may agree by chance; their noise is known.
    quiet = 2 * noise / math.sqrt(max(1, int(np.count_nonzero(pattern > 0))))
    return bool(top - base > _SIGNAL_TO_NOISE * max(deviation, quiet))


def _beyond_chance(effect: Image) -> Image:
    """Return what of an effect is beyond `_EFFECT`, with its sign; a few places never decide."""
    return np.sign(effect) * np.clip(np.abs(effect) - _EFFECT, 0, 5)


def _project(series: Image, pattern: Image) -> Image:
    """Return how much of a pattern's darkening each frame holds, (T,)."""
    darker = np.clip(pattern, 0, None)
    return np.asarray(series @ darker / max(float(darker.sum()), 1e-9), np.float32)


def _levels(signal: Image, at: int) -> tuple[float, float, float]:
    """Return level and deviation before `at`, and the level after."""
    base = float(np.median(signal[:at]))
    top = float(np.percentile(signal[at:], 90))
    deviation = 1.4826 * float(np.median(np.abs(signal[:at] - base))) * (1 + 4 / at)
    return base, top, deviation + 0.03 * abs(top - base)


def _running_sums(series: Image) -> NDArray[np.float64]:
    zero = np.zeros((1, series.shape[1]))
    return np.concatenate([zero, np.cumsum(series, axis=0, dtype=np.float64)])


def _measure_effect(
    sums: NDArray[np.float64], squares: NDArray[np.float64], at: int, end: int, noise: float
) -> Image:
    """Return the difference of the means after and before a split, in deviations within, (p,)."""
    before, after = at, end - at
    mean_before = sums[at] / before
    mean_after = (sums[end] - sums[at]) / after
    within = squares[end] - before * mean_before**2 - after * mean_after**2
    spread = np.sqrt(np.maximum(within, 0) / end + noise**2)
    # Few frames say less: the effect is what is left beyond their own uncertainty.
    certainty = min(1.0, np.sqrt(min(before, after) / 8))
    return np.asarray(certainty * (mean_after - mean_before) / spread, np.float32)
