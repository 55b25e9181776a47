"""Examples: frames of runs as the network sees them, beside what it should find in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance.io import open_run
from guidance.pipeline import make_context
from guidance.simulation import RunTruth
from guidance.training._drawn import TARGET_PX, halve
from guidance.training._example_files import RunExamples, is_complete, write_examples
from guidance.training._folders import RunFiles, Source, read_run_truth, require_runs
from guidance.training._labels import read_labels
from guidance.training._watch import MonitorWatch, Sighting, TruthfulWatch, Watch
from guidance.training._work import Outcome, work_through

AFTER, BEFORE, WITHOUT = 20, 6, 18
"""Frames of a run with contrast, from onset on and before it, and of a run without: so many that a
run teaches little new by another one."""

_FADE_FRAMES = 12.0
"""Frames soon after onset are chosen more often: there the picture changes most."""

_LATE_FRAMES = 3
_FALSE_SHARE = 0.4
"""In so many runs without contrast an onset is taken to be there all the same: noise makes such."""

_CLEAR = 0.5


class HeldBy(StrEnum):
    """What holds the background back from learning contrast."""

    TRUTH = "truth"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChoice:
    """Which frames of a run become examples.

    Attributes
    ----------
    held_from : int or None
        The frame from which contrast is taken to be there.
    frames : frozenset of int
        Those that become examples, if they can be compared.
    """

    held_from: int | None
    frames: frozenset[int]


def choose_frames(truth: RunTruth, pulses: NDArray[np.intp]) -> FrameChoice:
    """Return which frames of a run become examples; the same truth gives the same ones.

    Parameters
    ----------
    truth : RunTruth
        Of the run.
    pulses : (T,) int array
        Which pulse each frame shows: a frame that repeats the one before shows nothing new.
    """
    rng = np.random.default_rng(truth.seed)
    n = truth.n_frames
    onset = n if truth.onset_frame is None else truth.onset_frame
    held_from: int | None = None
    if onset < n:
        held_from = onset + int(rng.integers(0, _LATE_FRAMES))
    elif rng.random() < _FALSE_SHARE:
        held_from = int(rng.integers(n // 4, n))
    frames = np.flatnonzero(np.diff(pulses, prepend=-1))
    after, before = frames[frames >= onset], frames[frames < onset]
    weights = 1 / (1 + np.arange(after.size) / _FADE_FRAMES)
    chosen: set[int] = set()
    if after.size:
        count = min(after.size, AFTER)
        picked = rng.choice(after, count, replace=False, p=weights / weights.sum())
        chosen.update(picked.tolist())
    count = min(before.size, BEFORE if after.size else WITHOUT)
    chosen.update(rng.choice(before, count, replace=False).tolist())
    return FrameChoice(held_from=held_from, frames=frozenset(chosen))


def make_examples(
    source: Source, out: Path, *, held_by: HeldBy = HeldBy.TRUTH, workers: int = 1
) -> Iterator[Outcome[RunFiles]]:
    """Make the examples of all runs of a folder that have none yet; yield what became of each.

    Parameters
    ----------
    source : Source
        Runs with labels.
    out : Path
        Folder for the examples.
    held_by : HeldBy
        What holds the background back.
    workers : int
        Number of processes.

    Raises
    ------
    InputError
        The folder holds no runs of these patients.
    """
    missing = [[run] for run in require_runs(source) if not is_complete(out, run.name)]
    work = partial(make_examples_of_run, out=out, held_by=held_by)
    return work_through(missing, work, workers=workers)


def make_examples_of_run(files: RunFiles, *, out: Path, held_by: HeldBy = HeldBy.TRUTH) -> str:
    """Write the examples of one run, and return how many there are, in words."""
    examples = see_run(files, held_by)
    write_examples(out, files.name, examples)
    return f"{len(examples.frames)} frames"


def see_run(files: RunFiles, held_by: HeldBy = HeldBy.TRUTH) -> RunExamples:
    """Return the examples of one run.

    Raises
    ------
    StorageError
        One of its files cannot be read.
    """
    truth, labels = read_run_truth(files), read_labels(files.labels)
    choice = choose_frames(truth, labels.pulses)
    sightings: dict[int, Sighting] = {}
    with open_run(files.dicom) as cine:
        watch: Watch = MonitorWatch(make_context(cine), labels)
        if held_by is HeldBy.TRUTH:
            watch = TruthfulWatch(make_context(cine), labels, choice.held_from)
        timing = cine.header.timing
        for number, frame in enumerate(cine):
            time_s = float(timing.times_s[number]) if timing else None
            sighting = watch.push(number, frame, time_s, is_wanted=number in choice.frames)
            if sighting is not None:
                sightings[number] = sighting
    return _collect(truth, sightings)


def _collect(truth: RunTruth, sightings: dict[int, Sighting]) -> RunExamples:
    frames = np.array(sorted(sightings), np.int64)
    seen = [sightings[int(frame)] for frame in frames]
    onset, vessel = truth.onset_frame, truth.first_visible_vessel_frame
    # A run may have no frame that can be compared.
    side = seen[0].channels.shape[-1] if seen else 2 * TARGET_PX
    count = seen[0].channels.shape[0] if seen else 0
    channels = np.empty((len(seen), count, side, side), np.uint8)
    maps = np.empty((len(seen), 3, TARGET_PX, TARGET_PX), np.uint8)
    for place, sighting in enumerate(seen):
        channels[place] = sighting.channels
        drawn = (sighting.contrast, sighting.vessel, sighting.vessel_ever)
        maps[place] = np.stack([halve(image, side) for image in drawn])
    return RunExamples(
        channels=channels,
        maps=maps,
        frames=frames,
        vessel_visible=np.full(frames.shape, False) if vessel is None else frames >= vessel,
        has_contrast=np.full(frames.shape, False) if onset is None else frames >= onset,
        vessel_px=np.array([float((s.vessel_ever > _CLEAR).sum()) for s in seen], np.float64),
        is_vascular=truth.is_vascular,
        pattern=str(truth.pattern),
        patient=truth.patient,
        suite=truth.suite,
        index=truth.index,
    )
