"""Pictures of needles on disk, beside where their steel lies."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance.errors import StorageError
from guidance.io import write_atomically
from guidance.records import FloatArray
from guidance.training._folders import Source

STEPS = 25.0
"""A step of a byte, 128 of which is zero, is a twenty-fifth of what the network is shown."""

STEEL_STEPS = 2500.0
"""Steel of 1 cm; a needle has up to 0.1 cm, seen from the side 0.03."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeedleExamples:
    """Pictures of one run before contrast.

    Attributes
    ----------
    pictures : (N, r, c) uint8 array
        What the network is shown (`guidance.needle.make_input`), in steps about 128: of one frame,
        and of the mean of eight.
    known : (N, r, c) bool array
        Where that is known.
    steel : (r, c) uint8 array
        Steel that the rays pass, in steps of 1/2500 cm.
    tips : (K, 2) float64 array
        Tips (row, column) in pixels of the picture; they may lie outside.
    pixel_mm : float
        Size of its pixels at the patient.
    view, patient, suite : str
        How it is seen, of whom, and where it is from.
    index : int
        Its number in the suite.
    """

    pictures: NDArray[np.uint8]
    known: NDArray[np.bool_]
    steel: NDArray[np.uint8]
    tips: FloatArray
    pixel_mm: float
    view: str
    patient: str
    suite: str
    index: int

    def show(self, number: int) -> NDArray[np.float32]:
        """Return what the network is shown of one picture, (2, r, c)."""
        known = self.known[number]
        values = (self.pictures[number].astype(np.float32) - 128) / np.float32(STEPS)
        return np.stack([values * known, known.astype(np.float32)])


def write_needles(folder: Path, name: str, examples: NeedleExamples) -> None:
    """Write the pictures of one run.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    name : str
        File name of the run.
    examples : NeedleExamples
        All of it.
    """
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        pictures=examples.pictures,
        known=examples.known,
        steel=examples.steel,
        tips=examples.tips,
        pixel_mm=np.array(examples.pixel_mm),
        words=np.array([examples.view, examples.patient, examples.suite]),
        index=np.array(examples.index),
    )
    write_atomically(folder / f"{name}.npz", packed.getvalue())


def read_needles(path: Path) -> NeedleExamples:
    """Return the pictures of one run.

    Raises
    ------
    StorageError
        The file is missing or damaged.
    """
    try:
        with np.load(path) as kept:
            view, patient, suite = kept["words"].tolist()
            return NeedleExamples(
                pictures=kept["pictures"],
                known=kept["known"],
                steel=kept["steel"],
                tips=kept["tips"],
                pixel_mm=float(kept["pixel_mm"]),
                view=view,
                patient=patient,
                suite=suite,
                index=int(kept["index"]),
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or f"damaged ({error})"
        raise StorageError(
            f"the pictures {path.name} cannot be read: {reason}; delete it, and make it again "
            "with: python -m guidance.training needles"
        ) from error


def read_needle_sets(sources: Sequence[Source]) -> list[NeedleExamples]:
    """Return the pictures in some folders that are of the patients asked for.

    Raises
    ------
    StorageError
        A file is damaged.
    """
    runs: list[NeedleExamples] = []
    for source in sources:
        for path in sorted(source.folder.glob("*.npz")):
            run = read_needles(path)
            if source.patients.holds(run.patient):
                runs.append(run)
    return runs
