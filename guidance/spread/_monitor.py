"""The causal observer: frames in, one at a time, an assessment out after each.

A first, simple rule, to be replaced by a calibrated one: contrast is what darkens the image beyond
all frames before it, is added rather than moved, and stays for some frames. The flag goes up when
contrast runs in long thin lines, as vessels do, or when it leaves again. A vessel too small for it
may still be there, which is why the absence of a flag is never called `extravascular` here.
"""

import math
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging import find_saturated, measure_attenuation, measure_significance
from guidance.records import (
    FrameArray,
    FrameAssessment,
    RunContext,
    SpreadFindings,
)
from guidance.spread._comparison import (
    Comparison,
    RecursiveAverage,
    compare_with_references,
    measure_activity,
)
from guidance.spread._findings import Evidence, conclude
from guidance.spread._references import ReferenceBank
from guidance.spread._settings import MonitorSettings
from guidance.spread._shape import measure_reach, measure_thin_length
from guidance.spread._suspects import (
    Change,
    describe_change,
    follow_suspects,
    grow_contrast,
    no_suspects,
)

_MIN_VALID_SHARE = 0.05
"""With fewer valid pixels than this share of the frame there is nothing to judge."""

_EDGE_PX = 6
"""Pixels this close to the edge of the field are not judged. Working pixels."""

_BREATH_S = 8.0
"""What moved is remembered over about two breaths."""

_BREATH_FRAMES = 60
"""The same where times are unknown: 8 s at 7.5 pulses per second."""


class Monitor:
    """Follow contrast through a run, knowing only the frames pushed so far.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    settings : MonitorSettings, optional
        Thresholds.
    """

    def __init__(self, context: RunContext, settings: MonitorSettings | None = None) -> None:
        self._context = context
        self._settings = settings or MonitorSettings()
        self.working_scale = min(
            1.0, self._settings.working_px / max(context.rows, context.columns)
        )
        self._valid = self._reduce(context.valid.astype(np.float32)) > 0.999
        shape = (self._valid.shape[0], self._valid.shape[1])
        self._margin, self._eroded = 0, self._valid
        self._bank = ReferenceBank(self._settings, self._valid)
        self._average = RecursiveAverage(self._settings.average_s, self._settings.average_frames)
        self._suspects = no_suspects(shape)
        self._activity = np.zeros(shape, np.float32)
        self._fresh_activity: deque[NDArray[np.float32]] = deque()
        self._contrast = np.zeros(shape, np.bool_)
        self._support = np.zeros(shape, np.bool_)
        self._previous: NDArray[np.float32] | None = None
        self._previous_frame: FrameArray | None = None
        self._calm = 0
        self._time_s: float | None = None
        self._evidence = Evidence(
            is_subtracted=context.is_subtracted, shows_patient=bool(self._valid.any())
        )
        self._last: FrameAssessment | None = None

    @property
    def settings(self) -> MonitorSettings:
        """The thresholds in force."""
        return self._settings

    def push(self, frame: FrameArray, time_s: float | None = None) -> FrameAssessment:
        """Take the next frame and return what is known with it.

        Parameters
        ----------
        frame : (R, C) array
            Pixel values after the Modality LUT.
        time_s : float, optional
            Seconds from the first frame; None or NaN where unknown. A time that runs back counts
            as unknown.

        Returns
        -------
        FrameAssessment

        Raises
        ------
        InputError
            The frame has another shape than the run, or is not numeric.
        """
        self._check(frame)
        number = self._evidence.n_frames
        self._evidence.n_frames += 1
        time_s, remark = self._take_time(time_s)
        if self._previous_frame is not None and np.array_equal(frame, self._previous_frame):
            self._evidence.repeated += 1
            return self._assess(number, time_s, "the same pixels as the frame before")
        self._previous_frame = np.array(frame, copy=True)
        attenuation = self._measure(frame)
        usable = self._valid & ~(self._reduce_mask(find_saturated(frame, self._context.intensity)))
        if self._context.is_subtracted:
            return self._assess(number, time_s, "the stored pixels are already a subtraction")
        if usable.mean() < _MIN_VALID_SHARE:
            self._calm = 0
            return self._assess(number, time_s, "hardly any pixel shows the patient")
        if not self._has_settled(attenuation, usable):
            self._evidence.unsettled += 1
            return self._assess(number, time_s, "the exposure has not settled")
        if len(self._bank) == 0:
            self._bank.offer(number, time_s, attenuation, (0.0, 0.0))
            self._evidence.first_reference = number
            return self._assess(number, time_s, "the first frame with a settled exposure")
        self._evidence.judged += 1
        self._judge(number, time_s, attenuation, usable)
        return self._assess(number, time_s, remark)

    def findings(self) -> SpreadFindings:
        """Return what follows from the frames pushed so far."""
        return conclude(self._evidence, self._context, self._settings, self.working_scale)

    def _judge(
        self,
        number: int,
        time_s: float | None,
        attenuation: NDArray[np.float32],
        usable: NDArray[np.bool_],
    ) -> None:
        settings = self._settings
        shift = self._bank.measure_shift(attenuation)
        references = self._bank.find_alike(attenuation, settings.compared)
        furthest = max(
            max(abs(shift[0] - r.shift[0]), abs(shift[1] - r.shift[1])) for r in references
        )
        usable = usable & self._inside(math.ceil(furthest) + _EDGE_PX)
        quiet = usable & ~self._support & (self._suspects.count == 0)
        comparison = compare_with_references(attenuation, references, shift, quiet, settings)
        averaged = self._average.update(comparison, shift, time_s)
        z = measure_significance(averaged.excess - self._activity, usable)
        change = describe_change(attenuation, comparison.added, averaged.added, usable)
        self._suspects = follow_suspects(self._suspects, number, z, change, settings)
        self._believe(number, time_s)
        if self._evidence.onset_frame is None:
            self._learn(number, time_s, attenuation, shift, comparison)
        else:
            self._measure_contrast(number, change, usable)

    def _believe(self, number: int, time_s: float | None) -> None:
        """Accept suspects as contrast once they have been lit long enough."""
        settings = self._settings
        lasting = self._suspects.count >= settings.confirm_frames
        if not lasting.any():
            return
        since = int(self._suspects.since[lasting].min())
        times = self._evidence.times_s
        if time_s is not None and times[since] is not None:
            lit_for = time_s - float(times[since] or 0.0)
            if lit_for < settings.confirm_s:
                return
        self._contrast |= lasting
        if self._evidence.onset_frame is None:
            self._evidence.onset_frame = since
            rows, columns = np.nonzero(lasting & (self._suspects.since == since))
            self._evidence.origin = (float(rows.mean()), float(columns.mean()))

    def _learn(
        self,
        number: int,
        time_s: float | None,
        attenuation: NDArray[np.float32],
        shift: tuple[float, float],
        comparison: Comparison,
    ) -> None:
        """Before onset: let this frame become a reference, and remember what moved in it."""
        if self._suspects.longest >= 2:
            self._bank.hold()
            self._fresh_activity.clear()
            return
        self._bank.offer(number, time_s, attenuation, shift)
        self._fresh_activity.append(measure_activity(comparison))
        if len(self._fresh_activity) > self._settings.guard_frames:
            self._activity *= np.float32(self._forget(time_s))
            np.maximum(self._activity, self._fresh_activity.popleft(), out=self._activity)

    def _forget(self, time_s: float | None) -> float:
        times = self._evidence.times_s
        before = times[-2] if len(times) > 1 else None
        if time_s is None or before is None:
            return float(np.exp(-1 / _BREATH_FRAMES))
        return float(np.exp(-(time_s - before) / _BREATH_S))

    def _measure_contrast(self, number: int, change: Change, usable: NDArray[np.bool_]) -> None:
        """After onset: grow the mask from what is surely contrast, and measure it."""
        settings, evidence = self._settings, self._evidence
        z = measure_significance(change.averaged - np.float32(0.5) * self._activity, usable)
        self._contrast = grow_contrast(z, self._suspects, self._contrast, change, settings)
        self._support |= self._contrast
        pixel = 1 / self.working_scale**2
        signal = float(change.added[self._contrast].sum()) * pixel
        evidence.area = float(self._contrast.sum()) * pixel
        evidence.signal = signal
        evidence.reach = measure_reach(self._contrast, evidence.origin) / self.working_scale
        evidence.thin = (
            measure_thin_length(self._contrast, self._thin_px(), self._valid) / self.working_scale
        )
        held = float(change.added[self._support & usable].sum()) * pixel
        limits = (self._vessel_length(), self._substantial_area())
        evidence.weigh(number, held, limits, settings)
        if (
            evidence.gone_frames >= settings.confirm_frames
            and evidence.flag_frame is None
            and not evidence.is_substantial(limits[1], settings)
        ):
            evidence.dismiss(number)
            self._support[:] = False

    def _inside(self, margin: int) -> NDArray[np.bool_]:
        """Return the valid pixels that lie further than a margin from the edge of the field.

        What moved in over the edge has no reference.
        """
        if margin != self._margin:
            self._margin = margin
            padded = cv2.copyMakeBorder(
                self._valid.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
            )
            square = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
            eroded = cv2.erode(padded, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
            self._eroded = np.asarray(eroded[1:-1, 1:-1] > 0, np.bool_)
        return self._eroded

    def _thin_px(self) -> float:
        if not self._context.scale:
            return self._settings.thin_px
        pixel_mm = math.sqrt(self._context.scale.pixel_area_mm2) / self.working_scale
        return max(3.0, self._settings.thin_mm / pixel_mm)

    def _substantial_area(self) -> float:
        """Return the area that contrast must reach to count when it is gone. Stored pixels."""
        if not self._context.scale:
            return self._settings.substantial_px / self.working_scale**2
        return self._settings.substantial_mm2 / self._context.scale.pixel_area_mm2

    def _vessel_length(self) -> float:
        """Return the length that is vessel-like. Stored pixels."""
        if not self._context.scale:
            return self._settings.vessel_length_px / self.working_scale
        return self._settings.vessel_length_mm / math.sqrt(self._context.scale.pixel_area_mm2)

    def _has_settled(self, attenuation: NDArray[np.float32], usable: NDArray[np.bool_]) -> bool:
        """Return whether the exposure is steady; before onset, start anew where it is not."""
        previous, self._previous = self._previous, attenuation
        if previous is None:
            self._calm = 1
            return self._settings.calm_frames <= 1
        change = float(np.median(attenuation[usable] - previous[usable]))
        if self._evidence.onset_frame is not None:
            return True
        if abs(change) < self._settings.calm_gain:
            self._calm += 1
        else:
            self._calm = 0
            self._bank.clear()
            self._average.clear()
            self._activity[:] = 0
            self._fresh_activity.clear()
            self._suspects = no_suspects((usable.shape[0], usable.shape[1]))
        return self._calm >= self._settings.calm_frames

    def _assess(self, number: int, time_s: float | None, remark: str) -> FrameAssessment:
        evidence = self._evidence
        known = evidence.onset_frame is not None
        return FrameAssessment(
            frame=number,
            time_s=time_s,
            contrast=self._contrast if known else np.zeros_like(self._contrast),
            working_scale=self.working_scale,
            area_px=evidence.area,
            attenuation_px=evidence.signal,
            reach_px=evidence.reach,
            thin_length_px=evidence.thin,
            run_off=evidence.run_off if known else None,
            intravascular_probability=None,
            flagged=evidence.flag_frame is not None,
            remark=remark,
        )

    def _take_time(self, time_s: float | None) -> tuple[float | None, str]:
        remark = ""
        if time_s is not None and not np.isfinite(time_s):
            time_s, remark = None, "its time is not a number"
        known = [t for t in self._evidence.times_s[-1:] if t is not None]
        if time_s is not None and known and time_s < known[-1]:
            time_s, remark = None, "its time runs back"
        self._evidence.times_s.append(time_s)
        return time_s, remark

    def _check(self, frame: FrameArray) -> None:
        expected = (self._context.rows, self._context.columns)
        if frame.shape != expected:
            raise InputError(
                f"frame has shape {frame.shape}, expected {expected}; one run, one size"
            )
        if frame.dtype.kind not in "uif":
            raise InputError(f"frame is {frame.dtype}, expected grey values as numbers")

    def _measure(self, frame: FrameArray) -> NDArray[np.float32]:
        reduced = self._reduce(frame.astype(np.float32))
        attenuation = measure_attenuation(reduced, self._context.intensity)
        blurred = cv2.GaussianBlur(attenuation, (0, 0), self._settings.blur_px)
        return np.asarray(blurred, np.float32)

    def _reduce(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.working_scale == 1.0:
            return image
        factor = self.working_scale
        reduced = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return np.asarray(reduced, np.float32)

    def _reduce_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if self.working_scale == 1.0:
            return mask
        return np.asarray(self._reduce(mask.astype(np.float32)) > 0.5, np.bool_)
