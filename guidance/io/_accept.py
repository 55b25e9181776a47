"""Says which images are read, and refuses the others with the reason and the next step."""

import re

from pydicom.config import IGNORE
from pydicom.uid import UID

from guidance.errors import MissingAttributeError, NotAProjectionError, UnsupportedImageError
from guidance.io._attributes import Attributes
from guidance.io._keywords import label

XA = "1.2.840.10008.5.1.4.1.1.12.1"
XRF = "1.2.840.10008.5.1.4.1.1.12.2"
CR = "1.2.840.10008.5.1.4.1.1.1"
DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
GREY_BYTE_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.2"
GREY_WORD_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.3"

# Known, but not read yet.
ENHANCED = frozenset({"1.2.840.10008.5.1.4.1.1.12.1.1", "1.2.840.10008.5.1.4.1.1.12.2.1"})
# The positioner modules of these two place the patient distance at the isocentre.
FLUOROSCOPY = frozenset({XA, XRF})
RADIOGRAPHY = frozenset({CR, DX_FOR_PRESENTATION, DX_FOR_PROCESSING})
CAPTURES = frozenset({SECONDARY_CAPTURE, GREY_BYTE_CAPTURE, GREY_WORD_CAPTURE})
ACCEPTED = FLUOROSCOPY | RADIOGRAPHY | CAPTURES

UID_PATTERN = re.compile(r"[0-9.]{1,64}")
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
# PS3.3 C.7.6.3.1.2. Only these words are repeated in a message: anything else might be a name.
OTHER_PHOTOMETRY = frozenset(
    {
        "RGB",
        "PALETTE COLOR",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_PARTIAL_422",
        "YBR_PARTIAL_420",
        "YBR_ICT",
        "YBR_RCT",
        "HSV",
        "ARGB",
        "CMYK",
        "XYB",
    }
)


def accept_sop_class(attributes: Attributes, meta: Attributes) -> str:
    """Return the SOP class of an image that is read.

    Raises
    ------
    MissingAttributeError
        The file does not say what it is.
    UnsupportedImageError
        It is X-ray of a kind that is not read, or says nothing that makes sense.
    NotAProjectionError
        It is something else.
    """
    uid = attributes.uid("SOPClassUID") or meta.uid("MediaStorageSOPClassUID")
    if not uid:
        raise MissingAttributeError(
            f"{label('SOPClassUID')} is missing; expected the kind of image; "
            "the header may be cut short: export the run again from its source"
        )
    if uid in ENHANCED:
        raise UnsupportedImageError(
            f"{label('SOPClassUID')} is enhanced X-ray, which this version does not read; found "
            f"{describe_uid(uid)}, expected XA, XRF, CR, DX or grey secondary capture; export the "
            "run in its classic form"
        )
    if describe_uid(uid) == uid or not UID_PATTERN.fullmatch(uid):
        # Of no kind that the standard knows: a private one, or a bit that fell over.
        raise UnsupportedImageError(
            f"{label('SOPClassUID')} is of no known kind; found {describe_uid(uid)}, expected XA, "
            "XRF, CR, DX or grey secondary capture; export the run again from its source"
        )
    if uid not in ACCEPTED:
        raise NotAProjectionError(
            f"{label('SOPClassUID')} is not a projection image; found {describe_uid(uid)}, "
            "expected XA, XRF, CR, DX or grey secondary capture; give the fluoroscopy run itself"
        )
    return uid


def accept_photometry(attributes: Attributes) -> str:
    """Return the photometric interpretation of a grey image.

    Raises
    ------
    MissingAttributeError
        Nothing says whether low values are dark or bright.
    UnsupportedImageError
        The image has colours.
    """
    name = label("PhotometricInterpretation")
    found = attributes.code("PhotometricInterpretation")
    if not attributes.tokens("PhotometricInterpretation"):
        raise MissingAttributeError(
            f"{name} is missing; expected MONOCHROME1 or MONOCHROME2; without it dark and bright "
            "cannot be told apart: export the run again from its source"
        )
    if found not in MONOCHROME:
        shown = found if found in OTHER_PHOTOMETRY else "an unknown word"
        raise UnsupportedImageError(
            f"{name} is not grey; found {shown}, expected MONOCHROME1 or MONOCHROME2; "
            "export the run as a grey image"
        )
    samples = attributes.number("SamplesPerPixel")
    if samples not in (None, 1):
        raise UnsupportedImageError(
            f"{label('SamplesPerPixel')} is wrong for a grey image; found "
            f"{samples:g}, expected 1; export the run as a grey image"
        )
    return found


def describe_uid(uid: str) -> str:
    """Return a well-known identifier's name, or the identifier if it is one at all."""
    if not UID_PATTERN.fullmatch(uid):
        return "no valid identifier"
    return UID(uid, validation_mode=IGNORE).name
