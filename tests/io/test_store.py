"""Writing whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from guidance.errors import StorageError
from guidance.io import write_atomically


def test_the_data_is_there_and_nothing_else(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "analysis.json"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["analysis.json"]


def test_the_file_may_be_read_by_whom_the_system_lets(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        write_atomically(path, b"new")
    assert str(tmp_path) not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = open

    def full(path: Path, mode: str) -> object:
        assert mode == "xb"
        real(path, mode).close()
        return real("/dev/full", "wb")

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(StorageError, match="No space left on device"):
        write_atomically(tmp_path / "file", b"x" * 100_000)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_the_folder_is_a_storage_error(tmp_path: Path):
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written"):
        write_atomically(tmp_path / "folder" / "file", b"")


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"")
    assert os.listdir(tmp_path) == []
