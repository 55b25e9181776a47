"""Where a needle's steel lies, and where it ends in a tip: the word of a small network.

Over facets and pedicles steel adds less than the noise of a pixel, and edges of bone add more. A
needle is then told by all of itself at once: straight for centimetres, from the skin inwards. The
network has learned that; what it says is a hint to the search, which measures. How its weights were
made stands in `guidance/models/needle.md`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.needle._picture import MOST_SIGNAL, UNKNOWN, Picture
from guidance.networks import load_network

Image = NDArray[np.float32]

MODEL = "needle.onnx"
CELL_PX = 2
"""Working pixels to a cell of the maps."""

_DEEPEST = 16
"""The network halves its input four times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steel:
    """What the network makes of a picture.

    Attributes
    ----------
    steel, tip : (r, c) float32 array
        Probability that a cell holds a needle's steel, and that a tip lies there.
    scale : float
        Cells to a fine pixel.
    """

    steel: Image
    tip: Image
    scale: float

    def at(self, image: Image, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Image:
        """Return a map's values at places in fine pixels; 0 beyond it."""
        across, down = (
            np.asarray((each + 0.5) * self.scale - 0.5, np.float32).reshape(1, -1)
            for each in (columns, rows)
        )
        found = cv2.remap(image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(found, np.float32).reshape(rows.shape)

    def to_fine(self, cell: float) -> float:
        """Return where a cell's row or column lies. Fine pixels."""
        return (cell + 0.5) / self.scale - 0.5


def see_steel(picture: Picture) -> Steel:
    """Return where the network sees needles in a picture."""
    channels = make_input(picture.signal)
    (odds,) = load_network(MODEL).run(None, {"picture": channels[None]})
    shares = 1 / (1 + np.exp(-np.clip(odds[0], -30, 30)))
    rows, columns = (math.ceil(side / CELL_PX) for side in picture.signal.shape)
    steel, tip = np.asarray(shares[:, :rows, :columns], np.float32)
    return Steel(
        steel=np.ascontiguousarray(steel),
        tip=np.ascontiguousarray(tip),
        scale=picture.working_scale / picture.fine_scale / CELL_PX,
    )


def make_input(signal: Image) -> Image:
    """Return the network's input: the signal, compressed, and where it is known.

    Parameters
    ----------
    signal : (r, c) float32 array
        As of a `Picture`.

    Returns
    -------
    (2, R, C) float32 array
        Sides are multiples of 16; what was added is not known.
    """
    rows, columns = (_DEEPEST * math.ceil(side / _DEEPEST) for side in signal.shape)
    known = signal < UNKNOWN / 2
    channels = np.zeros((2, rows, columns), np.float32)
    kept = np.clip(np.where(known, signal, 0), -MOST_SIGNAL, MOST_SIGNAL)
    channels[0, : signal.shape[0], : signal.shape[1]] = np.arcsinh(kept)
    channels[1, : signal.shape[0], : signal.shape[1]] = known
    return channels
