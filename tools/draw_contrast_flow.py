"""Draw a contact sheet of simulated contrast: every pattern at several times, over the bones.

``python tools/draw_contrast_flow.py SHEET.png [SEED] [PATTERN ...]`` writes a picture of parallel
projections, front to back with a lateral beside it. It is for looking at, not for measuring: no
X-ray physics, no blur, no noise.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from painted_spine import (  # type: ignore[import-not-found]  # noqa: E402 - beside the tests
    paint_surroundings,
)

from guidance.records import SpreadPattern  # noqa: E402
from guidance.simulation._contrast_settings import (  # noqa: E402
    ContrastRanges,
    ContrastSettings,
    draw_contrast,
)
from guidance.simulation._course import NeedlePlacement, simulate_contrast  # noqa: E402
from guidance.simulation._course_record import ContrastCourse  # noqa: E402
from guidance.simulation._pool_layouts import find_joint_entry  # noqa: E402
from guidance.simulation._surroundings import Surroundings  # noqa: E402
from guidance.spine import Spine, SpineRanges, build_spine, draw_spine  # noqa: E402

PIXEL_MM = 0.35
HALF_MM = (50.0, 50.0, 60.0)
# What is seen of the box, about the tip: sideways, along the spine. Millimetres.
SHOWN_MM = (44.0, 56.0)
# At 60-70 keV iodine has about 5-7 cm²/g: exp(-0.006 per mg/cm²).
PER_MG_CM2 = 0.006
BONE_PER_MM = 0.030
LATER_S = (0.3, 1.0, 2.5, 5.0, 12.0)
Picture = NDArray[np.float32]


def flatten(points: NDArray[np.float64], view: str) -> NDArray[np.float64]:
    """Return (column, row) in millimetres: seen from the front, or from the patient's left."""
    column = points[:, 0] if view == "front" else points[:, 1]
    return np.stack((column, -points[:, 2]), axis=1)


def draw_bones(surroundings: Surroundings, view: str, tip: NDArray[np.float64]) -> Picture:
    """Return the thickness of bone about the tip. Millimetres."""
    grid = surroundings.grid
    bone = (surroundings.bone_distance_mm < 0).sum(axis=1 if view == "front" else 2)
    thick = np.asarray(bone[::-1], dtype=np.float32) * np.float32(grid.spacing_mm)
    x, y, z = grid.axes_mm
    across = x if view == "front" else y
    columns, rows = pixel_places(tip, view)
    map_x, map_y = np.meshgrid(
        (columns - across[0]) / grid.spacing_mm, (rows + z[-1]) / grid.spacing_mm
    )
    drawn = cv2.remap(thick, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(drawn, dtype=np.float32)


def pixel_places(
    tip: NDArray[np.float64], view: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where columns and rows of the picture lie. Millimetres."""
    middle = flatten(tip[None], view)[0]
    shift = 0.0 if view == "front" else -18.0
    columns = middle[0] + shift + np.arange(-SHOWN_MM[0], SHOWN_MM[0], PIXEL_MM)
    rows = middle[1] + np.arange(-SHOWN_MM[1] * 0.8, SHOWN_MM[1], PIXEL_MM)
    return columns, rows


def draw_iodine(course: ContrastCourse, frame: int, view: str, tip: NDArray[np.float64]) -> Picture:
    """Return iodine per area, each point shared among the four pixels about it. mg/cm²."""
    columns, rows = pixel_places(tip, view)
    picture = np.zeros((rows.size, columns.size), np.float32)
    per_cell = np.bincount(course.point_cell, minlength=course.in_vessel.size)
    mass = course.masses_mg[frame] / np.maximum(per_cell, 1)
    place = (
        flatten(course.points_lps_mm.astype(np.float64), view) - (columns[0], rows[0])
    ) / PIXEL_MM
    low = np.floor(place).astype(int)
    share = place - low
    for dx in range(2):
        for dy in range(2):
            at = low + np.array((dx, dy))
            inside = ((at >= 0) & (at < (columns.size, rows.size))).all(axis=1)
            weight = np.where(dx, share[:, 0], 1 - share[:, 0]) * np.where(
                dy, share[:, 1], 1 - share[:, 1]
            )
            np.add.at(
                picture,
                (at[inside, 1], at[inside, 0]),
                (weight * mass[course.point_cell])[inside],
            )
    return picture / np.float32(PIXEL_MM**2 / 100)


def draw_frame(
    course: ContrastCourse, frame: int, bones: Picture, view: str, tip: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return a grey picture, contrast and bone dark on bright, the tip's place marked."""
    iodine = draw_iodine(course, frame, view, tip)
    light = np.exp(-PER_MG_CM2 * iodine - BONE_PER_MM * bones)
    grey = np.clip(255 * light**0.8, 0, 255).astype(np.uint8)
    columns, rows = pixel_places(tip, view)
    at = ((flatten(tip[None], view)[0] - (columns[0], rows[0])) / PIXEL_MM).astype(int)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    cv2.circle(picture, (int(at[0]), int(at[1])), 2, (60, 60, 255), 1)
    return picture


def describe(settings: ContrastSettings, course: ContrastCourse) -> str:
    """Return one line about a row."""
    words = [str(settings.pattern), f"{course.injected_mg[-1]:.0f} mg"]
    words += [f"{i.volume_ml:.2f} mL/{i.duration_s:.1f} s" for i in settings.injections]
    if settings.pool:
        words.append(str(settings.pool.kind))
    if settings.vessel:
        v = settings.vessel
        words.append(
            f"{v.route} {v.entry_diameter_mm:.1f}/{v.trunk_diameter_mm:.1f} mm "
            f"{v.resting_velocity_mm_s:.0f} mm/s share {course.vessel_dose_fraction:.2f} "
            f"delay {v.delay_s:.1f} s"
        )
    return "  ".join(words)


def draw_row(
    spine: Spine, surroundings: Surroundings, pattern: SpreadPattern, seed: int
) -> NDArray[np.uint8]:
    """Return one run as a strip of pictures."""
    rng = np.random.default_rng(seed)
    settings = draw_contrast(rng, ContrastRanges(), pattern)
    side = "left" if seed % 2 else "right"
    tip = np.asarray(spine.landmarks[f"L4.{side}.groove_superior"])
    if pattern is SpreadPattern.INTRA_ARTICULAR:
        tip = find_joint_entry(surroundings, "L4", side)
    placement = NeedlePlacement(
        vertebra="L4",
        side=side,
        tips_lps_mm=np.stack((tip, tip + np.array((0.0, 3.0, -6.0)))),
        direction_lps=np.array((0.0, -1.0, 0.0)),
    )
    times = np.arange(0, 20, 0.1)
    course = simulate_contrast(settings, surroundings, placement, times, rng)
    begun = settings.injections[0].onset_s if settings.injections else 1.0
    frames = [int(np.searchsorted(times, begun + later)) for later in LATER_S]
    cells = []
    for view in ("front", "side"):
        bones = draw_bones(surroundings, view, tip)
        shown = frames if view == "front" else frames[2:3]
        cells += [draw_frame(course, frame, bones, view, tip) for frame in shown]
    strip = np.concatenate(cells, axis=1)
    words = describe(settings, course)
    cv2.putText(strip, words, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 90, 0), 1, cv2.LINE_AA)
    return strip


def main() -> None:
    """Write the sheet."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    names = sys.argv[3:] or [str(pattern) for pattern in SpreadPattern if pattern != "none"]
    spine = build_spine(draw_spine(np.random.default_rng(seed), SpineRanges()))
    surroundings = paint_surroundings(spine, "L4", HALF_MM, 0.8)
    rows = [
        draw_row(spine, surroundings, SpreadPattern(name), seed + row)
        for row, name in enumerate(names)
    ]
    cv2.imwrite(sys.argv[1], np.concatenate(rows))


if __name__ == "__main__":
    main()
