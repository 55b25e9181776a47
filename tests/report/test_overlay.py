"""The moving overlay keeps true time, shows the contrast, and marks the flag without red."""

import io
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from guidance.errors import InputError
from guidance.report import render_overlay_gif, render_thumbnail
from guidance.report._overlay import frame_durations
from guidance.report.style import FLAG, OUTLINE


def render(run):
    return render_overlay_gif(run.analysis, run.cine, run.outlines)


def frames_of(gif):
    """Return what is seen, (T, r, c, 3), and how long, milliseconds."""
    seen, durations = [], []
    with PIL.Image.open(io.BytesIO(gif)) as image:
        for frame in range(image.n_frames):
            image.seek(frame)
            seen.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    return np.stack(seen), durations


def count(picture, colour):
    return int((picture == list(bytes.fromhex(colour[1:]))).all(-1).sum())


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.133, 0.267, 0.4], [13, 14, 13, 100]),
        ([frame / 30 for frame in range(7)], [3, 4, 3, 3, 4, 3, 100]),
        ([0.0, 0.2, 1.7], [20, 150, 100]),
        ([0.0, 0.001, 0.002], [2, 2, 100]),
        ([0.0, 0.0, 1000.0], [2, 65535, 100]),
        ([0.0], [100]),
    ],
)
def test_durations_follow_the_true_times(times, expected):
    assert frame_durations(times, len(times)) == expected


def test_rounding_of_durations_does_not_add_up():
    times = [frame / 30 for frame in range(601)]
    assert sum(frame_durations(times, 601)[:-1]) == 2000


def test_without_times_frames_stand_a_tenth_of_a_second():
    assert frame_durations(None, 3) == [10, 10, 100]


def test_gif_has_every_frame_for_its_time(make):
    run = make(n_frames=7, onset=2, frame_s=0.034)
    seen, durations = frames_of(render(run))
    assert len(seen) == 7
    assert durations == [30, 40, 30, 40, 30, 30, 1000]


def test_equal_frames_stay_frames(make):
    run = make(n_frames=5, onset=None, verdict="none", frame_s=None)
    still = run.cine[0]

    class Still:
        dtype = still.dtype

        def read(self, index):
            return still.copy()

        def close(self):
            pass

    seen, durations = frames_of(render(replace(run, cine=replace(run.cine, reader=Still()))))
    assert len(seen) == 5
    assert durations == [100, 100, 100, 100, 1000]


def test_contrast_is_outlined_and_the_flag_shown_from_its_frame(make):
    run = make(n_frames=24, size=256, onset=6, flag=12, verdict="intravascular")
    seen, _ = frames_of(render(run))
    assert [count(picture, OUTLINE) > 0 for picture in seen] == [f >= 6 for f in range(24)]
    flags = [count(picture[256:], FLAG) for picture in seen]
    # The tick of the flag stands in all captions; flag and word join it at frame 12.
    assert max(flags[:12]) * 4 < min(flags[12:])


def test_no_colour_but_grey_sky_blue_and_orange(make):
    run = make(n_frames=20, size=256, onset=6, flag=12, verdict="intravascular")
    seen, _ = frames_of(render(run))
    red, green, blue = (seen[..., channel].astype(int) for channel in range(3))
    # Reddest is the flag's orange, whose green is two thirds of its red.
    assert (green * 255 >= red * 140).all()
    assert (blue - green < 70).all()


@pytest.mark.parametrize(
    ("size", "width"), [(1024, 512), (600, 512), (512, 512), (300, 300), (100, 300), (9, 243)]
)
def test_width_is_at_most_512_and_small_frames_grow(make, size, width):
    seen, _ = frames_of(render(make(n_frames=2, size=size, onset=None)))
    assert seen.shape[2] == width


def test_what_is_seen_is_within_three_percent_of_the_frame(make):
    run = make(n_frames=12, size=256, onset=None, verdict="none")
    seen, _ = frames_of(render(run))
    from guidance.report._overlay import _run_window

    grey = _run_window(run.analysis, run.cine).grey(run.cine[11])
    # Two of 95 steps are left undrawn, and each step is rounded.
    assert np.abs(seen[11, :256, :, 0].astype(int) - grey).max() <= 2.5 * 255 / 95 + 1


@pytest.mark.parametrize(
    "plan", [{}, {"n_frames": 1, "onset": None}, {"frame_s": None}, {"flag": 15}]
)
def test_same_input_gives_the_same_bytes(make, plan):
    assert render(make(**plan)) == render(make(**plan))


def test_a_run_of_600_frames_is_read_once_and_in_order(make):
    run = make(n_frames=600, size=16, onset=100)
    seen, _ = frames_of(render(run))
    assert len(seen) == 600
    assert run.reads[-600:] == list(range(600))


def test_outlines_of_another_run_are_refused(make):
    run = make()
    with pytest.raises(InputError, match="outlines 3"):
        render_overlay_gif(run.analysis, run.cine, run.outlines[:3])


def test_thumbnail_is_small_and_outlined(make):
    run = make(size=700)
    with PIL.Image.open(io.BytesIO(render_thumbnail(run.analysis, run.cine, run.outlines))) as png:
        assert png.format == "PNG"
        assert png.size == (320, 320)
        colour = np.asarray(png).astype(int)
    # Sky blue is bluer than grey by 169; the smoothing of the line leaves part of it.
    assert (colour[..., 2] - colour[..., 0]).max() > 100
