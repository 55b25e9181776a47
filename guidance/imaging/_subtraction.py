"""Digital subtraction: a frame minus a mask, in attenuation, with the mask shifted to fit.

In attenuation what the patient is made of cancels, and contrast leaves its own line integral, over
bone as over soft tissue. The mask is a mean of several frames, so that its noise hardly adds to
that of the frame; it is moved to where the patient lies now (pixel shift), and takes on the frame's
exposure and tone. A whole-image shift cannot follow organs that move apart: what is left of them
shows as pairs of dark and bright edges.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.imaging._alignment import estimate_translation, translate
from guidance.imaging._noise import measure_noise
from guidance.imaging._tone import match_tone

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WHOLE = 0.99
"""A pixel moved by part of a pixel is valid where this share of it was."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subtraction:
    """A frame minus its mask.

    Attributes
    ----------
    change : (R, C) float32 array
        Change of attenuation where the patient lies in the frame: positive where contrast was
        added, 0 where not `valid`.
    valid : (R, C) bool array
        Pixels that show the patient in frame and shifted mask.
    shift : (rows, columns)
        How far the mask was moved. Pixels.
    noise : float
        Standard deviation of `change` where nothing changed. Attenuation.
    """

    change: Image
    valid: Mask
    shift: tuple[float, float]
    noise: float

    def at_mask(self) -> Image:
        """Return `change` where the patient lay in the mask, (R, C); 0 where that is not known."""
        rows, columns = self.shift
        return translate(self.change, (-rows, -columns))


def average_frames(frames: Iterable[Image], valid: Mask) -> Image:
    """Return the mean of frames, each moved to where the first shows the patient.

    Parameters
    ----------
    frames : iterable of (R, C) float32 arrays
        Attenuation. One is held at a time.
    valid : (R, C) bool array
        Pixels that show the patient.

    Returns
    -------
    (R, C) float32 array
        Attenuation, in place and tone of the first frame.

    Raises
    ------
    InputError
        There is no frame.
    """
    first: Image | None = None
    total = np.zeros(valid.shape, np.float32)
    count, shift = 0, (0.0, 0.0)
    for frame in frames:
        count += 1
        if first is None:
            first = frame
            total += frame
            continue
        shift = estimate_translation(first, frame, valid, shift)
        back = translate(frame, (-shift[0], -shift[1]))
        total += match_tone(back, first, valid)
    if first is None:
        raise InputError("no frame was given; expected at least one to make a mask of")
    return np.asarray(total / np.float32(count), np.float32)


def subtract(
    frame: Image,
    mask: Image,
    valid: Mask,
    *,
    shift: tuple[float, float] | None = None,
    start: tuple[float, float] = (0.0, 0.0),
) -> Subtraction:
    """Subtract a mask from a frame.

    Parameters
    ----------
    frame, mask : (R, C) float32 array
        Attenuation.
    valid : (R, C) bool array
        Pixels that show the patient.
    shift : (rows, columns), optional
        How far to move the mask, downwards and to the right. Pixels. Estimated where not given.
    start : (rows, columns), optional
        Where to begin the estimate: the shift of the frame before.

    Returns
    -------
    Subtraction

    Raises
    ------
    InputError
        The three shapes differ.
    """
    if not frame.shape == mask.shape == valid.shape:
        raise InputError(
            f"shapes {frame.shape}, {mask.shape}, {valid.shape} differ; subtract equal frames"
        )
    if shift is None:
        shift = estimate_translation(mask, frame, valid, start)
    moved = translate(mask, shift)
    both = valid
    if shift != (0.0, 0.0):
        both = valid & (translate(valid.astype(np.float32), shift) > _WHOLE)
        both &= _covered(valid.shape, shift)
    change = frame - match_tone(moved, frame, both)
    noise = measure_noise(change, both)
    change[~both] = 0
    return Subtraction(change=change, valid=both, shift=shift, noise=noise)


def _covered(shape: tuple[int, ...], shift: tuple[float, float]) -> Mask:
    """Return where a moved image shows something of its own, not its edge repeated."""
    rows, columns = (np.arange(size) - moved for size, moved in zip(shape, shift, strict=True))
    has_row = (rows >= 0) & (rows <= shape[0] - 1)
    has_column = (columns >= 0) & (columns <= shape[1] - 1)
    return np.asarray(has_row[:, None] & has_column[None, :], np.bool_)
