"""Wires: Kirschner and guide wires, as straight and as dark as needles but thicker.

A wire of 1.6 to 3.2 mm in a picture made three times smaller looks like a needle, so the same
search finds it. It has no hub; it is long, far darker than bone, even along its length, and ends at
once. A catheter or a vessel is none of that all along.
"""

from guidance.needle._picture import Picture
from guidance.needle._rate import Rated
from guidance.needle._search import run_through, search

THICKER = 3.0
"""How many times thicker than needles wires are."""

LEAST_LENGTH_MM = 25.0
"""Less of a wire may as well be an edge of bone, a vessel or an instrument."""

LEAST_SCORE = 2.2
MOST_UNEVEN = 0.25
"""Steel adds the same all along; what it lies over takes a part of that."""


def find_wires(picture: Picture) -> list[Rated]:
    """Return the wires of a picture that was made `THICKER`, the surest first."""
    mm = picture.fine_mm * THICKER
    return [each for each in run_through(search(picture)) if _is_wire(each, mm)]


def _is_wire(rated: Rated, mm: float) -> bool:
    """Return whether a line is a wire; `mm` is the true size of a fine pixel."""
    is_long = rated.line.length * mm > LEAST_LENGTH_MM
    return is_long and rated.score > LEAST_SCORE and rated.line.uneven < MOST_UNEVEN
