"""From what was gathered over the frames to a verdict, with its grounds and its doubts."""

import math
from dataclasses import dataclass, field

from guidance.records import NotFound, RunContext, SpreadFindings, SpreadPattern, Verdict
from guidance.spread._clock import Clock
from guidance.spread._settings import MonitorSettings
from guidance.spread._sizes import Sizes

_MIN_JUDGED = 3
"""With fewer frames compared, `none` would be said of nothing."""

_MIN_JUDGED_SHARE = 0.5
"""Where fewer of the frames could be compared, contrast may have come and gone in the others."""

_MAX_LOST_SHARE = 0.1
"""Where the view was moving on in more of the frames, contrast may have come meanwhile."""

_MIN_FIELD_SHARE = 0.1
"""A field smaller than this share of the image shows a spot, not a region (guess)."""

_MIN_SIDE_PX = 32
"""An image smaller than this holds no anatomy to align."""

_GROWTH = 1.02
"""Contrast still grows where its signal is this much above that of the last growing frame."""

_MIN_WATCHED_S = 2.0
"""Shorter than this after onset, contrast has had no time to leave (guess)."""


@dataclass(slots=True)
class Evidence:
    """What a monitor has gathered so far; lengths and areas in stored pixels."""

    clock: Clock
    smallest_side_px: int
    judged: int = 0
    unsettled: int = 0
    repeated: int = 0
    blank: int = 0
    lost: int = 0
    field_changes: list[int] = field(default_factory=list)
    field_share: float = 0.0
    onset_frame: int | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    area: float = 0.0
    signal: float = 0.0
    reach: float = 0.0
    thin: float = 0.0
    run_off: float = 0.0
    peak: float = 0.0
    end_frame: int | None = None
    end_signal: float = 0.0
    vessel_frames: int = 0
    run_off_frames: int = 0
    flag_frame: int | None = None
    flagged_for: str = ""
    greatest_thin: float = 0.0
    greatest_area: float = 0.0
    seen_frames: int = 0
    gone_frames: int = 0
    dismissed: list[tuple[int, int]] = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        """Frames so far."""
        return len(self.clock.times_s)

    @property
    def is_too_small(self) -> bool:
        """Whether the image is too small to be judged."""
        return self.smallest_side_px < _MIN_SIDE_PX

    def is_substantial(self, sizes: Sizes, settings: MonitorSettings) -> bool:
        """Return whether the contrast so far is more than a spot that came and went."""
        return (
            self.greatest_area >= sizes.substantial_area
            and self.seen_frames >= settings.lasting_frames
        )

    def came_and_went(self, sizes: Sizes, settings: MonitorSettings) -> bool:
        """Return whether what was believed has gone again, too little to be judged."""
        gone = self.gone_frames >= settings.confirm_frames
        return gone and self.flag_frame is None and not self.is_substantial(sizes, settings)

    def dismiss(self, frame: int) -> None:
        """Take the onset back: what was seen went again, too small or too short to be judged."""
        if self.onset_frame is None:
            return
        self.dismissed.append((self.onset_frame, frame))
        self.onset_frame, self.end_frame, self.origin = None, None, (0.0, 0.0)
        self.area = self.signal = self.reach = self.thin = self.run_off = self.peak = 0.0
        self.end_signal = self.greatest_area = self.greatest_thin = 0.0
        self.seen_frames = self.gone_frames = self.vessel_frames = self.run_off_frames = 0

    def weigh(self, frame: int, held: float, sizes: Sizes, settings: MonitorSettings) -> None:
        """Take in one measured frame and raise the flag where the rule says so.

        Parameters
        ----------
        frame : int
            Its number.
        held : float
            Signal over every pixel that ever showed contrast.
        sizes : Sizes
            Of what is vessel-like and what is substantial.
        settings : MonitorSettings
        """
        self.greatest_area = max(self.greatest_area, self.area)
        self.greatest_thin = max(self.greatest_thin, self.thin)
        self.seen_frames += self.area > 0
        self.gone_frames = 0 if self.area > 0 else self.gone_frames + 1
        if held > _GROWTH * self.end_signal:
            self.end_frame, self.end_signal = frame, held
        self.peak = max(self.peak, held)
        self.run_off = min(1.0, max(0.0, 1 - held / self.peak)) if self.peak > 0 else 0.0
        self.vessel_frames = self.vessel_frames + 1 if self.thin >= sizes.vessel_length else 0
        leaving = self.run_off >= settings.run_off and self.is_substantial(sizes, settings)
        self.run_off_frames = self.run_off_frames + 1 if leaving else 0
        if self.flag_frame is not None:
            return
        if self.vessel_frames >= settings.flag_frames:
            self.flag_frame, self.flagged_for = frame, "thin"
        elif self.run_off_frames >= settings.flag_frames:
            self.flag_frame, self.flagged_for = frame, "run_off"


def conclude(
    evidence: Evidence, context: RunContext, settings: MonitorSettings, working_scale: float
) -> SpreadFindings:
    """Return the verdict that the evidence bears.

    Parameters
    ----------
    evidence : Evidence
    context : RunContext
    settings : MonitorSettings
    working_scale : float
        Working pixels per stored pixel.

    Returns
    -------
    SpreadFindings
    """
    grounds: list[str] = []
    doubts = [
        f"something was added from frame {first} and gone by frame {last}, too small or too short "
        "to be judged; look at these frames"
        for first, last in evidence.dismissed
    ]
    if evidence.field_changes:
        doubts.append(
            f"the field changed in frame {evidence.field_changes[0]}; what was there then was not "
            "compared across it"
        )
    origin = None
    verdict, pattern = Verdict.INDETERMINATE, None
    if evidence.onset_frame is None:
        verdict, pattern = _conclude_without_contrast(evidence, context, grounds, doubts)
    else:
        row, column = ((v + 0.5) / working_scale - 0.5 for v in evidence.origin)
        origin = (row, column)
        verdict = _conclude_with_contrast(evidence, context, settings, grounds, doubts)
    return SpreadFindings(
        verdict=verdict,
        pattern=pattern,
        onset_frame=evidence.onset_frame,
        flag_frame=evidence.flag_frame,
        end_frame=evidence.end_frame,
        origin_px=origin,
        grounds=tuple(grounds),
        doubts=tuple(doubts),
    )


def _conclude_without_contrast(
    evidence: Evidence, context: RunContext, grounds: list[str], doubts: list[str]
) -> tuple[Verdict, SpreadPattern | None]:
    reason = _why_not_judged(evidence, context)
    if reason:
        doubts.append(reason)
    if reason or evidence.dismissed:
        return Verdict.INDETERMINATE, None
    grounds.append(
        f"{evidence.judged} of {evidence.n_frames} frames were compared with frames before them; "
        "nothing was added that stayed and had not merely moved"
    )
    if evidence.unsettled > 0.25 * evidence.n_frames:
        doubts.append(
            f"the exposure had not settled in {evidence.unsettled} of {evidence.n_frames} frames; "
            "contrast that came then would be missed"
        )
    doubts.append("contrast already there in the first settled frame is not seen as an injection")
    return Verdict.NONE, SpreadPattern.NONE


def _why_not_judged(evidence: Evidence, context: RunContext) -> str:
    distinct = evidence.n_frames - evidence.repeated
    if context.is_subtracted:
        return "the stored pixels are already a subtraction; give the unsubtracted run"
    if evidence.n_frames == 1:
        return "a single image shows no change; give the run it was taken from"
    if evidence.blank and not evidence.judged and not evidence.unsettled:
        return "no pixel shows the patient; the frames are empty or covered by shutters"
    if evidence.is_too_small:
        return f"the image is only {evidence.smallest_side_px} pixels wide or high"
    if evidence.judged < max(_MIN_JUDGED, _MIN_JUDGED_SHARE * distinct):
        return (
            f"only {evidence.judged} of {evidence.n_frames} frames could be compared with an "
            "earlier one of the same exposure"
        )
    if evidence.lost > _MAX_LOST_SHARE * distinct:
        return f"in {evidence.lost} of {evidence.n_frames} frames the view was moving on"
    if evidence.field_share < _MIN_FIELD_SHARE:
        return f"the patient shows in only {evidence.field_share:.0%} of the image"
    return ""


def _conclude_with_contrast(
    evidence: Evidence,
    context: RunContext,
    settings: MonitorSettings,
    grounds: list[str],
    doubts: list[str],
) -> Verdict:
    onset, times_s = evidence.onset_frame or 0, evidence.clock.times_s
    grounds.append(f"contrast is first seen in frame {onset}{_at(times_s[onset])}")
    if evidence.flagged_for == "thin":
        length = _length(evidence.greatest_thin, context)
        grounds.append(f"it runs in thin lines, together up to {length} long, as in vessels")
    elif evidence.flagged_for == "run_off":
        grounds.append(
            f"at least {settings.run_off:.0%} of its signal left again within the run, as blood "
            "carries it off; in tissue it stays"
        )
    if evidence.flag_frame is not None:
        return Verdict.INTRAVASCULAR
    grounds.append(
        f"no thin lines longer than {_length(evidence.greatest_thin, context)} were seen, and "
        f"{evidence.run_off:.0%} of the greatest signal was gone at the end"
    )
    doubts.append(
        "how small a vessel this run would have shown has not been measured, so a small uptake is "
        "not excluded"
    )
    watched = evidence.clock.seconds_between(onset, evidence.n_frames - 1)
    if watched is None:
        doubts.append("without frame times, staying cannot be told from leaving slowly")
    elif watched < _MIN_WATCHED_S:
        doubts.append(f"the run ends {watched:.1f} s after onset, before contrast could leave")
    return Verdict.INDETERMINATE


def _at(time_s: float | None) -> str:
    return "" if time_s is None else f" at {time_s:.1f} s"


def _length(length_px: float, context: RunContext) -> str:
    if isinstance(context.scale, NotFound) or not context.scale.holds_at_patient:
        return f"{length_px:.0f} pixels"
    return f"{length_px * math.sqrt(context.scale.pixel_area_mm2):.0f} mm"
