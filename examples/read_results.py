"""Read the results of `guidance analyze` back: which runs were flagged, when, on what grounds.

python examples/read_results.py RESULTS
"""

import sys
from pathlib import Path

from guidance.io import decode_analysis


def main(results: Path) -> None:
    """Print a line for each analysed run."""
    for path in sorted(results.rglob("analysis.json")):
        analysis = decode_analysis(path.read_bytes())
        contrast = analysis.contrast
        peak_mm2 = max((frame.area_mm2 or 0.0 for frame in contrast.frames), default=0.0)
        area = f"{peak_mm2:.0f} mm²" if analysis.source.spacing_mm else "no scale"
        print(f"{path.parent.name}  {contrast.verdict:13}  flag {contrast.flag_frame}  {area}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-report"))
