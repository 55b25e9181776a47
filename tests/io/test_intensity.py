"""What values mean: dark or bright, linear or not; never inverted."""

import numpy as np
import pydicom
import pytest

from guidance.records import PixelIntensityRelationship

XA = "1.2.840.10008.5.1.4.1.1.12.1"
XRF = "1.2.840.10008.5.1.4.1.1.12.2"
CR = "1.2.840.10008.5.1.4.1.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SIGN = "PixelIntensityRelationshipSign"
KIND = PixelIntensityRelationship


@pytest.mark.parametrize(
    ("sop_class", "modality", "photometry", "sign"),
    [
        (XA, "XA", "MONOCHROME2", 1),
        (XA, "XA", "MONOCHROME1", -1),
        (XRF, "RF", "MONOCHROME2", 1),
        (CR, "CR", "MONOCHROME2", -1),
        (CR, "CR", "MONOCHROME1", 1),
        (DX, "DX", "MONOCHROME2", -1),
        (DX, "DX", "MONOCHROME1", 1),
        (CAPTURE, "OT", "MONOCHROME2", 1),
        (CAPTURE, "XA", "MONOCHROME1", -1),
        (CAPTURE, "CR", "MONOCHROME2", -1),
    ],
)
def test_the_sign_by_custom(make_run, sop_class, modality, photometry, sign):
    attributes = {
        "SOPClassUID": sop_class,
        "Modality": modality,
        "PhotometricInterpretation": photometry,
        "PixelIntensityRelationship": "DISP",
    }
    with make_run(attributes=attributes) as cine:
        assert cine.header.intensity.sign == sign
        assert cine.header.intensity.sign_source == "convention"
        assert any(SIGN in remark.attribute for remark in cine.header.remarks)


def test_linear_fluoroscopy_needs_no_sign(make_run):
    with make_run(attributes={"PixelIntensityRelationship": "LIN"}) as cine:
        assert cine.header.intensity.sign == 1
        assert cine.header.intensity.sign_source == "PixelIntensityRelationship"
        assert not any(SIGN in remark.attribute for remark in cine.header.remarks)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("photometry", ["MONOCHROME1", "MONOCHROME2"])
def test_a_stated_sign_is_taken(make_run, sign: int, photometry: str):
    with make_run(attributes={SIGN: sign, "PhotometricInterpretation": photometry}) as cine:
        assert cine.header.intensity.sign == sign
        assert cine.header.intensity.sign_source == SIGN
        assert not any(SIGN in remark.attribute for remark in cine.header.remarks)


def test_a_stated_sign_is_of_stored_values(make_run):
    with make_run(attributes={SIGN: 1, "RescaleSlope": "-1", "RescaleIntercept": "4095"}) as cine:
        assert cine.header.intensity.sign == -1


def test_an_impossible_sign_is_ignored(make_run):
    with make_run(attributes={SIGN: 3, "PixelIntensityRelationship": "DISP"}) as cine:
        assert cine.header.intensity.sign_source == "convention"
        assert any("neither 1 nor -1" in remark.finding for remark in cine.header.remarks)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (b"LIN ", KIND.LIN),
        (b"LOG ", KIND.LOG),
        (b"DISP", KIND.DISP),
        (b"", KIND.UNKNOWN),
        (None, KIND.UNKNOWN),
        (b"SQRT", KIND.UNKNOWN),
        (b"Doe^John", KIND.UNKNOWN),
    ],
)
def test_the_relationship(make_run, stated, expected):
    with make_run(attributes={"PixelIntensityRelationship": stated}) as cine:
        assert cine.header.intensity.relationship is expected
        remarks = [str(one) for one in cine.header.remarks if "Relationship " in one.attribute]
    assert (remarks == []) is (expected is KIND.LIN)
    assert all("iodine cannot be given" in one and "Doe" not in one for one in remarks)


def table(entries: np.ndarray) -> list[pydicom.Dataset]:
    item = pydicom.Dataset()
    item.LUTDescriptor = [len(entries), 0, 16]
    item.add_new("LUTData", "OW", entries.astype(np.uint16).tobytes())
    return [item]


@pytest.mark.parametrize(
    ("sop_class", "stated", "expected"),
    [
        (XA, "LOG", KIND.LIN),  # a table that comes with LOG leads back to proportion (A.14.3)
        (XA, "LIN", KIND.UNKNOWN),
        (XA, "DISP", KIND.DISP),
        (DX, "LOG", KIND.LOG),
    ],
)
def test_a_table_changes_the_relationship(make_run, make_ramp, sop_class, stated, expected):
    attributes = {
        "SOPClassUID": sop_class,
        "PixelIntensityRelationship": stated,
        "ModalityLUTSequence": table(np.exp(np.arange(256) / 30)),
    }
    with make_run(make_ramp(bits=8), attributes=attributes) as cine:
        assert cine.header.intensity.relationship is expected


@pytest.mark.parametrize(("intercept", "expected"), [("0", KIND.LIN), ("100", KIND.UNKNOWN)])
def test_an_offset_ends_proportion(make_run, intercept: str, expected):
    with make_run(attributes={"RescaleSlope": "2", "RescaleIntercept": intercept}) as cine:
        assert cine.header.intensity.relationship is expected
