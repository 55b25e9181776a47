"""The network that sees needles as ONNX, and the proof that it says the same."""

import hashlib
import io
import warnings
from pathlib import Path

import numpy as np

from guidance.errors import GuidanceError
from guidance.io import write_atomically
from guidance.training._export import OPSET, Exported
from guidance.training._torch import load_torch
from guidance.training.needles._network import INPUTS
from guidance.training.needles._train import read_needle_network

_SIDES = (208, 304)
_LARGEST_DIFFERENCE = 1e-3


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
    import onnxruntime

    torch = load_torch("the export")
    network = read_needle_network(weights).eval()
    packed = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that traces is marked as old; the new one wants two packages more.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, INPUTS, 256, 256),),
            packed,
            input_names=["picture"],
            output_names=["maps"],
            dynamic_axes={
                "picture": {2: "rows", 3: "columns"},
                "maps": {2: "cell_rows", 3: "cell_columns"},
            },
            dynamo=False,
            opset_version=OPSET,
        )
    data = packed.getvalue()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    shown = np.random.default_rng(0).standard_normal((1, INPUTS, *_SIDES)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(shown)).numpy()
    (found,) = session.run(None, {"picture": shown})
    difference = float((abs(found - expected) / np.maximum(1, abs(expected))).max())
    if not difference <= _LARGEST_DIFFERENCE:
        raise GuidanceError(
            f"PyTorch {torch.__version__} and onnxruntime differ by {difference:.2g}, expected at "
            f"most {_LARGEST_DIFFERENCE:g}; nothing was written, try another version of either"
        )
    write_atomically(out, data)
    return Exported(sha256=hashlib.sha256(data).hexdigest(), difference=difference)
