"""What a frame would look like without contrast: a linear model of the frames before it.

While the patient breathes, the bowel moves and the exposure is regulated, no single earlier frame
fits. A weighted sum of several does, with a small local shift (the gradients), gain and offset,
each tile of the image for itself, since bone and bowel move apart. The weights are fitted robustly
and held near those of the whole image, so that contrast, which no earlier frame has, cannot be
explained away: a ridge regression by tiles (Hoerl and Kennard 1970, doi
10.1080/00401706.1970.10488634) with Tukey's biweight. Retrospective motion correction in DSA is
reviewed by Meijering et al. 1999, doi 10.1109/42.750250.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging._alignment import Aligner

Image = NDArray[np.float32]

TILE_PX = 32
"""Distance of the tiles' centres; each looks at twice as much. Working pixels: some 16 mm, about a
vertebral body's height or a loop of bowel."""

_HALF = 2
"""Weights are fitted on an image reduced by this factor: they need no detail."""

_BIWEIGHT = 4.685
_GLOBAL_ROUNDS = 4
_TILE_ROUNDS = 2

# How large each coefficient is expected to be: the prior of the ridge. Shift along rows and columns
# in working pixels; offset in attenuation; gain; weights of the references.
_WHOLE_PRIOR = (1.0, 1.0, 10.0, 0.3, 0.35)
_TILE_PRIOR = (0.5, 0.5, 0.03, 0.15, 0.25)

_THUMBNAIL_PX = 48


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """All that does not depend on the frame to be explained."""

    mean: Image
    terms: Image
    half_terms: Image


class Background:
    """Frames without contrast, and what they make of a new one.

    All images have one shape, show the patient in one place (see `estimate_translation`) and are
    attenuation.

    Parameters
    ----------
    first : (r, c) float32 array
        The first of them.
    valid : (r, c) bool array
        Pixels that show the patient.
    most : int
        So many are kept.
    """

    def __init__(self, first: Image, valid: NDArray[np.bool_], most: int) -> None:
        self._most, self._valid = most, valid
        self._aligner: Aligner | None = None
        self._is_referred = False
        self._kept = [first]
        self._thumbnails = [_thumbnail(first)]
        self._model: _Model | None = None

    def __len__(self) -> int:
        """Return the number of frames kept."""
        return len(self._kept)

    def find_shift(self, image: Image, start: tuple[float, float]) -> tuple[float, float]:
        """Return how far the content of an image that was not moved lies from where it is here.

        Parameters
        ----------
        image : (r, c) float32 array
        start : (rows, columns)
            Where to begin.
        """
        if self._aligner is None:
            self._aligner = Aligner(self.mean, self._valid)
        elif not self._is_referred:
            self._aligner.refer_to(self.mean)
        self._is_referred = True
        return self._aligner.find_shift(image, start)

    @property
    def mean(self) -> Image:
        """The mean of the frames kept, (r, c)."""
        return self._prepare().mean

    def add(self, image: Image) -> None:
        """Keep one more; where there are too many, the one its neighbours replace best goes."""
        self._kept.append(image)
        self._thumbnails.append(_thumbnail(image))
        self._model, self._is_referred = None, False
        if len(self._kept) <= self._most:
            return
        inner = range(1, len(self._kept) - 1)
        loss = [
            min(_distance(self._thumbnails[i], self._thumbnails[j]) for j in (i - 1, i + 1))
            for i in inner
        ]
        worst = inner[int(np.argmin(np.array(loss)))]
        del self._kept[worst], self._thumbnails[worst]

    def explain(self, image: Image, counts: NDArray[np.bool_], noise: float) -> Image:
        """Return what the model leaves of an image: contrast, noise, and motion of another kind.

        Parameters
        ----------
        image : (r, c) float32 array
            The frame.
        counts : (r, c) bool array
            Pixels that may be fitted to: patient, not saturated, no contrast known there.
        noise : float
            Standard deviation of what is left where nothing changed. Attenuation.

        Returns
        -------
        (r, c) float32 array
            Positive where something was added.
        """
        model = self._prepare()
        change = image - model.mean
        half_change = _halve(change)
        weight = (_halve(counts.astype(np.float32)) > 0.99).astype(np.float32)
        half_noise = max(noise / 1.6, 1e-3)
        whole, left, robust, spread = _fit_whole(model.half_terms, half_change, weight, half_noise)
        tiles = fit_tiles(model.half_terms, left, robust, weight, (half_noise, spread))
        change -= _combine(tiles + whole, model.terms, TILE_PX)
        return change

    def _prepare(self) -> _Model:
        if self._model is None:
            mean = np.asarray(np.mean(self._kept, axis=0), np.float32)
            soft = cv2.GaussianBlur(mean, (0, 0), 0.7)
            terms = [
                cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8),
                cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8),
                np.ones_like(mean),
                mean - np.float32(mean.mean()),
            ]
            # Deviations from the mean add up to nothing: the last says nothing new.
            terms += [kept - mean for kept in self._kept[:-1]]
            stack = np.stack(terms).astype(np.float32)
            self._model = _Model(
                mean=mean,
                terms=stack,
                half_terms=np.stack([_halve(term) for term in stack]),
            )
        return self._model


def _fit_whole(
    terms: Image, change: Image, weight: Image, noise: float
) -> tuple[NDArray[np.float32], Image, Image, float]:
    """Return coefficients for the whole image, what they leave, robust weights, and its spread."""
    n_terms = len(terms)
    rows = terms.reshape(n_terms, -1)[:, ::2]
    target, given = change.ravel()[::2], weight.ravel()[::2]
    prior = np.diag(1 / np.array(_priors(_WHOLE_PRIOR, n_terms)) ** 2)
    coefficients, robust = np.zeros(n_terms, np.float32), given
    spread = noise
    for _ in range(_GLOBAL_ROUNDS):
        weighed = rows * robust
        normal = (weighed @ rows.T) / noise**2 + prior
        coefficients = np.linalg.solve(normal, weighed @ target / noise**2).astype(np.float32)
        left = target - coefficients @ rows
        inside = np.abs(left[given > 0][::3])
        spread = max(noise, 1.4826 * float(np.median(inside)) if inside.size else noise)
        robust = given * _biweight(left, spread)
    whole_left = change - np.tensordot(coefficients, terms, 1)
    robust = weight * _biweight(whole_left, spread)
    return coefficients, np.asarray(whole_left, np.float32), np.asarray(robust, np.float32), spread


def _biweight(left: Image, spread: float) -> Image:
    part = left / np.float32(_BIWEIGHT * spread)
    return np.asarray(np.clip(1 - part * part, 0, None) ** 2, np.float32)


def fit_tiles(
    terms: Image, left: Image, robust: Image, weight: Image, noises: tuple[float, float]
) -> Image:
    """Return the coefficients of every tile, beside those of the whole image.

    Parameters
    ----------
    terms : (n, h, w) float32 array
        What an image is made of, halved.
    left : (h, w) float32 array
        What the fit of the whole image leaves.
    robust, weight : (h, w) float32 array
        Weights to begin with, and the greatest that a pixel may have.
    noises : (noise, spread)
        Standard deviation of a pixel by itself, and of what is left.

    Returns
    -------
    (p, q, n) float32 array
        For tiles in rows and columns.
    """
    noise, spread = noises
    prior = np.diag(np.array(_priors(_TILE_PRIOR, len(terms)), np.float32) ** -2)
    # Work is done on blocks of half a tile; a tile sums the blocks that it looks at.
    term_blocks, left_blocks = _blocks(terms), _blocks(left[None])
    ceiling = _blocks(weight[None])
    current = _blocks(robust[None])
    shape = _block_shape(left.shape)
    coefficients = np.zeros((0, 0, len(terms)), np.float32)
    for turn in range(_TILE_ROUNDS):
        weighed = term_blocks * current
        products = np.matmul(weighed, term_blocks.transpose(0, 2, 1), dtype=np.float32)
        targets = np.matmul(weighed, left_blocks.transpose(0, 2, 1), dtype=np.float32)
        normal, right = _sum_over_tiles(products, shape), _sum_over_tiles(targets, shape)
        solved = np.linalg.solve(normal / noise**2 + prior, right / noise**2)[..., 0]
        coefficients = solved.astype(np.float32)
        if turn + 1 < _TILE_ROUNDS:
            rest = left - _combine(coefficients, terms, 2 * _BLOCK)
            current = ceiling * _biweight(_blocks(rest[None]), spread)
    return coefficients


def _combine(coefficients: Image, terms: Image, pitch: int) -> Image:
    """Return the sum of terms (n, h, w) with coefficients that change linearly between tiles."""
    height, width = terms.shape[1:]
    size = (coefficients.shape[1] * pitch, coefficients.shape[0] * pitch)
    total = np.zeros((height, width), np.float32)
    for k, term in enumerate(terms):
        field = cv2.resize(np.ascontiguousarray(coefficients[:, :, k]), size)
        cv2.accumulateProduct(np.ascontiguousarray(field[:height, :width]), term, total)
    return total


_BLOCK = TILE_PX // _HALF // 2


def _block_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the rows and columns of blocks, two to a tile."""
    tile = 2 * _BLOCK
    return 2 * -(-shape[0] // tile), 2 * -(-shape[1] // tile)


def _blocks(images: Image) -> Image:
    """Return images (n, h, w) cut into blocks (blocks, n, pixels); 0 beyond the edges."""
    rows, columns = _block_shape(images.shape[1:])
    extra = (rows * _BLOCK - images.shape[1], columns * _BLOCK - images.shape[2])
    if any(extra):
        images = np.pad(images, ((0, 0), (0, extra[0]), (0, extra[1])))
    cut = images.reshape(len(images), rows, _BLOCK, columns, _BLOCK)
    return np.ascontiguousarray(cut.transpose(1, 3, 0, 2, 4)).reshape(
        rows * columns, len(images), _BLOCK * _BLOCK
    )


def _sum_over_tiles(blocks: Image, shape: tuple[int, int]) -> Image:
    """Return sums over four by four blocks about each tile, (p, q, ...)."""
    grid = blocks.reshape(*shape, *blocks.shape[1:])
    grid = np.pad(grid, ((1, 1), (1, 1), (0, 0), (0, 0)))
    pairs = grid[::2] + grid[1::2]
    pairs = pairs[:-1] + pairs[1:]
    across = pairs[:, ::2] + pairs[:, 1::2]
    return across[:, :-1] + across[:, 1:]


def _priors(prior: tuple[float, ...], n_terms: int) -> list[float]:
    return [*prior[:4], *([prior[4]] * (n_terms - 4))]


def _halve(image: Image) -> Image:
    size = (max(1, image.shape[1] // _HALF), max(1, image.shape[0] // _HALF))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _thumbnail(image: Image) -> Image:
    size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    return small - np.float32(np.median(small))


def _distance(first: Image, second: Image) -> float:
    return float(np.median(np.abs(first - second)))
