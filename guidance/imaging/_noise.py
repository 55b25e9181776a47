"""How noisy a difference image is where nothing changed."""

import numpy as np
from numpy.typing import NDArray

from guidance.imaging._median import median_of

_GRID = 96


def measure_noise(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Return the standard deviation of what did not change in a difference image.

    From the median deviation, so that less than half of the pixels may have changed; on a grid of
    about 100 points a side, which says it to a percent.

    Parameters
    ----------
    image : (r, c) float32 array
        A difference: 0 where nothing changed, but for noise. Not NaN where `valid`.
    valid : (r, c) bool array
        Pixels that count.

    Returns
    -------
    float
        In the unit of the image; 0 where no pixel counts.
    """
    step = max(1, max(image.shape) // _GRID)
    inside = image[::step, ::step][valid[::step, ::step]]
    return 1.4826 * median_of(np.abs(inside)) if inside.size else 0.0
