"""What a monitor has gathered over the frames so far."""

from dataclasses import dataclass, field

import numpy as np

from guidance.spread._clock import Clock
from guidance.spread._injections import Injection
from guidance.spread._measures import Measures
from guidance.spread._reader import PATTERNS, Image, Reading


@dataclass(slots=True, eq=False)
class Evidence:
    """Counts of frames, the onset, the injections, and what speaks for which pattern."""

    clock: Clock
    smallest_side_px: int
    pixel_mm2: float
    judged: int = 0
    unsettled: int = 0
    repeated: int = 0
    blank: int = 0
    lost: int = 0
    field_changes: list[int] = field(default_factory=list)
    field_share: float = 0.0
    onset_frame: int | None = None
    injections: list[Injection] = field(default_factory=list)
    patterns: Image = field(default_factory=lambda: np.zeros(len(PATTERNS), np.float32))
    run_off: float = 0.0
    greatest_thin: float = 0.0
    greatest_area_mm2: float = 0.0
    flag_frame: int | None = None
    flag_measures: Measures | None = None
    dismissed: list[tuple[int, int]] = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        """Frames so far."""
        return len(self.clock.times_s)

    @property
    def duration_s(self) -> float:
        """Time of the latest frame that has one, from the first. Seconds."""
        known = [time for time in self.clock.times_s if time is not None]
        return known[-1] - known[0] if known else 0.0

    @property
    def ratio(self) -> float:
        """Largest log likelihood ratio of all injections."""
        return max((injection.ratio for injection in self.injections), default=-np.inf)

    def note(self, reason: str) -> None:
        """Count a frame that could not be compared."""
        if "field changed" in reason:
            return
        if "hardly any" in reason:
            self.blank += 1
        elif "moved on" in reason:
            self.lost += 1
        else:
            self.unsettled += 1

    def hear(self, reading: Reading, share: float) -> None:
        """Take in what the network says of the pattern."""
        share = share if self.patterns.any() else 1.0
        self.patterns = self.patterns + np.float32(share) * (reading.patterns - self.patterns)

    def take_lengths(self, thin: float, area_mm2: float) -> None:
        """Take in the length of thin contrast (working pixels) and the area of all."""
        self.greatest_thin = max(self.greatest_thin, thin)
        self.greatest_area_mm2 = max(self.greatest_area_mm2, area_mm2)

    def dismiss(self, frame: int) -> None:
        """Take the onset back: what was seen went again, too small or too short to be judged."""
        if self.onset_frame is None:
            return
        self.dismissed.append((self.onset_frame, frame))
        self.onset_frame, self.injections = None, []
        self.run_off = self.greatest_thin = self.greatest_area_mm2 = 0.0
        self.patterns = np.zeros(len(PATTERNS), np.float32)
