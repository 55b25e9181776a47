"""Writes a run as an X-Ray Angiographic Image Storage object (PS3.3 A.14).

The same pixels and attributes give the same bytes: no clock, UIDs derived from the content. The
file holds nobody's identity: attributes that the standard wants present are present and empty.
Encapsulated pixel data has one fragment per frame and a basic offset table (PS3.5 A.4).
"""

import hashlib
import struct
import uuid
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import UID, XRayAngiographicImageStorage

from guidance.errors import InputError
from guidance.io._store import write_atomically
from guidance.records import FloatArray, FrameArray, PixelIntensityRelationship, RectangularShutter

UID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "mbb-guidance")
IMPLEMENTATION_UID = f"2.25.{uuid.uuid5(UID_NAMESPACE, 'implementation').int}"

# PS3.3 C.8.7.1.1.4: what an X-ray image may store.
ALLOWED_BITS = {1: (8,), 2: (10, 12, 16)}
# FrameTimeVector is written in steps of a microsecond; finer differences are rounding.
TIME_STEP_S = 1e-6
# Explicit VR gives a DS value 16 bits of length (PS3.5 7.1.2).
LONGEST_TEXT = 0xFFFE


class TransferSyntax(StrEnum):
    """How `write_run` stores the pixels; all without loss."""

    EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
    JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
    JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
    RLE_LOSSLESS = "1.2.840.10008.1.2.5"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunAttributes:
    """What the header of a written run says.

    Attributes
    ----------
    times_s : (T,) float64 array
        Acquisition time of each frame; need not be evenly spaced. Seconds.
    bits_stored : int
        8 for uint8 frames; 10, 12 or 16 for uint16 frames.
    imager_pixel_spacing_mm : (row, column) or None
        Distance between pixel centres at the detector. Millimetres.
    sid_mm, sod_mm : float or None
        Distance from the source to the detector, and to the patient. Millimetres.
    primary_angle_deg, secondary_angle_deg : float or None
        Positioner angles, DICOM's signs. Degrees.
    patient_position : str
        Patient Position, such as ``"HFP"``.
    patient_orientation : tuple of str
        Patient Orientation: direction of the rows and of the columns. Empty if unknown.
    kvp : float or None
        Peak voltage. Kilovolts.
    intensity_relationship : PixelIntensityRelationship
        What a pixel value means.
    transfer_syntax : TransferSyntax
        How the pixels are stored.
    series_description, image_comments : str
        Free text; `series_description` has at most 64 characters.
    contrast_agent : str
        Contrast/Bolus Agent; empty where no contrast was given, and the module is left out.
    contrast_concentration_mg_per_ml : float or None
        Iodine in the agent as injected. Milligrams per millilitre.
    collimator : RectangularShutter or None
        Edges of the collimator.
    window : (center, width) or None
        Display window. Pixel values.
    """

    times_s: FloatArray
    bits_stored: int
    imager_pixel_spacing_mm: tuple[float, float] | None = None
    sid_mm: float | None = None
    sod_mm: float | None = None
    primary_angle_deg: float | None = None
    secondary_angle_deg: float | None = None
    patient_position: str = ""
    patient_orientation: tuple[str, ...] = ()
    kvp: float | None = None
    intensity_relationship: PixelIntensityRelationship = PixelIntensityRelationship.LIN
    transfer_syntax: TransferSyntax = TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN
    series_description: str = ""
    image_comments: str = ""
    contrast_agent: str = ""
    contrast_concentration_mg_per_ml: float | None = None
    collimator: RectangularShutter | None = None
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Own the times, and check that they never run back."""
        times = np.array(self.times_s, dtype=np.float64)
        if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all():
            raise InputError(f"times_s has shape {times.shape}, expected (T,) finite numbers")
        if (np.diff(times) <= 0).any():
            raise InputError("times_s stands still or runs back; give times in order")
        if len(self.series_description) > 64:
            raise InputError("series_description has more than 64 characters; shorten it")
        times -= times[0]
        times.setflags(write=False)
        object.__setattr__(self, "times_s", times)


def write_run(path: Path, frames: FrameArray, attributes: RunAttributes) -> str:
    """Write a run to `path`, whole or not at all.

    Parameters
    ----------
    path : Path
        File to make or replace; its folder is made if there is none.
    frames : (T, R, C) uint8 or uint16 array
        Pixel values, MONOCHROME2.
    attributes : RunAttributes
        What the header says.

    Returns
    -------
    str
        SOP Instance UID, derived from pixels and attributes.

    Raises
    ------
    InputError
        Frames and attributes do not fit each other, or the standard cannot hold them.
    StorageError
        The folder is not writable, or the disk is full.
    """
    _check(frames, attributes)
    frames = np.ascontiguousarray(frames)
    dataset = _dataset(frames, attributes)
    dataset.file_meta = _file_meta(dataset, attributes)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    write_atomically(path, buffer.getvalue())
    return str(dataset.SOPInstanceUID)


def _check(frames: FrameArray, attributes: RunAttributes) -> None:
    if frames.ndim != 3 or frames.size == 0 or frames.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"frames are {frames.dtype} of shape {frames.shape}, expected uint8 or uint16 (T, R, C)"
        )
    if max(frames.shape[1:]) > 0xFFFF:
        raise InputError(f"frames of {frames.shape[1:]} pixels: DICOM holds at most 65535 a side")
    if attributes.times_s.size != frames.shape[0]:
        raise InputError(
            f"{attributes.times_s.size} times for {frames.shape[0]} frames; give one per frame"
        )
    bits, allowed = attributes.bits_stored, ALLOWED_BITS[frames.dtype.itemsize]
    if bits not in allowed:
        raise InputError(f"bits_stored is {bits}, expected one of {allowed} for {frames.dtype}")
    if attributes.transfer_syntax is TransferSyntax.JPEG_LS_LOSSLESS and bits not in (8, 16):
        # The encoder at hand always states the precision of the array, and DICOM wants them equal.
        raise InputError(f"bits_stored is {bits}; JPEG-LS is written with 8 or 16")
    if int(frames.max()) >> bits:
        raise InputError(f"a pixel of {int(frames.max())} does not fit {bits} bits; scale first")


def _dataset(frames: FrameArray, attributes: RunAttributes) -> Dataset:
    dataset = Dataset()
    _put_empty(dataset)
    _put_identity(dataset, frames, attributes)
    _put_text(dataset, attributes)
    _put_acquisition(dataset, attributes)
    _put_contrast(dataset, attributes)
    _put_collimator(dataset, attributes.collimator)
    _put_timing(dataset, attributes.times_s)
    _put_pixels(dataset, frames, attributes)
    return dataset


def _put_empty(dataset: Dataset) -> None:
    """Put the attributes of type 2: present, and empty because nobody was there."""
    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "StudyID",
        "AccessionNumber",
        "ReferringPhysicianName",
        "SeriesNumber",
        "ContentDate",
        "ContentTime",
        "XRayTubeCurrent",
        "ExposureTime",
        "Exposure",
    ):
        setattr(dataset, keyword, None)


def _put_identity(dataset: Dataset, frames: FrameArray, attributes: RunAttributes) -> None:
    digest = hashlib.sha256(frames.astype(frames.dtype.newbyteorder("<"), copy=False).tobytes())
    digest.update(f"{frames.shape} {frames.dtype.itemsize}".encode())
    for name in RunAttributes.__dataclass_fields__:
        value = getattr(attributes, name)
        text = value.tobytes().hex() if isinstance(value, np.ndarray) else str(value)
        digest.update(f"\n{name}={text}".encode())
    content = digest.hexdigest()

    def uid(role: str) -> str:
        return f"2.25.{uuid.uuid5(UID_NAMESPACE, f'{role} {content}').int}"

    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.SOPInstanceUID = uid("instance")
    dataset.StudyInstanceUID = uid("study")
    dataset.SeriesInstanceUID = uid("series")
    dataset.Modality = "XA"
    dataset.BodyPartExamined = "LSPINE"
    dataset.InstanceNumber = 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]


def _put_text(dataset: Dataset, attributes: RunAttributes) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Manufacturer = "mbb-guidance (simulated)"
    dataset.SeriesDescription = attributes.series_description
    dataset.ImageComments = attributes.image_comments
    dataset.ContentQualification = "RESEARCH"
    dataset.SyntheticData = "YES"
    # The standard asks whether letters identify the patient; a side marker does not.
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"


def _put_acquisition(dataset: Dataset, attributes: RunAttributes) -> None:
    dataset.PatientPosition = attributes.patient_position or None
    dataset.PatientOrientation = list(attributes.patient_orientation) or None
    dataset.KVP = _decimal(attributes.kvp)
    dataset.RadiationSetting = "SC"
    dataset.RadiationMode = "PULSED"
    dataset.PositionerMotion = "STATIC"
    dataset.TableMotion = "STATIC"
    dataset.PositionerPrimaryAngle = _decimal(attributes.primary_angle_deg)
    dataset.PositionerSecondaryAngle = _decimal(attributes.secondary_angle_deg)
    sid, sod = attributes.sid_mm, attributes.sod_mm
    dataset.DistanceSourceToDetector = _decimal(sid)
    dataset.DistanceSourceToPatient = _decimal(sod)
    if sid is not None and sod is not None:
        dataset.EstimatedRadiographicMagnificationFactor = _decimal(sid / sod)
    if attributes.imager_pixel_spacing_mm is not None:
        dataset.ImagerPixelSpacing = [_decimal(mm) for mm in attributes.imager_pixel_spacing_mm]


def _put_contrast(dataset: Dataset, attributes: RunAttributes) -> None:
    if not attributes.contrast_agent:
        return
    dataset.ContrastBolusAgent = attributes.contrast_agent
    dataset.ContrastBolusIngredient = "IODINE"
    if attributes.contrast_concentration_mg_per_ml is not None:
        concentration = _decimal(attributes.contrast_concentration_mg_per_ml)
        dataset.ContrastBolusIngredientConcentration = concentration


def _put_collimator(dataset: Dataset, collimator: RectangularShutter | None) -> None:
    """Put the edges; DICOM counts rows and columns from 1 (PS3.3 C.8.7.3)."""
    if collimator is None:
        return
    dataset.CollimatorShape = "RECTANGULAR"
    dataset.CollimatorLeftVerticalEdge = collimator.left + 1
    dataset.CollimatorRightVerticalEdge = collimator.right + 1
    dataset.CollimatorUpperHorizontalEdge = collimator.top + 1
    dataset.CollimatorLowerHorizontalEdge = collimator.bottom + 1


def _put_timing(dataset: Dataset, times_s: FloatArray) -> None:
    """Put Frame Time where the frames are evenly spaced, else Frame Time Vector."""
    if times_s.size == 1:
        return
    dataset.NumberOfFrames = times_s.size
    increments = np.diff(times_s)
    if np.ptp(increments) <= TIME_STEP_S:
        dataset.FrameIncrementPointer = Tag("FrameTime")
        dataset.FrameTime = _decimal(1000 * float(times_s[-1]) / increments.size)
        return
    # Rounding the times, not the increments, keeps the error from adding up.
    ticks = np.diff(np.rint(times_s / TIME_STEP_S).astype(np.int64), prepend=0)
    vector = [_decimal(tick / 1000) for tick in ticks.tolist()]
    if len("\\".join(str(value) for value in vector)) > LONGEST_TEXT:
        raise InputError(f"{times_s.size} uneven frame times do not fit FrameTimeVector; split")
    dataset.FrameIncrementPointer = Tag("FrameTimeVector")
    dataset.FrameTimeVector = vector


def _put_pixels(dataset: Dataset, frames: FrameArray, attributes: RunAttributes) -> None:
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = 0
    dataset.BitsAllocated = 8 * frames.dtype.itemsize
    dataset.BitsStored = attributes.bits_stored
    dataset.HighBit = attributes.bits_stored - 1
    dataset.PixelIntensityRelationship = str(attributes.intensity_relationship)
    if attributes.window is not None:
        dataset.WindowCenter, dataset.WindowWidth = map(_decimal, attributes.window)
    if attributes.transfer_syntax is TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN:
        data = frames.astype(frames.dtype.newbyteorder("<"), copy=False).tobytes()
        dataset.PixelData = data + b"\0" * (len(data) % 2)
    else:
        dataset.PixelData = encapsulate([_encode(frame, attributes) for frame in frames])
    dataset["PixelData"].VR = (
        "OB" if frames.dtype == np.uint8 or _is_encapsulated(attributes) else "OW"
    )


def _is_encapsulated(attributes: RunAttributes) -> bool:
    return attributes.transfer_syntax is not TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN


def _encode(frame: NDArray[Any], attributes: RunAttributes) -> bytes:
    import imagecodecs  # slow to load, and reading alone may never need it

    match attributes.transfer_syntax:
        case TransferSyntax.JPEG_LOSSLESS_SV1:
            return bytes(
                imagecodecs.jpeg8_encode(
                    frame, lossless=True, predictor=1, bitspersample=attributes.bits_stored
                )
            )
        case TransferSyntax.JPEG_LS_LOSSLESS:
            return bytes(imagecodecs.jpegls_encode(frame))
        case _:
            return _encode_rle(frame)


def _encode_rle(frame: NDArray[Any]) -> bytes:
    """Return a frame as PS3.5 annex G has it: byte planes, most significant first, row by row."""
    import imagecodecs

    rows, columns = frame.shape
    planes = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8).reshape(rows, columns, -1)
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        data = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
        segments.append(data + b"\0" * (len(data) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    header = [len(segments), *offsets]
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)


def _file_meta(dataset: Dataset, attributes: RunAttributes) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(str(attributes.transfer_syntax))
    # Stated here, or the bytes would depend on the library that writes them.
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "MBB_GUIDANCE"
    return meta


def _decimal(value: float | None) -> str | None:
    """Return a number as DS has it, at most 16 characters (PS3.5 6.2)."""
    if value is None:
        return None
    if not np.isfinite(value):
        raise InputError(f"{value} cannot stand in a header; give a finite number or None")
    return f"{value:.10g}"
