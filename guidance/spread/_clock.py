"""The times of the frames, as far as they can be believed."""

import math


class Clock:
    """Takes the time of each frame, and keeps those that make sense.

    Attributes
    ----------
    times_s : list of float or None
        One for each frame so far; None where unknown.
    """

    def __init__(self) -> None:
        self.times_s: list[float | None] = []
        self._latest: float | None = None

    def take(self, time_s: float | None, *, is_repeated: bool) -> tuple[float | None, str]:
        """Take the time of the next frame.

        Parameters
        ----------
        time_s : float or None
            As given.
        is_repeated : bool
            The frame has the pixels of the one before, and may have its time.

        Returns
        -------
        (time, remark)
            The time, or None where it cannot be believed, and why.
        """
        remark = ""
        if time_s is not None:
            if not math.isfinite(time_s):
                remark = "its time is not a number"
            elif self._latest is not None and time_s < self._latest:
                remark = "its time runs back"
            elif time_s == self._latest and not is_repeated:
                remark = "its time stands still"
        known = None if remark else time_s
        self.times_s.append(known)
        if known is not None:
            self._latest = known
        return known, remark

    def seconds_between(self, earlier: int, later: int) -> float | None:
        """Return the time from one frame to another; None where either is unknown."""
        first, last = self.times_s[earlier], self.times_s[later]
        return None if first is None or last is None else last - first
