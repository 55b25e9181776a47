"""How patient, needle, table and C-arm move during a run.

Displacements are (3,) in LPS millimetres. Bone, soft tissue and bowel follow the breath by
different amounts and with different delays; the needle is held by tissue and pushed by the hand;
the table, a turn of the C-arm and a change of the field of view move the picture as a whole.
"""

from dataclasses import dataclass, replace

import numpy as np

from guidance.errors import InputError
from guidance.geometry import ConeBeamView, moved
from guidance.records import FloatArray

Range = tuple[float, float]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionRanges:
    """Ranges that `draw_motion` draws from; uniform unless said.

    Attributes
    ----------
    breath_period_s : Range
        12 to 20 breaths a minute at rest, slower under sedation.
    breath_bone_mm : Range
        Amplitude of vertebrae, craniocaudal and anteroposterior together. Prone lumbar vertebrae
        move by 0.1 to 2 mm (Zhang et al. 2012, Hoogeman et al. 2009; Furweger et al. 2014 found a
        mean of 0.8 mm prone).
    breath_bowel_factor : Range
        Bowel and kidneys move by 5 to 20 mm with the diaphragm (Bussels et al. 2003).
    breath_soft_factor : Range
        Back muscle and skin, relative to bone. Guess.
    heart_mm : Range
        What the aorta's pulse adds to soft tissue. Guess.
    peristalsis_mm_per_s : Range
        Drift of gas pockets. Guess.
    cough_share, pan_share, turn_share, zoom_share, jerk_share : float
        How many runs have one. Guess, from what pulsed runs of needle work look like.
    cough_mm, pan_mm, jerk_mm : Range
        Millimetres. Guess.
    turn_deg : Range
        Degrees. Guess.
    zoom : Range
        Factor by which the picture is magnified when the field of view is switched: ratio of
        neighbouring fields of common image intensifiers (23, 17, 13 cm).
    tremor_mm : Range
        The hand on the syringe. Guess; tip tremor of a held tool is about 0.1 mm (Riviere 2003).
    """

    breath_period_s: Range = (2.8, 5.5)
    breath_bone_mm: Range = (0.05, 1.2)
    breath_bowel_factor: Range = (3.0, 10.0)
    breath_soft_factor: Range = (1.0, 2.0)
    heart_mm: Range = (0.0, 0.15)
    peristalsis_mm_per_s: Range = (0.0, 1.5)
    cough_share: float = 0.05
    cough_mm: Range = (1.0, 5.0)
    pan_share: float = 0.06
    pan_mm: Range = (3.0, 14.0)
    turn_share: float = 0.03
    turn_deg: Range = (1.0, 6.0)
    zoom_share: float = 0.03
    zoom: Range = (1.15, 1.35)
    jerk_share: float = 0.5
    jerk_mm: Range = (0.2, 2.0)
    tremor_mm: Range = (0.0, 0.15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens once, smoothly.

    Attributes
    ----------
    start_s, duration_s : float
        When it begins, and how long it takes. Seconds.
    amount : tuple of float
        By how much: a vector in LPS millimetres, or one number.
    """

    start_s: float
    duration_s: float
    amount: tuple[float, ...]

    def share(self, time_s: float) -> float:
        """Return how much of it is done, 0 to 1."""
        passed = float(np.clip((time_s - self.start_s) / self.duration_s, 0, 1))
        return passed * passed * (3 - 2 * passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings:
    """How everything moves in one run.

    Attributes
    ----------
    breath_period_s, breath_phase : float
        Period, and phase at time 0 in turns.
    breath_bone_mm : (x, y, z)
        Amplitude of bone. Millimetres.
    soft_factor, bowel_factor : float
        Amplitude of soft tissue and of bowel relative to bone; bowel moves craniocaudally.
    bowel_delay : float
        How far bowel lags behind bone, in turns.
    heart_mm, heart_rate_hz : float
        Of soft tissue.
    peristalsis_mm_per_s : float
        Drift of gas pockets.
    cough, pan, turn, zoom : Event or None
        Amounts: millimetres LPS; millimetres LPS; degrees of the primary angle; the factor by
        which the picture grows.
    jerks : tuple of Event
        The hand on the needle: millimetres LPS, each lasting.
    tremor_mm : float
        Amplitude of the hand's tremor while it injects.
    """

    breath_period_s: float
    breath_phase: float
    breath_bone_mm: Vector
    soft_factor: float
    bowel_factor: float
    bowel_delay: float
    heart_mm: float
    heart_rate_hz: float
    peristalsis_mm_per_s: float
    cough: Event | None = None
    pan: Event | None = None
    turn: Event | None = None
    zoom: Event | None = None
    jerks: tuple[Event, ...] = ()
    tremor_mm: float = 0.0

    def __post_init__(self) -> None:
        """Check what time is divided by, and that bone stays within the picture."""
        if not self.breath_period_s > 0.5:
            raise InputError(f"breath_period_s is {self.breath_period_s}, expected more than 0.5")
        if not (0 <= self.soft_factor <= 50 and 0 <= self.bowel_factor <= 50):
            raise InputError(
                f"soft_factor {self.soft_factor} and bowel_factor {self.bowel_factor}, expected 0 "
                "to 50 times the bone's motion"
            )
        if not np.linalg.norm(self.breath_bone_mm) <= 10:
            raise InputError(f"breath_bone_mm is {self.breath_bone_mm}, expected 10 mm at most")


def _direction(rng: np.random.Generator) -> FloatArray:
    vector = rng.normal(size=3)
    unit: FloatArray = vector / np.linalg.norm(vector)
    return unit


def _event(
    rng: np.random.Generator, share: float, duration_s: float, took_s: Range, amount: FloatArray
) -> Event | None:
    """Draw whether and when something happens; the same numbers are drawn either way."""
    happens, when, took = rng.random(), rng.random(), rng.uniform(*took_s)
    if happens >= share:
        return None
    start = (0.1 + 0.8 * when) * duration_s
    return Event(start_s=start, duration_s=took, amount=tuple(float(a) for a in amount))


def draw_motion(
    rng: np.random.Generator,
    ranges: MotionRanges,
    duration_s: float,
    injection_starts_s: tuple[float, ...] = (),
    repositioning_mm: tuple[Vector, ...] = (),
) -> MotionSettings:
    """Return how things move in one run.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    ranges : MotionRanges
        What may happen.
    duration_s : float
        Of the run. Seconds.
    injection_starts_s : tuple of float
        When injections begin: the hand takes the syringe shortly before. Seconds.
    repositioning_mm : tuple of (x, y, z)
        How far the needle is moved before the second and later injections.
    """
    bone = _direction(rng) * (0.4, 1.0, 1.0)
    bone *= rng.uniform(*ranges.breath_bone_mm) / np.linalg.norm(bone)
    pan = rng.normal(size=3) * (1.0, 0.0, 1.0)
    pan *= rng.uniform(*ranges.pan_mm) / np.linalg.norm(pan)
    jerks = []
    for number, start in enumerate(injection_starts_s):
        happens, before = rng.random(), rng.uniform(0.2, 1.5)
        amount = _direction(rng) * rng.uniform(*ranges.jerk_mm)
        if happens < ranges.jerk_share:
            amounts = tuple(float(a) for a in amount)
            jerks.append(Event(start_s=max(0.0, start - before), duration_s=0.4, amount=amounts))
        if 0 < number <= len(repositioning_mm):
            amounts = repositioning_mm[number - 1]
            jerks.append(Event(start_s=max(0.0, start - 2.5), duration_s=1.2, amount=amounts))
    return MotionSettings(
        breath_period_s=rng.uniform(*ranges.breath_period_s),
        breath_phase=rng.random(),
        breath_bone_mm=(float(bone[0]), float(bone[1]), float(bone[2])),
        soft_factor=rng.uniform(*ranges.breath_soft_factor),
        bowel_factor=rng.uniform(*ranges.breath_bowel_factor),
        bowel_delay=rng.uniform(-0.1, 0.2),
        heart_mm=rng.uniform(*ranges.heart_mm),
        heart_rate_hz=rng.uniform(0.9, 1.6),
        peristalsis_mm_per_s=rng.uniform(*ranges.peristalsis_mm_per_s),
        cough=_event(
            rng,
            ranges.cough_share,
            duration_s,
            (0.8, 1.5),
            _direction(rng) * rng.uniform(*ranges.cough_mm),
        ),
        pan=_event(rng, ranges.pan_share, duration_s, (0.5, 2.0), pan),
        turn=_event(
            rng,
            ranges.turn_share,
            duration_s,
            (0.8, 2.0),
            np.array([rng.choice((-1, 1)) * rng.uniform(*ranges.turn_deg)]),
        ),
        zoom=_event(
            rng, ranges.zoom_share, duration_s, (0.01, 0.02), np.array([rng.uniform(*ranges.zoom)])
        ),
        jerks=tuple(jerks),
        tremor_mm=rng.uniform(*ranges.tremor_mm),
    )


def _breath(motion: MotionSettings, time_s: float, delay: float) -> float:
    """Return the breath's excursion, -1 to 1: a quick in, a slow out, a pause (Lujan 1999)."""
    turns = time_s / motion.breath_period_s + motion.breath_phase - delay
    return float(1 - 2 * np.cos(np.pi * turns) ** 4)


def _cough(motion: MotionSettings, time_s: float) -> FloatArray:
    cough = motion.cough
    if cough is None or time_s < cough.start_s:
        return np.zeros(3)
    passed = (time_s - cough.start_s) / cough.duration_s
    # Two or three bursts that die away.
    size = np.sin(2 * np.pi * 2.5 * passed) * np.exp(-2.5 * passed)
    return np.array(cough.amount) * float(size)


def bone_shift_mm(motion: MotionSettings, time_s: float) -> FloatArray:
    """Return how far bone, and the contrast along it, lies from its mean place. (3,), LPS mm."""
    breath = np.array(motion.breath_bone_mm) * _breath(motion, time_s, 0.0)
    shift: FloatArray = breath + _cough(motion, time_s)
    return shift


def soft_shift_mm(motion: MotionSettings, time_s: float) -> FloatArray:
    """Return how far soft tissue lies from its mean place. (3,), LPS millimetres."""
    breath = np.array(motion.breath_bone_mm) * motion.soft_factor
    shift = breath * _breath(motion, time_s, 0.05) + 1.5 * _cough(motion, time_s)
    shift[1] += motion.heart_mm * np.sin(2 * np.pi * motion.heart_rate_hz * time_s)
    return shift


def bowel_shift_mm(motion: MotionSettings, time_s: float) -> FloatArray:
    """Return how far bowel lies from its mean place, without peristalsis. (3,), LPS mm."""
    size = float(np.linalg.norm(motion.breath_bone_mm)) * motion.bowel_factor
    # The diaphragm pushes mostly caudally.
    shift = size * _breath(motion, time_s, motion.bowel_delay) * np.array((0.1, 0.3, -1.0))
    return np.asarray(shift + 2.5 * _cough(motion, time_s))


def needle_shift_mm(motion: MotionSettings, time_s: float, is_injecting: bool) -> FloatArray:
    """Return how far the needle lies from its first place: with bone, and moved by the hand."""
    shift = bone_shift_mm(motion, time_s)
    for jerk in motion.jerks:
        shift += np.array(jerk.amount) * jerk.share(time_s)
    if is_injecting:
        # Tremor of the hand lies between 6 and 12 Hz.
        phases = 2 * np.pi * time_s * np.array((7.3, 8.9, 10.1))
        shift += motion.tremor_mm * np.sin(phases)
    return shift


def view_at(view: ConeBeamView, motion: MotionSettings, time_s: float) -> ConeBeamView:
    """Return the view at a time: after the table's move, the C-arm's turn, the field's switch."""
    if motion.pan is not None:
        view = moved(view, np.array(motion.pan.amount) * motion.pan.share(time_s))
    if motion.turn is not None:
        angle = view.primary_angle_deg + motion.turn.amount[0] * motion.turn.share(time_s)
        view = replace(view, primary_angle_deg=(angle + 180) % 360 - 180)
    if motion.zoom is not None:
        factor = 1 + (motion.zoom.amount[0] - 1) * motion.zoom.share(time_s)
        row, column = view.spacing_det_mm
        view = replace(view, spacing_det_mm=(row / factor, column / factor))
    return view
