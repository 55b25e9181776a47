"""How contrast leaves the needle: onset, volume, duration, and the hand on the syringe.

The plunger is pushed once or several times; each push rises and falls smoothly. What has left the
needle by a time is known in closed form, so that no iodine is lost to the steps of a simulation.
"""

from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionSettings:
    """One injection, resolved.

    Attributes
    ----------
    onset_s : float
        When the first drop leaves the needle. Seconds from the first frame.
    volume_ml : float
        Millilitres.
    duration_s : float
        From the first drop to the last, pauses included. Seconds.
    pushes : int
        How often the plunger is pushed; more than one is stop-and-go.
    pause_share : float
        Share of the duration that the plunger rests, 0 to 0.8.
    ramp_share : float
        Share of each push during which its rate rises, and again falls, 0.02 to 0.5.
    tip : int
        Which of the needle's positions it is made from, from 0.
    """

    onset_s: float
    volume_ml: float
    duration_s: float
    pushes: int = 1
    pause_share: float = 0.0
    ramp_share: float = 0.2
    tip: int = 0

    def __post_init__(self) -> None:
        """Refuse what no hand can do."""
        if not (np.isfinite(self.onset_s) and self.volume_ml > 0 and self.duration_s > 0):
            raise InputError(
                f"an injection of {self.volume_ml} mL in {self.duration_s} s at {self.onset_s} s; "
                "expected a positive volume and duration"
            )
        shares = 0 <= self.pause_share <= 0.8 and 0.02 <= self.ramp_share <= 0.5
        if self.pushes < 1 or self.tip < 0 or not shares:
            raise InputError(
                f"pushes {self.pushes}, tip {self.tip}, pause_share {self.pause_share}, ramp_share "
                f"{self.ramp_share}; expected pushes >= 1, tip >= 0, pauses 0-0.8, ramps 0.02-0.5"
            )

    @property
    def end_s(self) -> float:
        """When the last drop leaves the needle. Seconds."""
        return self.onset_s + self.duration_s

    @property
    def mean_rate_ml_s(self) -> float:
        """Millilitres per second while the plunger moves."""
        moving = self.duration_s * (1 - self.pause_share * (self.pushes > 1))
        return self.volume_ml / moving

    @property
    def peak_rate_ml_s(self) -> float:
        """The greatest rate: that of a push between its ramps. Millilitres per second."""
        return self.mean_rate_ml_s / (1 - self.ramp_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRanges:
    """From what injections are drawn; pairs are (low, high).

    Attributes
    ----------
    volume_ml : (low, high)
        0.2 to 1 mL of contrast: practice guidelines ask for 0.2-0.5 mL of contrast ahead of the
        anaesthetic (Bogduk 2013, ISIS/SIS guidelines); Wahezi 2018 (PM&R 10:616) injected 0.25
        and 0.5 mL; 1 mL: guess.
    duration_s : (low, high)
        Of one injection; drawn on a logarithmic scale. Guess.
    onset_s : (low, high)
        Guess: frames from before the injection are always there.
    concentration_mg_ml : (low, high)
        Products for the spine hold 180, 200, 240 or 300 mg of iodine per mL (iohexol, iopamidol).
    dilute_share : float
        How many runs use contrast mixed with anaesthetic. Guess.
    dilution : (low, high)
        Share of contrast in such a mixture. Guess.
    stop_and_go_share : float
        How many injections are made in several pushes. Guess.
    second_share : float
        How many runs show a second injection. Guess.
    gap_s : (low, high)
        From the end of the first injection to the second. Guess.
    reposition_share : float
        How many second injections follow a move of the needle. Guess.
    """

    volume_ml: tuple[float, float] = (0.2, 1.0)
    duration_s: tuple[float, float] = (0.5, 4.0)
    onset_s: tuple[float, float] = (1.0, 4.0)
    concentration_mg_ml: tuple[float, float] = (180.0, 300.0)
    dilute_share: float = 0.15
    dilution: tuple[float, float] = (0.33, 0.7)
    stop_and_go_share: float = 0.2
    second_share: float = 0.12
    gap_s: tuple[float, float] = (1.0, 4.0)
    reposition_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse ranges that are upside down."""
        for name in ("volume_ml", "duration_s", "onset_s", "concentration_mg_ml", "gap_s"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise InputError(f"{name} is {low} to {high}; expected 0 < low <= high")


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number from `low` to `high`, evenly spread on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_injection(
    rng: np.random.Generator, ranges: InjectionRanges, onset_s: float | None = None
) -> InjectionSettings:
    """Draw one injection; `onset_s` fixes when it begins.

    Rate and volume go together: a small volume is not pushed for long, nor a great one at once.
    """
    low, high = ranges.volume_ml
    volume = rng.uniform(low, high)
    shortest, longest = ranges.duration_s
    # 22-25 G needles and a thumb: about 0.1 to 1 mL/s (guess), within the range of durations.
    least = float(np.clip(volume / 1.0, shortest, longest))
    most = float(np.clip(volume / 0.1, least, longest))
    duration = log_uniform(rng, least, most)
    is_stop_and_go = rng.random() < ranges.stop_and_go_share
    return InjectionSettings(
        onset_s=float(rng.uniform(*ranges.onset_s)) if onset_s is None else onset_s,
        volume_ml=float(volume),
        duration_s=duration,
        pushes=int(rng.integers(2, 5)) if is_stop_and_go else 1,
        pause_share=float(rng.uniform(0.2, 0.6)) if is_stop_and_go else 0.0,
        ramp_share=float(rng.uniform(0.05, 0.4)),
    )


def draw_injections(
    rng: np.random.Generator, ranges: InjectionRanges
) -> tuple[InjectionSettings, ...]:
    """Draw the one or two injections of a run."""
    first = draw_injection(rng, ranges)
    if rng.random() >= ranges.second_share:
        return (first,)
    onset = first.end_s + float(rng.uniform(*ranges.gap_s))
    second = draw_injection(rng, ranges, onset)
    is_moved = rng.random() < ranges.reposition_share
    moved = InjectionSettings(
        onset_s=second.onset_s,
        volume_ml=second.volume_ml,
        duration_s=second.duration_s,
        pushes=second.pushes,
        pause_share=second.pause_share,
        ramp_share=second.ramp_share,
        tip=int(is_moved),
    )
    return (first, moved)


def delivered_ml(injection: InjectionSettings, times_s: FloatArray) -> FloatArray:
    """Return what has left the needle by each time (T,); millilitres, never decreasing."""
    pushes = injection.pushes
    pause = injection.pause_share if pushes > 1 else 0.0
    length = injection.duration_s * (1 - pause) / pushes
    rest = injection.duration_s * pause / max(pushes - 1, 1)
    times = np.asarray(times_s, dtype=np.float64)
    total = np.zeros_like(times)
    for push in range(pushes):
        begun = injection.onset_s + push * (length + rest)
        total += _smooth_push((times - begun) / length, injection.ramp_share)
    delivered: FloatArray = injection.volume_ml * total / pushes
    return delivered


def _smooth_push(place: FloatArray, ramp: float) -> FloatArray:
    """Return the share of a push delivered at `place` (0 its begin, 1 its end).

    The rate rises linearly over `ramp`, stays, and falls linearly over `ramp`; its integral is 1.
    """
    x = np.clip(place, 0, 1)
    rate = 1 / (1 - ramp)
    rising = rate * np.minimum(x, ramp) ** 2 / (2 * ramp)
    steady = rate * np.clip(x - ramp, 0, 1 - 2 * ramp)
    late = np.clip(x - (1 - ramp), 0, ramp)
    falling = rate * (late - late**2 / (2 * ramp))
    share: FloatArray = np.minimum(rising + steady + falling, 1.0)
    return share
