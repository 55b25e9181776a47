"""The C-arm's pose: what is written, what is possible, and when only one of it remains."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from guidance.io._pose import detector_direction_lps, turn_over
from guidance.records import CArmPose


def pose(make_run, primary: object = b"0 ", secondary: object = b"0 ", **others: Any) -> CArmPose:
    attributes = {
        "PositionerPrimaryAngle": primary,
        "PositionerSecondaryAngle": secondary,
        **others,
    }
    with make_run(attributes=attributes) as cine:
        return cine.header.pose


@pytest.mark.parametrize(
    ("primary", "secondary", "direction"),
    [
        (0, 0, (0, -1, 0)),  # faces the chest
        (90, 0, (1, 0, 0)),  # the patient's left
        (-90, 0, (-1, 0, 0)),
        (180, 0, (0, 1, 0)),  # the back
        (0, 90, (0, 0, 1)),  # towards the head
        (0, -90, (0, 0, -1)),
    ],
)
def test_angles_place_the_detector_as_the_contract_says(primary, secondary, direction):
    assert_allclose(detector_direction_lps(primary, secondary), direction, atol=1e-12)


@settings(max_examples=200, derandomize=True)
@given(primary=st.floats(-180, 180), secondary=st.floats(-90, 90))
def test_turning_the_patient_over_turns_front_to_back_and_keeps_head_and_feet(primary, secondary):
    turned = turn_over(primary)
    assert -180 < turned <= 180
    # Head first in both: about the long axis by half a turn, in the patient's own frame.
    expected = detector_direction_lps(primary, secondary) * [-1, -1, 1]
    assert_allclose(detector_direction_lps(turned, secondary), expected, atol=1e-9)


def test_the_scotty_dog_of_the_contract():
    assert turn_over(-25) == 155
    assert turn_over(25) == -155


def test_angles_stay_as_written_and_all_poses_are_kept(make_run):
    found = pose(make_run, b"-25", b"10", PatientPosition="HFS")
    assert (found.primary_angle_deg, found.secondary_angle_deg) == (-25, 10)
    assert found.patient_position == "HFS"
    assert [(one.primary_angle_deg, one.patient, one.mirrored) for one in found.candidates] == [
        (-25, "supine", False),
        (-25, "supine", True),
        (155, "prone", False),
        (155, "prone", True),
    ]
    assert {one.secondary_angle_deg for one in found.candidates} == {10}
    assert not found.resolved
    assert "supine angles for prone patients" in found.resolved.reason


@dataclass(frozen=True)
class Resolved:
    """What a header says, and whether that leaves one pose."""

    name: str
    position: str | None
    primary: bytes
    orientation: list[str] | None
    reason: str = ""


@pytest.mark.parametrize(
    "case",
    [
        Resolved("prone, detector at the back, seen from there", "HFP", b"155 ", ["R", "F"]),
        Resolved("feet first", "FFP", b"-155", ["R", "F"]),
        Resolved("straight from the back", "HFP", b"180 ", ["R", "F"]),
        Resolved("no orientation", "HFP", b"155 ", None, "may be mirrored"),
        Resolved("mirrored", "HFP", b"155 ", ["L", "F"], "is mirrored"),
        Resolved("prone with supine angles", "HFP", b"-25 ", ["L", "F"], "one of them was not set"),
        Resolved("supine by the console", "HFS", b"155 ", ["R", "F"], "is HFS"),
        Resolved("on the side", "HFDR", b"155 ", ["R", "F"], "is HFDR"),
        Resolved("no position", None, b"155 ", ["R", "F"], "is missing"),
    ],
    ids=lambda case: case.name,
)
def test_one_pose_remains_only_where_the_console_knew(make_run, case: Resolved):
    found = pose(
        make_run, case.primary, PatientPosition=case.position, PatientOrientation=case.orientation
    )
    if case.reason:
        assert not found.resolved
        assert case.reason in found.resolved.reason
    else:
        assert found.resolved in found.candidates
        assert found.resolved.primary_angle_deg == float(case.primary)
        assert (found.resolved.patient, found.resolved.mirrored) == ("prone", False)


@pytest.mark.parametrize(
    ("primary", "orientation", "front_mirrored"),
    [
        (0, ["L", "F"], False),  # as one sees a patient face to face
        (0, ["R", "F"], True),
        (0, ["R", "H"], False),  # turned by half a turn is not mirrored
        (0, ["F", "R"], False),  # nor by a quarter
        (0, ["L", "H"], True),
        (30, ["LP", "F"], False),
        (-30, ["LA", "FA"], False),
        (80, ["P", "F"], False),
        (-80, ["A", "F"], False),
        (80, ["A", "F"], True),
    ],
)
def test_the_orientation_says_whether_the_image_is_mirrored(
    make_run, primary, orientation, front_mirrored
):
    found = pose(make_run, str(primary).encode(), PatientOrientation=orientation)
    front, back = found.candidates
    assert front.mirrored is front_mirrored
    assert back.mirrored is not front_mirrored


@pytest.mark.parametrize(
    "orientation",
    [
        b"",
        b"L",
        b"L\\",
        b"L\\L",
        b"L\\R",
        b"X\\F",
        b"LR\\F",
        b"L\\F\\H",
        b"LEFT\\FOOT",
        b"SMITH^ANN\\F",
    ],
)
def test_an_orientation_that_is_no_use_leaves_both(make_run, orientation: bytes):
    with make_run(
        attributes={
            "PositionerPrimaryAngle": b"0 ",
            "PositionerSecondaryAngle": b"0 ",
            "PatientOrientation": orientation,
        }
    ) as cine:
        assert cine.header.pose.patient_orientation is None
        assert len(cine.header.pose.candidates) == 4
        (remark,) = (one for one in cine.header.remarks if "PatientOrientation" in one.attribute)
        assert "left cannot be told from right" in remark.cost
        assert "SMITH" not in str(remark)


def test_an_orientation_of_another_view_leaves_both(make_run):
    found = pose(make_run, b"90", PatientOrientation=["L", "F"])
    assert len(found.candidates) == 4


@pytest.mark.parametrize("angle", [None, b"", b"nan", b"abc", b"400", b"-181", b"inf"])
@pytest.mark.parametrize("which", ["PositionerPrimaryAngle", "PositionerSecondaryAngle"])
def test_without_both_angles_there_is_no_pose(make_run, which: str, angle: object):
    attributes = {
        "PositionerPrimaryAngle": b"10",
        "PositionerSecondaryAngle": b"5 ",
        which: angle,
    }
    with make_run(attributes=attributes) as cine:
        found = cine.header.pose
        assert found.candidates == ()
        assert not found.resolved
        assert any(one.attribute.startswith(which) for one in cine.header.remarks)


def test_a_turning_c_arm_is_remarked(make_run):
    with make_run(attributes={"PositionerMotion": "DYNAMIC"}) as cine:
        assert any("PositionerMotion" in one.attribute for one in cine.header.remarks)
    with make_run(attributes={"PositionerMotion": "STATIC"}) as cine:
        assert not any("PositionerMotion" in one.attribute for one in cine.header.remarks)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    primary=st.floats(-180, 180).map(lambda x: round(x, 1)),
    secondary=st.floats(-80, 80).map(lambda x: round(x, 1)),
    swap=st.booleans(),
)
def test_a_true_orientation_is_recognised_and_its_mirror_image_too(
    make_run, primary: float, secondary: float, swap: bool
):
    """Letters are derived from the geometry itself; the mirror image swaps the rows' ends."""
    into = -detector_direction_lps(primary, secondary)
    down = np.array([0.0, 0.0, -1.0]) - into * -into[2]
    if np.linalg.norm(down) < 0.5:
        return
    down /= np.linalg.norm(down)
    across = np.cross(down, into) * (-1 if swap else 1)
    found = pose(
        make_run,
        f"{primary}".encode(),
        f"{secondary}".encode(),
        PatientOrientation=[letters(across), letters(down)],
    )
    as_written = [one for one in found.candidates if one.primary_angle_deg == primary]
    if len(as_written) == 1:  # letters are coarse: an odd oblique may stay open, never be wrong
        assert as_written[0].mirrored is swap


def letters(direction: np.ndarray) -> str:
    """Return one or two letters for a direction, the larger part first (PS3.3 C.7.6.1.1.1)."""
    order = np.argsort(-np.abs(direction), kind="stable")
    named = [pair[int(part < 0)] for pair, part in zip(("LR", "PA", "HF"), direction, strict=True)]
    return "".join(named[axis] for axis in order[:2] if abs(direction[axis]) > 0.25)
