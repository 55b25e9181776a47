"""Contrast spread: the causal monitor and what it measures."""

from guidance.spread._channels import CHANNELS, compress_z, expand_z, make_channels
from guidance.spread._ct_needle import CtNeedle, find_ct_needles
from guidance.spread._decision import Decision, load_decision, mix_unseen
from guidance.spread._history import History
from guidance.spread._inserted_vessel import InsertedVessel, Uptake, draw_vessel
from guidance.spread._limit import (
    Insertion,
    LimitSettings,
    MeasuredLimit,
    bound_power,
    measure_limit,
)
from guidance.spread._measures import GROUPS, MEASURE_NAMES, Measures
from guidance.spread._monitor import Monitor
from guidance.spread._reader import PATTERNS
from guidance.spread._settings import PRIORS, MonitorSettings, SightSettings
from guidance.spread._shape import measure_reach, measure_thin_length, trace_outlines
from guidance.spread._sight import Seen, Sight
from guidance.spread._volume_branches import Branch, find_longest_branch
from guidance.spread._volume_motion import VolumeMotion, estimate_motion, move_back
from guidance.spread._volumes import VolumeAssessment, VolumeMonitor, VolumeSettings
from guidance.spread._window import Window, WindowRecorder

__all__ = [
    "CHANNELS",
    "GROUPS",
    "MEASURE_NAMES",
    "PATTERNS",
    "PRIORS",
    "Branch",
    "CtNeedle",
    "Decision",
    "History",
    "InsertedVessel",
    "Insertion",
    "LimitSettings",
    "MeasuredLimit",
    "Measures",
    "Monitor",
    "MonitorSettings",
    "Seen",
    "Sight",
    "SightSettings",
    "Uptake",
    "VolumeAssessment",
    "VolumeMonitor",
    "VolumeMotion",
    "VolumeSettings",
    "Window",
    "WindowRecorder",
    "bound_power",
    "compress_z",
    "draw_vessel",
    "estimate_motion",
    "expand_z",
    "find_ct_needles",
    "find_longest_branch",
    "load_decision",
    "make_channels",
    "measure_limit",
    "measure_reach",
    "measure_thin_length",
    "mix_unseen",
    "move_back",
    "trace_outlines",
]
