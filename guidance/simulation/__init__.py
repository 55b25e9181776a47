"""Contrast runs of the lumbar spine with known truth: X-rays, contrast, motion, headers, suites."""

from guidance.simulation._bare_run import BareRun
from guidance.simulation._further_run import draw_further_run
from guidance.simulation._header_draw import HeaderRanges, draw_header
from guidance.simulation._header_settings import (
    HeaderKind,
    HeaderSettings,
    StatedPixels,
    StatedPose,
    StatedScale,
    StatedTimes,
)
from guidance.simulation._headers import RunFacts, write_attributes
from guidance.simulation._output import library_versions, truth_of, write_simulated
from guidance.simulation._patient import Patient, prepare_patient
from guidance.simulation._run_settings import RunRanges, RunSettings, draw_run
from guidance.simulation._simulate import SimulatedRun, simulate_run
from guidance.simulation._steel_map import SteelMap, draw_steel
from guidance.simulation._stream import RunOutcome, stream_suite
from guidance.simulation._study import CtRequest, write_study
from guidance.simulation._suites import (
    LARGE_DOSE,
    PLANS,
    SMALL_DOSE,
    Part,
    Suite,
    SuitePlan,
    decode_suite,
    draw_suite,
    encode_suite,
    frozen_suites,
    pack_suite,
    read_suite,
)
from guidance.simulation._truth import DETECTABILITY_RULE, RunTruth, StudyTruth
from guidance.simulation._truth_file import (
    decode_truth,
    encode_truth,
    make_truth_schema,
    read_truth,
    write_truth,
)
from guidance.simulation._truth_parts import (
    InjectionTruth,
    LandmarkTruth,
    MotionTruth,
    NeedleTruth,
    PoseTruth,
    TargetTruth,
)
from guidance.simulation._truth_view import (
    find_in_image,
    measure_tip_to_target,
    see_needle,
    see_point,
)

__all__ = [
    "DETECTABILITY_RULE",
    "LARGE_DOSE",
    "PLANS",
    "SMALL_DOSE",
    "BareRun",
    "CtRequest",
    "HeaderKind",
    "HeaderRanges",
    "HeaderSettings",
    "InjectionTruth",
    "LandmarkTruth",
    "MotionTruth",
    "NeedleTruth",
    "Part",
    "Patient",
    "PoseTruth",
    "RunFacts",
    "RunOutcome",
    "RunRanges",
    "RunSettings",
    "RunTruth",
    "SimulatedRun",
    "StatedPixels",
    "StatedPose",
    "StatedScale",
    "StatedTimes",
    "SteelMap",
    "StudyTruth",
    "Suite",
    "SuitePlan",
    "TargetTruth",
    "decode_suite",
    "decode_truth",
    "draw_further_run",
    "draw_header",
    "draw_run",
    "draw_steel",
    "draw_suite",
    "encode_suite",
    "encode_truth",
    "find_in_image",
    "frozen_suites",
    "library_versions",
    "make_truth_schema",
    "measure_tip_to_target",
    "pack_suite",
    "prepare_patient",
    "read_suite",
    "read_truth",
    "see_needle",
    "see_point",
    "simulate_run",
    "stream_suite",
    "truth_of",
    "write_attributes",
    "write_simulated",
    "write_study",
    "write_truth",
]
