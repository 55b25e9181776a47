"""Where the bundled samples lie: beside the checkout, or inside the installed package."""

from pathlib import Path

from guidance.errors import StorageError

_PACKAGE = Path(__file__).resolve().parent.parent


def sample_folder() -> Path:
    """Return the folder of the bundled, simulated runs.

    Raises
    ------
    StorageError
        The installation has none.
    """
    for folder in (_PACKAGE / "sample_dicoms", _PACKAGE.parent / "sample_dicoms"):
        if folder.is_dir():
            return folder
    raise StorageError("the bundled samples are missing; install the package again")
