"""Letters in the image: burnt-in text, and lead markers that the X-rays draw themselves."""

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.simulation._transmission import Map

LEAD_AS_STEEL_CM = 2.0


def text_mask(lines: tuple[str, ...], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where burnt-in text lies: a line for each corner, from the top left, clockwise."""
    rows, columns = shape
    canvas = np.zeros(shape, np.uint8)
    scale = min(shape) / 900
    for corner, line in enumerate(lines):
        (width, height), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        margin = max(4, rows // 64)
        x = margin if corner in (0, 3) else columns - margin - width
        y = margin + height if corner < 2 else rows - margin
        cv2.putText(canvas, line, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1)
    return canvas > 0


def letter_map(
    letter: str,
    shape: tuple[int, int],
    centre_px: tuple[float, float],
    height_px: float,
    *,
    is_mirrored: bool = False,
) -> Map:
    """Return the steel that stands for a lead letter lying on the detector's cover.

    1.5 mm of lead let nothing through, nor do 20 mm of steel.

    Parameters
    ----------
    letter : str
        "L" or "R".
    shape : (rows, columns)
        Of the image.
    centre_px : (row, column)
        Of the letter.
    height_px : float
        Of the letter. Pixels.
    is_mirrored : bool
        Whether it is read from the other side.

    Returns
    -------
    (R, C) float32 array
        Centimetres of steel, to be added to `MaterialMaps.steel_cm`.
    """
    # Drawn large, cut out, and laid down at its size about its centre.
    large = np.zeros((200, 200), np.uint8)
    cv2.putText(large, letter, (30, 160), cv2.FONT_HERSHEY_SIMPLEX, 5.0, 255, 20)
    rows, columns = np.nonzero(large)
    if not rows.size or not height_px > 0:
        raise InputError(f"letter {letter!r} of {height_px} pixels; expected one that can be seen")
    stamp = large[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    if is_mirrored:
        stamp = stamp[:, ::-1]
    fine = stamp.shape[0] / height_px
    framed = np.pad(stamp.astype(np.float32) / 255, 20)
    soft = cv2.GaussianBlur(framed, (0, 0), max(fine / 2, 0.5))
    y, x = ((n - 1) / 2 - fine * c for n, c in zip(framed.shape, centre_px, strict=True))
    matrix = np.array([[fine, 0, x], [0, fine, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(soft, matrix, shape[::-1], flags=flags)
    return np.asarray(LEAD_AS_STEEL_CM * laid, np.float32)
