"""A run's contrast and needle by themselves: no tissue, no noise, no recorder.

Seen where the patient lay at rest, as who has taken his motion out sees it: contrast goes with the
bone and stays, the needle moves by what the hand does to it. A tenth of the work of the whole run.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from guidance.records import FloatArray
from guidance.simulation._motion import bone_shift_mm, needle_shift_mm
from guidance.simulation._needle import lumen_share
from guidance.simulation._patient import Patient
from guidance.simulation._place import find_target, tips_of
from guidance.simulation._run_settings import RunSettings
from guidance.simulation._simulate import find_top, follow_course, shape_needle
from guidance.simulation._splat import splat, splat_matrix
from guidance.simulation._view_settings import make_view

Map = NDArray[np.float32]


class BareRun:
    """The contrast of a run at times of one's own choice.

    Parameters
    ----------
    settings : RunSettings
        The run.
    patient : Patient
        Whom it shows.
    times_s : (T,) float64 array
        Pulses, increasing. Seconds from the run's first.
    side_px : int
        Rows and columns; the field is that of the run, mirrored by nobody.
    """

    def __init__(
        self, settings: RunSettings, patient: Patient, times_s: FloatArray, side_px: int
    ) -> None:
        # The stream that the run itself would draw its contrast from.
        _, course_rng, _, _ = np.random.default_rng(settings.seed).spawn(4)
        spine, placed = patient.anatomy.spine, settings.needle
        shrunk = side_px / settings.view.matrix
        row_px, column_px = settings.view.target_off_px
        view = replace(
            settings.view, matrix=side_px, target_off_px=(row_px * shrunk, column_px * shrunk)
        )
        target = find_target(spine, placed.vertebra, placed.side)
        tips = tips_of(patient, settings)
        self._settings, self._needle = settings, shape_needle(placed, tips[0]).points
        self._view = make_view(view, target.block_point_lps_mm, find_top(spine))
        self.course = follow_course(
            settings, patient, shape_needle(placed, tips[0]), tips, times_s, course_rng
        )
        masses, points = self.course.masses_mg, self.course.points_lps_mm.astype(np.float64)
        self._was_there = masses[0] > 0
        self._matrix = splat_matrix(self._view, points, self.course.point_cell, masses.shape[1])

    @property
    def times_s(self) -> FloatArray:
        """Of the pulses, (T,)."""
        return self.course.times_s

    @property
    def is_vascular(self) -> bool:
        """Whether a vessel takes any contrast."""
        return bool(self.course.in_vessel.any())

    def iodine(self, pulse: int) -> tuple[Map, Map]:
        """Return what is newly injected, and the part of it in a vessel: (R, C) each, mg/cm²."""
        new = np.where(self._was_there, np.float32(0), self.course.masses_mg[pulse])
        return self._lay(new), self._lay(np.where(self.course.in_vessel, new, np.float32(0)))

    def needle(self, time_s: float) -> tuple[Map, Map]:
        """Return the injecting needle's steel (cm) and its tubing's iodine (mg/cm²), (R, C)."""
        is_injecting = any(start <= time_s <= end for start, end in self.course.injections_s)
        motion, own = self._settings.motion, self._needle
        moved = needle_shift_mm(motion, time_s, is_injecting) - bone_shift_mm(motion, time_s)
        filled = round(lumen_share(self._settings.needle.needle, time_s) * len(own.lumen_cm3))
        milligrams = own.lumen_cm3[:filled] * self.course.iodine_mg_ml
        steel = splat(self._view, own.steel_lps_mm + moved, own.steel_cm3)
        return steel, splat(self._view, own.lumen_lps_mm[:filled] + moved, milligrams)

    def _lay(self, masses_mg: NDArray[np.float32]) -> Map:
        flat = np.asarray(self._matrix @ masses_mg, np.float32)
        return flat.reshape(self._view.rows, self._view.columns)
