"""`guidance simulate`: a study of a made-up patient, with everything that is true of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from guidance.anatomy import Side, Vertebra
from guidance.cli._exit import ExitStatus, hand_out, say
from guidance.cli._progress import show_progress
from guidance.errors import GuidanceError, InputError
from guidance.io import write_atomically
from guidance.records import SpreadPattern

if TYPE_CHECKING:
    from guidance.simulation import RunSettings
    from guidance.spine import AnatomySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """One call.

    Attributes
    ----------
    out : Path
        Folder of the study.
    patterns : tuple of SpreadPattern
        What the runs show, in turn.
    runs : int
        How many.
    seed : int
        Of everything.
    level : Vertebra or None
        The vertebra that is blocked; None draws one.
    side : Side or None
        The side; None draws one.
    changes : tuple of str
        ``"view.primary_angle_deg=155"``: settings that replace what was drawn, in every run.
    with_ct : bool
        Whether the patient has a CT.
    """

    out: Path
    patterns: tuple[SpreadPattern, ...]
    runs: int
    seed: int
    level: Vertebra | None
    side: Side | None
    changes: tuple[str, ...]
    with_ct: bool


def run_study(request: StudyRequest) -> ExitStatus:
    """Make and write the study; the last line on standard output is its truth.json."""
    from guidance.simulation import CtRequest, prepare_patient, write_study
    from guidance.spine import AnatomyRanges, BodyRanges, draw_anatomy

    try:
        ranges = AnatomyRanges(body=BodyRanges(prone_share=1.0))
        anatomy = draw_anatomy(np.random.default_rng([request.seed, 1]), ranges)
        runs = draw_runs(request, anatomy)
        probe = request.out / ".guidance-probe"
        write_atomically(probe, b"")
        probe.unlink()
    except (GuidanceError, OSError) as error:
        say(str(error))
        return ExitStatus.WRONG_CALL
    try:
        patient = prepare_patient(runs[0].anatomy, anatomy)
        with show_progress("runs", len(runs)) as advance:
            write_study(
                request.out,
                patient,
                runs,
                seed=request.seed,
                ct=CtRequest() if request.with_ct else None,
                on_run=advance,
            )
    except GuidanceError as error:
        say(str(error))
        return ExitStatus.SOME_FAILED
    hand_out(request.out / "truth.json")
    return ExitStatus.DONE


def draw_runs(request: StudyRequest, anatomy: "AnatomySettings") -> tuple["RunSettings", ...]:
    """Return the runs that a call asks for.

    Raises
    ------
    InputError
        A change names no setting, or asks for what cannot be.
    """
    from guidance.simulation import RunRanges, draw_run

    ranges = RunRanges()
    if request.level is not None:
        ranges = replace(ranges, vertebrae=(request.level,), vertebra_weights=(1.0,))
    if request.side is not None:
        ranges = replace(ranges, sides=(request.side,))
    runs = []
    for index in range(request.runs):
        settings = draw_run(
            np.random.default_rng([request.seed, 2, index]),
            ranges,
            request.patterns[index % len(request.patterns)],
            anatomy=f"seed {request.seed}",
            body=anatomy.body,
            index=index,
        )
        runs.append(change_settings(settings, request.changes))
    return tuple(runs)


def change_settings(settings: "RunSettings", changes: tuple[str, ...]) -> "RunSettings":
    """Return the settings with some of them replaced.

    Parameters
    ----------
    settings : RunSettings
        What was drawn.
    changes : tuple of str
        ``"name=value"``, the name with dots, the value as JSON or a bare word.

    Raises
    ------
    InputError
        There is no such setting, or the value is impossible.
    """
    from guidance.simulation import RunSettings

    fields = msgspec.to_builtins(settings)
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"--set {change[:60]!r} has no value; write NAME=VALUE")
        *groups, last = name.split(".")
        place: Any = fields
        for group in groups:
            place = place.get(group) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            known = ", ".join(place) if isinstance(place, dict) else ", ".join(fields)
            raise InputError(f"--set {name[:60]!r} names no setting; there are: {known}")
        try:
            place[last] = msgspec.json.decode(text.encode())
        except msgspec.DecodeError:
            place[last] = text
    try:
        return msgspec.convert(fields, RunSettings)
    except (msgspec.ValidationError, InputError) as error:
        raise InputError(f"--set {', '.join(changes)[:120]}: {error}") from error
