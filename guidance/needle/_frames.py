"""Frames as they come in: checked, and with a value everywhere."""

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FrameArray, RunContext


def check_frame(frame: FrameArray, context: RunContext) -> None:
    """Refuse what is no (R, C) frame of the run.

    Raises
    ------
    InputError
        The frame has another shape than the run, or is not numeric.
    """
    expected = (context.rows, context.columns)
    if frame.shape != expected:
        raise InputError(
            f"frame has shape {frame.shape}, expected {expected}; give frames of the run that the "
            "context is of"
        )
    if not (np.issubdtype(frame.dtype, np.integer) or np.issubdtype(frame.dtype, np.floating)):
        raise InputError(f"frame is {frame.dtype}, expected integers or floating-point numbers")


def finite_values(frame: FrameArray, context: RunContext) -> NDArray[np.float32]:
    """Return a frame, or a part of one, as float32; what is not finite becomes no signal."""
    values = frame.astype(np.float32)
    if np.issubdtype(frame.dtype, np.floating):
        intensity = context.intensity
        dark = intensity.low if intensity.sign > 0 else intensity.high
        np.nan_to_num(values, copy=False, nan=dark, posinf=intensity.high, neginf=intensity.low)
    return values
