"""Writes a file whole or not at all, and the files of one result together or not at all."""

import os
import secrets
import shutil
from collections.abc import Collection, Mapping
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


def write_together(folder: Path, files: Mapping[str, bytes], stale: Collection[str] = ()) -> None:
    """Write several files of one result: all of them, or none and the folder as it was.

    They are written beside the folder first and moved in one after the other, the last of `files`
    last; moving takes no space, so that a full disk shows before anything old is touched.

    Parameters
    ----------
    folder : Path
        Where they belong; made if there is none.
    files : mapping of str to bytes
        Name and content.
    stale : collection of str
        Names that an earlier result may have left there and this one does not have.

    Raises
    ------
    StorageError
        Something could not be written or moved.
    """
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    *_, last = files
    try:
        for name, data in files.items():
            write_atomically(staging / name, data)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in {last, *stale} - (files.keys() - {last}):
                (folder / name).unlink(missing_ok=True)
            for name in files:
                os.replace(staging / name, folder / name)
        except OSError as error:
            raise storage_error("replaced", error, "choose another folder with --out") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
