"""Arteries of organs are made of vessels: a beat loses nothing, and no needle comes along."""

import numpy as np
import pytest
from made_examples import made_run

from guidance.spread import CHANNELS, PATTERNS
from guidance.training import Course, CourseSet, Material, _arteries, _material, gather
from guidance.training._arteries import choose_pulse, lay_arteries, stir
from guidance.training._course_files import COURSE_IMAGES
from guidance.training._material import draw_composed

FAST, SLOW, SLOWER, GREATEST, NEW, VESSEL, EVER, STEEL = range(len(COURSE_IMAGES))
SIDE = 256


def lay(course: Course, seed: int, count: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pulses = [(choose_pulse(course, rng), (20.0, 30.0))] * count
    return lay_arteries(pulses, rng, SIDE)


@pytest.fixture
def still(monkeypatch) -> None:
    monkeypatch.setattr(_arteries, "_BEATING", 0.0)


@pytest.fixture
def beating(monkeypatch) -> None:
    monkeypatch.setattr(_arteries, "_BEATING", 1.0)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("seed", range(3))
def test_what_does_not_beat_looks_alike_in_all_means(made_course, seed):
    laid = lay(made_course(), seed)
    assert laid[NEW].max() > 0.05
    for number in (FAST, SLOW, SLOWER, GREATEST, VESSEL, EVER):
        np.testing.assert_allclose(laid[number], laid[NEW], atol=1e-6)


@pytest.mark.usefixtures("still")
def test_several_are_wider_than_one_and_add_up(made_course):
    course = made_course()
    one, three = (lay(course, 4, count) for count in (1, 3))
    before = choose_pulse(course, np.random.default_rng(0))
    # e^0.3 or more in both directions.
    assert one[NEW].sum() > 1.5 * before[NEW].sum()
    assert three[NEW].sum() > one[NEW].sum()


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("seed", range(5))
def test_a_beat_blurs_means_and_loses_nothing(made_course, seed, monkeypatch):
    monkeypatch.setattr(_arteries, "_WITHIN", 0.45)
    monkeypatch.setattr(_arteries, "_SIZES", (0.3, 0.4))
    laid = lay(made_course(), seed)
    for number in (FAST, SLOW, SLOWER):
        assert laid[number].sum() == pytest.approx(laid[NEW].sum(), rel=0.01)
        assert not np.allclose(laid[number], laid[NEW], atol=1e-3)
    assert (laid[EVER] >= laid[VESSEL] - 1e-6).all()
    assert laid[EVER].sum() > 1.02 * laid[VESSEL].sum()
    assert (laid[GREATEST] >= laid[SLOW] - 1e-6).all()


def test_the_needle_stays_away(made_course):
    course = made_course()
    course.images[:, STEEL] = 0.5
    assert not lay(course, 0)[STEEL].any()


@pytest.mark.parametrize("seed", range(8))
def test_a_stirred_background_is_never_quieter(seed):
    rng = np.random.default_rng(seed)
    scene = rng.integers(0, 256, (8, 64, 64)).astype(np.uint8)
    before = scene.copy()
    unrest = CHANNELS.index("unrest")
    stir(scene, unrest, rng)
    assert (scene[unrest] >= before[unrest]).all()
    np.testing.assert_array_equal(np.delete(scene, unrest, 0), np.delete(before, unrest, 0))


def test_only_vessels_alone_become_arteries(made_course, monkeypatch):
    monkeypatch.setattr(_material, "_ARTERIES", 1.0)
    asked: list[list[str] | None] = []
    compose = _material.compose

    def listen(clean, course, rng, side, *, is_varied, beside):
        asked.append(None if beside is None else [course.pattern, *(c.pattern for c in beside)])
        return compose(clean, course, rng, side, is_varied=is_varied, beside=beside)

    monkeypatch.setattr(_material, "compose", listen)
    kinds = ("vascular", "mixed", "epidural")
    courses = CourseSet(courses=tuple(made_course(kind, 0.3) for kind in kinds))
    material = Material(examples=gather([made_run(0, "none")]), courses=courses)
    rng = np.random.default_rng(0)
    samples = [draw_composed(material, rng, SIDE) for _ in range(12)]
    arteries = [sample for sample, said in zip(samples, asked, strict=True) if said is not None]
    assert 0 < len(arteries) < len(samples)
    assert {kind for said in asked if said is not None for kind in said} == {"vascular"}
    assert {sample.pattern for sample in arteries} <= {PATTERNS.index("vascular"), -1}
    assert max(sample.uptake for sample in arteries) == 1
