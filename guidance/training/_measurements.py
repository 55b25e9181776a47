"""What the monitor measures in each frame of runs whose truth is known."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance.errors import StorageError
from guidance.io import open_run, write_atomically
from guidance.pipeline import make_context
from guidance.records import FrameAssessment
from guidance.simulation import RunTruth
from guidance.spread import MEASURE_NAMES, Measures, Monitor
from guidance.training._folders import RunFiles, Source, find_runs, read_run_truth, require_runs
from guidance.training._work import Outcome, work_through

_REMEDY = "delete it, and the run is measured again"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunMeasurements:
    """What was measured in a run, in the frames that could be judged.

    Attributes
    ----------
    values : (F, M) float64 array
        In the order of `guidance.spread.MEASURE_NAMES`.
    frames : (F,) int array
        Which frames.
    times_s : (F,) float64 array
        Their true times, whatever the header says. Seconds.
    has_contrast : (F,) bool array
        The monitor saw contrast by then; only then does it flag.
    is_vascular : bool
        Contrast enters a vessel at some time.
    uptake_s : float
        When; infinite where it never does. Seconds.
    vessel_frame : int
        The first frame by which it can be seen, by the rule of the simulator; the number of frames
        where it never can.
    duration_s : float
        Of the run. Seconds.
    pattern, patient, suite : str
        What it shows, of whom, and where it is from.
    index : int
        Its number in the suite.
    """

    values: NDArray[np.float64]
    frames: NDArray[np.int64]
    times_s: NDArray[np.float64]
    has_contrast: NDArray[np.bool_]
    is_vascular: bool
    uptake_s: float
    vessel_frame: int
    duration_s: float
    pattern: str
    patient: str
    suite: str
    index: int

    @property
    def is_visible(self) -> bool:
        """Whether its vessel can be seen in some frame that was judged."""
        return bool((self.frames >= self.vessel_frame).any())


@cache
def hash_weights() -> str:
    """Return the SHA-256 of the weights that the monitor reads frames with."""
    data = (package_files("guidance") / "models" / "spread.onnx").read_bytes()
    return hashlib.sha256(data).hexdigest()


def measure_runs(source: Source, out: Path, *, workers: int = 1) -> Iterator[Outcome[RunFiles]]:
    """Measure all runs of a folder that have not been by these weights; yield what became of each.

    Parameters
    ----------
    source : Source
        Runs with their truth.
    out : Path
        Folder for the measurements.
    workers : int
        Number of processes.

    Raises
    ------
    InputError
        The folder holds no runs of these patients.
    """
    missing = [
        [run] for run in require_runs(source) if not is_measured(measurements_path(out, run))
    ]
    return work_through(missing, partial(write_measurements_of_run, out=out), workers=workers)


def measurements_path(out: Path, run: RunFiles) -> Path:
    """Return where the measurements of a run are kept: runs of two folders may share a number."""
    return out / run.folder.name / f"{run.name}.npz"


def is_measured(path: Path) -> bool:
    """Return whether a run was measured, with the weights and measurements of today."""
    try:
        with np.load(path) as kept:
            made_with = kept["made_with"].tolist()
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return False
    return bool(made_with == _made_with())


def _made_with() -> list[str]:
    return [hash_weights(), *MEASURE_NAMES]


class MeasurementLog:
    """Notes what a monitor measures in each frame that it can judge."""

    def __init__(self) -> None:
        self._latest: Measures | None = None
        self._frames: list[int] = []
        self._values: list[NDArray[np.float64]] = []
        self._has_contrast: list[bool] = []

    def watch(self, monitor: Monitor, said: FrameAssessment) -> None:
        """Take in a frame; to be called after each `push`."""
        if said.area_px is None or monitor.measures is self._latest:
            return  # not judged, or a copy of the frame before
        self._latest = monitor.measures
        self._frames.append(said.frame)
        self._values.append(monitor.measures.row())
        self._has_contrast.append(said.run_off is not None)

    def finish(self, truth: RunTruth) -> RunMeasurements:
        """Return all that was noted, beside what is true of the run."""
        vessel = truth.first_visible_vessel_frame
        return RunMeasurements(
            values=np.array(self._values, np.float64).reshape(-1, len(MEASURE_NAMES)),
            frames=np.array(self._frames, np.int64),
            times_s=np.array(truth.times_s, np.float64)[self._frames],
            has_contrast=np.array(self._has_contrast, np.bool_),
            is_vascular=truth.is_vascular,
            uptake_s=np.inf if truth.uptake_s is None else truth.uptake_s,
            vessel_frame=truth.n_frames if vessel is None else vessel,
            duration_s=truth.duration_s,
            pattern=str(truth.pattern),
            patient=truth.patient,
            suite=truth.suite,
            index=truth.index,
        )


def write_measurements_of_run(files: RunFiles, *, out: Path) -> str:
    """Measure one run, write what was found, and return it in a few words."""
    measured = measure_run(files)
    write_atomically(measurements_path(out, files), pack_measurements(measured))
    return f"{len(measured.frames)} frames judged, {int(measured.has_contrast.sum())} with contrast"


def pack_measurements(measured: RunMeasurements) -> bytes:
    """Return measurements as a compressed `.npz`, with the hash of the weights that made them."""
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        values=measured.values,
        frames=measured.frames,
        times_s=measured.times_s,
        has_contrast=measured.has_contrast,
        numbers=np.array([measured.uptake_s, measured.duration_s]),
        counts=np.array([measured.is_vascular, measured.vessel_frame, measured.index]),
        words=np.array([measured.pattern, measured.patient, measured.suite]),
        made_with=np.array(_made_with()),
    )
    return packed.getvalue()


def measure_run(files: RunFiles) -> RunMeasurements:
    """Return what the monitor measures in one run.

    Raises
    ------
    StorageError
        One of its files cannot be read.
    """
    truth = read_run_truth(files)
    log = MeasurementLog()
    with open_run(files.dicom) as cine:
        monitor = Monitor(make_context(cine))
        timing = cine.header.timing
        for number, frame in enumerate(cine):
            said = monitor.push(frame, float(timing.times_s[number]) if timing else None)
            log.watch(monitor, said)
    return log.finish(truth)


def read_measurements(path: Path) -> RunMeasurements:
    """Return the measurements that a file holds.

    Raises
    ------
    StorageError
        It is missing or damaged.
    """
    try:
        with np.load(path) as kept:
            pattern, patient, suite = kept["words"].tolist()
            is_vascular, vessel_frame, index = kept["counts"].tolist()
            uptake_s, duration_s = kept["numbers"].tolist()
            return RunMeasurements(
                values=kept["values"],
                frames=kept["frames"],
                times_s=kept["times_s"],
                has_contrast=kept["has_contrast"],
                is_vascular=bool(is_vascular),
                uptake_s=uptake_s,
                vessel_frame=vessel_frame,
                duration_s=duration_s,
                pattern=pattern,
                patient=patient,
                suite=suite,
                index=index,
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or f"it is damaged ({error})"
        raise StorageError(f"{path.name} cannot be read: {reason}; {_REMEDY}") from error


def gather_measurements(source: Source, out: Path) -> list[RunMeasurements]:
    """Return what was measured in the runs of a folder.

    Runs that were not measured, or in which no frame could be judged, are left out.

    Raises
    ------
    StorageError
        A file is damaged.
    """
    paths = (measurements_path(out, run) for run in find_runs(source))
    measured = (read_measurements(path) for path in paths if is_measured(path))
    return [run for run in measured if run.frames.size]
