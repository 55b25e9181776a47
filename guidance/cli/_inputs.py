"""The files that a call means, and which of them are runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from guidance.cli._exit import Tally, say
from guidance.errors import GuidanceError, NotAProjectionError
from guidance.io import SourceFile, find_files, looks_like_dicom, open_run, with_frame_time
from guidance.records import Cine

_SUFFIXES = (".dcm", ".dicom", ".ima")
"""A file so named claims to be DICOM; where it is not, that is worth a message."""


def select_sources(paths: Sequence[Path], tally: Tally) -> Iterator[SourceFile]:
    """Yield the files to try: those named, and in folders those that are, or claim to be, DICOM.

    What else lies in a folder is passed over, and counted in one line at the end.
    """
    passed_over = 0
    for path in paths:
        named = not path.is_dir()
        for source in find_files([path]):
            if named or source.path.suffix.lower() in _SUFFIXES:
                yield source
                continue
            try:
                wanted = looks_like_dicom(source.path)
            except GuidanceError as error:
                tally.fail(source.relative, error)
                continue
            if wanted:
                yield source
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
            yield Cine(header=header, reader=cine.reader)


def is_expected(error: GuidanceError, paths: Sequence[Path]) -> bool:
    """Return whether a file of a folder is simply something else than a projection image."""
    return isinstance(error, NotAProjectionError) and all(path.is_dir() for path in paths)
