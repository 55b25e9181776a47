"""Samples as tensors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from guidance.training._sample import Sample
from guidance.training._torch import Tensor, load_torch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some samples, on one device.

    Attributes
    ----------
    channels : (B, 8, S, S) float32 tensor
        0 to 255.
    maps : (B, 3, S / 2, S / 2) float32 tensor
        0 to 1.
    uptake, contrast : (B,) float32 tensor
        1, 0, or -1 where that is not asked.
    pattern : (B,) int64 tensor
        -1 where that is not asked.
    """

    channels: Tensor
    maps: Tensor
    uptake: Tensor
    contrast: Tensor
    pattern: Tensor


def make_batch(samples: Sequence[Sample], device: str) -> Batch:
    """Return some samples of one size as tensors.

    Parameters
    ----------
    samples : sequence of Sample
        At least one.
    device : str
        Where they go.
    """
    torch = load_torch("training")
    return Batch(
        channels=torch.from_numpy(np.stack([s.channels for s in samples])).to(device),
        maps=torch.from_numpy(np.stack([s.maps for s in samples])).to(device),
        uptake=torch.tensor([s.uptake for s in samples], dtype=torch.float32, device=device),
        contrast=torch.tensor([s.contrast for s in samples], dtype=torch.float32, device=device),
        pattern=torch.tensor([s.pattern for s in samples], dtype=torch.int64, device=device),
    )


def make_batches(samples: Iterable[Sample], size: int, device: str) -> Iterator[Batch]:
    """Yield samples as batches of some size; the last one may be smaller."""
    left = iter(samples)
    while some := list(islice(left, size)):
        yield make_batch(some, device)
