"""Where the iodine of a run is at each time: what the scene draws, and its truth."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray, MaskArray, NotFound
from guidance.simulation._vessel_settings import VesselKind

# Iodine is conserved to this share of what was injected; masses are float32.
CONSERVED = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastCourse:
    """Iodine in cells over time; each cell's mass is shared equally by its points.

    Attributes
    ----------
    times_s : (T,) float64 array
        Of the frames. Seconds.
    masses_mg : (T, N) float32 array
        Iodine per cell. Milligrams.
    in_vessel : (N,) bool array
        Whether a cell is part of a vessel.
    cell_volumes_mm3 : (N,) float64 array
        What each cell can hold. Cubic millimetres.
    points_lps_mm : (P, 3) float32 array
        Points that fill the cells. Millimetres.
    point_cell : (P,) int32 array
        The cell of each point.
    injected_mg : (T,) float64 array
        All iodine brought in by each frame, the residue included. Milligrams.
    absorbed_mg, left_mg : (T,) float64 array
        What has left the pools, and the vessels' open ends, by each frame. Milligrams.
    residue_mg : float
        What was there from an earlier block. Milligrams.
    iodine_mg_ml : float
        Concentration injected; none is ever higher. Milligrams per millilitre.
    vessel_dose_fraction : float
        Share of all injected iodine that went into the vessel.
    vessel_entry_diameter_mm : float or None
        Calibre at the tip; None without a vessel. Millimetres.
    vessel_kind : VesselKind or None
        Vein or artery; None without a vessel.
    vessel_entered_s : float or None
        When iodine first enters the vessel; None without one. Seconds.
    injections_s : tuple of (onset, end)
        Of each injection. Seconds.
    """

    times_s: FloatArray
    masses_mg: NDArray[np.float32]
    in_vessel: MaskArray
    cell_volumes_mm3: FloatArray
    points_lps_mm: NDArray[np.float32]
    point_cell: NDArray[np.int32]
    injected_mg: FloatArray
    absorbed_mg: FloatArray
    left_mg: FloatArray
    residue_mg: float
    iodine_mg_ml: float
    vessel_dose_fraction: float = 0.0
    vessel_entry_diameter_mm: float | None = None
    vessel_kind: VesselKind | None = None
    vessel_entered_s: float | None = None
    injections_s: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Check the shapes, and that no iodine was lost or made."""
        n_frames, n_cells = self.masses_mg.shape
        per_frame = (self.times_s, self.injected_mg, self.absorbed_mg, self.left_mg)
        fits = all(series.shape == (n_frames,) for series in per_frame)
        fits &= self.in_vessel.shape == self.cell_volumes_mm3.shape == (n_cells,)
        if not fits or self.points_lps_mm.shape != (self.point_cell.size, 3):
            raise InputError(f"the arrays do not fit {n_frames} frames of {n_cells} cells")
        held = self.masses_mg.sum(axis=1, dtype=np.float64) + self.absorbed_mg + self.left_mg
        amiss = np.abs(held - self.injected_mg).max(initial=0.0)
        if amiss > CONSERVED * max(self.injected_mg.max(initial=0.0), 1e-3):
            raise InputError(f"{amiss:.3g} mg of iodine were lost or made; the course is wrong")

    def vessel_mg(self) -> FloatArray:
        """Return the iodine inside vessels, (T,). Milligrams."""
        held: FloatArray = self.masses_mg[:, self.in_vessel].sum(axis=1, dtype=np.float64)
        return held

    def pool_mg(self) -> FloatArray:
        """Return the iodine outside of vessels, residue included, (T,). Milligrams."""
        held: FloatArray = self.masses_mg[:, ~self.in_vessel].sum(axis=1, dtype=np.float64)
        return held

    def washout_s(self) -> float | NotFound:
        """Return how long the vessels' iodine takes to fall to 1/e of its greatest.

        Seconds, from the frame in which it is greatest; NotFound where it never does.
        """
        held = self.vessel_mg()
        if held.max(initial=0.0) <= 0:
            return NotFound("no iodine in a vessel")
        peak = int(held.argmax())
        fallen = np.flatnonzero(held[peak:] < held[peak] / np.e)
        if fallen.size == 0:
            return NotFound("the run ends before the vessel has emptied to 1/e")
        return float(self.times_s[peak + fallen[0]] - self.times_s[peak])

    def at_frames(self, frames: NDArray[np.int64]) -> "ContrastCourse":
        """Return the course at the frames given (T2,), in their order."""
        return replace(
            self,
            times_s=self.times_s[frames],
            masses_mg=self.masses_mg[frames],
            injected_mg=self.injected_mg[frames],
            absorbed_mg=self.absorbed_mg[frames],
            left_mg=self.left_mg[frames],
        )
