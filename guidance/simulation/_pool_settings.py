"""Pools of contrast outside of vessels: what describes one, and from what it is drawn."""

from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.simulation._injection import log_uniform

POOL_KINDS = (
    SpreadPattern.PERINEURAL,
    SpreadPattern.INTRAMUSCULAR,
    SpreadPattern.INTRA_ARTICULAR,
    SpreadPattern.EPIDURAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """A pool, resolved.

    Attributes
    ----------
    kind : SpreadPattern
        Perineural, intramuscular, intra-articular or epidural.
    filled_share : float
        Share of the tissue's volume that contrast takes where it spreads, 0.05 to 1.
    thickness_mm : float
        Of the layer on bone (perineural), of the capsular recesses (intra-articular), of the
        layer about the nerve root (epidural). Unused in muscle. Millimetres.
    roughness : float
        Standard deviation of the logarithm of the tissue's resistance.
    grain_mm : float
        Correlation length of that resistance, across the fibres in muscle. Millimetres.
    across_cost : float
        How many times harder contrast moves across the muscle fibres than along them.
    obliquity_deg : float
        How far the fibres lean from the spine's axis: towards the side as they descend. Degrees.
    canal_cost : float
        Epidural: how many times harder the canal is to enter than the root's course outwards.
    dispersion_mm2_s : float
        By which edges soften. Square millimetres per second.
    absorption_s : float
        Time constant with which iodine leaves the pool for good. Seconds.
    """

    kind: SpreadPattern
    filled_share: float
    thickness_mm: float
    roughness: float
    grain_mm: float
    across_cost: float = 1.0
    obliquity_deg: float = 0.0
    canal_cost: float = 1.0
    dispersion_mm2_s: float = 0.005
    absorption_s: float = 900.0

    def __post_init__(self) -> None:
        """Refuse what is no pool."""
        if self.kind not in POOL_KINDS:
            raise InputError(f"a pool cannot be {self.kind!r}; expected one of {POOL_KINDS}")
        if not 0.05 <= self.filled_share <= 1 or not 0.1 <= self.thickness_mm <= 20:
            raise InputError(
                f"filled_share {self.filled_share}, thickness_mm {self.thickness_mm}; expected "
                "0.05 to 1 and 0.1 to 20"
            )
        if not (0 <= self.roughness <= 3 and 0.2 <= self.grain_mm <= 20 and self.across_cost >= 1):
            raise InputError(
                f"roughness {self.roughness}, grain_mm {self.grain_mm}, across_cost "
                f"{self.across_cost}; expected 0-3, 0.2-20, at least 1"
            )
        if not (self.absorption_s > 0 and 0 <= self.dispersion_mm2_s <= 1 and self.canal_cost > 0):
            raise InputError(
                f"absorption_s {self.absorption_s}, dispersion_mm2_s {self.dispersion_mm2_s}, "
                f"canal_cost {self.canal_cost}; expected > 0, 0-1, > 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRanges:
    """From what a pool of one kind is drawn; pairs are (low, high), `absorption_s` logarithmic.

    Free diffusion of an iodinated molecule in tissue (2-4e-4 mm²/s) would not be seen within a
    run; the dispersion here is an effective one, stirred by the pressure that falls off: guess.
    """

    filled_share: tuple[float, float]
    thickness_mm: tuple[float, float]
    roughness: tuple[float, float]
    grain_mm: tuple[float, float]
    across_cost: tuple[float, float] = (1.0, 1.0)
    obliquity_deg: tuple[float, float] = (0.0, 0.0)
    canal_cost: tuple[float, float] = (1.0, 1.0)
    dispersion_mm2_s: tuple[float, float] = (0.001, 0.01)
    absorption_s: tuple[float, float] = (600.0, 3600.0)


# Periosteal and fascial plane. Fluid parts a plane that holds little else; layer, roughness: guess.
# With these, 0.5 mL covers 2-4 cm², as the patches in Dreyfuss 1997 (Spine 22:895) and Wahezi 2018
# (PM&R 10:616) do by eye.
PERINEURAL = PoolRanges(
    filled_share=(0.45, 0.95), thickness_mm=(1.2, 2.6), roughness=(0.3, 0.9), grain_mm=(1.5, 4.0)
)
# Between fibres: oedema takes 10-30 % of a muscle's volume (guess). Multifidus runs from a spinous
# process to mamillary processes two to four levels below, 10-25° from the midline (Macintosh and
# Bogduk 1986, Clin Biomech 1:205), the erector less: -5 to 25. Washed out within minutes: guess.
INTRAMUSCULAR = PoolRanges(
    filled_share=(0.1, 0.3),
    thickness_mm=(2.0, 2.0),
    roughness=(0.7, 1.2),
    grain_mm=(0.5, 1.1),
    across_cost=(2.5, 5.0),
    obliquity_deg=(-5.0, 25.0),
    dispersion_mm2_s=(0.003, 0.03),
    absorption_s=(60.0, 600.0),
)
# A lumbar facet joint holds 1-2 mL (Glover 1977; Bogduk 2012, Clinical and Radiological Anatomy of
# the Lumbar Spine); its recesses lie at the upper and lower pole. Their size: guess.
INTRA_ARTICULAR = PoolRanges(
    filled_share=(0.5, 0.95),
    thickness_mm=(3.0, 6.0),
    roughness=(0.1, 0.4),
    grain_mm=(2.0, 5.0),
    dispersion_mm2_s=(0.0, 0.002),
    absorption_s=(1200.0, 7200.0),
)
# Root sleeve and epidural fat: a layer of 0.8-1.8 mm about a root of 4-5 mm: guess.
EPIDURAL = PoolRanges(
    filled_share=(0.45, 0.9),
    thickness_mm=(0.8, 1.8),
    roughness=(0.4, 0.9),
    grain_mm=(1.5, 4.0),
    canal_cost=(0.15, 1.5),
    dispersion_mm2_s=(0.001, 0.01),
    absorption_s=(600.0, 3600.0),
)
POOL_RANGES = {
    SpreadPattern.PERINEURAL: PERINEURAL,
    SpreadPattern.INTRAMUSCULAR: INTRAMUSCULAR,
    SpreadPattern.INTRA_ARTICULAR: INTRA_ARTICULAR,
    SpreadPattern.EPIDURAL: EPIDURAL,
}


def draw_pool(
    rng: np.random.Generator, kind: SpreadPattern, ranges: PoolRanges | None = None
) -> PoolSettings:
    """Draw a pool of one kind, by default from the ranges of that kind."""
    if kind not in POOL_KINDS:
        raise InputError(f"a pool cannot be {kind!r}; expected one of {POOL_KINDS}")
    chosen = POOL_RANGES[kind] if ranges is None else ranges

    def between(pair: tuple[float, float]) -> float:
        return float(rng.uniform(*pair))

    return PoolSettings(
        kind=kind,
        filled_share=between(chosen.filled_share),
        thickness_mm=between(chosen.thickness_mm),
        roughness=between(chosen.roughness),
        grain_mm=between(chosen.grain_mm),
        across_cost=between(chosen.across_cost),
        obliquity_deg=between(chosen.obliquity_deg),
        canal_cost=between(chosen.canal_cost),
        dispersion_mm2_s=between(chosen.dispersion_mm2_s),
        absorption_s=log_uniform(rng, *chosen.absorption_s),
    )
