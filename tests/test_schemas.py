"""The schema that is shipped says what the records say."""

import subprocess
import sys
from pathlib import Path

SCHEMA = Path(__file__).parents[1] / "docs" / "schemas" / "analysis-1.schema.json"


def test_the_shipped_schema_is_the_one_of_the_records() -> None:
    program = "import sys; sys.argv = ['guidance', 'schema']; from guidance.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == SCHEMA.read_bytes(), "run: make schemas"
