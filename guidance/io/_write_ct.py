"""Writes a volume as a CT series: one CT Image object (PS3.3 A.3) a slice.

The same voxels and attributes give the same bytes: no clock, UIDs derived from the content. The
files hold nobody's identity: attributes that the standard wants present are present and empty.
"""

import hashlib
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from guidance.errors import InputError
from guidance.io._disk import storage_error
from guidance.io._write_attributes import LONGEST_STRING
from guidance.io._write_common import decimal, derive_uid, pixel_digest, put_empty, save_dataset
from guidance.io._write_pixels import TransferSyntax, put_pixel_data
from guidance.io._write_study import StudyPlace, StudyUids
from guidance.records import FloatArray, Volume

# Stored values are unsigned: JPEG-LS states the precision of the array, and 16 bits hold all that
# a scanner gives. Hounsfield units of the stored value 0, and the most.
INTERCEPT_HU = -1024
MOST_HU = 0x7FFF
# PS3.3 C.7.3.1.1.2.
PATIENT_POSITIONS = ("HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL")
SYNTAXES = (TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax.JPEG_LS_LOSSLESS)
FILE_NAME = re.compile(r"\d{4,}\.dcm")
# Cosines and spacings are refused beyond rounding.
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class CtAttributes:
    """What the headers of a written CT series say.

    Attributes
    ----------
    patient_position : str
        Patient Position: ``"HFS"``, ``"HFP"``, ... It is told, not applied: voxels stay where the
        volume's transform puts them in the patient.
    kvp : float
        Peak voltage. Kilovolts.
    convolution_kernel : str
        Name of the reconstruction kernel.
    slice_thickness_mm : float or None
        Nominal thickness; None takes the distance between slices. Millimetres.
    series_description, image_comments : str
        Free text; at most 64 characters in the first.
    model_name : str
        Manufacturer's Model Name.
    window : (center, width)
        Display window. Hounsfield units.
    transfer_syntax : TransferSyntax
        Uncompressed or JPEG-LS, which is lossless too and about a third of the size.
    study : StudyPlace or None
        Which study the series belongs to, so that runs and CT share study and frame of reference;
        None gives it ones of its own. The instance numbers count the slices all the same.
    """

    patient_position: str = "HFS"
    kvp: float = 120.0
    convolution_kernel: str = "STANDARD"
    slice_thickness_mm: float | None = None
    series_description: str = ""
    image_comments: str = ""
    model_name: str = ""
    window: tuple[float, float] = (40.0, 400.0)
    transfer_syntax: TransferSyntax = TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN
    study: StudyPlace | None = None

    def __post_init__(self) -> None:
        """Check what would give a header that nobody can mean."""
        if self.patient_position not in PATIENT_POSITIONS:
            raise InputError(
                f"patient_position is {self.patient_position!r}, expected one of "
                f"{', '.join(PATIENT_POSITIONS)}"
            )
        thickness = self.slice_thickness_mm
        numbers = (self.kvp, self.window[1], 1.0 if thickness is None else thickness)
        if not (np.isfinite((*numbers, *self.window)).all() and min(numbers) > 0):
            raise InputError(
                f"kvp {self.kvp}, window {self.window}, slice_thickness_mm {thickness}: expected "
                "finite numbers; voltage, width and thickness positive"
            )
        for name in ("series_description", "model_name"):
            if len(getattr(self, name)) > LONGEST_STRING:
                raise InputError(f"{name} has more than {LONGEST_STRING} characters; shorten it")
        # SH holds 16 characters (PS3.5 6.2).
        if len(self.convolution_kernel) > 16:
            raise InputError("convolution_kernel has more than 16 characters; shorten it")
        if self.transfer_syntax not in SYNTAXES:
            raise InputError(
                f"transfer_syntax is {self.transfer_syntax.name}, expected one of "
                f"{', '.join(syntax.name for syntax in SYNTAXES)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CtSeries:
    """A written series.

    Attributes
    ----------
    paths : tuple of Path
        One file a slice, in the volume's order.
    series_instance_uid : str
        Of the series.
    uids : StudyUids
        Of its study, and of the frame of reference.
    """

    paths: tuple[Path, ...]
    series_instance_uid: str
    uids: StudyUids


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """Directions (3,) of rows, columns and slices, and spacings (slice, row, column) in mm."""

    along_row: FloatArray
    along_column: FloatArray
    spacing_mm: tuple[float, float, float]


def write_ct(folder: Path, volume: Volume, attributes: CtAttributes) -> CtSeries:
    """Write a CT series to `folder`, whole or not at all.

    The files are written to a new folder beside it, which then takes its place. A series that an
    earlier call wrote there is replaced; a folder that holds anything else is refused.

    Parameters
    ----------
    folder : Path
        Becomes the folder of the series; its parents are made if there are none.
    volume : Volume
        (S, R, C) int16 Hounsfield units from -1024. Its axes are at right angles, in any direction.
    attributes : CtAttributes
        What the headers say.

    Returns
    -------
    CtSeries
        Paths and UIDs; the latter derived from voxels, places and attributes.

    Raises
    ------
    InputError
        The volume is none of HU, or lies askew; or the folder holds other files.
    StorageError
        The folder is not writable, or the disk is full.
    """
    axes = _check(volume)
    _check_folder(folder)
    values = np.ascontiguousarray(volume.values, dtype=np.int16)
    stored = (values.astype(np.int32) - INTERCEPT_HU).astype(np.uint16)
    content = _content(stored, volume, attributes)
    study = attributes.study
    uids = (
        StudyUids(
            study_instance_uid=derive_uid("study", content),
            frame_of_reference_uid=derive_uid("frame of reference", content),
        )
        if study is None
        else study.uids
    )
    common = _Common(
        attributes=attributes,
        axes=axes,
        uids=uids,
        series_uid=derive_uid("series", content),
        content=content,
    )
    staging = folder.with_name(f".{folder.name[:64]}.{secrets.token_hex(4)}.part")
    names = [f"{k + 1:04d}.dcm" for k in range(len(stored))]
    try:
        for k, name in enumerate(names):
            position = (volume.lps_from_vox @ (k, 0, 0, 1))[:3]
            dataset = _slice(stored[k], k, position, common)
            save_dataset(staging / name, dataset, attributes.transfer_syntax)
        _take_place(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return CtSeries(
        paths=tuple(folder / name for name in names),
        series_instance_uid=common.series_uid,
        uids=uids,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Common:
    """What all slices of a series share."""

    attributes: CtAttributes
    axes: _Axes
    uids: StudyUids
    series_uid: str
    content: str


def _check(volume: Volume) -> _Axes:
    """Check that the volume is a CT, and return its axes."""
    values = volume.values
    if values.dtype.kind not in "iu":
        raise InputError(
            f"the volume holds {values.dtype}, expected whole Hounsfield units as int16; round it"
        )
    low, high = int(values.min()), int(values.max())
    if low < INTERCEPT_HU or high > MOST_HU:
        raise InputError(
            f"the volume holds {low} to {high}, expected {INTERCEPT_HU} to {MOST_HU} HU; clip it"
        )
    if max(values.shape[1:]) > 0xFFFF:
        raise InputError(f"slices of {values.shape[1:]} voxels: DICOM holds at most 65535 a side")
    linear = volume.lps_from_vox[:3, :3]
    spacing = volume.spacing_mm
    directions = linear / np.array(spacing)
    if np.abs(directions.T @ directions - np.eye(3)).max() > TOLERANCE:
        raise InputError(
            "the volume's axes are not at right angles, which no CT slice can say; resample it"
        )
    return _Axes(directions[:, 2], directions[:, 1], spacing)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier series; before long work."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error("written", error, "choose another folder") from error
    others = [name for name in names if not FILE_NAME.fullmatch(name)]
    if others:
        raise InputError(
            f"the folder holds {len(others)} things that are no slices of a CT written before; "
            "choose an empty one"
        )


def _take_place(staging: Path, folder: Path) -> None:
    """Put the new folder where the old one was; if that fails, the old one is there again."""
    old = folder.with_name(f".{folder.name[:64]}.{secrets.token_hex(4)}.old")
    try:
        had_one = folder.exists()
        if had_one:
            os.replace(folder, old)
        try:
            os.replace(staging, folder)
        except OSError:
            if had_one:
                with suppress(OSError):
                    os.replace(old, folder)
            raise
    except OSError as error:
        raise storage_error("replaced", error, "choose another folder") from error
    shutil.rmtree(old, ignore_errors=True)


def _content(stored: NDArray[np.uint16], volume: Volume, attributes: CtAttributes) -> str:
    """Return a digest of all that the files are made of."""
    digest = pixel_digest(stored)
    digest.update(np.ascontiguousarray(volume.lps_from_vox, dtype="<f8").tobytes())
    for field in fields(CtAttributes):
        digest.update(f"\n{field.name}={getattr(attributes, field.name)}".encode())
    return digest.hexdigest()


def _slice(
    pixels: NDArray[np.uint16], index: int, position: FloatArray, common: _Common
) -> Dataset:
    """Return the object of one slice."""
    attributes = common.attributes
    dataset = Dataset()
    put_empty(dataset, "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate")
    put_empty(dataset, "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")
    put_empty(dataset, "SeriesNumber", "ContentDate", "ContentTime", "AcquisitionNumber")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    name = hashlib.sha256(f"{common.content} {index}".encode()).hexdigest()
    dataset.SOPInstanceUID = derive_uid("instance", name)
    dataset.SeriesInstanceUID = common.series_uid
    dataset.StudyInstanceUID = common.uids.study_instance_uid
    dataset.FrameOfReferenceUID = common.uids.frame_of_reference_uid
    dataset.PositionReferenceIndicator = None
    dataset.Modality = "CT"
    dataset.InstanceNumber = index + 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.BodyPartExamined = "LSPINE"
    _put_text(dataset, attributes)
    _put_place(dataset, attributes.study)
    _put_plane(dataset, position, common)
    _put_pixels(dataset, pixels, attributes)
    return dataset


def _put_text(dataset: Dataset, attributes: CtAttributes) -> None:
    dataset.Manufacturer = "mbb-guidance (simulated)"
    if attributes.model_name:
        dataset.ManufacturerModelName = attributes.model_name
    dataset.SeriesDescription = attributes.series_description
    dataset.ImageComments = attributes.image_comments
    dataset.ContentQualification = "RESEARCH"
    dataset.SyntheticData = "YES"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.KVP = decimal(attributes.kvp)
    dataset.ConvolutionKernel = attributes.convolution_kernel


def _put_place(dataset: Dataset, study: StudyPlace | None) -> None:
    if study is None:
        return
    dataset.SeriesNumber = study.series_number
    if study.day_and_time is not None:
        day, time = study.day_and_time
        dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = day
        dataset.StudyTime = "000000"
        dataset.SeriesTime = dataset.ContentTime = time


def _put_plane(dataset: Dataset, position: FloatArray, common: _Common) -> None:
    """Put where the slice lies (PS3.3 C.7.6.2)."""
    attributes, axes = common.attributes, common.axes
    between, row_mm, column_mm = axes.spacing_mm
    dataset.PatientPosition = attributes.patient_position
    cosines = (*axes.along_row, *axes.along_column)
    # Adding 0 keeps a rounded zero from being written with a minus.
    dataset.ImageOrientationPatient = [decimal(round(float(c), 9) + 0.0) for c in cosines]
    dataset.ImagePositionPatient = [decimal(round(float(mm), 6) + 0.0) for mm in position]
    dataset.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    thickness = attributes.slice_thickness_mm
    dataset.SliceThickness = decimal(between if thickness is None else thickness)
    dataset.SpacingBetweenSlices = decimal(between)
    normal = np.cross(axes.along_row, axes.along_column)
    dataset.SliceLocation = decimal(round(float(normal @ position), 6) + 0.0)


def _put_pixels(dataset: Dataset, pixels: NDArray[np.uint16], attributes: CtAttributes) -> None:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = 0
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.RescaleIntercept = decimal(INTERCEPT_HU)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = map(decimal, attributes.window)
    put_pixel_data(dataset, pixels[None], 16, attributes.transfer_syntax)
