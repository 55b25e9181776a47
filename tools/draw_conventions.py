"""Draw docs/pictures: the coordinates of docs/conventions.md as SVG, each angle at its true size.

``python tools/draw_conventions.py [FOLDER]`` writes the pictures; the same bytes every time.
Picture coordinates are (x to the right, y down), in SVG user units.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path

from picture import FAINT, INK, MUTED, PAPER, Picture, Point

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"

BLUE, BLUE_FILL = "#1d4ed8", "#dbeafe"
AMBER, AMBER_FILL = "#b45309", "#fef3c7"
GREEN, GREEN_FILL = "#047857", "#ecfdf5"
BONE, BONE_FILL = "#57534e", "#f5f5f4"


def around(center: Point, radius: float, primary_deg: float) -> Point:
    """Return the point at a primary angle about a prone patient seen from the feet.

    0° is the chest, which faces down; +90° is the patient's left, which is the reader's left.
    """
    angle = math.radians(primary_deg)
    return (center[0] - radius * math.sin(angle), center[1] + radius * math.cos(angle))


def draw_vertebra(picture: Picture, center: Point, scale: float, up: int) -> None:
    """Draw a lumbar vertebra seen along the spine; `up` is 1 with its back up, -1 with it down."""
    half = [
        (0, -62), (6, -58), (8, -34), (20, -27), (26, -38), (34, -36), (34, -24), (58, -26),
        (66, -20), (60, -14), (32, -8), (30, 0), (38, 10), (40, 24), (30, 38), (14, 44), (0, 45),
    ]  # fmt: skip
    outline = half + [(-x, y) for x, y in reversed(half[1:-1])]
    canal = [(0, -24), (13, -16), (15, -6), (0, 0), (-15, -6), (-13, -16)]
    for points, fill in ((outline, BONE_FILL), (canal, PAPER)):
        placed = [(center[0] + scale * x, center[1] + scale * up * y) for x, y in points]
        picture.outline(placed, fill=fill, stroke=BONE, stroke_width="1.5")


def draw_pixel_frame() -> Picture:
    """Draw `_px`: 0-based (row, column), the origin at the centre of the first pixel."""
    picture = Picture(760, 400, "The pixel frame: row, column, origin at the first pixel's centre")
    left, top, cell, rows, columns = 130.0, 92.0, 54.0, 5, 8
    right, bottom = left + cell * columns, top + cell * rows

    def at(row: float, column: float) -> Point:
        return (left + cell * (column + 0.5), top + cell * (row + 0.5))

    picture.rectangle((left, top), (cell, cell), fill=BLUE_FILL)
    for row in range(rows + 1):
        picture.line((left, top + cell * row), (right, top + cell * row), FAINT, 1.2)
    for column in range(columns + 1):
        picture.line((left + cell * column, top), (left + cell * column, bottom), FAINT, 1.2)
    picture.rectangle(
        (left, top), (cell * columns, cell * rows), fill="none", stroke=INK, stroke_width="1.8"
    )
    for column in range(columns):
        picture.text((at(0, column)[0], top - 10), str(column), MUTED, 14, text_anchor="middle")
    for row in range(rows):
        picture.text((left - 14, at(row, 0)[1] + 5), str(row), MUTED, 14, text_anchor="end")
    picture.arrow((left, top - 38), (left + 190, top - 38), BLUE)
    picture.text((left + 202, top - 33), "column", BLUE, 16)
    picture.arrow((left - 48, top), (left - 48, top + 150), BLUE)
    picture.text((left - 48, top + 172), "row", BLUE, 16, text_anchor="middle")
    marks = (
        ((0.0, 0.0), BLUE, "[0, 0]"),
        ((2.0, 5.0), AMBER, "[2, 5]"),
        ((3.5, 2.5), AMBER, "[3.5, 2.5]"),
    )
    for place, color, words in marks:
        x, y = at(*place)
        picture.dot((x, y), color, 5)
        picture.text((x + 10, y - 9), words, color, 15, font_weight="bold")
    picture.dot((left, top), MUTED, 4)
    beside = right + 22
    picture.note((beside, 118), BLUE, "[0, 0]", "the first pixel's centre")
    picture.note((beside, 186), AMBER, "[2, 5]", "the centre of row 2,", "column 5")
    picture.note((beside, 272), AMBER, "[3.5, 2.5]", "the corner that four", "pixels share")
    picture.text((left, bottom + 26), "The image's own corner is [−0.5, −0.5].", MUTED, 13)
    picture.text(
        (right, bottom + 26), "OpenCV's (x, y) is (column, row).", MUTED, 13, text_anchor="end"
    )
    return picture


def draw_projection() -> Picture:
    """Draw `_det_mm` and `_iso_mm`: where rays start, what they pass and where they land."""
    picture = Picture(
        760, 430, "Source, isocentre and detector; the origin of detector millimetres"
    )
    axis, source, iso, plate = 190.0, 60.0, 278.0, 430.0
    grown = (plate - source) / (iso - source)
    picture.line((source, axis), (plate, axis), AMBER, 1.4, stroke_dasharray="6 5")
    for side in (-1, 1):
        picture.line((source, axis), (plate, axis + side * 56 * grown), AMBER, 1.4)
    picture.dot((source, axis), AMBER, 6)
    picture.text((source - 12, axis - 18), "source", AMBER, 15)
    picture.rectangle(
        (plate, axis - 130), (12, 260), fill=BLUE_FILL, stroke=BLUE, stroke_width="1.6", rx="3"
    )
    picture.text((plate + 6, axis - 142), "detector", BLUE, 15, text_anchor="middle")
    picture.line((iso, axis - 56), (iso, axis + 56), BONE, 5)
    picture.text((iso + 12, axis + 48), "10 mm", BONE, 14)
    picture.text(
        (plate - 12, axis + 56 * grown + 24), f"{10 * grown:.0f} mm", BLUE, 14, text_anchor="end"
    )
    for side in (-1, 1):
        picture.dot((plate, axis + side * 56 * grown), BLUE, 4)
    picture.arrow((iso, axis), (iso + 62, axis), GREEN)
    picture.arrow((iso, axis), (iso, axis - 96), GREEN)
    picture.out_of_page((iso, axis), GREEN)
    for dx, dy, name in ((50, 20, "x"), (10, -84, "y"), (-24, 20, "z")):
        picture.text((iso + dx, axis + dy), name, GREEN, 16, font_style="italic")
    picture.text((iso, axis + 86), "isocentre", GREEN, 15, text_anchor="middle")
    spans = (
        (iso, 352, "SOD: DistanceSourceToPatient"),
        (plate, 388, "SID: DistanceSourceToDetector"),
    )
    for end, y, words in spans:
        picture.arrow(((source + end) / 2, y), (source, y), MUTED, 1.3)
        picture.arrow(((source + end) / 2, y), (end, y), MUTED, 1.3)
        picture.text((source + 8, y - 8), words, INK, 13)
        picture.line((end, axis + 134), (end, y + 4), FAINT, 1.2, stroke_dasharray="3 4")
    picture.line((source, axis + 12), (source, 392), FAINT, 1.2, stroke_dasharray="3 4")
    picture.text((plate + 26, 384), "magnification = SID / SOD", INK, 14)
    picture.text((plate + 26, 404), f"here {grown:.1f}", MUTED, 14)
    left, top, side_length = 512.0, 74.0, 216.0
    picture.text(
        (left + side_length / 2, top - 26), "the detector, face on", BLUE, 15, text_anchor="middle"
    )
    picture.rectangle(
        (left, top), (side_length, side_length), fill=BLUE_FILL, stroke=BLUE, stroke_width="1.6"
    )
    picture.dot((left + 6, top + 6), MUTED, 4)
    picture.text((left + 16, top + 18), "_px [0, 0]", MUTED, 13)
    center = (left + 120, top + 96)
    picture.arrow(center, (center[0] + 84, center[1]), INK)
    picture.arrow(center, (center[0], center[1] + 84), INK)
    picture.dot(center, AMBER, 6)
    picture.text(
        (center[0] - 12, center[1] - 30), "_det_mm (0, 0):", AMBER, 14, text_anchor="middle"
    )
    picture.text(
        (center[0] - 12, center[1] - 13),
        "the central ray lands here",
        AMBER,
        13,
        text_anchor="middle",
    )
    picture.text((center[0] + 44, center[1] + 20), "columns", INK, 13)
    picture.text((center[0] - 10, center[1] + 70), "rows", INK, 13, text_anchor="end")
    picture.text((left, top + side_length + 22), "same axis order as _px; need not be", INK, 13)
    picture.text((left, top + side_length + 40), "the middle of the image", INK, 13)
    return picture


def draw_voxel_frame() -> Picture:
    """Draw `_vox`: 0-based (slice, row, column), the origin at the first voxel's centre."""
    picture = Picture(
        760, 346, "The voxel frame: slice, row, column, origin at the first voxel's centre"
    )
    cell, shift = 36.0, (15.0, -11.0)
    corner = (96.0, 120.0)
    for index in (4, 3, 2, 1, 0):
        x, y = corner[0] + index * 1.8 * shift[0], corner[1] + index * 1.8 * shift[1] + 20
        picture.rectangle(
            (x, y),
            (cell * 6, cell * 4),
            fill=PAPER,
            stroke=FAINT if index else INK,
            stroke_width="1.5",
        )
    x, y = corner[0], corner[1] + 20
    for row in range(1, 4):
        picture.line((x, y + cell * row), (x + cell * 6, y + cell * row), FAINT, 1)
    for column in range(1, 6):
        picture.line((x + cell * column, y), (x + cell * column, y + cell * 4), FAINT, 1)
    picture.rectangle((x, y), (cell, cell), fill=BLUE_FILL, stroke=INK, stroke_width="1.2")
    picture.dot((x + cell / 2, y + cell / 2), BLUE, 5)
    picture.arrow((x - 20, y), (x - 20, y + 118), BLUE)
    picture.text((x - 20, y + 140), "row", BLUE, 16, text_anchor="middle")
    picture.arrow((x, y + cell * 4 + 20), (x + 150, y + cell * 4 + 20), BLUE)
    picture.text((x + 160, y + cell * 4 + 26), "column", BLUE, 16)
    start = (x - 12, y - 16)
    picture.arrow(start, (start[0] + 7 * shift[0], start[1] + 7 * shift[1]), BLUE)
    picture.text((start[0] + 7 * shift[0] - 26, start[1] + 7 * shift[1] - 8), "slice", BLUE, 16)
    picture.note((500, 96), BLUE, "[0, 0, 0]", "the centre of the first voxel")
    placed = ("the 4 × 4 affine that places it in the", "patient; no order of slices is assumed")
    picture.note((500, 164), INK, "lps_from_vox", *placed)
    named = ("transforms are named so that neighbours", "match: det_from_lps =")
    picture.note((500, 252), INK, "dst_from_src", *named, "det_from_iso @ iso_from_lps")
    return picture


def draw_patient_frame() -> Picture:
    """Draw `_lps_mm` about a prone and a supine patient, both seen from the feet."""
    picture = Picture(760, 400, "The patient frame, prone and supine: left, posterior, superior")
    for x, up, name, position in ((200.0, 1, "prone", "HFP"), (560.0, -1, "supine", "HFS")):
        center = (x, 190.0)
        picture.text(
            (x, 40), f"{name} ({position}), seen from the feet", INK, 16, text_anchor="middle"
        )
        picture.ellipse(center, (128, 84), fill=GREEN_FILL, stroke=GREEN, stroke_width="1.8")
        draw_vertebra(picture, (x, center[1] - up * 22), 0.72, up)
        picture.rectangle((x - 150, center[1] + 88), (300, 9), fill=FAINT, rx="4")
        picture.text((x, center[1] + 116), "table", MUTED, 13, text_anchor="middle")
        chest = center[1] + up * 64
        picture.text((x, chest + 5), "chest", GREEN, 13, text_anchor="middle")
        origin = (x - up * 92.0, center[1] + up * 6)
        tip_left = (origin[0] - up * 72, origin[1])
        tip_back = (origin[0], origin[1] - up * 112)
        picture.arrow(origin, tip_left, BLUE)
        picture.arrow(origin, tip_back, BLUE)
        picture.into_page(origin, BLUE)
        anchor = "end" if up > 0 else "start"
        picture.text(
            (tip_left[0] + up * 20, tip_left[1] + 24), "+x left", BLUE, 14, text_anchor=anchor
        )
        picture.text(
            (tip_back[0] - up * 10, tip_back[1] + (6 if up > 0 else 4)),
            "+y back",
            BLUE,
            14,
            text_anchor=anchor,
        )
        depth_anchor = "start" if up > 0 else "end"
        depth = (origin[0] + up * 14, origin[1] + 20)
        picture.text(depth, "+z", BLUE, 14, text_anchor=depth_anchor)
    picture.caption(
        (380, 350),
        "+z, superior, points away from the reader. Prone, the patient's left is your left.",
        INK,
    )
    picture.caption(
        (380, 374),
        "Sides are the patient's; the frame turns with the patient, never with the image.",
    )
    return picture


def draw_detector(
    picture: Picture, iso: Point, primary_deg: float, glyph: str, *, is_real: bool
) -> None:
    """Draw a detector facing the isocentre, with an F as its image shows it."""
    center = around(iso, 176, primary_deg)
    turn = math.degrees(math.atan2(center[1] - iso[1], center[0] - iso[0])) + 90
    x, y = center
    dashes = {} if is_real else {"stroke_dasharray": "5 4"}
    fill = BLUE_FILL if is_real else PAPER
    picture.plate(center, (96, 30), turn, fill=fill, stroke=BLUE, **dashes)
    mirror = -1 if glyph == "mirrored" else 1
    picture.add(
        f'<g transform="translate({x:.1f} {y:.1f}) scale({mirror} 1)"><text y="7" fill="{BLUE}" '
        'font-size="20" font-weight="bold" text-anchor="middle">F</text></g>'
    )


def draw_primary_angle() -> Picture:
    """Draw the primary angle about a prone patient seen from the feet, at its true size."""
    picture = Picture(820, 520, "The primary angle about a prone patient, seen from the feet")
    iso, ring = (280.0, 262.0), 128.0
    picture.text(
        (iso[0], 30),
        "primary angle, prone patient seen from the feet",
        INK,
        16,
        text_anchor="middle",
    )
    picture.ellipse(iso, (96, 62), fill=GREEN_FILL, stroke=GREEN, stroke_width="1.8")
    draw_vertebra(picture, (iso[0], iso[1] - 4), 0.5, 1)
    picture.text((iso[0], iso[1] + 52), "chest", GREEN, 12, text_anchor="middle")
    picture.ellipse(iso, (ring, ring), fill="none", stroke=FAINT, stroke_width="1.4")
    for degrees in range(-180, 180, 15):
        inner = ring - (10 if degrees % 90 == 0 else 5)
        picture.line(around(iso, inner, degrees), around(iso, ring, degrees), MUTED, 1.3)
    labels = ((0, "0°"), (90, "+90°"), (180, "±180°"), (-90, "−90°"))
    sides = {90: "patient's left", -90: "patient's right"}
    for degrees, words in labels:
        x, y = around(iso, ring + 24, degrees)
        anchor = {90: "end", -90: "start"}.get(degrees, "middle")
        x += {90: 14, -90: -14}.get(degrees, 0)
        picture.text((x, y + 5), words, MUTED, 14, text_anchor=anchor)
        if degrees in sides:
            picture.text((x, y + 24), sides[degrees], MUTED, 13, text_anchor=anchor)
    picture.line(around(iso, 176, -25), around(iso, 160, 155), AMBER, 1.8, stroke_dasharray="7 5")
    steps = [around(iso, ring, degrees) for degrees in (*range(0, 148, 3), 155)]
    picture.path(
        "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in steps[:-1]),
        fill="none",
        stroke=BLUE,
        stroke_width="2.4",
    )
    picture.arrow(steps[-2], steps[-1], BLUE, 2.4)
    draw_detector(picture, iso, 155, "plain", is_real=True)
    draw_detector(picture, iso, -25, "mirrored", is_real=False)
    draw_detector(picture, iso, -155, "plain", is_real=False)
    left_dog = ("detector above, 25° over the", "patient's left: the left “Scotty dog”")
    other_end = ("the same ray, the detector at its", "other end: the same image, mirrored")
    told_apart = ("An image cannot tell +155° from", "a mirrored −25°: both are reported.")
    picture.note((560, 96), BLUE, "+155°", *left_dog)
    picture.note((560, 184), AMBER, "−25°", *other_end)
    picture.note((560, 272), BLUE, "−155°", "the right “Scotty dog”")
    picture.note(
        (560, 342),
        INK,
        "the detector's place",
        "is about the patient, not in the room.",
        *told_apart,
    )
    picture.caption(
        (410, 504),
        "PositionerPrimaryAngle (0018,1510): + is LAO. Signs as in DICOM PS3.3 C.8.7.5.1.2.",
    )
    return picture


def draw_secondary_angle() -> Picture:
    """Draw the secondary angle about a prone patient seen from the right side."""
    picture = Picture(
        760, 380, "The secondary angle about a prone patient, seen from the patient's right"
    )
    iso = (380.0, 230.0)
    picture.text(
        (380, 24),
        "secondary angle, prone patient seen from the right side",
        INK,
        16,
        text_anchor="middle",
    )
    picture.path(
        "M130 246 C 200 214, 300 204, 400 204 C 480 204, 520 200, 560 212 L 586 222 "
        "C 586 222, 590 262, 560 262 L 130 266 Z",
        fill=GREEN_FILL,
        stroke=GREEN,
        stroke_width="1.8",
    )
    picture.ellipse((617, 236), (34, 27), fill=GREEN_FILL, stroke=GREEN, stroke_width="1.8")
    picture.text((617, 241), "head", GREEN, 13, text_anchor="middle")
    picture.text((150, 260), "feet", GREEN, 13)
    picture.rectangle((90, 268), (580, 9), fill=FAINT, rx="4")
    reach = 152.0
    for degrees, color, words in (
        (0, MUTED, "0°"),
        (25, BLUE, "+25° cranial"),
        (-25, AMBER, "−25° caudal"),
    ):
        angle = math.radians(degrees)
        tip = (iso[0] + reach * math.sin(angle), iso[1] - reach * math.cos(angle))
        foot = (iso[0] - 92 * math.sin(angle), iso[1] + 92 * math.cos(angle))
        picture.line(foot, tip, color, 1.6, stroke_dasharray="7 5")
        picture.dot(foot, color, 5)
        fill = BLUE_FILL if degrees > 0 else AMBER_FILL if degrees < 0 else PAPER
        picture.plate(tip, (60, 26), degrees, fill=fill, stroke=color)
        anchor = {0: "middle", 25: "start", -25: "end"}[degrees]
        dx, dy = {0: (0, -20), 25: (40, 20), -25: (-40, 20)}[degrees]
        picture.text(
            (tip[0] + dx, tip[1] + dy), words, color, 15, text_anchor=anchor, font_weight="bold"
        )
    picture.dot(iso, GREEN, 5)
    picture.text((iso[0] + 12, iso[1] + 22), "isocentre", GREEN, 13)
    picture.caption(
        (380, 362),
        "PositionerSecondaryAngle (0018,1511): + tilts the detector to the head, wherever it is.",
    )
    return picture


PICTURES: dict[str, Callable[[], Picture]] = {
    "pixel-frame.svg": draw_pixel_frame,
    "projection.svg": draw_projection,
    "voxel-frame.svg": draw_voxel_frame,
    "patient-frame.svg": draw_patient_frame,
    "primary-angle.svg": draw_primary_angle,
    "secondary-angle.svg": draw_secondary_angle,
}


def main(folder: Path) -> None:
    """Write every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (folder / name).write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
