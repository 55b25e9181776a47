"""What is learned from: frames of runs, and composed ones, of which there is no end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.training._composition import compose
from guidance.training._course_files import Course
from guidance.training._course_set import CourseSet
from guidance.training._example_set import ExampleSet
from guidance.training._sample import Sample, ask_of_part
from guidance.training._train_settings import TrainingSettings
from guidance.training._variation import (
    WHOLE_PX,
    as_shares,
    draw_view,
    halve_matrix,
    show,
    vary_values,
    warp,
)

HELD_OUT_COMPOSED = 320
_HELD_OUT_SEED = 5

_MOST_TRIES = 1000

_ARTERIES, _MOST_BESIDE = 0.3, 12
"""Share of the vessels that become arteries of an organ, and of how many courses those that show a
vessel alone are laid beside it: two, on average."""

_VESSEL_ALONE = SpreadPattern.VASCULAR.value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """Examples, and courses to compose others with.

    Attributes
    ----------
    examples : ExampleSet
        Of whole runs.
    courses : CourseSet or None
        Of further runs.
    """

    examples: ExampleSet
    courses: CourseSet | None = None

    def __post_init__(self) -> None:
        """Refuse courses without a frame that their contrast could be added to."""
        if self.courses is not None and not (self.examples.contrast == 0).any():
            raise InputError(
                "all frames show contrast, expected some without to compose with; give examples of "
                "more runs"
            )


def draw_samples(
    material: Material, rng: np.random.Generator, settings: TrainingSettings
) -> list[Sample]:
    """Return a batch of varied samples.

    Parameters
    ----------
    material : Material
        What there is.
    rng : numpy.random.Generator
        Decides everything.
    settings : TrainingSettings
        How many, of what size, and how many of them are composed.
    """
    examples, side = material.examples, settings.side_px
    chosen = rng.choice(len(examples), settings.batch, p=examples.chance)
    is_composed = rng.random(settings.batch) < settings.composed
    samples: list[Sample] = []
    for number, composed in zip(chosen.tolist(), is_composed.tolist(), strict=True):
        if composed:
            sample = draw_composed(material, rng, side)
        else:
            sample = _vary_example(examples, number, rng, side)
        sample = ask_of_part(sample) if side < WHOLE_PX else sample
        samples.append(replace(sample, channels=vary_values(sample.channels, rng)))
    return samples


def take_examples(examples: ExampleSet) -> Iterator[Sample]:
    """Yield all examples as they were seen."""
    for number in range(len(examples)):
        channels, maps = examples.images(number)
        yield Sample(
            channels=channels.astype(np.float32),
            maps=as_shares(maps),
            uptake=float(examples.uptake[number]),
            contrast=float(examples.contrast[number]),
            pattern=int(examples.pattern[number]),
        )


def take_composed(material: Material, count: int = HELD_OUT_COMPOSED) -> Iterator[Sample]:
    """Yield some composed examples on whole frames, always the same ones; none without courses."""
    rng = np.random.default_rng(_HELD_OUT_SEED)
    for _ in range(0 if material.courses is None else count):
        yield draw_composed(material, rng, WHOLE_PX, is_varied=False)


def draw_composed(
    material: Material, rng: np.random.Generator, side: int, *, is_varied: bool = True
) -> Sample:
    """Return one composed example, its values as they are.

    Parameters
    ----------
    material : Material
        With courses.
    rng : numpy.random.Generator
        Decides.
    side : int
        Of the part that is looked at.
    is_varied : bool
        Whether the frame without contrast is moved and turned.

    Raises
    ------
    InputError
        There are no courses, or none that shows.
    """
    examples = material.examples
    clean = np.flatnonzero(examples.contrast == 0)
    courses = () if material.courses is None else material.courses.courses
    for _ in range(_MOST_TRIES if courses else 0):
        channels, _ = examples.images(int(clean[rng.integers(clean.size)]))
        course = courses[int(rng.integers(len(courses)))]
        beside = _draw_beside(courses, rng) if course.pattern == _VESSEL_ALONE else None
        sample = compose(channels, course, rng, side, is_varied=is_varied, beside=beside)
        if sample is not None:
            return sample
    raise InputError(
        f"{len(courses)} courses and {clean.size} frames without contrast compose nothing; give "
        "courses of more patients"
    )


def _draw_beside(courses: Sequence[Course], rng: np.random.Generator) -> list[Course] | None:
    """Return which vessels a course is laid beside to make arteries of an organ; mostly None."""
    if rng.random() >= _ARTERIES:
        return None
    drawn = [courses[number] for number in rng.integers(len(courses), size=_MOST_BESIDE)]
    return [course for course in drawn if course.pattern == _VESSEL_ALONE]


def _vary_example(examples: ExampleSet, number: int, rng: np.random.Generator, side: int) -> Sample:
    channels, maps = examples.images(number)
    matrix = draw_view(rng, side, maps)
    return Sample(
        channels=show(channels, matrix, side).astype(np.float32),
        maps=as_shares(warp(maps, halve_matrix(matrix), side // 2, 0)),
        uptake=float(examples.uptake[number]),
        contrast=float(examples.contrast[number]),
        pattern=int(examples.pattern[number]),
    )
