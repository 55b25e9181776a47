"""Which images are read; the others are refused with a reason, and with nobody's name."""

import pytest

from guidance.errors import (
    DamagedFileError,
    MissingAttributeError,
    NotAProjectionError,
    UnsupportedImageError,
)
from guidance.io import open_run

ROOT = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize("uid", ["12.1", "12.2", "1", "1.1", "1.1.1", "7", "7.2", "7.3"])
def test_projection_images_are_read(make_run, uid: str):
    with make_run(attributes={"SOPClassUID": ROOT + uid}) as cine:
        assert cine.header.sop_class_uid == ROOT + uid


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        (ROOT + "2", "CT Image Storage"),
        (ROOT + "4", "MR Image Storage"),
        (ROOT + "7.1", "Multi-frame Single Bit Secondary Capture"),
        (ROOT + "7.4", "Multi-frame True Color Secondary Capture"),
        (ROOT + "88.22", "Enhanced SR Storage"),
        ("1.2.840.10008.1.3.10", "Media Storage Directory"),
    ],
)
def test_other_objects_are_named_and_refused(make_dicom, scratch, uid: str, name: str):
    data = make_dicom(attributes={"SOPClassUID": uid.encode()})
    with pytest.raises(NotAProjectionError, match=r"SOPClassUID \(0008,0016\)") as caught:
        open_run(scratch(data))
    assert f"found {name}" in str(caught.value)
    assert "give the fluoroscopy run itself" in str(caught.value)


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        (ROOT + "12.1.1", "Enhanced XA Image Storage"),
        ("1.3.46.670589.1", "1.3.46.670589.1"),
        ("Doe^John", "no valid identifier"),
    ],
)
def test_what_may_be_a_run_is_never_passed_over(make_dicom, scratch, uid: str, name: str):
    data = make_dicom(attributes={"SOPClassUID": uid.encode()})
    with pytest.raises(UnsupportedImageError, match=r"SOPClassUID \(0008,0016\)") as caught:
        open_run(scratch(data))
    assert not isinstance(caught.value, NotAProjectionError)
    assert f"found {name}" in str(caught.value)
    assert "export the run" in str(caught.value)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize(
    ("photometry", "shown"),
    [
        ("RGB", "RGB"),
        ("PALETTE COLOR", "PALETTE COLOR"),
        ("YBR_FULL_422", "YBR_FULL_422"),
        ("DOE JOHN", "an unknown word"),
        ("Doe^John", "an unknown word"),
    ],
)
def test_colours_are_refused(make_dicom, scratch, photometry: str, shown: str):
    data = make_dicom(attributes={"PhotometricInterpretation": photometry.encode()})
    with pytest.raises(UnsupportedImageError, match=f"found {shown}, expected MONOCHROME1"):
        open_run(scratch(data))


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"SamplesPerPixel": 3}, UnsupportedImageError, "SamplesPerPixel (0028,0002)"),
        ({"BitsAllocated": 1}, UnsupportedImageError, "found 1, expected 8 or 16"),
        ({"BitsAllocated": 12}, UnsupportedImageError, "found 12, expected 8 or 16"),
        ({"BitsAllocated": 32}, UnsupportedImageError, "found 32, expected 8 or 16"),
        ({"BitsAllocated": None}, MissingAttributeError, "BitsAllocated (0028,0100) is missing"),
        ({"BitsStored": 0, "HighBit": 0}, DamagedFileError, "BitsStored (0028,0101)"),
        ({"BitsStored": 17, "HighBit": 15}, DamagedFileError, "found 17, expected 1 to 16"),
        ({"BitsStored": 12, "HighBit": 5}, DamagedFileError, "HighBit (0028,0102)"),
        ({"BitsStored": 12, "HighBit": 16}, DamagedFileError, "found 16, expected 11 to 15"),
        ({"PixelRepresentation": 2}, DamagedFileError, "PixelRepresentation (0028,0103)"),
        ({"Rows": None}, MissingAttributeError, "Rows (0028,0010) is missing"),
        ({"Rows": 0}, MissingAttributeError, "found 0, expected 1 to 65535"),
        ({"Rows": b"\1"}, MissingAttributeError, "found no number"),
        ({"Columns": ("CS", b"WIDE")}, MissingAttributeError, "found no number"),
        ({"NumberOfFrames": b"0"}, MissingAttributeError, "NumberOfFrames (0028,0008) is wrong"),
        ({"NumberOfFrames": b"-3"}, MissingAttributeError, "found -3"),
        ({"NumberOfFrames": b"2.5"}, MissingAttributeError, "found 2.5"),
        ({"NumberOfFrames": b"Doe"}, MissingAttributeError, "found no number"),
        ({"NumberOfFrames": b"1e99"}, MissingAttributeError, "found 1e+99"),
        ({"PhotometricInterpretation": None}, MissingAttributeError, "dark and bright"),
        ({"SOPInstanceUID": None}, MissingAttributeError, "SOPInstanceUID (0008,0018)"),
        ({"SOPInstanceUID": b"1\n2"}, MissingAttributeError, "SOPInstanceUID (0008,0018)"),
        ({"SOPClassUID": None}, MissingAttributeError, "SOPClassUID (0008,0016) is missing"),
    ],
)
def test_what_nothing_can_replace(make_dicom, scratch, attributes, error, words: str):
    with pytest.raises(error) as caught:
        open_run(scratch(make_dicom(attributes=attributes)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("; ") >= 2


@pytest.mark.parametrize(
    "keyword", ["SamplesPerPixel", "BitsStored", "HighBit", "PixelRepresentation"]
)
def test_what_has_a_usual_value_may_be_missing(make_run, make_ramp, keyword: str):
    with make_run(make_ramp(bits=16), attributes={keyword: None}) as cine:
        assert (cine[:] == make_ramp(bits=16)).all()


def test_sizes_as_text_are_read(make_run, make_ramp):
    with make_run(attributes={"Rows": ("IS", b"12"), "Columns": ("DS", b"20.0")}) as cine:
        assert (cine[:] == make_ramp()).all()


def test_class_and_instance_may_come_from_the_file_meta_information(make_run):
    attributes = {"SOPClassUID": None, "SOPInstanceUID": None}
    with make_run(has_meta_uids=True, attributes=attributes) as cine:
        assert cine.header.sop_class_uid == ROOT + "12.1"
        assert cine.header.sop_instance_uid == "2.25.1234"
