"""Remarks on what was done to the pixels, and on what hides in them."""

import pydicom
import pytest

from guidance.records import RunHeader


def header(make_run, *args: object, **attributes: object) -> RunHeader:
    with make_run(*args, attributes=attributes) as cine:
        return cine.header


def remarked(found: RunHeader) -> set[str]:
    return {remark.attribute.split()[0] for remark in found.remarks}


@pytest.mark.parametrize(
    ("image_type", "expected"),
    [
        ("ORIGINAL\\PRIMARY\\SINGLE PLANE", False),
        ("DERIVED\\PRIMARY\\SINGLE PLANE", False),
        ("DERIVED\\PRIMARY\\SINGLE PLANE\\SUBTRACTION", True),
        ("DERIVED\\PRIMARY\\\\SUBTRACTED", True),
        ("DERIVED\\PRIMARY\\SINGLE PLANE\\DIGITAL_SUBTR", True),
        ("ORIGINAL\\PRIMARY\\SINGLE PLANE\\SUBTRACTION", False),
        ("", False),
    ],
)
def test_subtraction_is_what_a_derived_image_says(make_run, image_type: str, expected: bool):
    found = header(make_run, ImageType=image_type.encode())
    assert found.is_subtracted is expected
    assert ("ImageType" in remarked(found)) is expected


@pytest.mark.parametrize(
    ("operation", "expected"), [("AVG_SUB", True), ("TID", True), ("NONE", False)]
)
def test_a_mask_for_the_display_is_no_subtraction(make_run, operation: str, expected: bool):
    item = pydicom.Dataset()
    item.MaskOperation = operation
    found = header(make_run, MaskSubtractionSequence=[item])
    assert not found.is_subtracted
    assert ("MaskSubtractionSequence" in remarked(found)) is expected


@pytest.mark.parametrize(("stated", "expected"), [("01", True), ("00", False), (None, False)])
def test_loss_that_the_header_states(make_run, stated: str | None, expected: bool):
    assert (
        "LossyImageCompression" in remarked(header(make_run, LossyImageCompression=stated))
    ) is expected


@pytest.mark.parametrize(
    ("syntax", "stated", "expected"),
    [
        ("1.2.840.10008.1.2.4.50", None, "TransferSyntaxUID"),
        ("1.2.840.10008.1.2.4.50", "00", "TransferSyntaxUID"),
        ("1.2.840.10008.1.2.4.50", "01", "LossyImageCompression"),
        ("1.2.840.10008.1.2.4.81", None, "TransferSyntaxUID"),
        ("1.2.840.10008.1.2.4.81", "00", None),
        ("1.2.840.10008.1.2.4.80", None, None),
    ],
)
def test_loss_that_the_syntax_implies(
    make_run, syntax: str, stated: str | None, expected: str | None
):
    attributes = {"LossyImageCompression": stated}
    with make_run(syntax=syntax, streams=[b"\0\0" * 9] * 3, attributes=attributes) as cine:
        found = remarked(cine.header) & {"TransferSyntaxUID", "LossyImageCompression"}
    assert found == ({expected} if expected else set())


@pytest.mark.parametrize(("stated", "expected"), [("NO", False), ("YES", True), (None, True)])
def test_letters_may_name_the_patient(make_run, stated: str | None, expected: bool):
    assert (
        "BurnedInAnnotation" in remarked(header(make_run, BurnedInAnnotation=stated))
    ) is expected


@pytest.mark.parametrize(("bits", "expected"), [(8, True), (12, False)])
def test_few_bits_cost_faint_contrast(make_run, make_ramp, bits: int, expected: bool):
    found = header(make_run, make_ramp(bits=bits), BitsStored=bits)
    assert ("BitsStored" in remarked(found)) is expected


def test_every_remark_is_one_line_with_attribute_and_cost(make_run):
    attributes = {
        "FrameTime": b"0",
        "RescaleSlope": b"nan ",
        "PatientOrientation": b"X",
        "ImagerPixelSpacing": b"0\\0 ",
        "ShutterShape": b"ROUND ",
        "PositionerMotion": "DYNAMIC",
        "DistanceSourceToDetector": b"-1",
    }
    found = header(make_run, **attributes)
    assert len(found.remarks) > 8
    for remark in found.remarks:
        assert "\n" not in str(remark)
        assert remark.attribute.endswith(")")
        assert remark.cost
        assert ": " not in remark.finding


@pytest.mark.parametrize(
    ("center", "width", "window"),
    [
        (b"50", b"100", (50, 100)),
        (b"50\\60", b"100\\200", (50, 100)),
        (b"50", b"0 ", None),
        (b"50", b"-5", None),
        (b"nan", b"100", None),
        (None, b"100", None),
    ],
)
def test_the_first_window_that_has_a_width(make_run, center, width, window):
    assert header(make_run, WindowCenter=center, WindowWidth=width).window == window
