"""How much a change between two images looks like contrast in a vessel: single numbers.

Each is a score that somebody might put a threshold on; none is claimed to be good. They are larger
where more, longer, thinner or darker contrast was added.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import measure_noise

THRESHOLD = 4.0
"""A changed pixel stands out by so many standard deviations of the smoothed change (guess)."""

_SMOOTHING_PX = 1.0
"""Before the threshold; the working image has 256 px across, about 0.7 mm each."""

_LEAST_PX = 8
"""Smaller spots are dropped: quantum noise makes them."""

_OPENING_PX = 9
"""What an opening by this removes is thin: about 6 mm, which a dark vein of 2 mm spreads to when it
is smoothed and cut low on its flanks."""

_RIDGE_SIGMAS_PX = (1.2, 2.0)
"""Widths of ridges looked for in a single image."""

_TOP_SHARE = 0.001
"""The darkest share of the pixels, for the peak."""

_MANY = 1000
"""Fewer pixels than this are not thinned out."""

_NO_NOISE = 1e-4
"""Noise of an image that has none, in attenuation."""

FloatImage = NDArray[np.float32]
MaskImage = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeScores:
    """Scores of one change.

    Attributes
    ----------
    area : float
        Share of the field that became darker.
    extent : float
        Length of the longest connected piece, as a share of the image's diagonal.
    peak : float
        How far the darkest thousandth stands out. Standard deviations.
    thin : float
        Share of the field in thin pieces.
    elongation : float
        Of the largest piece: its length squared over its area; about 1 for a disc.
    signal : float
        Sum of the change over what became darker, for each pixel of the field.
    """

    area: float
    extent: float
    peak: float
    thin: float
    elongation: float
    signal: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """A change of attenuation, smoothed, and against what it has to stand out.

    Attributes
    ----------
    image : (r, c) float32 array
        Positive where attenuation was added; its median is 0, and so is what does not count.
    noise : float
        Its standard deviation where nothing changed.
    valid : (r, c) bool array
        Pixels that count.
    """

    image: FloatImage
    noise: float
    valid: MaskImage

    @property
    def limit(self) -> float:
        """What a pixel must exceed to count as changed."""
        return THRESHOLD * self.noise


def smooth_change(change: FloatImage, valid: MaskImage) -> Change:
    """Return a change of attenuation smoothed, without what all pixels share.

    Parameters
    ----------
    change : (r, c) float32 array
        Positive where attenuation was added.
    valid : (r, c) bool array
        Pixels that count.
    """
    if not valid.any():
        return Change(image=np.zeros_like(change), noise=_NO_NOISE, valid=valid)
    level = np.float32(_median(change, valid))
    centred = np.where(valid, change - level, np.float32(0.0))
    smooth = np.asarray(cv2.GaussianBlur(centred, (0, 0), _SMOOTHING_PX), np.float32)
    noise = max(measure_noise(smooth, valid), _NO_NOISE)
    smooth[~valid] = 0.0
    return Change(image=smooth, noise=noise, valid=valid)


def score_change(change: Change) -> ChangeScores:
    """Return the scores of a change."""
    smooth, valid, noise = change.image, change.valid, change.noise
    n_valid = int(np.count_nonzero(valid))
    if not n_valid:
        return ChangeScores(area=0.0, extent=0.0, peak=0.0, thin=0.0, elongation=0.0, signal=0.0)
    lit = (smooth > change.limit).astype(np.uint8)
    extent, elongation, kept = _measure_pieces(lit)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_OPENING_PX, _OPENING_PX))
    thick = cv2.morphologyEx(kept, cv2.MORPH_OPEN, disc)
    # What surrounds the thick part by a pixel belongs to it.
    thin = (kept > 0) & (cv2.dilate(thick, np.ones((3, 3), np.uint8)) == 0)
    rank = n_valid - 1 - int(_TOP_SHARE * n_valid)
    top = np.partition(smooth[valid], rank)[rank]
    return ChangeScores(
        area=float(np.count_nonzero(kept)) / n_valid,
        extent=extent / math.hypot(*smooth.shape),
        peak=float(top) / noise,
        thin=float(np.count_nonzero(thin)) / n_valid,
        elongation=elongation,
        signal=float(smooth[kept > 0].sum()) / n_valid,
    )


def score_ridges(attenuation: FloatImage, valid: MaskImage) -> dict[str, float]:
    """Return scores of the ridges in one image alone, which bones and tools have as well.

    The greatest curvature across (the Hessian's smaller eigenvalue, Frangi 1998, doi
    10.1007/BFb0056195) at two widths, against its own noise.

    Parameters
    ----------
    attenuation : (r, c) float32 array
    valid : (r, c) bool array
    """
    inner = cv2.erode(valid.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    if not inner.any():
        return {"ridge_peak": 0.0, "ridge_area": 0.0, "ridge_extent": 0.0}
    strongest = np.full(attenuation.shape, -np.inf, np.float32)
    for sigma in _RIDGE_SIGMAS_PX:
        soft = cv2.GaussianBlur(attenuation, (0, 0), sigma)
        rr = cv2.Sobel(soft, cv2.CV_32F, 0, 2)
        cc = cv2.Sobel(soft, cv2.CV_32F, 2, 0)
        rc = cv2.Sobel(soft, cv2.CV_32F, 1, 1)
        across = 0.5 * (rr + cc) - np.sqrt((0.5 * (rr - cc)) ** 2 + rc**2)
        response = -np.asarray(across, np.float32)
        middle = np.float32(_median(response, inner))
        noise = max(measure_noise(response - middle, inner), _NO_NOISE)
        np.maximum(strongest, (response - middle) / np.float32(noise), out=strongest)
    strongest[~inner] = 0.0
    extent, _, kept = _measure_pieces((strongest > THRESHOLD).astype(np.uint8))
    return {
        "ridge_peak": float(np.quantile(strongest[inner], 1.0 - _TOP_SHARE)),
        "ridge_area": float(np.count_nonzero(kept)) / float(np.count_nonzero(inner)),
        "ridge_extent": extent / math.hypot(*attenuation.shape),
    }


def _median(image: FloatImage, valid: MaskImage) -> float:
    """Return the median of the valid pixels, of every fourth where they are many."""
    thinned = image[::2, ::2][valid[::2, ::2]]
    return float(np.median(thinned if thinned.size > _MANY else image[valid]))


def _measure_pieces(lit: NDArray[np.uint8]) -> tuple[float, float, NDArray[np.uint8]]:
    """Return the longest piece's length, the largest one's elongation, and what is no speck.

    A piece's length is the diagonal of its upright box. Pixels.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(lit, connectivity=8)
    if count < 2:
        return 0.0, 0.0, lit
    areas = boxes[:, cv2.CC_STAT_AREA]
    lengths = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    keep = areas >= _LEAST_PX
    keep[0] = False
    kept = keep[labels].astype(np.uint8)
    if not keep.any():
        return 0.0, 0.0, kept
    largest = int(np.argmax(np.where(keep, areas, 0)))
    elongation = float(lengths[largest] ** 2 * math.pi / (8.0 * areas[largest]))
    return float(lengths[keep].max()), elongation, kept
