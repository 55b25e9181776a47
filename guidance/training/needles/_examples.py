"""Pictures of runs before contrast, as the search for needles sees them, and their steel."""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.io import open_run
from guidance.needle import Gathering, finite_values, locate_field, make_input, make_picture
from guidance.pipeline import make_context
from guidance.records import Cine
from guidance.simulation import RunTruth, Suite, draw_steel, read_suite
from guidance.spine import AnatomySettings, Spine, build_anatomy
from guidance.training._folders import RunFiles, Source, read_run_truth, require_runs
from guidance.training._work import Outcome, work_through
from guidance.training.needles._files import STEEL_STEPS, STEPS, NeedleExamples, write_needles

FRAMES = (1, 8)
"""Pictures are made of so many frames: what a search begins with, and what it ends with."""

_LEAST_FIELD = 0.02


def make_needle_examples(
    source: Source, out: Path, *, workers: int = 1
) -> Iterator[Outcome[RunFiles]]:
    """Make the pictures of all runs of a folder that have none yet; yield what became of each.

    Parameters
    ----------
    source : Source
        Runs.
    out : Path
        Folder for the pictures.
    workers : int
        Number of processes.

    Raises
    ------
    InputError
        The folder holds no runs of these patients.
    """
    missing = [[run] for run in require_runs(source) if not (out / f"{run.name}.npz").exists()]
    return work_through(missing, partial(_make, out=out), workers=workers)


def _make(files: RunFiles, *, out: Path) -> str:
    examples = see_needles(files)
    write_needles(out, files.name, examples)
    return f"{len(examples.pictures)} pictures"


def see_needles(files: RunFiles, suite: Suite | None = None) -> NeedleExamples:
    """Return the pictures of one run.

    Parameters
    ----------
    files : RunFiles
        The run.
    suite : Suite, optional
        That it is from; the shipped one of that name if None.

    Raises
    ------
    StorageError
        One of its files cannot be read.
    InputError
        It has no frame before contrast that shows the patient.
    """
    truth = read_run_truth(files)
    suite = suite or _take_suite(truth.suite)
    settings, patient = suite.runs[truth.index], suite.patients[truth.patient]
    with open_run(files.dicom) as cine:
        first, signals, scale, pixel_mm = _look(cine, truth)
    tips_lps = [
        np.array(needle.tip_lps_mm, np.float64) for needle in (truth.needle, *truth.other_needles)
    ]
    drawn = draw_steel(settings, _take_spine(patient), tips_lps, signals[0].shape)
    tip = truth.tip_px[first]
    # The patient breathes: all needles have gone with him.
    moved = np.zeros(2) if tip is None else np.array(tip) - drawn.tips_px[0]
    shift = np.array([[1, 0, moved[1] * scale], [0, 1, moved[0] * scale]])
    steel = cv2.warpAffine(drawn.steel_cm, shift, signals[0].shape[::-1])
    shown = np.stack([make_input(signal) for signal in signals])
    rows, columns = signals[0].shape
    values, known = shown[:, 0, :rows, :columns], shown[:, 1, :rows, :columns] > 0
    return NeedleExamples(
        pictures=np.clip(np.rint(values * STEPS + 128), 0, 255).astype(np.uint8),
        known=known,
        steel=np.clip(steel * STEEL_STEPS, 0, 255).astype(np.uint8),
        tips=(drawn.tips_px + moved + 0.5) * scale - 0.5,
        pixel_mm=pixel_mm,
        view=str(truth.view),
        patient=truth.patient,
        suite=truth.suite,
        index=truth.index,
    )


def _look(cine: Cine, truth: RunTruth) -> tuple[int, list[NDArray[np.float32]], float, float]:
    """Return the first frame that shows the patient, and the signals of the pictures."""
    context = make_context(cine)
    gathering = Gathering(context)
    field: NDArray[np.bool_] | None = None
    before: NDArray[np.generic] | None = None
    first, scale, pixel_mm = 0, 1.0, 1.0
    signals: list[NDArray[np.float32]] = []
    last = truth.n_frames if truth.onset_frame is None else truth.onset_frame
    for number in range(last):
        frame = cine[number]
        if before is not None and np.array_equal(before, frame):
            continue
        before = np.array(frame, copy=True)
        values = finite_values(frame, context)
        if field is None:
            found = locate_field(values, context)
            if found.mean() < _LEAST_FIELD:
                continue
            field, first = found, number
        gathering.add(values, field)
        if gathering.count in FRAMES:
            picture = make_picture(gathering.mean(), field, context)
            signals.append(picture.signal)
            scale, pixel_mm = picture.working_scale, picture.working_mm
        if gathering.count == FRAMES[-1]:
            break
    if not signals:
        raise InputError("no frame before contrast shows the patient, expected at least one")
    return first, signals, scale, pixel_mm


@lru_cache(maxsize=2)
def _take_spine(settings: AnatomySettings) -> Spine:
    return build_anatomy(settings.spine, settings.body).spine


@lru_cache(maxsize=1)
def _take_suite(name: str) -> Suite:
    return read_suite(name)
