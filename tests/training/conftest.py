"""A folder of small simulated runs with labels, made once: a run costs a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_runs import coarse_patient, coarse_patients, small_suite

from guidance.simulation import Suite
from guidance.training import RunsRequest, _runs, make_runs

PATTERNS = ("none", "mixed", "perineural", "vascular")


@pytest.fixture(scope="session")
def suite() -> Suite:
    return small_suite(PATTERNS)


@pytest.fixture
def coarse(monkeypatch) -> Iterator[None]:
    """Let patients be coarse, and each be made once for all tests."""
    monkeypatch.setattr(_runs, "prepare_patient", lambda name, settings: coarse_patient(name))
    with coarse_patients():
        yield


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory, suite) -> Path:
    """Return a folder with the runs of `small_suite`."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch, coarse_patients():
        patch.setattr(_runs, "prepare_patient", lambda name, settings: coarse_patient(name))
        outcomes = list(make_runs(RunsRequest(suite=suite, folder=folder)))
    assert [outcome.error for outcome in outcomes] == [""] * len(PATTERNS)
    return folder
