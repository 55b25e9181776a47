"""Needles: found in a frame, followed through a run, and which of them injects."""

from guidance.needle._choose import choose_injecting
from guidance.needle._find import find_needles
from guidance.needle._follow import NeedleFollower
from guidance.needle._frames import finite_values
from guidance.needle._gather import Gathering
from guidance.needle._picture import Picture, locate_field, make_picture
from guidance.needle._steel import CELL_PX, make_input

__all__ = [
    "CELL_PX",
    "Gathering",
    "NeedleFollower",
    "Picture",
    "choose_injecting",
    "find_needles",
    "finite_values",
    "locate_field",
    "make_input",
    "make_picture",
]
