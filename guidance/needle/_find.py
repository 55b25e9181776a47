"""Needles and wires in one picture."""

import math

from guidance.needle._frames import check_frame, finite_values
from guidance.needle._likeness import END_ON_MM
from guidance.needle._picture import Picture, locate_field, make_picture
from guidance.needle._rate import Rated
from guidance.needle._search import run_through, search
from guidance.needle._wires import THICKER, find_wires
from guidance.records import (
    FrameArray,
    NeedleKind,
    NeedleSighting,
    RunContext,
    ViewOfNeedle,
)

LEAST_SCORE_ALONE = 0.5
"""Logit at which a line in a single frame is called a needle: nothing comes after to confirm it."""

_SAME_MM = 4.0
"""A needle and a wire whose tips lie closer than this are one thing."""


def find_needles(frame: FrameArray, context: RunContext) -> tuple[NeedleSighting, ...]:
    """Return the needles and wires of one frame, the surest first.

    A needle whose tip lies outside the field is not returned: its tip cannot be told.

    Parameters
    ----------
    frame : (R, C) array
        Pixel values after the Modality LUT. Values that are not finite count as no signal.
    context : RunContext
        What the values mean, and how large a pixel is. Where that is not known, a field of 150 mm
        is taken as the image's longer side: sizes may then be off by 1.5, positions are not.

    Raises
    ------
    InputError
        The frame has another shape than the run, or is not numeric.
    """
    check_frame(frame, context)
    values = finite_values(frame, context)
    field = locate_field(values, context)
    picture = make_picture(values, field, context)
    needles = [each for each in run_through(search(picture)) if each.score > LEAST_SCORE_ALONE]
    seen = [describe(picture, each, NeedleKind.NEEDLE) for each in needles]
    coarse = make_picture(values, field, context, THICKER)
    wires = [describe(coarse, each, NeedleKind.WIRE) for each in find_wires(coarse)]
    same_px = _SAME_MM / (picture.fine_mm * picture.fine_scale)
    # What is as thin as a needle is one, though it looks like a wire where detail is gone.
    alone = [wire for wire in wires if all(_gap(wire, it) > same_px for it in seen)]
    return tuple(sorted((*seen, *alone), key=lambda each: -each.confidence))


def _gap(one: NeedleSighting, other: NeedleSighting) -> float:
    """Return how near the ends of two come to one another. Stored pixels."""
    pairs = [[end for end in (it.tip_px, it.hub_px) if end is not None] for it in (one, other)]
    return min(math.dist(first, second) for first in pairs[0] for second in pairs[1])


def describe(picture: Picture, rated: Rated, kind: NeedleKind) -> NeedleSighting:
    """Return what is seen, in stored pixels.

    Parameters
    ----------
    picture : Picture
        Where it was found.
    rated : Rated
        The line.
    kind : NeedleKind
        What it is; a wire's picture is one made for wires.
    """
    line, tip, scale = rated.line, rated.tip, picture.fine_scale
    mm = picture.fine_mm
    blur_mm = max(0.45, 1.3 * mm)
    width_mm = math.sqrt(max(line.width_mm**2 - blur_mm**2, 0.3**2))
    length = line.length + tip.bend_length
    is_short = length * mm < END_ON_MM and not line.is_start_cut
    is_end_on = is_short and kind is NeedleKind.NEEDLE
    probability = 1 / (1 + math.exp(-rated.score))
    sure_of_end = 1 / (1 + math.exp(-rated.end_score))
    return NeedleSighting(
        kind=kind,
        tip_px=((tip.row + 0.5) / scale - 0.5, (tip.column + 0.5) / scale - 0.5),
        direction_px=_unit(math.sin(tip.angle_rad), math.cos(tip.angle_rad)),
        visible_length_px=length / scale,
        width_px=width_mm / mm / scale,
        confidence=min(max(probability * sure_of_end, 0.0), 1.0),
        view=ViewOfNeedle.END_ON if is_end_on else ViewOfNeedle.SIDE_ON,
        uncertainty_px=tip.sigma / scale,
        hub_px=None
        if line.is_start_cut
        else ((rated.hub.row + 0.5) / scale - 0.5, (rated.hub.column + 0.5) / scale - 0.5),
    )


def _unit(row: float, column: float) -> tuple[float, float]:
    size = math.hypot(row, column)
    return row / size, column / size
