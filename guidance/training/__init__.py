"""How every shipped weight was made: runs, examples, courses, network, decision, model card.

Nothing imports this package. The network needs PyTorch (extra ``train``); nothing else here does.
docs/training.md has the commands.
"""

from guidance.training._alarms import AlarmTable, count_alarms, greatest_threshold
from guidance.training._app import main
from guidance.training._average import write_average
from guidance.training._card import CardFacts, write_card
from guidance.training._course_files import Course, read_course, write_course
from guidance.training._course_set import CourseSet, read_course_set
from guidance.training._courses import CourseNumber, CoursesRequest, draw_course, make_courses
from guidance.training._decision import (
    CalibrateOn,
    FitSettings,
    FittedDecision,
    encode_decision,
    fit_decision,
)
from guidance.training._decision_figures import DecisionFigures, describe_decision
from guidance.training._example_files import RunExamples, read_examples, write_examples
from guidance.training._example_set import ExampleSet, gather, read_example_set
from guidance.training._examples import (
    FrameChoice,
    HeldBy,
    choose_frames,
    make_examples,
    see_run,
)
from guidance.training._export import Exported, export
from guidance.training._folders import PatientRange, RunFiles, Source, find_runs, parse_source
from guidance.training._labels import ContrastLabels, RunLabels, read_labels
from guidance.training._logistic import Line, fit_line
from guidance.training._material import Material
from guidance.training._measurements import (
    MeasurementLog,
    RunMeasurements,
    measure_run,
    measure_runs,
    pack_measurements,
    read_measurements,
)
from guidance.training._network import NetworkSettings, build_network
from guidance.training._record import SuitePart, TrainingRecord, read_record
from guidance.training._runs import RunsRequest, make_run, make_runs
from guidance.training._scores import HeldOutFigures
from guidance.training._train import Schedule, train
from guidance.training._train_settings import Budget, TrainingSettings
from guidance.training._watch import MonitorWatch, Sighting, TruthfulWatch

__all__ = [
    "AlarmTable",
    "Budget",
    "CalibrateOn",
    "CardFacts",
    "ContrastLabels",
    "Course",
    "CourseNumber",
    "CourseSet",
    "CoursesRequest",
    "DecisionFigures",
    "ExampleSet",
    "Exported",
    "FitSettings",
    "FittedDecision",
    "FrameChoice",
    "HeldBy",
    "HeldOutFigures",
    "Line",
    "Material",
    "MeasurementLog",
    "MonitorWatch",
    "NetworkSettings",
    "PatientRange",
    "RunExamples",
    "RunFiles",
    "RunLabels",
    "RunMeasurements",
    "RunsRequest",
    "Schedule",
    "Sighting",
    "Source",
    "SuitePart",
    "TrainingRecord",
    "TrainingSettings",
    "TruthfulWatch",
    "build_network",
    "choose_frames",
    "count_alarms",
    "describe_decision",
    "draw_course",
    "encode_decision",
    "export",
    "find_runs",
    "fit_decision",
    "fit_line",
    "gather",
    "greatest_threshold",
    "main",
    "make_courses",
    "make_examples",
    "make_run",
    "make_runs",
    "measure_run",
    "measure_runs",
    "pack_measurements",
    "parse_source",
    "read_course",
    "read_course_set",
    "read_example_set",
    "read_examples",
    "read_labels",
    "read_measurements",
    "read_record",
    "see_run",
    "train",
    "write_average",
    "write_card",
    "write_course",
    "write_examples",
]
