"""What `guidance subtract` is asked for, and how its options are written."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from guidance.errors import InputError


class Pictures(StrEnum):
    """How the subtracted run is written."""

    PNG = "png"
    GIF = "gif"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtractRequest:
    """What a call asks for.

    Attributes
    ----------
    out : Path
        A folder per run is made in it.
    mask, frames : (first, last) or None
        Frames to average to a mask, and to subtract; None to choose them, and for all.
    shift : (rows, columns) or None
        How far to move the mask in every frame; None to estimate it in each. Pixels.
    pictures : Pictures
        A series of PNG files, or one GIF.
    frame_time_ms : float or None
        For runs whose header gives no time.
    """

    out: Path
    mask: tuple[int, int] | None = None
    frames: tuple[int, int] | None = None
    shift: tuple[float, float] | None = None
    pictures: Pictures = Pictures.PNG
    frame_time_ms: float | None = None


def parse_frames(text: str) -> tuple[int, int]:
    """Return the ends of ``FIRST-LAST``, or of a single frame.

    Raises
    ------
    InputError
        It is neither.

    Examples
    --------
    >>> parse_frames("3-8"), parse_frames("5")
    ((3, 8), (5, 5))
    """
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise InputError(f"found {text[:40]!r}, expected FIRST-LAST, as 3-8; frames count from 0")
    return first, last


def parse_shift(text: str) -> tuple[float, float]:
    """Return rows and columns of ``ROW,COLUMN``.

    Raises
    ------
    InputError
        It is something else.

    Examples
    --------
    >>> parse_shift("-1.5,2")
    (-1.5, 2.0)
    """
    number = r"\s*([+-]?\d{1,5}(?:\.\d{0,6})?)\s*"
    found = re.fullmatch(f"{number},{number}", text)
    if not found:
        raise InputError(f"found {text[:40]!r}, expected ROW,COLUMN in pixels, as -1.5,2")
    return float(found[1]), float(found[2])
