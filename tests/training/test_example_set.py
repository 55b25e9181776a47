"""What the network is asked about each frame, and how often it sees it."""

from dataclasses import replace

import numpy as np
import pytest
from made_examples import made_run

from guidance.errors import InputError
from guidance.spread import PATTERNS
from guidance.training import gather


def test_a_vessel_is_asked_for_once_it_can_be_seen():
    run = made_run(0)  # contrast, and the vessel, from frame 3 on
    found = gather([run])
    assert found.uptake.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.contrast.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.pattern.tolist() == [-1, -1, -1, *[PATTERNS.index("vascular")] * 3]


def test_a_vessel_that_only_a_good_eye_sees_is_not_asked_for():
    hidden = replace(
        made_run(0, "mixed"),
        vessel_visible=np.zeros(6, np.bool_),
        vessel_px=np.array([0, 0, 0, 3, 15, 16.0]),
    )
    found = gather([hidden])
    assert found.uptake.tolist() == [0, 0, 0, 0, 0, -1]
    assert found.pattern.tolist() == [-1] * 6  # its pool looks like another pattern


def test_runs_without_uptake_are_negative_throughout():
    found = gather([made_run(1, "epidural"), made_run(2, "none")])
    assert found.uptake.max() == 0
    assert found.pattern.tolist() == [-1] * 3 + [PATTERNS.index("epidural")] * 3 + [-1] * 6


def test_many_frames_of_a_run_count_less_each():
    found = gather([made_run(1, "epidural", frames=4), made_run(2, "epidural", frames=16)])
    assert found.chance.sum() == pytest.approx(1)
    few, many = (found.chance[(found.run == run) & (found.contrast > 0)] for run in (0, 1))
    assert few[0] == pytest.approx(2 * many[0])
    idle = found.chance[(found.run == 0) & (found.contrast == 0)]
    assert idle[0] == pytest.approx(0.6 * few[0])
    positive = gather([made_run(1, "epidural"), made_run(3)])
    ratio = positive.chance[positive.uptake > 0][0] / positive.chance[3]
    assert ratio == pytest.approx(1.5)


def test_images_come_by_number():
    runs = [made_run(1, "epidural"), made_run(2)]
    found = gather(runs)
    channels, maps = found.images(8)
    np.testing.assert_array_equal(channels, runs[1].channels[2])
    np.testing.assert_array_equal(maps, runs[1].maps[2])
    assert len(found) == 12
    assert found.patients == ["va001", "va002"]


def test_no_runs_is_an_error():
    with pytest.raises(InputError, match="no examples"):
        gather([])
