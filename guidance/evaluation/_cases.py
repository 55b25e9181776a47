"""What is compared: the truth of one simulated run, and what an observer said of it.

Conventions are the result contract's: frames from 0, seconds from the first frame, `*_px` is (row,
column) of the stored frame, a value that could not be had is None.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.records import SpreadPattern, Verdict

Pixel = tuple[float, float]

RUN_NAME = re.compile(r"[0-9a-f]{12}")
"""The contract's name of a run: see `guidance.io.run_name`."""

POSITIVE_PATTERNS = frozenset({SpreadPattern.VASCULAR, SpreadPattern.MIXED})
"""Part of the injectate entered a vessel: what the contract calls `intravascular`."""

_LONGEST_TAG = 40


class VesselKind(StrEnum):
    """What the vessel is that contrast entered."""

    VENOUS = "venous"
    ARTERIAL = "arterial"


@dataclass(frozen=True, slots=True, kw_only=True)
class TipTruth:
    """Where the tip of the injecting needle is in one frame.

    Attributes
    ----------
    frame : int
        From 0.
    position_px : (row, column)
        Stored pixels.
    """

    frame: int
    position_px: Pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTruth:
    """Where a nerve can be reached, in the first frame; accuracy is the distance to the segment.

    Attributes
    ----------
    nerve : str
        As in the contract, ``"L3 medial branch"``.
    side : Side
        The patient's.
    groove_superior_px, block_point_px : (row, column)
        The two ends of the segment. Stored pixels.
    """

    nerve: str
    side: Side
    groove_superior_px: Pixel
    block_point_px: Pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTruth:
    """The truth of one simulated run, as far as evaluation needs it.

    Attributes
    ----------
    run : str
        The contract's name: 12 hexadecimal digits from the SOP Instance UID.
    suite : str
        The suite it belongs to.
    index : int
        Its number in the suite.
    patient : str
        Whose anatomy it shows. Runs of one anatomy are drawn together by the bootstrap.
    pattern : SpreadPattern
        Where the contrast went; of several injections, the worst.
    duration_s : float
        Time of the last frame, counted from the first.
    n_frames : int or None
        Frames in the run.
    times_s : tuple of float or None
        Time of each frame. Without it frames are taken as evenly spaced.
    vessel_dose_fraction : float or None
        Share of the injectate that enters a vessel; None or 0 in a negative.
    vessel_diameter_mm : float or None
        Calibre where the contrast enters.
    vessel : VesselKind or None
        What it enters.
    uptake_s : float or None
        When contrast first enters a vessel, to be seen or not; None: taken as the onset.
    first_visible_vessel_s : float or None
        Time of the first frame in which the vessel can be seen by the simulator's stated rule; None
        where it never can.
    vessel_visible_in_last_frame : bool
        The same rule, in the last frame.
    washout_s : float or None
        Time that the contrast takes to leave the vessel.
    onset_frame : int or None
        First frame in which newly injected contrast can be seen.
    onset_s : float or None
        Its time.
    frame_dose_ngy : float or None
        Air kerma at the detector for each frame. Nanogray.
    motion_mm : float or None
        Greatest displacement of the bone, at the patient.
    level : Vertebra or None
        The vertebra that the needle is at.
    side : Side or None
        The patient's side of the needle.
    view : str
        As ``"AP"``, ``"oblique"``, ``"lateral"``; empty where it is not told.
    header : str
        Kind of header: ``"full"``, ``"sparse"``, ``"wrong"``…; empty where it is not told.
    variants : tuple of str
        What is special: ``remote``, ``late``, ``end_on``, ``two_injections``, ``residue``, …
    spacing_iso_mm : float or None
        Size of a stored pixel at the isocentre.
    tips : tuple of TipTruth
        The injecting needle's tip, in some frames or all.
    targets : tuple of TargetTruth
        What the view shows.
    """

    run: str
    suite: str
    index: int
    patient: str
    pattern: SpreadPattern
    duration_s: float
    n_frames: int | None = None
    times_s: tuple[float, ...] | None = None
    vessel_dose_fraction: float | None = None
    vessel_diameter_mm: float | None = None
    vessel: VesselKind | None = None
    uptake_s: float | None = None
    first_visible_vessel_s: float | None = None
    vessel_visible_in_last_frame: bool = False
    washout_s: float | None = None
    onset_frame: int | None = None
    onset_s: float | None = None
    frame_dose_ngy: float | None = None
    motion_mm: float | None = None
    level: Vertebra | None = None
    side: Side | None = None
    view: str = ""
    header: str = ""
    variants: tuple[str, ...] = ()
    spacing_iso_mm: float | None = None
    tips: tuple[TipTruth, ...] = ()
    targets: tuple[TargetTruth, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a truth that contradicts itself; it would judge observers wrongly."""
        _check_run_name(self.run)
        if not self.patient:
            raise self._fault("patient is empty", "name the anatomy, runs are clustered by it")
        self._check_vessel()
        _check_number(self.run, "duration_s", self.duration_s, 0.0, math.inf)
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None:
                _check_number(self.run, name, value, low, high)
        if self.n_frames is not None and self.n_frames < 1:
            raise self._fault(f"n_frames is {self.n_frames}", "a run has at least 1")
        if self.times_s is not None and self.n_frames not in (None, len(self.times_s)):
            raise self._fault(
                f"{len(self.times_s)} times for {self.n_frames} frames", "give one for each"
            )
        if any(not tag or len(tag) > _LONGEST_TAG for tag in self.variants):
            raise self._fault("a variant is empty or long", f"use up to {_LONGEST_TAG} characters")

    def _check_vessel(self) -> None:
        fraction = self.vessel_dose_fraction
        if self.is_vascular:
            if fraction is not None and not 0.0 < fraction <= 1.0:
                raise self._fault(
                    f"vessel_dose_fraction is {fraction} with pattern {self.pattern}",
                    "expected above 0 and up to 1",
                )
        elif fraction or self.first_visible_vessel_s is not None:
            raise self._fault(
                f"pattern is {self.pattern}, yet contrast is in a vessel",
                "call the pattern vascular or mixed",
            )

    def _fault(self, found: str, remedy: str) -> InputError:
        return InputError(f"truth of run {self.run}: {found}; {remedy}")

    @property
    def is_vascular(self) -> bool:
        """Whether part of the injectate entered a vessel: the positive cases."""
        return self.pattern in POSITIVE_PATTERNS

    @property
    def is_vessel_visible(self) -> bool:
        """Whether the vessel can ever be seen, by the simulator's stated rule."""
        return self.first_visible_vessel_s is not None

    @property
    def negative_s(self) -> float:
        """Time in which no contrast is in a vessel: the whole run, or up to the uptake."""
        uptake = self.start_of_uptake_s
        return self.duration_s if uptake is None else min(uptake, self.duration_s)

    @property
    def start_of_uptake_s(self) -> float | None:
        """When contrast first enters a vessel; the onset where that is not told, None if never."""
        if not self.is_vascular:
            return None
        known = (self.uptake_s, self.onset_s, self.first_visible_vessel_s)
        return next((time for time in known if time is not None), 0.0)

    def time_of(self, frame: int) -> float | None:
        """Return the true time of a frame; None where the truth does not reach so far."""
        if self.times_s is not None:
            return self.times_s[frame] if 0 <= frame < len(self.times_s) else None
        if self.n_frames is None or not 0 <= frame < self.n_frames:
            return None
        return frame * self.duration_s / max(self.n_frames - 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """Where an observer says that a nerve can be reached.

    Attributes
    ----------
    nerve : str
        As in the contract.
    side : str or None
        The patient's, where the observer knew it.
    position_px : (row, column)
        Stored pixels.
    """

    nerve: str
    side: str | None
    position_px: Pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What an observer said of one run.

    Attributes
    ----------
    run : str
        The contract's name of the run.
    flagged : bool
        Whether suspected intravascular contrast was flagged at any time.
    score : float or None
        Larger means more suspect; any scale.
    probability : float or None
        The same as a probability, where it is meant as one: only this is held to calibration.
    verdict : Verdict or None
        In the contract's words; `indeterminate` abstains.
    flag_frames : tuple of int
        Every frame at which a flag went up, ascending.
    flag_s : float or None
        Time of the flag, for observers that do not tell the frame.
    onset_frame : int or None
        First frame in which contrast was seen.
    onset_s : float or None
        Its time, for observers that do not tell the frame.
    tips : tuple of TipTruth
        Where it saw the tip of the injecting needle.
    targets : tuple of TargetResult
        Where it says that nerves can be reached.
    """

    run: str
    flagged: bool
    score: float | None = None
    probability: float | None = None
    verdict: Verdict | None = None
    flag_frames: tuple[int, ...] = ()
    flag_s: float | None = None
    onset_frame: int | None = None
    onset_s: float | None = None
    tips: tuple[TipTruth, ...] = ()
    targets: tuple[TargetResult, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that are none, and flags without a flag."""
        _check_run_name(self.run)
        if self.score is not None and not math.isfinite(self.score):
            raise InputError(f"score of run {self.run} is {self.score}; leave it empty instead")
        if self.probability is not None:
            _check_number(self.run, "probability", self.probability, 0.0, 1.0)
        if not self.flagged and (self.flag_frames or self.flag_s is not None):
            raise InputError(
                f"run {self.run} is not flagged, yet has the time of a flag; correct one of them"
            )

    @property
    def suspicion(self) -> float | None:
        """What cases are ranked by: the score, or else the probability."""
        return self.probability if self.score is None else self.score

    @property
    def abstains(self) -> bool:
        """Whether the observer declines to decide. A flag decides, whatever the verdict's word."""
        return self.verdict is Verdict.INDETERMINATE and not self.flagged

    def flag_times_s(self, truth: CaseTruth) -> tuple[float, ...]:
        """Return when flags went up, by the truth's clock where frames are told; it may be empty.

        The truth's clock comes first: a header's times may be absent or wrong.
        """
        found = [truth.time_of(frame) for frame in self.flag_frames]
        times = tuple(sorted(time for time in found if time is not None))
        if times:
            return times
        return () if self.flag_s is None else (self.flag_s,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run with its truth and what was said of it."""

    truth: CaseTruth
    result: CaseResult


_RANGES = (
    ("vessel_diameter_mm", 0.0, 50.0),
    ("uptake_s", 0.0, math.inf),
    ("first_visible_vessel_s", 0.0, math.inf),
    ("washout_s", 0.0, math.inf),
    ("onset_s", 0.0, math.inf),
    ("frame_dose_ngy", 0.0, math.inf),
    ("motion_mm", 0.0, math.inf),
    ("spacing_iso_mm", 1e-3, 10.0),
)
"""Fields of a truth, and what they may be."""


def _check_run_name(run: str) -> None:
    if not RUN_NAME.fullmatch(run):
        raise InputError(
            f"the name of a run is {run[:40]!r}, expected 12 hexadecimal digits; "
            "it is guidance.io.run_name of the SOP Instance UID"
        )


def _check_number(run: str, name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} of run {run} is {value}, expected {low:g} to {high:g}; check it")
