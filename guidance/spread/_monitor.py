"""The causal observer: frames in, one at a time, an assessment out after each.

Each frame is compared with those before contrast (`_sight`), what it shows beyond them is read by a
small network (`_reader`), measured (`_measures`) and weighed (`_decision`). The flag goes up when
the evidence for a vessel passes a threshold that is set in false alarms per minute.
"""

import math
from collections.abc import Callable
from copy import copy, deepcopy

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging import translate
from guidance.records import FrameArray, FrameAssessment, NotFound, RunContext, SpreadFindings
from guidance.spread._channels import make_channels
from guidance.spread._clock import Clock
from guidance.spread._decision import load_decision, probability
from guidance.spread._evidence import Evidence
from guidance.spread._findings import conclude
from guidance.spread._history import History
from guidance.spread._injections import Injection, follow, is_new
from guidance.spread._measures import NOMINAL_MM, ContrastCourse, Measures, find_contrast
from guidance.spread._reader import Reading, read_channels
from guidance.spread._settings import MonitorSettings
from guidance.spread._sight import Mask, Seen, Sight

_MIN_SIDE_PX = 32
"""An image smaller than this holds no anatomy to align."""

_UNKNOWN_STEP_S = 1 / 7.5
"""Where times are unknown, pulses are taken to come at 7.5 per second."""

Watcher = Callable[[int, float | None, Seen, float], None]
"""Told of each frame before it is weighed: number, time, what it shows, the monitor's clock."""

_PATTERN_S = 0.5
_FEW_ROWS = 16
_KNOWN_PX = 5
"""The background is not fitted to contrast and what lies so near to it. Working pixels."""


class Monitor:
    """Follow contrast through a run, knowing only the frames pushed so far.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    settings : MonitorSettings, optional
        The operating point, and how it looks.
    """

    def __init__(self, context: RunContext, settings: MonitorSettings | None = None) -> None:
        self._context = context
        self._settings = settings = settings or MonitorSettings()
        self._sight = Sight(context, settings.sight)
        self.working_scale = self._sight.scale
        self._pixel_mm = _working_pixel_mm(context, self.working_scale)
        self._prior = settings.prior_at(context.stated_level)
        self._decision = load_decision()
        self._threshold = self._decision.threshold(settings.alarms_per_min)
        self._clock = Clock()
        self._evidence = Evidence(
            clock=self._clock,
            smallest_side_px=min(context.rows, context.columns),
            pixel_mm2=self._pixel_mm**2,
        )
        self._previous_frame: FrameArray | None = None
        self._was_judged = False
        self._time_s = self._begun_s = 0.0
        self._history = History.empty(self._sight.shape)
        self._course = ContrastCourse(self._sight.shape, self._pixel_mm)
        self._measures = Measures()
        self._reading: Reading | None = None
        self._ratio = -math.inf
        self._shift = (0.0, 0.0)
        self._lit, self._lit_since, self._gone = 0, 0, 0
        self._high = 0
        self._surest = -math.inf
        self._watcher: Watcher | None = None

    @property
    def settings(self) -> MonitorSettings:
        """The settings in force."""
        return self._settings

    @property
    def measures(self) -> Measures:
        """What was measured in the last frame that could be judged."""
        return self._measures

    @property
    def ratio(self) -> float:
        """Log likelihood ratio of uptake at the last frame; minus infinity before any."""
        return self._ratio

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
        is_repeated = self._is_repeated(frame)
        number = len(self._clock.times_s)
        time_s, remark = self._clock.take(time_s, is_repeated=is_repeated)
        why_not = self._judge(number, frame, time_s, is_repeated=is_repeated)
        said = "; ".join(filter(None, (why_not, remark)))
        return self._assess(number, time_s, said, is_judged=not why_not or self._was_judged)

    @property
    def reading(self) -> Reading | None:
        """What the network made of the last frame that could be judged; None before any."""
        return self._reading

    @property
    def history(self) -> History:
        """The change so far, where the first reference lay."""
        return self._history

    @property
    def sight(self) -> Sight:
        """What compares the frames."""
        return self._sight

    @property
    def injections(self) -> tuple[Injection, ...]:
        """The injections so far, in working pixels."""
        return tuple(self._evidence.injections)

    def tell(self, watcher: Watcher) -> None:
        """From now on tell of each frame that could be compared, before it is weighed."""
        self._watcher = watcher

    def fork(self, sight: Sight) -> "Monitor":
        """Return a monitor that knows what this one knows, and looks on through another sight."""
        twin = copy(self)
        twin._sight, twin._watcher, twin._previous_frame = sight, None, None
        twin._history, twin._course = deepcopy(self._history), deepcopy(self._course)
        # The times so far are the same for both; neither adds to them through `resume`.
        twin._evidence = deepcopy(self._evidence, {id(self._clock): self._clock})
        return twin

    def resume(self, number: int, time_s: float | None, seen: Seen, clock_s: float) -> bool:
        """Take in a frame that was compared before; return whether the flag stands."""
        passed, self._time_s = clock_s - self._time_s, clock_s
        self._take(number, time_s, seen, passed)
        return self._evidence.flag_frame is not None

    def findings(self) -> SpreadFindings:
        """Return what follows from the frames pushed so far."""
        return conclude(
            self._evidence, self._context, self._settings, self.working_scale, self._prior
        )

    def _judge(
        self, number: int, frame: FrameArray, time_s: float | None, *, is_repeated: bool
    ) -> str:
        """Judge a frame, or return why that cannot be done."""
        evidence = self._evidence
        passed = _UNKNOWN_STEP_S
        if number and time_s is not None:
            passed = self._clock.seconds_between(number - 1, number) or passed
        self._time_s += passed
        if is_repeated:
            # A recorder's copy of a frame that was judged is no gap; one of a blank frame is.
            evidence.repeated += self._was_judged
            return "the same pixels as the frame before"
        self._was_judged = False
        if evidence.smallest_side_px < _MIN_SIDE_PX:
            return "the image is too small to hold anatomy"
        known = self._known_contrast()
        restarts = self._sight.restarts
        seen = self._sight.look(number, frame, time_s, known)
        evidence.field_share = self._sight.field_share
        evidence.field_changes = self._sight.field_changes
        if self._sight.restarts != restarts:
            self._begin_anew()
        if isinstance(seen, NotFound):
            evidence.note(seen.reason)
            return seen.reason
        evidence.judged += 1
        self._was_judged = True
        if self._watcher is not None:
            self._watcher(number, time_s, seen, self._time_s)
        self._take(number, time_s, seen, passed)
        return ""

    def _known_contrast(self) -> Mask | None:
        """Return where contrast is or was, with a margin; None before onset."""
        if self._evidence.onset_frame is None:
            return None
        square = np.ones((_KNOWN_PX, _KNOWN_PX), np.uint8)
        return np.asarray(cv2.dilate(self._course.contrast.astype(np.uint8), square) > 0, np.bool_)

    def _begin_anew(self) -> None:
        """Forget what was seen in a view that is no more; only before onset."""
        self._history = History.empty(self._sight.shape)
        self._lit = 0
        self._begun_s = self._time_s

    def _take(self, number: int, time_s: float | None, seen: Seen, passed: float) -> None:
        """Read, measure and weigh a frame that could be compared."""
        evidence, settings = self._evidence, self._settings
        self._shift = seen.shift
        self._history.take(seen, time_s, settings.sight)
        reading = read_channels(
            make_channels(self._sight, self._history, seen.valid), self._sight.shape
        )
        self._reading = reading
        self._course.listen(reading, passed)
        mask = find_contrast(reading, seen)
        area_mm2 = float(mask.sum()) * self._pixel_mm**2
        if evidence.onset_frame is None:
            self._await(number, time_s, seen, mask, area_mm2, reading.injected)
        if evidence.onset_frame is None:
            self._measures = self._course.idle()
            self._ratio = self._decision.ratio(self._measures)
            return
        self._measures = self._course.measure(mask, seen, self._history, reading, self._time_s)
        self._ratio = self._decision.ratio(self._measures)
        evidence.hear(reading, 1 - math.exp(-passed / _PATTERN_S))
        evidence.take_lengths(self._course.thin, area_mm2)
        self._follow(number)
        self._surest = max(self._surest, reading.injected)
        is_there = area_mm2 >= settings.onset_mm2 and reading.injected >= settings.suspect_log_odds
        self._gone = 0 if is_there else self._gone + 1
        came_and_went = (
            self._gone >= settings.gone_frames
            and evidence.flag_frame is None
            and (
                evidence.greatest_area_mm2 < settings.substantial_mm2
                or self._surest < settings.sure_log_odds
            )
        )
        if came_and_went:
            evidence.dismiss(number)
            self._course = ContrastCourse(self._sight.shape, self._pixel_mm)
            self._lit = self._gone = self._high = 0
            self._surest = -math.inf

    def _await(
        self,
        number: int,
        time_s: float | None,
        seen: Seen,
        mask: Mask,
        area_mm2: float,
        injected: float,
    ) -> None:
        """Before onset: look for it, and learn from frames that show none of it."""
        settings = self._settings
        is_lit = area_mm2 >= settings.onset_mm2 and injected >= settings.onset_log_odds
        watched = self._time_s - self._begun_s >= settings.sight.watched_s
        watched = watched and self._sight.compared >= settings.sight.watched_frames
        watched = watched or self._context.is_subtracted
        if not is_lit:
            self._lit = 0
        else:
            self._lit_since = self._lit_since if self._lit else number
            self._lit += 1
        is_calm = area_mm2 < settings.onset_mm2 / 2 or injected < settings.suspect_log_odds
        if is_calm or not watched:
            self._sight.learn(number, time_s, seen)
            return
        self._sight.hold()
        if self._lit == 0:
            return
        if self._lit >= settings.confirm_frames or area_mm2 >= settings.plain_mm2:
            self._evidence.onset_frame = self._lit_since
            self._course.begin(mask)
            assert self._course.origin is not None
            self._evidence.injections.append(
                Injection(
                    onset_frame=self._lit_since,
                    end_frame=number,
                    end_s=self._time_s,
                    origin=self._course.origin,
                )
            )

    def _follow(self, number: int) -> None:
        """After onset: tell injections apart, and raise the flag when the evidence bears it."""
        evidence, settings, held = self._evidence, self._settings, self._course.held
        latest = evidence.injections[-1]
        follow(latest, number, held, self._time_s, settings.pause_s)
        if is_new(latest, held):
            latest = Injection(
                onset_frame=latest.again_frame or number,
                end_frame=number,
                end_s=self._time_s,
                origin=latest.origin,
                grown=held,
                trough=held,
            )
            evidence.injections.append(latest)
        latest.ratio = max(latest.ratio, self._ratio)
        evidence.run_off = self._course.run_off
        beyond = self._ratio - self._threshold
        self._high = self._high + 1 if beyond >= 0 else 0
        if self._high >= settings.flag_frames or beyond >= settings.plain_ratio:
            latest.flag_frame = number if latest.flag_frame is None else latest.flag_frame
            if evidence.flag_frame is None:
                evidence.flag_frame = number
                evidence.flag_measures = self._measures

    def _assess(
        self, number: int, time_s: float | None, remark: str, *, is_judged: bool
    ) -> FrameAssessment:
        evidence, course, pixel = self._evidence, self._course, 1 / self.working_scale**2
        known = evidence.onset_frame is not None and is_judged
        zero = 0.0 if is_judged else None
        return FrameAssessment(
            frame=number,
            time_s=time_s,
            contrast=self._mask_here() if known else np.zeros(self._sight.shape, np.bool_),
            working_scale=self.working_scale,
            area_px=course.area * pixel if known else zero,
            attenuation_px=course.signal * pixel if known else zero,
            reach_px=course.reach / self.working_scale if known else zero,
            thin_length_px=course.thin / self.working_scale if known else zero,
            run_off=course.run_off if known else None,
            intravascular_probability=probability(self._ratio, self._prior)
            if is_judged and math.isfinite(self._ratio)
            else None,
            flagged=evidence.flag_frame is not None,
            remark=remark,
        )

    def _mask_here(self) -> NDArray[np.bool_]:
        """Return the contrast where it lies in this frame."""
        if not self._course.contrast.any():
            return self._course.contrast
        moved = translate(self._course.contrast.astype(np.float32), self._shift)
        return np.asarray(moved > 0.5, np.bool_)

    def _is_repeated(self, frame: FrameArray) -> bool:
        """Return whether a frame has the pixels of the one before, and remember it."""
        previous = self._previous_frame
        if previous is None or previous.dtype != frame.dtype:
            self._previous_frame = np.array(frame, copy=True)
            return previous is not None and np.array_equal(frame, previous)
        # Frames that differ mostly do so in any few rows.
        rows = slice(None, None, _FEW_ROWS)
        if np.array_equal(frame[rows], previous[rows]) and np.array_equal(frame, previous):
            return True
        np.copyto(previous, frame)
        return False

    def _check(self, frame: FrameArray) -> None:
        expected = (self._context.rows, self._context.columns)
        if frame.shape != expected:
            raise InputError(
                f"frame has shape {frame.shape}, expected {expected}; one run, one size"
            )
        if frame.dtype.kind not in "uif":
            raise InputError(f"frame is {frame.dtype}, expected grey values as numbers")


def _working_pixel_mm(context: RunContext, working_scale: float) -> float:
    scale = context.scale
    if isinstance(scale, NotFound) or not scale.holds_at_patient:
        return NOMINAL_MM
    return math.sqrt(scale.pixel_area_mm2) / working_scale
