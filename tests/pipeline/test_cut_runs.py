"""What is said of a frame rests on the frames up to it: a file cut short says the same of them."""

from functools import cache

import msgspec
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guidance.io import hash_file, open_run, sample_folder
from guidance.pipeline import analyze_run


def cut(path, frames: int, into):
    """Write the first frames of a run as a file of its own, uncompressed."""
    whole = pydicom.dcmread(path)
    with open_run(path) as cine:  # pydicom alone cannot decode every syntax
        pixels = cine[:frames]
    whole.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    whole.PixelData = pixels.astype(f"<u{whole.BitsAllocated // 8}").tobytes()
    whole["PixelData"].VR = "OW"
    whole["PixelData"].is_undefined_length = False
    whole.NumberOfFrames = frames
    if "FrameTimeVector" in whole:
        whole.FrameTimeVector = whole.FrameTimeVector[:frames]
    short = into / f"cut_{frames}.dcm"
    whole.save_as(short)
    return short


@cache
def frames_of(path):
    with open_run(path) as cine:
        result = analyze_run(cine, path=path.name, sha256=hash_file(path))
    return msgspec.to_builtins(result.analysis.contrast.frames), result.outlines


@pytest.mark.slow
@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(share=st.floats(0.15, 0.95))
@pytest.mark.parametrize("name", ["intravascular.dcm", "epidural.dcm"])
def test_a_run_cut_short_says_the_same_of_the_frames_it_has(name, share, tmp_path):
    path = sample_folder() / name
    told, outlines = frames_of(path)
    count = max(2, int(share * len(told)))
    short, short_outlines = frames_of(cut(path, count, tmp_path))
    assert short == told[:count]
    for one, other in zip(short_outlines, outlines, strict=False):
        assert [line.tolist() for line in one] == [line.tolist() for line in other]
