"""`python -m guidance.training`: every shipped weight, made again from seeds.

Exit status as of every command: 0 all done, 1 some inputs failed, 2 the call is wrong, 3 nothing
was done.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from guidance.errors import GuidanceError
from guidance.training._decision import CalibrateOn
from guidance.training._examples import HeldBy
from guidance.training._folders import Source, parse_patients, parse_source
from guidance.training._work import Outcome

DONE, SOME_FAILED, WRONG_CALL, NOTHING_DONE = 0, 1, 2, 3

app = typer.Typer(
    name="python -m guidance.training",
    help="Make what guidance/models ships: runs, examples, courses, network, decision, card. "
    "Steps may be stopped at any time; the same call goes on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Number of processes.")]
Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUNS...", help="Folders of runs; FOLDER@0-29 takes these patients."),
]
Patients = Annotated[
    str, typer.Option("--patients", metavar="FIRST-LAST", help="Of these; 30 is 0-29.")
]
Sources = Annotated[
    list[str],
    typer.Argument(metavar="LEARNED...", help="Folders of examples; FOLDER@0-29 takes these."),
]


def main() -> None:
    """Run the command line."""
    # pydicom's log quotes values of the header.
    logging.getLogger("pydicom").disabled = True
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    cv2.setNumThreads(1)
    try:
        app()
    except GuidanceError as error:
        _say(str(error))
        sys.exit(WRONG_CALL)


@app.command()
def runs(
    out: Out,
    suite: Annotated[str, typer.Option("--suite", help="Name of the suite.")] = "train",
    first: Annotated[int, typer.Option("--first", min=0, help="First run.")] = 0,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="How many; all that follow by default.")
    ] = None,
    patients: Patients = "0-99999",
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="What there is to learn, beside each run.")
    ] = True,
    workers: Workers = 1,
) -> None:
    """Make runs of a suite as DICOM, each with its truth and its labels."""
    from guidance.simulation import read_suite
    from guidance.training._runs import RunsRequest, make_runs

    request = RunsRequest(
        suite=read_suite(suite),
        folder=out,
        first=first,
        count=count,
        patients=parse_patients(patients),
        with_labels=labels,
    )
    raise typer.Exit(_report(make_runs(request, workers=workers), out))


@app.command()
def courses(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Name of the suite.")],
    out: Out,
    per_patient: Annotated[
        int, typer.Option("--per-patient", min=1, help="How many of each patient.")
    ] = 22,
    patients: Patients = "0-99999",
    workers: Workers = 1,
) -> None:
    """Make the contrast alone of further runs of a suite's patients, to compose examples with."""
    from guidance.simulation import read_suite
    from guidance.training._courses import CoursesRequest, make_courses

    request = CoursesRequest(
        suite=read_suite(suite),
        folder=out,
        per_patient=per_patient,
        patients=parse_patients(patients),
    )
    raise typer.Exit(_report(make_courses(request, workers=workers), out))


@app.command()
def examples(
    source: Annotated[
        str, typer.Argument(metavar="RUNS", help="Folder of runs; FOLDER@0-29 takes these.")
    ],
    out: Out,
    held_by: Annotated[
        HeldBy,
        typer.Option("--held-by", help="What keeps the background from learning contrast."),
    ] = HeldBy.TRUTH,
    workers: Workers = 1,
) -> None:
    """Look at runs as the monitor does, and keep frames beside what there is to find in them."""
    from guidance.training._examples import make_examples

    outcomes = make_examples(parse_source(source), out, held_by=held_by, workers=workers)
    raise typer.Exit(_report(outcomes, out))


@app.command()
def train(
    learned: Sources,
    held_out: Annotated[
        list[str], typer.Option("--held-out", metavar="FOLDER@RANGE", help="Patients to judge by.")
    ],
    out: Out,
    courses: Annotated[
        list[str] | None, typer.Option("--courses", metavar="FOLDER", help="To compose with.")
    ] = None,
    held_out_courses: Annotated[
        list[str] | None,
        typer.Option("--held-out-courses", metavar="FOLDER@RANGE", help="To judge by."),
    ] = None,
    composed: Annotated[
        float, typer.Option("--composed", min=0, max=1, help="Share of composed examples.")
    ] = 0.65,
    side: Annotated[
        int, typer.Option("--side", help="Pixels of the part looked at; 256 is all.")
    ] = 128,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Examples at a time.")] = 32,
    rate: Annotated[float, typer.Option("--rate", help="Largest learning rate.")] = 2e-3,
    begin_with: Annotated[
        Path | None,
        typer.Option("--begin-with", metavar="FILE", help="Weights of an earlier stage."),
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Time, all calls.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Batches, all calls.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Cores PyTorch may use.")
    ] = None,
) -> None:
    """Train the network; Ctrl-C keeps all that was learned, and the same call goes on."""
    from guidance.training._train_call import TrainCall, TrainingFolders, run_training
    from guidance.training._train_settings import Budget, TrainingSettings

    call = TrainCall(
        learned=TrainingFolders(examples=_parse(learned), courses=_parse(courses)),
        held_out=TrainingFolders(examples=_parse(held_out), courses=_parse(held_out_courses)),
        folder=out,
        budget=Budget(minutes=minutes, steps=steps),
        settings=TrainingSettings(
            seed=seed,
            batch=batch,
            side_px=side,
            composed=composed if courses else 0.0,
            learning_rate=rate,
        ),
        begin_with=begin_with,
        threads=threads,
        say=_say,
    )
    print(run_training(call))


@app.command()
def average(
    weights: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Checkpoints that began alike.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="To begin with, or export.")],
) -> None:
    """Write the mean of the weights of trainings that began with the same, one on each core."""
    from guidance.training._average import write_average

    print(f"{write_average(weights, out)}  {out.name}")


@app.command()
def export(
    weights: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint, or weights.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ONNX file.")],
) -> None:
    """Write the network as ONNX, check that it says the same, and print its SHA-256."""
    from guidance.training._export import export as export_weights

    made = export_weights(weights, out)
    _say(f"largest difference between PyTorch and onnxruntime: {made.difference:.2g}")
    print(f"{made.sha256}  {out.name}")


@app.command()
def decision(
    sources: Runs,
    measurements: Annotated[
        Path, typer.Option("--measurements", metavar="DIR", help="Where measurements are kept.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="decision.json; figures go beside it.")
    ],
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="GROUP", help="Leave a group out.")
    ] = None,
    signs: Annotated[
        bool, typer.Option("--signs/--free", help="Keep signs that physics tells.")
    ] = False,
    calibrate_on: Annotated[
        CalibrateOn, typer.Option("--calibrate-on", help="What probabilities are right about.")
    ] = CalibrateOn.FRAMES,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the folds.")] = 0,
    workers: Workers = 1,
) -> None:
    """Measure runs that the network has not learned from, and fit line and thresholds to them."""
    from guidance.training._decision import FitSettings
    from guidance.training._decision_call import fit_and_write
    from guidance.training._measurements import measure_runs

    settings = FitSettings(
        signs=signs, calibrate_on=calibrate_on, seed=seed, without=tuple(without or ())
    )
    folders = [parse_source(source) for source in sources]
    status = DONE
    for source in folders:
        done = _report(measure_runs(source, measurements, workers=workers), None)
        status = max(status, min(done, SOME_FAILED))
    for line in fit_and_write(folders, measurements, settings, out):
        _say(line)
    print(out)
    raise typer.Exit(status)


@app.command()
def card(
    training: Annotated[
        list[Path],
        typer.Option("--training", metavar="FILE", help="Each training.json, the last last."),
    ],
    models: Annotated[
        Path, typer.Option("--models", metavar="DIR", help="Folder of spread.onnx, decision.json.")
    ],
    figures: Annotated[
        Path, typer.Option("--figures", metavar="FILE", help="decision-figures.json of the line.")
    ],
) -> None:
    """Write the model card beside the weights."""
    from guidance.training._card_call import write_card_file

    print(write_card_file(training, models, figures))


@app.command()
def needles(
    source: Annotated[
        str, typer.Argument(metavar="RUNS", help="Folder of runs; FOLDER@0-29 takes these.")
    ],
    out: Out,
    workers: Workers = 1,
) -> None:
    """Keep pictures of runs before contrast, as needles are looked for in, beside their steel."""
    from guidance.training.needles import make_needle_examples

    outcomes = make_needle_examples(parse_source(source), out, workers=workers)
    raise typer.Exit(_report(outcomes, out))


@app.command("train-needles")
def train_needle_network(
    learned: Sources,
    held_out: Annotated[
        list[str], typer.Option("--held-out", metavar="FOLDER@RANGE", help="Patients to judge by.")
    ],
    out: Out,
    rate: Annotated[float, typer.Option("--rate", help="Largest learning rate.")] = 3e-3,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Time, all calls.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Batches, all calls.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything.")] = 0,
) -> None:
    """Train the network that sees needles; Ctrl-C keeps what it learned, the same call goes on."""
    from guidance.training._train_call import told_to_stop
    from guidance.training._train_settings import Budget
    from guidance.training.needles import NeedleSettings, read_needle_sets, train_needles

    with told_to_stop() as should_stop:
        train_needles(
            read_needle_sets(_parse(learned)),
            read_needle_sets(_parse(held_out)),
            out,
            budget=Budget(minutes=minutes, steps=steps),
            settings=NeedleSettings(seed=seed, learning_rate=rate),
            should_stop=should_stop,
            on_figures=lambda line: _say(str(line)),
        )


@app.command("export-needles")
def export_needle_network(
    weights: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint, or weights.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ONNX file.")],
) -> None:
    """Write the network that sees needles as ONNX, check it, and print its SHA-256."""
    from guidance.training.needles import export_needles

    made = export_needles(weights, out)
    _say(f"largest difference between PyTorch and onnxruntime: {made.difference:.2g}")
    print(f"{made.sha256}  {out.name}")


def _parse(sources: list[str] | None) -> tuple[Source, ...]:
    return tuple(parse_source(source) for source in sources or ())


def _report(outcomes: Iterator[Outcome[Any]], out: Path | None) -> int:
    """Name what was done and what failed, and return the exit status."""
    done = failed = 0
    for outcome in outcomes:
        name = getattr(outcome.item, "name", outcome.item)
        if outcome.error:
            failed += 1
            _say(f"run {name}: {' '.join(outcome.error.split())}")
        else:
            done += 1
            _say(f"run {name}: {outcome.said}")
    _say(f"{done} done now, {failed} failed")
    if out is not None:
        print(out)
    if not failed:
        return DONE
    return SOME_FAILED if done else NOTHING_DONE


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
