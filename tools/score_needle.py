"""Score the needle finder on a folder of simulated runs against their truth.

``python tools/score_needle.py FOLDER`` takes every NNNNN.dcm with NNNNN.json (a `RunTruth`) beside
it and follows needles through the run's first frames. It prints, for needles seen from the side and
end-on and for each view of the spine: in how many runs the injecting needle was found (a tip within
`FOUND_MM` of the true one at the last frame looked at), the error of its tip over all frames in
millimetres at the isocentre, and how often what was found is no needle. ``--without`` hides all
about every needle first and counts the runs in which one is found all the same.

``--part odd`` takes runs of odd number only: thresholds were tuned on the even ones.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.io import open_run
from guidance.needle import NeedleFollower, choose_injecting
from guidance.pipeline import make_context
from guidance.records import Cine, NeedleSighting, RunContext

FOUND_MM = 5.0
"""Beyond this a tip belongs to something else; what lies within counts with its whole error."""

CIRCLE_MM = 20.0
WEDGE_DEG = 30.0
LONGEST_MM = 200.0
"""What is hidden about a needle: a circle about its tip, and a wedge back from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one run went; errors in millimetres."""

    name: str
    view: str
    is_end_on: bool
    is_found: bool
    errors_mm: tuple[float, ...]
    chosen_mm: float | None
    false: int
    first_frame: int | None


def read_truth(path: Path) -> dict[str, Any]:
    """Return a run's truth as plain data."""
    truth: dict[str, Any] = json.loads(path.read_text())
    return truth


def find_pairs(folder: Path, part: str) -> Iterator[tuple[Path, Path]]:
    """Yield each run and its truth, in order of their numbers."""
    for truth in sorted(folder.glob("*.json")):
        run = truth.with_suffix(".dcm")
        if not run.exists() or not truth.stem.isdigit():
            continue
        if part == "all" or (int(truth.stem) % 2 == 1) == (part == "odd"):
            yield run, truth


def all_tips(truth: dict[str, Any], frame: int) -> list[tuple[float, float]]:
    """Return the tips of all needles in a frame; the others' as they were in the first."""
    tips = [truth["tip_px"][frame], *(each["tip_px"] for each in truth["other_needles"])]
    return [(tip[0], tip[1]) for tip in tips if tip is not None]


def score_run(cine: Cine, truth: dict[str, Any], name: str, most: int) -> Score:
    """Follow the needles of one run and hold them against its truth."""
    mm = float(truth["spacing_iso_mm"])
    follower = NeedleFollower(make_context(cine))
    errors: list[float] = []
    first: int | None = None
    seen: tuple[NeedleSighting, ...] = ()
    last = min(len(cine), most) - 1
    for number in range(last + 1):
        seen = follower.push(cine[number])
        if number == last and not seen:
            seen = follower.conclude()
        first = number if seen and first is None else first
        tip = truth["tip_px"][number]
        if seen and tip is not None:
            errors.append(min(math.dist(each.tip_px, tip) for each in seen) * mm)
    tips = all_tips(truth, last)
    chosen = choose_injecting(seen, None)
    true_tip = truth["tip_px"][last]
    far = [each for each in seen if all(math.dist(each.tip_px, t) * mm > 10 for t in tips)]
    return Score(
        name=name,
        view=str(truth["view"]),
        is_end_on="needle_end_on" in truth["variants"],
        is_found=bool(errors) and errors[-1] < FOUND_MM,
        errors_mm=tuple(errors),
        chosen_mm=math.dist(chosen.tip_px, true_tip) * mm if chosen and true_tip else None,
        false=len(far),
        first_frame=first,
    )


def hide_needles(context: RunContext, truth: dict[str, Any]) -> RunContext:
    """Return a context in which every needle lies in what counts as not showing the patient.

    The truth tells the direction of the last part, which may be bent from the shaft's.
    """
    mm = float(truth["spacing_iso_mm"])
    hidden = np.zeros((context.rows, context.columns), np.uint8)
    for needle in (truth["needle"], *truth["other_needles"]):
        if needle["tip_px"] is None:
            continue
        tip = np.array(needle["tip_px"])
        cv2.circle(hidden, _whole(tip), round(CIRCLE_MM / mm), 1, thickness=-1)
        if needle["direction_px"] is not None:
            back = math.atan2(*needle["direction_px"]) + math.pi
            turns = back + np.deg2rad(np.linspace(-WEDGE_DEG, WEDGE_DEG, 9))
            rim = tip + LONGEST_MM / mm * np.stack((np.sin(turns), np.cos(turns)), axis=1)
            corners = np.array([_whole(corner) for corner in (tip, *rim)])
            cv2.fillPoly(hidden, [corners], 1)
    return replace(context, valid=context.valid & (hidden == 0))


def _whole(position_px: NDArray[np.float64]) -> tuple[int, int]:
    """Return (row, column) as OpenCV's (x, y), in whole pixels."""
    return round(float(position_px[1])), round(float(position_px[0]))


def count_without(cine: Cine, truth: dict[str, Any], most: int) -> int:
    """Return how many needles are found in a run whose needles are hidden."""
    follower = NeedleFollower(hide_needles(make_context(cine), truth))
    seen: tuple[NeedleSighting, ...] = ()
    for number in range(min(len(cine), most)):
        seen = follower.push(cine[number])
    return len(seen or follower.conclude())


def describe(name: str, scores: list[Score]) -> str:
    """Return one line of the table."""
    errors = np.array([e for score in scores for e in score.errors_mm if score.is_found])
    medians = [float(np.median(score.errors_mm)) for score in scores if score.is_found]
    found = sum(score.is_found for score in scores)
    false = sum(score.false > 0 for score in scores)
    if not medians:
        return f"{name:>16} {len(scores):5d} {found:5d}"
    low, high = np.percentile(errors, (50, 95))
    within = float(np.mean(errors <= 2.5))
    return (
        f"{name:>16} {len(scores):5d} {found / len(scores):7.3f} {low:7.2f} {high:7.2f} "
        f"{np.percentile(medians, 95):9.2f} {within:8.3f} {false / len(scores):7.3f}"
    )


def print_table(scores: list[Score]) -> None:
    """Print the table of all runs and of each kind."""
    print(f"{'':>16} {'runs':>5} {'found':>7} {'median':>7} {'95 %':>7} {'runs 95 %':>9} "
          f"{'≤2.5 mm':>8} {'false':>7}")  # fmt: skip
    groups = {
        "all": scores,
        "side-on": [s for s in scores if not s.is_end_on],
        "end-on": [s for s in scores if s.is_end_on],
        **{v: [s for s in scores if s.view == v] for v in sorted({s.view for s in scores})},
    }
    for name, group in groups.items():
        if group:
            print(describe(name, group))


def all_can_be_hidden(truth: dict[str, Any]) -> bool:
    """Return whether the place of every needle is known: one with its tip outside is not."""
    needles = (truth["needle"], *truth["other_needles"])
    return all(each["tip_px"] is not None for each in needles)


def main() -> None:
    """Score a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=("all", "odd", "even"), default="all")
    parser.add_argument("--frames", type=int, default=60, help="frames of each run; default 60")
    parser.add_argument("--every", type=int, default=1, help="take every nth run only")
    parser.add_argument("--without", action="store_true", help="hide the needles first")
    parser.add_argument("--list", action="store_true", help="print a line for each run too")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    pairs = list(find_pairs(given.folder, given.part))[:: given.every]
    if not pairs:
        sys.exit(f"no runs with truth in {given.folder}; give a folder of NNNNN.dcm and NNNNN.json")
    scores: list[Score] = []
    counts: list[int] = []
    for run, path in pairs:
        truth = read_truth(path)
        with open_run(run) as cine:
            if given.without:
                if all_can_be_hidden(truth):
                    counts.append(count_without(cine, truth, given.frames))
                    if given.list:
                        print(path.stem, counts[-1], flush=True)
                continue
            score = score_run(cine, truth, path.stem, given.frames)
        scores.append(score)
        if given.list:
            middle = float(np.median(score.errors_mm)) if score.errors_mm else math.nan
            last = score.errors_mm[-1] if score.errors_mm else math.nan
            chosen = math.nan if score.chosen_mm is None else score.chosen_mm
            print(
                f"{score.name} {score.view:>15} {'end-on' if score.is_end_on else '':>6} "
                f"first {score.first_frame} median {middle:.2f} last {last:.2f} "
                f"chosen {chosen:.2f} false {score.false}",
                flush=True,
            )
    if given.without:
        print(f"{sum(c > 0 for c in counts)} of {len(counts)} runs without a needle show one")
    else:
        print_table(scores)


if __name__ == "__main__":
    main()
