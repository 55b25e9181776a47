"""How well an observer does against known truth: figures, intervals, strata, baselines.

Pure functions on records; what is read and written are bytes and text, files belong to the caller.
docs/evaluation.md defines every figure.
"""

from guidance.evaluation._baselines import (
    BaselineFigure,
    best_of,
    rank_baselines,
    score_baselines,
    watch_baselines,
)
from guidance.evaluation._bootstrap import MIN_CLUSTERS
from guidance.evaluation._cases import (
    Case,
    CaseResult,
    CaseTruth,
    TargetResult,
    TargetTruth,
    TipTruth,
    VesselKind,
)
from guidance.evaluation._curves import LatencyCurve, ReliabilityBin, RiskCurve, RocCurve
from guidance.evaluation._evaluate import Counts, Evaluation, Failure, evaluate_cases
from guidance.evaluation._figures import Figure
from guidance.evaluation._join import CaseSet, join_cases
from guidance.evaluation._results import (
    SCORE_COLUMNS,
    decode_scores,
    format_scores,
    result_of_analysis,
)
from guidance.evaluation._settings import EvaluationSettings
from guidance.evaluation._suites import known_suites, read_suite_truth
from guidance.evaluation._tables import (
    HISTORY_COLUMNS,
    Provenance,
    append_history,
    format_cases,
    format_figures,
    format_history_line,
)
from guidance.evaluation._truth import TRUTH_COLUMNS, Truth, decode_truth, format_truth_table

__all__ = [
    "HISTORY_COLUMNS",
    "MIN_CLUSTERS",
    "SCORE_COLUMNS",
    "TRUTH_COLUMNS",
    "BaselineFigure",
    "Case",
    "CaseResult",
    "CaseSet",
    "CaseTruth",
    "Counts",
    "Evaluation",
    "EvaluationSettings",
    "Failure",
    "Figure",
    "LatencyCurve",
    "Provenance",
    "ReliabilityBin",
    "RiskCurve",
    "RocCurve",
    "TargetResult",
    "TargetTruth",
    "TipTruth",
    "Truth",
    "VesselKind",
    "append_history",
    "best_of",
    "decode_scores",
    "decode_truth",
    "evaluate_cases",
    "format_cases",
    "format_figures",
    "format_history_line",
    "format_scores",
    "format_truth_table",
    "join_cases",
    "known_suites",
    "rank_baselines",
    "read_suite_truth",
    "result_of_analysis",
    "score_baselines",
    "watch_baselines",
]
