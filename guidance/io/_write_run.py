"""Writes a run as an X-Ray Angiographic or Radiofluoroscopic image (PS3.3 A.14 and A.16).

The same pixels and attributes give the same bytes: no clock, UIDs derived from the content. The
file holds nobody's identity: attributes that the standard wants present are present and empty.
"""

from dataclasses import fields
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from guidance.errors import InputError
from guidance.io._write_attributes import RunAttributes, RunKind, StatedTiming
from guidance.io._write_common import decimal, derive_uid, pixel_digest, put_empty, save_dataset
from guidance.io._write_pixels import TransferSyntax, put_pixel_data
from guidance.records import (
    CircularShutter,
    FloatArray,
    FrameArray,
    PixelIntensityRelationship,
    RectangularShutter,
)

# PS3.3 C.8.7.1.1.4 allows 8, 10, 12 and 16 bits. Detectors of 9, 11 and 14 bits exist and are
# written so; a caller who wants a valid object stores them in the next size.
ALLOWED_BITS = {1: (8,), 2: tuple(range(9, 17))}
# FrameTimeVector is written in steps of a microsecond; finer differences are rounding.
TIME_STEP_S = 1e-6
# Explicit VR gives a DS value 16 bits of length (PS3.5 7.1.2).
LONGEST_TEXT = 0xFFFE
# Attributes as of the first version: they enter the UIDs whatever they say.
FIRST_FIELDS = 18


def write_run(path: Path, frames: FrameArray, attributes: RunAttributes) -> str:
    """Write a run to `path`, whole or not at all.

    Parameters
    ----------
    path : Path
        File to make or replace; its folder is made if there is none.
    frames : (T, R, C) uint8 or uint16 array
        Pixel values, stored as they are.
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
    save_dataset(path, dataset, attributes.transfer_syntax)
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
    put_empty(dataset, "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate")
    put_empty(dataset, "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")
    put_empty(dataset, "SeriesNumber", "ContentDate", "ContentTime")
    _put_identity(dataset, frames, attributes)
    _put_place(dataset, attributes)
    _put_text(dataset, attributes)
    _put_technique(dataset, attributes)
    _put_geometry(dataset, attributes)
    _put_spacing(dataset, attributes)
    _put_contrast(dataset, attributes)
    _put_collimator(dataset, attributes.collimator)
    _put_timing(dataset, attributes)
    _put_pixels(dataset, frames, attributes)
    for keyword in attributes.left_out:
        if keyword in dataset:
            del dataset[keyword]
    return dataset


def _put_identity(dataset: Dataset, frames: FrameArray, attributes: RunAttributes) -> None:
    digest = pixel_digest(frames)
    for place, field in enumerate(fields(RunAttributes)):
        value = getattr(attributes, field.name)
        text = value.tobytes().hex() if isinstance(value, np.ndarray) else str(value)
        if place < FIRST_FIELDS or text != str(field.default):
            digest.update(f"\n{field.name}={text}".encode())
    content = attributes.identity or digest.hexdigest()
    dataset.SOPClassUID = attributes.kind.value
    dataset.SOPInstanceUID = derive_uid("instance", content)
    dataset.StudyInstanceUID = derive_uid("study", content)
    dataset.SeriesInstanceUID = derive_uid("series", content)
    dataset.Modality = attributes.kind.name
    dataset.BodyPartExamined = "LSPINE"
    dataset.InstanceNumber = 1
    dataset.ImageType = list(attributes.image_type)


def _put_place(dataset: Dataset, attributes: RunAttributes) -> None:
    """Put what ties the run to the other objects of its study."""
    place = attributes.study
    if place is None:
        return
    dataset.StudyInstanceUID = place.uids.study_instance_uid
    dataset.FrameOfReferenceUID = place.uids.frame_of_reference_uid
    dataset.PositionReferenceIndicator = None
    dataset.SeriesNumber = place.series_number
    dataset.InstanceNumber = place.instance_number
    if place.day_and_time is not None:
        day, time = place.day_and_time
        dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = day
        dataset.StudyTime = "000000"
        dataset.SeriesTime = dataset.ContentTime = time
        dataset.AcquisitionDateTime = day + time


def _put_text(dataset: Dataset, attributes: RunAttributes) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Manufacturer = "mbb-guidance (simulated)"
    if attributes.model_name:
        dataset.ManufacturerModelName = attributes.model_name
    dataset.SeriesDescription = attributes.series_description
    dataset.ImageComments = attributes.image_comments
    dataset.ContentQualification = "RESEARCH"
    dataset.SyntheticData = "YES"
    # The standard asks whether letters identify the patient; a side marker does not.
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"


def _put_technique(dataset: Dataset, attributes: RunAttributes) -> None:
    technique = attributes.technique
    dataset.KVP = decimal(attributes.kvp)
    dataset.XRayTubeCurrent = technique.tube_current_ma
    dataset.ExposureTime = technique.exposure_time_ms
    dataset.Exposure = technique.exposure_mas
    dataset.RadiationSetting = str(technique.radiation_setting)
    dataset.RadiationMode = "PULSED" if technique.is_pulsed else "CONTINUOUS"
    if technique.pulse_width_ms is not None:
        dataset.AveragePulseWidth = decimal(technique.pulse_width_ms)


def _put_geometry(dataset: Dataset, attributes: RunAttributes) -> None:
    dataset.PatientPosition = attributes.patient_position or None
    dataset.PatientOrientation = list(attributes.patient_orientation) or None
    angles = {
        "PositionerPrimaryAngle": attributes.primary_angle_deg,
        "PositionerSecondaryAngle": attributes.secondary_angle_deg,
    }
    is_angiographic = attributes.kind is RunKind.XA
    if is_angiographic:
        dataset.PositionerMotion = "STATIC"
        dataset.TableMotion = "STATIC"
    for keyword, angle in angles.items():
        if is_angiographic or angle is not None:
            setattr(dataset, keyword, decimal(angle))
    sid, sod = attributes.sid_mm, attributes.sod_mm
    dataset.DistanceSourceToDetector = decimal(sid)
    dataset.DistanceSourceToPatient = decimal(sod)
    if sid is not None and sod is not None:
        dataset.EstimatedRadiographicMagnificationFactor = decimal(sid / sod)


def _put_spacing(dataset: Dataset, attributes: RunAttributes) -> None:
    """Put the sizes of a pixel: at the detector, and where a calibration says (PS3.3 10.7)."""
    if attributes.imager_pixel_spacing_mm is not None:
        dataset.ImagerPixelSpacing = [decimal(mm) for mm in attributes.imager_pixel_spacing_mm]
    if attributes.pixel_spacing_mm is None:
        return
    dataset.PixelSpacing = [decimal(mm) for mm in attributes.pixel_spacing_mm]
    if attributes.pixel_spacing_calibration is not None:
        dataset.PixelSpacingCalibrationType = str(attributes.pixel_spacing_calibration)
        dataset.PixelSpacingCalibrationDescription = "SIMULATED calibration"


def _put_contrast(dataset: Dataset, attributes: RunAttributes) -> None:
    if not attributes.contrast_agent:
        return
    dataset.ContrastBolusAgent = attributes.contrast_agent
    dataset.ContrastBolusIngredient = "IODINE"
    if attributes.contrast_concentration_mg_per_ml is not None:
        concentration = decimal(attributes.contrast_concentration_mg_per_ml)
        dataset.ContrastBolusIngredientConcentration = concentration


def _put_collimator(
    dataset: Dataset, collimator: RectangularShutter | CircularShutter | None
) -> None:
    """Put the edges; DICOM counts rows and columns from 1 (PS3.3 C.8.7.3)."""
    match collimator:
        case RectangularShutter():
            dataset.CollimatorShape = "RECTANGULAR"
            dataset.CollimatorLeftVerticalEdge = collimator.left + 1
            dataset.CollimatorRightVerticalEdge = collimator.right + 1
            dataset.CollimatorUpperHorizontalEdge = collimator.top + 1
            dataset.CollimatorLowerHorizontalEdge = collimator.bottom + 1
        case CircularShutter():
            dataset.CollimatorShape = "CIRCULAR"
            center = (round(collimator.row) + 1, round(collimator.column) + 1)
            dataset.CenterOfCircularCollimator = list(center)
            dataset.RadiusOfCircularCollimator = round(collimator.radius)


def _put_timing(dataset: Dataset, attributes: RunAttributes) -> None:
    """Put when the frames were taken, as far as the header is to say so."""
    if attributes.display_rate_per_s is not None:
        dataset.RecommendedDisplayFrameRate = attributes.display_rate_per_s
    if attributes.cine_rate_per_s is not None:
        dataset.CineRate = attributes.cine_rate_per_s
    times_s = attributes.times_s
    if times_s.size == 1:
        return
    dataset.NumberOfFrames = times_s.size
    if attributes.timing is StatedTiming.NONE:
        return
    increments = np.diff(times_s)
    is_even = np.ptp(increments) <= TIME_STEP_S or attributes.timing is StatedTiming.CONSTANT
    stated = attributes.stated_frame_time_ms
    if stated is not None or (is_even and attributes.timing is not StatedTiming.VECTOR):
        dataset.FrameIncrementPointer = Tag("FrameTime")
        mean_ms = 1000 * float(times_s[-1]) / increments.size
        dataset.FrameTime = decimal(mean_ms if stated is None else stated)
        return
    dataset.FrameIncrementPointer = Tag("FrameTimeVector")
    dataset.FrameTimeVector = _time_vector(times_s)


def _time_vector(times_s: FloatArray) -> list[str | None]:
    """Return the increments of Frame Time Vector; the first is 0."""
    # Rounding the times, not the increments, keeps the error from adding up.
    ticks = np.diff(np.rint(times_s / TIME_STEP_S).astype(np.int64), prepend=0)
    vector = [decimal(tick / 1000) for tick in ticks.tolist()]
    if len("\\".join(str(value) for value in vector)) > LONGEST_TEXT:
        raise InputError(f"{times_s.size} uneven frame times do not fit FrameTimeVector; split")
    return vector


def _put_pixels(dataset: Dataset, frames: FrameArray, attributes: RunAttributes) -> None:
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = str(attributes.photometric_interpretation)
    dataset.PixelRepresentation = 0
    dataset.BitsAllocated = 8 * frames.dtype.itemsize
    dataset.BitsStored = attributes.bits_stored
    dataset.HighBit = attributes.bits_stored - 1
    relationship = attributes.intensity_relationship
    if relationship is not PixelIntensityRelationship.UNKNOWN:
        dataset.PixelIntensityRelationship = str(relationship)
    if attributes.intensity_sign is not None:
        dataset.PixelIntensityRelationshipSign = attributes.intensity_sign
    if attributes.modality_lut is not None:
        dataset.ModalityLUTSequence = [_modality_lut(attributes.modality_lut)]
    if attributes.window is not None:
        dataset.WindowCenter, dataset.WindowWidth = map(decimal, attributes.window)
    put_pixel_data(dataset, frames, attributes.bits_stored, attributes.transfer_syntax)


def _modality_lut(table: FrameArray) -> Dataset:
    """Return the item of a Modality LUT Sequence (PS3.3 C.11.1)."""
    item = Dataset()
    # 65536 entries are written as 0; the first stored value mapped is 0.
    item.add_new("LUTDescriptor", "US", [table.size % 0x10000, 0, 16])
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
    return item
