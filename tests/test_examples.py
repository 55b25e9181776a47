"""The examples run as they are printed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(example: str, *arguments: object) -> str:
    call = [sys.executable, ROOT / "examples" / example, *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_follow_a_run_stops_at_the_flag(sample_dicoms):
    flagged = run("follow_a_run.py", sample_dicoms / "intravascular.dcm")
    assert "suspected intravascular" in flagged.splitlines()[-1]
    assert "verdict none" in run("follow_a_run.py", sample_dicoms / "none.dcm")


def test_read_results_lists_every_run(guidance, sample_dicoms, tmp_path):
    guidance("analyze", sample_dicoms / "none.dcm", "--out", tmp_path, "--no-report")
    (line,) = run("read_results.py", tmp_path).splitlines()
    assert "none" in line
    assert "flag None" in line
