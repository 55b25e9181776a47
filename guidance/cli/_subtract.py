"""`guidance subtract`: a run minus its mask, as pictures for a person to read, and maps of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from guidance import __version__
from guidance.cli._exit import ExitStatus, Tally, hand_out, say
from guidance.cli._inputs import opened_run, take_each
from guidance.cli._progress import show_progress
from guidance.cli._subtract_options import Pictures, SubtractRequest
from guidance.errors import InputError, StorageError, UnsupportedImageError
from guidance.imaging import (
    ContrastMaps,
    MaskChoice,
    Subtraction,
    average_frames,
    choose_mask,
    find_saturated,
    frames_to_smooth,
    locate_valid_pixels,
    measure_attenuation,
    measure_maps,
    resize_by,
    subtract,
)
from guidance.io import SourceFile, run_name, write_atomically
from guidance.records import Cine, FloatArray, MaskOperation, NotFound
from guidance.report import (
    GifWriter,
    MapStyle,
    choose_full_scale,
    encode_png,
    frame_hundredths,
    grey_levels,
    render_map,
)

SCHEMA = "guidance.subtraction/1"
MAPS_PX = 512
"""Maps are measured on frames reduced to this longer side: memory stays flat, noise falls."""
MOST_NAMED_MASK_FRAMES = 64

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


class _WrongRangeError(InputError):
    """The call names frames that the run does not have."""


@dataclass(slots=True)
class SubtractSession:
    """One call of the command, and how far it has come."""

    request: SubtractRequest
    tally: Tally = field(default_factory=Tally)
    _is_wrong_call: bool = False

    def run(self, paths: list[Path]) -> ExitStatus:
        """Subtract every run under the paths; a failure costs one input, never the others."""
        try:
            probe = self.request.out / ".guidance-probe"
            write_atomically(probe, b"")
            probe.unlink()
        except (OSError, StorageError) as error:
            say(f"--out cannot be used: {error}")
            return ExitStatus.WRONG_CALL
        take_each(paths, self.tally, self._take)
        if self._is_wrong_call and not self.tally.read:
            return ExitStatus.WRONG_CALL
        return self.tally.status

    def _take(self, source: SourceFile) -> None:
        with opened_run(source, self.request.frame_time_ms) as cine:
            try:
                run = _Run.prepare(cine, self.request)
            except _WrongRangeError:
                self._is_wrong_call = True
                raise
            folder = self.request.out / run_name(cine.header.sop_instance_uid)
            _clear(folder)
            with show_progress(source.relative, 2 * len(run.numbers)) as advance:
                run.write(folder, source.relative, advance)
            self.tally.read += 1
        hand_out(folder / "subtraction.json")


@dataclass(slots=True, kw_only=True)
class _Run:
    """A run, its mask, and what has been found of each frame. One frame is held at a time."""

    cine: Cine
    request: SubtractRequest
    numbers: list[int]
    choice: MaskChoice
    mask: Image
    mask_frames: tuple[int, ...]
    mask_from: str
    start: tuple[float, float]
    valid: Mask
    warnings: list[str]
    shifts: list[tuple[float, float]] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)

    @classmethod
    def prepare(cls, cine: Cine, request: SubtractRequest) -> "_Run":
        """Choose frames and mask of a run."""
        header = cine.header
        if header.is_subtracted:
            raise UnsupportedImageError(
                "its stored pixels are a subtraction already; expected a plain run; "
                "look at it as it is, or export the run without subtraction"
            )
        if header.n_frames < 2:
            raise UnsupportedImageError(
                "a single image; expected a run of frames, some before contrast; "
                "nothing can be subtracted from it"
            )
        first, last = _checked(request.frames, "--frames", header.n_frames)
        probe = locate_valid_pixels(cine[(first + last) // 2], header.intensity, header.shutters)
        part = (cine[number] for number in range(first, last + 1))
        choice = choose_mask(part, header.intensity, probe)
        if isinstance(choice, NotFound):
            raise UnsupportedImageError(f"{choice.reason}; give more frames with --frames")
        choice = _moved(choice, first)
        frames, mask_from, start, notes = _mask_frames(cine, request, choice)
        valid = locate_valid_pixels(cine[frames[0]], header.intensity, header.shutters)
        if not valid.any():
            raise UnsupportedImageError("no pixel of the mask shows the patient; name another")
        taken = (measure_attenuation(cine[number], header.intensity) for number in frames)
        return cls(
            cine=cine,
            request=request,
            numbers=_distinct(cine, first, last),
            choice=choice,
            mask=average_frames(taken, valid),
            mask_frames=frames,
            mask_from=mask_from,
            start=start,
            valid=valid,
            warnings=notes,
        )

    def write(self, folder: Path, relative: str, on_frame: Callable[[int], None]) -> None:
        """Write everything; the record comes last, so that where it is, all is."""
        scale = min(1.0, MAPS_PX / max(self.valid.shape))
        times, unit = self._times()
        valid = resize_by(self.valid.astype(np.float32), scale) > 0.99
        before = sum(number < self.choice.quiet_until for number in self.numbers)
        seconds = times if unit == "s" else None
        maps = measure_maps(
            self._changes(scale, on_frame),
            times,
            np.asarray(valid, np.bool_),
            n_before=min(before, len(self.numbers) - 1),
            smoothed=frames_to_smooth(seconds),
        )
        full_scale = choose_full_scale(maps.peak[valid], float(np.median(np.array(self.noises))))
        stands = frame_hundredths(times, is_timed=unit == "s")
        self._write_frames(folder, full_scale, stands, on_frame)
        small_mask = resize_by(self.mask, scale)
        for name, (values, style) in _styled(maps, unit).items():
            lasts = maps.lasts if name == "persistence" else None
            _write(folder / f"{name}.png", render_map(values, lasts, small_mask, style))
        peak = grey_levels(maps.peak, full_scale)
        _write(folder / "peak.png", encode_png(peak))
        record = self._record(relative, maps, unit, full_scale)
        data = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
        write_atomically(folder / "subtraction.json", data)

    def _times(self) -> tuple[FloatArray, str]:
        """Return when each frame was taken and the unit: seconds, or frames where unknown."""
        timing = self.cine.header.timing
        if not isinstance(timing, NotFound):
            times: FloatArray = timing.times_s[self.numbers]
            if bool((np.diff(times) > 0).all()):
                return times, "s"
            self.warnings.append("two frames have one time: maps are in frames, not in seconds")
        else:
            self.warnings.append(f"maps are in frames, not in seconds: {timing.reason}")
        return np.array(self.numbers, np.float64), "frames"

    def _subtract(self, number: int, shift: tuple[float, float] | None) -> Subtraction:
        header = self.cine.header
        frame = self.cine[number]
        valid = self.valid & ~find_saturated(frame, header.intensity)
        attenuation = measure_attenuation(frame, header.intensity)
        return subtract(attenuation, self.mask, valid, shift=shift, start=self.start)

    def _changes(self, scale: float, on_frame: Callable[[int], None]) -> Iterator[Image]:
        for number in self.numbers:
            subtracted = self._subtract(number, self.request.shift)
            self.start = subtracted.shift
            self.shifts.append(subtracted.shift)
            self.noises.append(subtracted.noise)
            on_frame(len(self.shifts))
            yield resize_by(subtracted.at_mask(), scale)

    def _write_frames(
        self, folder: Path, full_scale: float, stands: list[int], on_frame: Callable[[int], None]
    ) -> None:
        gif = GifWriter()
        is_gif = self.request.pictures is Pictures.GIF
        done = len(self.shifts)
        for number, shift, hundredths in zip(self.numbers, self.shifts, stands, strict=True):
            grey = grey_levels(self._subtract(number, shift).change, full_scale)
            if is_gif:
                gif.add(grey, hundredths)
            else:
                _write(folder / "frames" / f"frame_{number:04d}.png", encode_png(grey))
            done += 1
            on_frame(done)
        if is_gif:
            _write(folder / "subtraction.gif", gif.finish())

    def _record(
        self, relative: str, maps: ContrastMaps, unit: str, full_scale: float
    ) -> dict[str, Any]:
        shown = {"file": "subtraction.gif"}
        if self.request.pictures is Pictures.PNG:
            shown = {"folder": "frames"}
        named = self.request.shift is not None
        return {
            "schema": SCHEMA,
            "guidance_version": __version__,
            "warnings": [*self.warnings, *self.choice.notes],
            "source": {
                "path": relative,
                "sop_instance_uid": self.cine.header.sop_instance_uid,
                "n_frames": self.cine.header.n_frames,
            },
            "mask": {
                "from": self.mask_from,
                "frames": list(self.mask_frames),
                "settled_frame": self.choice.settled_frame,
                "contrast_from_frame": self.choice.contrast_frame,
            },
            "shift_from": "named" if named else "estimated",
            "frames": [
                {"frame": number, "mask_shift_px": [round(value, 3) for value in shift]}
                for number, shift in zip(self.numbers, self.shifts, strict=True)
            ],
            "pictures": {**shown, "black_is_attenuation": round(full_scale, 4)},
            "maps": {
                name: _summary(f"{name}.png", values, maps, "share" if name == "wash_out" else unit)
                for name, (values, _) in _styled(maps, unit).items()
            },
        }


def _mask_frames(
    cine: Cine, request: SubtractRequest, choice: MaskChoice
) -> tuple[tuple[int, ...], str, tuple[float, float], list[str]]:
    """Return frames of the mask, where they come from, a shift to begin with, and what to say."""
    if request.mask is not None:
        first, last = _checked(request.mask, "--mask", cine.header.n_frames)
        if last - first >= MOST_NAMED_MASK_FRAMES:
            last = first + MOST_NAMED_MASK_FRAMES - 1
        return tuple(_distinct(cine, first, last)), "named", (0.0, 0.0), []
    notes = []
    for mask in cine.header.masks:
        if mask.operation is MaskOperation.AVERAGE:
            if len(cine.header.masks) > 1:
                notes.append("the header names several subtractions: the first average is used")
            if mask.frames_averaged > 1:
                notes.append("the header asks to average frames of contrast: each is shown alone")
            return mask.mask_frames, "header", mask.shift_px, notes
        notes.append(
            f"the header asks for differences over time ({mask.operation.value}), which show "
            "change from frame to frame, not contrast: a mask was chosen instead"
        )
    return choice.frames, "chosen", (0.0, 0.0), notes


def _checked(asked: tuple[int, int] | None, option: str, n_frames: int) -> tuple[int, int]:
    if asked is None:
        return 0, n_frames - 1
    if asked[1] >= n_frames:
        raise _WrongRangeError(
            f"{option} asks for frames {asked[0]} to {asked[1]}; expected 0 to {n_frames - 1}"
        )
    return asked


def _moved(choice: MaskChoice, first: int) -> MaskChoice:
    """Return a choice made among frames from `first` on, in numbers of the run."""
    contrast = choice.contrast_frame
    return MaskChoice(
        frames=tuple(number + first for number in choice.frames),
        settled_frame=choice.settled_frame + first,
        contrast_frame=None if contrast is None else contrast + first,
        quiet_until=choice.quiet_until + first,
        distinct_frames=choice.distinct_frames,
        notes=choice.notes,
    )


def _distinct(cine: Cine, first: int, last: int) -> list[int]:
    """Return the frames that do not merely repeat the one before."""
    numbers, previous = [first], cine[first]
    for number in range(first + 1, last + 1):
        frame = cine[number]
        if not np.array_equal(frame, previous):
            numbers.append(number)
        previous = frame
    return numbers


def _styled(maps: ContrastMaps, unit: str) -> dict[str, tuple[Image, MapStyle]]:
    return {
        "time_to_peak": (
            maps.time_to_peak,
            MapStyle(title="Time to peak", label=f"{unit} from the run's first frame"),
        ),
        "wash_out": (
            maps.wash_out,
            MapStyle(
                title="Wash-out", label="share of the peak that has left by the end", full=(0, 1)
            ),
        ),
        "persistence": (
            maps.persistence,
            MapStyle(
                title="Persistence; outlined: still there at the end",
                label=f"{unit} above half of the peak",
            ),
        ),
    }


def _summary(file: str, values: Image, maps: ContrastMaps, unit: str) -> dict[str, Any]:
    told = values[np.isfinite(values)]
    median = round(float(np.median(told)), 4) if told.size else None
    return {"file": file, "unit": unit, "told_px": int(told.size), "median": median}


def _clear(folder: Path) -> None:
    """Take away what an earlier call left, its record first: what is found belongs together."""
    stale = [folder / "subtraction.json", folder / "subtraction.gif"]
    with suppress(OSError):
        for path in [*stale, *sorted((folder / "frames").glob("frame_*.png"))]:
            path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """Write a picture, without waiting for the disk as the record does: there are hundreds."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"a picture cannot be written; {error.strerror}; free some space or choose another "
            "folder with --out"
        ) from error
