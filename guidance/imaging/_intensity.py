"""From pixel values to attenuation: minus the logarithm of the X-ray intensity.

Beer and Lambert: an object in the beam adds its line integral of attenuation to -ln(intensity), so
that contrast adds the same amount over bone and over soft tissue. Only values that are proportional
to intensity (LIN) give that amount in true units; for the rest the order of pixels is right and the
unit is unknown (`is_calibrated`).
"""

import math

import numpy as np
from numpy.typing import NDArray

from guidance.records import FrameArray, IntensityScale, PixelIntensityRelationship

HALF_STEP = 0.5
"""Added to a LIN value before its logarithm: the middle of a grey step, so that 0 stays finite."""


def is_calibrated(intensity: IntensityScale) -> bool:
    """Return whether differences of `measure_attenuation` are true changes of ln(intensity).

    That takes values in proportion to the intensity: LIN, rising with it, and 0 where there is
    none. Signed or inverted values have an offset that the header does not give.
    """
    proportional = intensity.relationship is PixelIntensityRelationship.LIN
    return proportional and intensity.sign > 0 and intensity.low == 0


def measure_attenuation(frame: FrameArray, intensity: IntensityScale) -> NDArray[np.float32]:
    """Return -ln(intensity) of a frame, up to a constant.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT; any integer or float type.
    intensity : IntensityScale
        What the values mean. LIN is taken as it is; LOG is rescaled so that its range spans as many
        octaves as LIN values of the same bits would; DISP and unknown are treated as LIN.

    Returns
    -------
    (R, C) float32 array
        Attenuation; larger behind more material. Values that are not finite become those of no
        signal (the darkest), which saturation masks then leave out.
    """
    values = frame.astype(np.float32)
    if intensity.sign < 0:
        above = np.subtract(np.float32(intensity.high), values, out=values)
    else:
        above = np.subtract(values, np.float32(intensity.low), out=values)
    span = intensity.high - intensity.low
    if frame.dtype.kind == "f" and not np.isfinite(above).all():
        above = np.nan_to_num(above, nan=0.0, posinf=span, neginf=0.0)
    if intensity.relationship is PixelIntensityRelationship.LOG:
        per_step = math.log(span / HALF_STEP) / span
        return np.asarray(-above * np.float32(per_step), np.float32)
    np.maximum(above, np.float32(0), out=above)
    above += np.float32(HALF_STEP)
    np.log(above, out=above)
    return np.negative(above, out=above)


def find_saturated(frame: FrameArray, intensity: IntensityScale) -> NDArray[np.bool_]:
    """Return the pixels of a frame that sit at either end of what the bits can hold.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT.
    intensity : IntensityScale
        Gives the two ends.

    Returns
    -------
    (R, C) bool array
        True where the value says no more than "at least" or "at most", or is not a number.
    """
    inside = (frame > intensity.low) & (frame < intensity.high)
    return np.asarray(~inside, np.bool_)
