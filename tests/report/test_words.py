"""Text made safe, numbers with units, and the sentences that stand first in the report."""

import pytest

from guidance.report._words import (
    angle,
    clean,
    lead,
    number,
    probability,
    seconds,
    why_missing,
)


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is missing", "is missing"),
        ("two\r\nlines\tand more", "two lines and more"),
        ("bell\x07, escape\x1b[31m", "bell�, escape�[31m"),
        ("turned \u202eround", "turned �round"),
        ("half \udcff a character", "half � a character"),
        ("Ärztin 医師", "Ärztin 医師"),
        ("", ""),
    ],
)
def test_text_of_a_header_becomes_one_harmless_line(text, expected):
    assert clean(text) == expected
    clean(text).encode("utf-8")


def test_long_text_is_cut_and_says_so():
    assert clean("x" * 10_000_000, 10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, "mm", "0 mm"),
        (0.123, "mm", "0.12 mm"),
        (12.34, "", "12.3"),
        (12345.6, "px²", "12 346 px²"),
        (-25.0, "", "−25"),
        (None, "mm", "not given"),
        (float("nan"), "mm", "not given"),
    ],
)
def test_numbers_carry_three_figures_and_their_unit(value, unit, expected):
    assert plain(number(value, unit)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "not given"),
        (0.0, "under 1 %"),
        (0.004, "under 1 %"),
        (0.5, "50 %"),
        (0.97, "97 %"),
        (0.9951, "over 99 %"),
        (1.0, "over 99 %"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(value, expected):
    assert plain(probability(value)) == expected


def test_the_reason_for_a_missing_figure_is_a_warning():
    warnings = ["The table moved.", "No probability is given: not calibrated."]
    assert why_missing(warnings, "probab") == warnings[1]
    assert why_missing([], "probab") == "the analysis does not say why"


def test_angles_and_times():
    assert angle(None) == "not given"
    assert angle(-155.0) == "−155°"
    assert plain(seconds(3.0667)) == "3.07 s"
    assert seconds(None) == "time unknown"


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (
            {"onset": 23, "flag": 31, "verdict": "intravascular", "frame_s": 0.1},
            "Contrast is first seen at frame 23 (2.30 s). "
            "The flag was raised at frame 31 (3.10 s), 0.80 s later.",
        ),
        (
            {"onset": 23, "flag": 24, "verdict": "intravascular", "frame_s": None},
            "Contrast is first seen at frame 23. The flag was raised at frame 24, 1 frame later.",
        ),
        (
            {"onset": 23, "flag": 23, "verdict": "intravascular", "frame_s": None},
            "Contrast is first seen at frame 23. The flag was raised at frame 23, at once.",
        ),
        (
            {"onset": 23, "verdict": "extravascular", "frame_s": 0.1},
            "Contrast is first seen at frame 23 (2.30 s). No flag was raised.",
        ),
        (
            {"onset": 23, "verdict": "indeterminate", "frame_s": 0.1},
            "Contrast is first seen at frame 23 (2.30 s).",
        ),
        (
            {"onset": None, "verdict": "none", "frame_s": 0.1},
            "No newly injected contrast was seen in 40 frames (3.90 s).",
        ),
        (
            {"onset": None, "verdict": "indeterminate", "n_frames": 1},
            "No onset of contrast could be established in a single frame.",
        ),
    ],
)
def test_the_first_sentence_says_what_happened(make, plan, expected):
    analysis = make(size=16, **plan).analysis
    assert plain(lead(analysis, analysis.source.frame_times_s)) == expected
