"""Courses: contrast alone, the same whoever asks, as the monitor's running means show it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guidance.errors import InputError, StorageError
from guidance.simulation import Suite, read_suite
from guidance.training import (
    CourseNumber,
    CoursesRequest,
    PatientRange,
    Source,
    draw_course,
    make_courses,
    read_course,
    read_course_set,
    write_course,
)
from guidance.training._course_files import COURSE_IMAGES
from guidance.training._course_images import Changes, draw_course_images
from guidance.training._folders import EVERYBODY


@pytest.fixture(scope="session")
def patients() -> Suite:
    """Return two patients of `validation`, without runs."""
    suite = read_suite("validation")
    names = sorted(suite.patients)[:2]
    return replace(suite, patients={name: suite.patients[name] for name in names}, runs=())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_second_call_makes_only_what_is_missing(coarse, patients, tmp_path):
    request = CoursesRequest(suite=patients, folder=tmp_path, per_patient=2)
    first = list(make_courses(request))
    assert [outcome.error for outcome in first] == [""] * 4
    names = ["va000-000", "va000-001", "va001-000", "va001-001"]
    assert [outcome.item.name for outcome in first] == names
    before = contents(tmp_path)
    assert list(make_courses(request)) == []
    (tmp_path / "va001-000.npz").unlink()
    more = replace(request, per_patient=3, patients=PatientRange(first=1, last=1))
    assert [outcome.item.name for outcome in make_courses(more)] == ["va001-000", "va001-002"]
    found = contents(tmp_path)
    assert {name: found[name] for name in before} == before
    chosen = read_course_set([Source(folder=tmp_path, patients=PatientRange(first=0, last=0))])
    assert chosen.patients == ["va000"]


def test_a_course_shows_what_it_says(coarse, patients, tmp_path):
    for number in range(4):
        course = draw_course(CourseNumber(patient="va000", number=number), patients)
        images = dict(zip(COURSE_IMAGES, np.moveaxis(course.images, 1, 0), strict=True))
        assert course.images.shape[0] == len(course.frames) <= 8
        assert (np.diff(course.frames) > 0).all()
        assert images["new"].max() > 0.005
        assert (images["vessel"] <= images["new"] + 1e-3).all()
        assert (images["vessel_ever"] >= images["vessel"]).all()
        assert (images["greatest"] >= images["slow"]).all()
        assert images["vessel_ever"].any() <= course.is_vascular
        assert course.is_vascular == (course.pattern in ("vascular", "mixed"))
        assert 0 < images["steel"].max() <= 1
    write_course(tmp_path, "one", course)
    again = read_course(tmp_path, "one")
    np.testing.assert_array_equal(again.images[1], course.images[1])
    assert (again.pattern, again.patient, again.suite) == (course.pattern, "va000", "validation")


def changes(strength: float = 0.1) -> Changes:
    """Return contrast that comes at once after one second, and half of which leaves after two."""
    times = np.arange(40) / 8
    new = np.zeros((40, 32, 48), np.float32)
    new[8:, 10:14, 10:30] = strength
    new[24:, 10:14, 10:30] = strength / 2
    nothing = np.zeros_like(new)
    steel = np.zeros((32, 48), np.float32)
    return Changes(times_s=times, new=new, vessel=new.copy(), displaced=nothing, steel=steel)


def test_running_means_follow_their_time_constants():
    pulses, images = draw_course_images(changes(), np.random.default_rng(0))
    assert images.shape[1:] == (8, 10, 26)  # the bar and a margin of three
    for pulse, shown in zip(pulses.tolist(), images, strict=True):
        fast, slow, slower, greatest, new, _, ever, _ = shown[:, 5, 10]
        assert ever == pytest.approx(0.1, rel=1e-3)
        expected = 0.05 if pulse >= 24 else 0.1
        assert new == pytest.approx(expected, rel=1e-3)
        for mean, constant in ((slow, 0.6), (slower, 2.0)):
            risen = 0.1 * (1 - np.exp(-(min(pulse, 23) - 7) / 8 / constant))
            left = np.exp(-max(pulse - 23, 0) / 8 / constant)
            assert mean == pytest.approx(risen * left + 0.05 * (1 - left), rel=3e-3)
        assert greatest >= slow
        assert abs(fast - new) <= abs(slow - new) + 1e-4


def test_a_needle_that_moves_is_in_the_means_and_not_in_the_contrast():
    still = changes()
    moved = np.zeros_like(still.new)
    moved[:, 20:24, 10:30] = -0.2
    _, images = draw_course_images(replace(still, displaced=moved), np.random.default_rng(0))
    assert images.shape[2] == 20
    assert images[:, :3, 15, 10].max() < -0.03
    assert not images[:, 4:7, 15, 10].any()


def test_what_no_noise_shows_is_left_out(tmp_path, made_course):
    pulses, images = draw_course_images(changes(0.005), np.random.default_rng(0))
    assert len(pulses) == len(images) == 0
    write_course(tmp_path, "none", replace(made_course(), frames=pulses, images=images))
    source = Source(folder=tmp_path, patients=EVERYBODY)
    with pytest.raises(InputError, match="no courses"):
        read_course_set([source])
    (tmp_path / "none.npz").write_bytes(b"damaged")
    with pytest.raises(StorageError, match=r"none\.npz"):
        read_course_set([source])


def test_calls_that_make_no_sense_are_refused(patients, tmp_path, made_course):
    with pytest.raises(InputError, match="at least 1"):
        CoursesRequest(suite=patients, folder=tmp_path, per_patient=0)
    with pytest.raises(InputError, match="no plan"):
        CoursesRequest(suite=replace(patients, name="other"), folder=tmp_path, per_patient=1)
    nobody = PatientRange(first=7, last=9)
    request = CoursesRequest(suite=patients, folder=tmp_path, per_patient=1, patients=nobody)
    with pytest.raises(InputError, match="2 patients"):
        make_courses(request)
    write_course(tmp_path, "va000-000", replace(made_course(), version="0.0.0"))
    with pytest.raises(InputError, match="choose another folder"):
        make_courses(replace(request, patients=EVERYBODY))
