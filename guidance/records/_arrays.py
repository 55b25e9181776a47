"""Array types, and the checks that every record makes of its arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError

FloatArray = NDArray[np.float64]
FrameArray = NDArray[Any]
MaskArray = NDArray[np.bool_]


def own(array: NDArray[Any], name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return a read-only copy of `array` after checking its shape.

    Parameters
    ----------
    array : ndarray
        What the caller handed in.
    name : str
        Name of the field, for the message.
    shape : tuple of int or None
        Expected shape; None where any length will do.

    Raises
    ------
    InputError
        The number of axes or a length differs.
    """
    found = array.shape
    fits = len(found) == len(shape) and all(
        want is None or want == have for want, have in zip(shape, found, strict=True)
    )
    if not fits:
        raise InputError(f"{name} has shape {found}, expected {shape}; check the axis order")
    owned = array.copy()
    owned.setflags(write=False)
    return owned
