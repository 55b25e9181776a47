"""What a voxel of the simulated patient holds: a tissue, and how much of it is water-like.

Every tissue is described by three masses in a cubic centimetre: soft (water-like), adipose, and
bone mineral (hydroxyapatite). CT numbers follow from these alone, so that a radiograph and a CT of
one patient cannot contradict each other. The soft masses are *water-equivalent*: chosen so that the
CT number is the published one, which is within 2 % of the tissue's real density (ICRU Report 44).

CT numbers in the comments are those of abdominal CT without contrast: AJR 203:W628
(2014) for the organs, textbooks (Prokop & Galanski 2003) for the rest; composition after Woodard &
White, Br J Radiol 59:1209 (1986).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray


class Tissue(IntEnum):
    """Label of a voxel."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    SKIN = 3
    CORTICAL_BONE = 4
    TRABECULAR_BONE = 5
    DISC = 6
    JOINT_SPACE = 7
    EPIDURAL = 8
    THECAL_SAC = 9
    ORGAN = 10
    BLOOD = 11
    GAS = 12


class Filling(IntEnum):
    """What a compartment is filled with; row of `FILLINGS`."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    SKIN = 3
    DISC = 4
    JOINT = 5
    SAC = 6
    LIVER = 7
    SPLEEN = 8
    KIDNEY = 9
    BLOOD = 10
    BOWEL_WALL = 11
    BOWEL_FLUID = 12
    FAECES = 13
    LUNG = 14
    CALCIFICATION = 15
    MARROW = 16
    TABLE = 17


# Mass attenuation against water at 70 keV, near the mean of a filtered 120 kVp beam: NIST XCOM,
# interpolated between 60 and 80 keV (adipose of ICRU 44; hydroxyapatite from its elements).
ADIPOSE_PER_WATER = 0.968
MINERAL_PER_WATER = 1.65
# Crystal of hydroxyapatite. g/cm3.
MINERAL_DENSITY = 3.1
# Adipose tissue of ICRU 44 has 0.95; 0.93 gives the usual -100 HU. g/cm3.
ADIPOSE_DENSITY = 0.93

# Label, soft, adipose and mineral. g/cm3; the CT number that follows in the comment.
FILLINGS: dict[Filling, tuple[Tissue, float, float, float]] = {
    Filling.AIR: (Tissue.AIR, 0.0, 0.0, 0.0),  # -1000 HU
    Filling.FAT: (Tissue.FAT, 0.0, ADIPOSE_DENSITY, 0.0),  # -100: -120 to -80
    Filling.MUSCLE: (Tissue.MUSCLE, 1.060, 0.0, 0.0),  # +60 without fat; 35 to 60 with it
    Filling.SKIN: (Tissue.SKIN, 1.060, 0.0, 0.0),  # +60: 40 to 90
    Filling.DISC: (Tissue.DISC, 1.085, 0.0, 0.0),  # +85: 70 to 110
    Filling.JOINT: (Tissue.JOINT_SPACE, 1.060, 0.0, 0.0),  # +60: cartilage and synovial fluid
    Filling.SAC: (Tissue.THECAL_SAC, 1.020, 0.0, 0.0),  # +20: cerebrospinal fluid 10, roots 40
    Filling.LIVER: (Tissue.ORGAN, 1.057, 0.0, 0.0),  # +57: 45 to 65
    Filling.SPLEEN: (Tissue.ORGAN, 1.048, 0.0, 0.0),  # +48: 40 to 55
    Filling.KIDNEY: (Tissue.ORGAN, 1.033, 0.0, 0.0),  # +33: 25 to 40
    Filling.BLOOD: (Tissue.BLOOD, 1.043, 0.0, 0.0),  # +43: 35 to 50
    Filling.BOWEL_WALL: (Tissue.ORGAN, 1.042, 0.0, 0.0),  # +42
    Filling.BOWEL_FLUID: (Tissue.ORGAN, 1.028, 0.0, 0.0),  # +28: 10 to 40
    Filling.FAECES: (Tissue.ORGAN, 1.040, 0.0, 0.0),  # +40, less the gas bubbles in it
    # Lung has no label of its own: seen from the spine it is gas. -850 at the base in inspiration.
    Filling.LUNG: (Tissue.GAS, 0.150, 0.0, 0.0),
    # Plaque of +900: heavily calcified, as non-contrast CT shows it. Guess.
    Filling.CALCIFICATION: (Tissue.BLOOD, 0.90, 0.0, 0.60),
    Filling.MARROW: (Tissue.TRABECULAR_BONE, 1.040, 0.0, 0.0),
    # Carbon fibre skin over foam. Guess.
    Filling.TABLE: (Tissue.AIR, 0.75, 0.0, 0.0),
}


def filling_table() -> FloatArray:
    """Return the fillings as (N, 4) rows for the kernels: label, soft, adipose, mineral."""
    table: FloatArray = np.array([FILLINGS[filling] for filling in Filling], dtype=np.float64)
    return table


def hu_of(
    soft: NDArray[np.float32], adipose: NDArray[np.float32], mineral: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the CT number of a mixture, for a scanner of 120 kVp.

    Parameters
    ----------
    soft, adipose, mineral : float32 array
        Masses in a volume. g/cm3.

    Returns
    -------
    float32 array
        Hounsfield units, no noise and no limits.
    """
    per_water: NDArray[np.float32] = (
        soft + np.float32(ADIPOSE_PER_WATER) * adipose + np.float32(MINERAL_PER_WATER) * mineral
    )
    return np.float32(1000) * (per_water - np.float32(1))
