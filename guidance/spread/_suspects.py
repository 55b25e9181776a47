"""Lit regions that look like added contrast, followed from frame to frame until believed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.imaging import measure_noise
from guidance.spread._settings import MonitorSettings

_NEVER = np.iinfo(np.int32).max
_NEIGHBOURHOOD_PX = 16
"""Around a lit region, loss of attenuation within this distance speaks for motion."""

_SMOOTH_PX = 2.0
"""What something left behind when it moved is faint and wide; smoothing brings it out."""

_SEARCH_PX = 24
"""Furthest that something is looked for that may have moved: a diaphragm goes 10 mm in half a
second of deep breathing. Working pixels."""

_RIM_PX = 4
"""A lit region is compared together with a rim of this width. Working pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspects:
    """Regions that may be contrast, in one frame.

    Attributes
    ----------
    since : (r, c) int32 array
        Frame in which each lit region was first lit; the largest integer where nothing is lit.
    count : (r, c) int32 array
        In how many distinct frames in a row it has been lit; 0 where nothing is.
    """

    since: NDArray[np.int32]
    count: NDArray[np.int32]

    @property
    def longest(self) -> int:
        """Frames in a row of the region that has been lit longest."""
        return int(self.count.max())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """How a frame changed, in the forms that the tests of a region need.

    Attributes
    ----------
    attenuation : (r, c) float32 array
        The frame itself.
    added : (r, c) float32 array
        Its change against the references.
    added_noise : float
        Standard deviation of that change, smoothed, where nothing changed.
    averaged : (r, c) float32 array
        The change averaged over the last frames.
    smooth : (r, c) float32 array
        That average, smoothed.
    smooth_noise : float
        Standard deviation of `smooth` where nothing changed.
    """

    attenuation: NDArray[np.float32]
    added: NDArray[np.float32]
    added_noise: float
    averaged: NDArray[np.float32]
    smooth: NDArray[np.float32]
    smooth_noise: float


def describe_change(
    attenuation: NDArray[np.float32],
    added: NDArray[np.float32],
    averaged: NDArray[np.float32],
    usable: NDArray[np.bool_],
) -> Change:
    """Return the change of a frame, and its recent average; none where they cannot be judged."""
    # Beyond the edge of the field the blades stand still while the references move.
    added, averaged = (np.where(usable, a, np.float32(0)) for a in (added, averaged))
    smooth = _smooth(averaged)
    return Change(
        attenuation=attenuation,
        added=added,
        added_noise=measure_noise(_smooth(added), usable),
        averaged=averaged,
        smooth=smooth,
        smooth_noise=measure_noise(smooth, usable),
    )


def _smooth(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _SMOOTH_PX), np.float32)


def no_suspects(shape: tuple[int, int]) -> Suspects:
    """Return what is known before the first comparison."""
    return Suspects(since=np.full(shape, _NEVER, np.int32), count=np.zeros(shape, np.int32))


def follow_suspects(
    earlier: Suspects,
    frame: int,
    z: NDArray[np.float32],
    change: Change,
    settings: MonitorSettings,
) -> Suspects:
    """Return the regions of a frame that may be contrast, joined to those they continue.

    A region counts when it is large and dark enough, and when attenuation was added there rather
    than moved: a needle, a catheter or a bone edge that moves darkens one side and brightens the
    other.

    Parameters
    ----------
    earlier : Suspects
        Of the frame before.
    frame : int
        Number of this frame.
    z : (r, c) float32 array
        Excess over all references, in standard deviations.
    change : Change
        Of the frame.
    settings : MonitorSettings

    Returns
    -------
    Suspects
    """
    seeds = (z > settings.seed_z).astype(np.uint8)
    lit = cv2.morphologyEx(seeds, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, marks, stats, _ = cv2.connectedComponentsWithStats(lit, connectivity=8)
    labels = np.asarray(marks, np.int32)
    found = no_suspects((z.shape[0], z.shape[1]))
    for label in range(1, len(stats)):
        if int(stats[label, cv2.CC_STAT_AREA]) < settings.min_area_px:
            continue
        window = _window(stats[label], z.shape, 3)
        region = labels[window] == label
        near = cv2.dilate(region.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        count = 1 + int(earlier.count[window][near].max())
        needed = settings.peak_z if count == 1 else settings.stay_z
        if float(z[window][region].max()) < needed:
            continue
        if not looks_added(labels, label, stats[label], change, settings):
            continue
        since = min(frame, int(earlier.since[window][near].min()))
        found.since[window][region] = since
        found.count[window][region] = count
    return found


def grow_contrast(
    z: NDArray[np.float32],
    suspects: Suspects,
    before: NDArray[np.bool_],
    change: Change,
    settings: MonitorSettings,
) -> NDArray[np.bool_]:
    """Return where contrast is, down to a lower threshold than that by which it was found.

    Parameters
    ----------
    z : (r, c) float32 array
        How far the change stands out. Standard deviations.
    suspects : Suspects
        Of this frame: a region that holds one lit long enough is contrast.
    before : (r, c) bool array
        Contrast of the frame before: a region that goes on from it is contrast if it still looks
        added; the bowel that a vein ran across is not.
    change : Change
        Of this frame.
    settings : MonitorSettings

    Returns
    -------
    (r, c) bool array
    """
    grown = (z > settings.grow_z).astype(np.uint8)
    count, marks, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    labels = np.asarray(marks, np.int32)
    kept = np.zeros(count, np.bool_)
    kept[np.unique(labels[suspects.count >= settings.confirm_frames])] = True
    inner = cv2.erode(before.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for label in np.unique(labels[inner]):
        if label and not kept[label]:
            kept[label] = looks_added(labels, int(label), stats[label], change, settings)
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def looks_added(
    labels: NDArray[np.int32],
    label: int,
    stat: NDArray[np.int32],
    change: Change,
    settings: MonitorSettings,
) -> bool:
    """Return whether a region of a frame is added attenuation, not something that moved.

    Parameters
    ----------
    labels : (r, c) int32 array
        Connected regions.
    label : int
        The one to judge.
    stat : (5,) int32 array
        Its left, top, width, height and area, as OpenCV gives them.
    change : Change
        Of the frame.
    settings : MonitorSettings
    """
    window = _window(stat, labels.shape, _NEIGHBOURHOOD_PX + 1)
    region = labels[window] == label
    if not is_added(region, change.smooth[window], change.smooth_noise, settings.added_share):
        return False
    window = _window(stat, labels.shape, _SEARCH_PX + _RIM_PX + 1)
    region = labels[window] == label
    # The average smears what moves; one frame shows where it has moved to.
    return not is_moved(
        region,
        change.attenuation[window],
        change.added[window],
        change.added_noise,
        settings.moved_share,
    )


def is_added(
    region: NDArray[np.bool_],
    added: NDArray[np.float32],
    noise: float,
    share: float,
) -> bool:
    """Return whether a region gained attenuation that its surroundings did not lose.

    Parameters
    ----------
    region : (r, c) bool array
        The lit region, with its surroundings around it.
    added : (r, c) float32 array
        Change of attenuation, smoothed.
    noise : float
        Its standard deviation where nothing changed.
    share : float
        Of all change in and around the region, at most this much may be loss.
    """
    side = 2 * _NEIGHBOURHOOD_PX + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    near = cv2.dilate(region.astype(np.uint8), disc) > 0
    beyond_noise = np.sign(added) * np.maximum(np.abs(added) - 3 * noise, 0)
    gain = float(beyond_noise[near & (added > 0)].sum())
    loss = -float(beyond_noise[near & (added < 0)].sum())
    return loss <= share * (gain + loss)


def is_moved(
    region: NDArray[np.bool_],
    attenuation: NDArray[np.float32],
    added: NDArray[np.float32],
    noise: float,
    share: float,
) -> bool:
    """Return whether a shift of what was there before explains a lit region.

    The edge of the diaphragm, of the bowel or of a tool that moves further than the motion margin
    adds attenuation on one side only. Moved back, such a frame equals the reference; contrast does
    not, wherever it is moved. The shift must explain both where the frame is lit and where that
    content would have come from.

    Parameters
    ----------
    region : (r, c) bool array
        The lit region, with a margin to search in.
    attenuation : (r, c) float32 array
        The frame.
    added : (r, c) float32 array
        Its change against the reference.
    noise : float
        Standard deviation of that change, smoothed, where nothing changed.
    share : float
        A shift that explains this share of the squared change explains the region.
    """
    now, then = (_without_slow_part(a) for a in (attenuation, attenuation - added))
    rim = np.ones((2 * _RIM_PX + 1, 2 * _RIM_PX + 1), np.uint8)
    near = cv2.dilate(region.astype(np.uint8), rim)
    rows, columns = _slices(near > 0)
    template, mask = now[rows, columns], near[rows, columns].astype(np.float32)
    top, left = max(0, rows.start - _SEARCH_PX), max(0, columns.start - _SEARCH_PX)
    search = then[top : rows.stop + _SEARCH_PX, left : columns.stop + _SEARCH_PX]
    cost = cv2.matchTemplate(search, template, cv2.TM_SQDIFF, mask=mask)
    best = np.unravel_index(int(np.argmin(cost)), cost.shape)
    shift = (rows.start - top - int(best[0]), columns.start - left - int(best[1]))
    moved = np.roll(then, shift, axis=(0, 1))
    source = np.roll(near, (-shift[0], -shift[1]), axis=(0, 1))
    both = ((near > 0) | (source > 0)) & _not_wrapped(near.shape, shift)
    if not both.any():
        return False
    residual = _refine_shift((now - moved)[both], moved, both)
    unexplained = float((residual**2).mean()) - noise**2
    change = float(((now - then)[both] ** 2).mean()) - noise**2
    return unexplained < (1 - share) * change


def _not_wrapped(shape: tuple[int, ...], shift: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels that no roll by a shift or its opposite brings in over an edge."""
    inside = np.zeros(shape, np.bool_)
    row, column = abs(shift[0]), abs(shift[1])
    inside[row : shape[0] - row, column : shape[1] - column] = True
    return inside


def _refine_shift(
    residual: NDArray[np.float32], moved: NDArray[np.float32], where: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return what a further shift by a fraction of a pixel leaves of a residual.

    To first order such a shift changes an image by its gradient; the two components are fitted.
    """
    slopes = np.stack(
        [
            cv2.Sobel(moved, cv2.CV_32F, 0, 1, scale=1 / 8)[where],
            cv2.Sobel(moved, cv2.CV_32F, 1, 0, scale=1 / 8)[where],
        ],
        axis=1,
    )
    step = np.linalg.lstsq(slopes, residual, rcond=None)[0]
    length = float(np.hypot(*step))
    if length > 1:
        step /= length
    return np.asarray(residual - slopes @ step, np.float32)


def _without_slow_part(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(_smooth(image) - cv2.blur(image, (41, 41)), np.float32)


def _slices(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _window(stat: NDArray[np.int32], shape: tuple[int, ...], margin: int) -> tuple[slice, slice]:
    left, top, width, height = (int(v) for v in stat[:4])
    return (
        slice(max(0, top - margin), min(shape[0], top + height + margin)),
        slice(max(0, left - margin), min(shape[1], left + width + margin)),
    )
