"""The tables say everything once, hold no formula, and the history keeps its shape."""

import csv
import io

import pytest

from guidance.errors import InputError
from guidance.evaluation import (
    HISTORY_COLUMNS,
    EvaluationSettings,
    Provenance,
    append_history,
    evaluate_cases,
    format_cases,
    format_figures,
    format_history_line,
    join_cases,
)
from guidance.records import SpreadPattern, Verdict


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def cases(make_truth, make_result):
    truths = [
        make_truth(0, pattern=SpreadPattern.VASCULAR, variants=("=1+1",)),
        make_truth(1, patient="@SUM(A1)", suite="a\nb"),
        make_truth(2),
        make_truth(3),
    ]
    results = [
        make_result(0, probability=0.9, flag_frames=(5,)),
        make_result(1, probability=0.1, verdict=Verdict.INDETERMINATE),
        make_result(2, probability=0.8, flag_frames=(1,)),
        make_result(9),
    ]
    return join_cases(truths, results)


@pytest.fixture
def evaluation(cases):
    return evaluate_cases(cases, EvaluationSettings(replicates=10))


@pytest.fixture
def provenance():
    return Provenance(
        commit="abc123", version="1.0", observer="guidance 1.0", suite="tiny", truth_sha256="f" * 64
    )


def test_figures_are_tidy(evaluation):
    rows = read(format_figures(evaluation))
    assert len(rows) == len(evaluation.figures)
    assert len({(row["metric"], row["stratum"]) for row in rows}) == len(rows)
    by_name = {row["metric"]: row for row in rows if row["stratum"] == "all"}
    assert float(by_name["sensitivity"]["estimate"]) == 1.0
    assert by_name["tip_error_median_mm"]["estimate"] == ""
    assert by_name["tip_error_median_mm"]["remark"].startswith("cannot tell, because")


def test_every_run_is_in_the_table_of_cases(cases):
    rows = read(format_cases(cases))
    assert [row["outcome"] for row in rows] == [
        "found",
        "cleared, cannot tell",
        "false alarm",
        "no result",
        "no truth",
    ]
    assert rows[0]["flag_s"] == "5.0"


def test_no_cell_is_a_formula(cases, evaluation):
    for text in (format_cases(cases), format_figures(evaluation)):
        for row in read(text):
            for cell in row.values():
                assert not cell.startswith(("=", "+", "@", "|", "%"))
                assert "\n" not in cell
                assert not cell.startswith("-") or float(cell) < 0


def test_a_history_begins_and_grows(evaluation, provenance):
    line = format_history_line(evaluation, provenance)
    begun = append_history(None, line)
    (row,) = read(begun)
    assert tuple(row) == HISTORY_COLUMNS
    assert (row["commit"], row["observer"], row["n"], row["n_without_result"]) == (
        "abc123",
        "guidance 1.0",
        "3",
        "1",
    )
    assert row["truth_sha256"] == "f" * 12
    assert float(row["specificity"]) == 0.5
    assert append_history(begun, line) == begun
    other = line.replace("abc123", "def456")
    assert append_history(begun, other) == begun + other
    assert append_history(begun.rstrip("\n"), other) == begun + other


def test_an_empty_file_is_a_history_to_begin(evaluation, provenance):
    line = format_history_line(evaluation, provenance)
    assert append_history("", line) == append_history(None, line)


@pytest.mark.parametrize("before", ["a,b\n1,2\n", "commit\n", "commit,commit\n"])
def test_another_table_is_no_history(before):
    with pytest.raises(InputError, match="history"):
        append_history(before, "")


def test_other_columns_are_not_mixed_in(evaluation, provenance):
    line = format_history_line(evaluation, provenance)
    header, row = append_history(None, line).splitlines()
    with pytest.raises(InputError, match="other columns"):
        append_history(f"{header},more\n{row},1\n", line)


@pytest.mark.parametrize("text", ["=1+1", "a\nb", "x" * 81, "a;b", '"'])
def test_a_history_takes_plain_words_only(text):
    with pytest.raises(InputError, match="observer"):
        Provenance(commit="", version="", observer=text, suite="", truth_sha256="")
