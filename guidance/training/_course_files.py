"""Courses on disk: the contrast of a run by itself, as the running means of its change.

``tr034-007.npy`` holds the images, ``tr034-007.npz`` what they are; the second is written last:
where it is, the course is whole. A course that never shows has no images.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance import __version__
from guidance.errors import StorageError
from guidance.io import write_atomically
from guidance.training._stored import StoredImages

COURSE_IMAGES = ("fast", "slow", "slower", "greatest", "new", "vessel", "vessel_ever", "steel")
"""The running means, as `guidance.spread.History` has them, of contrast, tubing and needle; the new
contrast itself, what of it is a vessel's own, the same at any time so far; the needle's shadow."""

_REMEDY = "delete both, and make them again with: python -m guidance.training courses"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """Some pulses of one course.

    Attributes
    ----------
    images : (N, 8, r, c) float16 array, or StoredImages
        `COURSE_IMAGES` where any of them is not nothing; relative change of intensity.
    frames : (N,) int array
        Which pulses, from 0.3 s before the injection.
    is_vascular : bool
        Whether a vessel takes any of it.
    pattern, patient, suite : str
        What it shows, of whom, and whose ranges it is from.
    version : str
        Of the simulator.
    """

    images: NDArray[np.float16] | StoredImages
    frames: NDArray[np.int64]
    is_vascular: bool
    pattern: str
    patient: str
    suite: str
    version: str = __version__


def write_course(folder: Path, name: str, course: Course) -> None:
    """Write one course.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    name : str
        File name of the course.
    course : Course
        All of it.
    """
    images, rest = io.BytesIO(), io.BytesIO()
    np.save(images, np.asarray(course.images, np.float16))
    write_atomically(folder / f"{name}.npy", images.getvalue())
    np.savez_compressed(
        rest,
        frames=course.frames,
        is_vascular=np.array(course.is_vascular),
        words=np.array([course.pattern, course.patient, course.suite, course.version]),
    )
    write_atomically(folder / f"{name}.npz", rest.getvalue())


def read_course(folder: Path, name: str) -> Course:
    """Return one course; its images stay on the disk.

    Raises
    ------
    StorageError
        It is missing or damaged.
    """
    try:
        with np.load(folder / f"{name}.npz") as kept:
            pattern, patient, suite, version = kept["words"].tolist()
            return Course(
                images=StoredImages(path=folder / f"{name}.npy"),
                frames=kept["frames"],
                is_vascular=bool(kept["is_vascular"]),
                pattern=pattern,
                patient=patient,
                suite=suite,
                version=version,
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or f"damaged ({error})"
        raise StorageError(
            f"the course {name}.npy and {name}.npz cannot be read: {reason}; {_REMEDY}"
        ) from error
