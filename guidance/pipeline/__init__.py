"""The order of the steps: a run in, its analysis out."""

from guidance.pipeline._analyze import (
    SCHEMA,
    AnalysisRequest,
    RunResult,
    analyze_run,
    replay,
)
from guidance.pipeline._context import make_context

__all__ = [
    "SCHEMA",
    "AnalysisRequest",
    "RunResult",
    "analyze_run",
    "make_context",
    "replay",
]
