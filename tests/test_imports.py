"""What a start costs: neither the library nor its help loads a library that it does not need."""

import json
import subprocess
import sys

import pytest

HEAVY = ("napari", "PyQt6", "PySide6", "qtpy", "matplotlib", "torch", "skimage", "imagecodecs")
REPORT = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
HELP = """
import contextlib, io, sys
sys.argv = ["guidance", "--help"]
from guidance.cli import main
with contextlib.redirect_stdout(io.StringIO()) as said:
    try:
        status = main()
    except SystemExit as end:
        status = end.code
assert not status, status
assert "analyze" in said.getvalue(), said.getvalue()
"""


def modules_after(program: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded when a program is done."""
    done = subprocess.run(
        [sys.executable, "-c", program + "\n" + REPORT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import guidance", id="import guidance"),
        pytest.param("import guidance.records, guidance.io", id="import records and io"),
        pytest.param(HELP, id="guidance --help"),
    ],
)
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert modules_after(program).isdisjoint(HEAVY)


def test_the_check_sees_what_is_loaded() -> None:
    assert "matplotlib" in modules_after("import matplotlib")


def test_importing_the_library_writes_nothing() -> None:
    program = "import guidance, guidance.records"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == done.stderr == b""
