"""A fluoroscopy run as a lazy (T, R, C) array: a frame is read when it is asked for."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from guidance.records._arrays import FrameArray
from guidance.records._header import RunHeader


class FrameReader(Protocol):
    """Where a `Cine` gets its frames from."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that `read` returns."""

    def read(self, index: int) -> FrameArray:
        """Return frame `index` as a new (R, C) array of pixel values after the Modality LUT."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cine:
    """A run: its header, and its frames on demand.

    Reads like a (T, R, C) array by integers and slices: an integer for the first axis reads that
    frame alone, a slice the frames it names and nothing else. Nothing is cached. For numpy's other
    ways of indexing (ellipsis, lists, masks) take frames first.

    Attributes
    ----------
    header : RunHeader
        What is known without reading a pixel.
    reader : FrameReader
        Source of the pixels.
    """

    header: RunHeader
    reader: FrameReader

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""
        return (self.header.n_frames, self.header.rows, self.header.columns)

    @property
    def ndim(self) -> int:
        """Number of axes, 3."""
        return 3

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixel values."""
        return self.reader.dtype

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.header.n_frames

    def __getitem__(self, key: Any) -> NDArray[Any]:  # noqa: ANN401 - numpy's own indexing
        """Return frames by integer or slice: `cine[3]`, `cine[2:9:2]`, `cine[3, 10:20, :]`."""
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, slice):
            indices = range(*first.indices(len(self)))
            rows, columns = self.shape[1:]
            frames = np.empty((len(indices), rows, columns), self.dtype)
            for at, index in enumerate(indices):
                frames[at] = self.reader.read(index)
            return frames[(slice(None), *rest)]
        index = operator.index(first)
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of a run of {len(self)} frames")
        frame = self.reader.read(index % len(self))
        return frame[rest] if rest else frame

    def __iter__(self) -> Iterator[FrameArray]:
        """Yield the frames in order, one in memory at a time."""
        for index in range(len(self)):
            yield self.reader.read(index)

    def __enter__(self) -> "Cine":
        """Return the run itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the reader."""
        self.reader.close()
