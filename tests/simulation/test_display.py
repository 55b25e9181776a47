"""Filters, tone curves and bits."""

from dataclasses import replace

import numpy as np
import pytest

from guidance.errors import InputError
from guidance.simulation._display import (
    Display,
    DisplayRanges,
    DisplaySettings,
    ToneCurve,
    draw_display,
    inverted,
    tone,
)
from guidance.simulation._lettering import letter_map, text_mask

SHAPE = (96, 96)
FIELD = np.ones(SHAPE, bool)
PLAIN = DisplaySettings(recursive_weight=0.0, edge_amount=0.0, level=0.4, bits_stored=12)


def shown(settings: DisplaySettings, signal: np.ndarray, quanta: float = 100.0) -> np.ndarray:
    return Display(settings, FIELD, 1.0)(np.asarray(signal, np.float32), quanta)


def noise(count: int, spread: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (1 + spread * rng.standard_normal((count, *SHAPE))).astype(np.float32)


@pytest.mark.parametrize("weight", [0.3, 0.6, 0.8])
def test_the_recursive_filter_reduces_variance_by_its_law(weight):
    display = Display(replace(PLAIN, recursive_weight=weight), FIELD, 1.0)
    frames = np.stack([display(frame, 100.0) for frame in noise(60)])[30:] / (0.4 * 4095)
    # The variance of single pixels over time would be too few numbers: take each frame's.
    assert frames.var(axis=(1, 2)).mean() == pytest.approx(
        0.01 * (1 - weight) / (1 + weight), rel=0.05
    )
    assert frames.mean() == pytest.approx(1, rel=2e-3)


def test_the_recursive_filter_lets_go_of_what_moves():
    still = np.ones(SHAPE, np.float32)
    moved = still.copy()
    moved[40:60, 40:60] = 0.3
    for threshold, remains in ((0.0, 0.65), (4.0, 0.3)):
        settings = replace(PLAIN, recursive_weight=0.5, motion_threshold=threshold)
        display = Display(settings, FIELD, 1.0)
        display(still, 1000.0)
        value = display(moved, 1000.0)[50, 50] / (0.4 * 4095)
        assert value == pytest.approx(remains, abs=0.02)


def test_smoothing_takes_noise_and_leaves_edges():
    frame = noise(1)[0]
    frame[:, 48:] *= 0.2
    rough, smooth = (shown(replace(PLAIN, smoothing=s), frame) / (0.4 * 4095) for s in (0.0, 0.8))
    assert smooth[10:-10, 5:40].std() < 0.5 * rough[10:-10, 5:40].std()
    assert smooth[:, :47].mean() == pytest.approx(rough[:, :47].mean(), rel=0.01)
    step = smooth[:, 47].mean() - smooth[:, 48].mean()
    assert step > 0.7 * 0.8


def test_edges_are_enhanced_and_the_mean_is_kept():
    frame = np.ones(SHAPE, np.float32)
    frame[:, 48:] = 0.5
    plain, sharp = (shown(replace(PLAIN, edge_amount=a), frame).astype(float) for a in (0, 1))
    assert sharp[50, 47] > 1.1 * plain[50, 47]
    assert sharp[50, 48] < 0.9 * plain[50, 48]
    assert sharp.mean() == pytest.approx(plain.mean(), rel=1e-3)


@pytest.mark.parametrize("curve", list(ToneCurve))
def test_curves_rise_and_put_the_target_where_it_belongs(curve):
    settings = replace(PLAIN, curve=curve, gamma=0.6)
    values = tone(settings, np.linspace(0.05, 2, 50))
    assert (np.diff(values) > 0).all()
    assert tone(settings, np.array([1.0]))[0] == pytest.approx(0.4)


@pytest.mark.parametrize("curve", list(ToneCurve))
def test_the_table_is_the_curve(curve):
    settings = replace(PLAIN, curve=curve, gamma=0.6, bits_stored=14)
    signal = np.linspace(0.02, 2.2, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    expected = np.clip(tone(settings, signal), 0, 1) * settings.full_scale
    np.testing.assert_allclose(shown(settings, signal), expected, atol=1.5)


def test_a_linear_image_is_the_signal_and_a_logarithmic_one_its_nepers():
    signal = np.broadcast_to(np.float32([1.0, 0.5] * 48), SHAPE)
    linear = shown(PLAIN, signal).astype(float)
    assert linear[0, 0] / linear[0, 1] == pytest.approx(2, rel=1e-3)
    logged = shown(replace(PLAIN, curve=ToneCurve.LOGARITHMIC, log_span=4.0), signal).astype(float)
    assert logged[0, 0] - logged[0, 1] == pytest.approx(np.log(2) / 4 * 4095, abs=1)
    assert [curve.relationship for curve in ToneCurve] == ["LIN", "LOG", "DISP", "DISP"]


def test_values_are_clipped_at_both_ends():
    signal = np.broadcast_to(np.float32([-0.5, 100.0] * 48), SHAPE)
    for bits, kind in ((8, np.uint8), (10, np.uint16), (14, np.uint16)):
        image = shown(replace(PLAIN, bits_stored=bits), signal)
        assert image.dtype == kind
        assert set(np.unique(image)) == {0, 2**bits - 1}
        np.testing.assert_array_equal(inverted(image, bits), image[:, ::-1])


def test_outside_of_the_field_nothing_is_stored_but_text():
    field = FIELD.copy()
    field[:, :30] = False
    display = Display(replace(PLAIN, text=("SIMULATED",)), field, 1.0)
    image = display(np.ones(SHAPE, np.float32), 100.0)
    outside = image[:, :30]
    assert set(np.unique(outside)) == {0, 4095}
    assert (outside[20:] == 0).all()


def test_text_lies_in_its_corner():
    mask = text_mask(("", "R", "", "L"), (200, 300))
    rows, columns = np.nonzero(mask)
    assert mask[:40, 260:].any()
    assert mask[160:, :40].any()
    assert ((rows < 40) | (rows > 160)).all()
    assert ((columns < 40) | (columns > 260)).all()


def test_letters_are_where_and_as_large_as_asked():
    steel = letter_map("L", (200, 200), (60.0, 140.0), 30.0)
    rows, columns = np.nonzero(steel > 1)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(60, abs=3)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(140, abs=3)
    assert np.ptp(rows) == pytest.approx(30, abs=6)
    turned = letter_map("L", (200, 200), (60.0, 140.0), 30.0, is_mirrored=True)
    # The foot of an L points to the right, that of its mirror image to the left.
    foot, stem = rows.max() - 1, rows.min() + 3
    assert np.nonzero(steel[foot])[0].mean() > np.nonzero(steel[stem])[0].mean() + 3
    assert np.nonzero(turned[foot])[0].mean() < np.nonzero(turned[stem])[0].mean() - 3


def test_drawn_displays_are_possible_and_varied():
    rng = np.random.default_rng(0)
    drawn = [draw_display(rng, DisplayRanges()) for _ in range(80)]
    assert {s.curve for s in drawn} == set(ToneCurve)
    assert {s.bits_stored for s in drawn} == {8, 10, 12, 14}


@pytest.mark.parametrize(
    "changes",
    [
        {"recursive_weight": 1.0},
        {"smoothing": 2},
        {"level": 1.0},
        {"black": 0.5},
        {"gamma": 0},
        {"bits_stored": 7},
        {"bits_stored": 16},
        {"edge_amount": -1},
        {"text": ("",) * 5},
    ],
)
def test_impossible_displays_are_refused(changes):
    with pytest.raises(InputError, match="expected"):
        replace(PLAIN, **changes)
