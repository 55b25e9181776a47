"""Frames of many runs as cases for the line, each run counting the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.spread import MEASURE_NAMES
from guidance.training._measurements import RunMeasurements

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameTable:
    """Frames, in the order of the runs.

    Attributes
    ----------
    values : (N, M) float64 array
        Measurements.
    run, patient : (N,) int array
        Of which run each is, and of which of the patients.
    positive : (N,) bool array
        Contrast has entered a vessel by then.
    is_clear : (N,) bool array
        The line is fitted to it: a run without uptake, or uptake that can be seen by then.
    """

    values: FloatArray
    run: NDArray[np.intp]
    patient: NDArray[np.intp]
    positive: BoolArray
    is_clear: BoolArray

    def shares(self, among: BoolArray) -> FloatArray:
        """Return how much each frame counts, (N,): those of a run sum to 1; 0 for all others."""
        counts = np.bincount(self.run[among], minlength=int(self.run.max()) + 1)
        return np.where(among, 1 / np.maximum(counts, 1)[self.run], 0.0)


def tabulate_frames(runs: Sequence[RunMeasurements], names: Sequence[str]) -> FrameTable:
    """Return the frames of some runs.

    Parameters
    ----------
    runs : sequence of RunMeasurements
        Of at least two patients; each with a frame that could be judged.
    names : sequence of str
        Which measurements.

    Raises
    ------
    InputError
        There are not enough, or of too few patients.
    """
    patients = sorted({run.patient for run in runs})
    if len(patients) < 2 or not all(run.frames.size for run in runs):
        raise InputError(
            f"{len(runs)} measured runs of {len(patients)} patients, expected at least two "
            "patients, and in each run a frame that could be judged; measure more runs"
        )
    columns = [MEASURE_NAMES.index(name) for name in names]
    sizes = [run.frames.size for run in runs]
    return FrameTable(
        values=np.concatenate([run.values[:, columns] for run in runs]),
        run=np.repeat(np.arange(len(runs)), sizes),
        patient=np.repeat([patients.index(run.patient) for run in runs], sizes),
        positive=np.concatenate([run.times_s >= run.uptake_s for run in runs]),
        is_clear=np.concatenate([_are_clear(run) for run in runs]),
    )


def _are_clear(run: RunMeasurements) -> BoolArray:
    if not run.is_vascular:
        return np.full(run.frames.shape, True)
    return (run.times_s >= run.uptake_s) & (run.frames >= run.vessel_frame)
