"""The mean of the weights of several trainings that began with the same ones.

Each core of a machine without a graphics card trains by itself, from its own seed; between the
stages their weights are brought together (local SGD, arXiv 1805.09767; model soups,
Wortsman et al. 2022, arXiv 2203.05482).
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from guidance.errors import InputError
from guidance.io import write_atomically
from guidance.training._checkpoint import read_weights
from guidance.training._torch import load_torch


def write_average(weights: Sequence[Path], out: Path) -> str:
    """Write the mean of some weights, as a file that training and export begin with.

    Parameters
    ----------
    weights : sequence of Path
        Checkpoints, whose averaged weights are taken; at least two. All began with the same
        weights: the mean of others is of no use.
    out : Path
        File to make or replace.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    InputError
        There is only one, or they did not begin with the same weights, or with none.
    StorageError
        A file is no checkpoint.
    """
    torch = load_torch("averaging weights")
    if len(weights) < 2:
        raise InputError(
            f"{len(weights)} file of weights, expected two or more to take the mean of"
        )
    several = [read_weights(path) for path in weights]
    begun = {settings.begun_with for _, settings in several}
    if len(begun) > 1 or "" in begun:
        raise InputError(
            f"{', '.join(path.name for path in weights)} began with "
            f"{len(begun)} different weights, or with random ones; expected checkpoints of "
            "trainings that began with one file (--begin-with)"
        )
    first = several[0][0]
    mean = {
        name: torch.stack([one[name].double() for one, _ in several]).mean(0).to(value.dtype)
        for name, value in first.items()
    }
    packed = io.BytesIO()
    torch.save(mean, packed)
    write_atomically(out, packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()
