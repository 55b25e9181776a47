"""Writes a file whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from guidance.io._disk import storage_error


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` under its final name only once all of it is on the disk.

    The data goes to a new file beside the final one, which it then replaces in one step. A reader
    sees the old file or the new one, never a half; if anything fails nothing is left behind.

    Parameters
    ----------
    path : Path
        Final name. Its folder is made if there is none.
    data : bytes
        The whole content.

    Raises
    ------
    StorageError
        The disk is full, the folder may not be written, or the like.
    """
    partial = path.with_name(f".{path.name[:64]}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(partial, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    except OSError as error:
        raise storage_error(
            "written", error, "free some space or choose another folder with --out"
        ) from error
