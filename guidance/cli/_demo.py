"""`guidance demo`: the whole way on the bundled samples, ending with a page to open."""

import json
from pathlib import Path

from guidance.cli._analyze import Outputs, Session
from guidance.cli._exit import ExitStatus, hand_out, say
from guidance.errors import GuidanceError
from guidance.io import sample_folder, write_atomically
from guidance.pipeline import AnalysisRequest, RunResult
from guidance.records import Cine
from guidance.report import IndexEntry, render_index, render_thumbnail

_ORDER = ("none", "perineural", "epidural", "intravascular", "mixed")


def run_demo(out: Path) -> ExitStatus:
    """Analyse the samples into a folder; the last line on standard output is the index page."""
    try:
        folder = sample_folder()
        truth = json.loads((folder / "truth.json").read_text())
        expected = {run["file"]: run["verdict"] for run in truth["runs"].values()}
    except (GuidanceError, OSError, ValueError, KeyError) as error:
        say(f"the bundled samples cannot be used: {error}")
        return ExitStatus.NOTHING_READ
    entries: dict[str, IndexEntry] = {}

    def enter(result_folder: Path, result: RunResult, cine: Cine) -> None:
        name = Path(result.analysis.source.path).stem
        entries[name] = IndexEntry(
            title=name,
            href=f"{result_folder.name}/report.html",
            verdict=result.analysis.contrast.verdict,
            sentence="; ".join(result.analysis.contrast.grounds[:2]),
            thumbnail_png=render_thumbnail(result.analysis, cine, result.outlines),
            expected=expected[f"{name}.dcm"],
        )

    session = Session(
        request=AnalysisRequest(),
        outputs=Outputs(folder=out, overlay=True),
        on_result=enter,
    )
    status = session.run([folder])
    if status is ExitStatus.WRONG_CALL:
        return status
    if not entries:
        return status
    ordered = [entries[name] for name in _ORDER if name in entries]
    try:
        write_atomically(out / "index.html", render_index(ordered, "Five simulated runs").encode())
    except GuidanceError as error:
        say(f"index.html: {error}")
        return ExitStatus.SOME_FAILED
    hand_out(out / "index.html")
    return status
