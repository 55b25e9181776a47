"""All examples of some patients, with what the network is asked about each, drawn in batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.spread import PATTERNS
from guidance.training._example_files import RunExamples, read_examples
from guidance.training._folders import Source

UNKNOWN = -1
"""Stands for an answer that is not asked for."""

_SEEN_PX = 15.0
"""A vessel that has filled more than this, and cannot be seen by the rule, is asked about neither
way: to a good eye it may show."""

_POSITIVE_WEIGHT, _IDLE_WEIGHT = 1.5, 0.6
"""Frames that show a vessel are drawn more often, those without contrast less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExampleSet:
    """Examples, in the order of runs and frames.

    Attributes
    ----------
    runs : tuple of RunExamples
        Where the images are.
    run, place : (N,) int array
        Of which run each example is, and which of its images.
    uptake : (N,) float32 array
        1 where a vessel can be seen by then, 0 where none holds contrast, -1 where that is not
        asked.
    contrast : (N,) float32 array
        1 where new contrast can be seen by then, else 0.
    pattern : (N,) int array
        Which of `guidance.spread.PATTERNS`, -1 where that is not asked.
    chance : (N,) float64 array
        That it is drawn; they sum to 1.
    """

    runs: tuple[RunExamples, ...]
    run: NDArray[np.intp]
    place: NDArray[np.intp]
    uptake: NDArray[np.float32]
    contrast: NDArray[np.float32]
    pattern: NDArray[np.int64]
    chance: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.run)

    @property
    def patients(self) -> list[str]:
        """Of whom they are, in order."""
        return sorted({run.patient for run in self.runs})

    def images(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the input (8, 256, 256) and the maps (3, 128, 128) of one example."""
        run, place = self.runs[int(self.run[number])], int(self.place[number])
        return run.channels[place], run.maps[place]


def read_example_set(sources: Sequence[Source]) -> ExampleSet:
    """Return the examples of some folders that are of the patients asked for.

    Raises
    ------
    InputError
        There are none.
    StorageError
        A file is damaged.
    """
    runs: list[RunExamples] = []
    for source in sources:
        for name in sorted(path.stem for path in source.folder.glob("*.npz")):
            run = read_examples(source.folder, name)
            if len(run.frames) and source.patients.holds(run.patient):
                runs.append(run)
    where = ", ".join(f"{source.folder.name!r} ({source.patients})" for source in sources)
    return gather(runs, where)


def gather(runs: list[RunExamples], where: str = "the folder") -> ExampleSet:
    """Return the examples of some runs as one set.

    Parameters
    ----------
    runs : list of RunExamples
        Each with at least one frame.
    where : str
        Names them in messages.

    Raises
    ------
    InputError
        There are none.
    """
    if not runs:
        raise InputError(
            f"no examples in {where}; make them first with: python -m guidance.training examples"
        )
    uptake = np.concatenate([_ask_uptake(run) for run in runs])
    contrast = np.concatenate([run.has_contrast.astype(np.float32) for run in runs])
    return ExampleSet(
        runs=tuple(runs),
        run=np.repeat(np.arange(len(runs)), [len(run.frames) for run in runs]),
        place=np.concatenate([np.arange(len(run.frames)) for run in runs]),
        uptake=uptake,
        contrast=contrast,
        pattern=np.concatenate([_ask_pattern(run) for run in runs]),
        chance=_chances(runs, uptake, contrast),
    )


def _ask_uptake(run: RunExamples) -> NDArray[np.float32]:
    unsure = run.is_vascular & run.has_contrast & (run.vessel_px > _SEEN_PX)
    return np.where(run.vessel_visible, 1, np.where(unsure, UNKNOWN, 0)).astype(np.float32)


def _ask_pattern(run: RunExamples) -> NDArray[np.int64]:
    """Return the pattern where contrast shows it.

    While a vessel cannot be seen yet, the rest of a mixed run looks like another pattern: which one
    is not known.
    """
    known = run.has_contrast & ~(run.is_vascular & ~run.vessel_visible)
    number = PATTERNS.index(run.pattern) if run.pattern in PATTERNS else UNKNOWN
    return np.where(known, number, UNKNOWN).astype(np.int64)


def _chances(
    runs: list[RunExamples], uptake: NDArray[np.float32], contrast: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return how likely each example is drawn: frames of a run resemble each other."""
    weights = np.concatenate([np.full(len(run.frames), len(run.frames) ** -0.5) for run in runs])
    weights *= np.where(uptake > 0, _POSITIVE_WEIGHT, 1.0)
    weights *= np.where(contrast > 0, 1.0, _IDLE_WEIGHT)
    return np.asarray(weights / weights.sum(), np.float64)
