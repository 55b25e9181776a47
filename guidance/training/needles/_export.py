"""The network that sees needles as ONNX, and the proof that it says the same."""

from pathlib import Path

import numpy as np

from guidance.training._export import Exported, compare, trace, write_checked
from guidance.training.needles._network import INPUTS
from guidance.training.needles._train import read_needle_network

_SIDES = (208, 304)


def export_needles(weights: Path, out: Path) -> Exported:
    """Write a checkpoint's averaged weights as ONNX, after they were found to say the same.

    Parameters
    ----------
    weights : Path
        A checkpoint, or weights alone.
    out : Path
        File to make or replace.

    Raises
    ------
    StorageError
        The file holds no weights of this network.
    GuidanceError
        The written network says something else.
    """
    network = read_needle_network(weights).eval()
    axes = {
        "picture": {2: "rows", 3: "columns"},
        "maps": {2: "cell_rows", 3: "cell_columns"},
    }
    data = trace((1, INPUTS, 256, 256), network, ("picture",), ("maps",), axes)
    shown = np.random.default_rng(0).standard_normal((1, INPUTS, *_SIDES))
    return write_checked(out, data, compare(network, data, shown))
