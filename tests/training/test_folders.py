"""Folders of runs, and the words that name patients."""

import pytest

from guidance.errors import InputError, StorageError
from guidance.training import PatientRange, RunFiles, Source, find_runs, parse_source
from guidance.training._folders import EVERYBODY, parse_patients, patient_number, read_run_truth


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("0-29", 0, 29), ("30", 0, 29), ("128-159", 128, 159), ("7-7", 7, 7)],
)
def test_patients_are_named_by_their_numbers(text, first, last):
    patients = parse_patients(text)
    assert patients == PatientRange(first=first, last=last)
    assert parse_patients(str(patients)) == patients
    assert patients.holds(f"tr{last:03d}")
    assert not patients.holds(f"tr{last + 1:03d}")


@pytest.mark.parametrize("text", ["", "x", "3-", "-3", "9-2", "0", "1-2-3", "1.5"])
def test_words_that_name_nobody_are_refused(text):
    with pytest.raises(InputError, match="0-29"):
        parse_patients(text)


def test_a_name_without_a_number_is_refused():
    with pytest.raises(InputError, match="has no number"):
        patient_number("somebody")


def test_a_source_is_a_folder_and_patients(tmp_path):
    assert parse_source(str(tmp_path)) == Source(folder=tmp_path, patients=EVERYBODY)
    found = parse_source(f"{tmp_path}@2-3")
    assert found == Source(folder=tmp_path, patients=PatientRange(first=2, last=3))
    with pytest.raises(InputError, match="is no folder") as said:
        parse_source(str(tmp_path / "gone"))
    assert str(tmp_path) not in str(said.value)


def test_runs_are_found_by_patient(runs_folder):
    everybody = find_runs(Source(folder=runs_folder, patients=EVERYBODY))
    assert [run.index for run in everybody] == [0, 1, 2, 3]
    second = find_runs(Source(folder=runs_folder, patients=PatientRange(first=1, last=1)))
    assert [run.index for run in second] == [1, 3]
    assert {read_run_truth(run).patient for run in second} == {"va001"}


def test_a_damaged_truth_is_named(tmp_path):
    (tmp_path / "00007.json").write_bytes(b"{}")
    with pytest.raises(StorageError, match="truth of run 00007"):
        read_run_truth(RunFiles(folder=tmp_path, index=7))
