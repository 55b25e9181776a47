"""The network that reads a frame's channels: where contrast is, where it runs in a vessel.

A few hundred thousand multiplications per pixel, in ONNX; how its weights were made stands in
`guidance/models/spread.md`.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.networks import load_network
from guidance.records import SpreadPattern

Image = NDArray[np.float32]

MODEL = "spread.onnx"

PATTERNS = (
    SpreadPattern.PERINEURAL,
    SpreadPattern.INTRA_ARTICULAR,
    SpreadPattern.EPIDURAL,
    SpreadPattern.INTRAMUSCULAR,
    SpreadPattern.VASCULAR,
    SpreadPattern.MIXED,
)
"""In the order of the network's output."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What the network makes of one frame; probabilities are its own, not yet calibrated.

    Attributes
    ----------
    contrast, vessel, vessel_ever : (r, c) float32 array
        Probability that newly injected contrast is there, that it is in a vessel there, and that it
        was so at some time. Working pixels, where the first reference lay.
    uptake, injected : float
        Log-odds that a vessel has been seen by now, and that contrast is there.
    patterns : (6,) float32 array
        Probabilities of `PATTERNS`, given that there is contrast.
    """

    contrast: Image
    vessel: Image
    vessel_ever: Image
    uptake: float
    injected: float
    patterns: Image


def read_channels(channels: NDArray[np.uint8], shape: tuple[int, int]) -> Reading:
    """Return what the network makes of a frame.

    Parameters
    ----------
    channels : (8, 256, 256) uint8 array
        See `make_channels`.
    shape : (r, c)
        Of the image in their upper left corner.
    """
    maps, logits = load_network(MODEL).run(None, {"channels": channels[None].astype(np.float32)})
    side = (channels.shape[2], channels.shape[1])
    shares = _odds_to_share(maps[0])
    grown = [cv2.resize(image, side)[: shape[0], : shape[1]] for image in shares]
    odds = logits[0].astype(np.float64)
    weights = np.exp(odds[2:] - odds[2:].max())
    return Reading(
        contrast=np.asarray(grown[0], np.float32),
        vessel=np.asarray(grown[1], np.float32),
        vessel_ever=np.asarray(grown[2], np.float32),
        uptake=float(odds[0]),
        injected=float(odds[1]),
        patterns=np.asarray(weights / weights.sum(), np.float32),
    )


def _odds_to_share(odds: Any) -> Image:  # noqa: ANN401 - what onnxruntime returns
    share = np.clip(odds, -30, 30)
    np.negative(share, out=share)
    np.exp(share, out=share)
    share += 1
    return np.asarray(np.divide(1, share, out=share), np.float32)
