"""Finds the files under the folders that a user names, always in the same order."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to read, and how to speak of it.

    Attributes
    ----------
    path : Path
        To open it with; never to be shown.
    relative : str
        Its path below the folder that the user named, or its base name. One printable line: what
        cannot be printed is written as an escape.
    """

    path: Path
    relative: str


def find_files(roots: Sequence[Path]) -> Iterator[SourceFile]:
    """Yield every ordinary file under the given files and folders, sorted within each.

    A folder reached a second time, as through a link back to a folder above, is not entered again.
    What cannot be listed (a folder without permission, a name that does not exist) is yielded
    itself, so that reading it gives the error that names it and the others go on.

    Parameters
    ----------
    roots : sequence of Path
        Files and folders, as the user gave them.
    """
    for root in roots:
        if not os.path.isdir(root):  # unlike Path.is_dir it never raises
            yield SourceFile(path=root, relative=_printable(root.name or str(root)))
            continue
        for relative in sorted(_walk(root), key=lambda path: path.parts):
            yield SourceFile(path=root / relative, relative=_printable(relative.as_posix()))


def _walk(root: Path) -> Iterator[PurePosixPath]:
    """Yield paths below `root`: real folders first, then what links lead to, each folder once."""
    seen: set[tuple[int, int]] = set()
    folders, links = [PurePosixPath()], list[PurePosixPath]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        try:
            status = os.stat(root / folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            yield folder
            continue
        for entry in entries:
            kind = _kind(entry)
            if kind == "file":
                yield folder / entry.name
            elif kind == "folder":
                folders.append(folder / entry.name)
            elif kind == "link":
                links.append(folder / entry.name)
            else:  # a pipe, or a link to nothing: reading it says so
                yield folder / entry.name


def _kind(entry: "os.DirEntry[str]") -> str:
    """Return ``"file"``, ``"folder"``, ``"link"`` to a folder, or ``"other"``."""
    try:
        if entry.is_dir():
            return "link" if entry.is_symlink() else "folder"
        return "file" if entry.is_file() else "other"
    except OSError:  # a link that leads to itself
        return "other"


def _printable(name: str) -> str:
    """Return a name as one line of printable text; bytes that are no text become escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )
