"""Which frames are shown: the telling ones always, the rest spread evenly over true time."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.errors import InputError
from guidance.report import key_frames
from guidance.report._course import (
    frame_roles,
    frame_times,
    peak_frame,
    reference_frames,
    shown_frame,
)


def test_every_telling_frame_is_chosen(make):
    analysis = make(n_frames=120, onset=23, flag=31, verdict="intravascular").analysis
    chosen = key_frames(analysis)
    peak = peak_frame(analysis.contrast)
    assert {0, 22, 23, 31, peak, 119} <= set(chosen)
    assert len(chosen) == 10


def test_room_left_is_spread_evenly_over_the_time_after_the_onset(make):
    analysis = make(n_frames=200, onset=100, verdict="extravascular").analysis
    later = [frame for frame in key_frames(analysis) if frame >= 100]
    waits = [b - a for a, b in pairwise(later)]
    # Fixed frames (onset, peak, last) split the time, so no wait may be twice the even one.
    assert max(waits) <= 2 * 99 / (len(later) - 1)
    assert key_frames(analysis)[:3] == [0, 99, 100]


def test_without_onset_the_run_is_cut_into_equal_parts(make):
    analysis = make(n_frames=91, onset=None, verdict="none").analysis
    assert key_frames(analysis) == list(range(0, 91, 10))


def test_even_means_even_in_time_not_in_frames(make):
    run = make(n_frames=40, onset=None, verdict="none")
    # Half the frames in the first tenth of a second, the rest one second apart.
    times = [0.005 * frame for frame in range(20)] + [0.1 + frame for frame in range(20)]
    analysis = replace(run.analysis, source=replace(run.analysis.source, frame_times_s=times))
    assert sum(frame >= 20 for frame in key_frames(analysis)) == 9


def test_equal_times_still_give_distinct_frames(make):
    run = make(n_frames=40, onset=None, verdict="none")
    source = replace(run.analysis.source, frame_times_s=[0.0] * 40)
    chosen = key_frames(replace(run.analysis, source=source))
    assert len(set(chosen)) == 10


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_with_little_room_the_most_telling_stay(make, limit):
    analysis = make(n_frames=120, onset=23, flag=31, verdict="intravascular").analysis
    by_weight = [31, 23, peak_frame(analysis.contrast), 0, 119]
    assert key_frames(analysis, limit) == sorted(by_weight[:limit])


@given(
    n_frames=st.integers(1, 60),
    limit=st.integers(1, 15),
    onset=st.none() | st.integers(0, 59),
    delay=st.none() | st.integers(0, 20),
)
def test_always_distinct_ascending_within_the_run_and_as_many_as_fit(
    frozen_make, n_frames, limit, onset, delay
):
    onset = None if onset is None or onset >= n_frames else onset
    flag = None if onset is None or delay is None else min(onset + delay, n_frames - 1)
    chosen = key_frames(frozen_make(n_frames=n_frames, size=8, onset=onset, flag=flag), limit)
    assert chosen == sorted(set(chosen))
    assert 0 <= chosen[0] <= chosen[-1] < n_frames
    assert len(chosen) == min(limit, n_frames)


def test_a_limit_below_one_is_refused(make):
    with pytest.raises(InputError, match="limit is 0, expected at least 1"):
        key_frames(make().analysis, 0)


def test_peak_is_where_the_signal_is_greatest_not_the_area(make):
    analysis = make(n_frames=60, onset=14).analysis
    frames = analysis.contrast.frames
    assert peak_frame(analysis.contrast) == max(frames, key=lambda r: r.relative_signal_px).frame
    assert max(frames, key=lambda r: r.area_px).frame != peak_frame(analysis.contrast)


def test_no_contrast_has_no_peak_and_shows_the_last_frame(make):
    analysis = make(n_frames=12, onset=None, verdict="none").analysis
    assert peak_frame(analysis.contrast) is None
    assert shown_frame(analysis) == 11


@pytest.mark.parametrize(
    ("n_frames", "onset", "expected"),
    [
        (40, 12, range(4, 12)),
        (40, 3, range(0, 3)),
        (40, 0, range(0)),
        (12, None, range(0, 6)),
        (200, None, range(92, 100)),
        (1, None, range(0)),
    ],
)
def test_the_reference_ends_where_contrast_begins(make, n_frames, onset, expected):
    analysis = make(n_frames=n_frames, onset=onset, size=16).analysis
    assert reference_frames(analysis) == expected


def test_roles_of_a_second_injection_bear_its_number(make):
    analysis = make(n_frames=60, onset=14, flag=22, verdict="intravascular").analysis
    first = analysis.contrast.injections[0]
    second = replace(first, onset_frame=40, flag_frame=None, verdict="extravascular")
    contrast = replace(analysis.contrast, injections=[first, second])
    roles = frame_roles(replace(analysis, contrast=contrast))
    assert roles[40] == ["onset 2"]
    assert roles[22] == ["flag"]


def test_times_may_come_from_the_frames_and_may_be_missing(make):
    analysis = make(n_frames=5, onset=None).analysis
    bare = replace(analysis, source=replace(analysis.source, frame_times_s=None))
    assert frame_times(bare) == analysis.source.frame_times_s
    assert frame_times(make(n_frames=5, onset=None, frame_s=None).analysis) is None
