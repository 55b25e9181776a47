"""PyTorch, where it is: training needs it, nothing else does."""

import importlib
from typing import Any, TypeAlias

from guidance.errors import OptionalDependencyError

Tensor: TypeAlias = Any
"""A tensor of PyTorch. Its types are unknown to who does not have it, and checks run without."""

Network: TypeAlias = Any
"""A `torch.nn.Module`; see `Tensor`."""

Torch: TypeAlias = Any
"""The module `torch`; see `Tensor`."""


def load_torch(feature: str) -> Torch:
    """Return the module `torch`.

    Parameters
    ----------
    feature : str
        What wants it, for the message.

    Raises
    ------
    OptionalDependencyError
        It is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise OptionalDependencyError(
            f"{feature} needs PyTorch, which cannot be imported ({error}); "
            'run: pip install "mbb-guidance[train]"'
        ) from error
