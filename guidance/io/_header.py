"""Puts a run's header together from its parts."""

import math
from dataclasses import dataclass

from guidance.errors import MissingAttributeError, UnsupportedImageError
from guidance.io._accept import accept_photometry, accept_sop_class
from guidance.io._attributes import Attributes
from guidance.io._decoders import EXPLICIT_BIG_ENDIAN, Codec, accept_transfer_syntax
from guidance.io._intensity import read_intensity
from guidance.io._keywords import label
from guidance.io._layout import PixelLayout, check_promise, read_layout, surplus_remark
from guidance.io._mask import read_masks
from guidance.io._modality import ModalityTransform, read_modality
from guidance.io._pose import read_pose
from guidance.io._quality import is_subtracted, read_quality, syntax_remark
from guidance.io._scale import read_distances, read_scale
from guidance.io._shutters import read_shutters
from guidance.io._source import DicomSource, PixelElement
from guidance.io._timing import read_timing
from guidance.records import Remark, RunHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """All that is needed to read a run's frames.

    Attributes
    ----------
    header : RunHeader
        What the caller gets to see.
    layout : PixelLayout
        How pixels are stored.
    transform : ModalityTransform
        From stored values to values.
    codec : Codec or None
        How frames are decoded; None where they are uncompressed.
    pixels : PixelElement
        Where they are.
    """

    header: RunHeader
    layout: PixelLayout
    transform: ModalityTransform
    codec: Codec | None
    pixels: PixelElement


def plan_run(source: DicomSource) -> RunPlan:
    """Return a run's header and how to read its frames; nothing large is allocated.

    Parameters
    ----------
    source : DicomSource
        The open file.

    Raises
    ------
    MissingAttributeError, UnsupportedImageError, DamagedFileError
        The file cannot be read, with what was found and what was expected.
    """
    attributes = source.attributes
    sop_class_uid = accept_sop_class(attributes, source.meta)
    photometry = accept_photometry(attributes)
    codec = accept_transfer_syntax(source.transfer_syntax_uid)
    layout = read_layout(attributes)
    pixels = check_promise(layout, source.pixels, source.size, is_encapsulated=codec is not None)
    if source.transfer_syntax_uid == EXPLICIT_BIG_ENDIAN:
        _refuse_swapped_bytes(layout, pixels)

    transform, remarks = read_modality(attributes, layout)
    intensity, more = read_intensity(attributes, sop_class_uid, photometry, layout, transform)
    remarks += more
    timing, more = read_timing(attributes, layout.n_frames)
    remarks += more
    distances, more = read_distances(attributes)
    remarks += more
    scale, more = read_scale(attributes, sop_class_uid, distances)
    remarks += more
    pose, more = read_pose(attributes, distances)
    remarks += more
    shutters, more = read_shutters(attributes, layout.rows, layout.columns)
    masks, mask_remarks = read_masks(attributes, layout.n_frames, layout.rows, layout.columns)
    remarks += mask_remarks
    image_type = attributes.codes("ImageType")
    remarks += more + read_quality(attributes, layout, codec, image_type)
    remarks += _file_remarks(source, layout, pixels, codec)
    header = RunHeader(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=_sop_instance_uid(source),
        transfer_syntax_uid=source.transfer_syntax_uid,
        modality=attributes.code("Modality"),
        n_frames=layout.n_frames,
        rows=layout.rows,
        columns=layout.columns,
        bits_stored=layout.bits_stored,
        photometric_interpretation=photometry,
        image_type=image_type,
        intensity=intensity,
        timing=timing,
        scale=scale,
        pose=pose,
        shutters=shutters,
        window=_window(attributes),
        is_subtracted=is_subtracted(image_type),
        remarks=tuple(remarks),
        masks=masks,
    )
    return RunPlan(header=header, layout=layout, transform=transform, codec=codec, pixels=pixels)


def _sop_instance_uid(source: DicomSource) -> str:
    """Return the run's identifier, from the data set or the file meta information."""
    uid = source.attributes.uid("SOPInstanceUID")
    uid = uid or source.meta.uid("MediaStorageSOPInstanceUID")
    if not uid:
        raise MissingAttributeError(
            f"{label('SOPInstanceUID')} is missing; expected the run's identifier, which names its "
            "results; have its source write the file anew"
        )
    return uid


def _window(attributes: Attributes) -> tuple[float, float] | None:
    """Return the first display window that has a width."""
    center, width = attributes.number("WindowCenter"), attributes.number("WindowWidth")
    if center is None or width is None or not math.isfinite(center) or not 0 < width < math.inf:
        return None
    return center, width


def _file_remarks(
    source: DicomSource, layout: PixelLayout, pixels: PixelElement, codec: Codec | None
) -> list[Remark]:
    """Return the remarks on the file itself."""
    remarks = [] if source.is_syntax_stated else [syntax_remark()]
    surplus = surplus_remark(layout, pixels) if codec is None else None
    return [*remarks, surplus] if surplus else remarks


def _refuse_swapped_bytes(layout: PixelLayout, pixels: PixelElement) -> None:
    """Refuse bytes stored as big-endian words, whose neighbours change places (PS3.5 7.3)."""
    if layout.bits_allocated == 8 and pixels.representation == "OW":
        raise UnsupportedImageError(
            f"{label('PixelData')} holds bytes in big-endian words; found OW with 8 bits, expected "
            "OB; store the run in a little-endian transfer syntax"
        )
