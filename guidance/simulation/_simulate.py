"""A run from its settings: every pulse through the imaging chain, and what is true of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from guidance.anatomy import Side
from guidance.geometry import ConeBeamView, project
from guidance.records import FloatArray, FrameArray, MaskArray
from guidance.simulation._chain import ImageGeometry, ImagingChain
from guidance.simulation._collimation import collimator_at, inside_field
from guidance.simulation._course import NeedlePlacement, simulate_contrast
from guidance.simulation._course_record import ContrastCourse
from guidance.simulation._lettering import letter_map
from guidance.simulation._needle import place_needle
from guidance.simulation._patient import Patient
from guidance.simulation._picture import Picture, PlacedPoints
from guidance.simulation._place import find_target, place_tip, tips_of
from guidance.simulation._recording import StoredFrames, pulse_times, repeat_frames
from guidance.simulation._run_settings import PlacedNeedle, RunSettings
from guidance.simulation._splat import pixel_area_cm2
from guidance.simulation._transmission import Map
from guidance.simulation._view_settings import make_view
from guidance.simulation._visibility import VisibilityRule
from guidance.spine import Spine

# The field's upper edge stays this far below the spine's end, for the beam's spread.
_BELOW_TOP_MM = 8.0

WatchContrast = Callable[[int, Map, Map | None], None]
"""Called for every pulse with its number, the relative change of intensity by newly injected
contrast (R, C), and the part of it in a vessel (R, C), None where no vessel takes any."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PulseTruth:
    """What is true in each pulse, arrays over the P pulses.

    Attributes
    ----------
    times_s : (P,) float64 array
        Seconds.
    tip_px : (P, 2) float64 array
        The injecting needle's tip, row and column; may lie outside the image.
    bone_px : (P, 2) float64 array
        Where the target's block point is.
    scale : (P,) float64 array
        Size of the picture relative to the first pulse.
    bone_shift_mm : (P,) float64 array
        How far the bone lies from where it was in the first pulse.
    kvp : (P,) float64 array
        Kilovolts.
    mas_share : (P,) float64 array
        Charge relative to the first view's need.
    contrast_visible, vessel_visible : (P,) bool arrays
        By the rule of visibility: newly injected contrast, and that in a vessel.
    injection_visible : (I, P) bool array
        For each injection: contrast that is more than when it began.
    iodine_in_image_mg, vessel_in_image_mg : (P,) float64 arrays
        Iodine within the image, the residue included, and the part in a vessel. Milligrams.
    new_mg : (P,) float64 array
        Injected by then, residue excluded. Milligrams.
    vessel_from_tip_mm : float or None
        Where a vessel is first visible, the distance of its nearest visible place from the tip, in
        the image at the isocentre; None where none is. Millimetres.
    """

    times_s: FloatArray
    tip_px: FloatArray
    bone_px: FloatArray
    scale: FloatArray
    bone_shift_mm: FloatArray
    kvp: FloatArray
    mas_share: FloatArray
    contrast_visible: MaskArray
    vessel_visible: MaskArray
    injection_visible: MaskArray
    iodine_in_image_mg: FloatArray
    vessel_in_image_mg: FloatArray
    new_mg: FloatArray
    vessel_from_tip_mm: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedRun:
    """A run with all that is known of it.

    Attributes
    ----------
    settings : RunSettings
        What it was made from.
    patient : Patient
        Whom it shows.
    view : ConeBeamView
        In the first pulse, before any move.
    frames : (T, R, C) uint8 or uint16 array
        Stored values, before any inversion that the header asks for.
    stored : StoredFrames
        Which pulse each frame shows, and when.
    needle : PlacedPoints
        The one that injects, in its first place.
    others : tuple of PlacedPoints
        The others.
    tips_lps_mm : (K, 3) float64 array
        Places of the tip.
    course : ContrastCourse
        Iodine, at every pulse.
    truth : PulseTruth
        What is true of each pulse.
    """

    settings: RunSettings
    patient: Patient
    view: ConeBeamView
    frames: FrameArray
    stored: StoredFrames
    needle: PlacedPoints
    others: tuple[PlacedPoints, ...]
    tips_lps_mm: FloatArray
    course: ContrastCourse
    truth: PulseTruth


def simulate_run(
    settings: RunSettings, patient: Patient, *, watch: WatchContrast | None = None
) -> SimulatedRun:
    """Return the run that `settings` describe, in the patient they name.

    Parameters
    ----------
    settings : RunSettings
        What is made.
    patient : Patient
        Whom it shows.
    watch : callable, optional
        Is shown the contrast of each pulse without tissue and noise: what training learns from.
    """
    time_rng, course_rng, gas_rng, chain_rng = np.random.default_rng(settings.seed).spawn(4)
    times = pulse_times(settings.recording, settings.duration_s, time_rng)
    spine = patient.anatomy.spine
    placed = settings.needle
    target = find_target(spine, placed.vertebra, placed.side)
    view = replace(
        make_view(settings.view, target.block_point_lps_mm, find_top(spine)),
        mirrored=settings.header.mirrored,
    )
    tips = tips_of(patient, settings)
    needle = shape_needle(placed, tips[0])
    others = tuple(shape_needle(other, place_tip(spine, other)) for other in settings.others)
    course = follow_course(settings, patient, needle, tips, times, course_rng)
    picture = Picture(
        patient=patient,
        view=view,
        motion=settings.motion,
        needle=needle,
        others=others,
        course=course,
        letter_steel_cm=_letter(settings, view),
        rng=gas_rng,
    )
    chain = ImagingChain(
        settings.xray,
        settings.detector,
        settings.display,
        ImageGeometry.of_view(view),
        chain_rng,
    )
    exposed, kvp, mas = _expose(settings, picture, chain, course)
    stored = repeat_frames(settings.recording, times)
    return SimulatedRun(
        settings=settings,
        patient=patient,
        view=view,
        frames=exposed if settings.recording.recorder_hz == 0 else exposed[stored.pulses],
        stored=stored,
        needle=needle,
        others=others,
        tips_lps_mm=tips,
        course=course,
        truth=_find_truth(
            settings, picture, chain, course, target.block_point_lps_mm, kvp, mas, watch
        ),
    )


def find_top(spine: Spine) -> float:
    """Return how high the spine goes, z in millimetres: above T11 there are no bones."""
    corners = [spine.landmarks[f"T11.{side}.superior_endplate"] for side in Side]
    return float(min(corner[2] for corner in corners)) - _BELOW_TOP_MM


def shape_needle(placed: PlacedNeedle, tip_lps_mm: FloatArray) -> PlacedPoints:
    """Return a needle's points where its tip lies."""
    points = place_needle(placed.needle, tip_lps_mm, placed.side is Side.LEFT)
    return PlacedPoints(settings=placed.needle, points=points)


def follow_course(
    settings: RunSettings,
    patient: Patient,
    needle: PlacedPoints,
    tips_lps_mm: FloatArray,
    times_s: FloatArray,
    rng: np.random.Generator,
) -> ContrastCourse:
    """Return where the iodine goes, among the tissues about the tip."""
    placement = NeedlePlacement(
        vertebra=str(settings.needle.vertebra),
        side=str(settings.needle.side),
        tips_lps_mm=tips_lps_mm,
        direction_lps=needle.points.direction_lps,
    )
    return simulate_contrast(settings.contrast, patient.surroundings, placement, times_s, rng)


def _letter(settings: RunSettings, view: ConeBeamView) -> Map | None:
    """Return the lead letter, lying at the upper edge on the side that it names."""
    if not settings.marker:
        return None
    rows, columns = view.rows, view.columns
    is_left_there = view.axes[0][0] < 0
    at_left_edge = is_left_there == (settings.marker == "L")
    column = (0.14 if at_left_edge else 0.86) * columns
    return letter_map(
        settings.marker,
        (rows, columns),
        (0.16 * rows, column),
        0.05 * rows,
        is_mirrored=view.mirrored,
    )


def _expose(
    settings: RunSettings, picture: Picture, chain: ImagingChain, course: ContrastCourse
) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], FloatArray, FloatArray]:
    """Return the image, the voltage and the charge of every pulse."""
    times = course.times_s
    images: FrameArray | None = None
    kvp, mas = np.zeros(times.size), np.zeros(times.size)
    for pulse, time_s in enumerate(times):
        maps = picture.maps(float(time_s), course.masses_mg[pulse])
        collimator = collimator_at(settings.collimation, maps.shape, float(time_s))
        image = chain.expose(maps, float(time_s), collimator)
        if images is None:
            images = np.empty((times.size, *image.shape), image.dtype)
        images[pulse] = image
        kvp[pulse], mas[pulse] = chain.kvp, chain.mas_share
    assert images is not None
    return images, kvp, mas


def _find_truth(
    settings: RunSettings,
    picture: Picture,
    chain: ImagingChain,
    course: ContrastCourse,
    block_point_lps_mm: FloatArray,
    kvp: FloatArray,
    mas_share: FloatArray,
    watch: WatchContrast | None,
) -> PulseTruth:
    """Return what is true of every pulse; noise is that of the settled exposure."""
    times = course.times_s
    first_view = picture.view_at(0.0)
    shape = first_view.rows, first_view.columns
    none = np.zeros(course.masses_mg.shape[1], np.float32)
    open_maps = replace(picture.maps(0.0, none), iodine_mg_per_cm2=None)
    rule = VisibilityRule(spacing_iso_mm=float(np.mean(first_view.spacing_iso_mm)))
    noise = chain.relative_noise(open_maps, rule.spacing_iso_mm)
    per_mg = chain.contrast_per_mg(open_maps)
    per_area = _pixels_per_cm2(course, first_view)

    was_there, has_vessel = course.masses_mg[0] > 0, bool(course.in_vessel.any())
    starts = [int(np.searchsorted(times, onset)) for onset, _ in course.injections_s]
    seen, vessel_seen = np.zeros(times.size, bool), np.zeros(times.size, bool)
    each_seen = np.zeros((len(starts), times.size), bool)
    in_image, in_vessel = np.zeros(times.size), np.zeros(times.size)
    tip_px, bone_px = np.zeros((times.size, 2)), np.zeros((times.size, 2))
    scale, shift = np.ones(times.size), np.zeros(times.size)
    from_tip: float | None = None
    first_bone = picture.bone_lps_mm(block_point_lps_mm, 0.0)
    for pulse, time_s in enumerate(times.tolist()):
        view = picture.view_at(time_s)
        masses = course.masses_mg[pulse]
        bone = picture.bone_lps_mm(block_point_lps_mm, time_s)
        points = np.stack((picture.tip_lps_mm(time_s), bone))
        (tip_px[pulse], bone_px[pulse]), _ = project(view, points)
        scale[pulse] = _scale(view) / _scale(first_view)
        shift[pulse] = np.linalg.norm(bone - first_bone)
        new = picture.iodine(time_s, np.where(was_there, np.float32(0), masses))
        everything = picture.iodine(time_s, masses) if was_there.any() else new
        zoom = float(np.prod(view.spacing_det_mm) / np.prod(first_view.spacing_det_mm))
        in_image[pulse] = float(everything.sum()) * zoom * _area_of(masses, per_area)
        inside = inside_field(collimator_at(settings.collimation, shape, time_s), shape)
        seen[pulse] = rule.is_visible(per_mg * new, noise, None, inside)
        vessel: Map | None = None
        if has_vessel:
            held = np.where(course.in_vessel, masses, np.float32(0))
            vessel = picture.iodine(time_s, held)
            in_vessel[pulse] = float(vessel.sum()) * zoom * _area_of(held, per_area)
            share = (vessel / np.maximum(everything, 1e-6)).astype(np.float32)
            passes = rule.passes(per_mg * vessel, noise, share, inside)
            vessel_seen[pulse] = rule.is_enough(passes)
            if vessel_seen[pulse] and from_tip is None:
                away = np.argwhere(passes) - tip_px[pulse]
                from_tip = float(np.hypot(*away.T).min()) * rule.spacing_iso_mm
        if watch is not None:
            watch(pulse, per_mg * new, None if vessel is None else per_mg * vessel)
        for number, start in enumerate(starts):
            if number == 0:
                each_seen[0, pulse] = seen[pulse]
                continue
            # By cells, not by pixels: what was there before moves with the breath.
            more = np.maximum(masses - course.masses_mg[min(start, len(times) - 1)], 0)
            added = per_mg * picture.iodine(time_s, more)
            each_seen[number, pulse] = pulse > start and rule.is_visible(added, noise, None, inside)
    return PulseTruth(
        times_s=times,
        tip_px=tip_px,
        bone_px=bone_px,
        scale=scale,
        bone_shift_mm=shift,
        kvp=kvp,
        mas_share=mas_share,
        contrast_visible=seen,
        vessel_visible=vessel_seen,
        injection_visible=each_seen,
        iodine_in_image_mg=in_image,
        vessel_in_image_mg=in_vessel,
        new_mg=course.injected_mg - course.residue_mg,
        vessel_from_tip_mm=from_tip,
    )


def _pixels_per_cm2(course: ContrastCourse, view: ConeBeamView) -> FloatArray:
    """Return how many pixels a square centimetre covers at each cell's depth, (N,)."""
    _, depths = project(view, course.points_lps_mm.astype(np.float64))
    cells, n_cells = course.point_cell, course.masses_mg.shape[1]
    sums = np.bincount(cells, 1 / pixel_area_cm2(view, depths), minlength=n_cells)
    return np.asarray(sums / np.maximum(np.bincount(cells, minlength=n_cells), 1))


def _area_of(masses_mg: NDArray[np.float32], per_area: FloatArray) -> float:
    """Return the area of a pixel that turns the sum of a map of cells (N,) back into mass. cm²."""
    total = float(masses_mg.sum(dtype=np.float64))
    return total / float(masses_mg @ per_area) if total > 0 else 0.0


def _scale(view: ConeBeamView) -> float:
    return 1 / view.spacing_iso_mm[0]
