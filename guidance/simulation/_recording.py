"""When pulses happen, and which of them each stored frame shows.

A unit that stores what it acquires has one frame a pulse. A recorder behind the monitor stores 25
or 30 frames a second whatever the pulse rate, so that each pulse is seen several times; at
the end it may go on storing the last image held.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Timing of one run.

    Attributes
    ----------
    pulse_rate_hz : float
        Pulses per second, 1 to 30.
    jitter_share : float
        Standard deviation of a pulse's time, as a share of the interval; at most 0.1.
    recorder_hz : float
        Frames per second of a recorder behind the monitor; 0 where each pulse is stored once.
    recorder_phase : float
        How long after the first image the recorder's first frame is, 0 to 1 of its interval.
    hold_s : float
        How long the recorder goes on after the last pulse. Seconds.
    """

    pulse_rate_hz: float = 15.0
    jitter_share: float = 0.0
    recorder_hz: float = 0.0
    recorder_phase: float = 0.0
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what runs backwards."""
        if not (0 < self.pulse_rate_hz <= 60 and 0 <= self.jitter_share <= 0.1):
            raise InputError(
                f"pulse_rate_hz {self.pulse_rate_hz}, jitter_share {self.jitter_share}; expected "
                "above 0 to 60, and 0 to 0.1, or pulses overtake each other"
            )
        if min(self.recorder_hz, self.hold_s) < 0 or not 0 <= self.recorder_phase <= 1:
            raise InputError(
                f"recorder_hz {self.recorder_hz}, hold_s {self.hold_s}, recorder_phase "
                f"{self.recorder_phase}; expected none below 0, and a phase of at most 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRanges:
    """Ranges that `draw_recording` draws from.

    Source: pulse rates of [N] Nickoloff, RadioGraphics 31:591 (2011), and of Balter, AJR 203:W234
    (2014): 1 to 30 pulses per second; pain clinics use few. The weights are guesses.
    """

    pulse_rates_hz: tuple[float, ...] = (1, 2, 3, 4, 6, 7.5, 8, 10, 12.5, 15, 25, 30)
    weights: tuple[float, ...] = (1, 1, 2, 2, 1, 4, 3, 1, 2, 5, 2, 3)
    jitter_share: tuple[float, float] = (0.0, 0.03)  # guess
    recorder_share: float = 0.35  # guess: runs stored by a recorder, where it repeats pulses
    recorders_hz: tuple[float, ...] = (25.0, 30.0)  # PAL and NTSC video
    repeats_up_to_hz: float = 8.0  # faster pulses are stored as they are
    hold_share: float = 0.3  # guess
    hold_s: tuple[float, float] = (0.3, 2.0)  # guess


def draw_recording(rng: np.random.Generator, ranges: RecordingRanges) -> RecordingSettings:
    """Return one run's timing."""
    weights = np.asarray(ranges.weights) / np.sum(ranges.weights)
    rate = float(rng.choice(ranges.pulse_rates_hz, p=weights))
    is_recorded = rng.random() < ranges.recorder_share and rate <= ranges.repeats_up_to_hz
    recorder = float(rng.choice(ranges.recorders_hz))
    phase, hold = rng.uniform(), rng.uniform(*ranges.hold_s)
    is_held = rng.random() < ranges.hold_share
    return RecordingSettings(
        pulse_rate_hz=rate,
        jitter_share=rng.uniform(*ranges.jitter_share),
        recorder_hz=recorder if is_recorded else 0.0,
        recorder_phase=phase if is_recorded else 0.0,
        hold_s=hold if is_recorded and is_held else 0.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredFrames:
    """Which pulse each stored frame shows.

    Attributes
    ----------
    pulses : (T,) intp array
        Index of the pulse, never decreasing.
    times_s : (T,) float64 array
        When the frame was stored, from the first frame. Seconds.
    pulse_times_s : (T,) float64 array
        When its pulse happened, from the first pulse. Seconds.
    """

    pulses: NDArray[np.intp]
    times_s: FloatArray
    pulse_times_s: FloatArray


def pulse_times(
    settings: RecordingSettings, duration_s: float, rng: np.random.Generator
) -> FloatArray:
    """Return when the pulses of a run happen, (P,) from 0 up to `duration_s`. Seconds."""
    if not duration_s >= 0:
        raise InputError(f"duration_s is {duration_s}, expected 0 or more")
    interval = 1 / settings.pulse_rate_hz
    count = int(np.floor(duration_s / interval + 1e-9)) + 1
    # Three standard deviations at most: with a share of 0.1 pulses stay in order.
    deviates = np.clip(rng.standard_normal(count), -3, 3)
    times = interval * (np.arange(count) + settings.jitter_share * deviates)
    result: FloatArray = np.maximum(times - times[0], 0.0)
    return result


def repeat_frames(settings: RecordingSettings, pulse_times_s: FloatArray) -> StoredFrames:
    """Return which pulse each stored frame shows.

    Parameters
    ----------
    settings : RecordingSettings
        Timing.
    pulse_times_s : (P,) float64 array
        When pulses happen, increasing. Seconds.
    """
    times = np.asarray(pulse_times_s, np.float64)
    if times.ndim != 1 or times.size == 0 or (np.diff(times) <= 0).any():
        raise InputError(
            f"pulse_times_s has shape {times.shape}; expected (P,) increasing times of at least "
            "one pulse"
        )
    if settings.recorder_hz == 0:
        pulses = np.arange(times.size)
        return StoredFrames(pulses=pulses, times_s=times - times[0], pulse_times_s=times)
    # The recorder starts with the first image on the monitor; a frame shows the newest one.
    seconds = times[-1] - times[0] + settings.hold_s
    count = int(np.floor(seconds * settings.recorder_hz + 1e-9)) + 1
    stored = np.arange(count) / settings.recorder_hz
    at = stored + settings.recorder_phase / settings.recorder_hz + 1e-9
    shown = np.searchsorted(times - times[0], at, side="right") - 1
    pulses = np.asarray(shown, np.intp)
    return StoredFrames(pulses=pulses, times_s=stored, pulse_times_s=times[pulses])
