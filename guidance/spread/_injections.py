"""When contrast was injected: once, or again after a pause."""

from dataclasses import dataclass

_GROWTH = 1.02
"""Contrast still grows where its signal is this much above that of the last growing frame."""

_AGAIN = 0.15
"""A new injection adds this share of the greatest signal to what was there before it."""

_STIR = 0.03
"""Its beginning is where so much has been added."""


@dataclass(slots=True, kw_only=True)
class Injection:
    """One injection so far.

    Attributes
    ----------
    onset_frame, end_frame : int
        First frame in which it can be seen, last in which it still grew.
    end_s : float
        Time of the latter.
    origin : (row, column)
        Where it was first seen. Working pixels.
    greatest : float
        Largest signal so far.
    again_frame : int or None
        First frame in which it seems to grow anew after a pause.
    ratio : float
        Largest log likelihood ratio so far.
    flag_frame : int or None
        When the flag stood because of it.
    """

    onset_frame: int
    end_frame: int
    end_s: float
    origin: tuple[float, float]
    grown: float = 0.0
    greatest: float = 0.0
    trough: float = 0.0
    again_frame: int | None = None
    ratio: float = -12.0
    flag_frame: int | None = None


def is_new(injection: Injection, held: float) -> bool:
    """Return whether contrast has grown enough anew, after a pause, to be another injection.

    Parameters
    ----------
    injection : Injection
        The latest one, with this frame followed.
    held : float
        Signal over all that ever showed contrast.
    """
    risen = held > injection.trough + _AGAIN * injection.greatest
    return injection.again_frame is not None and risen


def follow(injection: Injection, frame: int, held: float, time_s: float, pause_s: float) -> None:
    """Take in a frame of the latest injection.

    Parameters
    ----------
    injection : Injection
    frame : int
        Number of the frame.
    held : float
        Signal over all that ever showed contrast.
    time_s : float
        Of this frame.
    pause_s : float
        Shortest pause between two injections: growth after so long without any is not its own.
    """
    injection.trough = min(injection.trough, held)
    injection.greatest = max(injection.greatest, held)
    if time_s - injection.end_s >= pause_s:
        if held <= injection.trough + _STIR * injection.greatest:
            injection.again_frame = None
        elif injection.again_frame is None:
            injection.again_frame = frame
        return
    if held > _GROWTH * injection.grown:
        injection.end_frame, injection.end_s, injection.grown = frame, time_s, held
        injection.trough = held
