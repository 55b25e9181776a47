"""One needle, followed from frame to frame.

Two things are measured, each where it can be. How far everything about the tip has shifted: bone
and needle breathe together, and the registration lets go of what does not fit, such as contrast.
And how far the needle itself lies from there: across it from the shaft, which contrast does not
move; along it from the place where the steel ends, as long as nothing new darkens what lies about
the tip. From then on the tip is where the shaft carries it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from guidance.needle._match import STEP_MM, can_be_seen, match_across, match_along
from guidance.needle._patch import (
    Window,
    cut_patch,
    cut_window,
    is_darker,
    measure_darkening,
    measure_known,
    shift_of_patch,
)
from guidance.needle._picture import pixel_at_patient_mm
from guidance.needle._strip import mean_known, measure_sides, sample_strips
from guidance.records import FloatArray, FrameArray, NeedleSighting, RunContext

_PIECES_MM = ((-9.0, -1.0), (-17.0, -9.0), (-26.0, -17.0))
"""Pieces of the shaft that are looked at, from the elbow: more would not make it steadier."""

_BESIDE_MM = 3.2
_SEARCH_MM = 2.6
"""A hand moves a needle by up to 2.6 mm within 0.4 s."""

_BEFORE_MM, _AHEAD_MM = 6.0, 3.5

_HUB_AHEAD_MM = 1.5
_HUB_SIGMA_MM = 0.15
"""Tubing and rails begin soon behind the hub's end, so that it is seen less well than the tip."""

_DRIFT_MM = 0.08
"""How far a needle moves against bone from frame to frame: the hand's tremor is about 0.1 mm."""

_TURN_DEG = 0.25
"""How far its image turns from frame to frame: a C-arm turns by 6 degrees within seconds."""

_JERK_SIGMA = 3.5
"""A needle that is found twice so far from where it should be has been moved by the hand."""

_USELESS_MM = 1.2
"""An end that is no surer than this is left where it was."""

_MOST_SPREAD_MM = 1.0
_MISSED_FRAMES = 6
"""A shaft that could be seen and is not for so many frames is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaft:
    """The straight part of a needle, in stored pixels.

    Attributes
    ----------
    elbow_px : (row, column)
        Its end towards the tip: the tip itself where nothing is bent.
    angle_rad : float
        Its direction, towards the tip: (row, column) = (sin, cos).
    length_px : float
        As far as it shows.
    tip_angle_rad : float
        Direction of the last part.
    hub_px : (row, column) or None
        Where the steel ends in its hub; None where that is outside the field or not clear.
    """

    elbow_px: tuple[float, float]
    angle_rad: float
    length_px: float
    tip_angle_rad: float
    hub_px: tuple[float, float] | None = None


class Track:
    """Follow one needle through frames.

    Parameters
    ----------
    context : RunContext
        What values mean.
    sighting : NeedleSighting
        The needle as found.
    shaft : Shaft
        Its straight part.
    values : (R, C) float32 array
        The picture it was found in; finite.
    moved_px : (rows, columns)
        How far things have shifted since.
    """

    def __init__(
        self,
        context: RunContext,
        sighting: NeedleSighting,
        shaft: Shaft,
        values: FrameArray,
        moved_px: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self._context, self._mm = context, pixel_at_patient_mm(context)
        self._sighting, self._shaft = sighting, shaft
        self._moved = np.zeros(2)
        # Along the shaft (mm); across it (mm) and its turn (radians), with their covariance.
        self._along, self._along_variance = 0.0, 0.1**2
        self._across = np.zeros(2)
        self._covariance = np.diag((0.1**2, math.radians(0.5) ** 2))
        self._missed = 0
        self._jerk: float | None = None
        self._is_hidden = False
        self._darkening = np.zeros((2, 2))
        length_mm = shaft.length_px * self._mm
        pieces = [piece for piece in _PIECES_MM if -piece[1] * 1.5 < length_mm]
        if length_mm < -_PIECES_MM[0][0]:
            pieces = [(-max(1.5, length_mm), 0.0)]
        self._pieces = pieces
        window = cut_window(values, self._tip(), self._mm, context)
        self._patch = cut_patch(window, self._bone(), self._mm, context.intensity)
        self._profile = _needle_profile(self._sample_shaft(window))
        self._ending, self._hub_ending = self._sample_end(window), self._sample_hub(window)
        self._contrast = max(float(self._profile.max()), 1e-4)
        self._moved = np.array(moved_px)

    @property
    def is_lost(self) -> bool:
        """Whether the shaft has not been seen for some frames."""
        return self._missed >= _MISSED_FRAMES

    @property
    def sighting(self) -> NeedleSighting:
        """The needle where it was last."""
        row, column = (float(place) for place in self._tip())
        direction = self._sighting.direction_px
        if direction is not None:
            angle = math.atan2(*direction) + float(self._across[1])
            direction = (math.sin(angle), math.cos(angle))
        hub = self._sighting.hub_px
        if hub is not None:
            place = self._place(np.array(hub))
            hub = float(place[0]), float(place[1])
        spread_mm = math.sqrt(max(self._along_variance, float(self._covariance[0, 0])))
        return replace(
            self._sighting,
            tip_px=(row, column),
            direction_px=direction,
            hub_px=hub,
            uncertainty_px=math.hypot(self._sighting.uncertainty_px, spread_mm / self._mm),
        )

    def follow(self, frame: FrameArray) -> NeedleSighting | None:
        """Return the needle in the next frame, or None where it does not show there.

        Parameters
        ----------
        frame : (R, C) array
            Pixel values.
        """
        before = self._moved
        window = cut_window(frame, self._tip(), self._mm, self._context)
        intensity = self._context.intensity
        patch = cut_patch(window, self._bone(), self._mm, intensity)
        self._moved = before + shift_of_patch(self._patch, patch) / self._mm
        if not self._follow_shaft(window):
            self._moved = before
            self._missed += 1
            return None
        self._missed = 0
        patch = cut_patch(window, self._bone(), self._mm, intensity)
        self._darkening += 0.5 * (measure_darkening(self._patch, patch) - self._darkening)
        self._is_hidden = is_darker(self._darkening, self._contrast, was_darker=self._is_hidden)
        self._follow_end(window)
        tip = self._tip()
        on_image = (tip >= 0).all() and (tip <= np.array(frame.shape) - 1).all()
        return self.sighting if on_image else None

    def _bone(self) -> FloatArray:
        """Return where the place that the tip was found at is now, if it moves with the bone."""
        return np.array(self._sighting.tip_px) + self._moved

    def _tip(self) -> FloatArray:
        """Return where the tip is now: (row, column), stored pixels."""
        return self._place(np.array(self._sighting.tip_px))

    def _place(self, point: FloatArray) -> FloatArray:
        """Return where a point (row, column) of the needle as found is now."""
        turn = float(self._across[1])
        pivot = np.array(self._shaft.elbow_px)
        row, column = point - pivot
        turned = np.array(
            (
                row * math.cos(turn) + column * math.sin(turn),
                column * math.cos(turn) - row * math.sin(turn),
            )
        )
        sin, cos = math.sin(self._shaft.angle_rad), math.cos(self._shaft.angle_rad)
        along, across = self._along / self._mm, float(self._across[0]) / self._mm
        own = np.array((along * sin + across * cos, along * cos - across * sin))
        return np.asarray(pivot + turned + self._moved + own, np.float64)

    def _strip(
        self, window: Window, point: FloatArray, angle: float, span_mm: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return attenuation along a line (X, S), and the places across it in millimetres."""
        count = round((_BESIDE_MM + _SEARCH_MM) / STEP_MM)
        across_mm = np.arange(-count, count + 1, dtype=np.float64) * STEP_MM
        strip = sample_strips(
            window.values,
            (point - window.origin)[None],
            np.array([angle]),
            span_mm / self._mm,
            across_mm / self._mm,
        )[0]
        return measure_known(strip, self._context.intensity).astype(np.float64), across_mm

    def _sample_shaft(self, window: Window) -> FloatArray:
        """Return the mean cross-profiles of the shaft's pieces where it should be: (P, X)."""
        elbow = self._place(np.array(self._shaft.elbow_px))
        angle = self._shaft.angle_rad + float(self._across[1])
        step = max(self._mm, 0.15)
        profiles = []
        for first, last in self._pieces:
            strip, _ = self._strip(window, elbow, angle, np.arange(first, last + 0.01, step))
            profiles.append(mean_known(strip.astype(np.float32), -1).astype(np.float64))
        return np.stack(profiles)

    def _follow_shaft(self, window: Window) -> bool:
        """Measure how far the shaft lies across and turned; False where it is gone."""
        drift = np.diag((_DRIFT_MM**2, math.radians(_TURN_DEG) ** 2))
        self._covariance = np.minimum(self._covariance + drift, _MOST_SPREAD_MM**2)
        cut_at = self._across
        is_seen, could_be_seen = False, False
        for (first, last), piece in zip(self._pieces, self._sample_shaft(window), strict=True):
            if not np.isfinite(piece).all():
                continue
            could_be_seen |= can_be_seen(piece, self._profile, self._mm)
            found = match_across(piece, self._profile, self._mm)
            if found is not None:
                is_seen = True
                self._correct(found, (first + last) / 2, cut_at)
        # In noise that would hide it a needle is not gone; it moves with the bone.
        return is_seen or not could_be_seen

    def _match_end(self, window: Window) -> tuple[float, float] | None:
        """Return how far an end is off, towards the tip; the hub's while contrast hides the tip."""
        if not self._is_hidden:
            return match_along(self._sample_end(window), self._ending, self._mm, _SEARCH_MM)
        now = self._sample_hub(window)
        if now is None or self._hub_ending is None:
            return None
        found = match_along(now, self._hub_ending, self._mm, _SEARCH_MM)
        return None if found is None else (-found[0], math.hypot(found[1], _HUB_SIGMA_MM))

    def _correct(self, found: tuple[float, float], at_mm: float, cut_at: FloatArray) -> None:
        """Update across and turn by a piece's shift (a Kalman step); `at_mm` from the elbow."""
        shift_mm, sigma_mm = found
        row = np.array((1.0, at_mm))
        gain = self._covariance @ row / (row @ self._covariance @ row + sigma_mm**2)
        # The strip was cut where the needle was thought to be: of what it was off, the piece before
        # may have taken a part.
        rest = shift_mm - float(row @ (self._across - cut_at))
        self._across = np.asarray(self._across + gain * rest)
        self._covariance = self._covariance - np.outer(gain, row @ self._covariance)

    def _sample_end(self, window: Window) -> FloatArray:
        """Return what is added along the last part and in front of it (S,)."""
        angle = self._shaft.tip_angle_rad + float(self._across[1])
        strip, across_mm = self._strip(window, self._tip(), angle, self._end_places())
        middle, left, right = measure_sides(strip.astype(np.float32), across_mm)
        return np.asarray(middle - (left + right) / 2, np.float64)

    def _sample_hub(self, window: Window) -> FloatArray | None:
        """Return what is added along the shaft about its hub's end, outwards (S,)."""
        if self._shaft.hub_px is None:
            return None
        angle = self._shaft.angle_rad + float(self._across[1]) + math.pi
        before = min(_BEFORE_MM, self._shaft.length_px * self._mm)
        ahead = round((_HUB_AHEAD_MM + _SEARCH_MM) / STEP_MM)
        span_mm = np.arange(-round(before / STEP_MM), ahead + 1, dtype=np.float64) * STEP_MM
        strip, across_mm = self._strip(
            window, self._place(np.array(self._shaft.hub_px)), angle, span_mm
        )
        middle, left, right = measure_sides(strip.astype(np.float32), across_mm)
        return np.asarray(middle - (left + right) / 2, np.float64)

    def _end_places(self) -> FloatArray:
        """Return where along the last part it is sampled, from the tip. Millimetres."""
        last_mm = math.dist(self._sighting.tip_px, self._shaft.elbow_px) * self._mm
        before = min(_BEFORE_MM, last_mm) if last_mm > 1.0 else _BEFORE_MM
        before = min(before, max(2.0, self._shaft.length_px * self._mm + last_mm))
        ahead = round((_AHEAD_MM + _SEARCH_MM) / STEP_MM)
        return np.arange(-round(before / STEP_MM), ahead + 1, dtype=np.float64) * STEP_MM

    def _follow_end(self, window: Window) -> None:
        """Measure how far the needle has moved along itself: at its tip, or its hub."""
        self._along_variance = min(self._along_variance + _DRIFT_MM**2, _MOST_SPREAD_MM**2)
        found = self._match_end(window)
        if found is None or found[1] > _USELESS_MM:
            return
        shift, sigma = found
        before, self._jerk = self._jerk, None
        if abs(shift) > _JERK_SIGMA * math.sqrt(self._along_variance + sigma**2):
            if before is None or abs(before - shift) > 3 * sigma + 0.3:
                self._jerk = shift
                return
            self._along_variance = shift**2
        gain = self._along_variance / (self._along_variance + sigma**2)
        self._along += gain * shift
        self._along_variance *= 1 - gain


def _needle_profile(pieces: FloatArray) -> FloatArray:
    """Return what the needle adds across itself (x,): the pieces' mean, less its background."""
    count = round(_BESIDE_MM / STEP_MM)
    place_mm = np.arange(-count, count + 1) * STEP_MM
    margin = (pieces.shape[1] - len(place_mm)) // 2
    mean = mean_known(pieces.astype(np.float32), 0)[margin : margin + len(place_mm)]
    mean = np.nan_to_num(mean, nan=0.0).astype(np.float64)
    outer = np.abs(place_mm) > 1.4
    slope, level = np.polyfit(place_mm[outer], mean[outer], 1)
    added = np.where(outer, 0.0, mean - level - slope * place_mm)
    profile = np.maximum(added, 0.0)
    # A needle that adds nothing would match everything.
    profile[count] = max(profile[count], 1e-4)
    return np.asarray(profile, np.float64)
