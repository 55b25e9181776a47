"""The command line as users see it; each command loads what it needs when it is called."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from guidance import __version__
from guidance.cli._exit import ExitStatus
from guidance.cli._options import (
    DetectionLimit,
    FrameTimeMs,
    Level,
    Out,
    Overlay,
    Paths,
    PatientSide,
    Report,
)
from guidance.cli._subtract_options import Pictures
from guidance.cli._suite import Observer
from guidance.records import SpreadPattern

app = typer.Typer(
    name="guidance",
    help="Imaging research on medial branch blocks: follow contrast, flag suspected intravascular "
    "spread, report. Research use only; it flags, it does not diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; the entry point of the `guidance` script."""
    # pydicom's log quotes values of the header, which may name a patient.
    # Not its level: importing pydicom sets that again.
    logging.getLogger("pydicom").disabled = True
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"guidance {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def analyze(
    paths: Paths,
    out: Out,
    level: Level = None,
    side: PatientSide = None,
    frame_time: FrameTimeMs = None,
    report: Report = True,
    overlay: Overlay = False,
    detection_limit: DetectionLimit = True,
) -> None:
    """Follow the contrast in runs and write analysis.json, curves.csv and report.html for each."""
    from guidance.cli._analyze import Outputs, Session
    from guidance.pipeline import AnalysisRequest
    from guidance.spread import LimitSettings

    limit = LimitSettings() if detection_limit else None
    session = Session(
        request=AnalysisRequest(level=level, side=side, detection_limit=limit),
        outputs=Outputs(folder=out, report=report, overlay=overlay),
        frame_time_ms=frame_time,
    )
    raise typer.Exit(session.run(paths))


@app.command()
def info(paths: Paths, frame_time: FrameTimeMs = None) -> None:
    """Say in words what is in DICOM files, what is missing, and what that costs."""
    from guidance.cli._info import describe_files

    raise typer.Exit(describe_files(paths, frame_time))


@app.command()
def evaluate(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="A folder to search for analysis.json, or a table of scores (CSV).",
        ),
    ],
    truth: Annotated[
        str, typer.Option("--truth", metavar="FILE|SUITE", help="truth.json, or a suite's name.")
    ],
    out: Out,
    append: Annotated[
        Path | None,
        typer.Option("--append", metavar="CSV", help="A history of results that gets one line."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 2026,
    commit: Annotated[
        str | None,
        typer.Option("--commit", metavar="ID", help="For the history; else git is asked."),
    ] = None,
    observer: Annotated[
        str | None,
        typer.Option("--observer", metavar="NAME", help="What made the results, for the page."),
    ] = None,
    prior: Annotated[
        float | None,
        typer.Option("--prior", metavar="P", help="Prior that stated probabilities assume."),
    ] = None,
) -> None:
    """Hold results against known truth: figures with intervals, by stratum, as a page and CSV."""
    from guidance.cli._evaluate import EvaluationRequest, run_evaluation
    from guidance.errors import InputError
    from guidance.evaluation import EvaluationSettings

    try:
        settings = EvaluationSettings(seed=seed, stated_prior=prior)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    request = EvaluationRequest(
        results=results,
        truth=truth,
        out=out,
        history=append,
        commit=commit,
        observer=observer,
        settings=settings,
    )
    raise typer.Exit(run_evaluation(request))


@app.command()
def simulate(
    out: Out,
    pattern: Annotated[
        list[SpreadPattern] | None,
        typer.Option("--pattern", help="What the runs show, in turn; all of them by default."),
    ] = None,
    runs: Annotated[
        int | None, typer.Option("--runs", min=1, max=1000, help="How many; one of each pattern.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of patient and runs.")] = 0,
    level: Level = None,
    side: PatientSide = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="As view.primary_angle_deg=155."),
    ] = None,
    with_ct: Annotated[bool, typer.Option("--ct/--no-ct", help="A CT of the patient.")] = False,
    suite: Annotated[
        str | None, typer.Option("--suite", help="The runs of a suite, instead of a study.")
    ] = None,
    first: Annotated[int, typer.Option("--first", min=0, help="First run of the suite.")] = 0,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="How many runs of the suite.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; all cores by default.")
    ] = None,
    observe: Annotated[
        list[Observer] | None,
        typer.Option("--observe", help="Who judges each run of the suite while it is there."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--drop", help="Whether the suite's DICOM files stay.")
    ] = True,
) -> None:
    """Make runs with known truth: a study of one patient, or a suite for training and judging."""
    # An option that is passed over in silence lets a user believe what is not so.
    of_study: dict[str, object] = {
        "--pattern": pattern,
        "--runs": runs,
        "--level": level,
        "--side": side,
    }
    of_study |= {"--seed": seed, "--set": changes, "--ct": with_ct}
    of_suite: dict[str, object] = {
        "--first": first,
        "--count": count,
        "--workers": workers,
        "--observe": observe,
    }
    idle = of_suite | {"--drop": not keep} if suite is None else of_study
    if given := [name for name, value in idle.items() if value]:
        raise typer.BadParameter(
            f"{', '.join(given)}: only {'with' if suite is None else 'without'} --suite"
        )
    if suite is not None:
        from guidance.cli._suite import SuiteRequest, run_suite, usable_cores

        request = SuiteRequest(
            suite=suite,
            out=out,
            first=first,
            count=count,
            workers=workers or usable_cores(),
            observers=tuple(observe or ()),
            keeps_runs=keep,
        )
        raise typer.Exit(run_suite(request))
    from guidance.cli._simulate import StudyRequest, run_study

    patterns = tuple(pattern or SpreadPattern)
    study = StudyRequest(
        out=out,
        patterns=patterns,
        runs=runs or len(patterns),
        seed=seed,
        level=level,
        side=side,
        changes=tuple(changes or ()),
        with_ct=with_ct,
    )
    raise typer.Exit(run_study(study))


@app.command()
def subtract(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A run, or a folder of runs.")],
    out: Out,
    mask: Annotated[
        str,
        typer.Option(
            "--mask", metavar="auto|FIRST-LAST", help="Frames to average to a mask, from 0."
        ),
    ] = "auto",
    shift: Annotated[
        str,
        typer.Option("--shift", metavar="auto|ROW,COLUMN", help="Move the mask by so many pixels."),
    ] = "auto",
    frames: Annotated[
        str, typer.Option("--frames", metavar="all|FIRST-LAST", help="Frames to subtract.")
    ] = "all",
    pictures: Annotated[
        Pictures, typer.Option("--pictures", help="A series of PNG files, or one GIF.")
    ] = Pictures.PNG,
    frame_time: FrameTimeMs = None,
) -> None:
    """Subtract a mask from a run, for a person to read, and map when contrast came and went."""
    from guidance.cli._subtract import SubtractSession
    from guidance.cli._subtract_options import SubtractRequest, parse_frames, parse_shift
    from guidance.errors import InputError

    try:
        request = SubtractRequest(
            out=out,
            mask=None if mask == "auto" else parse_frames(mask),
            frames=None if frames == "all" else parse_frames(frames),
            shift=None if shift == "auto" else parse_shift(shift),
            pictures=pictures,
            frame_time_ms=frame_time,
        )
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    raise typer.Exit(SubtractSession(request=request).run([path]))


@app.command()
def demo(out: Out = Path("guidance-demo")) -> None:
    """Analyse the bundled, simulated runs and write an index page of their reports."""
    from guidance.cli._demo import run_demo

    raise typer.Exit(run_demo(out))


@app.command()
def schema() -> None:
    """Print the JSON Schema of analysis.json."""
    from guidance.io import make_analysis_schema

    typer.echo(make_analysis_schema().decode(), nl=False)
    raise typer.Exit(ExitStatus.DONE)
