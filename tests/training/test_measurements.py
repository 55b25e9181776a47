"""What the monitor measures of runs with known truth, kept until the weights change."""

import numpy as np
import pytest

from guidance.errors import InputError, StorageError
from guidance.io import open_run
from guidance.pipeline import make_context, replay
from guidance.spread import MEASURE_NAMES, Monitor
from guidance.training import RunFiles, Source, _measurements, measure_run, measure_runs
from guidance.training._folders import EVERYBODY, read_run_truth
from guidance.training._measurements import (
    gather_measurements,
    measurements_path,
    read_measurements,
)


def test_measurements_are_those_of_the_monitor(runs_folder):
    files = RunFiles(folder=runs_folder, index=1)
    found, truth = measure_run(files), read_run_truth(files)
    with open_run(files.dicom) as cine:
        monitor = Monitor(make_context(cine))
        said = list(replay(monitor, cine))
    judged = [assessment.frame for assessment in said if assessment.area_px is not None]
    assert found.frames.tolist() == judged
    np.testing.assert_array_equal(found.values[-1], monitor.measures.row())
    assert found.values.shape == (len(judged), len(MEASURE_NAMES))
    np.testing.assert_allclose(found.times_s, np.array(truth.times_s)[judged])
    assert found.is_vascular
    assert found.uptake_s == truth.uptake_s


def test_a_run_without_uptake_never_has_any(runs_folder):
    found = measure_run(RunFiles(folder=runs_folder, index=2))
    assert found.uptake_s == np.inf
    assert (found.is_vascular, found.is_visible) == (False, False)


def test_measurements_are_kept_until_the_weights_change(runs_folder, tmp_path, monkeypatch):
    source = Source(folder=runs_folder, patients=EVERYBODY)
    outcomes = list(measure_runs(source, tmp_path))
    assert [outcome.error for outcome in outcomes] == [""] * 4
    assert list(measure_runs(source, tmp_path)) == []
    kept = gather_measurements(source, tmp_path)
    assert [run.index for run in kept] == [0, 1, 2, 3]
    np.testing.assert_array_equal(
        kept[1].values, measure_run(RunFiles(folder=runs_folder, index=1)).values
    )
    monkeypatch.setattr(_measurements, "hash_weights", lambda: "other weights")
    assert gather_measurements(source, tmp_path) == []
    assert [outcome.item.index for outcome in measure_runs(source, tmp_path)] == [0, 1, 2, 3]


def test_what_is_not_there_is_said(runs_folder, tmp_path):
    with pytest.raises(InputError, match="no runs"):
        measure_runs(Source(folder=tmp_path, patients=EVERYBODY), tmp_path)
    path = measurements_path(tmp_path, RunFiles(folder=runs_folder, index=1))
    with pytest.raises(StorageError, match=r"00001\.npz"):
        read_measurements(path)
