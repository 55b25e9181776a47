"""What the program says of the bundled samples, kept, so that no change of it goes unnoticed.

Rewrite after a wanted change, and say in CHANGELOG.md what moved:
`pytest tests/test_goldens.py --rewrite-goldens`.
"""

import json
from pathlib import Path

import pytest

from guidance.io import hash_file, open_run
from guidance.pipeline import analyze_run

GOLDEN = Path(__file__).parent / "golden" / "samples.json"
NAMES = ("none", "perineural", "epidural", "intravascular", "mixed")


def summarise(path: Path) -> dict:
    with open_run(path) as cine:
        contrast = analyze_run(cine, path=path.name, sha256=hash_file(path)).analysis.contrast
    peak = max(contrast.frames, key=lambda frame: -1 if frame.area_px is None else frame.area_px)
    return {
        "verdict": contrast.verdict,
        "onset_frame": contrast.onset_frame,
        "flag_frame": contrast.flag_frame,
        "peak_area_mm2": peak.area_mm2,
        "peak_iodine_signal_mm2": peak.iodine_signal_mm2,
        "peak_thin_length_px": peak.thin_length_px,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_gives_what_it_gave(name, sample_dicoms, pytestconfig):
    found = summarise(sample_dicoms / f"{name}.dcm")
    kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if pytestconfig.getoption("--rewrite-goldens"):
        kept[name] = found
        GOLDEN.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    expected = kept[name]
    for key in ("verdict", "onset_frame", "flag_frame"):
        assert found[key] == expected[key], key
    for key in ("peak_area_mm2", "peak_iodine_signal_mm2", "peak_thin_length_px"):
        # Other builds of numpy and OpenCV round differently: a few pixels at a mask's rim.
        assert found[key] == pytest.approx(expected[key], rel=0.05, abs=2), key
