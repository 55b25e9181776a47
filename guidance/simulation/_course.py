"""From contrast settings to where the iodine is in each frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray, SpreadPattern
from guidance.simulation._contrast_settings import ContrastSettings
from guidance.simulation._course_points import points_in_vessels, points_in_voxels
from guidance.simulation._course_record import ContrastCourse
from guidance.simulation._injection import delivered_ml
from guidance.simulation._pool_ground import lay_pool_ground
from guidance.simulation._pool_settings import draw_pool
from guidance.simulation._pools import PoolCourse, fill_pools
from guidance.simulation._surroundings import LEVELS, Bearings, Surroundings, take_bearings
from guidance.simulation._vessel_flow import TICK_S, carry_iodine, solve_flow
from guidance.simulation._vessel_routes import plan_vessels
from guidance.simulation._vessel_settings import VesselSettings
from guidance.simulation._vessel_tree import grow_tree

# An earlier block's contrast has thinned to this share of the injected concentration, and has had
# this long to soften. Guess.
RESIDUE_DILUTION = 0.35
RESIDUE_AGE_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeedlePlacement:
    """Where the injecting needle is.

    Attributes
    ----------
    vertebra, side : str
        Whose groove it aims at, in the contract's words: "L4", "left". "S1" for the sacral ala.
    tips_lps_mm : (K, 3) float64 array
        Its tip, and where it is moved to. On the surface of bone or in soft tissue. Millimetres.
    direction_lps : (3,) float64 array
        Unit vector from the hub to the tip.
    """

    vertebra: str
    side: str
    tips_lps_mm: FloatArray
    direction_lps: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and length."""
        tips = np.atleast_2d(np.asarray(self.tips_lps_mm, dtype=np.float64))
        direction = np.asarray(self.direction_lps, dtype=np.float64)
        if tips.ndim != 2 or tips.shape[1] != 3 or not np.isfinite(tips).all():
            raise InputError(f"tips_lps_mm has shape {tips.shape}, expected (K, 3), finite")
        if direction.shape != (3,) or abs(np.linalg.norm(direction) - 1) > 1e-3:
            raise InputError(f"direction_lps is {direction}, expected a unit vector (3,)")
        object.__setattr__(self, "tips_lps_mm", tips)
        object.__setattr__(self, "direction_lps", direction)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Clock:
    """Even ticks, and the tick of each frame."""

    ticks_s: FloatArray
    frames: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Cells of one kind over time."""

    masses_mg: NDArray[np.float32]
    volumes_mm3: FloatArray
    points_lps_mm: NDArray[np.float32]
    point_cell: NDArray[np.int32]
    in_vessel: bool


def simulate_contrast(
    settings: ContrastSettings,
    surroundings: Surroundings,
    placement: NeedlePlacement,
    times_s: FloatArray,
    rng: np.random.Generator,
) -> ContrastCourse:
    """Follow the iodine of a run from the needle to where it goes.

    Parameters
    ----------
    settings : ContrastSettings
        What is injected, and what takes it up.
    surroundings : Surroundings
        Tissue, bone and landmarks.
    placement : NeedlePlacement
        Where the tip is; as many positions as the settings' injections name.
    times_s : (T,) float64 array
        Of the frames, increasing. Met to within half a tick of 20 ms. Seconds.
    rng : Generator
        For the tissue's irregularity and the vessels' courses.

    Returns
    -------
    ContrastCourse

    Raises
    ------
    InputError
        The tip lies deep in bone, landmarks or tissues that the pattern needs are missing, or
        times do not increase.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if times.ndim != 1 or times.size == 0 or (np.diff(times) <= 0).any():
        raise InputError(f"times_s has shape {times.shape}; expected (T,) increasing seconds")
    if len(placement.tips_lps_mm) < settings.tips:
        raise InputError(
            f"the injections use {settings.tips} positions of the needle, tips_lps_mm has "
            f"{len(placement.tips_lps_mm)}"
        )
    bearings = take_bearings(surroundings, placement.vertebra, placement.side)
    # Each part has its own stream: another vessel must not change the pool.
    pool_rng, vessel_rng, residue_rng = rng.spawn(3)
    clock = _set_clock(settings, times)
    out_ml, taken_ml = _share_out(settings, clock)
    parts: list[_Part] = []
    absorbed, left = np.zeros(times.size), np.zeros(times.size)
    beside_ml = (out_ml - taken_ml)[clock.frames]
    if beside_ml[-1].sum() > 0:
        course = _fill(settings, surroundings, bearings, placement, beside_ml, times, pool_rng)
        absorbed = course.absorbed_mg
        parts.append(_pool_part(course, surroundings, pool_rng))
    if settings.vessel is not None:
        part, left = _run_vessel(
            settings,
            settings.vessel,
            surroundings,
            bearings,
            placement,
            clock,
            taken_ml,
            vessel_rng,
        )
        parts.append(part)
    residue = _lay_residue(settings, surroundings, placement, residue_rng, times.size)
    parts.extend(residue)
    residue_mg = float(sum(part.masses_mg[0].sum(dtype=np.float64) for part in residue))
    total_ml = float(out_ml[-1].sum())
    entered = np.flatnonzero(taken_ml.sum(axis=1) > 0)
    vessel = settings.vessel
    return _gather(
        parts,
        times_s=times,
        injected_mg=settings.iodine_mg_ml * out_ml[clock.frames].sum(axis=1) + residue_mg,
        absorbed_mg=absorbed,
        left_mg=left,
        residue_mg=residue_mg,
        iodine_mg_ml=settings.iodine_mg_ml,
        vessel_dose_fraction=float(taken_ml[-1].sum()) / total_ml if total_ml > 0 else 0.0,
        vessel_entry_diameter_mm=vessel.entry_diameter_mm if vessel else None,
        vessel_kind=vessel.kind if vessel else None,
        vessel_entered_s=float(clock.ticks_s[entered[0]]) if entered.size else None,
        injections_s=tuple((i.onset_s, i.end_s) for i in settings.injections),
    )


def _set_clock(settings: ContrastSettings, times: FloatArray) -> _Clock:
    first = min([float(times[0]), *(injection.onset_s for injection in settings.injections)])
    count = max(1, int(np.ceil((times[-1] - first) / TICK_S - 1e-9)))
    ticks: FloatArray = np.float64(first) + TICK_S * np.arange(count + 1)
    return _Clock(ticks_s=ticks, frames=np.rint((times - first) / TICK_S).astype(np.int64))


def _share_out(settings: ContrastSettings, clock: _Clock) -> tuple[FloatArray, FloatArray]:
    """Return what each tip has let out by each tick (K, tips), and what of it a vessel took.

    The vessel takes a fixed share of the rate from the time it is entered on, but never more than
    its calibre lets through; the rest goes to the pool.
    """
    ticks, vessel = clock.ticks_s, settings.vessel
    out = np.zeros((ticks.size, settings.tips))
    taken = np.zeros((ticks.size, settings.tips))
    entered = False
    for injection in settings.injections:
        volume = delivered_ml(injection, ticks)
        out[:, injection.tip] += volume
        if vessel is None or vessel.tip != injection.tip:
            continue
        begun_s = injection.onset_s + (0.0 if entered else vessel.delay_s)
        before = float(delivered_ml(injection, np.array([begun_s]))[0])
        after = np.maximum(volume - before, 0.0)
        share = min(
            1.0, vessel.dose_fraction * injection.volume_ml / (injection.volume_ml - before)
        )
        most = vessel.most_ml_s * TICK_S
        steps = np.minimum(np.diff(after, prepend=0.0) * share, most)
        taken[:, injection.tip] += np.cumsum(steps)
        entered = True
    return out, taken


def _fill(
    settings: ContrastSettings,
    surroundings: Surroundings,
    bearings: Bearings,
    placement: NeedlePlacement,
    volumes_ml: FloatArray,
    times: FloatArray,
    rng: np.random.Generator,
) -> PoolCourse:
    pool = settings.pool
    if pool is None:
        raise InputError(
            "settings.pool is missing; contrast outside of a vessel has to go somewhere"
        )
    tips = placement.tips_lps_mm[: settings.tips]
    ground = lay_pool_ground(pool, surroundings, bearings, tips, float(volumes_ml[-1].sum()), rng)
    return fill_pools(
        ground,
        volumes_ml,
        times,
        settings.iodine_mg_ml,
        pool.dispersion_mm2_s,
        pool.absorption_s,
    )


def _pool_part(course: PoolCourse, surroundings: Surroundings, rng: np.random.Generator) -> _Part:
    used = course.masses_mg.max(axis=0) > 0
    centers = course.centers_lps_mm[used]
    points, cells = points_in_voxels(centers, course.spacing_mm, rng)
    # A voxel on bone has its centre outside; what its points reach of the bone is drawn back.
    on_bone = surroundings.bone_distance_at(centers) < course.spacing_mm
    near = np.flatnonzero(on_bone[cells])
    inside = near[surroundings.bone_distance_at(points[near].astype(np.float64)) <= 0]
    middle = centers[cells[inside]].astype(np.float32)
    points[inside] = middle + np.float32(0.2) * (points[inside] - middle)
    return _Part(
        masses_mg=course.masses_mg[:, used],
        volumes_mm3=course.capacities_mm3[used],
        points_lps_mm=points,
        point_cell=cells,
        in_vessel=False,
    )


def _run_vessel(
    settings: ContrastSettings,
    vessel: VesselSettings,
    surroundings: Surroundings,
    bearings: Bearings,
    placement: NeedlePlacement,
    clock: _Clock,
    taken_ml: FloatArray,
    rng: np.random.Generator,
) -> tuple[_Part, FloatArray]:
    tip = placement.tips_lps_mm[vessel.tip]
    plan = plan_vessels(
        vessel.route,
        surroundings,
        bearings,
        tip,
        placement.direction_lps if vessel.is_end_on else None,
    )
    tree = grow_tree(vessel, plan, surroundings, rng)
    masses, left = carry_iodine(
        tree,
        solve_flow(tree, vessel),
        vessel,
        taken_ml.sum(axis=1),
        clock.ticks_s,
        clock.frames,
        settings.iodine_mg_ml,
    )
    points, cells = points_in_vessels(tree)
    part = _Part(
        masses_mg=masses,
        volumes_mm3=tree.volumes_mm3,
        points_lps_mm=points,
        point_cell=cells,
        in_vessel=True,
    )
    return part, left


def _lay_residue(
    settings: ContrastSettings,
    surroundings: Surroundings,
    placement: NeedlePlacement,
    rng: np.random.Generator,
    n_frames: int,
) -> list[_Part]:
    """Return the pool of an earlier block, unchanging; nothing where its groove is not known."""
    residue = settings.residue
    if residue is None:
        return []
    place = LEVELS.index(placement.vertebra) - residue.level_offset
    other = "left" if placement.side == "right" else "right"
    side = other if residue.level_offset == 0 else placement.side
    name = f"{LEVELS[place]}.{side}.groove_superior" if 0 <= place < len(LEVELS) else ""
    if name not in surroundings.landmarks:
        return []
    tip = surroundings.landmark(name)
    low = np.array(surroundings.grid.first_lps_mm) + 8.0
    size = surroundings.grid.spacing_mm * (np.array(surroundings.grid.shape)[::-1] - 1)
    if (tip < low).any() or (tip > low + size - 16.0).any():
        return []
    pool = draw_pool(rng, SpreadPattern.PERINEURAL)
    thinned = RESIDUE_DILUTION * settings.iodine_mg_ml
    volume = residue.iodine_mg / thinned
    bearings = take_bearings(surroundings, LEVELS[place], side)
    ground = lay_pool_ground(pool, surroundings, bearings, tip[None], volume, rng)
    filled = fill_pools(
        ground,
        np.full((2, 1), volume),
        np.array([0.0, RESIDUE_AGE_S]),
        thinned,
        pool.dispersion_mm2_s,
        1e9,
    )
    part = _pool_part(filled, surroundings, rng)
    return [
        _Part(
            masses_mg=np.repeat(part.masses_mg[-1:], n_frames, axis=0),
            volumes_mm3=part.volumes_mm3,
            points_lps_mm=part.points_lps_mm,
            point_cell=part.point_cell,
            in_vessel=False,
        )
    ]


def _gather(parts: list[_Part], **known: object) -> ContrastCourse:
    """Join the parts' cells and points into one course."""
    times = known["times_s"]
    if not parts:
        parts = [
            _Part(
                masses_mg=np.zeros((np.size(times), 0), np.float32),  # type: ignore[arg-type]
                volumes_mm3=np.zeros(0),
                points_lps_mm=np.zeros((0, 3), np.float32),
                point_cell=np.zeros(0, np.int32),
                in_vessel=False,
            )
        ]
    sizes = [part.volumes_mm3.size for part in parts]
    firsts = np.cumsum([0, *sizes[:-1]])
    return ContrastCourse(
        masses_mg=np.concatenate([part.masses_mg for part in parts], axis=1),
        in_vessel=np.repeat([part.in_vessel for part in parts], sizes),
        cell_volumes_mm3=np.concatenate([part.volumes_mm3 for part in parts]),
        points_lps_mm=np.concatenate([part.points_lps_mm for part in parts]),
        point_cell=np.concatenate(
            [part.point_cell + first for part, first in zip(parts, firsts, strict=True)]
        ).astype(np.int32),
        **known,  # type: ignore[arg-type]
    )
