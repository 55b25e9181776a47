"""From a frame to its multiples of the noise: what both peers share, in numpy and its BLAS.

The steps and constants are those of `guidance.imaging`: reduce, take the logarithm, align to the
references (Gauss-Newton, coarse to fine, biweight), explain by a ridge regression for the whole
image and one for each tile, take the noise, and move running means along. What a library has a
function for comes from its `Tools`; no library has one for the fits.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

BIWEIGHT = 4.685
WHOLE_PRIOR = (1.0, 1.0, 10.0, 0.3, 0.35)
TILE_PRIOR = (0.5, 0.5, 0.03, 0.15, 0.25)
SAMPLE, TILE, BLOCK = 5, 32, 8
SHARES = (0.49, 0.2, 0.065)
"""How far the running means go towards each frame."""


class Tools(Protocol):
    """What a library does of the work. Images are (r, c) float32; nothing is written to."""

    def reduce(self, frame: np.ndarray, factor: int) -> np.ndarray:
        """Return the means of blocks of a (R, C) uint16 frame."""

    def shrink(self, image: np.ndarray, factor: int) -> np.ndarray:
        """Return the means of blocks of an image."""

    def blur(self, image: np.ndarray) -> np.ndarray:
        """Return a Gaussian blur of 0.8 pixels, cut at three; mirrored at edges."""

    def blur_much(self, image: np.ndarray) -> np.ndarray:
        """Return means over 25 by 25 pixels; mirrored at edges."""

    def move(self, image: np.ndarray, rows: float, columns: float) -> np.ndarray:
        """Return what lies so much further, linear; edges are repeated."""

    def add_up(self, coefficients: np.ndarray, terms: np.ndarray, pitch: int) -> np.ndarray:
        """Return the sum of terms (n, h, w) with (p, q, n) coefficients, linear in between."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What the frames before contrast gave; the same for all who are compared.

    Attributes
    ----------
    factor : int
        Frames are reduced by it.
    mean, spread : (r, c) float32 array
        Of the references, in attenuation.
    terms : (n, r, c) float32 array
        Gradients of the mean, one, the mean, and each reference's difference from it.
    valid : (r, c) bool array
    noise : float
    """

    factor: int
    mean: np.ndarray
    spread: np.ndarray
    terms: np.ndarray
    valid: np.ndarray
    noise: float


class Peer:
    """Does for each frame what ours does, with a library's tools.

    Parameters
    ----------
    tools : Tools
    known : Known
        All that does not depend on the frame is made of it here, outside the measured time.
    """

    def __init__(self, tools: Tools, known: Known) -> None:
        self._tools, self._known = tools, known
        self._levels = [_Level(tools, known, factor) for factor in (4, 2, 1)]
        self._half_terms = np.stack([tools.shrink(term, 2) for term in known.terms])
        n = len(known.terms)
        self._rows = np.ascontiguousarray(self._half_terms.reshape(n, -1)[:, ::2])
        self._blocks = np.empty((_count_blocks(known.mean) // 4, n + 1, BLOCK**2), np.float32)
        self._blocks[:, :n] = _cut(self._half_terms)
        self._weight = (tools.shrink(known.valid.astype(np.float32), 2) > 0.99).astype(np.float32)
        self._sampled = np.flatnonzero(self._weight.ravel()[::2])[::3]
        self.shift = (0.0, 0.0)
        self.means = np.zeros((3, *known.mean.shape), np.float32)
        self.greatest = np.zeros(known.mean.shape, np.float32)

    def push(self, frame: np.ndarray) -> np.ndarray:
        """Return the multiples of the noise, (r, c) float32, of the next (R, C) uint16 frame."""
        known = self._known
        image = self._tools.reduce(frame, known.factor)
        image += np.float32(0.5)
        np.log(image, out=image)
        np.negative(image, out=image)
        row, column = self.shift
        for level in self._levels:
            row, column = level.refine(self._tools, image, row, column)
        self.shift = row, column
        change = self._explain(self._tools.move(image, row, column))
        change *= known.valid
        z = change / known.spread
        cut = np.clip(z, -60, 60)
        for share, mean in zip(SHARES, self.means, strict=True):
            step = cut - mean
            step *= known.valid
            step *= np.float32(share)
            mean += step
        np.maximum(self.greatest, self.means[1], out=self.greatest)
        return z

    def _explain(self, image: np.ndarray) -> np.ndarray:
        """Return what the references do not explain."""
        change = image - self._known.mean
        half = self._tools.shrink(change, 2)
        noise = max(self._known.noise / 1.6, 1e-3)
        whole, left, spread = self._fit_whole(half, noise)
        tiles = self._fit_tiles(left, noise, spread)
        change -= self._tools.add_up(tiles + whole, self._known.terms, TILE)
        return change

    def _fit_whole(self, change: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, float]:
        rows, n = self._rows, len(self._rows)
        target, given = (image.ravel()[::2].copy() for image in (change, self._weight))
        prior = np.diag(_spread_prior(WHOLE_PRIOR, n) ** -2)
        coefficients, robust, spread = np.zeros(n, np.float32), given, noise
        for _ in range(4):
            weighed = rows * robust
            normal = (weighed @ rows.T) / noise**2 + prior
            coefficients = np.linalg.solve(normal, weighed @ target / noise**2).astype(np.float32)
            left = target - coefficients @ rows
            spread = max(noise, 1.4826 * median(np.abs(left[self._sampled])))
            robust = given * weigh(left, spread)
        terms = self._half_terms.reshape(n, -1)
        return coefficients, change - (coefficients @ terms).reshape(change.shape), spread

    def _fit_tiles(self, left: np.ndarray, noise: float, spread: float) -> np.ndarray:
        blocks, n = self._blocks, len(self._rows)
        blocks[:, n:] = _cut(left[None])
        columns = blocks.transpose(0, 2, 1)
        prior = np.diag(_spread_prior(TILE_PRIOR, n).astype(np.float32) ** -2)
        rest, shape = left, (left.shape[0] // BLOCK, left.shape[1] // BLOCK)
        coefficients = np.zeros((0, 0, n), np.float32)
        for turn in range(2):
            robust = self._weight * weigh(rest, spread)
            products = np.matmul(blocks[:, :n] * _cut(robust[None]), columns)
            sums = _sum_over_tiles(products.reshape(*shape, n, n + 1)) / np.float32(noise**2)
            solved = np.linalg.solve(sums[..., :n] + prior, sums[..., n:])
            coefficients = solved[..., 0].astype(np.float32)
            if turn == 0:
                rest = left - self._tools.add_up(coefficients, self._half_terms, TILE // 2)
        return coefficients


class _Level:
    """The references at one size, and where an image counts there."""

    def __init__(self, tools: Tools, known: Known, factor: int) -> None:
        self.factor = factor
        whole = known.valid.astype(np.float32)
        self.inside = (_shrunk(tools, whole, factor) > 0.99).astype(np.float32)
        self.fast_share = np.maximum(tools.blur(self.inside), np.float32(1e-3))
        self.slow_share = np.maximum(tools.blur_much(self.inside), np.float32(1e-3))
        self.sampled = self.inside[::SAMPLE, ::SAMPLE] > 0
        self.inner = _erode(self.inside)
        self.sampled_inner = self.inner[::SAMPLE, ::SAMPLE] > 0
        self.image = self.without_slow_part(tools, known.mean)
        self.along, self.across = _gradients(self.image)

    def without_slow_part(self, tools: Tools, image: np.ndarray) -> np.ndarray:
        small = _shrunk(tools, image, self.factor)
        weighed = small - np.float32(median(small[::SAMPLE, ::SAMPLE][self.sampled]))
        weighed *= self.inside
        fast = tools.blur(weighed) / self.fast_share
        fast -= tools.blur_much(weighed) / self.slow_share
        fast *= self.inside
        return fast

    def refine(
        self, tools: Tools, image: np.ndarray, row: float, column: float
    ) -> tuple[float, float]:
        """Return a better shift, in pixels of the image."""
        frame = self.without_slow_part(tools, image)
        at = np.array([row, column]) / self.factor
        for _ in range(6):
            residual = tools.move(frame, float(at[0]), float(at[1]))
            residual -= self.image
            apart = residual[::SAMPLE, ::SAMPLE][self.sampled_inner]
            weight = weigh(residual, 1.4826 * median(np.abs(apart)) + 1e-6)
            weight *= self.inner
            along, across = (weight * gradient for gradient in (self.along, self.across))
            rr, rc, r = (np.vdot(along, each) for each in (self.along, self.across, residual))
            cc, c = np.vdot(across, self.across), np.vdot(across, residual)
            step = np.array([cc * r - rc * c, rr * c - rc * r]) / (rr * cc - rc * rc)
            at -= step
            if np.abs(step).max() < 0.005:
                break
        return float(at[0]) * self.factor, float(at[1]) * self.factor


def median(values: np.ndarray) -> float:
    """Return the median, in half the time of `numpy.median`."""
    middle = values.size // 2
    ranks = (middle,) if values.size % 2 else (middle - 1, middle)
    return float(np.partition(values, ranks)[ranks[0] : middle + 1].mean())


def weigh(left: np.ndarray, spread: float) -> np.ndarray:
    """Return Tukey's biweight."""
    part = left * np.float32(1 / (BIWEIGHT * spread))
    part *= part
    np.subtract(1, part, out=part)
    np.maximum(part, 0, out=part)
    part *= part
    return part


def _shrunk(tools: Tools, image: np.ndarray, factor: int) -> np.ndarray:
    return image if factor == 1 else tools.shrink(image, factor)


def _spread_prior(prior: tuple[float, ...], n: int) -> np.ndarray:
    return np.array([*prior[:4], *([prior[4]] * (n - 4))])


def _count_blocks(image: np.ndarray) -> int:
    return image.size // BLOCK**2


def _cut(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w), whole tiles, as blocks (blocks, n, pixels)."""
    n, height, width = images.shape
    cut = images.reshape(n, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.ascontiguousarray(cut.transpose(1, 3, 0, 2, 4)).reshape(-1, n, BLOCK**2)


def _sum_over_tiles(grid: np.ndarray) -> np.ndarray:
    """Return sums over four by four blocks about each tile."""
    grid = np.pad(grid, ((1, 1), (1, 1), (0, 0), (0, 0)))
    pairs = grid[::2] + grid[1::2]
    pairs = pairs[:-1] + pairs[1:]
    across = pairs[:, ::2] + pairs[:, 1::2]
    return across[:, :-1] + across[:, 1:]


def _erode(inside: np.ndarray) -> np.ndarray:
    padded = np.pad(inside, 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return np.ascontiguousarray(windows.min(axis=(2, 3)))


def _gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Sobel's gradients along rows and columns."""
    padded = np.pad(image, 1, mode="reflect")
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (across[2:] - across[:-2]) / 8, (down[:, 2:] - down[:, :-2]) / 8
