"""What lies in the beam in each pulse: tissue, bone, gas, needles, contrast, each where it is then.

Bone and soft tissue are layers drawn once for an angle of the C-arm; gas and needles are drawn anew
in every pulse; contrast is a sparse matrix from the iodine in each cell to the image.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from guidance.geometry import ConeBeamView
from guidance.projection import integrate
from guidance.records import FloatArray
from guidance.simulation._bowel import gas_chords
from guidance.simulation._course_record import ContrastCourse
from guidance.simulation._layers import layer_motion, move_layer, with_margin
from guidance.simulation._motion import (
    MotionSettings,
    bone_shift_mm,
    bowel_shift_mm,
    needle_shift_mm,
    soft_shift_mm,
    view_at,
)
from guidance.simulation._needle import NeedlePoints, NeedleSettings, lumen_share
from guidance.simulation._patient import Patient
from guidance.simulation._splat import splat, splat_matrix
from guidance.simulation._transmission import MaterialMaps

Map = NDArray[np.float32]
# Of what gas takes the place of: bowel and its content.
BOWEL_G_PER_CM3 = 1.04
# Gas pockets swell and shrink by this share, each in its own rhythm of 6 to 20 s: the waves of
# small bowel pass 8 to 12 times a minute, those of the colon more slowly.
SWELLING = 0.12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedPoints:
    """A needle as points, and its settings.

    Attributes
    ----------
    settings : NeedleSettings
        What it is.
    points : NeedlePoints
        Where it is.
    """

    settings: NeedleSettings
    points: NeedlePoints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layers:
    """Maps on a canvas wider than the detector, for one angle."""

    canvas: ConeBeamView
    soft: Map
    adipose: Map
    bone: Map
    contrast: csr_array


class Picture:
    """The maps of one run, pulse by pulse."""

    def __init__(
        self,
        patient: Patient,
        view: ConeBeamView,
        motion: MotionSettings,
        needle: PlacedPoints,
        others: tuple[PlacedPoints, ...],
        course: ContrastCourse,
        letter_steel_cm: Map | None,
        rng: np.random.Generator,
    ) -> None:
        """Prepare a run.

        Parameters
        ----------
        patient : Patient
            Who is seen.
        view : ConeBeamView
            From where, before anything moves.
        motion : MotionSettings
            How everything moves.
        needle, others : PlacedPoints
            The needle that injects, and those that do not.
        course : ContrastCourse
            Where the iodine is.
        letter_steel_cm : (R, C) float32 array or None
            Lead letters on the detector, as steel. Centimetres.
        rng : numpy.random.Generator
            Of the bowel's rhythm.
        """
        self._patient = patient
        self._view = view
        self._motion = motion
        self._needle = needle
        self._others = others
        self._course = course
        self._letter = letter_steel_cm
        self._anchor = needle.points.tip_lps_mm
        # Layers are drawn where the first pulse sees them, so that its landmarks are exact.
        self._first_bone = bone_shift_mm(motion, 0.0)
        self._first_soft = soft_shift_mm(motion, 0.0)
        gas = patient.gas_centers_lps_mm
        self._drift = rng.normal(size=gas.shape)
        self._drift /= np.maximum(np.linalg.norm(self._drift, axis=1, keepdims=True), 1e-9)
        self._rhythm_hz = rng.uniform(0.05, 0.17, len(gas))
        self._phase = rng.uniform(0, 1, len(gas))
        self._layers: dict[tuple[float, float], _Layers] = {}

    def view_at(self, time_s: float) -> ConeBeamView:
        """Return where the C-arm stands at a time."""
        return view_at(self._view, self._motion, time_s)

    def tip_lps_mm(self, time_s: float) -> FloatArray:
        """Return where the injecting needle's tip is, (3,)."""
        shift = needle_shift_mm(self._motion, time_s, self._is_injecting(time_s))
        return np.asarray(self._anchor + shift)

    def bone_lps_mm(self, point_lps_mm: FloatArray, time_s: float) -> FloatArray:
        """Return where a point of bone is at a time, (3,) or (N, 3)."""
        return np.asarray(point_lps_mm + bone_shift_mm(self._motion, time_s))

    def iodine(self, time_s: float, masses_mg: NDArray[np.float32]) -> Map:
        """Return the iodine in cells (N,) as a map at a time: (R, C), mg/cm²."""
        view = self.view_at(time_s)
        layers = self._layers_for(view)
        flat = layers.contrast @ masses_mg
        canvas = flat.reshape(layers.canvas.rows, layers.canvas.columns)
        return self._follow_bone(canvas, layers, view, time_s)

    def maps(self, time_s: float, masses_mg: NDArray[np.float32]) -> MaterialMaps:
        """Return what lies in the beam at a time, with iodine in cells (N,)."""
        view = self.view_at(time_s)
        layers = self._layers_for(view)
        soft_shift = soft_shift_mm(self._motion, time_s) - self._first_soft
        soft_motion = layer_motion(
            layers.canvas, view, self._patient.middle_lps_mm + self._first_soft, soft_shift
        )
        size = view.rows, view.columns
        soft = move_layer(layers.soft, soft_motion, *size)
        adipose = move_layer(layers.adipose, soft_motion, *size)
        soft -= np.float32(BOWEL_G_PER_CM3) * self._gas(view, time_s)
        np.maximum(soft, 0, out=soft)
        bone = self._follow_bone(layers.bone, layers, view, time_s)
        steel, plastic, tubing = self._needles(view, time_s)
        soft += plastic
        iodine = self.iodine(time_s, masses_mg)
        iodine += tubing
        return MaterialMaps(
            soft_g_per_cm2=soft,
            bone_g_per_cm2=bone,
            adipose_g_per_cm2=adipose,
            steel_cm=steel,
            iodine_mg_per_cm2=iodine,
        )

    def _is_injecting(self, time_s: float) -> bool:
        return any(start <= time_s <= end for start, end in self._course.injections_s)

    def _follow_bone(self, layer: Map, layers: _Layers, view: ConeBeamView, time_s: float) -> Map:
        shift = bone_shift_mm(self._motion, time_s) - self._first_bone
        anchor = self._anchor + self._first_bone
        motion = layer_motion(layers.canvas, view, anchor, shift)
        return move_layer(layer, motion, view.rows, view.columns)

    def _gas(self, view: ConeBeamView, time_s: float) -> Map:
        centers = self._patient.gas_centers_lps_mm + bowel_shift_mm(self._motion, time_s)
        turns = self._rhythm_hz * time_s + self._phase
        wave = np.sin(2 * np.pi * turns)
        # The drift goes to and fro with the same rhythm: its greatest speed is the one asked for.
        reach = self._motion.peristalsis_mm_per_s / (2 * np.pi * self._rhythm_hz)
        centers = centers + self._drift * (reach * wave)[:, None]
        swelling = 1 + SWELLING * np.cos(2 * np.pi * turns)[:, None]
        return gas_chords(view, centers, self._patient.gas_half_axes_mm * swelling)

    def _needles(self, view: ConeBeamView, time_s: float) -> tuple[Map, Map, Map]:
        """Return steel (cm), plastic (g/cm²) and the tubing's iodine (mg/cm²)."""
        moved = needle_shift_mm(self._motion, time_s, self._is_injecting(time_s))
        held = bone_shift_mm(self._motion, time_s)
        own = self._needle.points
        steel = splat(view, own.steel_lps_mm + moved, own.steel_cm3)
        plastic = splat(view, own.plastic_lps_mm + moved, own.plastic_g)
        for other in self._others:
            steel += splat(view, other.points.steel_lps_mm + held, other.points.steel_cm3)
            plastic += splat(view, other.points.plastic_lps_mm + held, other.points.plastic_g)
        if self._letter is not None:
            steel += self._letter
        filled = round(lumen_share(self._needle.settings, time_s) * len(own.lumen_cm3))
        milligrams = own.lumen_cm3[:filled] * self._course.iodine_mg_ml
        tubing = splat(view, own.lumen_lps_mm[:filled] + moved, milligrams)
        return steel, plastic, tubing

    def _layers_for(self, view: ConeBeamView) -> _Layers:
        """Return the layers for a view's angles; drawn once, kept for the last two angles."""
        key = (view.primary_angle_deg, view.secondary_angle_deg)
        if key not in self._layers:
            # A turning C-arm needs each angle once, and the layers are large.
            while len(self._layers) > 1:
                self._layers.pop(next(iter(self._layers)))
            self._layers[key] = self._draw(replace(self._view, primary_angle_deg=key[0]))
        return self._layers[key]

    def _draw(self, view: ConeBeamView) -> _Layers:
        canvas = with_margin(view)
        # The patient displaced by a shift is seen as the C-arm displaced the other way.
        seen_soft = replace(canvas, isocenter_lps_mm=_minus(canvas, self._first_soft))
        seen_bone = replace(canvas, isocenter_lps_mm=_minus(canvas, self._first_bone))
        points = self._course.points_lps_mm.astype(np.float64)
        return _Layers(
            canvas=canvas,
            soft=integrate(self._patient.soft, seen_soft),
            adipose=integrate(self._patient.adipose, seen_soft),
            # No bone is negative, whatever the weights of the interpolation make of it.
            bone=np.maximum(integrate(self._patient.bone, seen_bone), np.float32(0)),
            contrast=splat_matrix(
                seen_bone, points, self._course.point_cell, self._course.masses_mg.shape[1]
            ),
        )


def _minus(view: ConeBeamView, shift_lps_mm: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.array(view.isocenter_lps_mm) - shift_lps_mm)
    return x, y, z
