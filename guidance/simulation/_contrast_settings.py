"""All that one run's contrast is made from: drawn once, written with the truth, replayed."""

from dataclasses import dataclass, field

import numpy as np

from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.simulation._injection import (
    InjectionRanges,
    InjectionSettings,
    draw_injections,
    log_uniform,
)
from guidance.simulation._pool_settings import POOL_KINDS, PoolSettings, draw_pool
from guidance.simulation._vessel_settings import VesselRanges, VesselSettings, draw_vessel

# What a vessel does not take goes mostly to where it should; into muscle in this share. Guess.
INTRAMUSCULAR_BESIDE_VESSEL = 0.3
VESSEL_PATTERNS = (SpreadPattern.VASCULAR, SpreadPattern.MIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidueSettings:
    """Contrast of an earlier block, already there in the first frame.

    Attributes
    ----------
    iodine_mg : float
        What is left of it. Milligrams.
    level_offset : int
        How many vertebrae higher (positive) or lower its groove lies; 0 for the other side.
    """

    iodine_mg: float
    level_offset: int

    def __post_init__(self) -> None:
        """Refuse what no earlier block leaves."""
        if not 0 < self.iodine_mg <= 1000 or abs(self.level_offset) > 2:
            raise InputError(
                f"a residue of {self.iodine_mg} mg, {self.level_offset} levels away; expected more "
                "than 0 mg, at most 1000, and at most 2 levels"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastSettings:
    """The contrast of one run, resolved.

    Attributes
    ----------
    pattern : SpreadPattern
        What the run is called.
    iodine_mg_ml : float
        Concentration of what is injected, after any dilution. Milligrams per millilitre.
    injections : tuple of InjectionSettings
        In time order; none for the pattern `none`.
    pool : PoolSettings or None
        Where contrast goes that no vessel takes.
    vessel : VesselSettings or None
        What takes contrast up.
    residue : ResidueSettings or None
        What an earlier block left.
    """

    pattern: SpreadPattern
    iodine_mg_ml: float
    injections: tuple[InjectionSettings, ...]
    pool: PoolSettings | None = None
    vessel: VesselSettings | None = None
    residue: ResidueSettings | None = None

    def __post_init__(self) -> None:
        """Check that the parts fit the pattern."""
        if not 0 < self.iodine_mg_ml <= 400:
            raise InputError(f"iodine_mg_ml is {self.iodine_mg_ml}, expected above 0 to 400")
        onsets = [injection.onset_s for injection in self.injections]
        if onsets != sorted(onsets):
            raise InputError(f"the injections begin at {onsets} s; put them in time order")
        is_empty = self.pattern is SpreadPattern.NONE
        if is_empty == bool(self.injections) or (is_empty and (self.pool or self.vessel)):
            raise InputError(
                f"pattern {self.pattern!r} with {len(self.injections)} injections, pool "
                f"{self.pool is not None}, vessel {self.vessel is not None}; 'none' has nothing, "
                "the others at least one injection"
            )
        if (self.vessel is not None) != (self.pattern in VESSEL_PATTERNS):
            raise InputError(f"pattern {self.pattern!r} does not fit vessel {self.vessel!r}")
        if self.pool is None and not is_empty:
            raise InputError("pool is missing; what no vessel takes has to go somewhere")
        if self.pattern in POOL_KINDS and self.pool and self.pool.kind is not self.pattern:
            raise InputError(f"pattern {self.pattern!r} does not fit a {self.pool.kind!r} pool")

    @property
    def tips(self) -> int:
        """How many positions of the needle are wanted, at least 1."""
        return max((injection.tip for injection in self.injections), default=0) + 1

    @property
    def injected_mg(self) -> float:
        """Iodine of all injections; the residue is not among it. Milligrams."""
        return self.iodine_mg_ml * sum(injection.volume_ml for injection in self.injections)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastRanges:
    """From what the contrast of a run is drawn.

    Attributes
    ----------
    injection, vessel : InjectionRanges, VesselRanges
        Of the parts.
    residue_share : float
        How many runs show an earlier block's contrast: blocks are done at two or three levels in a
        row, so many; guess.
    residue_mg : (low, high)
        What is left of it; logarithmic. A tenth to half of an injection: guess.
    """

    injection: InjectionRanges = field(default_factory=InjectionRanges)
    vessel: VesselRanges = field(default_factory=VesselRanges)
    residue_share: float = 0.25
    residue_mg: tuple[float, float] = (5.0, 60.0)

    def __post_init__(self) -> None:
        """Refuse ranges that are upside down."""
        low, high = self.residue_mg
        if not (0 < low <= high and 0 <= self.residue_share <= 1):
            raise InputError(
                f"residue_mg {self.residue_mg}, residue_share {self.residue_share}; expected "
                "0 < low <= high and a share from 0 to 1"
            )


def draw_contrast(
    rng: np.random.Generator, ranges: ContrastRanges, pattern: SpreadPattern
) -> ContrastSettings:
    """Draw the contrast of a run that shows `pattern`."""
    concentration = _draw_concentration(rng, ranges.injection)
    injections = draw_injections(rng, ranges.injection)
    residue = _draw_residue(rng, ranges)
    if pattern is SpreadPattern.NONE:
        return ContrastSettings(
            pattern=pattern, iodine_mg_ml=concentration, injections=(), residue=residue
        )
    if pattern not in VESSEL_PATTERNS:
        return ContrastSettings(
            pattern=pattern,
            iodine_mg_ml=concentration,
            injections=injections,
            pool=draw_pool(rng, pattern),
            residue=residue,
        )
    is_off_bone = rng.random() < INTRAMUSCULAR_BESIDE_VESSEL
    kind = SpreadPattern.INTRAMUSCULAR if is_off_bone else SpreadPattern.PERINEURAL
    is_mixed = pattern is SpreadPattern.MIXED
    return ContrastSettings(
        pattern=pattern,
        iodine_mg_ml=concentration,
        injections=injections,
        pool=draw_pool(rng, kind),
        vessel=draw_vessel(rng, ranges.vessel, injections[0], is_mixed=is_mixed),
        residue=residue,
    )


def _draw_concentration(rng: np.random.Generator, ranges: InjectionRanges) -> float:
    low, high = ranges.concentration_mg_ml
    concentration = float(rng.uniform(low, high))
    if rng.random() < ranges.dilute_share:
        concentration *= float(rng.uniform(*ranges.dilution))
    return concentration


def _draw_residue(rng: np.random.Generator, ranges: ContrastRanges) -> ResidueSettings | None:
    if rng.random() >= ranges.residue_share:
        return None
    offset = int(rng.choice((-1, 0, 1)))
    return ResidueSettings(iodine_mg=log_uniform(rng, *ranges.residue_mg), level_offset=offset)
