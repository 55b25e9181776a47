"""When frames were taken: the best attribute that makes sense, and words for those that do not."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from guidance.errors import InputError
from guidance.io import with_frame_time
from guidance.records import RunHeader

POINTER = "FrameIncrementPointer"


@dataclass(frozen=True)
class Case:
    """What a header of three frames says, and what comes of it."""

    name: str
    attributes: dict[str, Any]
    times_s: tuple[float, ...] | None
    source: str = ""
    remarked: tuple[str, ...] = field(default=())


CASES = [
    Case("frame time", {"FrameTime": b"40"}, (0, 0.04, 0.08), "FrameTime"),
    Case("padded", {"FrameTime": b" 33.3 "}, (0, 0.0333, 0.0666), "FrameTime"),
    Case("binary", {"FrameTime": ("FD", np.float64(50).tobytes())}, (0, 0.05, 0.1), "FrameTime"),
    Case("unknown representation", {"FrameTime": ("UN", b"50")}, (0, 0.05, 0.1), "FrameTime"),
    Case(
        "pointer to the vector",
        {POINTER: 0x00181065, "FrameTime": b"40", "FrameTimeVector": b"0\\100\\300"},
        (0, 0.1, 0.4),
        "FrameTimeVector",
    ),
    Case(
        "pointer to the time",
        {POINTER: 0x00181063, "FrameTime": b"40", "FrameTimeVector": b"0\\100\\300"},
        (0, 0.04, 0.08),
        "FrameTime",
    ),
    Case(
        "no pointer: the vector is worth more",
        {POINTER: None, "FrameTime": b"40", "FrameTimeVector": b"0\\100\\300"},
        (0, 0.1, 0.4),
        "FrameTimeVector",
    ),
    Case(
        "pointer to something else",
        {POINTER: 0x00182005, "FrameTime": b"40"},
        (0, 0.04, 0.08),
        "FrameTime",
    ),
    Case("pointer of rubbish", {POINTER: b"\0", "FrameTime": b"40"}, (0, 0.04, 0.08), "FrameTime"),
    Case(
        "the first entry stands before frame 0",
        {POINTER: 0x00181065, "FrameTime": None, "FrameTimeVector": b"500\\100\\100 "},
        (0, 0.1, 0.2),
        "FrameTimeVector",
    ),
    Case(
        "cine rate",
        {"FrameTime": None, "CineRate": b"25"},
        (0, 0.04, 0.08),
        "CineRate",
        ("CineRate",),
    ),
    Case(
        "display rate",
        {"FrameTime": b"", "RecommendedDisplayFrameRate": b"10"},
        (0, 0.1, 0.2),
        "RecommendedDisplayFrameRate",
        ("RecommendedDisplayFrameRate",),
    ),
    Case(
        "duration",
        {"FrameTime": None, "ActualFrameDuration": b"20", "CineRate": b"25"},
        (0, 0.02, 0.04),
        "ActualFrameDuration",
        ("ActualFrameDuration",),
    ),
    *(
        Case(
            f"frame time of {value!r}",
            {"FrameTime": value, "CineRate": b"20"},
            (0, 0.05, 0.1),
            "CineRate",
            ("FrameTime", "CineRate"),
        )
        for value in (
            b"0",
            b"-33",
            b"nan",
            b"inf",
            b"abc",
            b"1e9",
            b"0.033",
            b"33,3",
            b"3_3",
            b"33\\33",
            b"\\",
        )
    ),
    *(
        Case(
            f"vector of {value!r}",
            {POINTER: 0x00181065, "FrameTimeVector": value, "FrameTime": b"40"},
            (0, 0.04, 0.08),
            "FrameTime",
            ("FrameTimeVector",),
        )
        for value in (
            b"0\\40",
            b"0\\40\\40\\40",
            b"0\\0\\40",
            b"0\\40\\-1",
            b"0\\nan\\40",
            b"0\\x\\40",
            b"40",
        )
    ),
    *(
        Case(
            f"cine rate of {value!r}",
            {"FrameTime": None, "CineRate": value},
            None,
            remarked=("CineRate", "FrameTime"),
        )
        for value in (b"0", b"-1", b"1e6", b"nan")
    ),
    Case("nothing", {"FrameTime": None, POINTER: None}, None, remarked=("FrameTime",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_times(make_run, case: Case):
    with make_run(attributes=case.attributes) as cine:
        timing = cine.header.timing
        remarks = [one for one in cine.header.remarks if "--frame-time" in one.remedy]
    assert tuple(one.attribute.split()[0] for one in remarks) == case.remarked
    if case.times_s is None:
        assert not timing
        assert "--frame-time" in timing.reason
    else:
        assert timing.source == case.source
        assert_allclose(timing.times_s, case.times_s, rtol=1e-12)


def test_remarks_name_attribute_cost_and_remedy(make_run):
    with make_run(attributes={"FrameTime": b"0"}) as cine:
        first, second = (one for one in cine.header.remarks if "FrameTime" in one.attribute)
    assert str(first) == (
        "FrameTime (0018,1063) is impossible (found 0 ms) and was ignored: times come from another "
        "attribute, or there are none; give the time with --frame-time MS"
    )
    assert "no onset in seconds" in str(second)


def test_a_single_image_is_at_time_zero(make_run, make_ramp):
    with make_run(make_ramp(n_frames=1), attributes={"FrameTime": None}) as cine:
        assert cine.header.timing.times_s.tolist() == [0]
        assert not any("--frame-time" in one.remedy for one in cine.header.remarks)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(increments=st.lists(st.floats(1, 1000), min_size=1, max_size=20), scale=st.floats(1, 50))
def test_times_add_up_and_scale_with_their_increments(make_run, make_ramp, increments, scale):
    frames = make_ramp(n_frames=len(increments) + 1, rows=2, columns=2)

    def times(factor: float) -> np.ndarray:
        text = "\\".join(f"{number * factor:.6f}" for number in [0, *increments])
        with make_run(
            frames, attributes={"FrameTimeVector": text.encode(), POINTER: 0x00181065}
        ) as cine:
            assert cine.header.timing.source == "FrameTimeVector"
            return cine.header.timing.times_s

    assert math.isclose(times(1)[-1], sum(increments) / 1000, rel_tol=1e-6)
    assert_allclose(times(scale), times(1) * scale, rtol=1e-5)


def header(make_run, **attributes: Any) -> RunHeader:
    with make_run(attributes=attributes) as cine:
        return cine.header


def test_the_user_may_give_the_time_that_is_missing(make_run):
    given_time = with_frame_time(header(make_run, FrameTime=b"0"), 50)
    assert given_time.timing.source == "user"
    assert_allclose(given_time.timing.times_s, [0, 0.05, 0.1])
    assert not any("--frame-time" in one.remedy for one in given_time.remarks)
    assert any("given by the user as 50 ms" in one.finding for one in given_time.remarks)


def test_the_user_overrules_a_display_rate(make_run):
    assert (
        with_frame_time(header(make_run, FrameTime=None, CineRate=b"25"), 50).timing.source
        == "user"
    )


def test_a_measured_time_stands(make_run):
    measured = header(make_run)
    assert with_frame_time(measured, 50) is measured


@pytest.mark.parametrize("time_ms", [0, -1, math.nan, math.inf, 0.03, 1e6])
def test_an_impossible_time_is_refused(make_run, time_ms: float):
    with pytest.raises(InputError, match="ms, expected"):
        with_frame_time(header(make_run, FrameTime=None), time_ms)
