"""Loops over pixels in one pass where numpy takes several, and to the last bit what that makes."""

from typing import Any

import numpy as np

from guidance.imaging._compiled import Compiled


def _follow(
    mean: Any,  # noqa: ANN401 - numba's arrays
    image: Any,  # noqa: ANN401
    counts: Any,  # noqa: ANN401
    share: Any,  # noqa: ANN401
    most: Any,  # noqa: ANN401
) -> None:
    """Move a running mean towards an image by a share of the difference, in place.

    Parameters
    ----------
    mean, image : (r, c) float32 array
    counts : (r, c) bool array
        Elsewhere the mean stays.
    share : float32
        0 to 1.
    most : float32
        The image is cut beyond plus and minus so much.
    """
    for row in range(mean.shape[0]):
        for column in range(mean.shape[1]):
            value = min(max(image[row, column], -most), most)
            was = mean[row, column]
            mean[row, column] = was + share * (value - was) if counts[row, column] else was


def _look_up(
    image: Any,  # noqa: ANN401 - numba's arrays
    per_unit: Any,  # noqa: ANN401
    table: Any,  # noqa: ANN401
    found: Any,  # noqa: ANN401
) -> None:
    """Write the entry of a table for each pixel.

    Parameters
    ----------
    image : (r, c) float32 array
    per_unit : float32
        Entries for one unit of the image.
    table : (2 k + 1,) array
        The middle one is for 0, the outermost for all beyond.
    found : (r, c) array
        What is written; of the table's type.
    """
    middle = np.float32(table.size // 2)
    places = np.empty(image.shape[1], np.int32)
    for row in range(image.shape[0]):
        line, into = image[row], found[row]
        for column in range(line.size):
            step = min(max(line[column] * per_unit, -middle), middle)
            places[column] = np.int32(np.rint(step) + middle)
        for column in range(line.size):
            into[column] = table[places[column]]


def _take_off(
    image: Any,  # noqa: ANN401 - numba's arrays
    share: Any,  # noqa: ANN401
    other: Any,  # noqa: ANN401
    other_share: Any,  # noqa: ANN401
    inside: Any,  # noqa: ANN401
) -> None:
    """Take one blur from another, each over the share of it that came from inside, in place.

    All are (r, c) float32 arrays; outside, where `inside` is 0, the result is.
    """
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            much = other[row, column] / other_share[row, column]
            apart = image[row, column] / share[row, column] - much
            image[row, column] = apart * inside[row, column]


take_off = Compiled(_take_off, is_exact=True)
follow = Compiled(_follow, is_exact=True)
look_up = Compiled(_look_up, is_exact=True)
