"""What every test may lean on: the shared real data, and the rule for skipping."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one flag by which kept results may change."""
    parser.addoption("--rewrite-goldens", action="store_true", help="write tests/golden anew")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip, or fail where `GUIDANCE_REQUIRE=all` says that everything must be there."""
    if os.environ.get("GUIDANCE_REQUIRE") == "all":
        pytest.fail(f"GUIDANCE_REQUIRE=all, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Callable[[object, str], None]:
    """Return what skips, or fails under `GUIDANCE_REQUIRE=all`, where a thing is not there."""

    def check(thing: object, reason: str) -> None:
        if not thing:
            skip_or_fail(reason)

    return check


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images beside the checkout; it is never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        skip_or_fail("../shared/data is absent: real images are not shipped with the project")
    return folder


@pytest.fixture(scope="session")
def sample_dicoms() -> Path:
    """Return the bundled simulated runs."""
    return ROOT / "sample_dicoms"


# dciodvfy predates these attributes of the standard and takes them for mistakes.
NEWER_THAN_DCIODVFY = ("(0008,001c)",)  # Synthetic Data, added to the standard in 2023

# The kinds of object that the project writes, in dciodvfy's words.
WRITTEN_KINDS = ("XAImage", "XRFImage", "CTImage")


@pytest.fixture(scope="session")
def dicom_errors() -> Callable[[Path], list[str]]:
    """Return what lists the errors that dciodvfy (Debian dicom3tools) finds in a DICOM file."""
    tool = shutil.which("dciodvfy")
    if tool is None:
        skip_or_fail("dciodvfy is not installed: apt-get install dicom3tools")

    def check(path: Path) -> list[str]:
        found = subprocess.run([tool, "-new", path], capture_output=True, text=True, check=False)
        lines = (found.stdout + found.stderr).splitlines()
        # It names the object's kind when it has understood the file at all.
        assert any(line.strip() in WRITTEN_KINDS for line in lines), lines
        return [
            line
            for line in lines
            if line.startswith("Error") and not any(tag in line for tag in NEWER_THAN_DCIODVFY)
        ]

    return check


@pytest.fixture(scope="session")
def guidance() -> Callable[..., subprocess.CompletedProcess]:
    """Return what runs `guidance` with arguments and gives back what it printed.

    `analyze` goes without its detection limit, which takes seconds a run, unless that is asked for.
    """

    def run(*arguments: object, cwd: Path | None = None, preexec=None):
        if arguments[:1] == ("analyze",) and "--detection-limit" not in arguments:
            arguments = (*arguments, "--no-detection-limit")
        call = [sys.executable, "-c", "from guidance.cli import main; main()"]
        return subprocess.run(
            [*call, *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            preexec_fn=preexec,
        )

    return run
