"""The images of a course: contrast, tubing and needle as the monitor's running means show them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.simulation import BareRun
from guidance.spread import History, Seen, SightSettings
from guidance.training._drawn import Image, find_own

PER_MG = 0.004
"""Relative change of intensity by 1 mg/cm² of iodine: at the voltages of fluoroscopy, scatter
included, simulated runs have about this. Strength is varied in training."""

_PER_STEEL_CM = 6.0
"""Attenuation by a centimetre of steel at the same voltages, scatter included."""

LEAST_CHANGE = 0.01
"""A course that never changes a pixel by so much shows in no noise."""

_SHOWN = 0.003
_DISPLACED = 0.01
_STEEL = 0.05
_MARGIN_PX = 3

MOST_PULSES = 8
_FADE_PULSES = 12.0
"""Pulses soon after onset are chosen more often: there the picture changes most."""

_WATCHED_FRAMES = 1000
"""The means have run for long when contrast comes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """What changes in a run without anything else, as relative change of intensity.

    Attributes
    ----------
    times_s : (T,) float64 array
        Of the pulses. Seconds.
    new, vessel : (T, r, c) float32 array
        New contrast, and the part of it in a vessel.
    displaced : (T, r, c) float32 array
        By the needle as it moves, and by its tubing as it fills.
    steel : (r, c) float32 array
        Share of the rays that the needle took before that.
    """

    times_s: NDArray[np.float64]
    new: Image
    vessel: Image
    displaced: Image
    steel: Image


def see_changes(bare: BareRun, *, moves: bool) -> Changes:
    """Return what changes in a run; the needle keeps still unless it `moves`."""
    times = bare.times_s
    maps = [bare.iodine(pulse) for pulse in range(times.size)]
    new, vessel = (np.float32(PER_MG) * np.stack(images) for images in zip(*maps, strict=True))
    steel, tubing = _see_needle(bare, float(times[0]))
    displaced = np.zeros_like(new)
    for pulse, time_s in enumerate(times.tolist() if moves else ()):
        taken, filled = _see_needle(bare, time_s)
        displaced[pulse] = taken - steel + (filled - tubing) * (1 - taken)
    return Changes(times_s=times, new=new, vessel=vessel, displaced=displaced, steel=steel)


def _see_needle(bare: BareRun, time_s: float) -> tuple[Image, Image]:
    steel_cm, iodine_mg_per_cm2 = bare.needle(time_s)
    return 1 - np.exp(np.float32(-_PER_STEEL_CM) * steel_cm), np.float32(PER_MG) * iodine_mg_per_cm2


def draw_course_images(
    changes: Changes, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Return some pulses of a course, and its images in them.

    Parameters
    ----------
    changes : Changes
        Of the whole run.
    rng : numpy.random.Generator
        Chooses the pulses.

    Returns
    -------
    pulses : (N,) int array
        In order; none where contrast never shows.
    images : (N, 8, r, c) float16 array
        See `guidance.training._course_files.COURSE_IMAGES`; cut to where anything is.
    """
    if changes.new.max(initial=0.0) < LEAST_CHANGE:
        return np.zeros(0, np.int64), np.zeros((0, 8, 1, 1), np.float16)
    pulses = _choose_pulses(changes.new, rng)
    return pulses, _follow(_cut(changes), pulses)


def _choose_pulses(new: Image, rng: np.random.Generator) -> NDArray[np.int64]:
    onset = int(np.argmax((new > _SHOWN).any((1, 2))))
    after = np.arange(onset, len(new))
    weights = 1 / (1 + np.arange(after.size) / _FADE_PULSES)
    count = min(after.size, MOST_PULSES)
    return np.sort(rng.choice(after, count, replace=False, p=weights / weights.sum()))


def _cut(changes: Changes) -> Changes:
    """Return the part of the image where anything is."""
    is_there = changes.new.max(0) > _SHOWN
    is_there |= np.abs(changes.displaced).max(0) > _DISPLACED
    is_there |= changes.steel > _STEEL
    part = tuple(
        slice(max(int(places.min()) - _MARGIN_PX, 0), int(places.max()) + _MARGIN_PX + 1)
        for places in np.nonzero(is_there)
    )
    every = (slice(None), *part)
    return Changes(
        times_s=changes.times_s,
        new=changes.new[every],
        vessel=changes.vessel[every],
        displaced=changes.displaced[every],
        steel=changes.steel[part],
    )


def _follow(changes: Changes, pulses: NDArray[np.int64]) -> NDArray[np.float16]:
    shape = changes.steel.shape
    history = History.empty((shape[0], shape[1]))
    history.frames = _WATCHED_FRAMES
    everywhere = np.ones(shape, np.bool_)
    settings = SightSettings()
    ever = np.zeros(shape, np.float32)
    wanted = set(pulses.tolist())
    images: list[NDArray[np.float16]] = []
    for pulse, time_s in enumerate(changes.times_s.tolist()):
        new, vessel = changes.new[pulse], changes.vessel[pulse]
        change = new + changes.displaced[pulse]
        seen = Seen(
            change=change,
            z=change,
            valid=everywhere,
            attenuation=change,
            shift=(0.0, 0.0),
            noise=1.0,
        )
        history.take(seen, time_s, settings)
        own = vessel * find_own(new, vessel)
        ever = np.maximum(ever, own)
        if pulse in wanted:
            shown = (*history.images(), new, own, ever, changes.steel)
            images.append(np.stack(shown).astype(np.float16))
    return np.stack(images)
