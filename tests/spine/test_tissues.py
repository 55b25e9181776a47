"""Fillings against published CT numbers."""

import numpy as np
import pytest

from guidance.spine import Tissue
from guidance.spine._tissues import FILLINGS, Filling, filling_table, hu_of

# Ranges of non-contrast CT at 120 kVp, as in docs/body.md.
USUAL_HU = {
    Filling.AIR: (-1000, -1000),
    Filling.FAT: (-120, -80),
    Filling.MUSCLE: (45, 70),
    Filling.SKIN: (40, 90),
    Filling.DISC: (70, 110),
    Filling.JOINT: (20, 100),
    Filling.SAC: (5, 40),
    Filling.LIVER: (45, 65),
    Filling.SPLEEN: (40, 55),
    Filling.KIDNEY: (25, 40),
    Filling.BLOOD: (35, 50),
    Filling.BOWEL_WALL: (30, 50),
    Filling.BOWEL_FLUID: (0, 40),
    Filling.FAECES: (0, 60),
    Filling.LUNG: (-900, -750),
    Filling.CALCIFICATION: (300, 1300),
    Filling.MARROW: (-60, 60),
    Filling.TABLE: (-400, -100),
}


def test_the_vocabulary_of_labels_holds_still():
    assert [tissue.name for tissue in Tissue] == [
        "AIR",
        "FAT",
        "MUSCLE",
        "SKIN",
        "CORTICAL_BONE",
        "TRABECULAR_BONE",
        "DISC",
        "JOINT_SPACE",
        "EPIDURAL",
        "THECAL_SAC",
        "ORGAN",
        "BLOOD",
        "GAS",
    ]
    assert [int(tissue) for tissue in Tissue] == list(range(13))


@pytest.mark.parametrize("filling", Filling, ids=lambda filling: filling.name)
def test_every_filling_has_its_published_ct_number(filling):
    _, soft, adipose, mineral = (np.float32(v) for v in FILLINGS[filling])
    low, high = USUAL_HU[filling]
    assert low - 0.1 <= float(hu_of(soft, adipose, mineral)) <= high + 0.1


def test_ct_numbers_are_those_of_water_and_air():
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    assert hu_of(one, zero, zero)[0] == 0
    assert hu_of(zero, zero, zero)[0] == -1000


def test_the_kernels_table_is_in_the_order_of_the_fillings():
    table = filling_table()
    assert table.shape == (len(Filling), 4)
    assert table[Filling.BLOOD, 0] == Tissue.BLOOD
