"""The strata that figures are also given by; a run lies in one stratum of each group, or in none.

The borders are round numbers chosen before any result was seen (guess), but for the dose, whose
20 % is the project's own border of a small uptake.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.evaluation._cases import CaseTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Some of the cases, by one property of their truth.

    Attributes
    ----------
    group, label : str
        The property and its value, for a reader.
    members : tuple of int
        Row of each case, ascending.
    """

    group: str
    label: str
    members: tuple[int, ...]

    @property
    def name(self) -> str:
        """What stands in tables: ``group=label``."""
        return f"{self.group}={self.label}"

    def mask(self, n: int) -> NDArray[np.bool_]:
        """Return the members as an (n,) bool array."""
        found = np.zeros(n, np.bool_)
        found[list(self.members)] = True
        return found


def find_strata(truths: tuple[CaseTruth, ...]) -> list[Stratum]:
    """Return every stratum that has a case, in the order they are read in.

    One that holds every case is left out: it says nothing that the whole does not.
    """
    members: dict[tuple[str, str], list[int]] = {}
    for row, truth in enumerate(truths):
        for group, label in _labels(truth):
            members.setdefault((group, label), []).append(row)
    groups = [*_GROUPS, "variant"]
    ordered = sorted(members, key=lambda key: (groups.index(key[0]), _rank(key[1]), key[1]))
    return [
        Stratum(group=group, label=label, members=tuple(members[group, label]))
        for group, label in ordered
        if len(members[group, label]) < len(truths)
    ]


def _labels(truth: CaseTruth) -> Iterator[tuple[str, str]]:
    for group, label in _GROUPS.items():
        found = label(truth)
        if found:
            yield group, found
    for tag in sorted(set(truth.variants)):
        yield "variant", tag


def _binned(value: float | None, borders: tuple[float, ...], labels: tuple[str, ...]) -> str:
    """Return the label of the bin that `value` lies in, upper borders included."""
    if value is None:
        return ""
    return labels[bisect_left(borders, value)]


def _dose(truth: CaseTruth) -> str:
    percent = None if not truth.is_vascular else truth.vessel_dose_fraction
    return _binned(percent, (0.05, 0.20), _DOSES)


def _last_frame(truth: CaseTruth) -> str:
    if not truth.is_vascular:
        return ""
    if not truth.is_vessel_visible:
        return "vessel never visible"
    return "vessel visible" if truth.vessel_visible_in_last_frame else "vessel washed out"


def _only_positive(
    find: Callable[[CaseTruth], str],
) -> Callable[[CaseTruth], str]:
    return lambda truth: find(truth) if truth.is_vascular else ""


_DOSES = ("up to 5 %", "5 to 20 %", "20 to 100 %")
_CALIBRES = ("up to 0.5 mm", "0.5 to 1 mm", "1 to 2 mm", "over 2 mm")
_WASHOUTS = ("up to 2 s", "2 to 10 s", "over 10 s")
_FRAME_DOSES = ("up to 20 nGy", "20 to 50 nGy", "50 to 100 nGy", "over 100 nGy")
_MOTIONS = ("up to 0.5 mm", "0.5 to 2 mm", "2 to 5 mm", "over 5 mm")

_GROUPS: dict[str, Callable[[CaseTruth], str]] = {
    "suite": lambda truth: truth.suite,
    "pattern": lambda truth: truth.pattern.value,
    "dose in vessel": _dose,
    "calibre": _only_positive(
        lambda truth: _binned(truth.vessel_diameter_mm, (0.5, 1.0, 2.0), _CALIBRES)
    ),
    "vessel": _only_positive(lambda truth: truth.vessel.value if truth.vessel else ""),
    "wash-out": _only_positive(lambda truth: _binned(truth.washout_s, (2.0, 10.0), _WASHOUTS)),
    "last frame": _last_frame,
    "frame dose": lambda truth: _binned(truth.frame_dose_ngy, (20.0, 50.0, 100.0), _FRAME_DOSES),
    "motion": lambda truth: _binned(truth.motion_mm, (0.5, 2.0, 5.0), _MOTIONS),
    "view": lambda truth: truth.view,
    "level": lambda truth: truth.level.value if truth.level else "",
    "header": lambda truth: truth.header,
}
"""Each group and what finds a run's label in it; empty where it has none."""

_ORDERED = (
    "none",
    "perineural",
    "intra_articular",
    "intramuscular",
    "epidural",
    "vascular",
    "mixed",
    *_DOSES,
    *_CALIBRES,
    *_WASHOUTS,
    *_FRAME_DOSES,
    *_MOTIONS,
)


def _rank(label: str) -> int:
    return _ORDERED.index(label) if label in _ORDERED else len(_ORDERED)
