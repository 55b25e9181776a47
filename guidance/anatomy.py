"""The closed vocabulary of levels and sides.

`Vertebra` names bone, never nerve: the L3 medial branch crosses the vertebra L4. Sides are the
patient's.
"""

from enum import StrEnum


class Vertebra(StrEnum):
    """A vertebra, by the name the result contract uses."""

    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"
    C6 = "C6"
    C7 = "C7"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6 = "T6"
    T7 = "T7"
    T8 = "T8"
    T9 = "T9"
    T10 = "T10"
    T11 = "T11"
    T12 = "T12"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"
    S1 = "S1"


class Side(StrEnum):
    """A side of the patient."""

    LEFT = "left"
    RIGHT = "right"
