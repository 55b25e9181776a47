"""`guidance evaluate`: results held against known truth; figures, a page and a line of history."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guidance import __version__
from guidance.cli._exit import ExitStatus, Tally, hand_out, say
from guidance.errors import GuidanceError, InputError, StorageError
from guidance.evaluation import (
    CaseResult,
    CaseSet,
    Evaluation,
    EvaluationSettings,
    Provenance,
    Truth,
    append_history,
    decode_scores,
    decode_truth,
    evaluate_cases,
    format_cases,
    format_figures,
    format_history_line,
    join_cases,
    read_suite_truth,
    result_of_analysis,
)
from guidance.io import decode_analysis, write_atomically, write_together
from guidance.report import render_evaluation

_NAMED_RUNS = 10
"""So many names of runs are said at most; cases.csv has them all."""

_MOST_BYTES = 256 * 1024**2
"""A larger file is no result and no truth of this project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """One call of the command.

    Attributes
    ----------
    results : Path
        A folder to search for `analysis.json`, or a table of scores.
    truth : str
        A file, or the name of a suite.
    out : Path
        Folder for what is written.
    history : Path or None
        The file that gets a line.
    commit : str or None
        What that line says of the code; None asks git.
    observer : str or None
        What made the results.
    settings : EvaluationSettings
    """

    results: Path
    truth: str
    out: Path
    history: Path | None
    commit: str | None
    observer: str | None
    settings: EvaluationSettings


def run_evaluation(request: EvaluationRequest) -> ExitStatus:
    """Evaluate, write, and print the paths; the page comes last."""
    tally = Tally()
    try:
        truth = _read_truth(request.truth)
        history = None if request.history is None else _read_history(request.history)
        commit = _find_commit(request)
    except GuidanceError as error:
        say(str(error))
        return ExitStatus.WRONG_CALL
    try:
        observer, results = _read_results(request, tally)
    except GuidanceError as error:
        say(f"{request.results.name}: {error}")
        return ExitStatus.NOTHING_READ
    if not results:
        say("no result could be read; name a folder that holds analysis.json, or a table of scores")
        return ExitStatus.NOTHING_READ
    try:
        cases = join_cases(truth.cases, results)
        evaluation = evaluate_cases(cases, request.settings)
        provenance = Provenance(
            commit=commit,
            version=__version__,
            observer=observer,
            suite=truth.name,
            truth_sha256=truth.sha256,
        )
    except InputError as error:
        say(str(error))
        return ExitStatus.WRONG_CALL
    _say_what_is_missing(evaluation)
    try:
        _write(request, history, evaluation, cases, provenance)
    except GuidanceError as error:
        say(f"--out or --append cannot be used: {error}")
        return ExitStatus.WRONG_CALL
    return tally.status


def _write(
    request: EvaluationRequest,
    history: str | None,
    evaluation: Evaluation,
    cases: CaseSet,
    provenance: Provenance,
) -> None:
    files = {
        "figures.csv": format_figures(evaluation).encode(),
        "cases.csv": format_cases(cases).encode(),
        "evaluation.html": render_evaluation(evaluation, provenance).encode(),
    }
    write_together(request.out, files)
    if request.history is not None:
        line = format_history_line(evaluation, provenance)
        write_atomically(request.history, append_history(history, line).encode())
        hand_out(request.history)
    for name in files:
        hand_out(request.out / name)


def _read_truth(named: str) -> Truth:
    """Return the truth: of a file where there is one, else of a suite."""
    path = Path(named)
    if not os.path.isfile(path):
        if path.suffix or os.path.isdir(path) or path.name != named:
            raise InputError(
                f"--truth {path.name[:80]!r} is no file; name a truth.json, a table, or a suite"
            )
        return read_suite_truth(named)
    try:
        return decode_truth(_read_bytes(path))
    except GuidanceError as error:
        raise InputError(f"{path.name}: {error}") from error


def _read_results(request: EvaluationRequest, tally: Tally) -> tuple[str, list[CaseResult]]:
    """Return who made the results, and the results; a file that cannot be read is named."""
    path = request.results
    if not os.path.isdir(path):
        results = decode_scores(_read_bytes(path))
        tally.read = len(results)
        return request.observer or _plain(path.stem), results
    results, versions = [], set()
    for file in _find_analyses(path):
        try:
            analysis = decode_analysis(_read_bytes(file))
            results.append(result_of_analysis(analysis))
            versions.add(analysis.guidance_version)
        except GuidanceError as error:
            tally.fail(file.relative_to(path).as_posix(), error)
    tally.read = len(results)
    made_by = f"guidance {versions.pop()}" if len(versions) == 1 else "guidance"
    return request.observer or made_by, results


def _plain(name: str) -> str:
    """Return a file's name as something that a table may hold."""
    kept = "".join(c if c.isalnum() or c in " ._-" else "_" for c in name)
    return kept.lstrip(" ._-")[:60] or "scores"


def _find_analyses(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders.sort()
        if "analysis.json" in names:
            yield Path(here) / "analysis.json"


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"the file has over {_MOST_BYTES >> 20} MiB; it is no result or truth")
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"the file cannot be read; {error.strerror}; check that it exists"
        ) from error


def _read_history(path: Path) -> str | None:
    """Return the history so far, checked before the work; None where it is to be begun."""
    if not os.path.exists(path):
        return None
    try:
        text = _read_bytes(path).decode("utf-8")
        append_history(text, "")
    except (GuidanceError, UnicodeDecodeError) as error:
        raise InputError(f"--append {path.name}: {error}") from error
    return text


def _find_commit(request: EvaluationRequest) -> str:
    """Return the commit given, or git's where the history lies; marked where files were changed.

    Changes to the history itself are not counted: a line may follow a line.
    """
    if request.commit is not None or request.history is None:
        return request.commit or ""
    folder = request.history.resolve().parent
    while not folder.is_dir():
        folder = folder.parent
    found = _ask_git(folder, "rev-parse", "--short=12", "HEAD")
    if found is None:
        raise InputError(
            "no git commit is known where --append lies; give --commit to say which code it was"
        )
    others = (":/", f":(exclude){request.history.name}")
    clean = _ask_git(folder, "diff", "--quiet", "HEAD", "--", *others) is not None
    return found if clean else f"{found}+changes"


def _ask_git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, None where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _say_what_is_missing(evaluation: Evaluation) -> None:
    counts = evaluation.counts
    for names, what in (
        (evaluation.without_result, "runs of the truth have no result"),
        (evaluation.without_truth, "results have no truth"),
    ):
        if names:
            more = f" and {len(names) - _NAMED_RUNS} more" if len(names) > _NAMED_RUNS else ""
            say(f"{len(names)} {what}: {', '.join(names[:_NAMED_RUNS])}{more}")
    for n, kind, cost in (
        (counts.positive, "vascular or mixed", "sensitivity and ROC cannot be told"),
        (counts.negative, "without uptake", "specificity and ROC cannot be told"),
    ):
        if n < evaluation.settings.few:
            say(f"only {n} runs with a result are {kind}: {cost if not n else 'too few to judge'}")
