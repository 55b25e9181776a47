"""Vessels that take contrast up: what describes one, and from what it is drawn."""

from dataclasses import dataclass
from enum import StrEnum
from math import pi

import numpy as np

from guidance.errors import InputError
from guidance.simulation._injection import InjectionSettings, log_uniform

# Calibre of the vessels considered, millimetres: 0.5 to 4.
DIAMETERS_MM = (0.3, 4.0)
# A vessel is never asked to take more than this share of what it could.
SAFE = 0.98


class VesselKind(StrEnum):
    """Which way blood runs: to the heart or from it."""

    VENOUS = "venous"
    ARTERIAL = "arterial"


class VesselRoute(StrEnum):
    """Which vessels the tip's neighbour drains into, or comes from."""

    SEGMENTAL = "segmental"
    ASCENDING_LUMBAR = "ascending_lumbar"
    EPIDURAL_PLEXUS = "epidural_plexus"
    EXTERNAL_PLEXUS = "external_plexus"
    DORSAL_ARTERY = "dorsal_artery"


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselSettings:
    """A vessel at the tip, resolved.

    Attributes
    ----------
    route : VesselRoute
        Where it leads; `DORSAL_ARTERY` is the artery, the others are veins.
    dose_fraction : float
        Share that the vessel takes of the contrast injected from its tip, above 0 to 1.
    entry_diameter_mm, trunk_diameter_mm : float
        At the tip, and after it has joined the next greater vessel. Millimetres.
    resting_velocity_mm_s : float
        Mean speed of blood in the entry vessel without injection. Millimetres per second.
    largest_velocity_mm_s : float
        The fastest mean speed that injected contrast is pushed through the entry at.
    delay_s : float
        From the injection's onset until the vessel is entered: late uptake. Seconds.
    tip : int
        At which of the needle's positions it lies.
    pulsatility : float
        Relative swing of the resting flow with the heart (arteries) or the breath (veins), 0 to 1.
    pulse_hz : float
        Its frequency. Hertz.
    tortuosity : float
        How far the course swings to the sides, 0 to 1; 1 swings by about 1.5 mm.
    twigs : int
        Number of small branches.
    is_end_on : bool
        The first centimetre runs along the needle, so that a view down the needle sees a dot.
    has_valves : bool
        Tributaries let nothing in backwards.
    """

    route: VesselRoute
    dose_fraction: float
    entry_diameter_mm: float
    trunk_diameter_mm: float
    resting_velocity_mm_s: float
    largest_velocity_mm_s: float = 400.0
    delay_s: float = 0.0
    tip: int = 0
    pulsatility: float = 0.2
    pulse_hz: float = 0.25
    tortuosity: float = 0.5
    twigs: int = 8
    is_end_on: bool = False
    has_valves: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no vessel."""
        low, high = DIAMETERS_MM
        if not low <= self.entry_diameter_mm <= self.trunk_diameter_mm <= high:
            raise InputError(
                f"entry_diameter_mm {self.entry_diameter_mm}, trunk_diameter_mm "
                f"{self.trunk_diameter_mm}; expected {low} <= entry <= trunk <= {high}"
            )
        if not (0 < self.dose_fraction <= 1 and 0 <= self.delay_s <= 300 and self.tip >= 0):
            raise InputError(
                f"dose_fraction {self.dose_fraction}, delay_s {self.delay_s}, tip {self.tip}; "
                "expected above 0 to 1, 0 to 300, at least 0"
            )
        if not 0 < self.resting_velocity_mm_s <= 1000 or not 0 < self.largest_velocity_mm_s <= 2000:
            raise InputError(
                f"velocities {self.resting_velocity_mm_s} (resting), {self.largest_velocity_mm_s} "
                "(largest) mm/s; expected above 0, to 1000 and 2000"
            )
        wild = not 0 <= self.tortuosity <= 1 or not 0 <= self.twigs <= 60
        if wild or not 0 <= self.pulsatility <= 1 or not 0 < self.pulse_hz <= 4:
            raise InputError(
                f"tortuosity {self.tortuosity}, twigs {self.twigs}, pulsatility "
                f"{self.pulsatility}, pulse_hz {self.pulse_hz}; expected 0-1, 0-60, 0-1, 0-4"
            )

    @property
    def kind(self) -> VesselKind:
        """Vein or artery."""
        is_artery = self.route is VesselRoute.DORSAL_ARTERY
        return VesselKind.ARTERIAL if is_artery else VesselKind.VENOUS

    @property
    def resting_ml_s(self) -> float:
        """Resting flow through the entry. Millilitres per second."""
        return flow_ml_s(self.entry_diameter_mm, self.resting_velocity_mm_s)

    @property
    def most_ml_s(self) -> float:
        """Injected flow that the entry can take. Millilitres per second."""
        return flow_ml_s(self.entry_diameter_mm, self.largest_velocity_mm_s)


def flow_ml_s(diameter_mm: float, velocity_mm_s: float) -> float:
    """Return the flow through a round vessel. Millilitres per second."""
    return pi / 4 * diameter_mm**2 * velocity_mm_s * 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselRanges:
    """From what vessels are drawn; pairs are (low, high).

    Attributes
    ----------
    arterial_share : float
        How many are arteries. Nearly all uptake in medial branch blocks is venous; the share of
        arteries is a guess, high enough to be seen.
    diameter_mm : (low, high)
        Of the vessel entered; logarithmic. Lumbar veins measure 1-4 mm where they reach the cava
        (Shchukin 2014, 35 cadavers: variant ones 1-2 mm), tributaries less: guess below.
    artery_diameter_mm : (low, high)
        Dorsal branches of lumbar arteries; the stem has 2-3 mm (Arslan 2011, Clin Anat 24:713),
        its branches less: guess.
    trunk_diameter_mm : (low, high)
        Of the next greater vein. As `diameter_mm`.
    washout_s : (low, high)
        Time in which resting flow passes `WASHOUT_PATH_MM` of the entry vessel; logarithmic. From
        0.5 to 60 s by the issue: 86 % of 37 uptakes in CT-guided epidurals washed out late.
    artery_washout_s : (low, high)
        The same for arteries: 50-300 mm/s. Guess.
    largest_velocity_mm_s : (low, high)
        Guess: 22-25 G needles and small thin-walled veins.
    mixed_fraction : (low, high)
        Share of the dose in the vessel in mixed patterns; logarithmic. From 2 % up by the issue.
    vascular_fraction : (low, high)
        The same where the pattern is called vascular. Guess.
    late_share : float
        How many are entered only after part of the injection. Stratum; guess.
    delay_share : (low, high)
        Of the injection's duration, for those. Guess.
    remote_share : float
        How many are so thin at the tip that they are first seen elsewhere; 30 % of 37 uptakes in
        CT-guided epidurals were. A stratum, no constant.
    end_on_share : float
        How many leave along the needle. Guess.
    valve_share : float
        How many have competent valves. Vertebral veins have few (Batson 1940; Gray's Anatomy).
    """

    arterial_share: float = 0.12
    diameter_mm: tuple[float, float] = (0.5, 2.5)
    artery_diameter_mm: tuple[float, float] = (0.5, 1.4)
    trunk_diameter_mm: tuple[float, float] = (1.2, 4.0)
    washout_s: tuple[float, float] = (0.5, 60.0)
    artery_washout_s: tuple[float, float] = (0.25, 1.5)
    largest_velocity_mm_s: tuple[float, float] = (250.0, 500.0)
    mixed_fraction: tuple[float, float] = (0.02, 0.9)
    vascular_fraction: tuple[float, float] = (0.9, 1.0)
    late_share: float = 0.2
    delay_share: tuple[float, float] = (0.2, 0.7)
    remote_share: float = 0.3
    end_on_share: float = 0.15
    valve_share: float = 0.2

    def __post_init__(self) -> None:
        """Refuse ranges that are upside down."""
        for name in ("diameter_mm", "artery_diameter_mm", "trunk_diameter_mm", "washout_s"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise InputError(f"{name} is {low} to {high}; expected 0 < low <= high")


# Length of vessel whose resting transit time is called the wash-out: about what a field shows.
WASHOUT_PATH_MM = 60.0
# The stem of a lumbar artery is at most about this wide (2-3 mm, Arslan 2011). Millimetres.
ARTERY_STEM_MM = 2.8
# A vessel this thin near the tip shows later, or less, than the trunk that it feeds.
REMOTE_DIAMETERS_MM = (0.4, 0.6)
VEIN_ROUTES = (
    VesselRoute.SEGMENTAL,
    VesselRoute.ASCENDING_LUMBAR,
    VesselRoute.EPIDURAL_PLEXUS,
    VesselRoute.EXTERNAL_PLEXUS,
)


def draw_vessel(
    rng: np.random.Generator,
    ranges: VesselRanges,
    injection: InjectionSettings,
    *,
    is_mixed: bool,
) -> VesselSettings:
    """Draw a vessel that can carry what it is given: calibre, speed and dose together.

    The dose is drawn first, then a calibre among those that carry that share of the injection's
    peak rate; where no calibre of the range does, the dose gives way.
    """
    is_artery = bool(rng.random() < ranges.arterial_share)
    vein = VEIN_ROUTES[rng.integers(len(VEIN_ROUTES))]
    largest = float(rng.uniform(*ranges.largest_velocity_mm_s))
    is_late = is_mixed and rng.random() < ranges.late_share
    delay = injection.duration_s * float(rng.uniform(*ranges.delay_share)) if is_late else 0.0
    if is_mixed:
        wanted = log_uniform(rng, *ranges.mixed_fraction)
    else:
        wanted = float(rng.uniform(*ranges.vascular_fraction))
    # What comes before a late entry is lost to the vessel.
    wanted = min(wanted, 0.9 * (1 - delay / injection.duration_s)) if is_late else wanted
    rate = wanted / (1 - delay / injection.duration_s) * injection.peak_rate_ml_s
    least = float(np.sqrt(rate / flow_ml_s(1.0, largest) / SAFE))
    # No artery here is wide enough for all of a fast injection; a vein is then what was entered.
    is_artery = is_artery and (is_mixed or least <= ranges.artery_diameter_mm[1])
    is_remote = rng.random() < ranges.remote_share
    low, high = ranges.artery_diameter_mm if is_artery else ranges.diameter_mm
    if is_remote and not is_artery:
        low, high = REMOTE_DIAMETERS_MM
    if is_mixed and least > high:
        wanted *= (high / least) ** 2
        least = high
    # A pattern called vascular keeps its dose: its vessel is as wide as it must be.
    least = float(np.clip(least, low, DIAMETERS_MM[1]))
    entry = log_uniform(rng, least, max(high, least))
    washout = log_uniform(rng, *(ranges.artery_washout_s if is_artery else ranges.washout_s))
    widest = ARTERY_STEM_MM if is_artery else DIAMETERS_MM[1]
    trunk = float(np.clip(rng.uniform(*ranges.trunk_diameter_mm), 1.2 * entry, widest))
    return VesselSettings(
        route=VesselRoute.DORSAL_ARTERY if is_artery else vein,
        dose_fraction=float(wanted),
        entry_diameter_mm=entry,
        trunk_diameter_mm=max(trunk, entry),
        resting_velocity_mm_s=WASHOUT_PATH_MM / washout,
        largest_velocity_mm_s=largest,
        delay_s=delay,
        pulsatility=float(rng.uniform(0.3, 0.8) if is_artery else rng.uniform(0.05, 0.4)),
        pulse_hz=float(rng.uniform(0.9, 1.6) if is_artery else rng.uniform(0.15, 0.35)),
        tortuosity=float(rng.uniform(0.2, 1.0)),
        twigs=int(rng.integers(4, 16)),
        is_end_on=bool(rng.random() < ranges.end_on_share),
        has_valves=bool(not is_artery and rng.random() < ranges.valve_share),
    )
