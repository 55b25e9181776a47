"""What else in a header lowers the worth of the pixels: compression, few bits, letters, masks."""

from guidance.io._attributes import Attributes
from guidance.io._decoders import Codec
from guidance.io._keywords import label
from guidance.io._layout import PixelLayout
from guidance.records import Remark

FEW_BITS = 8
NO_MASK = frozenset({"", "NONE"})


def is_subtracted(image_type: tuple[str, ...]) -> bool:
    """Return whether the stored pixels are themselves a subtraction.

    A derived image that was subtracted says so in the values of Image Type that makers are free to
    choose (PS3.3 C.8.7.1.1.1). Mask Subtraction Sequence (0028,6100) does not: it tells a display
    how to subtract frames that are stored unsubtracted (C.7.6.10).

    Parameters
    ----------
    image_type : tuple of str
        Image Type (0008,0008).

    Examples
    --------
    >>> is_subtracted(("DERIVED", "PRIMARY", "SINGLE PLANE", "SUBTRACTION"))
    True
    >>> is_subtracted(("ORIGINAL", "PRIMARY", "SINGLE PLANE"))
    False
    """
    return image_type[:1] == ("DERIVED",) and any("SUBTR" in value for value in image_type[3:])


def read_quality(
    attributes: Attributes,
    layout: PixelLayout,
    codec: Codec | None,
    image_type: tuple[str, ...],
) -> list[Remark]:
    """Return the remarks on what was done to the pixels before they were stored."""
    found = (
        _compression(attributes, codec),
        _bits(layout),
        _letters(attributes),
        _mask(attributes),
        _subtraction(image_type),
    )
    return [remark for remark in found if remark is not None]


def syntax_remark() -> Remark:
    """Return the remark on a file that does not state its transfer syntax."""
    return Remark(
        attribute=label("TransferSyntaxUID"),
        finding="is missing, the file has no header of its own",
        cost="pixels are taken to be uncompressed",
        remedy="have its source write a complete file",
    )


def _compression(attributes: Attributes, codec: Codec | None) -> Remark | None:
    stated = attributes.code("LossyImageCompression")
    keyword, finding = "LossyImageCompression", "says that pixels were compressed with loss"
    if stated != "01":
        if codec is None or codec.is_lossy is False or (codec.is_lossy is None and stated == "00"):
            return None
        keyword = "TransferSyntaxUID"
        finding = "is one with loss" if codec.is_lossy else "is one that may be with loss"
    return Remark(
        attribute=label(keyword),
        finding=finding,
        cost="faint contrast may be gone, or made up",
        remedy="prefer the original run",
    )


def _bits(layout: PixelLayout) -> Remark | None:
    if layout.bits_stored > FEW_BITS:
        return None
    return Remark(
        attribute=label("BitsStored"),
        finding=f"is only {layout.bits_stored}",
        cost="faint contrast may lie between two steps of grey",
        remedy="prefer the original run",
    )


def _letters(attributes: Attributes) -> Remark | None:
    stated = attributes.code("BurnedInAnnotation")
    if stated == "NO":
        return None
    finding = "is YES" if stated == "YES" else "is missing"
    return Remark(
        attribute=label("BurnedInAnnotation"),
        finding=finding,
        cost="letters in the pixels may name the patient and may look like contrast",
        remedy="look at the frames before passing pictures on",
    )


def _mask(attributes: Attributes) -> Remark | None:
    operations = {
        item.code("MaskOperation") for item in attributes.items("MaskSubtractionSequence")
    }
    if operations <= NO_MASK:
        return None
    return Remark(
        attribute=label("MaskSubtractionSequence"),
        finding="asks the display to subtract a mask, but the stored frames are not subtracted",
        cost="frames are analysed as stored, and will look unlike the console's picture",
    )


def _subtraction(image_type: tuple[str, ...]) -> Remark | None:
    if not is_subtracted(image_type):
        return None
    return Remark(
        attribute=label("ImageType"),
        finding="says that the pixels are a subtraction already",
        cost="bone and the original exposure are gone, and the mask cannot be checked",
        remedy="prefer the original run",
    )
