"""Needles through a run, frame by frame, knowing only the frames so far."""

import math
from dataclasses import dataclass

import numpy as np

from guidance.needle._find import describe
from guidance.needle._frames import check_frame, finite_values
from guidance.needle._gather import Gathering
from guidance.needle._picture import Picture, locate_field, make_picture, pixel_at_patient_mm
from guidance.needle._rate import Rated
from guidance.needle._search import LEAST_SCORE, Search, merge, run_through, search
from guidance.needle._track import Shaft, Track
from guidance.records import FrameArray, MaskArray, NeedleKind, NeedleSighting, RunContext

SEARCH_AFTER = (1, 3, 8)
"""A search begins when so many frames have been gathered. In one nothing has moved; the mean of
three has little more than half of its noise; the last looks for what was too faint, and for a
surer tip."""

LEAST_SCORES = (1.0, 0.5, LEAST_SCORE)
"""Logit at which a line is called a needle in the mean of so many frames: noise alone draws lines,
and in one frame more than in the mean of some."""

REST_FRAMES = 24
"""Where no needle is known, frames are gathered anew after so many."""

PORTIONS = 2
"""Portions of a search for each frame."""

_CLEAR_DROP = 0.6
"""The hub's end is used where the steel ends clearly there."""

LEAST_FIELD = 0.02
"""A frame that shows the patient in less than this share of it is blank."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """A needle that is followed, and how it was rated when it was found."""

    rated: Rated
    track: Track


class NeedleFollower:
    """Find the needles of a run, and follow them; constant memory, never ahead of time.

    The first frames are gathered and searched, a portion with each frame; from then on only what
    lies about each needle is looked at.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._mm = pixel_at_patient_mm(context)
        self._gathering = Gathering(context)
        self._field: MaskArray | None = None
        self._work: Search | None = None
        self._searched: tuple[Picture, FrameArray] | None = None
        self._begun = 0
        self._least_score = LEAST_SCORES[0]
        self._resting = 0
        self._known: list[_Known] = []
        self._latest: FrameArray | None = None
        self._sightings: tuple[NeedleSighting, ...] = ()

    def push(self, frame: FrameArray, time_s: float | None = None) -> tuple[NeedleSighting, ...]:
        """Take the next frame and return the needles seen in it, the surest first.

        Parameters
        ----------
        frame : (R, C) array
            Pixel values after the Modality LUT. Values that are not finite count as no signal.
        time_s : float, optional
            Seconds from the first frame; not needed.

        Returns
        -------
        tuple of NeedleSighting
            None in a blank frame, and none before the first search is through.

        Raises
        ------
        InputError
            The frame has another shape than the run, or is not numeric.
        """
        del time_s
        check_frame(frame, self._context)
        is_repeated = self._latest is not None and np.array_equal(frame, self._latest)
        if not is_repeated:
            self._latest = np.array(frame, copy=True)
            self._gather(frame)
        has_found = self._work_on()
        if has_found or not is_repeated:
            self._follow(frame)
        return self._sightings

    def conclude(self) -> tuple[NeedleSighting, ...]:
        """Return the needles in the latest frame, with what is left of a search done at once.

        For runs that end before a search is through, and for single images.
        """
        if self._work is None and not self._known and self._gathering.count:
            self._begin()
        if self._work is not None:
            self._take(run_through(self._work))
            if self._latest is not None:
                self._follow(self._latest)
        return self._sightings

    def _gather(self, frame: FrameArray) -> None:
        """Gather a frame while that is needed, and begin a search when there are enough."""
        if self._begun >= len(SEARCH_AFTER):
            if self._known or self._work is not None:
                return
            self._resting += 1
            if self._resting < REST_FRAMES:
                return
            self._gathering.clear()
            self._begun, self._resting = 0, 0
        values = finite_values(frame, self._context)
        if self._gathering.count == 0:
            field = locate_field(values, self._context)
            if field.mean() < LEAST_FIELD:
                return
            self._field = field
        if self._field is not None and self._gathering.count < SEARCH_AFTER[-1]:
            self._gathering.add(values, self._field)
        if self._work is None and self._gathering.count >= SEARCH_AFTER[self._begun]:
            self._begin()

    def _begin(self) -> None:
        """Begin a search in the mean of what has been gathered."""
        values = self._gathering.mean()
        field = self._field if self._field is not None else np.ones(values.shape, np.bool_)
        picture = make_picture(values, field, self._context)
        self._searched, self._work = (picture, values), search(picture)
        gathered = sum(self._gathering.count >= count for count in SEARCH_AFTER)
        self._least_score = LEAST_SCORES[gathered - 1]
        self._begun += 1

    def _work_on(self) -> bool:
        """Do the portions of a search that fall to one frame; return whether it has ended."""
        if self._work is None:
            return False
        try:
            for _ in range(PORTIONS):
                next(self._work)
        except StopIteration as done:
            self._take(list(done.value))
            return True
        return False

    def _take(self, found: list[Rated]) -> None:
        """Follow what a search has found, and what an earlier one was surer of."""
        searched, self._work, self._searched = self._searched, None, None
        if searched is None:
            return
        picture, values = searched
        found = [rated for rated in found if rated.score > self._least_score]
        merged = merge([known.rated for known in self._known], found, picture.fine_mm)
        earlier = {id(known.rated): known for known in self._known}
        moved = self._gathering.shift_px
        self._known = [
            earlier[id(rated)]
            if id(rated) in earlier
            else _Known(
                rated=rated,
                track=Track(
                    self._context,
                    describe(picture, rated, NeedleKind.NEEDLE),
                    _shaft_of(picture, rated),
                    values,
                    moved,
                ),
            )
            for rated in merged
        ]

    def _follow(self, frame: FrameArray) -> None:
        """Follow every needle into a frame."""
        seen = [known.track.follow(frame) for known in self._known]
        self._known = [known for known in self._known if not known.track.is_lost]
        known = [sighting for sighting in seen if sighting is not None]
        self._sightings = tuple(sorted(known, key=lambda one: -one.confidence))


def _shaft_of(picture: Picture, rated: Rated) -> Shaft:
    """Return the straight part of a needle in stored pixels."""
    tip, line, scale = rated.tip, rated.line, picture.fine_scale
    row = tip.row - tip.bend_length * math.sin(tip.angle_rad)
    column = tip.column - tip.bend_length * math.cos(tip.angle_rad)

    def stored(row: float, column: float) -> tuple[float, float]:
        return (row + 0.5) / scale - 0.5, (column + 0.5) / scale - 0.5

    return Shaft(
        elbow_px=stored(row, column),
        angle_rad=line.angle_rad,
        length_px=line.length / scale,
        tip_angle_rad=tip.angle_rad,
        hub_px=None
        if line.is_start_cut or rated.hub.drop < _CLEAR_DROP
        else stored(rated.hub.row, rated.hub.column),
    )
