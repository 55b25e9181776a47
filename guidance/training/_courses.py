"""Courses: the contrast alone of many more runs than a suite has, for training to compose with.

Vessels and pools are what there are too few of; frames without contrast are many. The first cost a
tenth of a whole run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from guidance import __version__
from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.simulation import (
    LARGE_DOSE,
    PLANS,
    SMALL_DOSE,
    BareRun,
    Part,
    RunSettings,
    Suite,
    draw_further_run,
)
from guidance.training._course_files import Course, read_course, write_course
from guidance.training._course_images import draw_course_images, see_changes
from guidance.training._folders import EVERYBODY, PatientRange, patient_number
from guidance.training._patients import take_patient
from guidance.training._work import Outcome, work_through

PARTS = (
    Part(pattern=SpreadPattern.PERINEURAL, runs=4),
    Part(pattern=SpreadPattern.EPIDURAL, runs=4),
    Part(pattern=SpreadPattern.INTRAMUSCULAR, runs=4),
    Part(pattern=SpreadPattern.INTRA_ARTICULAR, runs=2),
    Part(pattern=SpreadPattern.VASCULAR, runs=4),
    Part(pattern=SpreadPattern.MIXED, runs=6, vessel_dose=SMALL_DOSE),
    Part(pattern=SpreadPattern.MIXED, runs=3, vessel_dose=LARGE_DOSE),
)
"""How often each is drawn; small doses beside a pool are the hardest."""

COURSE_PX = 256
_BEFORE_S = 0.3
_RATES_HZ = (1.0, 7.5)
"""Faster pulses show the means nothing more."""

_MOVING_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursesRequest:
    """Which courses are wanted, and where.

    Attributes
    ----------
    suite : Suite
        Whose patients, and whose plan's ranges.
    folder : Path
        For all files.
    per_patient : int
        How many of each.
    patients : PatientRange
        Of whom.
    """

    suite: Suite
    folder: Path
    per_patient: int
    patients: PatientRange = EVERYBODY

    def __post_init__(self) -> None:
        """Refuse nothing, and suites without a plan."""
        if self.per_patient < 1:
            raise InputError(f"{self.per_patient} courses per patient, expected at least 1")
        if self.suite.name not in PLANS:
            raise InputError(
                f"suite {self.suite.name[:60]!r} has no plan to draw further runs from; expected "
                f"one of {', '.join(sorted(PLANS))}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseNumber:
    """One course.

    Attributes
    ----------
    patient : str
        Of whom.
    number : int
        From 0.
    """

    patient: str
    number: int

    @property
    def name(self) -> str:
        """Its file name, without an ending."""
        return f"{self.patient}-{self.number:03d}"


def make_courses(request: CoursesRequest, *, workers: int = 1) -> Iterator[Outcome[CourseNumber]]:
    """Make the courses that are not there yet, and yield what became of each.

    Parameters
    ----------
    request : CoursesRequest
        Which, and where.
    workers : int
        Number of processes.

    Raises
    ------
    InputError
        There are no such patients, or the folder holds others of their names.
    """
    names = [name for name in request.suite.patients if request.patients.holds(name)]
    if not names:
        raise InputError(
            f"patients {request.patients}: suite {request.suite.name} has "
            f"{len(request.suite.patients)} patients, counted from 0"
        )
    wanted = [
        [CourseNumber(patient=name, number=number) for number in range(request.per_patient)]
        for name in names
    ]
    missing = [[one for one in some if not _is_done(request, one)] for some in wanted]
    work = partial(make_course, suite=request.suite, folder=request.folder)
    return work_through([some for some in missing if some], work, workers=workers)


def make_course(number: CourseNumber, *, suite: Suite, folder: Path) -> str:
    """Make one course, write its files, and return its pattern."""
    course = draw_course(number, suite)
    write_course(folder, number.name, course)
    return f"{course.pattern}, {len(course.frames)} pulses"


def draw_course(number: CourseNumber, suite: Suite) -> Course:
    """Return one course of a patient: always the same.

    Parameters
    ----------
    number : CourseNumber
        Which.
    suite : Suite
        Whose patient he is.
    """
    name = number.patient
    rng = np.random.default_rng([suite.seed, 3, patient_number(name), number.number])
    weights = np.array([part.runs for part in PARTS], np.float64)
    part = PARTS[int(rng.choice(len(PARTS), p=weights / weights.sum()))]
    body = suite.patients[name].body
    settings = draw_further_run(rng, PLANS[suite.name], part, anatomy=name, body=body)
    bare = BareRun(settings, take_patient(suite, name), _choose_times(settings), COURSE_PX)
    changes = see_changes(bare, moves=bool(rng.random() < _MOVING_SHARE))
    frames, images = draw_course_images(changes, rng)
    return Course(
        images=images,
        frames=frames,
        is_vascular=bare.is_vascular,
        pattern=str(part.pattern),
        patient=name,
        suite=suite.name,
    )


def _choose_times(settings: RunSettings) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return even pulses from shortly before the injection to the end of the run."""
    rate_hz = min(max(settings.recording.pulse_rate_hz, _RATES_HZ[0]), _RATES_HZ[1])
    first_s = min(injection.onset_s for injection in settings.contrast.injections) - _BEFORE_S
    return np.arange(max(first_s, 0.0), settings.duration_s, 1 / rate_hz)


def _is_done(request: CoursesRequest, number: CourseNumber) -> bool:
    """Return whether a course was made before.

    Raises
    ------
    InputError
        Another one of its name was: of another suite, or by another version.
    """
    if not (request.folder / f"{number.name}.npz").exists():
        return False
    course = read_course(request.folder, number.name)
    found, expected = (course.suite, course.version), (request.suite.name, __version__)
    if found != expected:
        raise InputError(
            f"the folder holds course {number.name} of {found[0]!r} (version {found[1]}), expected "
            f"{expected[0]!r} (version {expected[1]}); choose another folder"
        )
    return True
