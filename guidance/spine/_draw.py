"""Drawing an anatomy: ranges and a random generator become resolved settings."""

from dataclasses import dataclass, fields

import numpy as np

from guidance.anatomy import Vertebra
from guidance.errors import InputError
from guidance.spine import _sizes as sizes
from guidance.spine._settings import (
    SACRAL_HOLLOW_MM,
    DiscSettings,
    FacetSettings,
    Pair,
    RibSettings,
    SacrumSettings,
    SpineSettings,
    VertebraSettings,
    rim_gap_mm,
)

Range = tuple[float, float]
# No disc is drawn lower than this in its middle, and this stays between the rims. Guess.
LEAST_DISC_MM, FREE_RIM_MM = 5.0, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineRanges:
    """From which anatomies are drawn; each pair is (least, most), drawn evenly.

    Attributes
    ----------
    female_share : float
        Part of the patients who are women.
    size : pair
        Overall size against the mean of the sex.
    lordosis_deg : pair
        Between the upper endplate of L1 and that of S1.
    slope_less_lordosis_deg : pair
        Sacral slope less 0.7 of the lordosis.
    scoliosis_deg : pair
        Angle of one curve with its apex at L1 to L3; the side is drawn.
    rotation_deg : pair
        Turn of a vertebra against the one below, beside what goes with scoliosis.
    degeneration : pair
        From 0, none, to 1, severe: sets how far the four below may go, each by its own draw.
    disc_narrowing : pair
        Fraction of its height that a disc may lose.
    osteophyte_mm : pair
        How far lips may stand out of the rims.
    facet_growth_mm : pair
        How much thicker superior processes may grow.
    tropism_deg : pair
        Difference between the angles of the facets of both sides.
    asymmetry : pair
        Difference between the sides of a paired size, as a fraction of it.
    bone_density : pair
        Mineral against a healthy adult's.
    crest_above_mm : pair
        Top of the iliac crest above the middle of the S1 endplate.
    rib_12_mm : pair
        Length of the twelfth rib.
    variation : pair
        Multiplies the published standard deviations of single sizes; 0 draws means.
    """

    # Chronic back pain is somewhat more frequent in women: guess.
    female_share: float = 0.55
    # Stature varies by about 4 % (one standard deviation); linear sizes follow it in part: guess.
    size: Range = (0.93, 1.07)
    # Supine or prone L1-S1: about 50 standing (Legaye 1998: 60 with SD 10), less on a cushion.
    lordosis_deg: Range = (28.0, 60.0)
    # Legaye 1998, Eur Spine J 7:99: sacral slope 41 with lordosis 60, r about 0.86.
    slope_less_lordosis_deg: Range = (-3.0, 9.0)
    # Degenerative lumbar curves are mostly below 20 degrees (Schwab 2005): guess.
    scoliosis_deg: Range = (0.0, 14.0)
    rotation_deg: Range = (-1.5, 1.5)  # guess
    degeneration: Range = (0.0, 1.0)
    disc_narrowing: Range = (0.0, 0.6)  # Frobin 1997: narrowed discs keep 40 % and more
    osteophyte_mm: Range = (0.0, 4.5)  # Nathan 1962, grades 1 to 3: up to several mm
    facet_growth_mm: Range = (0.0, 3.0)  # guess, after Weishaupt 1999's grades
    tropism_deg: Range = (0.0, 12.0)  # Boden 1996: above 7 to 10 degrees is marked
    asymmetry: Range = (0.0, 0.08)  # guess
    bone_density: Range = (0.55, 1.1)  # osteoporosis: T-score -2.5 is some 30 % less
    crest_above_mm: Range = (22.0, 46.0)  # L4-L5 in most, the L5 body to L4 in all: about
    rib_12_mm: Range = (65.0, 150.0)  # about: 30 to 180 mm
    variation: Range = (0.7, 1.1)

    def __post_init__(self) -> None:
        """Refuse ranges that run backwards."""
        if not 0 <= self.female_share <= 1:
            raise InputError(f"female_share is {self.female_share:g}, expected 0 to 1")
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise InputError(
                    f"the range {f.name} runs from {value[0]:g} to {value[1]:g}; "
                    "give the lesser bound first"
                )


@dataclass(frozen=True, slots=True)
class _Dice:
    """A generator with the words that drawing an anatomy needs."""

    rng: np.random.Generator
    ranges: SpineRanges
    variation: float
    degeneration: float
    size: float

    def within(self, bounds: Range) -> float:
        return float(self.rng.uniform(*bounds))

    def worn(self, bounds: Range) -> float:
        """Draw what degeneration does: mostly little, up to the bound for the worst."""
        low, high = bounds
        return low + (high - low) * self.degeneration * float(self.rng.beta(1.2, 1.8))

    def about(self, mean: float, spread: float) -> float:
        """Draw about a mean, `spread` a fraction of it; never beyond two deviations."""
        z = float(np.clip(self.rng.standard_normal(), -2.0, 2.0))
        return mean * (1.0 + self.variation * spread * z)

    def near(self, mean: float, deviation: float) -> float:
        """Draw about a mean with a deviation in its own unit."""
        z = float(np.clip(self.rng.standard_normal(), -2.0, 2.0))
        return mean + self.variation * deviation * z

    def pair(self, value: float) -> Pair:
        """Make the sides differ."""
        apart = value * self.within(self.ranges.asymmetry) * float(self.rng.choice((-1.0, 1.0)))
        return value + 0.5 * apart, value - 0.5 * apart


def _facets(dice: _Dice, i: int) -> FacetSettings:
    ranges = dice.ranges
    angle = dice.near(sizes.FACET_ANGLE_DEG[i], sizes.SPREAD_FACET_ANGLE_DEG)
    tropism = dice.within(ranges.tropism_deg) * float(dice.rng.choice((-1.0, 1.0)))
    low, high = max(angle - abs(tropism) / 2, 4.0), min(angle + abs(tropism) / 2, 86.0)
    return FacetSettings(
        width_mm=dice.about(sizes.FACET_WIDTH_MM[i], sizes.SPREAD_FACET),
        height_mm=dice.about(sizes.FACET_HEIGHT_MM[i], sizes.SPREAD_FACET),
        angle_deg=(low, high) if tropism > 0 else (high, low),
        curve_mm=dice.about(sizes.FACET_CURVE_MM[i], 0.1),
        between_mm=dice.about(sizes.INTERFACET_MM[i], 0.5 * sizes.SPREAD_FACET),
        # With cartilage 2 to 4 mm (radiographic joint space); narrower where worn. About.
        gap_mm=2.6 - 0.9 * dice.worn((0.0, 1.0)),
        growth_mm=(dice.worn(ranges.facet_growth_mm), dice.worn(ranges.facet_growth_mm)),
    )


def _vertebra(dice: _Dice, i: int) -> VertebraSettings:
    name, ranges = sizes.LEVELS[i], dice.ranges
    width = dice.about(1.0, sizes.SPREAD_BODY)
    depth = dice.about(1.0, sizes.SPREAD_BODY)
    posterior = dice.about(sizes.HEIGHT_POSTERIOR_MM[i], sizes.SPREAD_BODY)
    # Of the drop of the spinous process's tip: guess; thoracic ones slope down.
    drop = {Vertebra.T11: 9.0, Vertebra.T12: 5.0}.get(name, 3.0)
    rise = {Vertebra.T11: 3.0, Vertebra.T12: 0.0, Vertebra.L4: 3.5, Vertebra.L5: 4.0}
    transverse = dice.about(sizes.TRANSVERSE_SPAN_MM[i], sizes.SPREAD_PROCESS)
    return VertebraSettings(
        name=name,
        width_upper_mm=width * sizes.WIDTH_UPPER_MM[i],
        width_lower_mm=width * sizes.WIDTH_LOWER_MM[i],
        depth_upper_mm=depth * sizes.DEPTH_UPPER_MM[i],
        depth_lower_mm=depth * sizes.DEPTH_LOWER_MM[i],
        height_anterior_mm=posterior + dice.near(sizes.WEDGE_MM[i], 0.6),
        height_posterior_mm=posterior,
        waist_mm=dice.about(2.2, 0.2),  # guess, after the open meshes
        endplate_hollow_mm=(dice.about(1.6, 0.25), dice.about(2.0, 0.25)),  # about 1.5 to 3
        osteophyte_mm=(dice.worn(ranges.osteophyte_mm), dice.worn(ranges.osteophyte_mm)),
        pedicle_width_mm=dice.pair(
            dice.about(sizes.PEDICLE_WIDTH_MM[i], sizes.SPREAD_PEDICLE_WIDTH)
        ),
        pedicle_height_mm=dice.about(sizes.PEDICLE_HEIGHT_MM[i], sizes.SPREAD_PEDICLE_HEIGHT),
        pedicle_angle_deg=dice.near(sizes.PEDICLE_ANGLE_DEG[i], sizes.SPREAD_PEDICLE_ANGLE_DEG),
        pedicle_tilt_deg=sizes.PEDICLE_TILT_DEG[i],
        canal_width_mm=dice.about(sizes.CANAL_WIDTH_MM[i], sizes.SPREAD_CANAL),
        canal_depth_mm=dice.about(sizes.CANAL_DEPTH_MM[i], sizes.SPREAD_CANAL),
        transverse_reach_mm=dice.pair(0.5 * transverse),
        transverse_rise_mm=(
            dice.near(rise.get(name, 1.0), 2.0),
            dice.near(rise.get(name, 1.0), 2.0),
        ),
        spinous_reach_mm=dice.about(sizes.SPINOUS_REACH_MM[i], 0.5 * sizes.SPREAD_PROCESS),
        spinous_height_mm=dice.about(sizes.SPINOUS_HEIGHT_MM[i], sizes.SPREAD_PROCESS),
        spinous_drop_mm=dice.near(drop, 1.5),
        facets=_facets(dice, i),
    )


def _lordosis_of_discs(lordosis_deg: float, wedges_deg: float) -> tuple[float, ...]:
    discs = lordosis_deg - wedges_deg
    kyphosis = (-sizes.DISC_KYPHOSIS_DEG,) * 2
    return (*kyphosis, *(share * discs for share in sizes.DISC_LORDOSIS_SHARE))


def _discs(
    dice: _Dice, vertebrae: tuple[VertebraSettings, ...], lordosis_deg: float, wedges_deg: float
) -> tuple[DiscSettings, ...]:
    ranges = dice.ranges
    lordosis = _lordosis_of_discs(lordosis_deg, wedges_deg)
    cobb = dice.within(ranges.scoliosis_deg) * float(dice.rng.choice((-1.0, 1.0)))
    apex = float(dice.rng.uniform(2.0, 4.0))
    # One curve: the discs below its apex lean one way, those above it back again.
    at = np.arange(len(lordosis)) + 0.5 - apex
    lean = -np.sin(np.clip(at / 3.5, -1.0, 1.0) * np.pi) * cobb
    lean /= max(float(np.abs(np.sin(np.clip(at / 3.5, -1.0, 1.0) * np.pi)).sum()), 1e-6) / 2
    found = []
    hollows = [v.endplate_hollow_mm[0] for v in vertebrae[1:]] + [SACRAL_HOLLOW_MM]
    for i, v in enumerate(vertebrae):
        full = dice.about(sizes.DISC_HEIGHT_MM[i], sizes.SPREAD_DISC)
        keep = 1.0 - dice.worn(ranges.disc_narrowing)
        height = max(full * keep, LEAST_DISC_MM)
        # Vertebrae turn with the curve, some 0.2 degrees a degree: guess.
        turn = dice.within(ranges.rotation_deg) + 0.2 * float(lean[i])
        # The rims never touch, so a narrow disc cannot be bent far, nor both ways at once.
        free = 0.7 * (rim_gap_mm(height, hollows[i], v.endplate_hollow_mm[1]) - FREE_RIM_MM)
        bend = float(np.rad2deg(np.arctan2(2 * free, v.depth_lower_mm)))
        aside = float(np.rad2deg(np.arctan2(2 * free, v.width_lower_mm)))
        found.append(
            DiscSettings(
                upper=v.name,
                height_mm=height,
                lordosis_deg=float(np.clip(lordosis[i], max(-bend, -8.0), min(bend, 26.0))),
                lateral_deg=float(np.clip(lean[i] + dice.near(0.0, 0.7), -aside, aside)),
                axial_deg=float(np.clip(turn, -6.0, 6.0)),
            )
        )
    return tuple(found)


def _sacrum(dice: _Dice, lordosis_deg: float, is_female: bool) -> SacrumSettings:
    ranges = dice.ranges
    slope = 0.7 * lordosis_deg + dice.within(ranges.slope_less_lordosis_deg)
    return SacrumSettings(
        slope_deg=float(np.clip(slope, 12.0, 58.0)),
        endplate_width_mm=dice.about(50.0, sizes.SPREAD_BODY),  # about
        endplate_depth_mm=dice.about(33.0, sizes.SPREAD_BODY),  # about
        # Sacral width about 105 to 115 mm; relatively wider in women.
        ala_reach_mm=dice.pair(dice.about(58.0 if is_female else 56.0, 0.04)),
        length_mm=dice.about(112.0, 0.05),
        bend_deg=dice.near(62.0, 6.0),  # guess
        facets=_facets(dice, len(sizes.LEVELS)),
        crest_above_mm=dice.within(ranges.crest_above_mm),
        crest_span_mm=dice.about(274.0, 0.04),  # about 260 to 290
    )


def draw_spine(rng: np.random.Generator, ranges: SpineRanges) -> SpineSettings:
    """Draw an anatomy.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance: the same state draws the same anatomy.
    ranges : SpineRanges
        What may be drawn.
    """
    is_female = bool(rng.random() < ranges.female_share)
    by_sex = sizes.SIZE_BY_SEX["female" if is_female else "male"]
    dice = _Dice(
        rng=rng,
        ranges=ranges,
        variation=float(rng.uniform(*ranges.variation)),
        degeneration=float(rng.uniform(*ranges.degeneration)),
        size=by_sex,
    )
    vertebrae = tuple(_vertebra(dice, i) for i in range(len(sizes.LEVELS)))
    lordosis = dice.within(ranges.lordosis_deg)
    wedges = sum(
        np.rad2deg(
            (v.height_anterior_mm - v.height_posterior_mm)
            / (0.5 * (v.depth_upper_mm + v.depth_lower_mm))
        )
        for v in vertebrae[2:]
    )
    discs = _discs(dice, vertebrae, lordosis, float(wedges))
    eleventh = dice.about(190.0, 0.1)  # about
    twelfth = dice.within(ranges.rib_12_mm)
    return SpineSettings(
        vertebrae=vertebrae,
        discs=discs,
        sacrum=_sacrum(dice, lordosis, is_female),
        ribs=(
            RibSettings(
                vertebra=Vertebra.T11,
                length_mm=dice.pair(eleventh),
                drop_deg=dice.near(34.0, 4.0),  # about
                radius_mm=6.0,
            ),
            RibSettings(
                vertebra=Vertebra.T12,
                length_mm=dice.pair(twelfth),
                drop_deg=dice.near(38.0, 5.0),  # about
                radius_mm=5.2,
            ),
        ),
        scale=by_sex * dice.within(ranges.size),
        bone_density=dice.within(ranges.bone_density),
    )
