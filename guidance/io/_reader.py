"""Reads one frame at a time: uncompressed frames straight into a new array, others decoded."""

from typing import Any

import numpy as np

from guidance.errors import DamagedFileError, InputError
from guidance.io._decoders import Codec, check_stream_length
from guidance.io._fragments import FrameIndex
from guidance.io._layout import PixelLayout
from guidance.io._modality import ModalityTransform
from guidance.io._stored import unpack_cells
from guidance.io._window import FileWindow
from guidance.records import FrameArray


class NativeReader:
    """Reads uncompressed frames.

    Parameters
    ----------
    window : FileWindow
        The file; closed with the reader.
    offset : int
        Where the first frame begins. Bytes.
    layout : PixelLayout
        How pixels are stored.
    transform : ModalityTransform
        From stored values to values.
    is_big_endian : bool
        Whether words begin with the high byte.
    """

    def __init__(
        self,
        window: FileWindow,
        offset: int,
        layout: PixelLayout,
        transform: ModalityTransform,
        *,
        is_big_endian: bool = False,
    ) -> None:
        self._window = window
        self._offset = offset
        self._layout = layout
        self._transform = transform
        # On the machine, numpy's "=" is the file's order in all syntaxes but the retired one.
        self._file_dtype = layout.cell_dtype.newbyteorder(">" if is_big_endian else "<")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixel values."""
        return self._transform.dtype

    def read(self, index: int) -> FrameArray:
        """Return frame `index` as a new (R, C) array of values after the Modality LUT."""
        check_index(index, self._layout.n_frames)
        cells = np.empty(self._layout.shape, self._file_dtype)
        self._window.read_into(cells, self._offset + index * self._layout.frame_bytes)
        native = cells.astype(self._layout.cell_dtype, copy=False)
        return self._transform.apply(unpack_cells(native, self._layout))

    def close(self) -> None:
        """Let go of the file."""
        self._window.close()


class EncapsulatedReader:
    """Reads compressed frames.

    Parameters
    ----------
    window : FileWindow
        The file; closed with the reader.
    index : FrameIndex
        Where the frames are.
    layout : PixelLayout
        What every stream must decode to.
    transform : ModalityTransform
        From stored values to values.
    codec : Codec
        How a stream is decoded.
    """

    def __init__(
        self,
        window: FileWindow,
        index: FrameIndex,
        layout: PixelLayout,
        transform: ModalityTransform,
        codec: Codec,
    ) -> None:
        self._window = window
        self._index = index
        self._layout = layout
        self._transform = transform
        self._codec = codec

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixel values."""
        return self._transform.dtype

    def read(self, index: int) -> FrameArray:
        """Return frame `index` as a new (R, C) array of values after the Modality LUT."""
        check_index(index, self._layout.n_frames)
        fragments = self._index.fragments(index)
        try:
            check_stream_length(sum(item.length for item in fragments), self._layout)
            stream = b"".join(self._window.read(item.offset, item.length) for item in fragments)
            stored = self._codec.decode(stream, self._layout)
        except DamagedFileError as error:
            raise DamagedFileError(
                f"PixelData (7FE0,0010), frame {index} from 0: {error}; copy the file again or "
                "have its source write it anew"
            ) from error
        return self._transform.apply(stored)

    def close(self) -> None:
        """Let go of the file."""
        self._window.close()


def check_index(index: int, n_frames: int) -> None:
    """Refuse a frame that the run does not have."""
    if not 0 <= index < n_frames:
        raise InputError(f"frame {index} does not exist; expected 0 to {n_frames - 1}")
