"""All courses of some patients, to compose examples with."""

from collections.abc import Sequence
from dataclasses import dataclass

from guidance.errors import InputError
from guidance.training._course_files import Course, read_course
from guidance.training._folders import Source


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CourseSet:
    """Courses, each with at least one pulse.

    Attributes
    ----------
    courses : tuple of Course
        In the order of their names.
    """

    courses: tuple[Course, ...]

    @property
    def patients(self) -> list[str]:
        """Of whom they are, in order."""
        return sorted({course.patient for course in self.courses})


def read_course_set(sources: Sequence[Source]) -> CourseSet:
    """Return the courses of some folders that are of the patients asked for.

    Raises
    ------
    InputError
        There are none.
    StorageError
        A file is damaged.
    """
    courses: list[Course] = []
    for source in sources:
        for name in sorted(path.stem for path in source.folder.glob("*.npz")):
            course = read_course(source.folder, name)
            if course.frames.size and source.patients.holds(course.patient):
                courses.append(course)
    if not courses:
        where = ", ".join(f"{source.folder.name!r} ({source.patients})" for source in sources)
        raise InputError(
            f"no courses in {where}; make them first with: python -m guidance.training courses"
        )
    return CourseSet(courses=tuple(courses))
