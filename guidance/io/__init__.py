"""Everything that touches files: DICOM runs in, results out.

Nobody else sees a DICOM data set. Reading is lazy: a run is opened by its header, and a frame is
read when it is asked for.
"""

from guidance.io._find import SourceFile, find_files
from guidance.io._identity import hash_file, run_name
from guidance.io._open import open_run, read_header
from guidance.io._results import decode_analysis, encode_analysis, make_analysis_schema
from guidance.io._samples import sample_folder
from guidance.io._sniff import looks_like_dicom
from guidance.io._store import write_atomically, write_together
from guidance.io._timing import with_frame_time
from guidance.io._write_attributes import (
    Photometry,
    RadiationSetting,
    RunAttributes,
    RunKind,
    SpacingCalibration,
    StatedTiming,
    Technique,
)
from guidance.io._write_ct import CtAttributes, CtSeries, write_ct
from guidance.io._write_pixels import TransferSyntax
from guidance.io._write_run import write_run
from guidance.io._write_study import StudyFolder, StudyPlace, StudyUids, plan_study_uids

__all__ = [
    "CtAttributes",
    "CtSeries",
    "Photometry",
    "RadiationSetting",
    "RunAttributes",
    "RunKind",
    "SourceFile",
    "SpacingCalibration",
    "StatedTiming",
    "StudyFolder",
    "StudyPlace",
    "StudyUids",
    "Technique",
    "TransferSyntax",
    "decode_analysis",
    "encode_analysis",
    "find_files",
    "hash_file",
    "looks_like_dicom",
    "make_analysis_schema",
    "open_run",
    "plan_study_uids",
    "read_header",
    "run_name",
    "sample_folder",
    "with_frame_time",
    "write_atomically",
    "write_ct",
    "write_run",
    "write_together",
]
