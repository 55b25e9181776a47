"""Where the collimator's blades stand, and how they move during a run."""

from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import MaskArray
from guidance.simulation._motion import Event, Range
from guidance.simulation._scatter import Collimator


@dataclass(frozen=True, slots=True, kw_only=True)
class CollimationRanges:
    """Ranges that `draw_collimation` draws from; all guesses.

    Attributes
    ----------
    blades_share, iris_share : float
        Runs with blades in the image, and with the iris drawn in.
    reach : Range
        How far a blade reaches into the image, as a share of its size.
    iris : Range
        Radius of the iris as a share of half the image.
    move_share : float
        Of those with blades: they move during the run.
    """

    blades_share: float = 0.45
    iris_share: float = 0.1
    reach: Range = (0.0, 0.22)
    iris: Range = (0.75, 0.98)
    move_share: float = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class CollimationSettings:
    """Blades and iris of one run, as shares of the image.

    Attributes
    ----------
    reach : (top, bottom, left, right) or None
        How far each blade reaches into the image; None without blades.
    iris : float or None
        Radius as a share of half the image; None where it is open.
    move : Event or None
        When all blades open or close, and by how much; amount as a share of the image, positive
        inwards.
    """

    reach: tuple[float, float, float, float] | None = None
    iris: float | None = None
    move: Event | None = None

    def __post_init__(self) -> None:
        """Refuse blades that meet."""
        if self.reach is not None and not all(0 <= share < 0.45 for share in self.reach):
            raise InputError(f"blades reach {self.reach} into the image, expected 0 to 0.45 each")
        if self.iris is not None and not 0.2 <= self.iris <= 1.5:
            raise InputError(f"iris is {self.iris} of half the image, expected 0.2 to 1.5")


def draw_collimation(
    rng: np.random.Generator, ranges: CollimationRanges, duration_s: float
) -> CollimationSettings:
    """Return the blades of one run."""
    has_blades, has_iris, moves = rng.random(3) < (
        ranges.blades_share,
        ranges.iris_share,
        ranges.move_share,
    )
    top, bottom, left, right = (float(v) for v in rng.uniform(*ranges.reach, size=4))
    iris = rng.uniform(*ranges.iris)
    start, by = rng.uniform(0.2, 0.8) * duration_s, rng.uniform(-0.08, 0.12)
    return CollimationSettings(
        reach=(top, bottom, left, right) if has_blades else None,
        iris=iris if has_iris else None,
        move=Event(start_s=start, duration_s=0.8, amount=(by,)) if has_blades and moves else None,
    )


def collimator_at(
    settings: CollimationSettings, shape: tuple[int, int], time_s: float
) -> Collimator:
    """Return where the blades stand in an image of `shape` at a time."""
    rows, columns = shape
    top = bottom = left = right = None
    if settings.reach is not None:
        moved = 0.0
        if settings.move is not None:
            moved = settings.move.amount[0] * settings.move.share(time_s)
        inwards = [max(0.0, share + moved) for share in settings.reach]
        top, left = inwards[0] * rows - 0.5, inwards[2] * columns - 0.5
        bottom = rows - 0.5 - inwards[1] * rows
        right = columns - 0.5 - inwards[3] * columns
    radius = None if settings.iris is None else settings.iris * min(shape) / 2
    return Collimator(
        top_px=top, bottom_px=bottom, left_px=left, right_px=right, iris_radius_px=radius
    )


def inside_field(collimator: Collimator, shape: tuple[int, int]) -> MaskArray:
    """Return the (R, C) bool mask of the pixels within blades and iris."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = np.ones(shape, bool)
    if collimator.top_px is not None and collimator.bottom_px is not None:
        inside &= (rows >= collimator.top_px) & (rows <= collimator.bottom_px)
    if collimator.left_px is not None and collimator.right_px is not None:
        inside &= (columns >= collimator.left_px) & (columns <= collimator.right_px)
    if collimator.iris_radius_px is not None:
        middle = [(n - 1) / 2 for n in shape]
        radius = np.hypot(rows - middle[0], columns - middle[1])
        inside &= radius <= collimator.iris_radius_px
    return inside
