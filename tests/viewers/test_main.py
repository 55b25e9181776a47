"""Asking for the viewer where napari is not installed."""

import subprocess
import sys


def test_without_napari_the_viewer_names_the_extra() -> None:
    program = """
import sys
sys.modules["napari"] = None
from viewers.__main__ import main
sys.exit(main([]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "mbb-guidance[viewer]"' in done.stderr
