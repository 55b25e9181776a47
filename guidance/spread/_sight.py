"""What a frame shows beyond the frames before it, pixel by pixel, as multiples of its noise.

Everything is kept where the patient lay in the first reference: each frame is moved there, so that
what was seen before needs no moving. References come from the time before contrast only.
"""

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import (
    Background,
    find_outside,
    locate_valid_pixels,
    measure_attenuation,
    measure_noise,
    reduce_frame,
    resize_by,
    translate,
)
from guidance.records import FrameArray, NotFound, RunContext
from guidance.spread._settings import SightSettings

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_VALID_SHARE = 0.05
"""With fewer valid pixels than this share of the frame there is nothing to judge."""

_EDGE_PX = 3
"""Pixels this close to the edge of the field are not judged: blades have a penumbra, and move."""

_COVERED_SHARE = 0.03
"""Where more than this share of the field is covered, the field is no longer what it was."""

_BLADE_BEYOND = 0.3
"""Attenuation beyond the darkest part of the patient from which on it is a blade."""

_COVERED_BEYOND = 0.7
"""Attenuation that contrast does not add: half of the rays are left behind the densest of it."""

_COVERED_EDGE = 0.1
"""What covers the field touches its edge along this share of the image's larger side."""

_PENUMBRA_PX = 4

_LOST = 4.0
"""A frame that differs from its references so many times more than others did does not compare."""

_USUAL_FRAMES = 20
_LEAST_NOISE = 2e-3
"""No fluoroscopy is quieter than this in ln(intensity); made images may be."""

_EVERY_S = 0.24
"""References are taken no closer: a breath of 4 s needs no more than 8 of them."""

_EVERY_FRAMES = 2
_FIRST_NOISE = 0.03
_VARIANCE_PX = 7
_VARIANCE_FRAMES = 30
_VARIANCE_PRIOR = 4.0
"""The local variance counts as so many frames' worth of that of the whole image at first."""

_LEAST_SHARE_OF_NOISE = 0.7
"""No place is believed to be much quieter than the whole."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """One frame beside what came before it. Working pixels, where the first reference lay.

    Attributes
    ----------
    change : (r, c) float32 array
        Attenuation beyond the background; 0 where not `valid`.
    z : (r, c) float32 array
        The same as multiples of the local noise.
    valid : (r, c) bool array
        Pixels that were compared.
    attenuation : (r, c) float32 array
        The frame itself.
    shift : (rows, columns)
        How far the frame's content lies from there.
    noise : float
        Standard deviation of `change` where nothing changed.
    """

    change: Image
    z: Image
    valid: Mask
    attenuation: Image
    shift: tuple[float, float]
    noise: float


class Sight:
    """Compares each frame of a run with references from before contrast.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    settings : SightSettings
        How it looks.
    """

    def __init__(self, context: RunContext, settings: SightSettings) -> None:
        self._context, self._settings = context, settings
        self.scale = min(1.0, settings.working_px / max(context.rows, context.columns))
        opened = resize_by(context.valid.astype(np.float32), self.scale) > 0.999
        self._opened = np.asarray(opened, np.bool_)
        self.shape = (self._opened.shape[0], self._opened.shape[1])
        self.restarts = 0
        self.field_changes: list[int] = []
        self.field_share = 0.0
        self._forget()

    @property
    def has_begun(self) -> bool:
        """Whether there is a reference."""
        return self._background is not None

    @property
    def background(self) -> Image | None:
        """The mean reference, (r, c) attenuation; None before the first."""
        return None if self._background is None else self._background.mean

    @property
    def spread(self) -> Image:
        """Local standard deviation of what changes without contrast, (r, c) attenuation."""
        least = _LEAST_SHARE_OF_NOISE * self._noise
        return np.maximum(np.sqrt(self._variance), np.float32(least))

    @property
    def noise(self) -> float:
        """Standard deviation of the same over the whole image."""
        return self._noise

    def _forget(self) -> None:
        self._background: Background | None = None
        self._field: Mask = self._opened
        self._inner: tuple[int, Mask] = (0, self._opened)
        self._shift = (0.0, 0.0)
        self._noise, self._compared = _FIRST_NOISE, 0
        self._variance = np.full(self.shape, _FIRST_NOISE**2, np.float32)
        self._noises: deque[float] = deque(maxlen=_USUAL_FRAMES)
        self._waiting: deque[tuple[int, float | None, Image]] = deque()
        self._previous: Image | None = None
        self._darkest = np.float32(0)
        self._lost = 0

    def look(
        self, number: int, frame: FrameArray, time_s: float | None, contrast: Mask | None
    ) -> Seen | NotFound:
        """Return what a frame shows, or why it cannot be compared.

        Parameters
        ----------
        number : int
            The frame's, from 0.
        frame : (R, C) array
            Pixel values after the Modality LUT.
        time_s : float or None
            Its time.
        contrast : (r, c) bool array or None
            Where contrast is known to be; None before onset. The background is not fitted to it,
            and while it is None a new view may begin anew.
        """
        intensity = self._context.intensity
        reduced, saturated = reduce_frame(frame, intensity, self.scale)
        attenuation = measure_attenuation(reduced, intensity)
        usable = saturated <= 0.5
        if self._field_changed(reduced, attenuation):
            self.field_changes.append(number)
            if contrast is None:
                self._restart()
        if _share(usable & self._field) < MIN_VALID_SHARE:
            return NotFound("hardly any pixel shows the patient")
        if contrast is None and self._exposure_jumped(attenuation, usable):
            self._restart()
        if self._background is None:
            begun = self._begin(frame, attenuation)
            if isinstance(begun, NotFound) or not self._context.is_subtracted:
                return begun or NotFound("the first frame with a settled exposure")
        return self._compare(attenuation, usable, contrast)

    def _begin(self, frame: FrameArray, attenuation: Image) -> NotFound | None:
        """Make a frame the first reference: what shows the patient in it is the field.

        A stored subtraction has had its mask taken off: its background is one grey, and it is not
        subtracted again.
        """
        located = locate_valid_pixels(frame, self._context.intensity) & self._context.valid
        valid = resize_by(located.astype(np.float32), self.scale) > 0.999
        self.field_share = float(valid.mean())
        if self.field_share < MIN_VALID_SHARE:
            return NotFound("hardly any pixel shows the patient")
        self._field = np.asarray(valid, np.bool_)
        self._inner = (-1, self._field)
        reference = attenuation
        if self._context.is_subtracted:
            reference = np.full_like(attenuation, np.median(attenuation[self._field]))
        self._background = Background(reference, self._field, self._settings.references)
        self._previous = attenuation
        self._darkest = np.float32(np.percentile(attenuation[self._field][::7], 99.5))
        return None

    def _compare(self, attenuation: Image, usable: Mask, contrast: Mask | None) -> Seen | NotFound:
        background = self._background
        assert background is not None
        shift = background.find_shift(attenuation, self._shift)
        back = (-shift[0], -shift[1])
        moved = translate(attenuation, back)
        margin = math.ceil(max(abs(shift[0]), abs(shift[1]))) + _EDGE_PX
        valid = self._inside(margin)
        if not usable.all():
            valid = valid & (translate(usable.astype(np.float32), back) > 0.99)
        valid = valid & ~_find_covered(moved - background.mean, valid)
        if _share(valid) < MIN_VALID_SHARE:
            return NotFound("the field changed: hardly any pixel is left to compare")
        counts = valid if contrast is None else valid & ~contrast
        change = background.explain(moved, counts, max(self._noise, _LEAST_NOISE))
        noise = max(measure_noise(change, counts), _LEAST_NOISE)
        if self._is_lost(noise, contrast):
            return NotFound("it is too unlike the frames before: the view moved on")
        self._shift = shift
        if self._compared == 0:
            self._noise = noise
            self._variance[:] = noise**2
        change[~valid] = 0
        z = change / self.spread
        return Seen(change=change, z=z, valid=valid, attenuation=moved, shift=shift, noise=noise)

    def learn(self, number: int, time_s: float | None, seen: Seen) -> None:
        """Take a frame in which no contrast is suspected as one of the background, in time.

        Parameters
        ----------
        number : int
            The frame's.
        time_s : float or None
            Its time.
        seen : Seen
            What `look` made of it.
        """
        self._compared += 1
        if self._context.is_subtracted:
            return  # contrast may be in any frame: nothing is learned from what is there
        weight = 1 / min(self._compared, _USUAL_FRAMES)
        self._noise += weight * (seen.noise - self._noise)
        usual = np.float32(self._noise**2)
        square = np.where(seen.valid, np.minimum(seen.change**2, 100 * usual), usual)
        local = cv2.blur(square, (_VARIANCE_PX, _VARIANCE_PX))
        count = min(self._compared, _VARIANCE_FRAMES) + _VARIANCE_PRIOR
        self._variance += (local - self._variance) / np.float32(count)
        if not self._is_due(number, time_s):
            return
        self._waiting.append((number, time_s, seen.attenuation))
        while self._waiting and self._is_old_enough(self._waiting[0], number, time_s):
            assert self._background is not None
            self._background.add(self._waiting.popleft()[2])

    def _is_due(self, number: int, time_s: float | None) -> bool:
        """Return whether so much time has passed that a frame adds to those that wait."""
        if not self._waiting:
            return True
        latest, latest_s, _ = self._waiting[-1]
        if time_s is None or latest_s is None:
            return number - latest >= _EVERY_FRAMES
        return time_s - latest_s >= _EVERY_S

    def hold(self) -> None:
        """Drop the frames that wait: contrast is suspected, and they may show its first trace."""
        self._waiting.clear()

    def _is_old_enough(
        self, waiting: tuple[int, float | None, Image], number: int, time_s: float | None
    ) -> bool:
        if number - waiting[0] < self._settings.guard_frames:
            return False
        if time_s is None or waiting[1] is None:
            return True
        return time_s - waiting[1] >= self._settings.guard_s

    def _is_lost(self, noise: float, contrast: Mask | None) -> bool:
        """Return whether a frame fits no reference any more: a pan, a turn, another patient.

        Where that lasts before onset, what is seen now is the new beginning.
        """
        usual = float(np.median(np.array(self._noises or [noise])))
        if noise <= _LOST * usual:
            self._noises.append(noise)
            self._lost = 0
            return False
        self._lost += 1
        if contrast is None and self._lost >= self._settings.lost_frames:
            self._restart()
        return True

    def _restart(self) -> None:
        """Forget all frames so far: what comes next does not compare with them."""
        if self._background is not None:
            self.restarts += 1
        self._forget()

    def _exposure_jumped(self, attenuation: Image, usable: Mask) -> bool:
        """Return whether the exposure is still being set: the run's references would not compare.

        Later it may change because contrast came; the background's gain and offset follow that.
        """
        previous, self._previous = self._previous, attenuation
        if previous is None or self._compared >= self._settings.settled_frames:
            return False
        inside = usable & self._field
        change = float(np.median(attenuation[inside])) - float(np.median(previous[inside]))
        return abs(change) > self._settings.calm_gain

    @property
    def compared(self) -> int:
        """How many frames the background has learned from."""
        return self._compared

    def _field_changed(self, reduced: Image, attenuation: Image) -> bool:
        """Return whether something that lets no rays through covers part of the field.

        A pan brings in darker parts of the patient; a blade is darker than any of them.
        """
        if self._background is None:
            return False
        least = _COVERED_SHARE * np.count_nonzero(self._field)
        covered = self._field & (attenuation > self._darkest + np.float32(_BLADE_BEYOND))
        if np.count_nonzero(covered) <= least:
            return False
        covered &= find_outside(reduced, self._context.intensity)
        return bool(np.count_nonzero(covered) > least)

    def _inside(self, margin: int) -> Mask:
        """Return the pixels of the field further than a margin from its edge."""
        if margin != self._inner[0]:
            padded = cv2.copyMakeBorder(
                self._field.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
            )
            square = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
            eroded = cv2.erode(padded, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
            self._inner = (margin, np.asarray(eroded[1:-1, 1:-1] > 0, np.bool_))
        return self._inner[1]


def _find_covered(change: Image, inside: Mask) -> Mask:
    """Return what has been covered since the first reference: a blade, a hand, a collimator.

    It comes in from the edge of the field, along a good part of it, and lets hardly any rays
    through; contrast in the largest vessel takes away half of them, and crosses the edge in a spot.
    """
    none = np.zeros(inside.shape, np.bool_)
    if not inside.any():
        return none
    usual = np.float32(np.median(change.ravel()[np.flatnonzero(inside)[::7]]))
    dark = ((change > usual + np.float32(_COVERED_BEYOND)) & inside).astype(np.uint8)
    if not dark.any():
        return none
    padded = cv2.copyMakeBorder(inside.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inner = cv2.erode(padded, np.ones((5, 5), np.uint8))[1:-1, 1:-1]
    edge = inside & (inner == 0)
    count, labels = cv2.connectedComponents(dark, connectivity=8)
    at_edge = np.bincount(labels[edge], minlength=count)
    # The band along the edge is two pixels wide.
    covers = at_edge >= 2 * _COVERED_EDGE * max(inside.shape)
    covers[0] = False
    if not covers.any():
        return none
    square = np.ones((2 * _PENUMBRA_PX + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(covers[labels].astype(np.uint8), square) > 0, np.bool_)


def _share(mask: Mask) -> float:
    return np.count_nonzero(mask) / mask.size
