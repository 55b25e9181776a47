"""What the networks are built of."""

from guidance.training._torch import Network, Tensor, load_torch


def convolve(before: int, after: int, size: int = 3, stride: int = 1) -> Network:
    """Return a convolution of `before` images into `after`, normalised, what is negative cut."""
    nn = load_torch("the network").nn
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def grow(image: Tensor) -> Tensor:
    """Return images of twice the size."""
    functional = load_torch("the network").nn.functional
    return functional.interpolate(image, scale_factor=2.0, mode="nearest")
