"""The search for needles in one picture, in small portions of work.

A generator that yields between portions, so that a live run can spread one search over frames; the
order and the size of the portions never depend on the clock.
"""

import math
from collections.abc import Generator

import numpy as np

from guidance.needle._aim import steel_along
from guidance.needle._by_steel import find_by_steel
from guidance.needle._likeness import rate_shaft
from guidance.needle._line import Laid, Line
from guidance.needle._picture import Picture
from guidance.needle._rate import Rated, rate_line
from guidance.needle._ridge import DIRECTIONS, Seed, find_seeds, thin_out
from guidance.needle._steel import Steel, see_steel
from guidance.needle._trace import WIDEST_MM, lay_seed, trace_darkest, trace_line

MOST_SEEDS = 40
"""Seeds that are laid. The edges of a lumbar spine give some dozens as strong as a needle."""

MOST_LINES = 12
"""Lines that are followed to their ends."""

MOST_RATED = 5
"""Lines that are rated in full: three needles, and what is most like one."""

MOST_NEEDLES = 4
"""Two to four are placed for two joints."""

LEAST_SCORE = 0.0
"""Logit at which a line is called a needle in the mean of some frames."""

_DIRECTIONS_AT_ONCE = 4
_SEEDS_AT_ONCE = 8
_LINES_AT_ONCE = 3
_RATED_AT_ONCE = 2

_SURE = 1.0
"""A logit, and a difference of logits, that counts as sure where two searches disagree."""

_SURE_ALONE = 2.5
"""A logit at which a needle stays that the later of two searches has not."""

_NEAR_MM = 8.0
"""Tips of one needle as two searches saw it, its bend and a shift among them."""

_SAME_MM = 2.5
_TUBING_MM = 9.0
_CLEAR_SCORE = 1.2
"""The hub's cone hides so much between the steel and the tubing, at most, when seen steeply. But
the hubs of two needles may come together too: tubing does not look so much like steel."""


Search = Generator[None, None, list[Rated]]
"""A search under way."""


def search(picture: Picture) -> Search:
    """Yield between portions of work; return the needles of a picture, the surest first."""
    steel = see_steel(picture)
    yield
    seeds: list[Seed] = []
    for first in range(0, DIRECTIONS, _DIRECTIONS_AT_ONCE):
        directions = range(first, first + _DIRECTIONS_AT_ONCE)
        seeds += find_seeds(picture.signal, picture.working_mm, directions)
        yield
    best = thin_out(seeds, picture.working_mm, MOST_SEEDS)
    laid: list[Laid] = []
    for number, seed in enumerate(best):
        one = lay_seed(picture, seed)
        laid += [one] if one is not None else []
        if number % _SEEDS_AT_ONCE == _SEEDS_AT_ONCE - 1:
            yield
    seen = find_by_steel(picture, steel)
    if not laid and not seen:
        return []
    heights = [one.height for one in laid] or [line.contrast for line in seen]
    typical = float(np.median(heights))
    lines = yield from _trace(picture, laid)
    lines += [
        line for line in seen if not any(_is_same(line, other, picture.fine_mm) for other in lines)
    ]
    rated: list[Rated] = []
    for number, line in enumerate(_most_alike(picture, lines, typical, steel)):
        rated.append(rate_line(picture, line, line.contrast / typical, steel))
        if number % _RATED_AT_ONCE == _RATED_AT_ONCE - 1:
            yield
    return choose(rated, picture.fine_mm)


def run_through(work: Search) -> list[Rated]:
    """Return the outcome of a search, all of it done at once."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            return list(done.value)


def _trace(picture: Picture, laid: list[Laid]) -> Generator[None, None, list[Line]]:
    """Follow the most promising of the laid seeds, each line once."""
    mm = picture.fine_mm
    promising = [one for one in laid if one.width_mm < WIDEST_MM and one.lopsided < 1.5]
    promising.sort(
        key=lambda one: (
            6.6 * one.width_mm + 4.4 * one.lopsided + 3.0 * one.skew - 1.4 * math.log(one.height)
        )
    )
    lines: list[Line] = []
    traced = 0
    for one in promising:
        if any(_lies_on(one, line, mm) for line in lines):
            continue
        line = trace_line(picture, one)
        traced += 1
        if line is not None and line.width_mm < WIDEST_MM:
            lines.append(line)
            part = trace_darkest(picture, line)
            lines += [part] if part is not None and part.width_mm < WIDEST_MM else []
        if traced == MOST_LINES:
            break
        if traced % _LINES_AT_ONCE == 0:
            yield
    return lines


def _most_alike(picture: Picture, lines: list[Line], typical: float, steel: Steel) -> list[Line]:
    """Return the lines that look most like needles."""
    mm = picture.fine_mm
    order = sorted(
        lines,
        key=lambda line: (
            -rate_shaft(line, line.contrast / typical, mm) - 8 * steel_along(picture, line, steel)
        ),
    )
    return order[:MOST_RATED]


def _is_same(one: Line, other: Line, mm: float) -> bool:
    """Return whether both ends of two lines lie together."""
    ends = [one.at(one.start), one.at(one.end)]
    others = [other.at(other.start), other.at(other.end)]
    straight = max(math.dist(a, b) for a, b in zip(ends, others, strict=True))
    turned = max(math.dist(a, b) for a, b in zip(ends, others[::-1], strict=True))
    return min(straight, turned) * mm < _SAME_MM


def _lies_on(one: Laid, line: Line, mm: float) -> bool:
    """Return whether a laid seed belongs to a line that is known already."""
    sin, cos = math.sin(line.angle_rad), math.cos(line.angle_rad)
    down, right = one.row - line.row, one.column - line.column
    along, across = down * sin + right * cos, down * cos - right * sin
    turned = abs(math.sin(one.angle_rad - line.angle_rad))
    within = line.start - 3 / mm < along < line.end + 3 / mm
    return within and abs(across) * mm < 1.0 and turned < 0.2


def choose(rated: list[Rated], mm: float) -> list[Rated]:
    """Return those that are needles with a tip in the field; none twice, no tubing of another."""
    kept: list[Rated] = []
    for each in sorted(rated, key=lambda one: -one.score):
        if each.score < LEAST_SCORE or each.is_other or each.line.is_end_cut:
            continue
        if not any(_is_part(each, better, mm) for better in kept):
            kept.append(each)
    return kept[:MOST_NEEDLES]


def merge(earlier: list[Rated], later: list[Rated], mm: float) -> list[Rated]:
    """Return the needles of two searches in means of the same frames, the later one's in doubt.

    More frames hold less noise, but what moved among them is blurred: of a line that both have,
    that with the higher score stays, and with it the surer choice of its tip. What only the
    earlier search has was noise more often than not; it stays if it was sure.
    """
    merged = [_better(new, earlier, mm) for new in later]
    for old in earlier:
        is_new = all(old is not each and not _is_part(old, each, mm) for each in merged)
        if is_new and old.score > _SURE_ALONE:
            merged.append(old)
    return merged[:MOST_NEEDLES]


def _better(new: Rated, earlier: list[Rated], mm: float) -> Rated:
    """Return a needle, or what an earlier search made of it if that is better."""
    for old in earlier:
        if _is_turned(old, new, mm):
            return old if old.end_score > new.end_score + _SURE / 2 else new
        if math.dist((old.tip.row, old.tip.column), (new.tip.row, new.tip.column)) * mm < _NEAR_MM:
            return old if old.score > new.score + _SURE / 2 else new
    return new


def _is_turned(old: Rated, new: Rated, mm: float) -> bool:
    """Return whether two are one line, the tip of each near the hub of the other."""
    away = max(
        math.dist((one.tip.row, one.tip.column), (other.hub.row, other.hub.column))
        for one, other in ((old, new), (new, old))
    )
    return away * mm < 2 * _SAME_MM


def _is_part(each: Rated, better: Rated, mm: float) -> bool:
    """Return whether a line is a piece of a better one, its bent tip, or its tubing."""
    ends = [(tip.row, tip.column) for tip in (each.tip, each.hub)]
    on_it = [_distance(end, better) * mm < _SAME_MM for end in ends]
    to_hub = min(math.dist(end, (better.hub.row, better.hub.column)) for end in ends) * mm
    to_tip = min(math.dist(end, (better.tip.row, better.tip.column)) for end in ends) * mm
    is_tubing = to_hub < _TUBING_MM and each.score < _CLEAR_SCORE
    return all(on_it) or is_tubing or to_tip < _SAME_MM


def _distance(point: tuple[float, float], rated: Rated) -> float:
    """Return how far a point lies from a needle: from its shaft, or its tip."""
    line = rated.line
    sin, cos = math.sin(line.angle_rad), math.cos(line.angle_rad)
    down, right = point[0] - line.row, point[1] - line.column
    along = min(max(down * sin + right * cos, line.start), line.end)
    return min(
        math.dist(point, line.at(along)), math.dist(point, (rated.tip.row, rated.tip.column))
    )
