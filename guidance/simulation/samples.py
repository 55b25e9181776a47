"""Makes the bundled samples: ``python -m guidance.simulation.samples --out sample_dicoms``.

Five runs of one patient that differ in what the contrast does and in how the file holds it, a small
CT of him, and their truth in `truth.json`. The same versions of the libraries give the same bytes.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from guidance import __version__
from guidance.anatomy import Side, Vertebra
from guidance.io import (
    CtAttributes,
    StudyPlace,
    TransferSyntax,
    plan_study_uids,
    write_ct,
)
from guidance.records import SpreadPattern
from guidance.simulation._collimation import CollimationRanges
from guidance.simulation._contrast_settings import ContrastRanges
from guidance.simulation._display import DisplayRanges
from guidance.simulation._exposure import XRayRanges
from guidance.simulation._header_draw import HeaderRanges
from guidance.simulation._header_settings import HeaderKind, StatedPixels
from guidance.simulation._injection import InjectionRanges
from guidance.simulation._motion import MotionRanges
from guidance.simulation._needle import NeedleRanges
from guidance.simulation._output import library_versions, write_simulated
from guidance.simulation._patient import Patient, prepare_patient
from guidance.simulation._recording import RecordingRanges
from guidance.simulation._run_settings import RunRanges, RunSettings, draw_run
from guidance.simulation._simulate import simulate_run
from guidance.simulation._study import CtRequest
from guidance.simulation._truth import DETECTABILITY_RULE, SCHEMA, RunTruth, StudyTruth
from guidance.simulation._truth_file import write_truth
from guidance.simulation._vessel_settings import VesselRanges
from guidance.simulation._view_settings import ViewRanges
from guidance.spine import (
    AnatomyRanges,
    AnatomySettings,
    BodyRanges,
    SpineRanges,
    draw_anatomy,
    voxelize_hu,
)

SEED = 2026
MATRIX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One bundled run.

    Attributes
    ----------
    name : str
        Of the file, without its ending.
    pattern : SpreadPattern
        What it shows.
    seed_offset : int
        Added to the common seed.
    transfer_syntax : TransferSyntax
        How the file holds the pixels.
    bits : int
        Bits that the values fill.
    vessel_dose : (low, high) or None
        Share of the dose in the vessel.
    """

    name: str
    pattern: SpreadPattern
    seed_offset: int
    transfer_syntax: TransferSyntax
    bits: int = 10
    vessel_dose: tuple[float, float] = (0.35, 0.5)


SAMPLES = (
    Sample(
        name="perineural",
        pattern=SpreadPattern.PERINEURAL,
        seed_offset=0,
        transfer_syntax=TransferSyntax.JPEG_LS_LOSSLESS,
        bits=8,
    ),
    Sample(
        name="intravascular",
        pattern=SpreadPattern.VASCULAR,
        seed_offset=1,
        transfer_syntax=TransferSyntax.JPEG_LOSSLESS_SV1,
    ),
    Sample(
        name="mixed",
        pattern=SpreadPattern.MIXED,
        seed_offset=2,
        transfer_syntax=TransferSyntax.RLE_LOSSLESS,
        bits=8,
    ),
    Sample(
        name="epidural",
        pattern=SpreadPattern.EPIDURAL,
        seed_offset=3,
        transfer_syntax=TransferSyntax.JPEG_LS_LOSSLESS,
        bits=8,
    ),
    Sample(
        name="none",
        pattern=SpreadPattern.NONE,
        seed_offset=5,
        transfer_syntax=TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN,
        bits=8,
    ),
)
# A view that anybody can read: little noise and no mishap. The suites have all of that.
PLAIN = RunRanges(
    vertebrae=(Vertebra.L4,),
    vertebra_weights=(1.0,),
    sides=(Side.LEFT,),
    after_injection_s=(3.5, 4.5),
    quiet_s=(5.0, 5.5),
    marker_share=0.4,
    view=ViewRanges(
        kind_shares=(0.0, 1.0, 0.0),
        oblique_deg=(22.0, 30.0),
        tilt_deg=(-6.0, 6.0),
        detector_mm=(160.0,),
        matrices=(MATRIX,),
        off_centre=0.1,
        roll_deg=2.0,
    ),
    needle=NeedleRanges(tubing_share=0, others=(0, 0)),
    motion=MotionRanges(
        breath_bone_mm=(0.1, 0.3),
        breath_bowel_factor=(2.0, 3.0),
        peristalsis_mm_per_s=(0.0, 0.2),
        cough_share=0,
        pan_share=0,
        turn_share=0,
        zoom_share=0,
        jerk_share=0,
    ),
    contrast=ContrastRanges(
        injection=InjectionRanges(
            volume_ml=(0.3, 0.5),
            duration_s=(1.5, 2.5),
            onset_s=(2.0, 2.5),
            dilute_share=0,
            stop_and_go_share=0,
            second_share=0,
        ),
        vessel=VesselRanges(
            arterial_share=0,
            diameter_mm=(1.3, 2.0),
            washout_s=(3.0, 6.0),
            late_share=0,
            remote_share=0,
            end_on_share=0,
        ),
        residue_share=0,
    ),
    xray=XRayRanges(high_dose_share=0, dose_ngy=(60.0, 90.0), scatter_to_primary=(0.4, 0.8)),
    display=DisplayRanges(
        curve_shares=(1.0, 0.0, 0.0, 0.0),
        text_share=0,
        smoothing_share=0,
        recursive_weight=(0.0, 0.3),
    ),
    recording=RecordingRanges(pulse_rates_hz=(7.5,), weights=(1,), recorder_share=0),
    header=HeaderRanges(kinds=((HeaderKind.COMPLETE, 1.0),)),
    collimation=CollimationRanges(blades_share=0.6, reach=(0.02, 0.08), iris_share=0, move_share=0),
)
# The CT's box: the lumbar spine with its surroundings, at 2 mm.
CT = CtRequest(
    low_lps_mm=(-84.0, -76.0, -104.0),
    high_lps_mm=(84.0, 90.0, 124.0),
    spacing_mm=2.0,
    compressed=True,
)


def sample_anatomy() -> AnatomySettings:
    """Return the samples' patient: slim, with little wear."""
    ranges = AnatomyRanges(
        spine=SpineRanges(degeneration=(0.1, 0.4), scoliosis_deg=(0.0, 4.0)),
        body=BodyRanges(prone_share=1.0, obesity=(0.1, 0.4), gas_amount=(0.2, 0.25)),
    )
    return draw_anatomy(np.random.default_rng(SEED), ranges)


def draw_sample(sample: Sample, anatomy: AnatomySettings) -> RunSettings:
    """Return the settings of one sample."""
    vessel = replace(PLAIN.contrast.vessel, mixed_fraction=sample.vessel_dose)
    ranges = replace(
        PLAIN,
        contrast=replace(PLAIN.contrast, vessel=vessel),
        display=replace(PLAIN.display, bits=(sample.bits,)),
    )
    settings = draw_run(
        np.random.default_rng(SEED + sample.seed_offset),
        ranges,
        sample.pattern,
        anatomy="sample",
        body=anatomy.body,
    )
    pixels = StatedPixels(transfer_syntax=sample.transfer_syntax)
    return replace(settings, header=replace(settings.header, pixels=pixels))


def write_samples(folder: Path) -> StudyTruth:
    """Write the samples and `truth.json` to `folder`, and return the truth."""
    anatomy = sample_anatomy()
    patient = prepare_patient("sample", anatomy)
    uids = plan_study_uids(SEED, "samples")
    _write_sample_ct(folder / "ct", patient, StudyPlace(uids=uids, series_number=100))
    truths: dict[str, RunTruth] = {}
    for number, sample in enumerate(SAMPLES):
        run = simulate_run(replace(draw_sample(sample, anatomy), index=number), patient)
        file = f"{sample.name}.dcm"
        place = StudyPlace(uids=uids, series_number=number + 1)
        truth = write_simulated(run, folder / file, file=file, study=place)
        truths[truth.name] = truth
    study = StudyTruth(
        schema=SCHEMA,
        about=f"SIMULATED sample study, made by mbb-guidance {__version__}; shows no patient.",
        detectability_rule=DETECTABILITY_RULE,
        seed=SEED,
        made_with=library_versions(),
        study_instance_uid=uids.study_instance_uid,
        frame_of_reference_uid=uids.frame_of_reference_uid,
        ct="ct",
        runs=truths,
    )
    write_truth(folder / "truth.json", study)
    return study


def _write_sample_ct(folder: Path, patient: Patient, place: StudyPlace) -> None:
    volume = voxelize_hu(patient.anatomy, CT.grid_for(patient), np.random.default_rng(SEED))
    attributes = CtAttributes(
        study=place,
        patient_position="HFP",
        series_description="SIMULATED CT of the lumbar spine",
        transfer_syntax=TransferSyntax.JPEG_LS_LOSSLESS,
    )
    write_ct(folder, volume, attributes)


def main() -> None:
    """Write the samples where the command line says."""
    parser = argparse.ArgumentParser(description="Write the simulated sample study.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    folder = parser.parse_args().out
    for run in write_samples(folder).runs.values():
        size_mb = (folder / run.file).stat().st_size / 1e6
        sys.stdout.write(f"{run.file}: {run.pattern}, {run.n_frames} frames, {size_mb:.2f} MB\n")


if __name__ == "__main__":
    main()
