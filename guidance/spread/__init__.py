"""Contrast spread: the causal monitor and what it measures."""

from guidance.spread._monitor import Monitor
from guidance.spread._settings import MonitorSettings
from guidance.spread._shape import measure_reach, measure_thin_length, trace_outlines

__all__ = [
    "Monitor",
    "MonitorSettings",
    "measure_reach",
    "measure_thin_length",
    "trace_outlines",
]
