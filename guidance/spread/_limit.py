"""What a run could have shown: known vessels are put into its own frames and watched for.

Vessels of one calibre, each with a course of its own, are inserted at one dose after another, and
the monitor sees the frames again. The least dose at which so many are flagged that the power is
sure is the run's detection limit. Idea, assumptions and figures: `docs/detection-limit.md`.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.special import betaincinv

from guidance.errors import InputError
from guidance.imaging import is_calibrated
from guidance.records import DetectionLimit, NotFound, RunContext
from guidance.spread._inserted_vessel import InsertedVessel, Uptake, can_carry, draw_vessel
from guidance.spread._monitor import Monitor
from guidance.spread._window import KeptSight, Window

EFFECTIVE_CM2_PER_G = 3.8
"""What iodine adds to -ln(intensity), for 1 g/cm²: 9.3 at 80 kV behind 25 g/cm² of muscle, of which
scatter of 1.2 times the primary and 10 % of glare leave 3.8. See `docs/detection-limit.md`."""

_LEAST_FRAMES = 4
_LEAST_INJECTION_S, _LONGEST_INJECTION_S = 0.5, 4.0
_NOTHING = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Which vessels are inserted, and how surely they must be seen.

    Attributes
    ----------
    vessel_diameter_mm : float
        Calibre. 1 mm: the lesser lumbar veins (Shchukin 2014: 1-4 mm where they reach the cava).
    dose_fractions : tuple of float
        Shares of the dose, rising; the first that suffices is the limit.
    power : float
        Share of such vessels that must be flagged.
    confidence : float
        That it is at least so large, one-sided (Clopper and Pearson 1934).
    vessels : int
        So many are inserted. With 38, one may go unseen at a power of 90 % and a confidence of 90 %
        (with 22 none, and one odd course would decide).
    most_readings : int
        Bound on the cost: frames that are read again, about 13 ms each.
    volume_ml : float
        Of the injection; the image cannot tell. Guidelines ask for 0.2 to 0.5 mL of contrast
        (Bogduk 2013). It sets how fast a vessel fills, and without contrast in the run how much.
    iodine_mg_ml, duration_s : float
        Of an injection that the run does not show: iohexol 300; about 0.2 mL/s (guess).
    seed : int
        Added to what the run's own content gives.
    """

    vessel_diameter_mm: float = 1.0
    dose_fractions: tuple[float, ...] = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
    power: float = 0.9
    confidence: float = 0.9
    vessels: int = 38
    most_readings: int = 1200
    volume_ml: float = 0.3
    iodine_mg_ml: float = 300.0
    duration_s: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges, and that so many vessels can show so much power."""
        doses = self.dose_fractions
        if not doses or list(doses) != sorted(set(doses)) or not 0 < doses[0] <= doses[-1] <= 1:
            raise InputError(f"dose_fractions are {doses}, expected rising shares from 0 to 1")
        if not (0 < self.power < 1 and 0 < self.confidence < 1):
            raise InputError(
                f"power {self.power}, confidence {self.confidence}; expected between 0 and 1"
            )
        amounts = (self.vessel_diameter_mm, self.volume_ml, self.iodine_mg_ml, self.duration_s)
        if not all(0 < amount < 1000 for amount in amounts) or self.most_readings < 1:
            raise InputError(
                f"calibre, volume, concentration and duration are {amounts}, most_readings "
                f"{self.most_readings}; expected above 0"
            )
        if self.allowed_misses < 0:
            raise InputError(
                f"{self.vessels} vessels cannot show a power of {self.power} with a confidence of "
                f"{self.confidence} even if all are seen; insert more"
            )

    @property
    def allowed_misses(self) -> int:
        """How many vessels may go unseen; -1 where there are too few to show the power."""
        misses = -1
        while misses + 1 < self.vessels:
            if bound_power(self.vessels, misses + 1, self.confidence) < self.power:
                break
            misses += 1
        return misses


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLimit:
    """A detection limit, and what it rests on.

    Attributes
    ----------
    limit : DetectionLimit
        As it is reported; its power is a lower bound.
    inserted, seen : int
        Vessels at that dose.
    from_own_contrast : bool
        The amount was scaled by the run's own contrast; else by physics.
    readings : int
        Frames read again.
    settings : LimitSettings
        With which it was found.
    """

    limit: DetectionLimit
    inserted: int
    seen: int
    from_own_contrast: bool
    readings: int
    settings: LimitSettings


class _SpentError(Exception):
    """No more frames may be read again."""


class Insertion:
    """Vessels put into one window of a run.

    Parameters
    ----------
    window : Window
        The frames.
    context : RunContext
        Of the run; has a scale at the patient.
    settings : LimitSettings
        How much is injected, and the seed.
    """

    def __init__(self, window: Window, context: RunContext, settings: LimitSettings) -> None:
        scale = context.scale
        assert scale
        self._window, self._settings = window, settings
        self._pixel_mm = float(np.sqrt(scale.pixel_area_mm2)) / window.before.working_scale
        self._seed = (settings.seed, window.fingerprint())
        self.readings = 0

    @classmethod
    def prepare(
        cls, window: Window | None, context: RunContext, settings: LimitSettings
    ) -> "Insertion | NotFound":
        """Return the insertion into a window, or why nothing can be inserted into it."""
        reason = _why_not(window, context)
        if window is None or reason:
            return NotFound(reason)
        insertion = cls(window, context, settings)
        if insertion.is_flagged(0, settings.vessel_diameter_mm, _NOTHING):
            return NotFound("the frames that were kept raise the flag without a vessel in them")
        return insertion

    @cached_property
    def _at_entry(self) -> Monitor:
        """The monitor as it was when the vessel begins to fill."""
        window = self._window
        sight = KeptSight(window.shape, window.before.working_scale)
        monitor = window.before.fork(sight)
        for frame in window.frames[: window.entry]:
            sight.frame = frame
            self.readings += 1
            monitor.resume(frame.number, frame.time_s, frame.seen(None), frame.clock_s)
        return monitor

    @property
    def from_own_contrast(self) -> bool:
        """Whether the run's own contrast says how dark a dose is."""
        return self._window.injection is not None

    def uptake(self, dose_fraction: float) -> Uptake:
        """Return what a vessel would take up of this run's dose."""
        settings, own = self._settings, self._window.injection
        if own is None:
            signal = settings.volume_ml * settings.iodine_mg_ml * 1e-3 * EFFECTIVE_CM2_PER_G * 100
            duration = settings.duration_s
        else:
            signal = own.greatest * self._pixel_mm**2
            duration = own.end_s - self._window.start_s
            duration = min(max(duration, _LEAST_INJECTION_S), _LONGEST_INJECTION_S)
        return Uptake(
            dose_fraction=dose_fraction,
            signal_mm2=signal,
            volume_ml=settings.volume_ml,
            start_s=self._window.start_s,
            duration_s=duration,
        )

    def can_carry(self, diameter_mm: float, dose_fraction: float) -> bool:
        """Return whether a vessel of a calibre can take so much of the dose."""
        return can_carry(diameter_mm, self.uptake(dose_fraction).flow_mm3_s)

    def vessel(self, index: int, diameter_mm: float) -> InsertedVessel:
        """Return one of the vessels: equal indices have equal courses, whatever the calibre."""
        rng = np.random.default_rng([*self._seed, index])
        return draw_vessel(rng, self._window.shape, self._pixel_mm, self._origin(rng), diameter_mm)

    def _origin(self, rng: np.random.Generator) -> tuple[float, float]:
        """Return where contrast began; where there is none, a place in the middle of the field."""
        own = self._window.injection
        place = rng.uniform(0.25, 0.75, 2)
        if own is not None:
            return own.origin
        valid = self._window.frames[self._window.entry].seen(None).valid
        rows, columns = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
        return (
            float(rows[0] + place[0] * (rows[-1] - rows[0])),
            float(columns[0] + place[1] * (columns[-1] - columns[0])),
        )

    def is_flagged(self, index: int, diameter_mm: float, dose_fraction: float) -> bool:
        """Return whether the monitor, seeing the frames again with a vessel in them, flags it."""
        vessel = self.vessel(index, diameter_mm) if dose_fraction > _NOTHING else None
        uptake = self.uptake(dose_fraction)
        sight = KeptSight(self._window.shape, self._window.before.working_scale)
        monitor = self._at_entry.fork(sight)
        for frame in self._window.frames[self._window.entry :]:
            sight.frame = frame
            self.readings += 1
            added = None if vessel is None else vessel.render(uptake, frame.clock_s)
            if monitor.resume(frame.number, frame.time_s, frame.seen(added), frame.clock_s):
                return True
        return False


def bound_power(inserted: int, missed: int, confidence: float) -> float:
    """Return the power that is at least there, by Clopper and Pearson's one-sided bound."""
    if missed >= inserted:
        return 0.0
    return float(betaincinv(inserted - missed, missed + 1, 1 - confidence))


def measure_limit(
    window: Window | None, context: RunContext, settings: LimitSettings | None = None
) -> MeasuredLimit | NotFound:
    """Return the smallest uptake that a run would have shown.

    Parameters
    ----------
    window : Window or None
        Frames of the run, from `WindowRecorder`.
    context : RunContext
        Of the run.
    settings : LimitSettings, optional
        Which vessels, how surely.

    Returns
    -------
    MeasuredLimit or NotFound
        The reason why there is none.
    """
    settings = settings or LimitSettings()
    insertion = Insertion.prepare(window, context, settings)
    if isinstance(insertion, NotFound):
        return insertion
    calibre = settings.vessel_diameter_mm
    doses = [dose for dose in settings.dose_fractions if insertion.can_carry(calibre, dose)]

    @cache
    def is_seen(index: int, dose_fraction: float) -> bool:
        if insertion.readings >= settings.most_readings:
            raise _SpentError
        return insertion.is_flagged(index, calibre, dose_fraction)

    try:
        found = climb(doses, settings.vessels, settings.allowed_misses, is_seen)
    except _SpentError:
        return NotFound("the bound on its cost was reached; raise most_readings")
    if isinstance(found, NotFound):
        return found
    dose, missed = found
    return MeasuredLimit(
        limit=DetectionLimit(
            vessel_diameter_mm=settings.vessel_diameter_mm,
            dose_fraction=dose,
            power=settings.power,
        ),
        inserted=settings.vessels,
        seen=settings.vessels - missed,
        from_own_contrast=insertion.from_own_contrast,
        readings=insertion.readings,
        settings=settings,
    )


def climb(
    doses: Sequence[float],
    vessels: int,
    allowed_misses: int,
    is_seen: Callable[[int, float], bool],
) -> tuple[float, int] | NotFound:
    """Return the least dose at which no more than so many vessels go unseen, and how many do.

    A vessel that is seen is taken to be seen at any greater dose. So the first few tell by
    bisection below which dose nothing needs trying; from there on each vessel is tried once, and
    those unseen once more for each step of the dose.

    Parameters
    ----------
    doses : sequence of float
        Rising.
    vessels, allowed_misses : int
        How many there are, and how many may go unseen.
    is_seen : callable
        Of a vessel's index and a dose.
    """
    if not doses:
        return NotFound("a vessel of this calibre cannot carry even the least dose")
    first = range(allowed_misses + 1)
    grade = bisect_left(
        range(len(doses)), 1, key=lambda tried: any(is_seen(one, doses[tried]) for one in first)
    )
    missed: list[int] = []
    for index in range(vessels):
        untried = [index]
        while untried and grade < len(doses):
            missed += [one for one in untried if not is_seen(one, doses[grade])]
            untried = []
            if len(missed) > allowed_misses:
                grade += 1
                untried, missed = missed, []
        if grade == len(doses):
            return NotFound(
                f"even a vessel with {doses[-1]:.0%} of the dose would not have been seen surely "
                "enough"
            )
    return doses[grade], len(missed)


def _why_not(window: Window | None, context: RunContext) -> str:
    """Return why nothing can be inserted; empty where it can."""
    if window is None or len(window.frames) - window.entry < _LEAST_FRAMES:
        return "too few frames could be compared for a vessel to fill in them"
    if isinstance(context.scale, NotFound):
        return f"the size of a vessel in the image is not known: {context.scale.reason}"
    if not context.scale.holds_at_patient:
        return "the spacing holds at the detector, and the magnification is not known"
    own = window.injection
    if own is None and not is_calibrated(context.intensity):
        return (
            "without contrast in the run, and with pixel values that are not in proportion to the "
            "intensity, it is not known how dark a dose would be"
        )
    if own is not None and own.greatest <= 0:
        return "the contrast of the run has no measurable signal to scale a dose by"
    return ""
