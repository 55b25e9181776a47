"""The schemas that are shipped say what the records say."""

import subprocess
import sys
from pathlib import Path

from guidance.simulation import make_truth_schema

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"


def test_the_shipped_schema_is_the_one_of_the_records() -> None:
    program = "import sys; sys.argv = ['guidance', 'schema']; from guidance.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (SCHEMAS / "analysis-1.schema.json").read_bytes(), "run: make schemas"


def test_the_shipped_schema_of_the_truth_is_the_one_of_the_records() -> None:
    shipped = SCHEMAS / "truth-2.schema.json"
    assert make_truth_schema() == shipped.read_bytes(), "run: make schemas"
