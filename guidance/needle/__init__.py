"""Needles: found in a frame, followed through a run, and which of them injects."""

from guidance.needle._choose import choose_injecting
from guidance.needle._find import find_needles
from guidance.needle._follow import NeedleFollower

__all__ = ["NeedleFollower", "choose_injecting", "find_needles"]
