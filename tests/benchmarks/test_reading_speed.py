"""How fast frames are read, beside a bare read and beside pydicom, in the same run.

Asserts are of correctness only; times are reported. For a table:
``python -m tests.benchmarks.test_reading_speed`` from the project's root (about 0.5 GB in the
temporary folder, one minute).
"""

import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import iter_pixels

from guidance.io import open_run

UNCOMPRESSED = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
SIDE = 1024
FULL_FRAMES = 200
FEW_FRAMES = 6  # where nothing is timed, a few show that the answers are right
SEED = 20


def frame(side: int = SIDE, bits: int = 12) -> np.ndarray:
    """Return a frame with the smoothness and the noise of fluoroscopy."""
    generator = np.random.default_rng(SEED)
    row, column = np.ogrid[:side, :side]
    smooth = 1500 + 900 * np.sin(row / 90) * np.cos(column / 120)
    noisy = smooth + generator.normal(0, 12, (side, side))
    return np.clip(noisy, 0, (1 << bits) - 1).astype(np.uint16)


def encode_rle(values: np.ndarray) -> bytes:
    """Return a 16-bit frame as DICOM RLE (PS3.5 annex G)."""
    planes = (values >> 8).astype(np.uint8), (values & 0xFF).astype(np.uint8)
    segments = [
        b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane) for plane in planes
    ]
    segments = [segment + bytes(len(segment) % 2) for segment in segments]
    header = struct.pack("<3I", 2, 64, 64 + len(segments[0])).ljust(64, b"\0")
    return header + b"".join(segments)


ENCODERS: dict[str, Callable[[np.ndarray], bytes]] = {
    RLE: encode_rle,
    JPEG_LOSSLESS: lambda values: imagecodecs.jpeg8_encode(
        values, lossless=True, predictor=1, bitspersample=12
    ),
    JPEG_LS: imagecodecs.jpegls_encode,
}


def write_run(path: Path, n_frames: int, syntax: str = UNCOMPRESSED, bits: int = 12) -> int:
    """Write a run of equal frames without holding it in memory; return where its pixels begin.

    Compressed runs have an empty table of offsets, as most files have.
    """
    values = frame(bits=12)
    data_set = pydicom.Dataset()
    data_set.file_meta = pydicom.dataset.FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
    data_set.SOPInstanceUID = f"2.25.{SEED}"
    data_set.Modality = "XA"
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.NumberOfFrames = n_frames
    data_set.Rows, data_set.Columns = values.shape
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, bits, bits - 1
    data_set.PixelRepresentation = 0
    data_set.FrameTime = 100
    header = BytesIO()
    pydicom.dcmwrite(header, data_set, enforce_file_format=True)
    is_native = syntax == UNCOMPRESSED
    stream = values.tobytes() if is_native else ENCODERS[syntax](values)
    stream += bytes(len(stream) % 2)
    if not is_native:
        stream = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(stream)) + stream
    length = len(stream) * n_frames if is_native else 0xFFFFFFFF
    with open(path, "wb") as file:
        file.write(header.getvalue())
        file.write(b"\xe0\x7f\x10\0" + (b"OW" if is_native else b"OB") + b"\0\0")
        file.write(struct.pack("<I", length))
        if not is_native:
            file.write(b"\xfe\xff\x00\xe0" + bytes(4))
        start = file.tell()
        for _ in range(n_frames):
            file.write(stream)
        if not is_native:
            file.write(b"\xfe\xff\xdd\xe0" + bytes(4))
    return start


def read_ours(path: Path) -> int:
    """Read all frames, one at a time; return the sum of one pixel, so that none is skipped."""
    with open_run(path) as cine:
        return sum(int(values[3, 5]) for values in cine)


def read_bare(path: Path, start: int, n_frames: int) -> int:
    """Read the same bytes into one array again and again, the least that any reader must do."""
    values, total = np.empty((SIDE, SIDE), np.uint16), 0
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        for _ in range(n_frames):
            file.readinto(values.data)
            total += int(values[3, 5])
    return total


def read_pydicom_path(path: Path) -> int:
    """Read all frames with pydicom's `iter_pixels`, given the path: one frame at a time."""
    return sum(int(values[3, 5]) for values in iter_pixels(path))


def read_pydicom_data_set(path: Path) -> int:
    """Read all frames with pydicom's `iter_pixels`, given a data set: the file is read whole."""
    return sum(int(values[3, 5]) for values in iter_pixels(pydicom.dcmread(path)))


def read_first(path: Path) -> int:
    """Open a run, read its first frame, close it."""
    with open_run(path) as cine:
        return int(cine[0][3, 5])


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    path: Path
    n_frames: int
    start: int

    @property
    def total(self) -> int:
        """What a reader of all frames must return."""
        return self.n_frames * int(frame()[3, 5])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("speed")
    yield path
    for file in path.iterdir():
        file.unlink()  # half a gigabyte should not wait for pytest to tidy up


@pytest.fixture(scope="module")
def native(folder: Path, request: pytest.FixtureRequest) -> Run:
    n_frames = FEW_FRAMES if request.config.getoption("benchmark_disable") else FULL_FRAMES
    path = folder / "native.dcm"
    return Run(path, n_frames, write_run(path, n_frames))


@pytest.mark.benchmark(group="200 uncompressed frames of 1024²")
class TestUncompressed:
    def test_ours(self, benchmark, native: Run):
        assert benchmark(read_ours, native.path) == native.total

    def test_bare_readinto(self, benchmark, native: Run):
        assert benchmark(read_bare, native.path, native.start, native.n_frames) == native.total

    def test_pydicom_path(self, benchmark, native: Run):
        assert benchmark.pedantic(read_pydicom_path, (native.path,), rounds=3) == native.total

    def test_pydicom_data_set(self, benchmark, native: Run):
        assert benchmark.pedantic(read_pydicom_data_set, (native.path,), rounds=3) == native.total


@pytest.mark.benchmark(group="first frame of a run")
@pytest.mark.parametrize("n_frames", [20, 600])
@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS, JPEG_LS])
def test_first_frame(benchmark, folder: Path, syntax: str, n_frames: int):
    path = folder / f"first_{n_frames}_{syntax}.dcm"
    write_run(path, n_frames, syntax)
    assert benchmark(read_first, path) == int(frame()[3, 5])
    path.unlink()


@pytest.mark.benchmark(group="a compressed frame of 1024²")
@pytest.mark.parametrize("syntax", ENCODERS)
def test_compressed(benchmark, folder: Path, syntax: str):
    path = folder / f"{syntax}.dcm"
    write_run(path, FEW_FRAMES, syntax)
    assert benchmark.pedantic(read_ours, (path,), rounds=3) == FEW_FRAMES * int(frame()[3, 5])


def best_s(action: Callable[[], object], rounds: int) -> float:
    """Return the shortest of several times, after one that is not counted. Seconds."""
    action()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def native_lines(folder: Path, bits: int) -> Sequence[str]:
    """Return the lines of the table on uncompressed runs."""
    path = folder / "native.dcm"
    start = write_run(path, FULL_FRAMES, bits=bits)
    bare = best_s(lambda: read_bare(path, start, FULL_FRAMES), 7)
    ours = best_s(lambda: read_ours(path), 7)
    by_path = best_s(lambda: read_pydicom_path(path), 3)
    by_data_set = best_s(lambda: read_pydicom_data_set(path), 3)
    per_frame = 1000 / FULL_FRAMES
    return [
        f"uncompressed, {bits} of 16 bits: bare {bare * per_frame:.3f} ms, "
        f"ours {ours * per_frame:.3f} ms ({ours / bare:.2f} × bare)",
        f"    pydicom iter_pixels(path) {by_path * per_frame:.3f} ms ({by_path / ours:.1f} ×), "
        f"iter_pixels(dcmread(path)) {by_data_set * per_frame:.3f} ms "
        f"({by_data_set / ours:.1f} × ours)",
    ]


def first_frame_lines(folder: Path, syntax: str) -> Sequence[str]:
    """Return the lines on the first frame of short and of long runs."""
    times_ms = []
    for n_frames in (20, 600):
        path = folder / "first.dcm"
        write_run(path, n_frames, syntax)
        times_ms.append(1000 * best_s(lambda path=path: read_first(path), 15))
        path.unlink()
    name = pydicom.uid.UID(syntax).name.split(",")[0]
    return [
        f"first frame, {name}: of 20 {times_ms[0]:.2f} ms, of 600 {times_ms[1]:.2f} ms "
        f"({times_ms[1] / times_ms[0]:.2f} ×)"
    ]


def compressed_lines(folder: Path, syntax: str) -> Sequence[str]:
    """Return the lines on a compressed frame, beside pydicom where it has a decoder installed."""
    path = folder / "compressed.dcm"
    write_run(path, 12, syntax)
    ours = best_s(lambda: read_ours(path), 5) / 12
    try:
        theirs = best_s(lambda: read_pydicom_path(path), 2) / 12
        beside = f"pydicom {theirs * 1000:.1f} ms ({theirs / ours:.1f} × ours)"
    except RuntimeError:
        beside = "pydicom has no decoder for it here"
    name = pydicom.uid.UID(syntax).name.split(",")[0]
    return [f"a frame, {name}: ours {ours * 1000:.2f} ms, {beside}"]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for bits in (16, 12):
            print(*native_lines(folder, bits), sep="\n")
        os.unlink(folder / "native.dcm")
        for syntax in (RLE, JPEG_LOSSLESS, JPEG_LS):
            print(*compressed_lines(folder, syntax), sep="\n")
        for syntax in (UNCOMPRESSED, JPEG_LS):
            print(*first_frame_lines(folder, syntax), sep="\n")


if __name__ == "__main__":
    main()
