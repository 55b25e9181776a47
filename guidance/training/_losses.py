"""What the network is to get right, as one number."""

from guidance.training._batch import Batch
from guidance.training._torch import Tensor, load_torch

_LIT_WEIGHT = 6.0
"""A pixel that is lit counts seven times one that is not: few are."""

_MAP_WEIGHTS = (1.0, 1.0, 1.5)
_PIXELS, _OVERLAP = 3.0, 0.5
_SMOOTH_PX = 20.0
_UPTAKE, _CONTRAST, _PATTERN = 0.5, 0.15, 0.2


def measure_loss(maps: Tensor, logits: Tensor, batch: Batch) -> Tensor:
    """Return the loss of a batch.

    Cross-entropy and overlap (Dice) of the maps, cross-entropy of the three questions about the
    frame as a whole. Milletari et al. 2016, V-Net, doi 10.1109/3DV.2016.79, for the overlap.

    Parameters
    ----------
    maps : (B, 3, 128, 128) float32 tensor
        Log-odds.
    logits : (B, 8) float32 tensor
        Uptake, contrast, patterns.
    batch : Batch
        What is right.
    """
    torch = load_torch("training")
    functional = torch.nn.functional
    entropy = functional.binary_cross_entropy_with_logits(maps, batch.maps, reduction="none")
    pixels = (entropy * (1 + _LIT_WEIGHT * batch.maps)).mean((2, 3))
    drawn = torch.sigmoid(maps)
    common = (drawn * batch.maps).sum((2, 3))
    either = drawn.sum((2, 3)) + batch.maps.sum((2, 3))
    overlap = 1 - (2 * common + _SMOOTH_PX) / (either + _SMOOTH_PX)
    weights = torch.tensor(_MAP_WEIGHTS, device=maps.device)
    loss = ((_PIXELS * pixels + _OVERLAP * overlap) * weights).mean()
    entropy_of = functional.binary_cross_entropy_with_logits
    for number, wanted, weight in ((0, batch.uptake, _UPTAKE), (1, batch.contrast, _CONTRAST)):
        asked = wanted >= 0
        if asked.any():
            loss = loss + weight * entropy_of(logits[asked, number], wanted[asked])
    asked = batch.pattern >= 0
    if asked.any():
        loss = loss + _PATTERN * functional.cross_entropy(logits[asked, 2:], batch.pattern[asked])
    return loss
