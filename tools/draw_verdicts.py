"""Draw hits, misses and false alarms beside their truth.

``python tools/draw_verdicts.py SHEET --judge DIR``; DIR is that of ``tools/score_monitor.py``.
Which runs are shown is fixed by rule, not by taste: of each kind evenly from the highest log
likelihood ratio to the lowest. Each run is made and watched again. A row shows the frame in which
the flag went up (of runs that were not flagged: the one with the greatest ratio), the greatest
change so far in multiples of the noise, what the monitor made of it, and what was there: contrast
dark, contrast in a vessel red.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.io import open_run
from guidance.pipeline import make_context
from guidance.simulation import (
    Patient,
    RunTruth,
    Suite,
    prepare_patient,
    read_suite,
    simulate_run,
    write_simulated,
)
from guidance.spread import Monitor, MonitorSettings, load_decision
from guidance.training import (
    ContrastLabels,
    RunMeasurements,
    greatest_threshold,
    read_measurements,
)

Colour = NDArray[np.uint8]
Floats = NDArray[np.float64]
SIDE_PX, CAPTION_PX = 256, 34
Z_SPAN = 12.0
CONTRAST_SPAN = 0.08
CYAN, RED, WHITE = (220, 200, 40), (60, 60, 230), (255, 255, 255)
KINDS = ("hit", "missed", "false alarm", "rightly silent")
SHOWN = {"hit": 6, "missed": 7, "false alarm": 4, "rightly silent": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A run to be shown, and why."""

    index: int
    kind: str
    ratio: float
    frame: int


def choose(runs: Sequence[RunMeasurements]) -> list[Chosen]:
    """Return the runs to be shown: of each kind evenly from the highest ratio to the lowest."""
    rule = MonitorSettings()
    threshold = load_decision().threshold(rule.alarms_per_min)
    found: dict[str, list[Chosen]] = {kind: [] for kind in KINDS}
    for run in runs:
        if not run.has_contrast.any() or (run.is_vascular and not run.is_visible):
            continue
        ratio = load_decision().ratios(run.values)
        shown = np.where(run.has_contrast, ratio, -np.inf)
        flagged = greatest_threshold(ratio, run.has_contrast, rule) >= threshold
        kind = {
            (True, True): "hit",
            (True, False): "missed",
            (False, True): "false alarm",
            (False, False): "rightly silent",
        }[run.is_vascular, bool(flagged)]
        at = int(np.argmax(shown >= threshold)) if flagged else int(shown.argmax())
        found[kind].append(
            Chosen(
                index=run.index,
                kind=kind,
                ratio=float(shown.max()),
                frame=int(run.frames[min(at + 1, run.frames.size - 1)]),
            )
        )
    chosen = []
    for kind in KINDS:
        ordered = sorted(found[kind], key=lambda one: -one.ratio)
        places = np.linspace(0, len(ordered) - 1, min(SHOWN[kind], len(ordered)))
        chosen += [ordered[place] for place in np.unique(places.astype(int)).tolist()]
    return chosen


def draw_run(chosen: Chosen, suite: Suite, patient: Patient) -> Colour:
    """Return the row of one run."""
    labels = ContrastLabels()
    run = simulate_run(suite.runs[chosen.index], patient, watch=labels)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.dcm"
        truth = write_simulated(run, path, file="")
        with open_run(path) as cine:
            monitor = Monitor(make_context(cine))
            timing = cine.header.timing
            for number, frame in enumerate(cine):
                monitor.push(frame, float(timing.times_s[number]) if timing else None)
                if number == chosen.frame:
                    break
    pulse = int(run.stored.pulses[chosen.frame])
    panels = [
        _gray(frame.astype(np.float64), *np.percentile(frame, (1, 99))),
        _change_panel(monitor),
        _reading_panel(monitor),
        _truth_panel(np.stack(labels.new[: pulse + 1]), np.stack(labels.vessel[: pulse + 1])),
    ]
    row = np.hstack([_fit(panel) for panel in panels])
    return np.vstack([_caption(chosen, truth, row.shape[1]), row])


def _change_panel(monitor: Monitor) -> Colour:
    return _gray(-monitor.history.greatest, -Z_SPAN, Z_SPAN / 2)


def _reading_panel(monitor: Monitor) -> Colour:
    panel = _change_panel(monitor)
    reading = monitor.reading
    if reading is None:
        return panel
    for image, colour in ((reading.contrast, CYAN), (reading.vessel_ever, RED)):
        mask = (image > 0.5).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(panel, contours, -1, colour, 1)
    return panel


def _truth_panel(new: NDArray[np.uint16], vessel: NDArray[np.uint16]) -> Colour:
    from guidance.training._labels import STEPS_PER_UNIT

    panel = _gray(-(new.max(axis=0) / STEPS_PER_UNIT), -CONTRAST_SPAN, 0.02)
    strength = np.clip(vessel.max(axis=0) / STEPS_PER_UNIT / (CONTRAST_SPAN / 2), 0, 1)[..., None]
    return np.asarray(panel * (1 - strength) + np.array(RED) * strength, np.uint8)


def _gray(image: Floats | NDArray[np.float32], low: float, high: float) -> Colour:
    steps = np.clip((image - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    return np.repeat(steps[..., None], 3, axis=2)


def _fit(panel: Colour) -> Colour:
    factor = SIDE_PX / max(panel.shape[:2])
    size = (round(panel.shape[1] * factor), round(panel.shape[0] * factor))
    small = cv2.resize(panel, size, interpolation=cv2.INTER_AREA)
    out = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    out[: small.shape[0], : small.shape[1]] = small
    return out


def _caption(chosen: Chosen, truth: RunTruth, width: int) -> Colour:
    dose = f", {truth.vessel_dose_fraction:.0%} in a vessel" if truth.is_vascular else ""
    lines = (
        f"run {chosen.index}: {truth.pattern}{dose} - {chosen.kind}, ln LR {chosen.ratio:.1f}",
        f"{truth.view}, {truth.frame_dose_ngy:.0f} nGy a frame, frame {chosen.frame} "
        f"of {truth.n_frames}",
    )
    out = np.full((CAPTION_PX, width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        place = (4, 13 + 15 * number)
        cv2.putText(out, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    return out


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--suite", default="evaluation")
    given = parser.parse_args()
    suite = read_suite(given.suite)
    folder = given.judge / "measurements" / given.suite
    runs = [read_measurements(path) for path in sorted(folder.glob("*.npz"))]
    chosen = choose([run for run in runs if run.frames.size])
    rows: dict[int, Colour] = {}
    for name in sorted({suite.runs[one.index].anatomy for one in chosen}):
        patient = prepare_patient(name, suite.patients[name])
        for one in chosen:
            if suite.runs[one.index].anatomy == name:
                rows[one.index] = draw_run(one, suite, patient)
    ordered = [rows[one.index] for one in chosen]
    half = (len(ordered) + 1) // 2
    if len(ordered) % 2:
        ordered.append(np.full_like(ordered[0], 255))
    gap = np.full((half * ordered[0].shape[0], 12, 3), 255, np.uint8)
    sheet = np.hstack([np.vstack(ordered[:half]), gap, np.vstack(ordered[half:])])
    cv2.imwrite(str(given.sheet), sheet, [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(given.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
