"""Examples on disk: the images of a run as one plain array that need not be read whole.

``00012.npy`` holds the network's input, ``00012.npz`` what it should find; the second is written
last: where it is, the examples of a run are whole. A run without a frame to learn from has no
images, and its second file says so.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance.errors import StorageError
from guidance.io import write_atomically
from guidance.training._stored import StoredImages

_REMEDY = "delete both, and make them again with: python -m guidance.training examples"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunExamples:
    """The examples of one run.

    Attributes
    ----------
    channels : (N, 8, 256, 256) uint8 array, or StoredImages
        The network's input.
    maps : (N, 3, 128, 128) uint8 array
        Contrast, contrast in a vessel, and the same at any time so far; 255 is 1.
    frames : (N,) int array
        Which frames of the run.
    vessel_visible : (N,) bool array
        Contrast in a vessel can be seen by then, by the rule of the simulator.
    has_contrast : (N,) bool array
        New contrast can be seen by then.
    vessel_px : (N,) float64 array
        Area that has shown contrast in a vessel by then. Working pixels.
    is_vascular : bool
        Whether the run has contrast in a vessel at any time.
    pattern, patient, suite : str
        What it shows, of whom, and where it is from.
    index : int
        Its number in the suite.
    """

    channels: NDArray[np.uint8] | StoredImages
    maps: NDArray[np.uint8]
    frames: NDArray[np.int64]
    vessel_visible: NDArray[np.bool_]
    has_contrast: NDArray[np.bool_]
    vessel_px: NDArray[np.float64]
    is_vascular: bool
    pattern: str
    patient: str
    suite: str
    index: int


def is_complete(folder: Path, name: str) -> bool:
    """Return whether the examples of a run are there."""
    return all((folder / f"{name}{ending}").exists() for ending in (".npy", ".npz"))


def write_examples(folder: Path, name: str, examples: RunExamples) -> None:
    """Write the examples of one run.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    name : str
        File name of the run.
    examples : RunExamples
        All of it.
    """
    images = io.BytesIO()
    np.save(images, np.asarray(examples.channels))
    write_atomically(folder / f"{name}.npy", images.getvalue())
    rest = io.BytesIO()
    np.savez_compressed(
        rest,
        maps=examples.maps,
        frames=examples.frames,
        vessel_visible=examples.vessel_visible,
        has_contrast=examples.has_contrast,
        vessel_px=examples.vessel_px,
        is_vascular=np.array(examples.is_vascular),
        words=np.array([examples.pattern, examples.patient, examples.suite]),
        index=np.array(examples.index),
    )
    write_atomically(folder / f"{name}.npz", rest.getvalue())


def read_examples(folder: Path, name: str) -> RunExamples:
    """Return the examples of one run; its images stay on the disk.

    Raises
    ------
    StorageError
        They are missing or damaged.
    """
    try:
        with np.load(folder / f"{name}.npz") as kept:
            pattern, patient, suite = kept["words"].tolist()
            return RunExamples(
                channels=StoredImages(path=folder / f"{name}.npy"),
                maps=kept["maps"],
                frames=kept["frames"],
                vessel_visible=kept["vessel_visible"],
                has_contrast=kept["has_contrast"],
                vessel_px=kept["vessel_px"],
                is_vascular=bool(kept["is_vascular"]),
                pattern=pattern,
                patient=patient,
                suite=suite,
                index=int(kept["index"]),
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or f"damaged ({error})"
        raise StorageError(
            f"the examples {name}.npy and {name}.npz cannot be read: {reason}; {_REMEDY}"
        ) from error
