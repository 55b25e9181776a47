"""Opening and closing of files, with the disk's own errors turned into ours.

Messages give the system's reason and never the path: the caller knows which file it asked for, and
says so in its own words.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from guidance.errors import NotDicomError, StorageError


def storage_error(action: str, error: OSError, remedy: str) -> StorageError:
    """Return our error for the system's: what could not be done, its reason, the next step."""
    reason = error.strerror or "no reason given"
    return StorageError(f"the file cannot be {action}; {reason}; {remedy}")


def open_regular(path: Path) -> BinaryIO:
    """Open an ordinary file for reading; never a pipe or a device, which may wait for ever.

    Raises
    ------
    StorageError
        The file cannot be opened.
    NotDicomError
        It is not an ordinary file.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise storage_error("opened", error, "check that it exists and may be read") from error
    except ValueError as error:  # a null character in the name
        raise StorageError("the file cannot be opened; its name holds a null character") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotDicomError("not an ordinary file; found a folder, pipe or device; name the file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file, and turn whatever the disk says while it is open into our error."""
    with open_regular(path) as file:
        try:
            yield file
        except OSError as error:
            raise storage_error("read", error, "check the disk or the network drive") from error
