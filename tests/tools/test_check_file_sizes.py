"""The guard against large files."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "check_file_sizes.py"


@pytest.mark.parametrize(("size", "status"), [(0, 0), (5_000_000, 0), (5_000_001, 1)])
def test_five_megabytes_are_allowed_and_no_more(tmp_path: Path, size: int, status: int) -> None:
    path = tmp_path / "a large file.bin"
    with path.open("wb") as file:
        file.truncate(size)
    done = subprocess.run(
        [sys.executable, TOOL, path, tmp_path / "absent"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert (path.name in done.stderr) == bool(status)
