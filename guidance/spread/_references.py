"""Frames from before the contrast, kept as what the image looks like without it.

The patient breathes and the heart beats, so one frame is never enough; and the first frame may
belong to an exposure that has not settled. The bank holds a few frames spread over the time before
onset, each aligned to the first of them, and is frozen while contrast is suspected.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import estimate_translation
from guidance.spread._settings import MonitorSettings

_THUMBNAIL_PX = 48
"""Side of the small image by which frames are found alike."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """One frame without contrast.

    Attributes
    ----------
    frame : int
        Its number in the run.
    time_s : float or None
        Its time.
    attenuation : (r, c) float32 array
        At working resolution, not moved.
    shift : (rows, columns)
        How far its content lies from where it is in the bank's first frame. Working pixels.
    thumbnail : (n, n) float32 array
        Reduced, without its mean.
    """

    frame: int
    time_s: float | None
    attenuation: NDArray[np.float32]
    shift: tuple[float, float]
    thumbnail: NDArray[np.float32]


class ReferenceBank:
    """References, and the frames that wait until they are old enough to become one."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._settings = settings
        self._kept: list[Reference] = []
        self._waiting: deque[Reference] = deque()

    def __len__(self) -> int:
        """Return the number of references."""
        return len(self._kept)

    def clear(self) -> None:
        """Forget everything: the exposure changed, and what was seen no longer compares."""
        self._kept.clear()
        self._waiting.clear()

    def measure_shift(
        self,
        attenuation: NDArray[np.float32],
        valid: NDArray[np.bool_],
        before: tuple[float, float],
    ) -> tuple[float, float]:
        """Return the shift of a frame against the bank's first frame. Working pixels.

        Parameters
        ----------
        attenuation : (r, c) float32 array
            The frame.
        valid : (r, c) bool array
            Pixels that show the patient.
        before : (rows, columns)
            Shift of the frame before: patients and tables move on from where they are.
        """
        if not self._kept:
            return 0.0, 0.0
        nearest = self.find_alike(attenuation, 1)[0]
        start = (before[0] - nearest.shift[0], before[1] - nearest.shift[1])
        row, column = estimate_translation(nearest.attenuation, attenuation, valid, start)
        return nearest.shift[0] + row, nearest.shift[1] + column

    def find_alike(self, attenuation: NDArray[np.float32], count: int) -> list[Reference]:
        """Return up to `count` references, the one that looks most like the frame first."""
        thumbnail = _reduce(attenuation)
        cost = [float(np.median(np.abs(thumbnail - r.thumbnail))) for r in self._kept]
        order = np.argsort(np.array(cost), kind="stable")
        return [self._kept[i] for i in order[:count]]

    def offer(
        self,
        frame: int,
        time_s: float | None,
        attenuation: NDArray[np.float32],
        shift: tuple[float, float],
    ) -> None:
        """Take a frame in which no contrast is suspected; it may become a reference later."""
        new = Reference(
            frame=frame,
            time_s=time_s,
            attenuation=attenuation,
            shift=shift,
            thumbnail=_reduce(attenuation),
        )
        if not self._kept:
            self._kept.append(new)
            return
        self._waiting.append(new)
        while self._waiting and self._is_old_enough(self._waiting[0], frame, time_s):
            self._keep(self._waiting.popleft())

    def hold(self) -> None:
        """Drop the frames that wait: contrast is suspected, and they may show its first trace."""
        self._waiting.clear()

    def _is_old_enough(self, waiting: Reference, frame: int, time_s: float | None) -> bool:
        if frame - waiting.frame < self._settings.guard_frames:
            return False
        if time_s is None or waiting.time_s is None:
            return True
        return time_s - waiting.time_s >= self._settings.guard_s

    def _keep(self, new: Reference) -> None:
        """Add a reference; where the bank is full, drop the one its neighbours replace best."""
        self._kept.append(new)
        if len(self._kept) <= self._settings.references:
            return
        inner = range(1, len(self._kept) - 1)
        loss = [
            min(
                float(np.median(np.abs(self._kept[i].thumbnail - self._kept[j].thumbnail)))
                for j in (i - 1, i + 1)
            )
            for i in inner
        ]
        del self._kept[inner[int(np.argmin(np.array(loss)))]]


def _reduce(attenuation: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
    small = np.asarray(cv2.resize(attenuation, size, interpolation=cv2.INTER_AREA), np.float32)
    return small - np.float32(np.median(small))
