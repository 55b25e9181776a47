"""The networks that `guidance/models` ships: loaded on first use, one thread each."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


@cache
def load_network(name: str) -> "onnxruntime.InferenceSession":
    """Return a network that is ready to run.

    Parameters
    ----------
    name : str
        File name in `guidance/models`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: many monitors may run side by side, and sums keep their order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    weights = (files("guidance") / "models" / name).read_bytes()
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
