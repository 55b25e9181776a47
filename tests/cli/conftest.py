"""The real command, in a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def guidance() -> Callable[..., subprocess.CompletedProcess]:
    """Return what runs `guidance` with arguments and gives back what it printed."""

    def run(*arguments: object, cwd: Path | None = None, preexec=None):
        call = [sys.executable, "-c", "from guidance.cli import main; main()"]
        return subprocess.run(
            [*call, *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            preexec_fn=preexec,
            env=None,
        )

    return run
