"""What a pixel value says of the X-ray intensity, and whether bone is dark or bright."""

from guidance.io._accept import FLUOROSCOPY, RADIOGRAPHY
from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.io._layout import PixelLayout
from guidance.io._modality import Lookup, ModalityTransform, Rescale, is_falling, value_range
from guidance.records import IntensityScale, PixelIntensityRelationship, Remark

MONOCHROME2 = "MONOCHROME2"
KNOWN = {
    "LIN": PixelIntensityRelationship.LIN,
    "LOG": PixelIntensityRelationship.LOG,
    "DISP": PixelIntensityRelationship.DISP,
}
# PS3.3 C.7.3.1.1.1: plates, flat panels, films.
RADIOGRAPHIC_MODALITIES = frozenset({"CR", "DX", "RG"})
NO_SIGNAL = "the amount of iodine cannot be given, only its outline and its relative change"


def read_intensity(
    attributes: Attributes,
    sop_class_uid: str,
    photometric_interpretation: str,
    layout: PixelLayout,
    transform: ModalityTransform,
) -> tuple[IntensityScale, list[Remark]]:
    """Return what a value after the Modality LUT means, and what is not known of it.

    MONOCHROME1 is carried by the sign; values are never inverted.

    Parameters
    ----------
    attributes : Attributes
        The header.
    sop_class_uid, photometric_interpretation : str
        As accepted.
    layout : PixelLayout
        The stored bits.
    transform : ModalityTransform
        From stored values to values.
    """
    relationship, remarks = _relationship(attributes, sop_class_uid, transform)
    sign, source, sign_remarks = _sign(attributes, sop_class_uid, photometric_interpretation)
    if source != "convention" and is_falling(transform):
        sign = -sign  # the keyword speaks of stored values (PS3.3 C.8.11.3.1.2)
    low, high = value_range(transform, layout)
    scale = IntensityScale(
        relationship=relationship, sign=sign, sign_source=source, low=low, high=high
    )
    return scale, remarks + sign_remarks


def _relationship(
    attributes: Attributes, sop_class_uid: str, transform: ModalityTransform
) -> tuple[PixelIntensityRelationship, list[Remark]]:
    """Return the relationship of the values, which a Modality LUT may have changed."""
    name = label("PixelIntensityRelationship")
    stated = KNOWN.get(attributes.code("PixelIntensityRelationship"))
    unknown = PixelIntensityRelationship.UNKNOWN
    if stated is None:
        is_absent = not any(attributes.tokens("PixelIntensityRelationship"))
        finding = "is missing" if is_absent else "is none of LIN, LOG, DISP"
        return unknown, [Remark(attribute=name, finding=finding, cost=NO_SIGNAL)]
    if isinstance(transform, Lookup) and sop_class_uid in FLUOROSCOPY:
        if stated is PixelIntensityRelationship.LOG:
            # PS3.3 A.14.3, A.16.3 and C.8.7.1.1.2: LOG comes with a Modality LUT, which leads back
            # to values in proportion to the intensity.
            return PixelIntensityRelationship.LIN, []
        if stated is PixelIntensityRelationship.LIN:
            return unknown, [_bent("ModalityLUTSequence")]
    if (
        isinstance(transform, Rescale)
        and stated is PixelIntensityRelationship.LIN
        and transform.intercept
    ):
        return unknown, [_bent("RescaleIntercept")]
    if stated is PixelIntensityRelationship.LIN:
        return stated, []
    finding = f"is {stated}, a curve that the header does not give"
    return stated, [Remark(attribute=name, finding=finding, cost=NO_SIGNAL)]


def _bent(keyword: str) -> Remark:
    """Return the remark on a linear relationship that the Modality LUT does not keep."""
    return Remark(
        attribute=label(keyword),
        finding="changes values that PixelIntensityRelationship (0028,1040) calls linear, so that "
        "they are in proportion to the intensity no longer",
        cost=NO_SIGNAL,
    )


def _sign(
    attributes: Attributes, sop_class_uid: str, photometric_interpretation: str
) -> tuple[int, str, list[Remark]]:
    """Return +1 where bone is dark in the values, −1 where it is bright, and the source of that."""
    keyword = "PixelIntensityRelationshipSign"
    stated = attributes.number(keyword)
    if stated in (-1, 1):
        return int(stated), keyword, []
    remarks = []
    if stated is not None:
        remarks.append(
            Remark(
                attribute=label(keyword),
                finding="is neither 1 nor -1 and was ignored",
                cost="whether contrast is dark or bright is taken from the custom",
            )
        )
    proportional = attributes.code("PixelIntensityRelationship") == "LIN"
    if sop_class_uid in FLUOROSCOPY and proportional and photometric_interpretation == MONOCHROME2:
        # XA and XRF have no attribute for the sign: LIN itself says that values rise with the
        # intensity (PS3.3 C.8.7.1.1.2).
        return 1, "PixelIntensityRelationship", remarks
    # Fluoroscopy shows dense things dark, radiography shows them bright; MONOCHROME1 means that
    # what is shown dark has high values.
    shown_dark = sop_class_uid not in RADIOGRAPHY
    if sop_class_uid not in FLUOROSCOPY | RADIOGRAPHY:
        shown_dark = attributes.code("Modality") not in RADIOGRAPHIC_MODALITIES
    sign = 1 if shown_dark == (photometric_interpretation == MONOCHROME2) else -1
    shade = "dark" if shown_dark else "bright"
    remarks.append(
        Remark(
            attribute=label(keyword),
            finding="is missing" if stated is None else "is no use",
            cost=f"bone and contrast are taken to be shown {shade}, as is the custom for this "
            "kind of image (were it otherwise, contrast would be missed)",
        )
    )
    return sign, "convention", remarks
