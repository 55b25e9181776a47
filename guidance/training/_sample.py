"""One frame to learn from, as it goes into a batch."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from guidance.training._example_set import UNKNOWN

Image = NDArray[np.float32]

_LEAST_VESSEL_PX, _LEAST_CONTRAST_PX = 5, 2
"""With less of it in the picture, what was cut off decided; pixels of the maps."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A frame, or a part of it, beside what is right.

    Attributes
    ----------
    channels : (8, S, S) float32 array
        0 to 255, and somewhat beyond.
    maps : (3, S / 2, S / 2) float32 array
        0 to 1.
    uptake, contrast : float
        1, 0, or -1 where that is not asked.
    pattern : int
        -1 where that is not asked.
    """

    channels: Image
    maps: Image
    uptake: float
    contrast: float
    pattern: int


def ask_of_part(sample: Sample) -> Sample:
    """Return a part of a frame without the questions that only what lies beyond it answers."""
    uptake, contrast, pattern = sample.uptake, sample.contrast, sample.pattern
    if uptake > 0 and (sample.maps[2] > 0.5).sum() < _LEAST_VESSEL_PX:
        uptake = UNKNOWN
    if contrast > 0 and (sample.maps[0] > 0.5).sum() < _LEAST_CONTRAST_PX:
        contrast = UNKNOWN
    if UNKNOWN in (uptake, contrast):
        pattern = UNKNOWN
    return replace(sample, uptake=uptake, contrast=contrast, pattern=pattern)
