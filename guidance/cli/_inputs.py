"""The files that a call means, and which of them are runs."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from guidance.cli._exit import Tally, say
from guidance.errors import GuidanceError, NotAProjectionError
from guidance.io import SourceFile, find_files, looks_like_dicom, open_run, with_frame_time
from guidance.records import Cine

logger = logging.getLogger(__name__)

_SUFFIXES = (".dcm", ".dicom", ".ima")
"""A file so named claims to be DICOM; where it is not, that is worth a message."""


def select_sources(paths: Sequence[Path], tally: Tally) -> Iterator[tuple[SourceFile, bool]]:
    """Yield the files to try: those named, and in folders those that are, or claim to be, DICOM.

    With each comes whether the user named it.

    What else lies in a folder is passed over, and counted in one line at the end.
    """
    passed_over = 0
    for path in paths:
        # Unlike Path.is_dir, this takes any name, one too long for the system as well.
        named = not os.path.isdir(path)
        for source in find_files([path]):
            if named or source.path.suffix.lower() in _SUFFIXES:
                yield source, named
                continue
            if not source.path.is_file():
                passed_over += 1
                continue
            try:
                wanted = looks_like_dicom(source.path)
            except GuidanceError as error:
                tally.fail(source.relative, error)
                continue
            if wanted:
                yield source, False
            else:
                passed_over += 1
    if passed_over:
        say(f"{passed_over} files are not DICOM and were passed over")


@contextmanager
def opened_run(source: SourceFile, frame_time_ms: float | None) -> Iterator[Cine]:
    """Open a run, with the user's frame time where the header has none."""
    with open_run(source.path) as cine:
        if frame_time_ms is None:
            yield cine
        else:
            header = with_frame_time(cine.header, frame_time_ms)
            if header.timing is cine.header.timing:
                say(f"{source.relative}: --frame-time is not used, its header gives the times")
            yield Cine(header=header, reader=cine.reader)


def take_each(paths: Sequence[Path], tally: Tally, take: Callable[[SourceFile], None]) -> None:
    """Do something with each file; one that cannot be used is named, and the others go on.

    In folders, DICOM files that are no projection images are passed over and counted; a file that
    was named is expected to be one.

    Parameters
    ----------
    paths : sequence of Path
        As the user gave them.
    tally : Tally
        Takes the failures.
    take : callable
        Called with each file; whatever library error it raises costs that file alone.
    """
    other_images = 0
    for source, named in select_sources(paths, tally):
        try:
            take(source)
        except NotAProjectionError as error:
            if named:
                tally.fail(source.relative, error)
            else:
                other_images += 1
        except GuidanceError as error:
            tally.fail(source.relative, error)
        except Exception:
            logger.exception("unexpected error; please report it")
            tally.fail(source.relative, "an error of the program itself; see the log above")
    if other_images:
        say(f"{other_images} DICOM files are not projection images and were passed over")
    if not tally.read and not tally.failures:
        say("no projection image was found; name a file, or a folder that holds one")
