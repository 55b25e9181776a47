"""A spine as resolved numbers: what `build_spine` needs, and nothing random.

Pairs are (left, right). Millimetres before the overall `scale`, degrees.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from guidance.anatomy import Vertebra
from guidance.errors import InputError
from guidance.spine._sizes import LEVELS

Pair = tuple[float, float]


def refuse_outside(name: str, value: float, low: float, high: float) -> None:
    """Raise InputError where a number is not within its possible range (NaN never is)."""
    if not low <= value <= high:
        raise InputError(
            f"{name} is {value:g}, expected {low:g} to {high:g}; no spine is built like that"
        )


def check_numbers(record: object, limits: dict[str, tuple[float, float]]) -> None:
    """Check the numbers, and pairs of numbers, of a record against their limits."""
    for name, (low, high) in limits.items():
        value = getattr(record, name)
        for number in np.atleast_1d(value):
            label = f"{getattr(record, 'name', '')} {name}".strip()
            refuse_outside(label, float(number), low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetSettings:
    """The superior facets of a vertebra or of S1, and so the joints with the level above.

    Attributes
    ----------
    width_mm, height_mm : float
        Of the articular surface.
    angle_deg : (left, right)
        Of the joint's plane with the sagittal plane in an axial cut; a difference is tropism.
    curve_mm : float
        Radius of the concave surface in an axial cut.
    between_mm : float
        From the centre of one side's facet to the other's.
    gap_mm : float
        Between the bones, cartilage included.
    growth_mm : (left, right)
        Hypertrophy: how much thicker the superior articular process is.
    """

    width_mm: float
    height_mm: float
    angle_deg: Pair
    curve_mm: float
    between_mm: float
    gap_mm: float
    growth_mm: Pair

    def __post_init__(self) -> None:
        """Refuse sizes that no joint has."""
        check_numbers(
            self,
            {
                "width_mm": (6, 26),
                "height_mm": (7, 26),
                "angle_deg": (0, 90),
                "curve_mm": (9, 200),
                "between_mm": (14, 60),
                "gap_mm": (1.0, 5.0),
                "growth_mm": (0, 6),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraSettings:
    """One vertebra.

    Attributes
    ----------
    name : Vertebra
        T11 to L5.
    width_upper_mm, width_lower_mm, depth_upper_mm, depth_lower_mm : float
        Of the endplates.
    height_anterior_mm, height_posterior_mm : float
        Of the body, at its rims.
    waist_mm : float
        How much the body's walls are drawn in, each side.
    endplate_hollow_mm : (upper, lower)
        Depth of the endplates.
    osteophyte_mm : (upper, lower)
        How far lips stand out of the rims.
    pedicle_width_mm, pedicle_height_mm : (left, right), float
        Of the isthmus.
    pedicle_angle_deg, pedicle_tilt_deg : float
        Of its axis, medial in front and upwards in front.
    canal_width_mm, canal_depth_mm : float
        At the pedicles, and in the middle.
    transverse_reach_mm : (left, right)
        From the midline to the tip of the transverse process.
    transverse_rise_mm : (left, right)
        How much the tip lies above the root.
    spinous_reach_mm, spinous_height_mm, spinous_drop_mm : float
        From the body's middle to the tip; its height; how far the tip lies below its root.
    facets : FacetSettings
        Superior facets.
    """

    name: Vertebra
    width_upper_mm: float
    width_lower_mm: float
    depth_upper_mm: float
    depth_lower_mm: float
    height_anterior_mm: float
    height_posterior_mm: float
    waist_mm: float
    endplate_hollow_mm: tuple[float, float]
    osteophyte_mm: tuple[float, float]
    pedicle_width_mm: Pair
    pedicle_height_mm: float
    pedicle_angle_deg: float
    pedicle_tilt_deg: float
    canal_width_mm: float
    canal_depth_mm: float
    transverse_reach_mm: Pair
    transverse_rise_mm: Pair
    spinous_reach_mm: float
    spinous_height_mm: float
    spinous_drop_mm: float
    facets: FacetSettings

    def __post_init__(self) -> None:
        """Refuse sizes that no vertebra has."""
        if self.name not in LEVELS:
            raise InputError(f"the vertebra {self.name!r} is not built; expected T11 to L5")
        check_numbers(self, VERTEBRA_LIMITS)

    @property
    def height_mm(self) -> float:
        """Of the body, in its middle."""
        return 0.5 * (self.height_anterior_mm + self.height_posterior_mm)


VERTEBRA_LIMITS: dict[str, tuple[float, float]] = {
    "width_upper_mm": (24, 70),
    "width_lower_mm": (24, 70),
    "depth_upper_mm": (20, 52),
    "depth_lower_mm": (20, 52),
    "height_anterior_mm": (10, 42),
    "height_posterior_mm": (12, 40),
    "waist_mm": (0, 5),
    "endplate_hollow_mm": (0, 6),
    "osteophyte_mm": (0, 8),
    "pedicle_width_mm": (3.5, 28),
    "pedicle_height_mm": (8, 24),
    "pedicle_angle_deg": (-10, 45),
    "pedicle_tilt_deg": (-15, 20),
    "canal_width_mm": (14, 40),
    "canal_depth_mm": (10, 30),
    "transverse_reach_mm": (16, 66),
    "transverse_rise_mm": (-12, 14),
    "spinous_reach_mm": (42, 95),
    "spinous_height_mm": (7, 34),
    "spinous_drop_mm": (-4, 30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscSettings:
    """What lies between a level and the one below: a disc's height and the angles across it.

    Attributes
    ----------
    upper : Vertebra
        The level above the disc.
    height_mm : float
        In its middle.
    lordosis_deg, lateral_deg, axial_deg : float
        How the upper level is turned against the lower: open in front, leaning to the left,
        turned with its front to the left.
    """

    upper: Vertebra
    height_mm: float
    lordosis_deg: float
    lateral_deg: float
    axial_deg: float

    def __post_init__(self) -> None:
        """Refuse what no disc allows."""
        check_numbers(
            self,
            {
                "height_mm": (1.5, 20),
                "lordosis_deg": (-12, 30),
                "lateral_deg": (-12, 12),
                "axial_deg": (-8, 8),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SacrumSettings:
    """The sacrum and the hip bones.

    Attributes
    ----------
    slope_deg : float
        Of the sacral endplate against the horizontal.
    endplate_width_mm, endplate_depth_mm : float
        Of S1.
    ala_reach_mm : (left, right)
        From the midline to the sacroiliac joint at the top of the ala.
    length_mm : float
        From the promontory to the tip, along the front.
    bend_deg : float
        Between the first and the last sacral segment.
    facets : FacetSettings
        Superior articular processes of S1.
    crest_above_mm : float
        How far the top of the iliac crest lies above the middle of the S1 endplate.
    crest_span_mm : float
        Between the outermost points of the iliac crests.
    """

    slope_deg: float
    endplate_width_mm: float
    endplate_depth_mm: float
    ala_reach_mm: Pair
    length_mm: float
    bend_deg: float
    facets: FacetSettings
    crest_above_mm: float
    crest_span_mm: float

    def __post_init__(self) -> None:
        """Refuse sizes that no pelvis has."""
        check_numbers(
            self,
            {
                "slope_deg": (5, 70),
                "endplate_width_mm": (34, 72),
                "endplate_depth_mm": (22, 46),
                "ala_reach_mm": (40, 72),
                "length_mm": (80, 140),
                "bend_deg": (10, 90),
                "crest_above_mm": (5, 75),
                "crest_span_mm": (200, 330),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RibSettings:
    """A pair of floating ribs.

    Attributes
    ----------
    vertebra : Vertebra
        T11 or T12, where they hang.
    length_mm : (left, right)
        Along the rib.
    drop_deg : float
        How steeply they go down.
    radius_mm : float
        Half height of the shaft.
    """

    vertebra: Vertebra
    length_mm: Pair
    drop_deg: float
    radius_mm: float

    def __post_init__(self) -> None:
        """Refuse ribs that are none."""
        if self.vertebra not in (Vertebra.T11, Vertebra.T12):
            raise InputError(f"ribs at {self.vertebra!r} are not built; expected T11 or T12")
        check_numbers(self, {"length_mm": (15, 300), "drop_deg": (0, 70), "radius_mm": (2.5, 9)})


SACRAL_HOLLOW_MM = 1.2  # of the S1 endplate; guess
# Of a hollow's depth, what it adds to the disc's height in the middle.
HOLLOW_SHARE = 0.8
LEAST_RIM_GAP_MM = 0.4


def rim_gap_mm(height_mm: float, hollow_below_mm: float, hollow_above_mm: float) -> float:
    """Return the distance between the rims that a disc's height in its middle leaves."""
    return max(height_mm - HOLLOW_SHARE * (hollow_below_mm + hollow_above_mm), 1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineSettings:
    """A whole spine T11 to the pelvis.

    Attributes
    ----------
    vertebrae : tuple of VertebraSettings
        T11 to L5, in this order.
    discs : tuple of DiscSettings
        Below T11 to below L5, in this order.
    sacrum : SacrumSettings
        Sacrum and hips.
    ribs : tuple of RibSettings
        Those of T11 and T12.
    scale : float
        Multiplies every length.
    bone_density : float
        Mineral against a healthy adult's; porosity is less than 1. For the tissue, not the shape.
    """

    vertebrae: tuple[VertebraSettings, ...]
    discs: tuple[DiscSettings, ...]
    sacrum: SacrumSettings
    ribs: tuple[RibSettings, ...]
    scale: float = 1.0
    bone_density: float = 1.0

    def __post_init__(self) -> None:
        """Check that every level is there, in order, and that neighbours fit each other."""
        if tuple(v.name for v in self.vertebrae) != LEVELS:
            raise InputError("vertebrae must be T11 to L5, from above down, each once")
        if tuple(d.upper for d in self.discs) != LEVELS:
            raise InputError("discs must be those below T11 to L5, from above down, each once")
        if tuple(r.vertebra for r in self.ribs) != LEVELS[:2]:
            raise InputError("ribs must be those of T11 and T12, in this order")
        check_numbers(self, {"scale": (0.5, 2.5), "bone_density": (0.2, 1.6)})
        self._check_rims()
        for upper, lower in pairwise(self.vertebrae):
            step = abs(upper.width_lower_mm - lower.width_upper_mm)
            if step > 14:
                raise InputError(
                    f"the endplates of {upper.name} and {lower.name} differ by {step:g} mm in "
                    "width; neighbours agree within 14 mm"
                )

    def _check_rims(self) -> None:
        """Refuse angles at which the bodies on both sides of a disc would run into each other."""
        hollows = [v.endplate_hollow_mm[0] for v in self.vertebrae[1:]] + [SACRAL_HOLLOW_MM]
        for v, disc, hollow in zip(self.vertebrae, self.discs, hollows, strict=True):
            gap = rim_gap_mm(disc.height_mm, hollow, v.endplate_hollow_mm[1])
            bend = np.tan(np.deg2rad(abs(disc.lordosis_deg))) * 0.5 * v.depth_lower_mm
            lean = np.tan(np.deg2rad(abs(disc.lateral_deg))) * 0.5 * v.width_lower_mm
            # At the corner behind and aside, some 0.7 of both add up.
            if max(bend, lean, 0.7 * (bend + lean)) > gap - LEAST_RIM_GAP_MM:
                raise InputError(
                    f"the disc below {disc.upper} leaves {gap:.1f} mm between the rims, too little "
                    f"for its angles of {disc.lordosis_deg:g} and {disc.lateral_deg:g} degrees; "
                    "give it more height or less angle"
                )
