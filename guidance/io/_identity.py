"""What stands for a run in file names and results: nothing that a person could be known by."""

import hashlib
from pathlib import Path

from guidance.io._disk import opened

# The contract's length: 48 bits, one collision expected in about 20 million runs.
NAME_DIGITS = 12
PIECE_BYTES = 1024**2


def run_name(sop_instance_uid: str) -> str:
    """Return the name of a run's folder of results.

    Parameters
    ----------
    sop_instance_uid : str
        As in the file; may hold anything, a path included.

    Returns
    -------
    str
        The first 12 hexadecimal digits of the SHA-256 of the identifier.

    Examples
    --------
    >>> run_name("1.2.840.10008.1")
    '08a65d6d4c4c'
    """
    # A header may hold bytes that are no text; they must not stop the naming of a run.
    data = sop_instance_uid.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:NAME_DIGITS]


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read piece by piece.

    Raises
    ------
    StorageError
        The file cannot be read.
    """
    with opened(path) as file:
        digest = hashlib.sha256()
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()
