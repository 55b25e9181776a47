"""Looks at a run as the monitor does, knowing the truth: when contrast comes, and where it is.

What the monitor would do of its own belief (stop learning the background at onset, leave contrast
out of the background's fit) is done by the truth here, since the network that forms the belief is
yet to be trained. So that it meets its own delays too, the onset is taken up to two frames late.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import translate
from guidance.records import FrameArray, RunContext
from guidance.spread import History, Seen, Sight, SightSettings, make_channels
from guidance.training._labels import RunLabels

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SURE_NOISE, STEP_NOISE = 0.3, 0.4
"""Contrast below 0.3 of the noise of a working pixel is labelled 0, above 0.7 it is labelled 1: a
mean over the few hundred pixels of a vessel shows that much."""

_KNOWN_NOISE = 0.6
_KNOWN_PX = 5
_FAINT = 0.02
"""Relative change from which a pixel tells how much of the truth the background leaves over."""

_OWN_SHARE, _OWN_STEP = 0.25, 0.4
"""A pixel is the vessel's own where more than a quarter, surely two thirds, of its contrast is."""

_GAINS = (0.2, 3.0)
_LEAST_SQUARES = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """One frame as the network would see it, and what it should find.

    Attributes
    ----------
    channels : (8, 256, 256) uint8 array
        See `guidance.spread.make_channels`.
    contrast, vessel, vessel_ever : (r, c) float32 array
        0 to 1: contrast, contrast in a vessel, and the same at any time so far. Where the first
        reference lay.
    """

    channels: NDArray[np.uint8]
    contrast: Image
    vessel: Image
    vessel_ever: Image


class TruthfulWatch:
    """Follows one run.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    labels : RunLabels
        What the contrast looks like.
    held_from : int or None
        The frame from which contrast is taken to be there; None where it never is.
    """

    def __init__(self, context: RunContext, labels: RunLabels, held_from: int | None) -> None:
        self._labels, self._held_from = labels, held_from
        self._settings = SightSettings()
        self._sight = Sight(context, self._settings)
        self._known: Mask | None = None
        self._products = self._squares = 0.0
        self._forget()

    def push(
        self, number: int, frame: FrameArray, time_s: float | None, *, is_wanted: bool
    ) -> Sighting | None:
        """Take the next frame; return what it shows, or None where it is not wanted or compared.

        Parameters
        ----------
        number : int
            The frame's, from 0.
        frame : (R, C) array
            Pixel values after the Modality LUT.
        time_s : float or None
            Its time.
        is_wanted : bool
            Whether it becomes an example.
        """
        sight = self._sight
        is_held = self._held_from is not None and number >= self._held_from
        if is_held and self._known is None:
            self._known = np.zeros(sight.shape, np.bool_)
            sight.hold()
        restarts = sight.restarts
        seen = sight.look(number, frame, time_s, self._known)
        if sight.restarts != restarts:
            self._forget()
        if not isinstance(seen, Seen):
            return None
        self._history.take(seen, time_s, self._settings)
        if not is_held:
            sight.learn(number, time_s, seen)
        contrast, vessel = self._find(number, seen)
        if not is_wanted:
            return None
        return Sighting(
            channels=make_channels(sight, self._history, seen.valid),
            contrast=contrast,
            vessel=vessel,
            vessel_ever=self._ever.copy(),
        )

    def _forget(self) -> None:
        self._history = History.empty(self._sight.shape)
        self._ever: Image = np.zeros(self._sight.shape, np.float32)

    def _find(self, number: int, seen: Seen) -> tuple[Image, Image]:
        """Return where contrast is in a frame, and where it is in a vessel; 0 to 1."""
        shape = self._sight.shape
        labels = self._labels.at(number, shape)
        if labels is None:
            return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        back = (-seen.shift[0], -seen.shift[1])
        new, inside = (
            np.asarray(np.where(seen.valid, translate(image, back), 0), np.float32)
            for image in labels
        )
        gain = self._fit_gain(new, seen)
        in_noise = _as_noise(new, gain, self._sight.noise)
        contrast = _ramp(in_noise, SURE_NOISE, STEP_NOISE)
        share = np.asarray(inside / np.maximum(new, np.float32(1e-4)), np.float32)
        own = _ramp(share, _OWN_SHARE, _OWN_STEP)
        own = np.asarray(cv2.dilate(own, np.ones((3, 3), np.uint8)), np.float32)
        vessel = _ramp(_as_noise(inside, gain, self._sight.noise), SURE_NOISE, STEP_NOISE) * own
        self._ever = np.maximum(self._ever, vessel)
        if self._known is not None:
            square = np.ones((_KNOWN_PX, _KNOWN_PX), np.uint8)
            plain = (in_noise > _KNOWN_NOISE).astype(np.uint8)
            self._known = np.asarray(cv2.dilate(plain, square) > 0, np.bool_)
        return contrast, vessel

    def _fit_gain(self, new: Image, seen: Seen) -> float:
        """Return how much of the true contrast shows as change, by all frames so far.

        Tone curves, scatter that the truth leaves out, and a background that absorbed some of it
        make it differ from 1.
        """
        strong = new > _FAINT
        if strong.any():
            self._products += float((seen.change[strong] * new[strong]).sum())
            self._squares += float((new[strong] ** 2).sum())
        if self._squares <= _LEAST_SQUARES:
            return 1.0
        return min(max(self._products / self._squares, _GAINS[0]), _GAINS[1])


def _as_noise(contrast: Image, gain: float, noise: float) -> Image:
    """Return contrast as multiples of the noise, as the mean of 3 by 3 pixels shows it."""
    return np.asarray(np.float32(gain / noise) * cv2.blur(contrast, (3, 3)), np.float32)


def _ramp(image: Image, start: float, step: float) -> Image:
    """Return 0 up to `start`, 1 from `start + step` on, and a straight line between."""
    return np.asarray(np.clip((image - np.float32(start)) / np.float32(step), 0, 1), np.float32)
