"""Names and hashes of runs."""

import hashlib
from pathlib import Path

import pytest

from guidance.errors import StorageError
from guidance.io import hash_file, run_name


@pytest.mark.parametrize(
    "uid", ["1.2.840.1", "../../etc/passwd", "a b'c\"", "", "\udcff", "x" * 9999]
)
def test_a_name_is_twelve_hexadecimal_digits_whatever_the_identifier(uid: str):
    assert len(run_name(uid)) == 12
    assert set(run_name(uid)) <= set("0123456789abcdef")


def test_names_follow_the_contract():
    assert run_name("1.2.3") == hashlib.sha256(b"1.2.3").hexdigest()[:12]


def test_the_hash_is_of_all_bytes(tmp_path: Path):
    data = bytes(range(256)) * 10_000  # more than one piece
    (tmp_path / "file").write_bytes(data)
    assert hash_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_what_cannot_be_read_is_a_storage_error(tmp_path: Path):
    with pytest.raises(StorageError, match="No such file"):
        hash_file(tmp_path / "nowhere")
