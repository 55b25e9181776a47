"""The index page of several runs: a card for each, leading to its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from guidance.errors import InputError
from guidance.records import Verdict
from guidance.report._display import data_uri
from guidance.report._templates import render_template
from guidance.report._words import clean
from guidance.report.style import verdict_style


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One run on the index page.

    Attributes
    ----------
    title : str
        What the run is called; nothing that identifies a patient.
    href : str
        Its report, relative to the page, as a URL (``/`` between folders).
    verdict : str
        The program's, in the contract's words.
    sentence : str
        What happened in the run.
    thumbnail_png : bytes or None
        A PNG file; None where there is no picture.
    expected : str or None
        The verdict that the truth of a simulated run calls for, in the contract's words; None where
        no truth is known.
    """

    title: str
    href: str
    verdict: str
    sentence: str
    thumbnail_png: bytes | None = None
    expected: str | None = None

    def __post_init__(self) -> None:
        """Check that the link stays beside the page and that the verdicts are the contract's."""
        parts = urlsplit(self.href)
        is_relative = not (parts.scheme or parts.netloc or self.href.startswith(("/", "\\")))
        if not self.href or not is_relative or any(c < "!" for c in self.href):
            raise InputError(
                f"href is {self.href[:80]!r}, expected a relative address; "
                "give the report's path from the index page"
            )
        verdict_style(self.verdict)
        if self.expected is not None:
            verdict_style(self.expected)


def render_index(entries: Sequence[IndexEntry], title: str) -> str:
    """Render a self-contained page of cards, one for each run, linking to the reports.

    Where the truth is known it stands beside the verdict, and whether the two agree.

    Parameters
    ----------
    entries : sequence of IndexEntry
        In the order shown.
    title : str
        Of the page.

    Returns
    -------
    str
        The page. Same input, same text.
    """
    known = [entry for entry in entries if entry.expected is not None]
    agreeing = sum(entry.expected == entry.verdict for entry in known)
    values: dict[str, Any] = {
        "title": clean(title),
        "cards": [_card(entry) for entry in entries],
        "known": len(known),
        "agreeing": agreeing,
    }
    return render_template("index.html.j2", values)


def _card(entry: IndexEntry) -> dict[str, Any]:
    picture = entry.thumbnail_png
    return {
        "title": clean(entry.title, 120),
        "href": entry.href,
        "verdict": entry.verdict,
        "style": verdict_style(entry.verdict),
        "sentence": clean(entry.sentence),
        "uri": None if picture is None else data_uri(picture),
        "truth": None if entry.expected is None else TRUTHS[Verdict(entry.expected)],
        "agrees": entry.expected == entry.verdict,
    }


TRUTHS = {
    Verdict.NONE: "no contrast injected",
    Verdict.EXTRAVASCULAR: "contrast outside vessels",
    Verdict.INTRAVASCULAR: "contrast in a vessel",
    Verdict.INDETERMINATE: "cannot be told",
}
"""What was simulated, in words other than the program's: it is a fact there, not a suspicion."""
