"""The CSV holds what the analysis holds, digit for digit, and no formula."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from guidance.report import format_curves


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"frame_s": None, "spacing_mm": None},
        {"n_frames": 1, "onset": None},
        {"flag": 20, "probability": 0.37},
    ],
)
def test_reading_back_gives_the_analysis(make, plan):
    analysis = make(**plan).analysis
    rows = read(format_curves(analysis))
    assert len(rows) == analysis.source.n_frames
    for row, record in zip(rows, analysis.contrast.frames, strict=True):
        for name in list(row)[:11]:
            value = None if row[name] == "" else float(row[name])
            assert value == getattr(record, name), name
        assert row["flagged"] == str(int(record.flagged))
        assert row["tip_row_px"] == row["tip_column_px"] == ""


def test_columns_bear_units():
    unitless = {"frame", "run_off", "intravascular_probability", "flagged", "remark"}
    from guidance.report._curves import COLUMNS

    assert all(name.endswith(("_s", "_px", "_mm2")) for name in set(COLUMNS) - unitless)


def with_first_frame(analysis, **changes):
    frames = [replace(analysis.contrast.frames[0], **changes), *analysis.contrast.frames[1:]]
    return replace(analysis, contrast=replace(analysis.contrast, frames=frames))


def test_a_tip_becomes_two_columns(make):
    row = read(format_curves(with_first_frame(make().analysis, tip_px=(3.5, 8.25))))[0]
    assert (row["tip_row_px"], row["tip_column_px"]) == ("3.5", "8.25")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_a_remark_is_no_formula(make, start):
    hostile = start + 'HYPERLINK("x","y"),\n"more"'
    analysis = with_first_frame(make().analysis, remark=hostile)
    text = format_curves(analysis)
    assert text.count("\n") == analysis.source.n_frames + 1
    assert read(text)[0]["remark"].startswith("'")


def test_numbers_of_numpy_are_plain_numbers(make):
    analysis = with_first_frame(make().analysis, area_px=np.float64(1.5), reach_px=float("nan"))
    row = read(format_curves(analysis))[0]
    assert (row["area_px"], row["reach_px"]) == ("1.5", "")
