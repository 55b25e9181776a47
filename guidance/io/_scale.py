"""How large a pixel is, and in which plane (PS3.3 10.7.1, C.8.7.5). Never a guess."""

import math
from dataclasses import dataclass

from guidance.io._accept import CAPTURES, FLUOROSCOPY
from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.records import NotFound, PixelScale, Remark, SpacingAt

# A detector element is 0.05 to 0.5 mm, binned pixels up to 1 mm: beyond these it is another unit.
SMALLEST_SPACING_MM = 0.005
LARGEST_SPACING_MM = 5.0
# From a mini C-arm (about 0.4 m) to a chest stand (4 m), with room on both sides.
SHORTEST_DISTANCE_MM = 100.0
LONGEST_DISTANCE_MM = 6000.0
LARGEST_MAGNIFICATION = 10.0
# Distances are written to a millimetre and magnification to a digit or two.
LARGEST_CONTRADICTION = 0.05
# Two spacings written with different numbers of digits are still the same.
SAME_SPACING = 1e-3
REMEDY = "accept results in pixels, or export the run with its calibration"
AT_DETECTOR = (
    "millimetres hold at the detector, things in the patient are smaller, often by a third"
)
NO_MM = "lengths and areas are given in pixels only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Distances of the C-arm that make sense, else None.

    Attributes
    ----------
    source_to_detector_mm, source_to_patient_mm : float or None
        Millimetres.
    magnification : float or None
        Estimated Radiographic Magnification Factor.
    """

    source_to_detector_mm: float | None
    source_to_patient_mm: float | None
    magnification: float | None


def read_distances(attributes: Attributes) -> tuple[Distances, list[Remark]]:
    """Return the distances and what was wrong with them."""
    remarks: list[Remark] = []
    span = (SHORTEST_DISTANCE_MM, LONGEST_DISTANCE_MM)
    distances = Distances(
        source_to_detector_mm=_within(attributes, "DistanceSourceToDetector", span, remarks),
        source_to_patient_mm=_within(attributes, "DistanceSourceToPatient", span, remarks),
        magnification=_within(
            attributes,
            "EstimatedRadiographicMagnificationFactor",
            (1.0, LARGEST_MAGNIFICATION),
            remarks,
        ),
    )
    if not any(attributes.tokens("DistanceSourceToDetector")):
        remarks.append(
            Remark(
                attribute=label("DistanceSourceToDetector"),
                finding="is missing",
                cost="the beam's spread is unknown, so there is no depth, no comparison with a CT",
            )
        )
    return distances, remarks


def read_scale(
    attributes: Attributes, sop_class_uid: str, distances: Distances
) -> tuple[PixelScale | NotFound, list[Remark]]:
    """Return the size of a pixel with the plane in which it holds, or why there is none.

    Parameters
    ----------
    attributes : Attributes
        The header.
    sop_class_uid : str
        As accepted.
    distances : Distances
        Of the C-arm.
    """
    remarks: list[Remark] = []
    imager = _spacing(attributes, "ImagerPixelSpacing", remarks)
    pixel = _spacing(attributes, "PixelSpacing", remarks)
    calibration = attributes.code("PixelSpacingCalibrationType")
    if pixel and (calibration or (imager and not _same(pixel, imager))):
        kind = calibration if calibration in ("GEOMETRY", "FIDUCIAL") else "other than the detector"
        return _scale(pixel, SpacingAt.CALIBRATED, f"PixelSpacing ({kind})"), remarks
    if imager:
        scale, more = _from_imager(imager, sop_class_uid, distances)
        return scale, remarks + more
    keyword, finding = _lack(attributes, sop_class_uid, has_pixel_spacing=pixel is not None)
    remarks.append(Remark(attribute=label(keyword), finding=finding, cost=NO_MM, remedy=REMEDY))
    return NotFound(f"{label(keyword)} {finding}"), remarks


def _from_imager(
    imager: tuple[float, float], sop_class_uid: str, distances: Distances
) -> tuple[PixelScale, list[Remark]]:
    """Return the scale at the isocentre if the magnification is known, else at the detector."""
    at_detector = _scale(imager, SpacingAt.DETECTOR, "ImagerPixelSpacing")
    if sop_class_uid not in FLUOROSCOPY:
        # Only the XA and XRF positioner modules measure the patient distance to the field's centre;
        # DX measures it to the table (PS3.3 C.8.11.5).
        return at_detector, [
            Remark(
                attribute=label("ImagerPixelSpacing"),
                finding="is known at the detector only in this kind of image",
                cost=AT_DETECTOR,
            )
        ]
    found = _magnification(distances)
    if isinstance(found, Remark):
        return at_detector, [found]
    magnification, source, remarks = found
    spacing = (imager[0] / magnification, imager[1] / magnification)
    return _scale(spacing, SpacingAt.ISOCENTER, f"ImagerPixelSpacing, {source}"), remarks


def _magnification(distances: Distances) -> tuple[float, str, list[Remark]] | Remark:
    """Return by how much the detector enlarges the isocentre, or the remark that says why not."""
    sid, sod = distances.source_to_detector_mm, distances.source_to_patient_mm
    stated = distances.magnification
    if sid is None or sod is None:
        if stated is not None:
            return stated, "EstimatedRadiographicMagnificationFactor", []
        missing = "DistanceSourceToDetector" if sid is None else "DistanceSourceToPatient"
        finding = "is missing or no use, so the magnification is unknown"
        return Remark(attribute=label(missing), finding=finding, cost=AT_DETECTOR)
    if sid <= sod:
        return Remark(
            attribute=label("DistanceSourceToPatient"),
            finding=f"is {sod:g} mm, not less than DistanceSourceToDetector (0018,1110), "
            f"{sid:g} mm",
            cost=AT_DETECTOR,
        )
    magnification = sid / sod
    if stated is not None and abs(stated / magnification - 1) > LARGEST_CONTRADICTION:
        return Remark(
            attribute=label("EstimatedRadiographicMagnificationFactor"),
            finding=f"is {stated:g}, but the distances give {magnification:.3g}",
            cost=AT_DETECTOR,
        )
    return magnification, "DistanceSourceToPatient / DistanceSourceToDetector", []


def _lack(
    attributes: Attributes, sop_class_uid: str, *, has_pixel_spacing: bool
) -> tuple[str, str]:
    """Return which attribute is to blame that there is no scale, and what is the matter with it."""
    if has_pixel_spacing:
        return "PixelSpacing", (
            f"stands alone, without {label('PixelSpacingCalibrationType')} or "
            f"{label('ImagerPixelSpacing')}, so that its plane cannot be told"
        )
    if sop_class_uid in CAPTURES and any(attributes.tokens("NominalScannedPixelSpacing")):
        return "NominalScannedPixelSpacing", (
            "is the size on the film or screen that was captured, not in the patient"
        )
    return "ImagerPixelSpacing", f"is missing or no use, and so is {label('PixelSpacing')}"


def _spacing(
    attributes: Attributes, keyword: str, remarks: list[Remark]
) -> tuple[float, float] | None:
    """Return the distances between rows and between columns, in this order (PS3.3 10.7.1.3)."""
    numbers = attributes.numbers(keyword)
    if not any(attributes.tokens(keyword)):
        return None
    if len(numbers) == 2 and all(
        SMALLEST_SPACING_MM <= number <= LARGEST_SPACING_MM for number in numbers
    ):
        return numbers[0], numbers[1]
    shown = " × ".join(_shown(number) for number in numbers[:2])
    remarks.append(
        Remark(
            attribute=label(keyword),
            finding=f"is impossible and was ignored (found {shown} mm in {len(numbers)} values, "
            f"expected 2 of {SMALLEST_SPACING_MM:g} to {LARGEST_SPACING_MM:g})",
            cost="this size of a pixel is lost",
            remedy=REMEDY,
        )
    )
    return None


def _within(
    attributes: Attributes, keyword: str, span: tuple[float, float], remarks: list[Remark]
) -> float | None:
    """Return a number that lies in `span`; a remark is added where there is one that does not."""
    number = attributes.number(keyword)
    if number is None or not any(attributes.tokens(keyword)):
        return None
    if span[0] <= number <= span[1]:
        return number
    remarks.append(
        Remark(
            attribute=label(keyword),
            finding=f"is impossible and was ignored (found {_shown(number)}, expected "
            f"{span[0]:g} to {span[1]:g})",
            cost="the magnification is not known by it",
        )
    )
    return None


def _scale(spacing: tuple[float, float], at: SpacingAt, source: str) -> PixelScale:
    return PixelScale(row_mm=spacing[0], column_mm=spacing[1], at=at, source=source)


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=SAME_SPACING) for a, b in zip(one, other, strict=True))


def _shown(number: float) -> str:
    return "no number" if math.isnan(number) else f"{number:g}"
