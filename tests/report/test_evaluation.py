"""The page of an evaluation: whole, safe, the same every time, plain about what is not known."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from guidance.anatomy import Vertebra
from guidance.evaluation import (
    CaseResult,
    CaseTruth,
    EvaluationSettings,
    Provenance,
    VesselKind,
    evaluate_cases,
    join_cases,
)
from guidance.io import run_name
from guidance.records import SpreadPattern, Verdict
from guidance.report import _evaluation_words as metric_words
from guidance.report import render_evaluation

SETTINGS = EvaluationSettings(replicates=50)
NBSP = "\N{NO-BREAK SPACE}"


def provenance(**changes):
    plain = Provenance(
        commit="abc123", version="1.0", observer="guidance 1.0", suite="tiny", truth_sha256="f" * 64
    )
    return replace(plain, **changes)


def make(n=120, *, with_probability=True, drop=0, **changes):
    """Return an evaluation of `n` runs of 30 anatomies."""
    rng = np.random.default_rng(1)
    truths, results = [], []
    for number in range(n):
        positive = number % 3 == 0
        vessel = {
            "pattern": SpreadPattern.MIXED,
            "vessel_dose_fraction": float(rng.uniform(0.02, 1.0)),
            "vessel_diameter_mm": 1.2,
            "vessel": VesselKind.VENOUS,
            "uptake_s": 3.0,
            "first_visible_vessel_s": 4.0,
        }
        truth = CaseTruth(
            run=run_name(str(number)),
            suite="tiny",
            index=number,
            patient=f"p{number % 30}",
            level=Vertebra.L4,
            duration_s=10.0,
            n_frames=101,
            view=("AP", "lateral")[number % 2],
            **(vessel if positive else {"pattern": SpreadPattern.EPIDURAL}),
        )
        probability = float(1 / (1 + np.exp(-rng.normal(1.5 * positive - 0.75))))
        flagged = probability > 0.5
        truths.append(replace(truth, **changes))
        results.append(
            CaseResult(
                run=truth.run,
                flagged=flagged,
                probability=probability if with_probability else None,
                verdict=Verdict.INTRAVASCULAR if flagged else Verdict.INDETERMINATE,
                flag_frames=(int(rng.integers(20, 90)),) if flagged else (),
            )
        )
    return evaluate_cases(join_cases(truths, results[drop:]), SETTINGS)


@pytest.fixture(scope="module")
def evaluation():
    return make()


@pytest.fixture(scope="module")
def page(evaluation):
    return render_evaluation(evaluation, provenance())


class Balance(HTMLParser):
    """Checks that every element which is opened is closed, in order."""

    VOID = ("meta", "link", "img", "br", "path", "use", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.ids = [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole(page):
    checker = Balance()
    checker.feed(page)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert page.count("<svg") > 20
    assert "{{" not in page
    assert "{%" not in page


def test_the_page_needs_nothing_and_runs_nothing(page):
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_same_evaluation_gives_the_same_page(page):
    assert render_evaluation(make(), provenance()) == page


def test_the_page_says_the_figures(evaluation, page):
    for metric in ("roc_auc", "sensitivity", "specificity", "false_alarms_per_minute"):
        figure = evaluation.figure(metric)
        assert metric_words.estimate(figure) in page
        assert metric_words.interval(figure) in page
    missed = evaluation.misses[0].truth
    assert f"<code>{missed.run}</code>" in page
    assert f"Missed uptakes ({len(evaluation.misses)})" in page
    assert f"False alarms ({len(evaluation.false_alarms)})" in page
    assert "Research use only" in page


def test_hostile_words_are_words(evaluation):
    hostile = "<script>alert(1)</script>"
    found = make(view=hostile, patient='"><img src=x>', header="a\u202eb", variants=("<b>&",))
    page = render_evaluation(found, provenance())
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;&amp;" in page


def test_what_cannot_be_told_is_said_with_its_reason():
    page = render_evaluation(make(with_probability=False), provenance())
    assert "because no result has a score or a probability" in page
    assert "Could not be drawn" in page
    assert "How soon" in page
    assert 'id="roc-' not in page


def test_runs_without_a_partner_are_named():
    evaluation = make(drop=2)
    page = render_evaluation(evaluation, provenance())
    assert "<strong>2 runs have no result.</strong>" in page
    for name in evaluation.without_result:
        assert f"<code>{name}</code>" in page


def test_few_runs_still_make_a_page():
    page = render_evaluation(make(4), provenance())
    assert "too few" in page
    assert "no interval: " in page


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("sensitivity", 0.754, f"75{NBSP}%"),
        ("sensitivity", 0.0, f"0{NBSP}%"),
        ("sensitivity", 0.034, f"3.4{NBSP}%"),
        ("sensitivity", 0.996, f"99.6{NBSP}%"),
        ("sensitivity", 1.0, f"100{NBSP}%"),
        ("latency_median_s", -0.001, f"0.00{NBSP}s"),
        ("latency_median_with_missed_s", float("inf"), "never"),
        ("calibration_intercept", -0.5, "\N{MINUS SIGN}0.50"),
        ("target_error_p90_mm", 2.25, f"2.2{NBSP}mm"),
        ("a metric of another version", 1.0, "1.00"),
    ],
)
def test_values_in_words(metric, value, said):
    assert metric_words.words_of(metric).show(value) == said


def test_intervals_name_their_unit_once(evaluation):
    figure = replace(evaluation.figure("false_alarms_per_minute"), low=0.5, high=1.25)
    assert metric_words.interval(figure) == f"0.50–1.25{NBSP}/{NBSP}min"
    late = replace(evaluation.figure("latency_median_s"), low=-0.5, high=float("inf"))
    assert metric_words.interval(late) == f"\N{MINUS SIGN}0.50{NBSP}s to never"
    assert metric_words.interval(replace(late, low=None)) == ""


def test_every_metric_has_words(evaluation):
    for figure in evaluation.figures:
        assert metric_words.words_of(figure.metric).meaning, figure.metric
