"""Runs to learn from: as files, resumed, and the same whoever asks for them."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import coarse_patient

from guidance.errors import InputError
from guidance.io import open_run
from guidance.simulation import simulate_run
from guidance.training import PatientRange, RunFiles, RunsRequest, make_runs, read_labels
from guidance.training._folders import read_run_truth
from guidance.training._runs import wanted_runs


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_lies_there_with_truth_and_labels(runs_folder, suite):
    files = RunFiles(folder=runs_folder, index=1)
    truth = read_run_truth(files)
    assert (truth.suite, truth.index, truth.pattern) == ("small", 1, "mixed")
    labels = read_labels(files.labels)
    with open_run(files.dicom) as cine:
        assert len(labels.pulses) == truth.n_frames == cine.header.n_frames
        shape = cine.header.rows, cine.header.columns
    run = simulate_run(suite.runs[1], coarse_patient("va001"))
    np.testing.assert_array_equal(labels.pulses, run.stored.pulses)
    lit = [labels.at(frame, shape)[0].max() > 0 for frame in range(truth.n_frames)]
    assert lit.index(True) == truth.first_iodine_frame


def test_a_second_call_makes_only_what_is_missing(coarse, tmp_path, suite):
    request = RunsRequest(suite=suite, folder=tmp_path, first=2, count=2)
    first = list(make_runs(request))
    assert [outcome.said for outcome in first] == ["perineural", "vascular"]
    before = contents(tmp_path)
    assert list(make_runs(request)) == []
    (tmp_path / "00002.json").unlink()
    (again,) = make_runs(request)
    assert again.item == 2
    assert contents(tmp_path) == before


def test_runs_without_labels_can_get_them_later(coarse, tmp_path, suite):
    request = RunsRequest(suite=suite, folder=tmp_path, count=1, with_labels=False)
    assert len(list(make_runs(request))) == 1
    assert sorted(contents(tmp_path)) == ["00000.dcm", "00000.json"]
    assert list(make_runs(request)) == []
    assert len(list(make_runs(replace(request, with_labels=True)))) == 1
    assert sorted(contents(tmp_path)) == ["00000.dcm", "00000.json", "00000.npz"]


def test_runs_are_chosen_by_number_and_patient(tmp_path, suite):
    request = RunsRequest(suite=suite, folder=tmp_path)
    assert wanted_runs(request) == [0, 1, 2, 3]
    assert wanted_runs(replace(request, first=1, count=2)) == [1, 2]
    assert wanted_runs(replace(request, patients=PatientRange(first=1, last=9))) == [1, 3]
    with pytest.raises(InputError, match="has 4 runs of 2 patients"):
        wanted_runs(replace(request, first=4))


def test_runs_of_two_suites_do_not_mix(coarse, runs_folder, suite):
    other = replace(suite, name="other")
    with pytest.raises(InputError, match="choose another folder"):
        make_runs(RunsRequest(suite=other, folder=runs_folder))


def test_a_run_that_fails_is_named_and_the_others_are_made(coarse, tmp_path, suite, monkeypatch):
    def simulate(settings, patient, watch):
        if settings.index == 2:
            raise ValueError("a mistake")
        return simulate_run(settings, patient, watch=watch)

    monkeypatch.setattr("guidance.training._runs.simulate_run", simulate)
    outcomes = {o.item: o.error for o in make_runs(RunsRequest(suite=suite, folder=tmp_path))}
    assert outcomes == {0: "", 1: "", 2: "unforeseen ValueError: a mistake", 3: ""}
    assert not (tmp_path / "00002.json").exists()
