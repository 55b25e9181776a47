"""A folder of small simulated runs with labels, made once: a run costs a second; made courses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from small_runs import coarse_patient, coarse_patients, small_suite

from guidance.simulation import Suite
from guidance.training import Course, RunsRequest, _patients, make_runs

PATTERNS = ("none", "mixed", "perineural", "vascular")


@pytest.fixture(scope="session")
def suite() -> Suite:
    return small_suite(PATTERNS)


@pytest.fixture
def coarse(monkeypatch) -> Iterator[None]:
    """Let patients be coarse, and each be made once for all tests."""
    monkeypatch.setattr(_patients, "prepare_patient", lambda name, settings: coarse_patient(name))
    with coarse_patients():
        yield


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory, suite) -> Path:
    """Return a folder with the runs of `small_suite`."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch, coarse_patients():
        patch.setattr(_patients, "prepare_patient", lambda name, settings: coarse_patient(name))
        outcomes = list(make_runs(RunsRequest(suite=suite, folder=folder)))
    assert [outcome.error for outcome in outcomes] == [""] * len(PATTERNS)
    return folder


@pytest.fixture(scope="session")
def made_course() -> Callable[..., Course]:
    """Return what makes courses that cost nothing: a bar, as a vessel or as a pool."""

    def make(pattern: str = "vascular", strength: float = 0.1, patient: str = "va000") -> Course:
        is_vascular = pattern in ("vascular", "mixed")
        images = np.zeros((3, 8, 40, 60), np.float16)
        images[:, :5, 16:24, 10:50] = strength
        if is_vascular:
            images[:, 5:7, 16:24, 10:50] = strength
        return Course(
            images=images,
            frames=np.arange(3),
            is_vascular=is_vascular,
            pattern=pattern,
            patient=patient,
            suite="validation",
        )

    return make
