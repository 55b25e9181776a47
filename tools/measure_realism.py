"""Measure what makes a radiograph look real: simulated beside real, as numbers and curves.

``python tools/measure_realism.py SIMULATED REAL --out docs/pictures/realism.svg``

An image is a DICOM file (its middle frame), or an .npz holding ``image`` (R, C). With
``--spine-simulated`` and ``--spine-real`` one says where one vertebral body lies: first and last
row, and the columns of its left and right edge at the waist. The body's width, about 45 mm at the
patient (L3: Zhou et al., Eur Spine J 9:242, 2000), gives both images one scale where headers have
none. Values are taken as stored; the logarithm is that of the value. No part of an image is drawn.
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pydicom
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Image = NDArray[np.float32]
Box = tuple[int, int, int, int]

BODY_WIDTH_MM = 45.0
# The waist of a lumbar body in still/lumbar_ap_rf_1024.dcm, clear of catheter and gas.
REAL_SPINE: Box = (500, 590, 544, 783)
PATCH = 64
PATCHES = 24
SCALES_MM = (0.4, 0.8, 1.6, 3.2, 6.4)
BINS = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measures:
    """What is measured on one image; lengths at the patient.

    Attributes
    ----------
    frequency_per_mm, power_mm2 : (N,) float64 arrays
        Noise power spectrum of the flattest patches, relative to their mean squared.
    levels, share : (BINS,) float64 arrays
        Histogram of the field's values; 1 is its 99.5th percentile.
    contrast : (S,) float64 array
        Robust spread of the logarithm between one scale and the next, in the spine. Nepers.
    gradient : (Q,) float64 array
        Percentiles of the gradient of the logarithm in the field. Nepers per mm.
    noise : float
        Spread of a pixel in the flattest patches, relative to its value.
    bone : tuple of float
        How much darker the body's left and right edge are than what lies beside. Nepers.
    """

    frequency_per_mm: FloatArray
    power_mm2: FloatArray
    levels: FloatArray
    share: FloatArray
    contrast: FloatArray
    gradient: FloatArray
    noise: float
    bone: tuple[float, float]


PERCENTILES = np.array([10, 25, 50, 75, 90, 95, 99])


def read_image(path: Path) -> Image:
    """Return the middle frame of a file; greater values are more X-rays."""
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return np.asarray(stored["image"], np.float32)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    frame = pixels[len(pixels) // 2] if pixels.ndim == 3 else pixels
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        frame = (1 << int(dataset.BitsStored)) - 1 - frame
    return np.asarray(frame, np.float32)


def field_of(image: Image) -> NDArray[np.bool_]:
    """Return where the image shows the patient: neither black border nor clipped."""
    top = np.percentile(image[image > 0], 99.9)
    lit = (image > 0.02 * top) & (image < 0.98 * top)
    kernel = np.ones((9, 9), np.uint8)
    closed = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return np.asarray(cv2.erode(closed, np.ones((15, 15), np.uint8)) > 0)


def flattest_patches(image: Image, field: NDArray[np.bool_]) -> list[FloatArray]:
    """Return detrended patches with the least structure, relative to their mean."""
    y, x = np.mgrid[-1 : 1 : PATCH * 1j, -1 : 1 : PATCH * 1j]
    basis = np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=-1)
    solve = np.linalg.pinv(basis.reshape(-1, basis.shape[-1]))
    found: list[tuple[float, FloatArray]] = []
    step = PATCH // 2
    # Towards the bright end tone curves flatten, and noise with them.
    brightest = np.percentile(image[field], 80)
    for r in range(0, image.shape[0] - PATCH + 1, step):
        for c in range(0, image.shape[1] - PATCH + 1, step):
            window = (slice(r, r + PATCH), slice(c, c + PATCH))
            if not field[window].all():
                continue
            patch = image[window].astype(np.float64)
            if patch.mean() > brightest:
                continue
            relative = patch / patch.mean()
            rest = relative - basis @ (solve @ relative.ravel())
            # Structure is what is left at low frequencies; noise must not decide.
            low = cv2.GaussianBlur(rest, (0, 0), 4)
            found.append((float(low.std()), rest))
    if not found:
        raise SystemExit("no patch of 64 pixels lies in the field; give a larger image")
    found.sort(key=lambda item: item[0])
    return [rest for _, rest in found[:PATCHES]]


def noise_spectrum(patches: list[FloatArray], mm: float) -> tuple[FloatArray, FloatArray]:
    """Return frequencies per mm and the radial mean of the power, mm²."""
    window = np.outer(np.hanning(PATCH), np.hanning(PATCH))
    scale = mm**2 / (window**2).sum()
    power = np.mean([np.abs(np.fft.fft2(patch * window)) ** 2 for patch in patches], axis=0) * scale
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(PATCH), np.fft.fftfreq(PATCH)))
    index = np.round(radius * PATCH).astype(int).ravel()
    counts = np.bincount(index)
    radial = np.bincount(index, power.ravel()) / counts
    # Two cycles a patch were detrended away; beyond Nyquist lie only the corners.
    chosen = slice(3, PATCH // 2)
    return np.arange(len(counts))[chosen] / PATCH / mm, radial[chosen]


def spread_by_scale(log: Image, box: Box, mm: float) -> FloatArray:
    """Return the robust spread of the bands between scales, in the box."""
    top, bottom, left, right = box
    inside = (slice(top, bottom), slice(left, right))
    smooth = [cv2.GaussianBlur(log, (0, 0), s / mm) for s in (*SCALES_MM, 2 * SCALES_MM[-1])]
    bands = [(fine - coarse)[inside] for fine, coarse in pairwise(smooth)]
    # A catheter in the box must not decide: the median deviation, as a normal's sigma.
    spreads = [1.4826 * np.median(np.abs(band - np.median(band))) for band in bands]
    return np.asarray(spreads, np.float64)


def bone_contrast(log: Image, box: Box) -> tuple[float, float]:
    """Return how much darker a body's left and right edge are than what lies beside."""
    top, bottom, left, right = box
    width = max(3, round(0.12 * (right - left)))
    gap = max(1, width // 5)
    rows = log[top:bottom]

    def mean(first: int) -> FloatArray:
        return np.asarray(rows[:, first : first + width].mean(axis=1), np.float64)

    at_left = mean(left - gap - width) - mean(left + gap)
    at_right = mean(right + gap) - mean(right - gap - width)
    return float(np.median(at_left)), float(np.median(at_right))


def measure(image: Image, box: Box) -> Measures:
    """Return the measures of an image, given where one vertebral body lies."""
    mm = BODY_WIDTH_MM / (box[3] - box[2])
    field = field_of(image)
    log = np.log(np.maximum(image, 0.5)).astype(np.float32)
    patches = flattest_patches(image, field)
    frequency, power = noise_spectrum(patches, mm)
    share, edges = np.histogram(image[field] / np.percentile(image[field], 99.5), BINS, (0, 1.05))
    smooth = cv2.GaussianBlur(log, (0, 0), max(0.5 / mm, 0.5))
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order) / 8 / mm for order in ((1, 0), (0, 1)))
    return Measures(
        frequency_per_mm=frequency,
        power_mm2=power,
        levels=(edges[1:] + edges[:-1]) / 2,
        share=share / share.sum(),
        contrast=spread_by_scale(log, box, mm),
        gradient=np.percentile(np.hypot(across, down)[field], PERCENTILES),
        noise=float(np.mean([patch.std() for patch in patches])),
        bone=bone_contrast(log, box),
    )


def table_of(simulated: Measures, real: Measures) -> str:
    """Return the figures of both images as a table in Markdown."""
    rows: list[tuple[str, float, float]] = [
        ("pixel noise in the flattest patches, %", 100 * simulated.noise, 100 * real.noise)
    ]
    for f in (0.5, 1.0, 1.5):
        powers = [
            float(np.interp(f, m.frequency_per_mm, m.power_mm2 * 1e6, right=np.nan))
            for m in (simulated, real)
        ]
        rows.append((f"noise power at {f:g} per mm, 1e-6 mm²", powers[0], powers[1]))
    rows += [
        (f"body's {side} edge, nepers", simulated.bone[k], real.bone[k])
        for k, side in enumerate(("left", "right"))
    ]
    for k, a in enumerate(SCALES_MM):
        name = f"spread in the spine, {a:g} to {2 * a:g} mm, nepers"
        rows.append((name, float(simulated.contrast[k]), float(real.contrast[k])))
    for k in (2, 4, 6):
        name = f"gradient, {PERCENTILES[k]}th percentile, nepers per mm"
        rows.append((name, float(simulated.gradient[k]), float(real.gradient[k])))
    for p in (5, 50, 95):
        levels = [
            float(np.interp(p / 100, np.cumsum(m.share), m.levels)) for m in (simulated, real)
        ]
        rows.append((f"grey value, {p}th percentile of the field", levels[0], levels[1]))
    lines = ["| measure | simulated | real |", "|---|---|---|"]
    lines += [f"| {name} | {a:.3g} | {b:.3g} |" for name, a, b in rows]
    return "\n".join(lines)


def draw(simulated: Measures, real: Measures, path: Path) -> None:
    """Write the curves of both images; the same measures give the same bytes."""
    mpl.rcParams["svg.hashsalt"] = "realism"
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    noise, grey, scale, edge = figure.subplots(2, 2).ravel()
    for measures, name, colour in ((simulated, "simulated", "#b45309"), (real, "real", "#1d4ed8")):
        noise.loglog(measures.frequency_per_mm, measures.power_mm2, color=colour, label=name)
        grey.plot(measures.levels, measures.share, color=colour, drawstyle="steps-mid")
        scale.loglog(SCALES_MM, measures.contrast, "o-", color=colour)
        edge.semilogy(PERCENTILES, measures.gradient, "o-", color=colour)
    for axes, title, x, y in (
        (noise, "Noise power spectrum, flattest patches", "per mm at the patient", "mm², relative"),
        (grey, "Grey values of the field", "share of the 99.5th percentile", "share of pixels"),
        (scale, "Local contrast in the spine", "scale, mm", "nepers"),
        (edge, "Gradients in the field", "percentile", "nepers per mm"),
    ):
        axes.set(title=title, xlabel=x, ylabel=y)
        axes.grid(alpha=0.3)
    for axes, ticks in ((noise, (0.2, 0.5, 1, 2)), (scale, SCALES_MM)):
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    for axes in (noise, scale, edge):
        axes.yaxis.set_minor_formatter(NullFormatter())
    noise.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})


def box_of(text: str) -> Box:
    """Return ``top,bottom,left,right`` as numbers."""
    numbers = [int(part) for part in text.split(",")]
    if len(numbers) != 4 or not (numbers[0] < numbers[1] and numbers[2] < numbers[3]):
        raise argparse.ArgumentTypeError(f"{text} is not top,bottom,left,right in pixels")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def main() -> None:
    """Print the table, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("simulated", type=Path, help="DICOM or .npz, an anteroposterior view")
    parser.add_argument("real", type=Path, help="still/lumbar_ap_rf_1024.dcm of the shared data")
    parser.add_argument("--spine-simulated", type=box_of, help="top,bottom,left,right of a body")
    parser.add_argument("--spine-real", type=box_of, default=REAL_SPINE)
    parser.add_argument("--out", type=Path, help="SVG to write")
    options = parser.parse_args()
    simulated_image = read_image(options.simulated)
    box = options.spine_simulated
    if box is None:
        # A body of 45 mm in the middle of a field of about 160 mm at the patient.
        rows, columns = simulated_image.shape
        box = (
            *(round(f * rows) for f in (0.46, 0.54)),
            *(round(f * columns) for f in (0.36, 0.64)),
        )
        print(f"no --spine-simulated: taking {','.join(map(str, box))}\n")
    simulated = measure(simulated_image, box)
    real = measure(read_image(options.real), options.spine_real)
    print(table_of(simulated, real))
    if options.out:
        draw(simulated, real, options.out)


if __name__ == "__main__":
    main()
