"""One frame against the references: what was added, and what neither they nor motion explain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import match_tone, measure_noise, remove_slow_change, translate
from guidance.spread._references import Reference
from guidance.spread._settings import MonitorSettings

_CUT = 4.0
"""Changes beyond so many standard deviations are cut before the slow part is taken out."""

_WORSE = 1.6
"""References that fit this many times worse than the best are left out of the envelope: they
belong to another exposure or posture, and would hide more than they explain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """How one frame differs from the references.

    Attributes
    ----------
    added : (r, c) float32 array
        Change of attenuation against the references that fit; positive where contrast is.
    noise : float
        Standard deviation of `added` where nothing changed. Attenuation.
    excess : (r, c) float32 array
        What is left of the change that no single reference and no small motion explains.
    """

    added: NDArray[np.float32]
    noise: float
    excess: NDArray[np.float32]


def compare_with_references(
    attenuation: NDArray[np.float32],
    references: Sequence[Reference],
    shift: tuple[float, float],
    valid: NDArray[np.bool_],
    settings: MonitorSettings,
) -> Comparison:
    """Compare a frame with references that are moved and toned to match it.

    Parameters
    ----------
    attenuation : (r, c) float32 array
        The frame, at working resolution.
    references : sequence of Reference
        At least one.
    shift : (rows, columns)
        The frame's shift against the bank's first frame. Working pixels.
    valid : (r, c) bool array
        Pixels that may be compared: patient, not saturated, no contrast known there.
    settings : MonitorSettings

    Returns
    -------
    Comparison
    """
    weight = valid.astype(np.float32)
    differences: list[NDArray[np.float32]] = []
    noises: list[float] = []
    for reference in references:
        move = (shift[0] - reference.shift[0], shift[1] - reference.shift[1])
        moved = translate(reference.attenuation, move)
        difference = attenuation - match_tone(moved, attenuation, valid)
        rough = measure_noise(difference, valid)
        difference = remove_slow_change(difference, weight, settings.slow_radius_px, _CUT * rough)
        differences.append(difference)
        noises.append(measure_noise(difference, valid))
    best = min(noises)
    alike = [
        difference
        for difference, noise in zip(differences, noises, strict=True)
        if noise <= _WORSE * best
    ]
    added = np.asarray(sum(alike) / np.float32(len(alike)), np.float32)
    slack = np.float32(settings.motion_margin_px) * _measure_slope(attenuation - added)
    return Comparison(
        added=added,
        noise=measure_noise(added, valid),
        excess=np.minimum.reduce(alike) - slack,
    )


class RecursiveAverage:
    """The average of recent comparisons, older ones counting less: less noise, a little late.

    Parameters
    ----------
    time_constant_s, frame_constant : float
        A comparison counts a third after so long, or after so many frames, whichever is shorter:
        slow pulses must not smear contrast over seconds, nor fast ones delay it by many frames.
    """

    def __init__(self, time_constant_s: float, frame_constant: float) -> None:
        self._time_constant_s = time_constant_s
        self._frame_constant = frame_constant
        self._last: Comparison | None = None
        self._shift = (0.0, 0.0)
        self._time_s: float | None = None

    def clear(self) -> None:
        """Forget what was averaged: what comes next does not compare with it."""
        self._last = None

    def update(
        self, comparison: Comparison, shift: tuple[float, float], time_s: float | None
    ) -> Comparison:
        """Take in a comparison and return the average up to it.

        Parameters
        ----------
        comparison : Comparison
            Of the newest frame.
        shift : (rows, columns)
            That frame's shift; the average moves along with the patient. Working pixels.
        time_s : float or None
            Its time.
        """
        last = self._last
        if last is not None:
            share = np.float32(self._share(time_s))
            move = (shift[0] - self._shift[0], shift[1] - self._shift[1])
            added, excess = (
                share * newest + (1 - share) * translate(before, move)
                for newest, before in (
                    (comparison.added, last.added),
                    (comparison.excess, last.excess),
                )
            )
            comparison = Comparison(added=added, noise=comparison.noise, excess=excess)
        self._last, self._shift, self._time_s = comparison, shift, time_s
        return comparison

    def _share(self, time_s: float | None) -> float:
        by_frame = 1 - math.exp(-1 / self._frame_constant)
        if time_s is None or self._time_s is None:
            return by_frame
        return max(by_frame, 1 - math.exp(-(time_s - self._time_s) / self._time_constant_s))


def measure_activity(comparison: Comparison) -> NDArray[np.float32]:
    """Return by how much a frame without contrast differs from the references, beyond noise.

    What the heart, the bowel or the diaphragm does before onset it will do after it.

    Parameters
    ----------
    comparison : Comparison
        Of that frame.

    Returns
    -------
    (r, c) float32 array
        Attenuation; 0 where there is only noise.
    """
    smooth = np.asarray(cv2.GaussianBlur(comparison.added, (0, 0), 2.0), np.float32)
    noise = measure_noise(smooth, np.ones(smooth.shape, np.bool_))
    moved = np.maximum(np.abs(smooth) - 4 * noise, 0)
    return np.asarray(cv2.dilate(moved, np.ones((5, 5), np.uint8)), np.float32)


def _measure_slope(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much an image changes over one pixel, where it does so beyond its noise."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.5)
    square = np.ones((3, 3), np.uint8)
    return np.asarray((cv2.dilate(smooth, square) - cv2.erode(smooth, square)) / 2, np.float32)
