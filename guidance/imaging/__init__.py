"""Fast kernels on plain arrays: intensity, field of view, tone, motion."""

from guidance.imaging._alignment import MAX_SHIFT_SHARE, Aligner, estimate_translation, translate
from guidance.imaging._background import Background
from guidance.imaging._field import (
    find_letters,
    find_outside,
    inside_shutters,
    locate_valid_pixels,
)
from guidance.imaging._intensity import find_saturated, is_calibrated, measure_attenuation
from guidance.imaging._maps import ContrastMaps, frames_to_smooth, measure_maps
from guidance.imaging._mask_choice import MaskChoice, choose_mask
from guidance.imaging._noise import measure_noise
from guidance.imaging._reduce import reduce_frame, resize_by
from guidance.imaging._running import follow, look_up
from guidance.imaging._subtraction import Subtraction, average_frames, subtract
from guidance.imaging._tone import match_tone, remove_slow_change

__all__ = [
    "MAX_SHIFT_SHARE",
    "Aligner",
    "Background",
    "ContrastMaps",
    "MaskChoice",
    "Subtraction",
    "average_frames",
    "choose_mask",
    "estimate_translation",
    "find_letters",
    "find_outside",
    "find_saturated",
    "follow",
    "frames_to_smooth",
    "inside_shutters",
    "is_calibrated",
    "locate_valid_pixels",
    "look_up",
    "match_tone",
    "measure_attenuation",
    "measure_maps",
    "measure_noise",
    "reduce_frame",
    "remove_slow_change",
    "resize_by",
    "subtract",
    "translate",
]
