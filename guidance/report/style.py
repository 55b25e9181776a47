"""Colours, symbols and words of every picture and page, in one place.

The colours are Okabe and Ito's set, which stays apart for the common colour-vision deficiencies
(Okabe M, Ito K, "Color Universal Design", 2008). A colour never carries a meaning alone: a symbol
and words always stand beside it. Red is not used.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from guidance.errors import InputError
from guidance.records import Verdict

BLACK: Final = "#000000"
ORANGE: Final = "#E69F00"
SKY_BLUE: Final = "#56B4E9"
BLUISH_GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
REDDISH_PURPLE: Final = "#CC79A7"

INK: Final = "#16202A"
"""Text and axes."""
MUTED_INK: Final = "#55616D"
"""Text of second rank; 6:1 against white."""
HAIRLINE: Final = "#D9DFE5"
"""Rules and grids."""

OUTLINE: Final = SKY_BLUE
"""Edge of the contrast, on images."""
OUTLINE_CASING: Final = "#0A1520"
"""Thin dark border of that edge, so that it shows on bright bone too."""
ONSET: Final = MUTED_INK
"""Mark of the onset, on curves."""
FLAG: Final = ORANGE
"""Mark of the flag, on curves and on images."""
CURVE: Final = BLUE
"""Curves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictStyle:
    """How one verdict is shown.

    Attributes
    ----------
    words : str
        What a reader sees; never a diagnosis.
    symbol : str
        One character that tells the verdicts apart without colour.
    colour : str
        ``#RRGGBB``.
    """

    words: str
    symbol: str
    colour: str


VERDICT_STYLES: Final = MappingProxyType(
    {
        Verdict.NONE: VerdictStyle(words="No contrast seen", symbol="○", colour=BLUE),
        Verdict.EXTRAVASCULAR: VerdictStyle(
            words="Not flagged: contrast outside vessels", symbol="●", colour=BLUISH_GREEN
        ),
        Verdict.INTRAVASCULAR: VerdictStyle(
            words="Flagged: suspected intravascular", symbol="⚑", colour=ORANGE
        ),
        Verdict.INDETERMINATE: VerdictStyle(words="Cannot tell", symbol="?", colour=REDDISH_PURPLE),
    }
)


def verdict_style(verdict: str) -> VerdictStyle:
    """Return how `verdict` is shown.

    Raises
    ------
    InputError
        The contract knows no such verdict.
    """
    try:
        return VERDICT_STYLES[Verdict(verdict)]
    except ValueError:
        known = ", ".join(Verdict)
        raise InputError(
            f"verdict is {verdict[:40]!r}, expected one of {known}; see the contract"
        ) from None
