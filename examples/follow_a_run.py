"""Follow the contrast of a run as if it came in live, and stop at the flag.

Run it on a run of your own, or without an argument on a bundled, simulated one:

    python examples/follow_a_run.py [RUN.dcm]
"""

import sys
from pathlib import Path

from guidance.io import open_run, sample_folder
from guidance.pipeline import make_context, replay
from guidance.spread import Monitor


def main(path: Path) -> None:
    """Print a line whenever something changes."""
    with open_run(path) as cine:
        monitor = Monitor(make_context(cine))
        onset = None
        for seen in replay(monitor, cine):
            findings = monitor.findings()
            if findings.onset_frame != onset:
                onset = findings.onset_frame
                print(f"frame {seen.frame}: contrast, first seen in frame {onset}")
            if seen.flagged:
                print(f"frame {seen.frame}: suspected intravascular; {findings.grounds[-1]}")
                return
    print(f"no flag; verdict {findings.verdict.value}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else sample_folder() / "intravascular.dcm")
