"""What a frame would look like without contrast: a linear model of the frames before it.

While the patient breathes, the bowel moves and the exposure is regulated, no single earlier frame
fits. A weighted sum of several does, with a small local shift (the gradients), gain and offset,
each tile of the image for itself, since bone and bowel move apart. The weights are fitted robustly
and held near those of the whole image, so that contrast, which no earlier frame has, cannot be
explained away: a ridge regression by tiles (Hoerl and Kennard 1970, doi
10.1080/00401706.1970.10488634) with Tukey's biweight. Retrospective motion correction in DSA is
reviewed by Meijering et al. 1999, doi 10.1109/42.750250.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging._alignment import Aligner
from guidance.imaging._median import median_of
from guidance.imaging._tiles import (
    BIWEIGHT,
    block_shape,
    fill_blocks,
    fit_tiles,
    subtract_sum,
    sum_normal,
    weigh,
)

Image = NDArray[np.float32]

TILE_PX = 32
"""Distance of the tiles' centres; each looks at twice as much. Working pixels: some 16 mm, about a
vertebral body's height or a loop of bowel."""

_HALF = 2
"""Weights are fitted on an image reduced by this factor: they need no detail."""

_BLOCK = TILE_PX // _HALF // 2
_GLOBAL_ROUNDS = 4

# How large each coefficient is expected to be: the prior of the ridge. Shift along rows and columns
# in working pixels; offset in attenuation; gain; weights of the references.
_WHOLE_PRIOR = (1.0, 1.0, 10.0, 0.3, 0.35)
_TILE_PRIOR = (0.5, 0.5, 0.03, 0.15, 0.25)

_THUMBNAIL_PX = 48


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Space:
    """Room for what an image is made of beside the mean; used again while as many are kept.

    Attributes
    ----------
    terms, half_terms : (n, r, c) and (n, h, w) float32 arrays
        Gradients, one, the mean, and how each frame deviates from it; and the same halved.
    rows : (n, N) float32 array
        Every other pixel of `half_terms`.
    blocks : (blocks, n + 1, pixels) float32 array
        `half_terms` in blocks, and room for what they are fitted to.
    """

    terms: Image
    half_terms: Image
    rows: Image
    blocks: Image

    @classmethod
    def of(cls, n_terms: int, shape: tuple[int, ...]) -> "_Space":
        half = (max(1, shape[0] // _HALF), max(1, shape[1] // _HALF))
        n_blocks = math.prod(block_shape(half, _BLOCK))
        return cls(
            terms=np.empty((n_terms, *shape), np.float32),
            half_terms=np.empty((n_terms, *half), np.float32),
            rows=np.empty((n_terms, -(-half[0] * half[1] // 2)), np.float32),
            blocks=np.empty((n_blocks, n_terms + 1, _BLOCK * _BLOCK), np.float32),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """All that does not depend on the frame to be explained."""

    mean: Image
    space: _Space


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
        self._space = _Space.of(3, first.shape)

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
        model, space = self._prepare(), self._space
        change = image - model.mean
        half_change = _halve(change)
        weight = (_halve(counts.astype(np.float32)) > 0.99).astype(np.float32)
        half_noise = max(noise / 1.6, 1e-3)
        whole, left, robust, spread = _fit_whole(space, half_change, weight, half_noise)
        tiles = fit_tiles(
            space.half_terms,
            space.blocks,
            left,
            (robust, weight),
            (half_noise, spread),
            _priors(_TILE_PRIOR, len(whole)),
        )
        subtract_sum(change, tiles + whole, space.terms, TILE_PX)
        return change

    def _prepare(self) -> _Model:
        if self._model is None:
            mean = self._kept[0].copy()
            for kept in self._kept[1:]:
                mean += kept
            mean /= np.float32(len(self._kept))
            space = self._space
            if len(space.terms) != 3 + len(self._kept):
                space = self._space = _Space.of(3 + len(self._kept), mean.shape)
            terms = space.terms
            soft = cv2.GaussianBlur(mean, (0, 0), 0.7)
            cv2.Sobel(soft, cv2.CV_32F, 0, 1, dst=terms[0], scale=1 / 8)
            cv2.Sobel(soft, cv2.CV_32F, 1, 0, dst=terms[1], scale=1 / 8)
            terms[2] = 1
            np.subtract(mean, np.float32(mean.mean()), out=terms[3])
            # Deviations from the mean add up to nothing: the last says nothing new.
            for kept, term in zip(self._kept[:-1], terms[4:], strict=True):
                np.subtract(kept, mean, out=term)
            for term, half in zip(terms, space.half_terms, strict=True):
                _halve(term, half)
            np.copyto(space.rows, space.half_terms.reshape(len(terms), -1)[:, ::2])
            fill_blocks(space.half_terms, space.blocks)
            self._model = _Model(mean=mean, space=space)
        return self._model


def _fit_whole(
    space: _Space, change: Image, weight: Image, noise: float
) -> tuple[NDArray[np.float32], Image, Image, float]:
    """Return coefficients for the whole image, what they leave, robust weights, and its spread."""
    rows = space.rows
    target, given = change.ravel()[::2].copy(), weight.ravel()[::2].copy()
    counted = np.flatnonzero(given)[::3]
    prior = np.diag(_priors(_WHOLE_PRIOR, len(rows)).astype(np.float64) ** -2)
    n_terms, spread = len(rows), noise
    coefficients, left = np.zeros(n_terms, np.float32), target
    sums = np.empty((n_terms, n_terms + 1))
    for turn in range(_GLOBAL_ROUNDS):
        sharpness = np.float32(1 / (BIWEIGHT * spread) if turn else 0)
        sum_normal(rows, target, given, left, sharpness, sums)
        sums /= noise**2
        coefficients = np.linalg.solve(sums[:, :-1] + prior, sums[:, -1]).astype(np.float32)
        left = target - coefficients @ rows
        spread = noise
        if counted.size:
            spread = max(noise, 1.4826 * median_of(np.abs(left[counted])))
    shape = change.shape
    whole_left = change - (coefficients @ space.half_terms.reshape(len(rows), -1)).reshape(shape)
    return coefficients, whole_left, weight * weigh(whole_left, spread), spread


def _priors(prior: tuple[float, ...], n_terms: int) -> NDArray[np.float32]:
    return np.array([*prior[:4], *([prior[4]] * (n_terms - 4))], np.float32)


def _halve(image: Image, into: Image | None = None) -> Image:
    size = (max(1, image.shape[1] // _HALF), max(1, image.shape[0] // _HALF))
    half = cv2.resize(image, size, dst=into, interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32).reshape(size[1], size[0])


def _thumbnail(image: Image) -> Image:
    size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    return small - np.float32(np.median(small))


def _distance(first: Image, second: Image) -> float:
    return float(np.median(np.abs(first - second)))
