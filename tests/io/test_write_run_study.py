"""Runs of one study share what ties them together, and lie where they are expected."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from guidance.errors import InputError
from guidance.io import (
    RunAttributes,
    RunKind,
    StudyFolder,
    StudyPlace,
    plan_study_uids,
    write_run,
)

FRAMES = np.arange(3 * 16 * 20, dtype=np.uint16).reshape(3, 16, 20)
UIDS = plan_study_uids(11, "evaluation")
PLACE = StudyPlace(uids=UIDS, series_number=2, instance_number=7, second_of_day=36_061.25)
ATTRIBUTES = RunAttributes(times_s=np.arange(3) / 8, bits_stored=12, study=PLACE)


def test_uids_come_from_the_content_alone():
    assert plan_study_uids(11, "evaluation") == UIDS
    uids = [plan_study_uids(11), plan_study_uids(12), UIDS]
    every = [u for one in uids for u in (one.study_instance_uid, one.frame_of_reference_uid)]
    assert len(set(every)) == len(every)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in every)


@pytest.mark.parametrize("kind", RunKind)
def test_runs_of_a_study_share_study_and_frame_of_reference(kind, tmp_path, dicom_errors):
    attributes = replace(ATTRIBUTES, kind=kind)
    for number in (1, 2):
        place = replace(PLACE, instance_number=number)
        write_run(tmp_path / f"{number}.dcm", FRAMES // number, replace(attributes, study=place))
    first, second = (dcmread(tmp_path / f"{number}.dcm") for number in (1, 2))
    assert first.StudyInstanceUID == second.StudyInstanceUID == UIDS.study_instance_uid
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID == UIDS.frame_of_reference_uid
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert dicom_errors(tmp_path / "1.dcm") == []


def test_the_day_is_a_dummy_and_the_data_says_that_it_is_synthetic(tmp_path):
    write_run(tmp_path / "run.dcm", FRAMES, ATTRIBUTES)
    dataset = dcmread(tmp_path / "run.dcm")
    assert (dataset.SeriesNumber, dataset.InstanceNumber) == (2, 7)
    assert dataset.AcquisitionDateTime == "20000101100101.250"
    assert dataset.StudyDate == dataset.ContentDate == "20000101"
    assert dataset.ContentTime == "100101.250"
    assert dataset.SyntheticData == "YES"


def test_without_a_time_of_day_no_date_is_there(tmp_path):
    attributes = replace(ATTRIBUTES, study=replace(PLACE, second_of_day=None))
    write_run(tmp_path / "run.dcm", FRAMES, attributes)
    dataset = dcmread(tmp_path / "run.dcm")
    named = [e for e in dataset.iterall() if e.VR in ("DA", "TM", "DT")]
    assert named
    assert all(element.is_empty for element in named)


def test_a_study_lies_where_it_is_expected():
    folder = StudyFolder(path=Path("study"))
    assert folder.relative(folder.run_file(3)) == "runs/run_0003.dcm"
    assert folder.relative(folder.ct) == "ct"
    assert folder.relative(folder.truth) == "truth.json"
    with pytest.raises(InputError, match="count from 0"):
        folder.run_file(-1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"series_number": 0}, "count from 1"),
        ({"second_of_day": 86_400.0}, "second_of_day"),
        ({"second_of_day": -1.0}, "second_of_day"),
    ],
)
def test_places_that_are_none_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        replace(PLACE, **changes)


def test_the_last_moment_of_the_day_stays_within_it():
    assert replace(PLACE, second_of_day=86_399.9999).day_and_time == ("20000101", "235959.999")
