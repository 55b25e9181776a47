"""Makes the bundled samples: ``python -m guidance.simulation.samples --out sample_dicoms``.

Four runs that differ in what the contrast does, and in how the file holds it, with their truth in
`truth.json`. The same seed and versions of the libraries give the same bytes.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from guidance.io import RunAttributes, TransferSyntax, write_atomically, write_run
from guidance.records import SpreadPattern
from guidance.simulation._lumbar import PATIENT_ORIENTATION, PRIMARY_ANGLE_DEG
from guidance.simulation._phantom import simulate_run
from guidance.simulation._records import (
    SID_MM,
    SOD_MM,
    PhantomSettings,
    RunTruth,
    SimulatedRun,
)

SEED = 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One bundled run.

    Attributes
    ----------
    name : str
        Of the file, without its ending.
    seed_offset : int
        Added to the common seed.
    transfer_syntax : TransferSyntax
        How the file holds the pixels.
    settings : PhantomSettings
        What is simulated.
    """

    name: str
    seed_offset: int
    transfer_syntax: TransferSyntax
    settings: PhantomSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTruth:
    """The whole of `truth.json`.

    Attributes
    ----------
    schema : str
        ``"guidance.truth/1"``.
    about : str
        What the files are, in words.
    seed : int
        That all of them were made from.
    made_with : dict
        Versions of the libraries that the pixels depend on.
    runs : dict
        Truth by name of the file.
    """

    schema: str
    about: str
    seed: int
    made_with: dict[str, str]
    runs: dict[str, RunTruth]


SAMPLES = (
    Sample(
        name="perineural",
        seed_offset=0,
        transfer_syntax=TransferSyntax.JPEG_LS_LOSSLESS,
        settings=PhantomSettings(
            pattern=SpreadPattern.PERINEURAL, rows=320, columns=320, frames=64, bits_stored=8
        ),
    ),
    Sample(
        name="intravascular",
        seed_offset=7,
        transfer_syntax=TransferSyntax.JPEG_LOSSLESS_SV1,
        settings=PhantomSettings(
            pattern=SpreadPattern.VASCULAR,
            rows=320,
            columns=320,
            frames=60,
            vessel_diameter_mm=1.6,
        ),
    ),
    Sample(
        name="mixed",
        seed_offset=6,
        transfer_syntax=TransferSyntax.RLE_LOSSLESS,
        settings=PhantomSettings(
            pattern=SpreadPattern.MIXED,
            rows=288,
            columns=288,
            frames=56,
            uneven_timing=True,
            vessel_dose_fraction=0.35,
            vessel_diameter_mm=1.4,
            collimator_mm=(11.0, 11.0, 8.0, 14.0),
        ),
    ),
    Sample(
        name="none",
        seed_offset=3,
        transfer_syntax=TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN,
        settings=PhantomSettings(
            pattern=SpreadPattern.NONE,
            rows=256,
            columns=256,
            frames=48,
            bits_stored=8,
            motion_mm=0.6,
            marker="L",
        ),
    ),
)


def simulate_sample(sample: Sample) -> SimulatedRun:
    """Return the run that a sample holds."""
    return simulate_run(sample.settings, SEED + sample.seed_offset)


def attributes_of(sample: Sample, run: SimulatedRun) -> RunAttributes:
    """Return what the header of a sample says."""
    settings = sample.settings
    last = run.frames[-1]
    low, high = np.percentile(last[last > 0], [1, 99])
    side_mm = settings.imager_pixel_spacing_mm
    has_contrast = settings.pattern is not SpreadPattern.NONE
    return RunAttributes(
        times_s=run.times_s,
        bits_stored=settings.bits_stored,
        imager_pixel_spacing_mm=(side_mm, side_mm),
        sid_mm=SID_MM,
        sod_mm=SOD_MM,
        primary_angle_deg=PRIMARY_ANGLE_DEG,
        secondary_angle_deg=0.0,
        patient_position="HFP",
        patient_orientation=PATIENT_ORIENTATION,
        kvp=80.0,
        transfer_syntax=sample.transfer_syntax,
        # Neutral: the answer stands in truth.json, not in the header.
        series_description="SIMULATED medial branch block, left oblique",
        image_comments="SIMULATED by the phantom of mbb-guidance; shows no patient. Apache-2.0.",
        contrast_agent="SIMULATED iodinated contrast" if has_contrast else "",
        contrast_concentration_mg_per_ml=settings.concentration_mg_per_ml if has_contrast else None,
        collimator=settings.collimator,
        window=(float(round((low + high) / 2)), float(round(high - low))),
    )


def write_samples(folder: Path) -> SampleTruth:
    """Write the samples and `truth.json` to `folder`, and return the truth."""
    runs = {}
    for sample in SAMPLES:
        run = simulate_sample(sample)
        name = f"{sample.name}.dcm"
        write_run(folder / name, run.frames, attributes_of(sample, run))
        runs[name] = run.truth
    truth = SampleTruth(
        schema="guidance.truth/1",
        about="Simulated runs of a lumbar phantom; the keys are explained in README.md beside this",
        seed=SEED,
        made_with={"numpy": np.__version__, "opencv": cv2.__version__},
        runs=runs,
    )
    text = msgspec.json.format(msgspec.json.encode(truth), indent=1)
    write_atomically(folder / "truth.json", text + b"\n")
    return truth


def main() -> None:
    """Write the samples where the command line says."""
    parser = argparse.ArgumentParser(description="Write the simulated sample runs.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    folder = parser.parse_args().out
    for name, truth in write_samples(folder).runs.items():
        print(f"{name}: {truth.pattern}, {(folder / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
