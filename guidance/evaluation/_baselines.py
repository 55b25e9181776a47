"""Simple observers that a suite must not be too easy for, written to do as well as they can.

Three of them: subtraction of the first frame; the same after aligning it; and the last frame alone,
as a spot film. Each gives several scores, and the best of them counts. The first two are causal: a
score at frame i rests on frames 0 to i.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from guidance.errors import InputError
from guidance.evaluation._cases import CaseTruth
from guidance.evaluation._change_scores import (
    Change,
    ChangeScores,
    FloatImage,
    MaskImage,
    score_change,
    score_ridges,
    smooth_change,
)
from guidance.evaluation._weighted import area_under_roc, sensitivity_at, threshold_at
from guidance.imaging import (
    estimate_translation,
    locate_valid_pixels,
    measure_attenuation,
    translate,
)
from guidance.records import FrameArray, IntensityScale

WORKING_PX = 256
"""Larger side of the image that is worked on."""

FIRST_FRAME = "first_frame"
ALIGNED = "aligned"
LAST_FRAME = "last_frame"
LAST_ALONE = "last_alone"

_LEAST_SIGNAL = 1e-3
"""Contrast of less than this, for each pixel of the field, is not asked whether it left (guess)."""

_SPECIFICITIES = (0.90, 0.95)
"""At which a spot film's sensitivity is read: an observer who seldom calls wolf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFigure:
    """How well one score of one baseline tells uptakes from the rest.

    Attributes
    ----------
    name : str
        ``"observer.score"``.
    n, n_positive : int
        Runs scored, and uptakes among them.
    roc_auc : float
    sensitivity_at_90, sensitivity_at_95 : float
        Where nine, or nineteen in twenty, of the rest are not flagged.
    threshold_at_90, threshold_at_95 : float
        The scores above which that is.
    """

    name: str
    n: int
    n_positive: int
    roc_auc: float
    sensitivity_at_90: float
    sensitivity_at_95: float
    threshold_at_90: float
    threshold_at_95: float


class _Course:
    """The greatest of each score so far, and the greatest share of the contrast that has left.

    What has left is looked for where contrast was: the greatest change of each pixel is kept.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._greatest: dict[str, float] = {}
        self._most: FloatImage | None = None

    def update(self, change: Change) -> ChangeScores:
        """Take in the change of the newest frame, and return its own scores."""
        scores = score_change(change)
        signal, share = self._find_lost(change)
        values = {**asdict(scores), "lost_signal": signal, "lost_share": share}
        for name, value in values.items():
            self._greatest[name] = max(value, self._greatest.get(name, 0.0))
        return scores

    def _find_lost(self, change: Change) -> tuple[float, float]:
        """Return how much has left, for each pixel of the field, and as a share of what was."""
        if self._most is None:
            self._most = change.image.copy()
        np.maximum(self._most, change.image, out=self._most)
        region = (self._most > change.limit) & change.valid
        n_valid = int(np.count_nonzero(change.valid))
        was = float(self._most[region].sum())
        if not n_valid or was < _LEAST_SIGNAL * n_valid:
            return 0.0, 0.0
        lost = was - float(change.image[region].sum())
        return lost / n_valid, lost / was

    @property
    def scores(self) -> dict[str, float]:
        """The scores so far."""
        return {f"{self._name}.{name}": value for name, value in self._greatest.items()}


def watch_baselines(
    frames: Iterable[FrameArray], intensity: IntensityScale
) -> Iterator[dict[str, float]]:
    """Yield, after each frame, every score as it stands: the greatest so far.

    Parameters
    ----------
    frames : iterable of (R, C) array
        Pixel values, in the order taken; any kind of number.
    intensity : IntensityScale
        What the values mean.

    Yields
    ------
    dict of str to float
        By ``"observer.score"``; the scores of the last frame are those of the newest one.

    Raises
    ------
    InputError
        The frames differ in shape.
    """
    first: FloatImage | None = None
    valid: MaskImage | None = None
    shift = (0.0, 0.0)
    plain, aligned = _Course(FIRST_FRAME), _Course(ALIGNED)
    scores: dict[str, float] = {}
    before: FrameArray | None = None
    for frame in frames:
        if before is not None and np.array_equal(frame, before):
            yield scores  # a recorder stores one image several times
            continue
        before = frame
        image = _reduce(frame, intensity)
        if first is None or valid is None:
            first = image
            valid = _shrink_mask(locate_valid_pixels(frame, intensity), image.shape)
        if image.shape != first.shape:
            raise InputError(f"frames of shape {frame.shape} follow others; give one run")
        plain.update(smooth_change(image - first, valid))
        shift = estimate_translation(first, image, valid, shift)
        back = (-shift[0], -shift[1])
        # A pixel moved in over an edge shows nothing that was there before.
        inside = valid & _shifted(valid, back)
        newest = aligned.update(smooth_change(translate(image, back) - first, inside))
        spot = {f"{LAST_FRAME}.{name}": value for name, value in asdict(newest).items()}
        scores = {**plain.scores, **aligned.scores, **spot}
        yield scores


def score_baselines(frames: Iterable[FrameArray], intensity: IntensityScale) -> dict[str, float]:
    """Return every score of a whole run: those of `watch_baselines`, and the last frame alone.

    Parameters
    ----------
    frames : iterable of (R, C) array
        Pixel values, in the order taken; any kind of number.
    intensity : IntensityScale
        What the values mean.

    Returns
    -------
    dict of str to float
        By ``"observer.score"``.

    Raises
    ------
    InputError
        There is no frame, or the frames differ in shape.
    """
    last: list[FrameArray] = []

    def remember() -> Iterator[FrameArray]:
        for frame in frames:
            last[:] = [frame]
            yield frame

    newest = deque(watch_baselines(remember(), intensity), maxlen=1)
    if not newest:
        raise InputError("no frame was given; a run has at least 1")
    image = _reduce(last[0], intensity)
    valid = _shrink_mask(locate_valid_pixels(last[0], intensity), image.shape)
    ridges = score_ridges(image, valid)
    return {**newest[0], **{f"{LAST_ALONE}.{name}": value for name, value in ridges.items()}}


def rank_baselines(
    truths: Sequence[CaseTruth], scores: Mapping[str, Mapping[str, float]]
) -> list[BaselineFigure]:
    """Return how well each score of the baselines does, the best of all first.

    Parameters
    ----------
    truths : sequence of CaseTruth
    scores : mapping of str to mapping
        By the name of the run, then by ``"observer.score"``. Runs without scores are left out.

    Raises
    ------
    InputError
        Runs differ in what was scored, or there are not both uptakes and others.
    """
    known = [truth for truth in truths if truth.run in scores]
    positive = np.array([truth.is_vascular for truth in known], np.bool_)
    if not positive.any() or positive.all():
        raise InputError(
            f"{int(positive.sum())} of {positive.size} scored runs have uptake; "
            "it takes runs with uptake and runs without"
        )
    names = list(scores[known[0].run])
    if any(set(scores[truth.run]) != set(names) for truth in known):
        raise InputError("runs differ in what was scored; score all of them anew")
    figures = [
        _rank(name, np.array([scores[truth.run][name] for truth in known]), positive)
        for name in names
    ]
    return sorted(figures, key=lambda figure: (-figure.roc_auc, figure.name))


def best_of(figures: Sequence[BaselineFigure], observer: str) -> BaselineFigure:
    """Return the best figure of one observer, such as ``"aligned"``, by area under the ROC curve.

    Raises
    ------
    InputError
        There is none.
    """
    own = [figure for figure in figures if figure.name.partition(".")[0] == observer]
    if not own:
        known = ", ".join(sorted({figure.name.partition(".")[0] for figure in figures}))
        raise InputError(f"no baseline {observer!r}; known: {known or 'none'}")
    return max(own, key=lambda figure: figure.roc_auc)


def _rank(name: str, score: np.ndarray, positive: np.ndarray) -> BaselineFigure:
    ones = np.ones((1, positive.size), np.float32)
    every = np.ones(positive.size, np.bool_)
    found = [float(sensitivity_at(score, positive, at)(ones)[0]) for at in _SPECIFICITIES]
    limits = [threshold_at(score, positive, at) for at in _SPECIFICITIES]
    return BaselineFigure(
        name=name,
        n=int(positive.size),
        n_positive=int(positive.sum()),
        roc_auc=float(area_under_roc(score, positive, every)(ones)[0]),
        sensitivity_at_90=found[0],
        sensitivity_at_95=found[1],
        threshold_at_90=limits[0],
        threshold_at_95=limits[1],
    )


def _reduce(frame: FrameArray, intensity: IntensityScale) -> FloatImage:
    """Return a frame's attenuation at working size, averaged before the logarithm: less noise."""
    values = np.ascontiguousarray(frame, dtype=np.float32)
    factor = WORKING_PX / max(values.shape)
    if factor < 1.0:
        rows, columns = (max(1, round(side * factor)) for side in values.shape)
        values = np.asarray(
            cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA), np.float32
        )
    return measure_attenuation(values, intensity)


def _shrink_mask(mask: MaskImage, shape: tuple[int, ...]) -> MaskImage:
    if mask.shape == shape:
        return mask
    size = (shape[1], shape[0])
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0.99, np.bool_)


def _shifted(mask: MaskImage, shift: tuple[float, float]) -> MaskImage:
    """Return where the moved image still shows what was valid in it."""
    matrix = np.array([[1.0, 0.0, shift[1]], [0.0, 1.0, shift[0]]])
    size = (mask.shape[1], mask.shape[0])
    moved = cv2.warpAffine(mask.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(moved > 0, np.bool_)
