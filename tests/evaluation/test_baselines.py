"""The simple observers see what they should: a plain vein, however they score it, and no motion."""

import cv2
import numpy as np
import pytest

from guidance.errors import InputError
from guidance.evaluation import best_of, rank_baselines, score_baselines, watch_baselines
from guidance.evaluation._change_scores import score_change, score_ridges, smooth_change
from guidance.records import IntensityScale, PixelIntensityRelationship, SpreadPattern

SIZE = 128
VALID = np.ones((SIZE, SIZE), bool)


def scale(sign=1):
    return IntensityScale(
        relationship=PixelIntensityRelationship.LIN, sign=sign, sign_source="t", low=0, high=4095
    )


def noise(seed, level=0.01):
    return np.random.default_rng(seed).normal(0, level, (SIZE, SIZE)).astype(np.float32)


def shape(kind):
    """Return a vein 2 px wide and 60 px long, or a pool of the same area."""
    image = np.zeros((SIZE, SIZE), np.float32)
    if kind == "vein":
        cv2.line(image, (30, 40), (85, 75), 1.0, 2)
    elif kind == "pool":
        cv2.circle(image, (64, 64), 7, 1.0, -1)
    return image


def score(change, valid=VALID):
    return score_change(smooth_change(change, valid))


def play(kind, *, seed=0, shift_px=0.0, leaves=False, frames=16):
    """Return 12-bit frames of a body that sways, with contrast that comes in at the sixth."""
    rng = np.random.default_rng(seed)
    body = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE)).astype(np.float32), (0, 0), 3) * 4
    cine = []
    for number in range(frames):
        amount = 0.0 if number < 6 else 0.2
        if leaves and number > 10:
            amount = 0.0
        thick = body + amount * shape(kind)
        move = np.array([[1, 0, shift_px * np.sin(number)], [0, 1, shift_px * np.cos(number)]])
        thick = cv2.warpAffine(thick, move, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
        photons = rng.poisson(2000 * np.exp(-thick))
        cine.append(np.clip(photons, 0, 4095).astype(np.uint16))
    return np.stack(cine)


def test_nothing_scores_next_to_nothing():
    found = score(noise(0))
    assert (found.area, found.extent, found.thin, found.signal) == (0, 0, 0, 0)
    # The top thousandth of normal noise lies at 3.1 standard deviations.
    assert 2.5 < found.peak < 4.0


def test_a_vein_is_long_and_thin_and_a_pool_is_not():
    vein, pool = (score(noise(1) + 0.2 * shape(k)) for k in ("vein", "pool"))
    assert vein.thin > 0.3 * vein.area
    assert pool.thin < 0.1 * pool.area
    assert vein.elongation > 3 > 1.5 > pool.elongation
    assert vein.extent == pytest.approx(np.hypot(56, 36) / np.hypot(SIZE, SIZE), rel=0.1)


def test_a_change_of_exposure_is_not_contrast():
    one = score(noise(2) + 0.2 * shape("vein"))
    other = score(noise(2) + 0.2 * shape("vein") + np.float32(0.5))
    assert other.area == one.area
    assert other.peak == pytest.approx(one.peak, rel=1e-3)


def test_what_is_outside_the_field_does_not_count():
    valid = VALID.copy()
    valid[:100] = False
    assert score(noise(3) + 0.2 * shape("vein"), valid).area == 0
    assert score(noise(3), np.zeros_like(VALID)).peak == 0
    assert score_ridges(noise(3), np.zeros_like(VALID))["ridge_peak"] == 0


def test_ridges_are_seen_in_one_image():
    plain, vein = (score_ridges(noise(4) + 0.2 * shape(k), VALID) for k in ("", "vein"))
    assert vein["ridge_peak"] > 2 * plain["ridge_peak"]
    assert vein["ridge_extent"] > 0.3 > plain["ridge_extent"]


@pytest.mark.parametrize("kind", ["vein", "pool"])
def test_contrast_is_seen_by_all(kind):
    found, nothing = (score_baselines(play(k), scale()) for k in (kind, "none"))
    for name in ("first_frame.peak", "aligned.peak", "last_frame.peak", "aligned.area"):
        assert found[name] > 2 * nothing[name], name


def test_aligning_helps_against_motion():
    found = score_baselines(play("vein", shift_px=2.0), scale())
    assert found["aligned.peak"] > 1.5 * found["first_frame.peak"]


def test_a_spot_film_misses_what_has_left():
    found = score_baselines(play("vein", leaves=True), scale())
    assert found["last_frame.area"] == 0
    assert found["aligned.area"] > 0.005
    assert found["aligned.lost_share"] > 0.9
    stays = score_baselines(play("vein"), scale())
    assert stays["aligned.lost_share"] < 0.3


def test_scores_look_at_no_later_frame():
    cine = play("vein")
    early = list(watch_baselines(cine[:9], scale()))
    whole = list(watch_baselines(cine, scale()))
    assert early == whole[:9]


def test_a_repeated_image_adds_nothing():
    cine = play("vein")
    repeated = list(watch_baselines(np.repeat(cine, 3, axis=0), scale()))
    assert repeated[::3] == repeated[2::3] == list(watch_baselines(cine, scale()))


def test_turned_greys_give_the_same():
    cine = play("vein")
    found = score_baselines(cine, scale())
    turned = score_baselines(4095 - cine, scale(sign=-1))
    # Half a grey step of 4095 is added at either end before the logarithm: nothing else differs.
    for name, value in found.items():
        assert turned[name] == pytest.approx(value, rel=0.02, abs=1e-4), name


def test_frames_must_be_of_one_run():
    with pytest.raises(InputError, match="follow others"):
        score_baselines([np.ones((64, 64)), np.ones((32, 64))], scale())
    with pytest.raises(InputError, match="no frame"):
        score_baselines([], scale())


def test_ranking_by_hand(make_truth):
    truths = [
        make_truth(i, **({"pattern": SpreadPattern.VASCULAR} if i < 5 else {})) for i in range(25)
    ]
    right = {t.run: float(t.is_vascular) for t in truths}
    scores = {
        t.run: {
            "first_frame.area": right[t.run],
            "aligned.area": 0.0,
            "aligned.peak": -right[t.run],
        }
        for t in truths
    }
    figures = rank_baselines(truths, scores)
    assert [(figure.name, figure.roc_auc) for figure in figures] == [
        ("first_frame.area", 1.0),
        ("aligned.area", 0.5),
        ("aligned.peak", 0.0),
    ]
    best = best_of(figures, "aligned")
    assert (best.name, best.n, best.n_positive) == ("aligned.area", 25, 5)
    assert figures[0].sensitivity_at_95 == 1.0
    assert best.sensitivity_at_90 == 0.0
    with pytest.raises(InputError, match="known: aligned, first_frame"):
        best_of(figures, "clever")
    with pytest.raises(InputError, match="with uptake and runs without"):
        rank_baselines(truths[:5], scores)
    del scores[truths[3].run]["aligned.area"]
    with pytest.raises(InputError, match="differ in what was scored"):
        rank_baselines(truths, scores)
