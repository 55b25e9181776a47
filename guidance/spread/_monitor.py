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
from guidance.imaging import (
    find_outside,
    find_saturated,
    locate_valid_pixels,
    measure_significance,
)
from guidance.records import FrameArray, FrameAssessment, RunContext, SpreadFindings
from guidance.spread._clock import Clock
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
from guidance.spread._sizes import resolve_sizes
from guidance.spread._suspects import (
    Change,
    describe_change,
    follow_suspects,
    grow_contrast,
    no_suspects,
)
from guidance.spread._working import measure_working, reduce_image

_MIN_VALID_SHARE = 0.05
"""With fewer valid pixels than this share of the frame there is nothing to judge."""

_EDGE_PX = 6
"""Pixels this close to the edge of the field are not judged: blades have a penumbra, and move.
Working pixels."""

_COVERED_SHARE = 0.03
"""Where more than this share of the field is covered, the field is no longer what it was."""

_LOST = 4.0
"""A frame that differs from its references so many times more than others did does not compare:
contrast covers little, and hardly moves the median."""

_USUAL_FRAMES = 20
"""What is usual is the median of so many frames."""

_LEAST_NOISE = 1e-3
"""No fluoroscopy is quieter than this in ln(intensity); made images may be."""

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
        self._settings = settings = settings or MonitorSettings()
        self.working_scale = min(1.0, settings.working_px / max(context.rows, context.columns))
        self._sizes = resolve_sizes(context.scale, settings, self.working_scale)
        self._opened = reduce_image(context.valid.astype(np.float32), self.working_scale) > 0.999
        self._valid = self._opened
        shape = (self._valid.shape[0], self._valid.shape[1])
        self._margin, self._inner = 0, self._valid
        self._clock = Clock()
        self._evidence = Evidence(clock=self._clock, smallest_side_px=min(shape))
        self._previous_frame: FrameArray | None = None
        self._previous: NDArray[np.float32] | None = None
        self._was_judged = False
        self._calm = 0
        self._shift = (0.0, 0.0)
        self._noises: deque[float] = deque(maxlen=_USUAL_FRAMES)
        self._lost = 0
        self._bank = ReferenceBank(settings)
        self._average = RecursiveAverage(settings.average_s, settings.average_frames)
        self._suspects = no_suspects(shape)
        self._activity = np.zeros(shape, np.float32)
        self._fresh_activity: deque[NDArray[np.float32]] = deque()
        self._contrast = np.zeros(shape, np.bool_)
        self._support = np.zeros(shape, np.bool_)
        self._latest_added = np.zeros(shape, np.float32)

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
            Seconds from the first frame; None or NaN where unknown. A time that runs back, or
            stands still while the image changes, counts as unknown.

        Returns
        -------
        FrameAssessment

        Raises
        ------
        InputError
            The frame has another shape than the run, or is not numeric.
        """
        self._check(frame)
        previous, self._previous_frame = self._previous_frame, np.array(frame, copy=True)
        is_repeated = previous is not None and np.array_equal(frame, previous)
        number = len(self._clock.times_s)
        time_s, remark = self._clock.take(time_s, is_repeated=is_repeated)
        why_not = self._why_not_judged(number, frame, time_s, is_repeated=is_repeated)
        said = "; ".join(filter(None, (why_not, remark)))
        return self._assess(number, time_s, said, is_judged=not why_not or self._was_judged)

    def findings(self) -> SpreadFindings:
        """Return what follows from the frames pushed so far."""
        return conclude(self._evidence, self._context, self._settings, self.working_scale)

    def _why_not_judged(
        self, number: int, frame: FrameArray, time_s: float | None, *, is_repeated: bool
    ) -> str:
        """Judge a frame, or return why that cannot be done."""
        evidence = self._evidence
        if is_repeated:
            # A recorder's copy of a frame that was judged is no gap; one of a blank frame is.
            evidence.repeated += self._was_judged
            return "the same pixels as the frame before"
        self._was_judged = False
        if self._context.is_subtracted:
            return "the stored pixels are already a subtraction"
        if evidence.is_too_small:
            return "the image is too small to hold anatomy"
        attenuation = measure_working(
            frame, self._context.intensity, self.working_scale, self._settings.blur_px
        )
        saturated = reduce_image(
            find_saturated(frame, self._context.intensity).astype(np.float32), self.working_scale
        )
        usable = self._valid & (saturated <= 0.5)
        if self._field_changed(frame):
            evidence.field_changes.append(number)
            if evidence.onset_frame is not None:
                return "the field changed: a blade, a hand or a collimator came in"
            self._start_anew()
        if usable.mean() < _MIN_VALID_SHARE:
            evidence.blank += 1
            self._calm = 0
            return "hardly any pixel shows the patient"
        if not self._has_settled(attenuation, usable):
            evidence.unsettled += 1
            return "the exposure has not settled"
        if len(self._bank) == 0:
            return self._start(number, frame, time_s, attenuation)
        return self._judge(number, time_s, attenuation, usable)

    def _start(
        self,
        number: int,
        frame: FrameArray,
        time_s: float | None,
        attenuation: NDArray[np.float32],
    ) -> str:
        """Make a frame the first reference: what shows the patient in it is the field."""
        located = locate_valid_pixels(frame, self._context.intensity) & self._context.valid
        valid = reduce_image(located.astype(np.float32), self.working_scale) > 0.999
        self._evidence.field_share = float(valid.mean())
        if self._evidence.field_share < _MIN_VALID_SHARE:
            self._evidence.blank += 1
            return "hardly any pixel shows the patient"
        self._valid, self._margin, self._inner = valid, 0, valid
        self._bank.offer(number, time_s, attenuation, (0.0, 0.0))
        return "the first frame with a settled exposure"

    def _judge(
        self,
        number: int,
        time_s: float | None,
        attenuation: NDArray[np.float32],
        usable: NDArray[np.bool_],
    ) -> str:
        """Compare a frame with the references, or return why that cannot be done."""
        settings = self._settings
        shift = self._bank.measure_shift(attenuation, self._valid, self._shift)
        references = self._bank.find_alike(attenuation, settings.compared)
        furthest = max(
            max(abs(shift[0] - r.shift[0]), abs(shift[1] - r.shift[1])) for r in references
        )
        usable = usable & self._inside(math.ceil(furthest) + _EDGE_PX)
        if usable.mean() < _MIN_VALID_SHARE:
            self._evidence.blank += 1
            return "hardly any pixel is left to compare"
        quiet = usable & ~self._support & (self._suspects.count == 0)
        comparison = compare_with_references(attenuation, references, shift, quiet, settings)
        if self._is_lost(comparison):
            self._evidence.lost += 1
            return "it is too unlike the frames before: the view moved on"
        self._shift = shift
        self._evidence.judged += 1
        self._was_judged = True
        averaged = self._average.update(comparison, shift, time_s)
        z = measure_significance(averaged.excess - self._activity, usable)
        change = describe_change(attenuation, comparison.added, averaged.added, usable)
        self._suspects = follow_suspects(self._suspects, number, z, change, settings)
        self._believe(number)
        if self._evidence.onset_frame is None:
            self._learn(number, time_s, attenuation, shift, comparison)
        else:
            self._measure_contrast(number, change, usable)
        return ""

    def _is_lost(self, comparison: Comparison) -> bool:
        """Return whether a frame fits no reference any more: a pan, a turn, another patient.

        Where that lasts before onset, what is seen now is the new beginning.
        """
        noise = max(comparison.noise, _LEAST_NOISE)
        usual = float(np.median(np.array(self._noises or [noise])))
        if noise <= _LOST * usual:
            self._noises.append(noise)
            self._lost = 0
            return False
        self._lost += 1
        if self._evidence.onset_frame is None and self._lost >= self._settings.confirm_frames:
            self._start_anew()
        return True

    def _field_changed(self, frame: FrameArray) -> bool:
        """Return whether something that lets no rays through covers part of the field."""
        if len(self._bank) == 0:
            return False
        reduced = reduce_image(frame.astype(np.float32), self.working_scale)
        covered = find_outside(reduced, self._context.intensity) & self._valid
        return bool(covered.sum() > _COVERED_SHARE * self._valid.sum())

    def _start_anew(self) -> None:
        """Forget all frames so far: what comes next does not compare with them."""
        self._bank.clear()
        self._average.clear()
        self._fresh_activity.clear()
        self._activity[:] = 0
        self._suspects = no_suspects((self._valid.shape[0], self._valid.shape[1]))
        self._valid = self._opened
        self._margin, self._inner = 0, self._valid
        self._shift = (0.0, 0.0)
        self._noises.clear()
        self._lost = 0

    def _believe(self, number: int) -> None:
        """Accept suspects as contrast once they have been lit long enough."""
        settings, evidence = self._settings, self._evidence
        lasting = self._suspects.count >= settings.confirm_frames
        if not lasting.any():
            return
        since = int(self._suspects.since[lasting].min())
        lit_for = self._clock.seconds_between(since, number)
        if lit_for is not None and lit_for < settings.confirm_s:
            return
        self._contrast |= lasting
        if evidence.onset_frame is None:
            evidence.onset_frame = since
            rows, columns = np.nonzero(lasting & (self._suspects.since == since))
            evidence.origin = (float(rows.mean()), float(columns.mean()))

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
            self._activity *= np.float32(self._forget(number))
            np.maximum(self._activity, self._fresh_activity.popleft(), out=self._activity)

    def _forget(self, number: int) -> float:
        passed = self._clock.seconds_between(number - 1, number)
        if passed is None:
            return math.exp(-1 / _BREATH_FRAMES)
        return math.exp(-passed / _BREATH_S)

    def _measure_contrast(self, number: int, change: Change, usable: NDArray[np.bool_]) -> None:
        """After onset: grow the mask from what is surely contrast, and measure it."""
        settings, evidence = self._settings, self._evidence
        z = measure_significance(change.averaged - np.float32(0.5) * self._activity, usable)
        self._contrast = grow_contrast(z, self._suspects, self._contrast, change, settings)
        self._support |= self._contrast
        # Where contrast has grown too dense to be measured, what was last seen stays.
        np.copyto(self._latest_added, change.added, where=usable)
        pixel = 1 / self.working_scale**2
        thin = measure_thin_length(self._contrast, self._sizes.thin, usable)
        evidence.area = float(self._contrast.sum()) * pixel
        evidence.signal = float(self._latest_added[self._contrast].sum()) * pixel
        evidence.reach = measure_reach(self._contrast, evidence.origin) / self.working_scale
        evidence.thin = thin / self.working_scale
        held = float(self._latest_added[self._support].sum()) * pixel
        evidence.weigh(number, held, self._sizes, settings)
        if evidence.came_and_went(self._sizes, settings):
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
            self._inner = np.asarray(eroded[1:-1, 1:-1] > 0, np.bool_)
        return self._inner

    def _has_settled(self, attenuation: NDArray[np.float32], usable: NDArray[np.bool_]) -> bool:
        """Return whether a frame compares with those before it.

        Runs begin with an exposure that is being adjusted; until it is steady, what was seen is
        forgotten. Later the exposure may change because contrast came: then nothing is forgotten,
        and the tone of the references is matched instead.
        """
        previous, self._previous = self._previous, attenuation
        change = 0.0
        if previous is not None:
            change = float(np.median(attenuation[usable] - previous[usable]))
        self._calm = self._calm + 1 if abs(change) < self._settings.calm_gain else 0
        if self._evidence.judged >= self._settings.confirm_frames or self._suspects.longest:
            return True
        if self._calm == 0:
            self._start_anew()
        return self._calm >= self._settings.calm_frames

    def _assess(
        self, number: int, time_s: float | None, remark: str, *, is_judged: bool
    ) -> FrameAssessment:
        evidence = self._evidence
        known = evidence.onset_frame is not None and is_judged
        return FrameAssessment(
            frame=number,
            time_s=time_s,
            contrast=self._contrast if known else np.zeros_like(self._contrast),
            working_scale=self.working_scale,
            area_px=evidence.area if is_judged else None,
            attenuation_px=evidence.signal if is_judged else None,
            reach_px=evidence.reach if is_judged else None,
            thin_length_px=evidence.thin if is_judged else None,
            run_off=evidence.run_off if known else None,
            intravascular_probability=None,
            flagged=evidence.flag_frame is not None,
            remark=remark,
        )

    def _check(self, frame: FrameArray) -> None:
        expected = (self._context.rows, self._context.columns)
        if frame.shape != expected:
            raise InputError(
                f"frame has shape {frame.shape}, expected {expected}; one run, one size"
            )
        if frame.dtype.kind not in "uif":
            raise InputError(f"frame is {frame.dtype}, expected grey values as numbers")
