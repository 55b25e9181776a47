"""The network that sees needles: a U-Net of two inputs and two maps, for pictures of any size."""

from guidance.training._blocks import convolve, grow
from guidance.training._torch import Network, Tensor, load_torch

WIDTHS = (16, 24, 40, 56)
"""Images at a half, a quarter, an eighth and a sixteenth of the picture's size."""

INPUTS, OUTPUTS = 2, 2
_RARE = -4.0
"""Log-odds of steel and tips to begin with: few cells hold any."""

_STEEL_LIT, _TIP_LIT = 4.0, 30.0
_STEEL, _TIP, _OVERLAP = 4.0, 6.0, 0.5
_SMOOTH = 10.0


def build_needle_network(widths: tuple[int, int, int, int] = WIDTHS) -> Network:
    """Return a network with random weights, from PyTorch's own generator.

    Parameters
    ----------
    widths : tuple of four ints
        See `WIDTHS`.

    Returns
    -------
    torch.nn.Module
        Takes (B, 2, R, C) float, sides multiples of 16; gives (B, 2, R / 2, C / 2): log-odds of
        steel and of a tip.

    Raises
    ------
    OptionalDependencyError
        PyTorch is not installed.
    """
    nn = load_torch("the network").nn
    w1, w2, w3, w4 = widths

    class NeedleNetwork(nn.Module):  # type: ignore[misc, name-defined]  # PyTorch is optional, so untyped
        def __init__(self) -> None:
            super().__init__()
            self.s1 = convolve(INPUTS, w1, 4, 2)
            self.s2, self.s2b = convolve(w1, w2, 4, 2), convolve(w2, w2)
            self.s3, self.s3b, self.s3c = convolve(w2, w3, 3, 2), convolve(w3, w3), convolve(w3, w3)
            self.s4, self.s4b, self.s4c = convolve(w3, w4, 3, 2), convolve(w4, w4), convolve(w4, w4)
            self.u3, self.d3 = nn.Conv2d(w4, w3, 1), convolve(w3, w3)
            self.u2, self.d2 = nn.Conv2d(w3, w2, 1), convolve(w2, w2)
            self.u1, self.d1 = nn.Conv2d(w2, w1, 1), convolve(w1, w1)
            self.d1b = convolve(w1, w1)
            self.head = nn.Conv2d(w1, OUTPUTS, 1)
            nn.init.constant_(self.head.bias, _RARE)

        def forward(self, picture: Tensor) -> Tensor:
            a = self.s1(picture)
            b = self.s2b(self.s2(a))
            c = self.s3c(self.s3b(self.s3(b)))
            d = self.s4c(self.s4b(self.s4(c)))
            e = self.d3(grow(self.u3(d)) + c)
            f = self.d2(grow(self.u2(e)) + b)
            return self.head(self.d1b(self.d1(grow(self.u1(f)) + a)))

    return NeedleNetwork()


def measure_needle_loss(odds: Tensor, maps: Tensor) -> Tensor:
    """Return the loss of a batch: cross-entropy of both maps, and overlap (Dice) of the steel.

    Parameters
    ----------
    odds, maps : (B, 2, r, c) float32 tensor
        Log-odds, and what is right.
    """
    torch = load_torch("training")
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(odds, maps, reduction="none")
    steel, tip = maps[:, 0], maps[:, 1]
    drawn = torch.sigmoid(odds[:, 0])
    both = (drawn * steel).sum((1, 2))
    either = drawn.sum((1, 2)) + steel.sum((1, 2))
    overlap = 1 - (2 * both + _SMOOTH) / (either + _SMOOTH)
    return (
        _STEEL * (entropy[:, 0] * (1 + _STEEL_LIT * steel)).mean()
        + _OVERLAP * overlap.mean()
        + _TIP * (entropy[:, 1] * (1 + _TIP_LIT * tip)).mean()
    )
