"""The order of the steps: a run in, its analysis out."""

from guidance.pipeline._analyze import (
    SCHEMA,
    AnalysisRequest,
    RunResult,
    analyze_run,
    replay,
)
from guidance.pipeline._context import make_context
from guidance.pipeline._limit import (
    ArchivePower,
    PowerCell,
    find_limit,
    format_power,
    measure_power,
    record_window,
)

__all__ = [
    "SCHEMA",
    "AnalysisRequest",
    "ArchivePower",
    "PowerCell",
    "RunResult",
    "analyze_run",
    "find_limit",
    "format_power",
    "make_context",
    "measure_power",
    "record_window",
    "replay",
]
