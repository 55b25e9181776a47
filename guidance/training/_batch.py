"""A batch of examples as tensors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.training._example_set import ExampleSet
from guidance.training._torch import Tensor, load_torch
from guidance.training._variation import as_shares, vary

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some examples, on one device.

    Attributes
    ----------
    channels : (B, 8, 256, 256) float32 tensor
        0 to 255.
    maps : (B, 3, 128, 128) float32 tensor
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


def load_batch(
    examples: ExampleSet,
    chosen: NDArray[np.intp],
    device: str,
    *,
    rng: np.random.Generator | None = None,
) -> Batch:
    """Return some examples as tensors.

    Parameters
    ----------
    examples : ExampleSet
        All there are.
    chosen : (B,) int array
        Which.
    device : str
        Where they go.
    rng : numpy.random.Generator, optional
        Varies them; None leaves them as they were seen.
    """
    torch = load_torch("training")
    channels: list[Image] = []
    maps: list[Image] = []
    for seen, drawn in (examples.images(int(number)) for number in chosen):
        image, wanted = (
            (seen.astype(np.float32), as_shares(drawn)) if rng is None else vary(seen, drawn, rng)
        )
        channels.append(image)
        maps.append(wanted)
    return Batch(
        channels=torch.from_numpy(np.stack(channels)).to(device),
        maps=torch.from_numpy(np.stack(maps)).to(device),
        uptake=torch.from_numpy(examples.uptake[chosen]).to(device),
        contrast=torch.from_numpy(examples.contrast[chosen]).to(device),
        pattern=torch.from_numpy(examples.pattern[chosen]).to(device),
    )
