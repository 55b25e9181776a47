"""The bony targets of the nerves to the facet joints (docs: CONTRACT's table of anatomy)."""

from dataclasses import dataclass

import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.records import FloatArray
from guidance.spine._build import Spine

# Nerve, the vertebra its target lies on, and the joints it supplies: a lumbar joint Ln-Ln+1 takes
# the medial branches n-1 and n, and the branch n crosses the vertebra below.
NERVES = (
    ("T11 medial branch", Vertebra.T12, ("T11-T12", "T12-L1")),
    ("T12 medial branch", Vertebra.L1, ("T12-L1", "L1-L2")),
    ("L1 medial branch", Vertebra.L2, ("L1-L2", "L2-L3")),
    ("L2 medial branch", Vertebra.L3, ("L2-L3", "L3-L4")),
    ("L3 medial branch", Vertebra.L4, ("L3-L4", "L4-L5")),
    ("L4 medial branch", Vertebra.L5, ("L4-L5", "L5-S1")),
    ("L5 dorsal ramus", Vertebra.S1, ("L5-S1",)),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockTarget:
    """Where a nerve is blocked.

    Attributes
    ----------
    nerve : str
        Such as ``"L3 medial branch"``.
    vertebra : Vertebra
        The one it crosses, which is not the nerve's own number.
    side : Side
        The patient's.
    joints : tuple of str
        Facet joints it supplies, such as ``"L3-L4"``.
    groove_superior_lps_mm, groove_inferior_lps_mm : (3,) float64 arrays
        Ends of the groove, on bone. Millimetres.
    block_point_lps_mm : (3,) float64 array
        Midway between them, put onto the bone's surface. Millimetres.
    """

    nerve: str
    vertebra: Vertebra
    side: Side
    joints: tuple[str, ...]
    groove_superior_lps_mm: FloatArray
    groove_inferior_lps_mm: FloatArray
    block_point_lps_mm: FloatArray


def block_targets(spine: Spine) -> tuple[BlockTarget, ...]:
    """Return every target of the spine, from T11's medial branch to L5's dorsal ramus."""
    return tuple(
        _target(spine, nerve, vertebra, side, joints)
        for nerve, vertebra, joints in NERVES
        for side in Side
    )


def _target(
    spine: Spine, nerve: str, vertebra: Vertebra, side: Side, joints: tuple[str, ...]
) -> BlockTarget:
    superior = spine.landmarks[f"{vertebra}.{side}.groove_superior"]
    inferior = spine.landmarks[f"{vertebra}.{side}.groove_inferior"]
    block = spine.block_points[f"{vertebra}.{side}"]
    return BlockTarget(
        nerve=nerve,
        vertebra=vertebra,
        side=side,
        joints=joints,
        groove_superior_lps_mm=np.array(superior),
        groove_inferior_lps_mm=np.array(inferior),
        block_point_lps_mm=np.array(block),
    )
