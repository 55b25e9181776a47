"""The soft body around a spine as resolved numbers, and how they are drawn.

Everything is measured from the spine, so that one body fits any spine: a long one has long muscles,
a scoliotic one bends them. "Lean" means up to the deep fascia, without subcutaneous fat and skin.
Pairs are (left, right).
"""

from dataclasses import dataclass, fields

import numpy as np

from guidance.errors import InputError

Pair = tuple[float, float]
Range = tuple[float, float]

# What a body can be; beyond it something was mistyped. Generous on purpose.
BODY_LIMITS: dict[str, Range] = {
    "lean_width_mm": (180, 420),
    "lean_depth_mm": (120, 340),
    "fat_posterior_mm": (3, 100),
    "fat_lateral_mm": (3, 120),
    "fat_anterior_mm": (3, 150),
    "skin_mm": (0.5, 4),
    "furrow_mm": (0, 25),
    "wall_mm": (6, 40),
    "paraspinal_scale": (0.5, 1.6),
    "psoas_scale": (0.4, 1.8),
    "paraspinal_fat_share": (0, 0.7),
    "psoas_fat_share": (0, 0.5),
    "kidney_length_mm": (60, 150),
    "kidney_drop_mm": (-60, 80),
    "aorta_radius_mm": (5, 25),
    "aorta_calcification": (0, 1),
    "cava_radius_mm": (4, 18),
    "cava_flatness": (0.3, 1),
    "bifurcation_drop_mm": (-40, 40),
    "liver_edge_mm": (-80, 90),
    "spleen_length_mm": (50, 200),
    "lung_base_mm": (-60, 80),
    "prone_flattening": (0, 1),
    "colon_radius_mm": (8, 40),
    "bowel_loops": (0, 120),
    "gas_amount": (0, 3),
    "marrow_fat_share": (0, 0.95),
    "cortical_scale": (0.3, 2.5),
    "texture_contrast": (0, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySettings:
    """A body, without the spine that it stands around.

    Attributes
    ----------
    lean_width_mm, lean_depth_mm : float
        Of the trunk at L3, between the outer borders of the muscles; from side to side, and from
        behind the spinous process to the front of the abdominal wall.
    fat_posterior_mm, fat_lateral_mm, fat_anterior_mm : float
        Subcutaneous fat at L3.
    skin_mm : float
        Epidermis and dermis.
    furrow_mm : float
        How deep the midline of the back lies between the erector muscles.
    wall_mm : float
        Of the lateral abdominal wall, its three muscles together.
    paraspinal_scale : float
        Linear size of erector spinae, multifidus and quadratus lumborum.
    psoas_scale : (left, right)
        Linear size of the psoas.
    paraspinal_fat_share, psoas_fat_share : float
        Share of the muscle's volume that is fat; in the multifidus it is greater and grows towards
        the sacrum.
    kidney_length_mm : (left, right)
        From pole to pole.
    kidney_drop_mm : (left, right)
        How far the kidney's middle lies below that of L1.
    aorta_radius_mm, cava_radius_mm : float
        Outer radius, at L3.
    aorta_calcification : float
        Share of the aorta's wall that is calcified.
    cava_flatness : float
        Depth over width of the inferior vena cava; a prone or dry patient's is flat.
    bifurcation_drop_mm : float
        How far the aorta divides below the middle of L4.
    liver_edge_mm : float
        How far the lowest edge of the liver lies below the middle of L2.
    spleen_length_mm : float
        From pole to pole.
    lung_base_mm : float
        How far the lowest lung lies above the middle of T12.
    is_prone : bool
        The belly carries the body and gas rises to the back.
    prone_flattening : float
        How flat the table presses the belly; 0 not at all, 1 to a plane.
    colon_radius_mm : float
        Of the ascending colon.
    bowel_loops : int
        Number of loops of small bowel.
    gas_amount : float
        1 is usual.
    bowel_seed, texture_seed : int
        Of the course of the bowel, and of the fine texture of muscle and bone.
    marrow_fat_share : float
        Share of the marrow's volume that is fat.
    cortical_scale : float
        Multiplies the thickness of the bones' cortex.
    texture_contrast : float
        Of the trabecular texture; standard deviation over mean, before the voxel averages it.
    is_mirrored : bool
        Situs inversus: liver on the left. Also a way to show that left and right are not confused.
    """

    lean_width_mm: float = 250.0
    lean_depth_mm: float = 195.0
    fat_posterior_mm: float = 22.0
    fat_lateral_mm: float = 22.0
    fat_anterior_mm: float = 25.0
    skin_mm: float = 2.0
    furrow_mm: float = 8.0
    wall_mm: float = 20.0
    paraspinal_scale: float = 1.0
    psoas_scale: Pair = (1.0, 1.0)
    paraspinal_fat_share: float = 0.12
    psoas_fat_share: float = 0.05
    kidney_length_mm: Pair = (112.0, 109.0)
    kidney_drop_mm: Pair = (12.0, 27.0)
    aorta_radius_mm: float = 9.5
    aorta_calcification: float = 0.1
    cava_radius_mm: float = 10.5
    cava_flatness: float = 0.7
    bifurcation_drop_mm: float = 5.0
    liver_edge_mm: float = 10.0
    spleen_length_mm: float = 105.0
    lung_base_mm: float = 0.0
    is_prone: bool = True
    prone_flattening: float = 0.4
    colon_radius_mm: float = 22.0
    bowel_loops: int = 48
    gas_amount: float = 1.0
    bowel_seed: int = 1
    texture_seed: int = 1
    marrow_fat_share: float = 0.45
    cortical_scale: float = 1.0
    texture_contrast: float = 0.25
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        """Refuse a body that nobody has."""
        for name, (low, high) in BODY_LIMITS.items():
            for value in np.atleast_1d(getattr(self, name)):
                if not low <= value <= high:
                    raise InputError(
                        f"{name} is {value:g}, expected {low:g} to {high:g}; no body is like that"
                    )
        for name in ("bowel_seed", "texture_seed"):
            if not 0 <= getattr(self, name) < 2**31:
                raise InputError(f"{name} is {getattr(self, name)}, expected 0 to 2147483647")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRanges:
    """What a body is drawn from: least and greatest value of each parameter.

    Sources by their short names; the rest is called a guess.

    - SAD: sagittal abdominal diameter, supine, with skin and fat; about 16 to 31 cm covers US
      adults (Kahn et al., PLoS ONE 9:e108707, 2014).
    - Muscle: volume and fat of erector spinae, multifidus and psoas, ages 18-60 (PMC5595236); fat
      fraction 12 to 19 % for erector spinae L3-L5, 4 to 7 % for psoas (PMC7063279).
    - BMC: fat fraction of paraspinal muscle 14 % men, 23 % women, CT 47 and 36 HU (BMC
      Musculoskelet Disord 2020, s12891-020-03432-w).
    - DSFT: dorsal subcutaneous fat, L1-L2 to L5-S1, on MRI (Tomography 10:159, 2024); the range of
      10 to 60 mm is this project's.
    - Kidney: 100 to 125 mm, right lower by 10 to 20 mm: Emamian et al., AJR 160:83 (1993).
    - Aorta: 15 to 22 mm wide: Pedersen et al., J Vasc Surg 17:596 (1993).
    - Bifurcation: at L4 in two of three, L3 to L5: Chithriki et al., Surg Radiol Anat 24:308
      (2002).
    - Wall: sum of the three muscles on ultrasound: Rankin et al., Muscle Nerve 34:320 (2006).
    - Marrow: 25 to 65 % fat from 20 to 80 years: Kugel et al., JMRI 13:263 (2001).
    """

    # 0 is lean and 1 obese: it moves fat and girth together, and the rest spreads about it. Guess.
    obesity: Range = (0.0, 1.0)
    # Lean width and depth of a lean and of an obese body at L3: SAD less fat; widths a guess.
    lean_width_mm: Range = (225.0, 300.0)
    lean_depth_mm: Range = (165.0, 250.0)
    # DSFT.
    fat_posterior_mm: Range = (10.0, 60.0)
    fat_lateral_mm: Range = (8.0, 60.0)  # guess
    fat_anterior_mm: Range = (10.0, 60.0)  # guess
    skin_mm: Range = (1.6, 2.6)  # back 2 mm and more: Laurent et al., Vaccine 25:6423 (2007)
    furrow_mm: Range = (3.0, 12.0)  # guess
    wall_mm: Range = (
        14.0,
        26.0,
    )  # Wall
    paraspinal_scale: Range = (0.85, 1.15)  # Muscle: areas vary by a fifth
    psoas_scale: Range = (0.8, 1.2)  # Muscle: areas vary by a quarter
    psoas_asymmetry: Range = (-0.06, 0.06)  # guess
    paraspinal_fat_share: Range = (0.04, 0.30)  # Muscle, BMC
    psoas_fat_share: Range = (0.02, 0.10)  # Muscle
    kidney_length_mm: Range = (98.0, 124.0)  # Kidney
    kidney_drop_mm: Range = (-5.0, 25.0)  # guess: between T12 and L3
    kidney_right_lower_mm: Range = (5.0, 20.0)  # Kidney
    aorta_radius_mm: Range = (7.5, 11.5)  # Aorta
    aorta_calcification: Range = (0.0, 0.5)  # guess
    cava_radius_mm: Range = (8.0, 12.5)  # guess
    cava_flatness: Range = (0.4, 0.95)  # guess
    bifurcation_drop_mm: Range = (-20.0, 22.0)  # Bifurcation
    liver_edge_mm: Range = (-25.0, 35.0)  # guess
    spleen_length_mm: Range = (85.0, 125.0)  # guess: normal to 120 mm
    lung_base_mm: Range = (-12.0, 25.0)  # guess
    prone_share: float = 0.95  # these injections are done prone
    prone_flattening: Range = (0.2, 0.8)  # guess
    colon_radius_mm: Range = (17.0, 28.0)  # guess: caecum to 90 mm wide is still normal
    bowel_loops: tuple[int, int] = (36, 60)  # guess
    gas_amount: Range = (0.2, 2.0)  # guess
    marrow_fat_share: Range = (0.25, 0.65)  # Marrow
    cortical_scale: Range = (0.8, 1.2)  # guess
    texture_contrast: Range = (0.12, 0.35)  # guess

    def __post_init__(self) -> None:
        """Check that every range runs upwards."""
        for name in (f.name for f in fields(self) if f.name != "prone_share"):
            low, high = getattr(self, name)
            if not (np.isfinite((low, high)).all() and low <= high):
                raise InputError(f"{name} runs from {low} to {high}; expected a range that rises")
        if not 0 <= self.prone_share <= 1:
            raise InputError(f"prone_share is {self.prone_share}, expected 0 to 1")


def draw_body(rng: np.random.Generator, ranges: BodyRanges | None = None) -> BodySettings:
    """Draw a body.

    Parameters
    ----------
    rng : numpy.random.Generator
        Moved on by the same number of draws whatever the ranges are.
    ranges : BodyRanges, optional
        What to draw from.

    Returns
    -------
    BodySettings
        Resolved numbers; the same generator state gives the same ones.
    """
    ranges = BodyRanges() if ranges is None else ranges

    def drawn(limits: Range) -> float:
        return float(rng.uniform(*limits))

    obesity = drawn(ranges.obesity)

    def by_obesity(limits: Range, spread: float) -> float:
        low, high = limits
        share = float(np.clip(obesity + spread * (2 * rng.random() - 1), 0, 1))
        return low + share * (high - low)

    posterior = by_obesity(ranges.fat_posterior_mm, 0.25)
    psoas = drawn(ranges.psoas_scale)
    asymmetry = drawn(ranges.psoas_asymmetry)
    kidney_drop = drawn(ranges.kidney_drop_mm)
    loops_low, loops_high = ranges.bowel_loops
    return BodySettings(
        lean_width_mm=by_obesity(ranges.lean_width_mm, 0.3),
        lean_depth_mm=by_obesity(ranges.lean_depth_mm, 0.3),
        fat_posterior_mm=posterior,
        fat_lateral_mm=by_obesity(ranges.fat_lateral_mm, 0.25),
        fat_anterior_mm=by_obesity(ranges.fat_anterior_mm, 0.25),
        skin_mm=drawn(ranges.skin_mm),
        furrow_mm=drawn(ranges.furrow_mm),
        wall_mm=drawn(ranges.wall_mm),
        paraspinal_scale=drawn(ranges.paraspinal_scale),
        psoas_scale=(psoas * (1 + asymmetry), psoas * (1 - asymmetry)),
        paraspinal_fat_share=drawn(ranges.paraspinal_fat_share),
        psoas_fat_share=drawn(ranges.psoas_fat_share),
        kidney_length_mm=(drawn(ranges.kidney_length_mm), drawn(ranges.kidney_length_mm)),
        kidney_drop_mm=(kidney_drop, kidney_drop + drawn(ranges.kidney_right_lower_mm)),
        aorta_radius_mm=drawn(ranges.aorta_radius_mm),
        aorta_calcification=drawn(ranges.aorta_calcification),
        cava_radius_mm=drawn(ranges.cava_radius_mm),
        cava_flatness=drawn(ranges.cava_flatness),
        bifurcation_drop_mm=drawn(ranges.bifurcation_drop_mm),
        liver_edge_mm=drawn(ranges.liver_edge_mm),
        spleen_length_mm=drawn(ranges.spleen_length_mm),
        lung_base_mm=drawn(ranges.lung_base_mm),
        is_prone=bool(rng.random() < ranges.prone_share),
        prone_flattening=drawn(ranges.prone_flattening),
        colon_radius_mm=drawn(ranges.colon_radius_mm),
        bowel_loops=int(rng.integers(loops_low, loops_high + 1)),
        gas_amount=drawn(ranges.gas_amount),
        bowel_seed=int(rng.integers(2**31)),
        texture_seed=int(rng.integers(2**31)),
        marrow_fat_share=drawn(ranges.marrow_fat_share),
        cortical_scale=drawn(ranges.cortical_scale),
        texture_contrast=drawn(ranges.texture_contrast),
    )
