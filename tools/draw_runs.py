"""Draw a contact sheet of simulated runs: a row for each run, a column for each of some frames.

``python tools/draw_runs.py sheet.jpg --pattern vascular mixed --seeds 1 2 3`` shows one patient.
Frames: the first, the last before the injection, half a second into it, its end, the one with most
new iodine, and the last. The last column is the logarithm of a later frame less that of the frames
before the injection, put on the bone by the known motion: new contrast is dark. It is for looking
at, not for measuring. Endings choose the format: .png, or .jpg for smaller files.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from guidance.anatomy import Side, Vertebra
from guidance.records import SpreadPattern
from guidance.simulation import (
    Patient,
    RunRanges,
    RunSettings,
    SimulatedRun,
    draw_run,
    prepare_patient,
    simulate_run,
)
from guidance.spine import AnatomyRanges, BodyRanges, draw_anatomy

Gray = NDArray[np.uint8]
VIEWS = {"ap": (1.0, 0.0, 0.0), "oblique": (0.0, 1.0, 0.0), "lateral": (0.0, 0.0, 1.0)}
CAPTION_PX = 16
# What the difference shows from black to white, in nepers.
DIFFERENCE_SPAN = 0.5
MEAN_OF = 4


def chosen_frames(run: SimulatedRun) -> dict[str, int]:
    """Return which frames are shown, by what they are."""
    times = run.stored.times_s
    last = len(times) - 1
    injections = run.settings.contrast.injections
    if not injections:
        places = np.linspace(0, last, 6).astype(int).tolist()
        return {f"{times[place]:.1f} s": place for place in places}
    begun, end = injections[0].onset_s, max(injection.end_s for injection in injections)
    before, soon, ended = np.clip(np.searchsorted(times, (begun, begun + 0.5, end)), 0, last)
    iodine = run.truth.iodine_in_image_mg[run.stored.pulses]
    return {
        "first": 0,
        "before": max(int(before) - 1, 0),
        "+0.5 s": int(soon),
        "end of injection": int(ended),
        "most iodine": int(iodine.argmax()),
        "last": last,
    }


def aligned_difference(run: SimulatedRun, later: int, before: int) -> Gray:
    """Return the logarithm of the frames from `later` on less that of those up to `before`."""
    shape = run.frames.shape[1:]
    least = 0.005 * run.settings.display.full_scale

    def mean_log(frames: list[int]) -> NDArray[np.float32]:
        logs = []
        for frame in frames:
            pulse = int(run.stored.pulses[frame])
            at, there = run.truth.bone_px[pulse], run.truth.bone_px[0]
            scale = run.truth.scale[pulse]
            shift = (at - scale * there)[::-1]
            matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
            log = np.log(np.maximum(run.frames[frame].astype(np.float32), least))
            logs.append(
                cv2.warpAffine(
                    log, matrix, shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                )
            )
        return np.asarray(np.mean(logs, axis=0), np.float32)

    late = list(range(later, min(later + MEAN_OF, len(run.frames))))
    early = list(range(max(before - MEAN_OF + 1, 0), before + 1))
    change = cv2.GaussianBlur(mean_log(late) - mean_log(early), (0, 0), shape[0] / 512)
    change -= np.median(change)
    return np.asarray(np.clip(128 + 255 * change / DIFFERENCE_SPAN, 0, 255), np.uint8)


def scaled(image: Gray, size: int) -> Gray:
    """Return the image at the size of the sheet's cells."""
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def caption(width: int, words: str) -> Gray:
    """Return a strip of words, white on black."""
    strip = np.zeros((CAPTION_PX, width), np.uint8)
    place = (3, CAPTION_PX - 4)
    cv2.putText(strip, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 255, 1, cv2.LINE_AA)
    return strip


def describe(run: SimulatedRun) -> str:
    """Return one line about a run."""
    settings, truth = run.settings, run.truth
    contrast, placed = settings.contrast, settings.needle
    words = [f"{contrast.pattern} {placed.vertebra} {placed.side} {settings.view.kind}"]
    words += [f"{i.volume_ml:.2f} mL in {i.duration_s:.1f} s" for i in contrast.injections]
    words.append(f"{contrast.iodine_mg_ml:.0f} mg/mL")
    if contrast.vessel is not None:
        share = run.course.vessel_dose_fraction
        words.append(f"{contrast.vessel.route} {contrast.vessel.entry_diameter_mm:.1f} mm")
        seen = run.stored.times_s[truth.vessel_visible[run.stored.pulses].argmax()]
        visible = f"seen {seen:.1f} s" if truth.vessel_visible.any() else "never seen"
        words.append(f"share {share:.2f} {visible}")
    if contrast.residue is not None:
        words.append(f"residue {contrast.residue.iodine_mg:.0f} mg")
    words.append(f"{settings.xray.dose_ngy:.0f} nGy {truth.kvp.mean():.0f} kV")
    words.append(f"{settings.recording.pulse_rate_hz:g}/s {settings.display.curve}")
    words.append(f"{settings.header.kind} {settings.view.matrix} px")
    return ", ".join(words)


def draw_row(run: SimulatedRun, size: int, *, has_difference: bool) -> Gray:
    """Return one run as a strip: captions over frames."""
    frames = chosen_frames(run)
    # As the file's window shows it: the same for all frames of a run.
    low, high = np.percentile(run.frames[len(run.frames) // 2], (0.5, 99.5))
    cells = []
    for name, frame in frames.items():
        grey = np.clip((run.frames[frame] - low) * (255 / max(high - low, 1)), 0, 255)
        words = f"{name}, {run.stored.times_s[frame]:.1f} s" if not name[0].isdigit() else name
        cells.append(np.vstack([caption(size, words), scaled(grey.astype(np.uint8), size)]))
    if has_difference:
        later, before = list(frames.values())[4], list(frames.values())[1]
        change = scaled(aligned_difference(run, later, before), size)
        cells.append(np.vstack([caption(size, "difference"), change]))
    strip = np.hstack(cells)
    return np.vstack([caption(strip.shape[1], describe(run)), strip])


def draw_settings(
    patient: Patient, pattern: SpreadPattern, seed: int, options: argparse.Namespace
) -> RunSettings:
    """Return the settings of one row; the views are taken in turn."""
    ranges = RunRanges()
    if options.view:
        view = options.view[options.seeds.index(seed) % len(options.view)]
        ranges = replace(ranges, view=replace(ranges.view, kind_shares=VIEWS[view]))
    if options.level:
        ranges = replace(ranges, vertebrae=(options.level,), vertebra_weights=(1.0,))
    if options.side:
        ranges = replace(ranges, sides=(options.side,))
    rng = np.random.default_rng([seed, list(SpreadPattern).index(pattern)])
    body = patient.anatomy.body.settings
    return draw_run(rng, ranges, pattern, anatomy=patient.name, body=body)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path, help="picture to write, .png or .jpg")
    patterns = list(SpreadPattern)
    parser.add_argument(
        "--pattern", type=SpreadPattern, nargs="+", choices=patterns, default=patterns
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--view", nargs="+", choices=sorted(VIEWS), help="in turn, one for a seed")
    parser.add_argument("--level", type=Vertebra, choices=list(Vertebra))
    parser.add_argument("--side", type=Side, choices=list(Side))
    parser.add_argument("--patient", type=int, default=0, help="seed of the patient")
    parser.add_argument("--size", type=int, default=260, help="pixels of a cell")
    parser.add_argument("--no-difference", action="store_true")
    options = parser.parse_args()
    anatomy = draw_anatomy(
        np.random.default_rng(options.patient), AnatomyRanges(body=BodyRanges(prone_share=1.0))
    )
    patient = prepare_patient(f"seed {options.patient}", anatomy)
    rows = []
    for pattern in options.pattern:
        for seed in options.seeds:
            run = simulate_run(draw_settings(patient, pattern, seed, options), patient)
            rows.append(draw_row(run, options.size, has_difference=not options.no_difference))
            print(describe(run), flush=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80] if options.sheet.suffix == ".jpg" else []
    cv2.imwrite(str(options.sheet), np.vstack(rows), quality)


if __name__ == "__main__":
    main()
