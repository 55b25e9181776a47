"""How the header of a run asks for its frames to be subtracted (PS3.3 C.7.6.10)."""

import math
from dataclasses import dataclass
from enum import StrEnum

from guidance.errors import InputError


class MaskOperation(StrEnum):
    """Mask Operation (0028,6101)."""

    NONE = "NONE"
    AVERAGE = "AVG_SUB"
    TIME_INTERVAL = "TID"
    REVERSED_TIME_INTERVAL = "REV_TID"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSubtraction:
    """One item of Mask Subtraction Sequence (0028,6100). Frames count from 0 here, from 1 there.

    Attributes
    ----------
    operation : MaskOperation
        What to subtract.
    mask_frames : tuple of int
        Frames to average to a mask; empty for anything but an average.
    applies_to : tuple of (first, last)
        Frames to subtract from, both ends included; empty where the header names none, which means
        all that can be.
    shift_px : (rows, columns)
        How far to move the mask before subtracting it; (0, 0) where the header has none. Pixels,
        downwards and to the right.
    frames_averaged : int
        So many frames, from the current one on, are averaged before the subtraction.
    offset_frames : int
        For differences over time: the mask lies so many frames before.
    """

    operation: MaskOperation
    mask_frames: tuple[int, ...] = ()
    applies_to: tuple[tuple[int, int], ...] = ()
    shift_px: tuple[float, float] = (0.0, 0.0)
    frames_averaged: int = 1
    offset_frames: int = 1

    def __post_init__(self) -> None:
        """Refuse a mask without frames, frames before the first, and shifts that are no numbers."""
        if self.operation is MaskOperation.AVERAGE and not self.mask_frames:
            raise InputError("an average of no frames; expected mask_frames for AVG_SUB")
        frames = (*self.mask_frames, *(frame for pair in self.applies_to for frame in pair))
        if any(frame < 0 for frame in frames):
            raise InputError(f"frames are {frames}, expected none before 0; they count from 0 here")
        if any(first > last for first, last in self.applies_to):
            raise InputError(f"applies_to is {self.applies_to}, expected first before last")
        if not all(math.isfinite(value) for value in self.shift_px):
            raise InputError(f"shift_px is {self.shift_px}, expected finite numbers")
        if self.frames_averaged < 1:
            raise InputError(f"frames_averaged is {self.frames_averaged}, expected at least 1")
