"""When each frame was taken (PS3.3 C.7.6.5), from the best attribute that makes sense."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from pydicom.datadict import keyword_for_tag

from guidance.errors import InputError
from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.records import FloatArray, FrameTiming, NotFound, Remark, RunHeader

# A thousand frames a second to one a minute: what lies outside is a wrong unit or no time at all.
SHORTEST_FRAME_MS = 1.0
LONGEST_FRAME_MS = 60_000.0
REMEDY = "give the time with --frame-time MS"
# These say when frames were taken; the others say how long one lasted or how to play them back.
MEASURED = frozenset({"FrameTime", "FrameTimeVector", "single image"})
NO_TIME = "no onset in seconds and no speeds can be given"

Increments = FloatArray | str
Reading = Callable[[tuple[float, ...], int], Increments]


def read_timing(
    attributes: Attributes, n_frames: int
) -> tuple[FrameTiming | NotFound, list[Remark]]:
    """Return when each frame was taken, and what was odd about it.

    The attribute that Frame Increment Pointer (0028,0009) names goes first. One that makes no sense
    is ignored with a remark, and the next is taken.

    Parameters
    ----------
    attributes : Attributes
        The header.
    n_frames : int
        Number of frames; the file has been found to hold them.
    """
    if n_frames == 1:
        return FrameTiming(times_s=np.zeros(1), source="single image"), []
    remarks = []
    for keyword in _order(attributes):
        numbers = attributes.numbers(keyword)
        if not numbers:
            continue
        increments = READINGS[keyword](numbers, n_frames)
        if isinstance(increments, str):
            remarks.append(
                Remark(
                    attribute=label(keyword),
                    finding=f"{increments} and was ignored",
                    cost="times come from another attribute, or there are none",
                    remedy=REMEDY,
                )
            )
            continue
        if keyword not in MEASURED:
            remarks.append(_substitute(keyword))
        times_s: FloatArray = np.zeros(n_frames)
        times_s[1:] = np.cumsum(increments) / 1000
        return FrameTiming(times_s=times_s, source=keyword), remarks
    names = f"{label('FrameTime')} and {label('FrameTimeVector')}"
    remarks.append(
        Remark(
            attribute=label("FrameTime"),
            finding="is missing or no use, and nothing else gives the frames' times",
            cost=NO_TIME,
            remedy=REMEDY,
        )
    )
    return NotFound(f"{names} are missing or no use; {REMEDY}"), remarks


def with_frame_time(header: RunHeader, frame_time_ms: float) -> RunHeader:
    """Return the header with the user's time between frames, unless it has measured times.

    Times that the header gives by Frame Time or Frame Time Vector stand; a playback rate, and
    nothing at all, give way.

    Parameters
    ----------
    header : RunHeader
        As read.
    frame_time_ms : float
        Time from one frame to the next. Milliseconds.

    Raises
    ------
    InputError
        The time is not between 1 ms and a minute.
    """
    if not SHORTEST_FRAME_MS <= frame_time_ms <= LONGEST_FRAME_MS:
        raise InputError(
            f"the time between frames is {frame_time_ms:g} ms, expected {SHORTEST_FRAME_MS:g} to "
            f"{LONGEST_FRAME_MS:g}; give it in milliseconds"
        )
    if header.timing and header.timing.source in MEASURED:
        return header
    given = Remark(
        attribute=label("FrameTime"),
        finding=f"was given by the user as {frame_time_ms:g} ms",
        cost="times are as true as that number",
    )
    others = tuple(remark for remark in header.remarks if remark.remedy != REMEDY)
    times_s: FloatArray = np.arange(header.n_frames, dtype=np.float64) * (frame_time_ms / 1000)
    return replace(
        header,
        timing=FrameTiming(times_s=times_s, source="user"),
        remarks=(*others, given),
    )


def _order(attributes: Attributes) -> list[str]:
    """Return the keywords to try: those that the pointer names, then the rest by their worth."""
    # A hostile header may hold text or a float here: infinite, or beyond any tag.
    numbers = attributes.numbers("FrameIncrementPointer")
    tags = [int(number) for number in numbers if 0 <= number <= 0xFFFF_FFFF]
    named = [keyword_for_tag(tag) for tag in tags]
    first = [keyword for keyword in named if keyword in READINGS]
    return first + [keyword for keyword in READINGS if keyword not in first]


def _vector(numbers: tuple[float, ...], n_frames: int) -> Increments:
    """Return the increments of a Frame Time Vector; its first entry stands before frame 0."""
    if len(numbers) != n_frames:
        return f"has {len(numbers)} entries, expected {n_frames},"
    increments = np.array(numbers[1:])
    fits = (increments >= SHORTEST_FRAME_MS) & (increments <= LONGEST_FRAME_MS)
    if not fits.all():  # NaN does not fit either
        odd = int(np.argmin(fits)) + 1
        return f"has an impossible entry at frame {odd} (found {_shown(numbers[odd])} ms)"
    return increments


def _constant(numbers: tuple[float, ...], n_frames: int) -> Increments:
    """Return the increments of a time that is the same for all frames."""
    if len(numbers) > 1:
        return f"has {len(numbers)} values, expected 1,"
    if not SHORTEST_FRAME_MS <= numbers[0] <= LONGEST_FRAME_MS:
        return f"is impossible (found {_shown(numbers[0])} ms)"
    return np.full(n_frames - 1, numbers[0])


def _rate(numbers: tuple[float, ...], n_frames: int) -> Increments:
    """Return the increments that a number of frames per second stands for."""
    if len(numbers) > 1:
        return f"has {len(numbers)} values, expected 1,"
    if not 1000 / LONGEST_FRAME_MS <= numbers[0] <= 1000 / SHORTEST_FRAME_MS:
        return f"is impossible (found {_shown(numbers[0])} frames per second)"
    return np.full(n_frames - 1, 1000 / numbers[0])


# In the order of their worth.
READINGS: dict[str, Reading] = {
    "FrameTimeVector": _vector,
    "FrameTime": _constant,
    "ActualFrameDuration": _constant,
    "CineRate": _rate,
    "RecommendedDisplayFrameRate": _rate,
}


def _substitute(keyword: str) -> Remark:
    """Return the remark on a time that does not come from the acquisition's clock."""
    if keyword == "ActualFrameDuration":
        finding = "says how long a frame lasted, not how far frames are apart"
    else:
        finding = "is a rate for playing back, not the rate of acquisition"
    return Remark(
        attribute=label(keyword),
        finding=f"is the only time there is, and {finding}",
        cost="times and speeds may be wrong by a factor",
        remedy=REMEDY,
    )


def _shown(number: float) -> str:
    return "no number" if math.isnan(number) else f"{number:g}"
