"""Measurements of drawn contrast whose size, speed and course are known."""

import math

import numpy as np
import pytest

from guidance.spread._history import History
from guidance.spread._injections import Injection, follow, is_new
from guidance.spread._measures import ContrastCourse, find_contrast
from guidance.spread._reader import PATTERNS, Reading
from guidance.spread._settings import SightSettings
from guidance.spread._sight import Seen

SHAPE = (128, 128)
MM = 0.5
STEP_S = 0.1


def seen_of(added: np.ndarray) -> Seen:
    return Seen(
        change=added,
        z=added / np.float32(0.01),
        valid=np.ones(SHAPE, np.bool_),
        attenuation=added,
        shift=(0.0, 0.0),
        noise=0.01,
    )


def reading_of(contrast: np.ndarray, vessel: np.ndarray | None = None) -> Reading:
    nowhere = np.zeros(SHAPE, np.float32)
    vessel = nowhere if vessel is None else vessel.astype(np.float32)
    return Reading(
        contrast=contrast.astype(np.float32),
        vessel=vessel,
        vessel_ever=vessel,
        uptake=0.0,
        injected=5.0,
        patterns=np.full(len(PATTERNS), 1 / len(PATTERNS), np.float32),
    )


def watched(masks: list[np.ndarray]):
    """Return a course that has seen masks in turn, with the last measurements."""
    course, history = ContrastCourse(SHAPE, MM), History.empty(SHAPE)
    measures = None
    for i, mask in enumerate(masks):
        seen, reading = seen_of(0.1 * mask.astype(np.float32)), reading_of(mask)
        history.take(seen, i * STEP_S, SightSettings())
        if i == 0:
            course.begin(mask)
        measures = course.measure(find_contrast(reading, seen), seen, history, reading, i * STEP_S)
    return course, measures


def disc(radius: float) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return (rows - 64) ** 2 + (columns - 64) ** 2 <= radius**2


def line(length: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[63:65, 20 : 20 + length] = True
    return mask


def test_area_and_signal_of_a_disc():
    course, measures = watched([disc(10)] * 3)
    area_mm2 = disc(10).sum() * MM**2
    assert measures.area == pytest.approx(math.log1p(area_mm2))
    assert measures.signal == pytest.approx(math.log1p(0.1 * area_mm2), rel=1e-4)
    assert course.run_off == pytest.approx(0.0, abs=1e-6)


def test_a_line_that_grows_has_its_speed():
    lengths = [6 + 4 * i for i in range(20)]  # 4 px of 0.5 mm in 0.1 s: 20 mm/s
    _, measures = watched([line(length) for length in lengths])
    assert math.expm1(measures.front_speed) == pytest.approx(20.0, rel=0.25)


def test_a_line_is_thin_and_a_disc_is_not():
    _, of_line = watched([line(60)] * 3)
    _, of_disc = watched([disc(14)] * 3)
    assert of_line.thin**2 == pytest.approx(60 * MM, rel=0.15)
    assert of_disc.thin**2 < 3
    assert of_line.elongation > of_disc.elongation
    assert of_line.width < of_disc.width


def test_what_leaves_runs_off_and_is_washed():
    _, measures = watched([disc(10)] * 20 + [disc(2)] * 30)
    assert measures.run_off > 0.9
    assert measures.washed**2 == pytest.approx((disc(10).sum() - disc(2).sum()) * MM**2, rel=0.2)


def test_what_stays_does_not():
    _, measures = watched([disc(10)] * 50)
    assert measures.run_off < 0.01
    assert measures.washed == 0.0


def test_a_piece_by_itself_is_apart():
    mask = disc(6)
    mask[10:22, 10:22] = True
    _, measures = watched([disc(6), mask, mask])
    assert measures.apart == pytest.approx(144 / mask.sum(), abs=0.01)


def test_half_sure_places_count_where_they_hang_together_with_sure_ones():
    shares = np.zeros(SHAPE, np.float32)
    shares[40:60, 40:60] = 0.7
    shares[50, 50] = 0.95
    shares[100:110, 100:110] = 0.7
    found = find_contrast(reading_of(shares), seen_of(shares))
    assert found[41, 41]
    assert not found[105, 105]


def grown(held: list[float], pause_s: float) -> list[int]:
    """Return the onsets of the injections that a course of the signal makes."""
    first = Injection(onset_frame=0, end_frame=0, end_s=0.0, origin=(0.0, 0.0))
    injections = [first]
    for frame, value in enumerate(held):
        time_s = frame * STEP_S
        follow(injections[-1], frame, value, time_s, pause_s)
        if is_new(injections[-1], value):
            injections.append(
                Injection(
                    onset_frame=injections[-1].again_frame,
                    end_frame=frame,
                    end_s=time_s,
                    origin=(0.0, 0.0),
                    grown=value,
                    trough=value,
                )
            )
    return [injection.onset_frame for injection in injections]


def ramp(low: float, high: float, frames: int) -> list[float]:
    return np.linspace(low, high, frames).tolist()


def test_growth_after_a_pause_is_another_injection():
    onsets = grown(ramp(0, 10, 15) + [10.0] * 30 + ramp(10, 18, 15) + [18.0] * 10, 1.5)
    assert onsets == [0, pytest.approx(45, abs=2)]


def test_one_push_with_a_short_stop_is_one_injection():
    assert grown(ramp(0, 10, 15) + [10.0] * 8 + ramp(10, 18, 15) + [18.0] * 10, 1.5) == [0]


def test_what_washes_out_is_no_injection_and_what_comes_after_it_is():
    assert grown(ramp(0, 10, 10) + ramp(10, 2, 40), 1.5) == [0]
    onsets = grown(ramp(0, 10, 10) + ramp(10, 2, 40) + ramp(2, 8, 10), 1.5)
    assert onsets == [0, pytest.approx(50, abs=2)]
