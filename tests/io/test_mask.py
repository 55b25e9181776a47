"""Mask Subtraction Sequence: counted from 1 in the file, from 0 here; what cannot be is ignored."""

import pytest
from pydicom.dataset import Dataset

from guidance.errors import InputError
from guidance.records import MaskOperation, MaskSubtraction


def item(**values: object) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


AVERAGE = {
    "MaskOperation": "AVG_SUB",
    "MaskFrameNumbers": [1, 2],
    "ApplicableFrameRange": [2, 3],
    "MaskSubPixelShift": [0.5, -1.25],
}


def test_an_average_counts_from_zero(make_run):
    with make_run(attributes={"MaskSubtractionSequence": [item(**AVERAGE)]}) as cine:
        (mask,) = cine.header.masks
        assert not cine.header.is_subtracted
    assert mask == MaskSubtraction(
        operation=MaskOperation.AVERAGE,
        mask_frames=(0, 1),
        applies_to=((1, 2),),
        shift_px=(0.5, -1.25),
    )


def test_differences_over_time_keep_their_offset(make_run):
    wanted = item(MaskOperation="TID", TIDOffset=2)
    with make_run(attributes={"MaskSubtractionSequence": [wanted]}) as cine:
        (mask,) = cine.header.masks
    assert mask.operation is MaskOperation.TIME_INTERVAL
    assert mask.offset_frames == 2
    assert mask.mask_frames == ()


def test_several_items_keep_their_order(make_run):
    items = [item(**AVERAGE), item(MaskOperation="NONE"), item(MaskOperation="TID")]
    with make_run(attributes={"MaskSubtractionSequence": items}) as cine:
        kinds = [mask.operation for mask in cine.header.masks]
    assert kinds == [MaskOperation.AVERAGE, MaskOperation.TIME_INTERVAL]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"MaskSubtractionSequence": []},
        {"MaskSubtractionSequence": [item(MaskOperation="NONE", MaskFrameNumbers=0)]},
        {"MaskSubtractionSequence": [item()]},
    ],
    ids=["absent", "empty", "none", "bare"],
)
def test_no_mask_needs_no_remark(make_run, attributes):
    with make_run(attributes=attributes) as cine:
        assert cine.header.masks == ()
        assert not any("Mask" in remark.attribute for remark in cine.header.remarks)


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({"MaskOperation": "WAVES"}, "MaskOperation"),
        ({"MaskFrameNumbers": 0}, "MaskFrameNumbers"),
        ({"MaskFrameNumbers": [1, 99]}, "MaskFrameNumbers"),
        ({"MaskFrameNumbers": []}, "MaskFrameNumbers"),
        ({"ApplicableFrameRange": [2]}, "ApplicableFrameRange"),
        ({"ApplicableFrameRange": [3, 2]}, "ApplicableFrameRange"),
        ({"ApplicableFrameRange": [1, 9]}, "ApplicableFrameRange"),
        ({"MaskSubPixelShift": [1.0]}, "MaskSubPixelShift"),
        ({"MaskSubPixelShift": [1.0, float("nan")]}, "MaskSubPixelShift"),
        ({"MaskSubPixelShift": [50.0, 0.0]}, "MaskSubPixelShift"),
    ],
)
def test_what_cannot_be_is_ignored_with_a_remark(make_run, changes, keyword):
    wanted = item(**{**AVERAGE, **changes})
    with make_run(attributes={"MaskSubtractionSequence": [wanted]}) as cine:
        assert cine.header.masks == ()
        remarked = [one for one in cine.header.remarks if one.attribute.startswith(keyword)]
    assert len(remarked) == 1
    assert "ignored" in remarked[0].finding


def test_a_sequence_that_is_damaged_costs_only_itself(make_run):
    damaged = {"MaskSubtractionSequence": ("SQ", b"\xfe\xff\x00\xe0\xff\xff")}
    with make_run(attributes=damaged) as cine:
        assert cine.header.masks == ()
        assert cine[0].shape == (12, 20)


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": MaskOperation.AVERAGE},
        {"operation": MaskOperation.AVERAGE, "mask_frames": (-1,)},
        {"operation": MaskOperation.NONE, "applies_to": ((3, 2),)},
        {"operation": MaskOperation.NONE, "shift_px": (float("inf"), 0.0)},
        {"operation": MaskOperation.NONE, "frames_averaged": 0},
    ],
)
def test_a_record_that_cannot_be_is_refused(fields):
    with pytest.raises(InputError):
        MaskSubtraction(**fields)
