"""The course of a run: which frames matter, and when they were taken.

Frames count from 0, times are seconds from the first frame. Everything here is pure.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from guidance.errors import InputError
from guidance.records import Analysis, ContrastRecord

STRIP_FRAMES = 10
"""Frames of the strip: two rows of five, few enough to take in at once."""

REFERENCE_FRAMES = 8
"""Frames averaged as reference: noise falls by √8, and little time passes for motion."""


def frame_times(analysis: Analysis) -> list[float] | None:
    """Return the time of each frame, (T,), seconds; None where no time is known."""
    times = analysis.source.frame_times_s
    if times is not None and len(times) == analysis.source.n_frames:
        return list(times)
    by_frame = {record.frame: record.time_s for record in analysis.contrast.frames}
    found = [by_frame.get(frame) for frame in range(analysis.source.n_frames)]
    known = [time for time in found if time is not None]
    return known if known and len(known) == len(found) else None


def peak_frame(contrast: ContrastRecord) -> int | None:
    """Return the frame with the strongest contrast signal; None where there is no contrast.

    The signal, not the area: an area still grows while contrast thins out.
    """
    best, frame = 0.0, None
    for record in contrast.frames:
        signal = record.relative_signal_px
        if not record.area_px or signal is None or not math.isfinite(signal):
            continue
        if frame is None or signal > best:
            best, frame = signal, record.frame
    return frame


def shown_frame(analysis: Analysis) -> int:
    """Return the frame to show large: the peak, else the onset, else the last."""
    for frame in (peak_frame(analysis.contrast), analysis.contrast.onset_frame):
        if frame is not None:
            return frame
    return analysis.source.n_frames - 1


def reference_frames(analysis: Analysis) -> range:
    """Return the frames whose average stands for the run without contrast; may be empty.

    They are the last ones before the onset, so that the exposure has settled and little has moved
    since. Without an onset they end in the middle of the run, and the last frame is compared.
    """
    onset = analysis.contrast.onset_frame
    stop = analysis.source.n_frames // 2 if onset is None else onset
    return range(max(0, stop - REFERENCE_FRAMES), stop)


def frame_roles(analysis: Analysis) -> dict[int, list[str]]:
    """Return what makes a frame worth showing, in words, by frame; most telling word first."""
    contrast, last = analysis.contrast, analysis.source.n_frames - 1
    onset = contrast.onset_frame
    marks: list[tuple[str, int | None]] = [
        ("flag", contrast.flag_frame),
        ("onset", onset),
        ("peak", peak_frame(contrast)),
        ("first", 0),
        ("last", last),
        ("before onset", onset - 1 if onset else None),
    ]
    for number, injection in enumerate(contrast.injections, start=1):
        if injection.flag_frame != contrast.flag_frame:
            marks.append((f"flag {number}", injection.flag_frame))
        if injection.onset_frame != onset:
            marks.append((f"onset {number}", injection.onset_frame))
    roles: dict[int, list[str]] = {}
    for word, frame in marks:
        if frame is not None and 0 <= frame <= last:
            roles.setdefault(frame, []).append(word)
    return roles


def key_frames(analysis: Analysis, limit: int = STRIP_FRAMES) -> list[int]:
    """Choose the frames that tell the run's story.

    The frame of the flag, the onset, the peak, the first, the last and the one before the onset
    come first, in that order; what room is left goes to frames spread evenly over the time after
    the onset, then over the time before it.

    Parameters
    ----------
    analysis : Analysis
        The result to tell of.
    limit : int
        Most frames to return, at least 1.

    Returns
    -------
    list of int
        Distinct frame numbers from 0, ascending.

    Raises
    ------
    InputError
        `limit` or the number of frames is below 1.
    """
    n_frames = analysis.source.n_frames
    if limit < 1:
        raise InputError(f"limit is {limit}, expected at least 1; ask for one frame or more")
    if n_frames < 1:
        raise InputError(f"n_frames is {n_frames}, expected at least 1; the run holds no frame")
    if n_frames <= limit:
        return list(range(n_frames))
    chosen = sorted(list(frame_roles(analysis))[:limit])
    at = frame_times(analysis) or [float(frame) for frame in range(n_frames)]
    for start in (analysis.contrast.onset_frame or 0, 0):
        chosen = sorted([*chosen, *_fill(chosen, at, start, limit - len(chosen))])
    return chosen


def _fill(chosen: Sequence[int], at: Sequence[float], start: int, room: int) -> list[int]:
    """Return up to `room` frames, not chosen yet, spread evenly in time from frame `start` on.

    Each gap between chosen frames gets as many as keep the longest wait short; within a gap they
    stand at even times.
    """
    edges = [start - 1, *(frame for frame in chosen if frame >= start), len(at)]
    gaps = [(low, high) for low, high in pairwise(edges) if high - low > 1]
    counts = [0] * len(gaps)

    def wait(index: int) -> tuple[float, float]:
        low, high = gaps[index]
        parts = counts[index] + 1
        # Equal times leave a gap of no length, which still holds frames: their number decides.
        return (_time(at, high) - _time(at, low)) / parts, (high - low) / parts

    for _ in range(room):
        open_gaps = [i for i, (low, high) in enumerate(gaps) if high - low - 1 > counts[i]]
        if open_gaps:
            counts[max(open_gaps, key=wait)] += 1
    filled = []
    for (low, high), count in zip(gaps, counts, strict=True):
        previous = low
        for number in range(1, count + 1):
            free = range(previous + 1, high - (count - number))
            previous = _nearest(free, at, (low, high), number / (count + 1))
            filled.append(previous)
    return filled


def _nearest(free: range, at: Sequence[float], gap: tuple[int, int], share: float) -> int:
    """Return the frame among `free` nearest in time to `share` of the way through a gap."""
    low, high = gap
    due = _time(at, low) + share * (_time(at, high) - _time(at, low))
    even = low + share * (high - low)
    return min(free, key=lambda frame: (abs(at[frame] - due), abs(frame - even)))


def _time(at: Sequence[float], frame: int) -> float:
    """Return the time of a frame; the edges of the run lie just outside it."""
    return at[min(max(frame, 0), len(at) - 1)]
