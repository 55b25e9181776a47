"""Which of several needles injects."""

import pytest

from guidance.errors import InputError
from guidance.needle import choose_injecting
from guidance.records import NeedleKind, NeedleSighting, NotFound, ViewOfNeedle


def needle(tip_px, *, confidence=0.9, kind=NeedleKind.NEEDLE, hub_px=None):
    """Return a needle that ends at `tip_px`."""
    return NeedleSighting(
        kind=kind,
        tip_px=tip_px,
        direction_px=(1.0, 0.0),
        visible_length_px=100.0,
        width_px=2.0,
        confidence=confidence,
        view=ViewOfNeedle.SIDE_ON,
        uncertainty_px=1.0,
        hub_px=hub_px,
    )


NEAR, FAR = needle((100.0, 100.0)), needle((300.0, 300.0))


def test_the_needle_that_ends_where_contrast_began_injects():
    assert choose_injecting([FAR, NEAR], (104.0, 97.0), 5.0) is NEAR
    assert choose_injecting([FAR, NEAR], (104.0, 97.0)) is NEAR


def test_before_contrast_it_is_the_surest():
    surer = needle((5.0, 5.0), confidence=0.95)
    assert choose_injecting([NEAR, surer], None) is surer


def test_contrast_at_the_hub_turns_the_needle_round():
    found = choose_injecting([needle((100.0, 100.0), hub_px=(160.0, 100.0))], (158.0, 101.0), 5.0)
    assert found.tip_px == (160.0, 100.0)
    assert found.hub_px == (100.0, 100.0)
    assert found.direction_px == (1.0, 0.0) or found.direction_px == pytest.approx((1.0, 0.0))
    assert found.confidence < 0.9


def test_the_tip_is_likelier_than_the_hub():
    both = needle((100.0, 100.0), hub_px=(108.0, 100.0))
    assert choose_injecting([both], (104.5, 100.0), 10.0) is both


@pytest.mark.parametrize(
    ("sightings", "origin", "reason"),
    [
        ([], (1.0, 1.0), "no needle is seen"),
        ([], None, "no needle is seen"),
        ([needle((100.0, 100.0), kind=NeedleKind.WIRE)], (100.0, 100.0), "no needle is seen"),
        ([NEAR], (180.0, 100.0), "80 px from where contrast began"),
        ([NEAR, needle((102.0, 100.0))], (101.0, 100.0), "two needles"),
    ],
)
def test_where_it_cannot_be_told_the_reason_is(sightings, origin, reason):
    found = choose_injecting(sightings, origin, 5.0)
    assert isinstance(found, NotFound)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("origin", "uncertainty"), [((float("nan"), 1.0), 5.0), ((1.0, 1.0), 0.0), ((1.0, 1.0), -1.0)]
)
def test_what_is_no_place_is_refused(origin, uncertainty):
    with pytest.raises(InputError, match="expected"):
        choose_injecting([NEAR], origin, uncertainty)


@pytest.mark.parametrize(
    "change",
    [
        {"tip_px": (float("nan"), 1.0)},
        {"confidence": 1.5},
        {"direction_px": (1.0, 1.0)},
        {"width_px": -1.0},
    ],
)
def test_a_sighting_that_cannot_be_is_refused(change):
    sound = {
        "kind": NeedleKind.NEEDLE,
        "tip_px": (1.0, 1.0),
        "direction_px": None,
        "visible_length_px": 1.0,
        "width_px": 1.0,
        "confidence": 0.5,
        "view": ViewOfNeedle.END_ON,
        "uncertainty_px": 1.0,
    }
    NeedleSighting(**sound)
    with pytest.raises(InputError):
        NeedleSighting(**(sound | change))
