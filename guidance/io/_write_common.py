"""What every written DICOM object shares: UIDs from content, file meta, numbers as text.

No clock and no chance: the same content gives the same UIDs and the same bytes.
"""

import hashlib
import uuid
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from guidance.errors import InputError
from guidance.io._store import write_atomically
from guidance.records import FrameArray

UID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "mbb-guidance")


def derive_uid(role: str, content: str) -> str:
    """Return a UID that stands for a content in a role (PS3.5 B.2, name-based UUID).

    Parameters
    ----------
    role : str
        ``"instance"``, ``"series"``, ``"study"``, ...: one content has one UID in each.
    content : str
        What the object is made of, or a digest of it.
    """
    return f"2.25.{uuid.uuid5(UID_NAMESPACE, f'{role} {content}').int}"


IMPLEMENTATION_UID = f"2.25.{uuid.uuid5(UID_NAMESPACE, 'implementation').int}"


def pixel_digest(pixels: FrameArray) -> "hashlib._Hash":
    """Return a SHA-256 begun with pixels and their shape, in little-endian order."""
    digest = hashlib.sha256(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes())
    digest.update(f"{pixels.shape} {pixels.dtype.itemsize}".encode())
    return digest


def put_empty(dataset: Dataset, *keywords: str) -> None:
    """Put attributes of type 2: present, and empty because nobody was there."""
    for keyword in keywords:
        setattr(dataset, keyword, None)


def save_dataset(path: Path, dataset: Dataset, transfer_syntax_uid: str) -> None:
    """Write a data set with its file meta information to `path`, whole or not at all.

    Raises
    ------
    StorageError
        The folder is not writable, or the disk is full.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    # Stated here, or the bytes would depend on the library that writes them.
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "MBB_GUIDANCE"
    dataset.file_meta = meta
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    write_atomically(path, buffer.getvalue())


def decimal(value: float | None) -> str | None:
    """Return a number as DS has it, at most 16 characters (PS3.5 6.2)."""
    if value is None:
        return None
    if not np.isfinite(value):
        raise InputError(f"{value} cannot stand in a header; give a finite number or None")
    return f"{value:.10g}"
