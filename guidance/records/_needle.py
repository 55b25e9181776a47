"""Needles as they are seen in a frame: what they are, where their tips are, how sure that is."""

import math
from dataclasses import dataclass
from enum import StrEnum

from guidance.errors import InputError


class NeedleKind(StrEnum):
    """What a thin dark line of metal is."""

    NEEDLE = "needle"
    WIRE = "wire"


class ViewOfNeedle(StrEnum):
    """How a needle is looked at."""

    SIDE_ON = "side_on"
    END_ON = "end_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleSighting:
    """A needle, or a wire, seen in one frame. All lengths are in stored pixels.

    Attributes
    ----------
    kind : NeedleKind
        A needle or a wire.
    tip_px : (row, column)
        Its tip, to a fraction of a pixel; for a wire that crosses the field, the end nearer to
        the image's centre.
    direction_px : (row, column) or None
        Unit vector of its last part, from the hub's side towards the tip; None where it is seen so
        nearly end-on that the image shows none.
    visible_length_px : float
        How much of it shows: from the tip to the hub, or to where it leaves the field.
    width_px : float
        Width of the shaft, without the blur of the image as far as that is known.
    confidence : float
        That it is what `kind` says, 0 to 1.
    view : ViewOfNeedle
        From the side, or down the shaft.
    uncertainty_px : float
        Standard deviation of the tip, along the worse of its two directions.
    hub_px : (row, column) or None
        The other end of what shows of it: the hub, if the right end was taken for the tip; None
        where it leaves the field.
    """

    kind: NeedleKind
    tip_px: tuple[float, float]
    direction_px: tuple[float, float] | None
    visible_length_px: float
    width_px: float
    confidence: float
    view: ViewOfNeedle
    uncertainty_px: float
    hub_px: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse positions that are not numbers, and a direction that is no unit vector."""
        ends = (*self.tip_px, *(self.hub_px or ()))
        numbers = (*ends, self.visible_length_px, self.width_px, self.uncertainty_px)
        if not all(math.isfinite(number) for number in numbers):
            raise InputError(f"a needle holds {numbers}; expected finite numbers")
        if min(self.visible_length_px, self.width_px, self.uncertainty_px) < 0:
            raise InputError(f"a needle holds {numbers}; expected lengths of at least 0")
        if not 0 <= self.confidence <= 1:
            raise InputError(f"confidence is {self.confidence}, expected 0 to 1")
        if self.direction_px is not None and abs(math.hypot(*self.direction_px) - 1) > 1e-6:
            raise InputError(f"direction_px is {self.direction_px}, expected a unit vector or None")
