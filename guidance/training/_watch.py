"""Looks at a run as the monitor does, beside the truth: where contrast is in each frame.

What holds the background back from learning contrast is either the truth (`TruthfulWatch`): there
need be no network yet; or the monitor's own belief (`MonitorWatch`), mistakes included: the network
that is trained then meets what one before it has brought about.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import translate
from guidance.records import FrameArray, RunContext
from guidance.spread import History, Monitor, Seen, Sight, SightSettings, make_channels
from guidance.training._drawn import Image, as_noise, find_own, ramp
from guidance.training._labels import RunLabels

Mask = NDArray[np.bool_]

_KNOWN_NOISE = 0.6
_KNOWN_PX = 5
_FAINT = 0.02
"""Relative change from which a pixel tells how much of the truth the background leaves over."""

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


class Watch(Protocol):
    """What follows one run."""

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """What is true of a frame, (r, c): multiples of the noise, and 0 to 1."""

    in_noise: Image
    contrast: Image
    vessel: Image


class _Truth:
    """Finds the labels of a run in its frames, wherever the patient has moved to."""

    def __init__(self, labels: RunLabels, shape: tuple[int, int]) -> None:
        self._labels, self._shape = labels, shape
        self._products = self._squares = 0.0
        self.forget()

    def forget(self) -> None:
        """Begin anew: another view."""
        self.ever: Image = np.zeros(self._shape, np.float32)

    def find(self, number: int, seen: Seen, noise: float) -> _Found:
        """Return where contrast is in a frame, and where it is in a vessel."""
        none = np.zeros(self._shape, np.float32)
        labels = self._labels.at(number, self._shape)
        if labels is None:
            return _Found(in_noise=none, contrast=none, vessel=none)
        back = (-seen.shift[0], -seen.shift[1])
        new, inside = (
            np.asarray(np.where(seen.valid, translate(image, back), 0), np.float32)
            for image in labels
        )
        per_noise = self._fit_gain(new, seen) / noise
        in_noise = as_noise(new, per_noise)
        vessel = ramp(as_noise(inside, per_noise)) * find_own(new, inside)
        self.ever = np.maximum(self.ever, vessel)
        return _Found(in_noise=in_noise, contrast=ramp(in_noise), vessel=vessel)

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


class TruthfulWatch:
    """Follows one run, told by the truth when contrast comes and where it is.

    So that the network meets the monitor's delays too, the onset is taken up to two frames late.

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
        self._held_from = held_from
        self._settings = SightSettings()
        self._sight = Sight(context, self._settings)
        self._truth = _Truth(labels, self._sight.shape)
        self._history = History.empty(self._sight.shape)
        self._known: Mask | None = None

    def push(
        self, number: int, frame: FrameArray, time_s: float | None, *, is_wanted: bool
    ) -> Sighting | None:
        """Take the next frame; see `Watch`."""
        sight = self._sight
        is_held = self._held_from is not None and number >= self._held_from
        if is_held and self._known is None:
            self._known = np.zeros(sight.shape, np.bool_)
            sight.hold()
        restarts = sight.restarts
        seen = sight.look(number, frame, time_s, self._known)
        if sight.restarts != restarts:
            self._history = History.empty(sight.shape)
            self._truth.forget()
        if not isinstance(seen, Seen):
            return None
        self._history.take(seen, time_s, self._settings)
        if not is_held:
            sight.learn(number, time_s, seen)
        found = self._truth.find(number, seen, sight.noise)
        if self._known is not None:
            square = np.ones((_KNOWN_PX, _KNOWN_PX), np.uint8)
            plain = (found.in_noise > _KNOWN_NOISE).astype(np.uint8)
            self._known = np.asarray(cv2.dilate(plain, square) > 0, np.bool_)
        if not is_wanted:
            return None
        channels = make_channels(sight, self._history, seen.valid)
        return _note(channels, found, self._truth)


class MonitorWatch:
    """Follows one run as the monitor does, by its own decisions; needs a trained network.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    labels : RunLabels
        What the contrast looks like.
    """

    def __init__(self, context: RunContext, labels: RunLabels) -> None:
        self._monitor = Monitor(context)
        self._truth = _Truth(labels, self._monitor.sight.shape)
        self._restarts = 0
        self._is_wanted = False
        self._sighting: Sighting | None = None
        self._monitor.tell(self._hear)

    def push(
        self, number: int, frame: FrameArray, time_s: float | None, *, is_wanted: bool
    ) -> Sighting | None:
        """Take the next frame; see `Watch`. A frame that repeats the one before shows nothing."""
        del number  # the monitor counts for itself
        self._is_wanted, self._sighting = is_wanted, None
        self._monitor.push(frame, time_s)
        return self._sighting

    def _hear(self, number: int, time_s: float | None, seen: Seen, clock_s: float) -> None:
        del clock_s
        monitor = self._monitor
        if monitor.sight.restarts != self._restarts:
            self._restarts = monitor.sight.restarts
            self._truth.forget()
        found = self._truth.find(number, seen, seen.noise)
        if not self._is_wanted:
            return
        # What the monitor will show its network in a moment; afterwards its background has learned.
        history = deepcopy(monitor.history)
        history.take(seen, time_s, monitor.settings.sight)
        channels = make_channels(monitor.sight, history, seen.valid)
        self._sighting = _note(channels, found, self._truth)


def _note(channels: NDArray[np.uint8], found: _Found, truth: _Truth) -> Sighting:
    return Sighting(
        channels=channels,
        contrast=found.contrast,
        vessel=found.vessel,
        vessel_ever=truth.ever.copy(),
    )
