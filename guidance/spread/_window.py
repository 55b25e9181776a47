"""A stretch of a run as the monitor saw it, kept so that it can be seen again with more in it.

At most some fifty frames are kept, at working resolution and half precision: `WindowRecorder`
follows a monitor from the first frame on, and forgets what it will not need.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guidance.spread._injections import Injection
from guidance.spread._monitor import Monitor
from guidance.spread._sight import Image, Seen, Sight

WINDOW_S = 6.0
"""So long a vessel is followed: nine in ten that are flagged at all are by then (guess)."""

MOST_FRAMES = 48
LEAST_RATE_HZ = 7.5
"""Pulses faster than twice this are thinned out; the least is still twice what fluoroscopy at 4
pulses per second gives."""

BEFORE_S = 1.0
"""Onset is believed some frames after it came; so much from before is kept."""

_BEFORE_FRAMES = 4
_SEGMENT_S = 0.5
_STEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptFrame:
    """One frame as it was compared. Working pixels, where the first reference lay.

    Attributes
    ----------
    number : int
        The frame's.
    time_s, clock_s : float or None, float
        Its time, and that of a clock that does not stop where times are unknown.
    change, spread : (r, c) float16 array
        As in `Seen` and `Sight`; a half's error of 0.05 % is far below the noise.
    valid : (n,) uint8 array
        Pixels that were compared, packed.
    background : (r, c) float32 array
        Shared with other frames while it stays the same.
    noise : float
    compared : int
    shift : (rows, columns)
    """

    number: int
    time_s: float | None
    clock_s: float
    change: NDArray[np.float16]
    spread: NDArray[np.float16]
    valid: NDArray[np.uint8]
    background: Image
    noise: float
    compared: int
    shift: tuple[float, float]

    def seen(self, added: Image | None) -> Seen:
        """Return what would have been seen with something added."""
        valid = np.unpackbits(self.valid, count=self.change.size).reshape(self.change.shape) > 0
        change = self.change.astype(np.float32)
        if added is not None:
            change += added
        change[~valid] = 0
        return Seen(
            change=change,
            z=np.asarray(change / self.spread.astype(np.float32), np.float32),
            valid=valid,
            attenuation=change,
            shift=self.shift,
            noise=self.noise,
        )


class KeptSight(Sight):
    """Stands for the sight of a run that is seen again; it learns nothing new."""

    def __init__(self, shape: tuple[int, int], scale: float) -> None:
        self.shape, self.scale = shape, scale
        self.restarts, self.field_share = 0, 1.0
        self.frame: KeptFrame | None = None

    @property
    def background(self) -> Image | None:
        """The background of the frame that is looked at."""
        return None if self.frame is None else self.frame.background

    @property
    def spread(self) -> Image:
        """The spread at that frame."""
        assert self.frame is not None
        return self.frame.spread.astype(np.float32)

    @property
    def noise(self) -> float:
        """The noise at that frame."""
        assert self.frame is not None
        return self.frame.noise

    @property
    def compared(self) -> int:
        """How many frames the background had learned from by then."""
        return 0 if self.frame is None else self.frame.compared

    def learn(self, number: int, time_s: float | None, seen: Seen) -> None:
        """Learn nothing: what was added must not become background."""

    def hold(self) -> None:
        """Hold on to nothing."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Segment:
    """Frames, and the monitor as it was before the first of them."""

    before: Monitor
    frames: list[KeptFrame] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A stretch of a run.

    Attributes
    ----------
    before : Monitor
        As it was before the first of the frames; `Monitor.fork` it.
    frames : tuple of KeptFrame
        In their order.
    entry : int
        Index of the frame at which a vessel begins to fill.
    injection : Injection or None
        The run's own first one.
    """

    before: Monitor
    frames: tuple[KeptFrame, ...]
    entry: int
    injection: Injection | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its images."""
        rows, columns = self.frames[0].change.shape
        return rows, columns

    @property
    def start_s(self) -> float:
        """When a vessel begins to fill, by the frames' clock. Seconds."""
        return self.frames[self.entry].clock_s

    @property
    def n_bytes(self) -> int:
        """Memory held by the frames' images."""
        images = {id(image): image.nbytes for frame in self.frames for image in _images(frame)}
        return sum(images.values())

    def fingerprint(self) -> int:
        """Return a number that depends on nothing but what the frames show."""
        return zlib.crc32(self.frames[self.entry].change.tobytes())


def _images(frame: KeptFrame) -> Iterator[NDArray[np.generic]]:
    yield from (frame.change, frame.spread, frame.valid, frame.background)


class WindowRecorder:
    """Keeps the frames about the onset of contrast; where there is none, some from the middle.

    Parameters
    ----------
    monitor : Monitor
        Fresh. The recorder is told of each frame that it judges.
    planned_frame : int
        Where the stretch begins in a run without contrast.
    """

    def __init__(self, monitor: Monitor, planned_frame: int) -> None:
        self._monitor = monitor
        self._planned_frame = planned_frame
        self._segments: deque[_Segment] = deque()
        self._begin: KeptFrame | None = None
        self._is_planned, self._is_full = False, False
        self._planned: list[_Segment] = []
        self._clocks: deque[float] = deque(maxlen=_STEPS)
        self._latest: KeptFrame | None = None
        self._restarts = monitor.sight.restarts
        monitor.tell(self._take)

    def window(self) -> Window | None:
        """Return the stretch; None where no frame was judged in it."""
        injections = self._monitor.injections
        if injections:
            return _window(self._segments, injections[0].onset_frame, injections[0])
        kept = self._planned or list(self._segments)
        return _window(kept, self._planned_frame, None)

    def _take(self, number: int, time_s: float | None, seen: Seen, clock_s: float) -> None:
        """Keep a frame that the monitor is about to weigh, if it is one of those wanted."""
        if self._monitor.sight.restarts != self._restarts:
            # What was kept shows another view.
            self._restarts = self._monitor.sight.restarts
            self._restart()
        is_due = self._is_due(clock_s)
        self._clocks.append(clock_s)
        self._settle(number)
        if self._is_full or not is_due:
            return
        latest = self._segments[-1] if self._segments else None
        if latest is None or clock_s - latest.frames[0].clock_s >= _SEGMENT_S:
            # A monitor before the frame: the next ones can be seen again from here.
            sight = KeptSight(self._monitor.sight.shape, self._monitor.working_scale)
            self._segments.append(_Segment(before=self._monitor.fork(sight)))
        frame = self._keep(number, time_s, seen, clock_s)
        self._segments[-1].frames.append(frame)
        if self._begin is None:
            if number >= self._planned_frame and not self._planned and not self._is_planned:
                self._begin, self._is_planned = frame, True
            self._drop(clock_s - BEFORE_S)
        elif self._is_enough(clock_s):
            self._close()

    def _is_due(self, clock_s: float) -> bool:
        """Return whether a frame is kept: pulses much faster than needed are thinned out."""
        if self._latest is None or len(self._clocks) < 3:
            return True
        step = float(np.median(np.diff(np.array(self._clocks))))
        stride = max(1, int(1 / (LEAST_RATE_HZ * max(step, 1e-3)) + 1e-3))
        return clock_s - self._latest.clock_s > (stride - 0.5) * step

    def _settle(self, number: int) -> None:
        """Take note of onset: the stretch begins with it, whatever was planned."""
        injections = self._monitor.injections
        if not injections:
            if self._begin is not None and not self._is_planned:
                # It came and went: what was kept for it shows no injection.
                self._restart()
            return
        if self._begin is not None and not self._is_planned:
            return
        onset = injections[0].onset_frame
        frames = [frame for segment in self._segments for frame in segment.frames]
        at = next((frame for frame in frames if frame.number >= onset), None)
        if at is None:
            return
        self._begin, self._is_planned, self._is_full = at, False, False
        self._drop(at.clock_s - BEFORE_S)

    def _drop(self, before_s: float) -> None:
        """Forget segments that end before a time, and leave some frames."""
        while len(self._segments) > 2:
            later = list(self._segments)[1:]
            if later[0].frames[0].clock_s > before_s:
                return
            if sum(len(segment.frames) for segment in later) < _BEFORE_FRAMES:
                return
            self._segments.popleft()

    def _is_enough(self, clock_s: float) -> bool:
        assert self._begin is not None
        since = sum(
            frame.number >= self._begin.number
            for segment in self._segments
            for frame in segment.frames
        )
        return since >= MOST_FRAMES or clock_s - self._begin.clock_s >= WINDOW_S

    def _close(self) -> None:
        if self._is_planned:
            self._planned = list(self._segments)
            self._restart()
        else:
            self._is_full = True

    def _restart(self) -> None:
        self._segments = deque()
        self._begin, self._is_planned, self._is_full = None, False, False

    def _keep(self, number: int, time_s: float | None, seen: Seen, clock_s: float) -> KeptFrame:
        sight, latest = self._monitor.sight, self._latest
        background = sight.background
        assert background is not None
        spread = sight.spread.astype(np.float16)
        if latest is not None and np.array_equal(latest.spread, spread):
            spread = latest.spread
        self._latest = KeptFrame(
            number=number,
            time_s=time_s,
            clock_s=clock_s,
            change=seen.change.astype(np.float16),
            spread=spread,
            valid=np.packbits(seen.valid),
            background=background,
            noise=sight.noise,
            compared=sight.compared,
            shift=seen.shift,
        )
        return self._latest


def _window(
    segments: deque[_Segment] | list[_Segment], first: int, injection: Injection | None
) -> Window | None:
    """Return the frames of some segments as one stretch, a vessel filling from a frame on."""
    if not segments:
        return None
    frames = tuple(frame for segment in segments for frame in segment.frames)
    entry = next((i for i, frame in enumerate(frames) if frame.number >= first), None)
    if entry is None:
        return None
    return Window(before=segments[0].before, frames=frames, entry=entry, injection=injection)
