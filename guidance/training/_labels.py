"""What the contrast of a run looks like without tissue and noise, pulse by pulse.

Kept at the resolution at which the monitor looks, as whole numbers.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import StorageError

LABEL_PX = 256
"""Larger side of the label images: the monitor's working resolution."""

STEPS_PER_UNIT = 4000.0
"""A step is 0.00025 of the intensity, far below the noise."""

Image = NDArray[np.float32]
Steps = NDArray[np.uint16]


class ContrastLabels:
    """Collects the contrast of each pulse, reduced; may be given to `simulate_run`."""

    def __init__(self) -> None:
        self.new: list[Steps] = []
        self.vessel: list[Steps] = []

    def __call__(self, pulse: int, new: Image, vessel: Image | None) -> None:
        """Take the maps of one pulse; see `guidance.simulation.simulate_run`."""
        del pulse
        self.new.append(_reduce(new))
        self.vessel.append(np.zeros_like(self.new[-1]) if vessel is None else _reduce(vessel))


def _reduce(contrast: Image) -> Steps:
    factor = min(1.0, LABEL_PX / max(contrast.shape))
    rows, columns = (max(1, round(side * factor)) for side in contrast.shape)
    small = cv2.resize(contrast, (columns, rows), interpolation=cv2.INTER_AREA)
    steps = np.clip(np.rint(small * STEPS_PER_UNIT), 0, 65535)
    return np.asarray(steps, np.uint16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunLabels:
    """The contrast of a run.

    Attributes
    ----------
    new, vessel : (P, r, c) uint16 array or None
        Newly injected contrast in each pulse, and the part of it in a vessel, `STEPS_PER_UNIT`;
        None where no pulse holds any.
    pulses : (T,) int array
        Which pulse each stored frame shows.
    """

    new: Steps | None
    vessel: Steps | None
    pulses: NDArray[np.intp]

    def at(self, frame: int, shape: tuple[int, int]) -> tuple[Image, Image] | None:
        """Return the contrast of a frame and its part in a vessel, as relative change.

        Parameters
        ----------
        frame : int
            The stored frame.
        shape : (r, c)
            Of the images wanted.

        Returns
        -------
        tuple of (r, c) float32 arrays, or None
            None where no frame of the run holds any.
        """
        if self.new is None or self.vessel is None:
            return None
        pulse = int(self.pulses[frame])
        new, vessel = (
            _resize(kept[pulse].astype(np.float32) / np.float32(STEPS_PER_UNIT), shape)
            for kept in (self.new, self.vessel)
        )
        return new, vessel


def _resize(image: Image, shape: tuple[int, int]) -> Image:
    if image.shape == shape:
        return image
    return np.asarray(cv2.resize(image, shape[::-1]), np.float32)


def pack_labels(labels: ContrastLabels, pulses: NDArray[np.intp]) -> bytes:
    """Return the labels of a run as a compressed `.npz`.

    Parameters
    ----------
    labels : ContrastLabels
        Of all pulses.
    pulses : (T,) int array
        Which pulse each stored frame shows.
    """
    packed = io.BytesIO()
    if any(image.any() for image in labels.new):
        new, vessel = np.stack(labels.new), np.stack(labels.vessel)
        np.savez_compressed(packed, new=new, vessel=vessel, pulses=pulses)
    else:
        np.savez_compressed(packed, pulses=pulses)
    return packed.getvalue()


def read_labels(path: Path) -> RunLabels:
    """Return the labels that a file holds.

    Raises
    ------
    StorageError
        It is missing or damaged.
    """
    try:
        with np.load(path) as kept:
            return RunLabels(
                new=kept.get("new"),
                vessel=kept.get("vessel"),
                pulses=kept["pulses"].astype(np.intp),
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or f"it is damaged ({error})"
        raise StorageError(
            f"the labels {path.name} cannot be read: {reason}; delete the run's .json, and make it "
            "again with: python -m guidance.training runs"
        ) from error
