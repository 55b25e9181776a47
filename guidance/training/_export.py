"""The trained network as ONNX, which needs no PyTorch, and the proof that it says the same."""

import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance.errors import GuidanceError
from guidance.io import write_atomically
from guidance.spread import CHANNELS
from guidance.training._checkpoint import read_network
from guidance.training._torch import Network, load_torch

OPSET = 17
INPUT, OUTPUTS = "channels", ("maps", "logits")
INPUT_PX = 256

_LARGEST_DIFFERENCE = 1e-3
"""Of log-odds, and as a share of them: sums in another order differ in the sixth figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A written network.

    Attributes
    ----------
    sha256 : str
        Of the file.
    difference : float
        Largest difference between what PyTorch and onnxruntime say of the same input.
    """

    sha256: str
    difference: float


def export(weights: Path, out: Path) -> Exported:
    """Write the weights of a checkpoint as ONNX, after they were found to say the same.

    Parameters
    ----------
    weights : Path
        A checkpoint, whose averaged weights are taken, or weights alone.
    out : Path
        File to make or replace.

    Raises
    ------
    StorageError
        The file holds no weights of this network.
    GuidanceError
        The written network says something else.
    """
    network, _ = read_network(weights)
    network.eval()
    data = encode_onnx(network)
    difference = compare(network, data, _make_inputs())
    return write_checked(out, data, difference)


def write_checked(out: Path, data: bytes, difference: float) -> Exported:
    """Write a network as ONNX, if it says what PyTorch says.

    Parameters
    ----------
    out : Path
        File to make or replace.
    data : bytes
        The network.
    difference : float
        Largest one found between the two.

    Raises
    ------
    GuidanceError
        They differ.
    """
    if not difference <= _LARGEST_DIFFERENCE:
        raise GuidanceError(
            f"PyTorch and onnxruntime differ by {difference:.2g}, expected at most "
            f"{_LARGEST_DIFFERENCE:g}; nothing was written, try another version of either"
        )
    write_atomically(out, data)
    return Exported(sha256=hashlib.sha256(data).hexdigest(), difference=difference)


def encode_onnx(network: Network) -> bytes:
    """Return a network as ONNX, for one frame at a time.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    """
    return trace((1, len(CHANNELS), INPUT_PX, INPUT_PX), network, (INPUT,), OUTPUTS)


def trace(
    shape: tuple[int, ...],
    network: Network,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> bytes:
    """Return a network as ONNX, as it takes an input of this shape.

    Parameters
    ----------
    shape : tuple of int
        Of the input.
    network : torch.nn.Module
        In evaluation mode.
    inputs, outputs : sequence of str
        Their names.
    dynamic_axes : mapping, optional
        Names of the axes of inputs and outputs whose size may be another.
    """
    torch = load_torch("the export")
    packed = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that traces is marked as old; the new one wants two packages more.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(shape),),
            packed,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dynamic_axes,
            dynamo=False,
            opset_version=OPSET,
        )
    return packed.getvalue()


def compare(network: Network, data: bytes, inputs: NDArray[np.generic]) -> float:
    """Return how far PyTorch and onnxruntime are apart: of log-odds, or as a share of large ones.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    data : bytes
        The same as ONNX.
    inputs : (N, C, R, C) array
        What both are shown, one after the other.
    """
    import onnxruntime

    torch = load_torch("the export")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for image in inputs.astype(np.float32):
        with torch.no_grad():
            said = network(torch.from_numpy(image[None]))
        expected = [each.numpy() for each in (said if isinstance(said, tuple) else (said,))]
        found = session.run(None, {session.get_inputs()[0].name: image[None]})
        for one, other in zip(expected, found, strict=True):
            worst = max(worst, float((abs(one - other) / np.maximum(1, abs(one))).max()))
    return worst


def _make_inputs() -> NDArray[np.uint8]:
    """Return input of three kinds: nothing, noise, and blocks of all values."""
    rng = np.random.default_rng(0)
    shape = len(CHANNELS), INPUT_PX, INPUT_PX
    noise = np.clip(np.rint(128 + 20 * rng.standard_normal(shape)), 0, 255)
    coarse = rng.integers(0, 256, (len(CHANNELS), 16, 16)).repeat(16, 1).repeat(16, 2)
    return np.stack([np.full(shape, 128), noise, coarse]).astype(np.uint8)
