"""From the cells of a frame, as they lie in the file or leave a decoder, to stored values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.io._layout import PixelLayout


def unpack_cells(cells: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Return the values that stand in the stored bits of each cell (PS3.5 8.1.1).

    Bits outside those may hold anything, such as an overlay's; they are removed. Where every bit
    counts the array is returned as it is.

    Parameters
    ----------
    cells : (R, C) uint8 or uint16 array
        Cells in the machine's byte order; changed in place.
    layout : PixelLayout
        Which bits carry the value.

    Returns
    -------
    (R, C) integer array
        Values in `layout.value_dtype`, in the same memory.
    """
    shift = layout.high_bit - layout.bits_stored + 1
    if layout.is_signed:
        # Up until the sign is the cell's top bit, then down: the arithmetic shift carries it along.
        signed = cells.view(layout.value_dtype)
        if layout.bits_stored < layout.bits_allocated:
            signed <<= layout.bits_allocated - 1 - layout.high_bit
            signed >>= layout.bits_allocated - layout.bits_stored
        return signed
    if shift:
        cells >>= shift
    if layout.high_bit + 1 < layout.bits_allocated or shift:
        cells &= (1 << layout.bits_stored) - 1
    return cells


def clip_samples(samples: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Return a lossy decoder's samples, held within the stored bits.

    A lossy stream of more bits than are stored may overshoot the highest value; cutting bits off
    would turn the brightest pixel black.

    Parameters
    ----------
    samples : (R, C) integer array
        What the decoder gave; changed in place.
    layout : PixelLayout
        The range to hold.
    """
    low, high = layout.stored_range
    return np.clip(samples, low, high, out=samples)
