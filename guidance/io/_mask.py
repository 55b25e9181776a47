"""Mask Subtraction Sequence (PS3.3 C.7.6.10): how a console subtracted what it stored plain.

The standard counts frames from 1; here they count from 0.
"""

import math

from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.records import MaskOperation, MaskSubtraction, Remark

LARGEST_SHIFT = 0.5
"""A shift beyond this share of the frame leaves little to subtract, and is not believed."""


def read_masks(
    attributes: Attributes, n_frames: int, rows: int, columns: int
) -> tuple[tuple[MaskSubtraction, ...], list[Remark]]:
    """Return the subtractions that the header asks for and that can be, and remarks on the others.

    Parameters
    ----------
    attributes : Attributes
        The header.
    n_frames, rows, columns : int
        Shape of the run.

    Returns
    -------
    masks : tuple of MaskSubtraction
        Without those of operation NONE.
    remarks : list of Remark
    """
    masks: list[MaskSubtraction] = []
    remarks: list[Remark] = []
    for item in attributes.items("MaskSubtractionSequence"):
        found = _read_item(item, n_frames, rows, columns)
        if isinstance(found, str):
            remarks.append(_ignored(found))
        elif found.operation is not MaskOperation.NONE:
            masks.append(found)
    return tuple(masks), remarks


def _read_item(item: Attributes, n_frames: int, rows: int, columns: int) -> MaskSubtraction | str:
    """Return the subtraction, or the keyword to blame."""
    code = item.code("MaskOperation")
    if code in ("", MaskOperation.NONE):
        return MaskSubtraction(operation=MaskOperation.NONE)
    if code not in tuple(MaskOperation):
        return "MaskOperation"
    operation = MaskOperation(code)
    frames = _frames(item.numbers("MaskFrameNumbers"), n_frames)
    if operation is MaskOperation.AVERAGE and not frames:
        return "MaskFrameNumbers"
    ranges = _frames(item.numbers("ApplicableFrameRange"), n_frames)
    if ranges is None or len(ranges) % 2:
        return "ApplicableFrameRange"
    pairs = tuple(zip(ranges[::2], ranges[1::2], strict=True))
    if any(first > last for first, last in pairs):
        return "ApplicableFrameRange"
    shift = _shift(item.numbers("MaskSubPixelShift"), rows, columns)
    if shift is None:
        return "MaskSubPixelShift"
    return MaskSubtraction(
        operation=operation,
        mask_frames=(frames or ()) if operation is MaskOperation.AVERAGE else (),
        applies_to=pairs,
        shift_px=shift,
        frames_averaged=_whole(item.number("ContrastFrameAveraging"), 1, n_frames) or 1,
        offset_frames=_whole(item.number("TIDOffset"), -n_frames, n_frames) or 1,
    )


def _frames(numbers: tuple[float, ...], n_frames: int) -> tuple[int, ...] | None:
    """Return frames from 0; None where one does not exist."""
    if not all(1 <= number <= n_frames and number == int(number) for number in numbers):
        return None
    return tuple(int(number) - 1 for number in numbers)


def _shift(numbers: tuple[float, ...], rows: int, columns: int) -> tuple[float, float] | None:
    """Return (rows, columns), (0, 0) where none is given, None where it cannot be."""
    if not numbers:
        return 0.0, 0.0
    if len(numbers) != 2:
        return None
    row, column = numbers
    if not (abs(row) <= LARGEST_SHIFT * rows and abs(column) <= LARGEST_SHIFT * columns):
        return None
    return row, column


def _whole(number: float | None, low: int, high: int) -> int | None:
    if number is None or not math.isfinite(number) or not low <= number <= high:
        return None
    return int(number)


def _ignored(keyword: str) -> Remark:
    return Remark(
        attribute=label(keyword),
        finding="in Mask Subtraction Sequence (0028,6100) cannot be, and that item was ignored",
        cost="the mask that the console used is not known",
        remedy="name mask frames with --mask",
    )
