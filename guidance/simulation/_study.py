"""A study of one patient: a few runs, and the CT that goes with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from guidance import __version__
from guidance.errors import InputError
from guidance.geometry import VoxelGrid, grid_about
from guidance.io import (
    CtAttributes,
    StudyFolder,
    StudyPlace,
    StudyUids,
    TransferSyntax,
    plan_study_uids,
    write_atomically,
    write_ct,
)
from guidance.simulation._output import library_versions, write_simulated
from guidance.simulation._patient import Patient
from guidance.simulation._run_settings import RunSettings
from guidance.simulation._simulate import simulate_run
from guidance.simulation._truth import DETECTABILITY_RULE, SCHEMA, RunTruth, StudyTruth
from guidance.simulation._truth_file import write_truth
from guidance.spine import CtSettings, voxelize_hu

# A run is read some minutes after the one before; on the one day that studies have. Seconds.
_FIRST_RUN_S, _NEXT_RUN_S = 9 * 3600.0, 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CtRequest:
    """Which CT is made.

    Attributes
    ----------
    low_lps_mm, high_lps_mm : (x, y, z)
        Corners of the box. Millimetres.
    spacing_mm : float
        Edge of a voxel.
    scanner : CtSettings
        Noise and sharpness.
    compressed : bool
        JPEG-LS, lossless, instead of uncompressed.
    """

    low_lps_mm: tuple[float, float, float] = (-160.0, -150.0, -150.0)
    high_lps_mm: tuple[float, float, float] = (160.0, 120.0, 170.0)
    spacing_mm: float = 1.25
    scanner: CtSettings = field(default_factory=CtSettings)
    compressed: bool = False

    def grid_for(self, patient: Patient) -> VoxelGrid:
        """Return the grid.

        Raises
        ------
        InputError
            The box misses the spine, or is none.
        """
        sizes = np.subtract(self.high_lps_mm, self.low_lps_mm)
        if not (np.isfinite(sizes).all() and (sizes > 0).all()):
            raise InputError(
                f"the CT's box runs from {self.low_lps_mm} to {self.high_lps_mm}; give the lower "
                "corner first"
            )
        if not self.spacing_mm > 0:
            raise InputError(f"the CT's spacing_mm is {self.spacing_mm}, expected more than 0")
        bodies = np.array(
            [point for name, point in patient.anatomy.spine.landmarks.items() if ".body" in name]
        )
        inside = ((bodies > self.low_lps_mm) & (bodies < self.high_lps_mm)).all(axis=1)
        if not inside.any():
            raise InputError(
                f"the CT's box from {self.low_lps_mm} to {self.high_lps_mm} mm misses the spine, "
                f"whose bodies lie from {bodies.min(axis=0).round()} to "
                f"{bodies.max(axis=0).round()}; move or enlarge it"
            )
        return grid_about(self.low_lps_mm, self.high_lps_mm, self.spacing_mm)


def write_study(
    folder: Path,
    patient: Patient,
    runs: tuple[RunSettings, ...],
    *,
    seed: int,
    ct: CtRequest | None = None,
    on_run: Callable[[int], None] | None = None,
) -> StudyTruth:
    """Make a study and write it: ``runs/*.dcm``, ``ct/*.dcm`` and ``truth.json``.

    Parameters
    ----------
    folder : Path
        Of the study.
    patient : Patient
        Whom all runs show.
    runs : tuple of RunSettings
        What is made.
    seed : int
        That everything was drawn from.
    ct : CtRequest or None
        The CT; None for none.
    on_run : callable, optional
        Called with the number of runs done.

    Raises
    ------
    InputError
        The CT's box misses the spine; before any run is made.
    StorageError
        The folder cannot be written; found out before anything is made.
    """
    layout = StudyFolder(path=folder)
    grid = None if ct is None else ct.grid_for(patient)
    probe = folder / ".guidance-probe"
    write_atomically(probe, b"")
    probe.unlink()
    uids = plan_study_uids(seed, patient.name)
    if ct is not None and grid is not None:
        _write_ct(layout, patient, grid, ct, uids, seed)
    truths: dict[str, RunTruth] = {}
    for number, settings in enumerate(runs):
        path = layout.run_file(number)
        place = StudyPlace(
            uids=uids,
            series_number=number + 1,
            second_of_day=_FIRST_RUN_S + number * _NEXT_RUN_S,
        )
        run = simulate_run(settings, patient)
        truth = write_simulated(run, path, file=layout.relative(path), study=place)
        truths[truth.name] = truth
        if on_run is not None:
            on_run(number + 1)
    study = StudyTruth(
        schema=SCHEMA,
        about=f"SIMULATED study, made by mbb-guidance {__version__}; shows no patient.",
        detectability_rule=DETECTABILITY_RULE,
        seed=seed,
        made_with=library_versions(),
        study_instance_uid=uids.study_instance_uid,
        frame_of_reference_uid=uids.frame_of_reference_uid,
        ct=None if ct is None else layout.relative(layout.ct),
        runs=truths,
    )
    write_truth(layout.truth, study)
    return study


def _write_ct(
    layout: StudyFolder,
    patient: Patient,
    grid: VoxelGrid,
    ct: CtRequest,
    uids: StudyUids,
    seed: int,
) -> None:
    rng = np.random.default_rng([seed, 3])
    volume = voxelize_hu(patient.anatomy, grid, rng, ct.scanner)
    syntax = (
        TransferSyntax.JPEG_LS_LOSSLESS
        if ct.compressed
        else TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN
    )
    place = StudyPlace(uids=uids, series_number=100, second_of_day=_FIRST_RUN_S - 3600)
    write_ct(
        layout.ct, volume, CtAttributes(study=place, transfer_syntax=syntax, patient_position="HFP")
    )
