"""A simulated run as a file, and the record of its truth."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guidance import __version__
from guidance.io import StudyPlace, run_name, write_run
from guidance.records import (
    CircularShutter,
    FloatArray,
    FrameArray,
    NotFound,
    PixelIntensityRelationship,
    RectangularShutter,
)
from guidance.simulation._collimation import collimator_at
from guidance.simulation._display import inverted
from guidance.simulation._headers import RunFacts, write_attributes
from guidance.simulation._motion import bone_shift_mm
from guidance.simulation._picture import PlacedPoints
from guidance.simulation._place import find_target
from guidance.simulation._run_settings import RunSettings
from guidance.simulation._simulate import PulseTruth, SimulatedRun
from guidance.simulation._truth import VERDICTS, RunTruth
from guidance.simulation._truth_parts import (
    InjectionTruth,
    MotionTruth,
    NeedleTruth,
    Point,
    PoseTruth,
    TargetTruth,
)
from guidance.simulation._truth_view import (
    find_in_image,
    measure_tip_to_target,
    see_needle,
    see_point,
)
from guidance.spine import block_targets

# Nearer than this to the needle's direction the view is down its shaft. Degrees.
END_ON_DEG = 8.0
# A vessel first seen this far from the tip is remote. Guess; millimetres.
REMOTE_MM = 10.0


def write_simulated(
    run: SimulatedRun, path: Path, *, file: str = "", study: StudyPlace | None = None
) -> RunTruth:
    """Write a run as DICOM, and return what is true of it.

    Parameters
    ----------
    run : SimulatedRun
        The run.
    path : Path
        File to make or replace.
    file : str
        How the truth names the file: its path below the study's folder.
    study : StudyPlace or None
        Which study it belongs to.
    """
    settings = run.settings
    frames = _as_stored(run)
    curve = settings.display.curve
    relationship = PixelIntensityRelationship(curve.relationship)
    facts = RunFacts(
        times_s=run.stored.times_s,
        kvp=round(float(run.truth.kvp.mean()), 1),
        concentration_mg_per_ml=round(settings.contrast.iodine_mg_ml, 1),
        collimator=_shutter(run),
        window=_window(frames),
        study=study,
        bits_used=settings.display.bits_stored,
        relationship=relationship,
        log_span=settings.display.log_span,
    )
    attributes = write_attributes(settings.header, run.view, facts)
    if settings.suite:
        # Results are joined with the suite's truth by UID, whoever made the run, and where.
        attributes = replace(attributes, identity=suite_identity(settings))
    uid = write_run(path, frames, attributes)
    return truth_of(run, uid, file)


def suite_identity(settings: RunSettings) -> str:
    """Return what the UIDs of a suite's run are derived from."""
    return f"suite {settings.suite} run {settings.index} seed {settings.seed}"


def library_versions() -> dict[str, str]:
    """Return the versions of what the pixels depend on, by name."""
    return {
        "mbb-guidance": __version__,
        **{name: version(name) for name in ("numba", "numpy", "opencv-python", "scipy")},
    }


def _as_stored(run: SimulatedRun) -> FrameArray:
    """Return the values that the file holds."""
    pixels, used = run.settings.header.pixels, run.settings.display.bits_stored
    frames = inverted(run.frames, used) if pixels.is_inverted else run.frames
    return frames if pixels.bits_stored(used) == 8 else frames.astype(np.uint16, copy=False)


def _shutter(run: SimulatedRun) -> RectangularShutter | CircularShutter | None:
    """Return the collimator of the first frame, as a header names it."""
    shape = run.view.rows, run.view.columns
    blades = collimator_at(run.settings.collimation, shape, 0.0)
    if None not in (blades.top_px, blades.bottom_px, blades.left_px, blades.right_px):
        top, bottom, left, right = (
            int(np.clip(round(edge or 0.0), 0, size - 1))
            for edge, size in (
                (blades.top_px, shape[0]),
                (blades.bottom_px, shape[0]),
                (blades.left_px, shape[1]),
                (blades.right_px, shape[1]),
            )
        )
        return RectangularShutter(top=top, bottom=bottom, left=left, right=right)
    if blades.iris_radius_px is not None and blades.iris_radius_px < min(shape) / 2:
        center = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
        return CircularShutter(row=center[0], column=center[1], radius=float(blades.iris_radius_px))
    return None


def _window(frames: FrameArray) -> tuple[float, float]:
    """Return center and width that show the middle frame well."""
    low, high = np.percentile(frames[len(frames) // 2], (1, 99))
    return float((low + high) / 2), float(max(high - low, 2.0))


def truth_of(run: SimulatedRun, sop_instance_uid: str, file: str = "") -> RunTruth:
    """Return what is true of a run, frame by frame, under the UID that it was written with."""
    settings, truth, course = run.settings, run.truth, run.course
    pulses, times = run.stored.pulses, run.stored.times_s
    vessel = truth.vessel_visible[pulses]
    first_vessel = _first(vessel)
    onset = _first(truth.contrast_visible[pulses])
    washout = course.washout_s()
    spine = run.patient.anatomy.spine
    target = find_target(spine, settings.needle.vertebra, settings.needle.side)
    in_space, in_plane = measure_tip_to_target(
        run.view, run.tips_lps_mm[0], target.groove_superior_lps_mm, target.block_point_lps_mm
    )
    shift = bone_shift_mm(settings.motion, 0.0)
    return RunTruth(
        name=run_name(sop_instance_uid),
        sop_instance_uid=sop_instance_uid,
        file=file,
        suite=settings.suite,
        index=settings.index,
        seed=settings.seed,
        simulator_version=__version__,
        patient=settings.anatomy,
        pattern=settings.contrast.pattern,
        verdict=VERDICTS[settings.contrast.pattern],
        is_vascular=course.vessel_kind is not None,
        vessel=None if course.vessel_kind is None else str(course.vessel_kind),
        vessel_diameter_mm=course.vessel_entry_diameter_mm,
        vessel_dose_fraction=course.vessel_dose_fraction,
        uptake_s=course.vessel_entered_s,
        washout_s=None if isinstance(washout, NotFound) else washout,
        variants=_variants(run, first_vessel),
        level=settings.needle.vertebra,
        side=settings.needle.side,
        target_nerve=target.nerve,
        view=str(settings.view.kind),
        header=str(settings.header.kind),
        n_frames=len(times),
        duration_s=float(times[-1]),
        times_s=tuple(float(t) for t in times),
        first_iodine_frame=_first(truth.new_mg[pulses] > 0),
        onset_frame=onset,
        onset_s=None if onset is None else float(times[onset]),
        first_visible_vessel_frame=first_vessel,
        first_visible_vessel_s=None if first_vessel is None else float(times[first_vessel]),
        last_visible_vessel_frame=_last(vessel),
        vessel_visible_in_last_frame=bool(vessel[-1]),
        injections=_injections(run),
        residue_iodine_mg=course.residue_mg,
        tip_px=tuple(_inside(run, position) for position in truth.tip_px[pulses]),
        needle=_needle(run, run.needle, shift),
        other_needles=tuple(_needle(run, other, shift) for other in run.others),
        landmarks={
            name: see_point(run.view, np.asarray(point) + shift)
            for name, point in sorted(spine.landmarks.items())
        },
        targets=_targets(run, shift),
        tip_to_target_mm=in_space,
        tip_to_target_in_plane_mm=in_plane,
        pose=PoseTruth.of_view(run.view, "prone"),
        spacing_iso_mm=float(np.mean(run.view.spacing_iso_mm)),
        motion=_motion(truth, pulses),
        motion_mm=float(truth.bone_shift_mm.max()),
        frame_dose_ngy=float(settings.xray.dose_ngy * truth.mas_share[pulses].mean()),
        kvp=float(truth.kvp[pulses].mean()),
        iodine_in_image_mg=_series(truth.iodine_in_image_mg[pulses]),
        iodine_in_vessel_mg=_series(truth.vessel_in_image_mg[pulses]),
        warnings=(),
    )


def _first(series: FrameArray) -> int | None:
    return int(series.argmax()) if series.any() else None


def _last(series: FrameArray) -> int | None:
    return len(series) - 1 - int(series[::-1].argmax()) if series.any() else None


def _series(values: FloatArray) -> tuple[float, ...]:
    """Return the numbers to a ten-thousandth: more would only make the file longer."""
    return tuple(round(float(value), 4) for value in values)


def _inside(run: SimulatedRun, position_px: FloatArray) -> tuple[float, float] | None:
    """Return a position (row, column), or None where it is off the image."""
    row, column = (round(float(value), 4) for value in position_px)
    is_on = -0.5 <= row <= run.view.rows - 0.5 and -0.5 <= column <= run.view.columns - 0.5
    return (row, column) if is_on else None


def _variants(run: SimulatedRun, first_vessel: int | None) -> tuple[str, ...]:
    """Return what is special about the run, for reports by stratum."""
    contrast, motion = run.settings.contrast, run.settings.motion
    vessel = contrast.vessel
    along = abs(float(run.needle.points.direction_lps @ run.view.axes[2]))
    filled = run.settings.needle.needle.tubing_filled_s
    distance = run.truth.vessel_from_tip_mm
    special = {
        "needle_end_on": along > np.cos(np.deg2rad(END_ON_DEG)),
        "end_on": vessel is not None and vessel.is_end_on,
        "remote": distance is not None and distance > REMOTE_MM,
        "late": vessel is not None and vessel.delay_s > 0.5,
        "never_visible": vessel is not None and first_vessel is None,
        "two_injections": len(contrast.injections) > 1,
        "repositioned": contrast.tips > 1,
        "stop_and_go": any(injection.pushes > 1 for injection in contrast.injections),
        "residue": contrast.residue is not None,
        "several_needles": bool(run.others),
        "tubing_fills": filled is not None and filled >= 0,
        "cough": motion.cough is not None,
        "table_moves": motion.pan is not None,
        "c_arm_turns": motion.turn is not None,
        "field_switched": motion.zoom is not None,
        "recorder": run.settings.recording.recorder_hz > 0,
    }
    return tuple(name for name, is_so in special.items() if is_so)


def _injections(run: SimulatedRun) -> tuple[InjectionTruth, ...]:
    contrast = run.settings.contrast
    vessel = contrast.vessel
    pool = contrast.pattern if contrast.pool is None else contrast.pool.kind
    seen = run.truth.injection_visible[:, run.stored.pulses]
    volumes = [injection.volume_ml for injection in contrast.injections]
    feeds = [vessel is not None and vessel.tip == i.tip for i in contrast.injections]
    fed = sum(volume for volume, is_fed in zip(volumes, feeds, strict=True) if is_fed)
    # The vessel's share is known of all that was injected; it comes from its own tip's part.
    share = run.course.vessel_dose_fraction * sum(volumes) / fed if fed else 0.0
    return tuple(
        InjectionTruth(
            start_s=injection.onset_s,
            end_s=injection.end_s,
            volume_ml=injection.volume_ml,
            concentration_mg_per_ml=contrast.iodine_mg_ml,
            iodine_mg=injection.volume_ml * contrast.iodine_mg_ml,
            tip_lps_mm=_point(run.tips_lps_mm[injection.tip]),
            pattern=contrast.pattern if is_fed else pool,
            vessel_dose_fraction=min(share, 1.0) if is_fed else 0.0,
            onset_frame=_first(seen[number]),
        )
        for number, (injection, is_fed) in enumerate(zip(contrast.injections, feeds, strict=True))
    )


def _point(point: FloatArray) -> Point:
    x, y, z = (float(value) for value in point)
    return x, y, z


def _needle(run: SimulatedRun, placed: PlacedPoints, shift_lps_mm: FloatArray) -> NeedleTruth:
    points = placed.points
    return see_needle(
        run.view, placed.settings.gauge, points.tip_lps_mm + shift_lps_mm, points.direction_lps
    )


def _targets(run: SimulatedRun, shift_lps_mm: FloatArray) -> tuple[TargetTruth, ...]:
    """Return the targets that the first frame shows whole."""
    seen = []
    for target in block_targets(run.patient.anatomy.spine):
        points = [
            point + shift_lps_mm
            for point in (
                target.groove_superior_lps_mm,
                target.groove_inferior_lps_mm,
                target.block_point_lps_mm,
            )
        ]
        superior, inferior, block = (find_in_image(run.view, point) for point in points)
        if superior is None or inferior is None or block is None:
            continue
        seen.append(
            TargetTruth(
                nerve=target.nerve,
                vertebra=target.vertebra,
                side=target.side,
                groove_superior_lps_mm=_point(points[0]),
                groove_inferior_lps_mm=_point(points[1]),
                block_point_lps_mm=_point(points[2]),
                groove_superior_px=superior,
                groove_inferior_px=inferior,
                block_point_px=block,
            )
        )
    return tuple(seen)


def _motion(truth: PulseTruth, pulses: NDArray[np.intp]) -> MotionTruth:
    shifts = (truth.bone_px - truth.bone_px[0])[pulses]
    return MotionTruth(
        bone_shift_px=tuple((round(float(r), 4), round(float(c), 4)) for r, c in shifts),
        scale=tuple(round(float(s), 6) for s in truth.scale[pulses]),
    )
