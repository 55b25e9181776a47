"""Say how often the first flag rule is right on the phantom: `python tools/score_phantom.py`.

This is no evaluation: the phantom and the rule were made by the same people, and the frozen suites
come later. It keeps the table in `docs/contrast.md` honest and repeatable.
"""

import argparse
from collections import Counter

import numpy as np

from guidance.imaging import locate_valid_pixels
from guidance.records import (
    IntensityScale,
    PixelIntensityRelationship,
    PixelScale,
    RunContext,
    SpacingAt,
    SpreadFindings,
    SpreadPattern,
)
from guidance.simulation import PhantomSettings, SimulatedRun, simulate_run
from guidance.spread import Monitor

CONDITIONS = ((100.0, 0.4), (40.0, 0.8))
"""(detector dose in nGy a pulse, amplitude of breathing in mm): a quiet run and a poor one."""

TEN_BITS = IntensityScale(
    relationship=PixelIntensityRelationship.LIN, sign=1, sign_source="phantom", low=0, high=1023
)


def watch(run: SimulatedRun) -> SpreadFindings:
    """Return what the monitor says of a simulated run."""
    spacing = run.settings.spacing_iso_mm
    context = RunContext(
        rows=run.settings.rows,
        columns=run.settings.columns,
        intensity=TEN_BITS,
        scale=PixelScale(
            row_mm=spacing, column_mm=spacing, at=SpacingAt.ISOCENTER, source="phantom"
        ),
        pose=None,
        valid=locate_valid_pixels(run.frames[0], TEN_BITS),
    )
    monitor = Monitor(context)
    for frame, time_s in zip(run.frames, run.times_s, strict=True):
        monitor.push(frame, float(time_s))
    return monitor.findings()


def main() -> None:
    """Print a table: a row for each pattern and condition."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12, help="runs a row")
    parser.add_argument("--seed", type=int, default=100, help="seed of the first run")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    print("dose nGy | motion mm | pattern | flagged | none | indeterminate | median onset error")
    for dose, motion in CONDITIONS:
        for pattern in ("none", "perineural", "vascular", "mixed"):
            settings = PhantomSettings(
                pattern=SpreadPattern(pattern), detector_dose_ngy=dose, motion_mm=motion
            )
            verdicts: Counter[str] = Counter()
            errors: list[int] = []
            for seed in seeds:
                run = simulate_run(settings, seed)
                findings = watch(run)
                verdicts[findings.verdict.value] += 1
                if findings.onset_frame is not None and run.truth.onset_frame is not None:
                    errors.append(abs(findings.onset_frame - run.truth.onset_frame))
            onset = f"{np.median(errors):.0f} frames" if errors else "-"
            counts = " | ".join(
                str(verdicts[word]) for word in ("intravascular", "none", "indeterminate")
            )
            print(f"{dose:.0f} | {motion} | {pattern} | {counts} | {onset}", flush=True)


if __name__ == "__main__":
    main()
