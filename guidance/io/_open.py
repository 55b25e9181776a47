"""Opens a run: header at once, frames when they are asked for."""

from pathlib import Path

from guidance.io._decoders import EXPLICIT_BIG_ENDIAN
from guidance.io._fragments import FrameIndex
from guidance.io._header import RunPlan, plan_run
from guidance.io._reader import EncapsulatedReader, NativeReader
from guidance.io._source import DicomSource, dicom_source
from guidance.io._window import FileWindow
from guidance.records import Cine, FrameReader, RunHeader


def open_run(path: Path) -> Cine:
    """Open a fluoroscopy run, or a single projection image as a run of one frame.

    Parameters
    ----------
    path : Path
        A DICOM file: XA, XRF, CR, DX or grey secondary capture.

    Returns
    -------
    Cine
        A lazy (T, R, C) array of values after the Modality LUT, MONOCHROME1 not inverted. It holds
        the file open: use it in a ``with`` block, or close its reader. Frames may be read from
        several threads.

    Raises
    ------
    NotDicomError, MissingAttributeError, UnsupportedImageError, DamagedFileError
        What was wrong with the file, what was expected, and the next step; the message does not
        name the file.
    StorageError
        The disk would not read it.

    Examples
    --------
    ::

        with open_run(Path("run.dcm")) as cine:
            for frame in cine:
                ...
    """
    with dicom_source(path) as source:
        plan = plan_run(source)
        return Cine(header=plan.header, reader=_reader(source, plan))


def read_header(path: Path) -> RunHeader:
    """Return what the header of a run says, without reading a pixel; raises as `open_run` does.

    Parameters
    ----------
    path : Path
        A DICOM file.
    """
    with open_run(path) as cine:
        return cine.header


def _reader(source: DicomSource, plan: RunPlan) -> FrameReader:
    """Return the reader that takes over the open file."""
    window = FileWindow(source.file, source.size)
    if plan.codec is None:
        return NativeReader(
            window,
            plan.pixels.offset,
            plan.layout,
            plan.transform,
            is_big_endian=source.transfer_syntax_uid == EXPLICIT_BIG_ENDIAN,
        )
    index = FrameIndex(
        window,
        plan.pixels.offset,
        plan.layout.n_frames,
        one_fragment_each=plan.codec.one_fragment_each,
    )
    index.use_extended_offsets(source.attributes.raw("ExtendedOffsetTable"))
    return EncapsulatedReader(window, index, plan.layout, plan.transform, plan.codec)
