"""Everything that one run is made from, as plain numbers, and how it is drawn.

`draw_run` turns ranges into a `RunSettings`; the same settings, machine and versions give the same
bytes. The anatomy is named, not held: runs of one patient share it.
"""

from dataclasses import dataclass, field

import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.simulation._collimation import (
    CollimationRanges,
    CollimationSettings,
    draw_collimation,
)
from guidance.simulation._contrast_settings import (
    ContrastRanges,
    ContrastSettings,
    draw_contrast,
)
from guidance.simulation._detector import DetectorRanges, DetectorSettings, draw_detector
from guidance.simulation._display import DisplayRanges, DisplaySettings, draw_display
from guidance.simulation._exposure import XRayRanges, XRaySettings, draw_xray
from guidance.simulation._header_draw import HeaderRanges, draw_header
from guidance.simulation._header_settings import HeaderSettings
from guidance.simulation._motion import MotionRanges, MotionSettings, Range, Vector, draw_motion
from guidance.simulation._needle import NeedleRanges, NeedleSettings, draw_needle
from guidance.simulation._recording import RecordingRanges, RecordingSettings, draw_recording
from guidance.simulation._view_settings import ViewKind, ViewRanges, ViewSettings, draw_view
from guidance.spine import BodySettings

# A run without a frame before the injection could only be judged by its last.
SHORTEST_S, LONGEST_S = 1.0, 300.0
# Of 16 bits; a value in a DICOM file is shorter than 4 GiB.
MOST_PIXELS = 2**31 - 1
# Of a trunk at the lumbar spine, bone and bowel gas included; muscle has 1.05, fat 0.93. Guess.
_MEAN_DENSITY_G_PER_CM3 = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedNeedle:
    """A needle and the target it is at.

    Attributes
    ----------
    vertebra : Vertebra
        The bone that the target lies on: L4 for the L3 medial branch.
    side : Side
        The patient's.
    needle : NeedleSettings
        The needle.
    """

    vertebra: Vertebra
    side: Side
    needle: NeedleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRanges:
    """What runs are drawn from.

    Attributes
    ----------
    vertebrae : tuple of Vertebra
        Bones blocked; the L4-L5 and L5-S1 joints lead (Manchikanti 2004: most lumbar facet pain).
    vertebra_weights : tuple of float
        How often each. Guess after that.
    sides : tuple of Side
        Sides blocked.
    after_injection_s : Range
        How long a run goes on after the last drop. Guess: users watch some seconds.
    quiet_s : Range
        Length of a run without any injection. Guess.
    marker_share : float
        Runs with a lead letter in the image. Guess.
    reposition_mm : Range
        How far a needle is moved between two injections. Guess.
    """

    vertebrae: tuple[Vertebra, ...] = (
        Vertebra.L2,
        Vertebra.L3,
        Vertebra.L4,
        Vertebra.L5,
        Vertebra.S1,
    )
    vertebra_weights: tuple[float, ...] = (1, 2, 4, 4, 3)
    sides: tuple[Side, ...] = (Side.LEFT, Side.RIGHT)
    after_injection_s: Range = (2.0, 8.0)
    quiet_s: Range = (6.0, 16.0)
    marker_share: float = 0.15
    reposition_mm: Range = (1.0, 4.0)
    view: ViewRanges = field(default_factory=ViewRanges)
    needle: NeedleRanges = field(default_factory=NeedleRanges)
    motion: MotionRanges = field(default_factory=MotionRanges)
    contrast: ContrastRanges = field(default_factory=ContrastRanges)
    xray: XRayRanges = field(default_factory=XRayRanges)
    # Truth in pixels is that of an undistorted image, as units with digital correction store it.
    detector: DetectorRanges = field(
        default_factory=lambda: DetectorRanges(pincushion=(0.0, 0.0), s_distortion=(0.0, 0.0))
    )
    display: DisplayRanges = field(default_factory=DisplayRanges)
    # Pain clinics use few pulses: fewer runs at 25 and 30 than archives of all kinds have. Guess.
    recording: RecordingRanges = field(
        default_factory=lambda: RecordingRanges(weights=(1, 1, 2, 2, 1, 4, 3, 1, 2, 4, 0.5, 0.7))
    )
    header: HeaderRanges = field(default_factory=HeaderRanges)
    collimation: CollimationRanges = field(default_factory=CollimationRanges)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """One run, resolved.

    Attributes
    ----------
    suite : str
        The suite it belongs to; empty for a run by itself.
    index, seed : int
        Its number in the suite, and the seed of everything that is not in the settings: noise,
        the course of vessels, the grain of tissues.
    anatomy : str
        Name of the patient.
    duration_s : float
        From the first pulse to the last. Seconds.
    needle : PlacedNeedle
        The one that injects.
    others : tuple of PlacedNeedle
        Needles already at other targets.
    repositioned_mm : tuple of (x, y, z)
        By how much the needle is moved before the second injection. LPS millimetres.
    marker : str
        Lead letter in the image; empty for none.
    """

    suite: str = ""
    index: int = 0
    seed: int
    anatomy: str
    duration_s: float
    needle: PlacedNeedle
    others: tuple[PlacedNeedle, ...]
    repositioned_mm: tuple[Vector, ...]
    marker: str
    view: ViewSettings
    motion: MotionSettings
    contrast: ContrastSettings
    xray: XRaySettings
    detector: DetectorSettings
    display: DisplaySettings
    recording: RecordingSettings
    header: HeaderSettings
    collimation: CollimationSettings

    def __post_init__(self) -> None:
        """Refuse what would take the machine down, or shows nothing."""
        if not SHORTEST_S <= self.duration_s <= LONGEST_S:
            raise InputError(
                f"duration_s is {self.duration_s}, expected {SHORTEST_S:g} to {LONGEST_S:g}"
            )
        if self.detector.pincushion or self.detector.s_distortion:
            raise InputError(
                f"pincushion {self.detector.pincushion}, s_distortion {self.detector.s_distortion}:"
                " positions in the truth are those of an undistorted image; set both to 0"
            )
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}, expected 0 or more")
        if self.marker not in ("", "L", "R"):
            raise InputError(f"marker is {self.marker!r}, expected L, R or nothing")
        self._check_size()
        onsets = [injection.onset_s for injection in self.contrast.injections]
        # Two pulses from the end: their times may jitter.
        latest = self.duration_s - 2 / self.recording.pulse_rate_hz
        if onsets and onsets[0] > latest:
            raise InputError(
                f"duration_s is {self.duration_s:g}, and the injection begins at {onsets[0]:.2f} s;"
                f" expected it before {latest:.2f} s, let the run go on for longer"
            )
        if len(self.repositioned_mm) < self.contrast.tips - 1:
            raise InputError(
                f"the contrast asks for {self.contrast.tips} places of the needle, "
                f"{len(self.repositioned_mm)} moves are given; give one less than places"
            )

    def _check_size(self) -> None:
        recording = self.recording
        rate = max(recording.pulse_rate_hz, recording.recorder_hz)
        pixels = (self.duration_s + recording.hold_s) * rate * self.view.matrix**2
        if pixels > MOST_PIXELS:
            raise InputError(
                f"the run would hold {pixels:.2g} pixels, expected at most {MOST_PIXELS:.2g}: what "
                "a DICOM file can hold; choose a smaller matrix, fewer pulses or a shorter run"
            )


def draw_run(
    rng: np.random.Generator,
    ranges: RunRanges,
    pattern: SpreadPattern,
    *,
    anatomy: str,
    body: BodySettings,
    suite: str = "",
    index: int = 0,
) -> RunSettings:
    """Return the settings of one run.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    ranges : RunRanges
        What is drawn from.
    pattern : SpreadPattern
        What the run shows.
    anatomy : str
        Name of the patient.
    body : BodySettings
        His body: a thick one is seen with a higher voltage.
    suite, index
        Where the run belongs.
    """
    seed = int(rng.integers(2**31))
    contrast = draw_contrast(rng, ranges.contrast, pattern)
    place = _draw_place(rng, ranges)
    is_left = place[1] is Side.LEFT
    starts = tuple(injection.onset_s for injection in contrast.injections)
    end = max((injection.end_s for injection in contrast.injections), default=0.0)
    after, quiet = rng.uniform(*ranges.after_injection_s), rng.uniform(*ranges.quiet_s)
    duration = end + after if starts else quiet
    moves = []
    for _ in range(contrast.tips - 1):
        move = rng.normal(size=3)
        move *= rng.uniform(*ranges.reposition_mm) / np.linalg.norm(move)
        moves.append((float(move[0]), float(move[1]), float(move[2])))
    needle = draw_needle(rng, ranges.needle, starts[0] if starts else None)
    others = []
    for _ in range(int(rng.integers(*ranges.needle.others, endpoint=True))):
        vertebra, side = _draw_place(rng, ranges)
        if (vertebra, side) != place:
            other = draw_needle(rng, ranges.needle, None)
            others.append(PlacedNeedle(vertebra=vertebra, side=side, needle=other))
    display = draw_display(rng, ranges.display)
    view = draw_view(rng, ranges.view, is_left)
    has_marker = rng.random() < ranges.marker_share
    return RunSettings(
        suite=suite,
        index=index,
        seed=seed,
        anatomy=anatomy,
        duration_s=duration,
        needle=PlacedNeedle(vertebra=place[0], side=place[1], needle=needle),
        others=tuple(others),
        repositioned_mm=tuple(moves),
        marker=("L" if is_left else "R") if has_marker else "",
        view=view,
        motion=draw_motion(rng, ranges.motion, duration, starts, tuple(moves)),
        contrast=contrast,
        xray=draw_xray(rng, ranges.xray, _thickness_g_per_cm2(view, body)),
        detector=draw_detector(rng, ranges.detector),
        display=display,
        recording=draw_recording(rng, ranges.recording),
        header=draw_header(rng, ranges.header),
        collimation=draw_collimation(rng, ranges.collimation, duration),
    )


def _thickness_g_per_cm2(view: ViewSettings, body: BodySettings) -> float:
    """Return about how much tissue lies in the middle of a view."""
    if view.kind is ViewKind.LATERAL:
        millimetres = body.lean_width_mm + 2 * body.fat_lateral_mm
    else:
        millimetres = body.lean_depth_mm + body.fat_posterior_mm + body.fat_anterior_mm
    return 0.1 * millimetres * _MEAN_DENSITY_G_PER_CM3


def _draw_place(rng: np.random.Generator, ranges: RunRanges) -> tuple[Vertebra, Side]:
    """Return the vertebra and the side of a target."""
    weights = np.array(ranges.vertebra_weights) / np.sum(ranges.vertebra_weights)
    vertebra = ranges.vertebrae[int(rng.choice(len(ranges.vertebrae), p=weights))]
    return vertebra, ranges.sides[int(rng.integers(len(ranges.sides)))]
