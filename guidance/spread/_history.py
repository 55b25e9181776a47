"""Running means of the change, and the greatest ever: how contrast came, stays and leaves."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guidance.imaging import follow
from guidance.spread._settings import SightSettings
from guidance.spread._sight import Seen

Image = NDArray[np.float32]

_UNKNOWN_STEP_S = 1 / 7.5
"""Where times are unknown, pulses are taken to come at 7.5 per second."""


@dataclass(slots=True, kw_only=True, eq=False)
class History:
    """What has been seen so far. Multiples of the noise, (r, c), where the first reference lay.

    Attributes
    ----------
    fast, slow, slower : (r, c) float32 array
        Running means.
    greatest : (r, c) float32 array
        The largest `slow` so far.
    frames : int
        How many were taken in.
    """

    fast: Image
    slow: Image
    slower: Image
    greatest: Image
    frames: int = 0
    latest_s: float | None = field(default=None)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "History":
        """Return a history of nothing."""
        fast, slow, slower, greatest = (np.zeros(shape, np.float32) for _ in range(4))
        return cls(fast=fast, slow=slow, slower=slower, greatest=greatest)

    def take(self, seen: Seen, time_s: float | None, settings: SightSettings) -> None:
        """Take in a frame."""
        passed = _UNKNOWN_STEP_S
        if time_s is not None and self.latest_s is not None:
            passed = max(time_s - self.latest_s, 1e-3)
        self.latest_s = time_s
        self.frames += 1
        by_frame = 1 - math.exp(-1 / settings.fast_frames)
        for mean, constant, least in (
            (self.fast, settings.fast_s, by_frame),
            (self.slow, settings.slow_s, 0.0),
            (self.slower, settings.slower_s, 0.0),
        ):
            share = max(1 - math.exp(-passed / constant), least, 1 / self.frames)
            # Where a pixel was not compared, what was last seen stays.
            follow(mean, seen.z, seen.valid, np.float32(share), np.float32(_MOST))
        np.maximum(self.greatest, self.slow, out=self.greatest)

    def images(self) -> Iterator[Image]:
        """Yield the four images in their order."""
        yield from (self.fast, self.slow, self.slower, self.greatest)


_MOST = 60.0
"""Beyond so many standard deviations nothing is added to being sure."""
