"""Telling DICOM from anything else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.errors import GuidanceError, NotDicomError, StorageError
from guidance.io import looks_like_dicom

IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"


def test_files_with_a_preamble_are_dicom(make_dicom, scratch):
    assert looks_like_dicom(scratch(make_dicom()))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", IMPLICIT])
def test_bare_data_sets_are_dicom(make_dicom, scratch, syntax: str):
    assert looks_like_dicom(scratch(make_dicom(syntax=syntax, is_bare=True)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\0",
        b"DICM",
        b"{}",
        b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"%PDF-1.7\n" + b"x" * 500,
        b"\x08\0\x05\0" + b"\xff" * 5000,
        bytes(5000),
    ],
)
def test_other_files_are_not(scratch, data: bytes):
    assert not looks_like_dicom(scratch(data))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_get_an_answer(scratch: Callable[[bytes], Path], data: bytes):
    assert looks_like_dicom(scratch(data)) in (True, False)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotDicomError, match="pipe"):
        looks_like_dicom(tmp_path / "pipe")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(GuidanceError):
        looks_like_dicom(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 5000])
def test_what_is_not_there_is_a_storage_error(tmp_path: Path, name: str):
    with pytest.raises(StorageError):
        looks_like_dicom(tmp_path / name)
