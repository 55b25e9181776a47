"""Shutters and collimators (PS3.3 C.7.6.11, C.8.7.3): which part of a frame shows the patient.

The standard counts rows and columns from 1; here they count from 0.
"""

import math
from collections.abc import Callable
from itertools import pairwise

from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.records import (
    CircularShutter,
    PolygonalShutter,
    RectangularShutter,
    Remark,
    Shutter,
)

# A circle may reach beyond the frame, as an intensifier's does, but not by many frames.
LARGEST_CIRCLE = 4.0


def read_shutters(
    attributes: Attributes, rows: int, columns: int
) -> tuple[tuple[Shutter, ...], list[Remark]]:
    """Return the shutters and collimators that make sense, and what was wrong with the others.

    Parameters
    ----------
    attributes : Attributes
        The header.
    rows, columns : int
        Shape of a frame. Pixels.
    """
    shutters: list[Shutter] = []
    remarks: list[Remark] = []
    for kind in ("Shutter", "Collimator"):
        for shape in dict.fromkeys(attributes.codes(f"{kind}Shape")):
            if not shape:
                continue
            read = SHAPES.get(shape)
            found = read(attributes, kind, rows, columns) if read else f"{kind}Shape"
            if isinstance(found, str):
                remarks.append(_ignored(found))
            else:
                shutters.append(found)
    return tuple(shutters), remarks


def _rectangle(
    attributes: Attributes, kind: str, rows: int, columns: int
) -> RectangularShutter | str:
    """Return the rectangle, or the keyword to blame."""
    keywords = [
        f"{kind}UpperHorizontalEdge",
        f"{kind}LowerHorizontalEdge",
        f"{kind}LeftVerticalEdge",
        f"{kind}RightVerticalEdge",
    ]
    edges = []
    for keyword, size in zip(keywords, (rows, rows, columns, columns), strict=True):
        number = attributes.number(keyword)
        if number is None or not 1 <= number <= size:
            return keyword
        edges.append(round(number) - 1)
    top, bottom, left, right = edges
    if top > bottom:
        return keywords[1]
    if left > right:
        return keywords[3]
    return RectangularShutter(top=top, bottom=bottom, left=left, right=right)


def _circle(attributes: Attributes, kind: str, rows: int, columns: int) -> CircularShutter | str:
    """Return the circle, or the keyword to blame."""
    center = attributes.numbers(f"CenterOfCircular{kind}")
    if len(center) != 2 or not _is_inside(center[0], center[1], rows, columns):
        return f"CenterOfCircular{kind}"
    radius = attributes.number(f"RadiusOfCircular{kind}")
    if radius is None or not 1 <= radius <= LARGEST_CIRCLE * max(rows, columns):
        return f"RadiusOfCircular{kind}"
    return CircularShutter(row=center[0] - 1, column=center[1] - 1, radius=radius)


def _polygon(attributes: Attributes, kind: str, rows: int, columns: int) -> PolygonalShutter | str:
    """Return the polygon, or the keyword to blame; the values are row, column, row, column ..."""
    keyword = f"VerticesOfThePolygonal{kind}"
    numbers = attributes.numbers(keyword)
    if len(numbers) < 6 or len(numbers) % 2:
        return keyword
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not all(_is_inside(row, column, rows, columns) for row, column in corners):
        return keyword
    if _area(corners) < 1:
        return keyword
    return PolygonalShutter(vertices=tuple((row - 1, column - 1) for row, column in corners))


SHAPES: dict[str, Callable[[Attributes, str, int, int], Shutter | str]] = {
    "RECTANGULAR": _rectangle,
    "CIRCULAR": _circle,
    "POLYGONAL": _polygon,
}


def _area(corners: list[tuple[float, float]]) -> float:
    """Return the area of a polygon. Square pixels."""
    closed = [*corners, corners[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2


def _is_inside(row: float, column: float, rows: int, columns: int) -> bool:
    return (
        math.isfinite(row) and math.isfinite(column) and 1 <= row <= rows and 1 <= column <= columns
    )


def _ignored(keyword: str) -> Remark:
    return Remark(
        attribute=label(keyword),
        finding="is missing, out of the image or not known, and its shape was ignored",
        cost="the edge of the picture must be found in the pixels",
    )
