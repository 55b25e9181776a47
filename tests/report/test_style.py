"""The verdicts are told apart by colour, by symbol and by words, each on its own."""

import re

import pytest

from guidance.errors import InputError
from guidance.records import Verdict
from guidance.report import style

OKABE_ITO = {
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
}


def test_every_verdict_has_a_style_of_its_own():
    styles = [style.verdict_style(verdict) for verdict in Verdict]
    for part in ("words", "symbol", "colour"):
        assert len({getattr(one, part) for one in styles}) == len(Verdict)
    assert {one.colour for one in styles} <= OKABE_ITO


def test_marks_on_images_are_of_the_set():
    assert {style.OUTLINE, style.FLAG, style.CURVE} <= OKABE_ITO


def test_words_flag_and_do_not_diagnose():
    assert style.verdict_style("intravascular").words == "Flagged: suspected intravascular"
    assert style.verdict_style("indeterminate").words == "Cannot tell"


def test_an_unknown_verdict_is_refused():
    with pytest.raises(InputError, match="verdict is 'benign', expected one of none, extra"):
        style.verdict_style("benign")


def luminance(colour):
    assert re.fullmatch("#[0-9A-Fa-f]{6}", colour)
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ink", [style.INK, style.MUTED_INK])
def test_text_can_be_read_on_the_page(ink):
    # WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1.
    assert (luminance("#f4f6f8") + 0.05) / (luminance(ink) + 0.05) >= 4.5
