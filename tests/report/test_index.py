"""The index of the demonstration: verdict beside truth, and links that stay beside the page."""

import pytest

from guidance.errors import InputError
from guidance.report import IndexEntry, render_index, render_thumbnail


def entry(**changes):
    fields = {
        "title": "Run A",
        "href": "a1/report.html",
        "verdict": "intravascular",
        "sentence": "Contrast is first seen at frame 3.",
        "thumbnail_png": None,
        "expected": "intravascular",
    }
    return IndexEntry(**{**fields, **changes})


def test_each_run_has_a_card_with_verdict_truth_and_link(make, parse):
    run = make()
    png = render_thumbnail(run.analysis, run.cine, run.outlines)
    entries = [
        entry(thumbnail_png=png),
        entry(title="Run B", href="b2/report.html", expected="extravascular"),
        entry(title="Run C", href="c3/report.html", verdict="none", expected=None),
    ]
    page = parse(render_index(entries, "Bundled samples"))
    assert page.attributes("href") == ["a1/report.html", "b2/report.html", "c3/report.html"]
    assert page.attributes("src")[0].startswith("data:image/png;base64,")
    assert len(page.attributes("src")) == 1
    assert "agrees with the simulated truth in 1 of 2 runs" in page.text
    assert page.text.count("= agrees") == page.text.count("≠ differs") == 1
    assert "Flagged: suspected intravascular" in page.text
    assert "Simulated: contrast in a vessel" in page.text
    assert page.text.count("Bundled samples") == 2


def test_without_truth_nothing_is_said_of_it(parse):
    text = parse(render_index([entry(expected=None)], "Runs")).text
    assert "imulated" not in text
    assert "agrees" not in text


def test_an_empty_index_says_so(parse):
    assert "No runs." in parse(render_index([], "Runs")).text


def test_page_is_alone_and_hostile_text_is_shown(parse):
    hostile = '"><script>alert(1)</script>'
    html = render_index([entry(title=hostile, sentence=hostile, href='a"b.html')], hostile)
    page = parse(html)
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.attributes("href") == ['a"b.html']
    assert "://" not in html
    assert html == render_index([entry(title=hostile, sentence=hostile, href='a"b.html')], hostile)


@pytest.mark.parametrize(
    "href",
    [
        "",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "https://example.org/x",
        "//example.org/x",
        "/etc/passwd",
        "\\\\host\\x",
        "data:text/html,x",
        " a.html",
    ],
)
def test_a_link_that_leaves_the_page_is_refused(href):
    with pytest.raises(InputError, match="expected a relative address"):
        entry(href=href)


@pytest.mark.parametrize("field", ["verdict", "expected"])
def test_a_verdict_must_be_the_contracts(field):
    with pytest.raises(InputError, match="verdict is 'maybe'"):
        entry(**{field: "maybe"})
