"""The pinned requirements: the real ones hold, and what breaks them is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "requirements/base.txt", "requirements/dev.txt")


def run_tool(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the tool that lies in a checkout."""
    return subprocess.run(
        [sys.executable, root / "tools" / "check_requirements.py"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what the tool looks at."""
    for name in (*PARTS, "tools/check_requirements.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_pins_of_the_project_hold() -> None:
    done = run_tool(ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def change(path: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("pyproject.toml", '"rich>=', '"wealthy>=1", "rich>=', "wealthy>=1 is not pinned"),
        ("pyproject.toml", '"pydicom>=3.0.1"', '"pydicom>=99"', "pydicom>=99 is pinned to 3."),
        ("pyproject.toml", '"ruff>=', '"rough>=1", "ruff>=', "dev.txt: rough>=1 is not pinned"),
        ("requirements/base.txt", "rich==", "rich==0.", "rich differs between"),
        ("requirements/dev.txt", "pytest==", "pytest==0.", "is pinned to 0."),
        ("requirements/base.txt", "# via", "# https://somewhere.example", "names a host"),
        ("requirements/base.txt", "# via", "--index-url place\n    # via", "names a host"),
        ("requirements/dev.txt", "# via", "# /home/someone/pins", "names a host"),
    ],
)
def test_what_breaks_the_pins_is_named(
    checkout: Path, name: str, old: str, new: str, said: str
) -> None:
    change(checkout / name, old, new)
    done = run_tool(checkout)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_pin_without_its_hash_is_named(checkout: Path) -> None:
    path = checkout / "requirements" / "base.txt"
    path.write_text(path.read_text() + "loose==1.0\n")
    done = run_tool(checkout)
    assert "base.txt: loose==1.0 has no hash" in done.stderr
