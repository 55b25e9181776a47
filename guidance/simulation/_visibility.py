"""When contrast can be seen: a stated rule on noise, not an opinion.

An ideal observer who knows where to look sees a disc when its contrast, averaged over an area, is
five times the noise of that average (A. Rose, Vision: Human and Electronic, 1973). Here the area is
a square of 2 mm. What lies under a pool of contrast cannot be told from it: a vessel counts only
where at least half of the iodine is its own.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.records import MaskArray

Map = NDArray[np.float32]
ROSE_RATIO = 5.0
SQUARE_MM = 2.0
# A speck is no vessel: this much of the image must pass, some 3 mm of a thin vessel's length.
LEAST_AREA_MM2 = 6.0
OWN_SHARE = 0.5
RULE = (
    f"visible: over squares of {SQUARE_MM:g} mm the mean contrast is at least {ROSE_RATIO:g} times "
    f"the noise of that mean (quantum and electronic; no clutter), on at least "
    f"{LEAST_AREA_MM2:g} mm² within the collimator; a vessel only where at least "
    f"{OWN_SHARE:.0%} of the iodine on the way is its own"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityRule:
    """The rule for one run.

    Attributes
    ----------
    spacing_iso_mm : float
        Size of a pixel at the isocentre. Millimetres.
    """

    spacing_iso_mm: float

    @property
    def square_px(self) -> int:
        """Edge of the square. Pixels."""
        return max(1, round(SQUARE_MM / self.spacing_iso_mm))

    def passes(self, contrast: Map, noise: Map, share: Map | None, inside: MaskArray) -> MaskArray:
        """Return where contrast passes the rule, (R, C) bool.

        Parameters
        ----------
        contrast : (R, C) float32 array
            Relative change of intensity.
        noise : (R, C) float32 array
            Noise of one pixel, as if it were independent of its neighbours', in the same unit.
        share : (R, C) float32 array or None
            The part of the iodine that counts; None where all does.
        inside : (R, C) bool array
            Pixels within the collimator.
        """
        size = (self.square_px, self.square_px)
        mean = cv2.blur(contrast, size, borderType=cv2.BORDER_REFLECT)
        variance = cv2.blur(noise * noise, size, borderType=cv2.BORDER_REFLECT)
        passes = mean * self.square_px >= ROSE_RATIO * np.sqrt(variance)
        passes &= inside
        if share is not None:
            passes &= share >= OWN_SHARE
        return np.asarray(passes, np.bool_)

    def is_enough(self, passes: MaskArray) -> bool:
        """Return whether enough of the image passes."""
        area_mm2 = float(np.count_nonzero(passes)) * self.spacing_iso_mm**2
        return area_mm2 >= LEAST_AREA_MM2

    def is_visible(self, contrast: Map, noise: Map, share: Map | None, inside: MaskArray) -> bool:
        """Return whether contrast passes the rule on enough of the image."""
        return self.is_enough(self.passes(contrast, noise, share, inside))
