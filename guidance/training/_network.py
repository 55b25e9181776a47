"""The network: a small U-Net of whole-number inputs, and a head that judges the frame as a whole.

Small, since it reads every frame on one core of a computer without a graphics card. The first two
steps halve the image, so that most of the work is done on 64 by 64 pixels. The head sees what the
levels hold at most and on average, how much of each map is lit, and the surest of 32 by 32 places:
each says how much it looks like a vessel, with all about it.
"""

from dataclasses import dataclass

from guidance.errors import InputError
from guidance.spread import CHANNELS, PATTERNS
from guidance.training._blocks import convolve, grow
from guidance.training._torch import Network, Tensor, load_torch
from guidance.training._variation import ZERO

MAPS = ("contrast", "vessel", "vessel_ever")
"""What it draws: log-odds, at half the resolution of its input."""

UNIT = 32.0
"""Inputs are bytes; so many steps make 1."""

_FEATURES = 20
_SPOTS = 4
_HIDDEN = 48
_DROPPED = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """The size of the network.

    Attributes
    ----------
    widths : tuple of four ints
        Images at each level: a half, a quarter, an eighth and a sixteenth of the input's size.
    """

    widths: tuple[int, int, int, int] = (20, 32, 56, 72)

    def __post_init__(self) -> None:
        """Refuse levels of nothing."""
        if min(self.widths) < 1:
            raise InputError(f"widths are {self.widths}, expected at least 1")


def build_network(settings: NetworkSettings | None = None) -> Network:
    """Return a network with random weights, from PyTorch's own generator.

    Parameters
    ----------
    settings : NetworkSettings, optional
        Its size.

    Returns
    -------
    torch.nn.Module
        Takes (B, 8, 256, 256) float, or crops whose side is a multiple of 16; gives maps
        (B, 3, 128, 128), half as large as what it was given, and logits (B, 8): uptake, contrast,
        then the patterns.

    Raises
    ------
    OptionalDependencyError
        PyTorch is not installed.
    """
    torch = load_torch("the network")
    nn = torch.nn
    w1, w2, w3, w4 = (settings or NetworkSettings()).widths

    class SpreadNetwork(nn.Module):  # type: ignore[misc, name-defined]  # PyTorch is optional, so untyped
        def __init__(self) -> None:
            super().__init__()
            self.s1 = convolve(len(CHANNELS), w1, 4, 2)
            self.s2 = convolve(w1, w2, 4, 2)
            self.s2b = convolve(w2, w2)
            self.s3 = convolve(w2, w3, 3, 2)
            self.s3b = convolve(w3, w3)
            self.s3c = convolve(w3, w3)
            self.s4 = convolve(w3, w4, 3, 2)
            self.s4b = convolve(w4, w4)
            self.s4c = convolve(w4, w4)
            self.u3, self.d3 = nn.Conv2d(w4, w3, 1), convolve(w3, w3)
            self.u2, self.d2 = nn.Conv2d(w3, w2, 1), convolve(w2, w2)
            self.u1, self.d1 = nn.Conv2d(w2, w1, 1), convolve(w1, _FEATURES)
            self.head = nn.Conv2d(_FEATURES, len(MAPS), 1)
            self.spot = nn.Conv2d(w3, _SPOTS, 1)
            self.fc = nn.Sequential(
                nn.Linear(w4 * 2 + w2 + 2 * len(MAPS) + _SPOTS, _HIDDEN),
                nn.ReLU(),
                nn.Dropout(_DROPPED),
                nn.Linear(_HIDDEN, 2 + len(PATTERNS)),
            )

        def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
            a = self.s1((channels - ZERO) / UNIT)
            b = self.s2b(self.s2(a))
            c = self.s3c(self.s3b(self.s3(b)))
            d = self.s4c(self.s4b(self.s4(c)))
            e = self.d3(grow(self.u3(d)) + c)
            f = self.d2(grow(self.u2(e)) + b)
            g = self.d1(grow(self.u1(f)) + a)
            maps = self.head(g)
            lit = torch.log1p(torch.sigmoid(maps).sum((2, 3)))
            pooled = [d.amax((2, 3)), d.mean((2, 3)), f.amax((2, 3)), maps.amax((2, 3)) / 4, lit]
            pooled.append(self.spot(e).amax((2, 3)))
            return maps, self.fc(torch.cat(pooled, 1))

    return SpreadNetwork()


def count_parameters(network: Network) -> int:
    """Return how many numbers a network learns."""
    return sum(int(weights.numel()) for weights in network.parameters())
