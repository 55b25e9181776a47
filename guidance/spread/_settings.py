"""Settings of the contrast analysis, each with its unit and its reason."""

from dataclasses import dataclass, field

from guidance.anatomy import Vertebra
from guidance.errors import InputError

PRIORS = {"cervical": 0.039, "thoracic": 0.007, "lumbar": 0.037}
"""Share of blocks with uptake into a vessel: Verrills et al. 2008, The incidence of intravascular
penetration in medial branch blocks: cervical, thoracic, and lumbar spines, Spine 33:E174–E177."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightSettings:
    """How frames are compared with those before contrast.

    Attributes
    ----------
    working_px : int
        Larger side of the image that is analysed. At 256 a pixel is about half a millimetre at the
        patient: a vein of 1 mm is two wide, and a quantum-limited mean over 2 mm takes 16 of them.
        The network knows no other size.
    references : int
        Frames kept as background: enough to hold one breath (4 s) at 2 per second.
    guard_s : float
        A frame becomes a reference only when it is this old, so that slowly arriving contrast does
        not become its own reference. At 0.5 mL over 2 s contrast takes about half a second from its
        first trace to where it is seen.
    guard_frames : int
        The same in frames: at least so many, and all there is where times are unknown.
    settled_frames : int
        So many frames have been compared before a change of exposure is taken for more than the
        regulation settling.
    calm_gain : float
        Change of ln(intensity) between frames while the exposure settles. Gain and offset of the
        background follow smaller ones; ramps at the start of a run move by more.
    watched_s : float
        So long after the first reference contrast may be believed: with one or two references alone
        bowel that moves looks like it. What is lit by then counts from its first frame, and the
        guard keeps it out of the references.
    watched_frames : int
        And so many frames must have been compared.
    lost_frames : int
        So many frames in a row that do not compare make a new beginning, before contrast.
    fast_s, slow_s, slower_s : float
        Time constants of the running means of the change. Contrast in the smallest vein shows for
        about half a second; a push lasts 0.5 to 4 s.
    fast_frames : float
        The fast one's in frames, where pulses are slow: contrast must not be late by many frames.
    """

    working_px: int = 256
    references: int = 8
    guard_s: float = 1.0
    guard_frames: int = 3
    settled_frames: int = 3
    calm_gain: float = 0.12
    watched_s: float = 1.5
    watched_frames: int = 2
    lost_frames: int = 3
    fast_s: float = 0.2
    slow_s: float = 0.6
    slower_s: float = 2.0
    fast_frames: float = 1.5

    def __post_init__(self) -> None:
        """Check that sizes and counts are positive."""
        if not 64 <= self.working_px <= 256:
            raise InputError(f"working_px is {self.working_px}, expected 64 to 256")
        for name in ("references", "guard_frames", "settled_frames", "lost_frames"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("guard_s", "calm_gain", "fast_s", "slow_s", "slower_s", "fast_frames"):
            if not 0 < getattr(self, name) < 1000:
                raise InputError(f"{name} is {getattr(self, name)}, expected above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How a `Monitor` looks at a run, and when it speaks up.

    Attributes
    ----------
    prior : float or None
        Probability of uptake before anything is seen. None: by the region of the level that the
        user names (`PRIORS`), lumbar where none is named.
    alarms_per_min : float
        The operating point: so many false alarms per minute without uptake, as measured on the
        validation suite. More finds more.
    flag_frames : int
        So many distinct frames in a row must show it before the flag goes up, unless it is plain.
    plain_ratio : float
        Log likelihood ratio beyond the threshold that needs no second frame (e² = 7 times).
    confirm_frames : int
        Contrast is believed when it is lit in so many distinct frames in a row.
    onset_mm2 : float
        Least area of contrast. 3 mm² is a vein of 1 mm over 3 mm; visible contrast is more.
    onset_log_odds, suspect_log_odds : float
        What the network says of the whole frame, that contrast is there: onset asks for the first
        (e² = 7 to 1); from the second on a frame no longer counts as one without contrast.
    sure_log_odds : float
        Contrast of which it never said that much (e⁴ = 55 to 1), and which it then no longer sees,
        was gas that moved.
    plain_mm2 : float
        Contrast of this area is believed at once.
    substantial_mm2 : float
        Contrast that never grew to this area and is gone again was a spot that came and went: 0.02
        mL in a layer of a millimetre (guess).
    gone_frames : int
        So many frames without any contrast after it, and it is gone.
    pause_s : float
        Contrast that grows again after so long without growth is a new injection.
    watched_s : float
        After contrast a run must go on for so long before `extravascular` may be said: a third of
        uptakes shows in the first second only after the pool (guess).
    least_rate_hz : float
        With fewer distinct frames per second than this, contrast passes between frames: a vein of
        some centimetres empties within a second.
    doubtful_alarms_per_min : float
        What passes the threshold that goes with so many, but not the flag's, is called neither:
        `indeterminate`.
    sight : SightSettings
        How frames are compared.
    """

    prior: float | None = None
    alarms_per_min: float = 0.2
    flag_frames: int = 2
    plain_ratio: float = 2.0
    confirm_frames: int = 2
    onset_mm2: float = 3.0
    onset_log_odds: float = 2.0
    suspect_log_odds: float = 0.0
    sure_log_odds: float = 4.0
    plain_mm2: float = 25.0
    substantial_mm2: float = 20.0
    gone_frames: int = 4
    pause_s: float = 1.5
    watched_s: float = 1.5
    least_rate_hz: float = 1.0
    doubtful_alarms_per_min: float = 0.5
    sight: SightSettings = field(default_factory=SightSettings)

    def __post_init__(self) -> None:
        """Check that counts are positive and probabilities are probabilities."""
        for name in ("flag_frames", "confirm_frames", "gone_frames"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.prior is not None and not 0 < self.prior < 1:
            raise InputError(f"prior is {self.prior}, expected between 0 and 1")
        for name in (
            "alarms_per_min",
            "doubtful_alarms_per_min",
            "onset_mm2",
            "plain_mm2",
            "substantial_mm2",
        ):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected above 0")
        if not self.suspect_log_odds <= self.onset_log_odds <= self.sure_log_odds:
            raise InputError(
                f"suspect_log_odds {self.suspect_log_odds}, onset_log_odds {self.onset_log_odds} "
                f"and sure_log_odds {self.sure_log_odds} must not fall"
            )
        for name in ("pause_s", "watched_s", "least_rate_hz", "plain_ratio"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected at least 0")

    def prior_at(self, level: Vertebra | None) -> float:
        """Return the prior for a level; lumbar where none is named."""
        if self.prior is not None:
            return self.prior
        region = {"C": "cervical", "T": "thoracic"}.get(str(level)[:1] if level else "", "lumbar")
        return PRIORS[region]
