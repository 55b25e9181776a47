"""How large a pixel is: the plane is always known, or there is no size at all."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from guidance.records import SpacingAt

XA = "1.2.840.10008.5.1.4.1.1.12.1"
XRF = "1.2.840.10008.5.1.4.1.1.12.2"
CR = "1.2.840.10008.5.1.4.1.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
IMAGER = {"ImagerPixelSpacing": b"0.3\\0.4"}
DISTANCES = {"DistanceSourceToDetector": b"1000", "DistanceSourceToPatient": b"750 "}


@dataclass(frozen=True)
class Case:
    """What a header says, and the size and plane that come of it."""

    name: str
    attributes: dict[str, Any]
    spacing_mm: tuple[float, float] | None
    at: SpacingAt | None = None
    remarked: tuple[str, ...] = field(default=())
    sop_class: str = XA


def none(name: str, attributes: dict[str, Any], *remarked: str, sop_class: str = XA) -> Case:
    return Case(name, attributes, None, None, remarked, sop_class)


def detector(name: str, attributes: dict[str, Any], *remarked: str, sop_class: str = XA) -> Case:
    return Case(name, attributes, (0.3, 0.4), SpacingAt.DETECTOR, remarked, sop_class)


def isocenter(name: str, attributes: dict[str, Any], *remarked: str, sop_class: str = XA) -> Case:
    return Case(name, attributes, (0.225, 0.3), SpacingAt.ISOCENTER, remarked, sop_class)


def calibrated(name: str, attributes: dict[str, Any]) -> Case:
    return Case(name, attributes, (0.2, 0.25), SpacingAt.CALIBRATED)


SID, SOD = "DistanceSourceToDetector", "DistanceSourceToPatient"
FACTOR = "EstimatedRadiographicMagnificationFactor"
CASES = [
    none("bare", {}, "ImagerPixelSpacing"),
    isocenter("distances", {**IMAGER, **DISTANCES}),
    isocenter("distances, XRF", {**IMAGER, **DISTANCES}, sop_class=XRF),
    Case(
        "factor alone",
        {**IMAGER, FACTOR: b"1.5 "},
        (0.2, 0.4 / 1.5),
        SpacingAt.ISOCENTER,
    ),
    Case(
        "factor, no patient",
        {**IMAGER, SID: b"1000", FACTOR: b"2 "},
        (0.15, 0.2),
        SpacingAt.ISOCENTER,
    ),
    isocenter("factor agrees", {**IMAGER, **DISTANCES, FACTOR: b"1.3 "}),
    detector("factor contradicts", {**IMAGER, **DISTANCES, FACTOR: b"1.5 "}, FACTOR),
    detector("factor below 1", {**IMAGER, FACTOR: b"0.5 "}, FACTOR, SID),
    detector("no distances", IMAGER, SID),
    detector("no patient distance", {**IMAGER, SID: b"1000"}, SOD),
    detector("no detector distance", {**IMAGER, SOD: b"750 "}, SID),
    detector("patient behind the detector", {**IMAGER, SID: b"750 ", SOD: b"1000"}, SOD),
    detector("patient at the detector", {**IMAGER, SID: b"1000", SOD: b"1000"}, SOD),
    detector("distance of zero", {**IMAGER, SID: b"1000", SOD: b"0 "}, SOD, SOD),
    detector("distance that is none", {**IMAGER, SID: b"nan ", SOD: b"750 "}, SID, SID),
    detector("distance in centimetres", {**IMAGER, SID: b"100 ", SOD: b"75"}, SOD, SOD),
    detector("negative distance", {**IMAGER, SID: b"-1000 ", SOD: b"750 "}, SID, SID),
    detector(
        "DX measures to the table", {**IMAGER, **DISTANCES}, "ImagerPixelSpacing", sop_class=DX
    ),
    detector("CR", IMAGER, "ImagerPixelSpacing", sop_class=CR),
    calibrated("calibrated", {**IMAGER, "PixelSpacing": b"0.2\\0.25"}),
    calibrated(
        "calibration type",
        {"PixelSpacing": b"0.2\\0.25", "PixelSpacingCalibrationType": b"FIDUCIAL"},
    ),
    calibrated(
        "calibration goes before distances",
        {
            **IMAGER,
            **DISTANCES,
            "PixelSpacing": b"0.2\\0.25",
            "PixelSpacingCalibrationType": b"GEOMETRY",
        },
    ),
    isocenter("same as at the detector", {**IMAGER, **DISTANCES, "PixelSpacing": b"0.300\\0.40"}),
    detector("same, no distances", {**IMAGER, "PixelSpacing": b"0.300\\0.40"}, SID),
    none("alone", {"PixelSpacing": b"0.2\\0.25"}, "PixelSpacing"),
    none(
        "nominal",
        {"NominalScannedPixelSpacing": b"0.2\\0.25"},
        "NominalScannedPixelSpacing",
        sop_class=CAPTURE,
    ),
    *(
        none(f"spacing {value!r}", {"ImagerPixelSpacing": value}, *["ImagerPixelSpacing"] * 2)
        for value in (
            b"0\\0",
            b"nan\\nan",
            b"-0.3\\0.3",
            b"0.3",
            b"0.3\\300",
            b"inf\\1",
            b"a\\b",
            b"1e-9\\1",
        )
    ),
    detector("impossible calibration", {**IMAGER, "PixelSpacing": b"0\\0"}, "PixelSpacing", SID),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scale(make_run, case: Case):
    with make_run(attributes={"SOPClassUID": case.sop_class, **case.attributes}) as cine:
        scale = cine.header.scale
        remarked = [one.attribute.split()[0] for one in cine.header.remarks]
    keywords = {
        "ImagerPixelSpacing",
        "PixelSpacing",
        "NominalScannedPixelSpacing",
        SOD,
        FACTOR,
        SID,
    }
    found = [keyword for keyword in remarked if keyword in keywords]
    if SID not in case.attributes:  # that it is missing costs more than the scale
        found.remove(SID)
    assert sorted(found) == sorted(case.remarked)
    if case.spacing_mm is None:
        assert not scale
        assert scale.reason.startswith(case.remarked[0])
    else:
        assert (scale.row_mm, scale.column_mm) == pytest.approx(case.spacing_mm)
        assert scale.at is case.at
        assert scale.source


def test_pixels_twice_as_large_at_the_detector_are_so_in_the_patient(make_run):
    def row_mm(spacing: bytes) -> float:
        with make_run(attributes={**DISTANCES, "ImagerPixelSpacing": spacing}) as cine:
            return cine.header.scale.row_mm

    assert row_mm(b"0.4\\0.4") == pytest.approx(2 * row_mm(b"0.2\\0.2"))
