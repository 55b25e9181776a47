"""A straight dark line: what is known of one, before and after it is followed."""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A straight dark line. Lengths are in fine pixels unless said.

    Attributes
    ----------
    row, column : float
        A point of it.
    angle_rad : float
        Its direction: (row, column) = (sin, cos).
    start, end : float
        Where it begins and ends, along the direction from the point.
    contrast : float
        What it adds to the attenuation.
    noise : float
        Standard deviation of that at one place along the line.
    width_mm : float
        Area of its cross-profile over its height, blur included.
    lopsided : float
        Difference of its two sides, over its contrast.
    skew : float
        How unlike its two halves are, over what they add: 0 for a tube, near 1 for a step.
    uneven : float
        Standard deviation of the contrast of windows along it, beyond what noise explains, over the
        contrast.
    weakest : float
        Least contrast of a window, over the contrast.
    darkest, darkest_share : float
        Where 3 mm of it add most, and how much that is over its contrast.
    is_start_cut, is_end_cut : bool
        It leaves the field there.
    stray_mm : float
        How far its pieces stray from a straight line: the median. Steel is straight; edges of bone
        run as they please.
    """

    row: float
    column: float
    angle_rad: float
    start: float
    end: float
    contrast: float
    noise: float
    width_mm: float
    lopsided: float
    skew: float
    uneven: float
    weakest: float
    darkest: float
    darkest_share: float
    is_start_cut: bool
    is_end_cut: bool
    stray_mm: float = 0.0

    @property
    def length(self) -> float:
        """From start to end."""
        return self.end - self.start

    @property
    def z(self) -> float:
        """How many standard deviations of the noise it stands out by, over its whole length."""
        return self.contrast / max(self.noise, 1e-6) * math.sqrt(max(self.length, 0.0))

    def at(self, along: float) -> tuple[float, float]:
        """Return the (row, column) of a place along it."""
        return (
            self.row + along * math.sin(self.angle_rad),
            self.column + along * math.cos(self.angle_rad),
        )

    def turned(self) -> "Line":
        """Return the same line, run the other way."""
        return replace(
            self,
            angle_rad=self.angle_rad + math.pi,
            start=-self.end,
            darkest=-self.darkest,
            end=-self.start,
            is_start_cut=self.is_end_cut,
            is_end_cut=self.is_start_cut,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A seed laid on its ridge. Fine pixels.

    Attributes
    ----------
    row, column, angle_rad : float
        A point of the line, and its direction.
    height : float
        How far the ridge stands above its higher side.
    width_mm, lopsided, skew : float
        As of `Line`, near the point.
    """

    row: float
    column: float
    angle_rad: float
    height: float
    width_mm: float
    lopsided: float
    skew: float
