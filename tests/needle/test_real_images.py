"""Real images beside the checkout: wires are wires, and what is neither is not found."""

import pytest

from guidance.io import open_run
from guidance.needle import NeedleFollower, find_needles
from guidance.pipeline import make_context
from guidance.records import NeedleKind


@pytest.mark.parametrize("name", ["hip_guidewire_rf_38", "shoulder_kwire_rf"])
def test_wires_are_found_as_wires(shared_data, name):
    with open_run(shared_data / "still" / f"{name}.dcm") as cine:
        found = find_needles(cine[0], make_context(cine))
    assert [each.kind for each in found] == [NeedleKind.WIRE]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "still/lumbar_ap_rf_1024",
        "cine/catheter_no_contrast_12f_jpeg_lossless",
        "cine/coronary/patient_2_coro_1",
        "cine/coronary/patient_4_coro_5",
    ],
)
def test_catheters_vessels_and_bone_are_no_needles(shared_data, name):
    with open_run(shared_data / f"{name}.dcm") as cine:
        follower = NeedleFollower(make_context(cine))
        for number in range(min(len(cine), 20)):
            assert follower.push(cine[number]) == ()
        assert follower.conclude() == ()
