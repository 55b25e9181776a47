"""Fast kernels on plain arrays: intensity, field of view, tone, motion."""

from guidance.imaging._alignment import MAX_SHIFT_SHARE, estimate_translation, translate
from guidance.imaging._field import (
    find_letters,
    find_outside,
    inside_shutters,
    locate_valid_pixels,
)
from guidance.imaging._intensity import find_saturated, is_calibrated, measure_attenuation
from guidance.imaging._significance import measure_noise, measure_significance
from guidance.imaging._tone import match_tone, remove_slow_change

__all__ = [
    "MAX_SHIFT_SHARE",
    "estimate_translation",
    "find_letters",
    "find_outside",
    "find_saturated",
    "inside_shutters",
    "is_calibrated",
    "locate_valid_pixels",
    "match_tone",
    "measure_attenuation",
    "measure_noise",
    "measure_significance",
    "remove_slow_change",
    "translate",
]
