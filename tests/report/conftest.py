"""Runs that were never taken: frames from formulas, outlines and results that follow from them.

A disc of contrast grows about a needle tip from a known onset; in the intravascular run a vessel
fills from it as well. All figures of the `Analysis` are computed from the same formulas, so a test
can derive what a report must say.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from guidance.records import (
    Analysis,
    CArmPose,
    Cine,
    ContrastRecord,
    DetectionLimitRecord,
    FrameRecord,
    FrameTiming,
    InjectionRecord,
    IntensityScale,
    NotFound,
    PixelIntensityRelationship,
    PixelScale,
    PoseCandidate,
    PoseRecord,
    Remark,
    RunHeader,
    SourcePose,
    SourceRecord,
    SpacingAt,
    Verdict,
)

Polygons = list[NDArray[np.float64]]
BACKGROUND = 3000.0
NOISE = 25.0


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What to make: sizes in pixels, times in seconds, onset and flag as frame numbers."""

    n_frames: int = 40
    size: int = 128
    onset: int | None = 12
    flag: int | None = None
    verdict: str = Verdict.EXTRAVASCULAR
    frame_s: float | None = 0.133
    spacing_mm: float | None = 0.3
    probability: float | None = None
    sign: int = 1
    window: tuple[float, float] | None = None
    remarks: tuple[Remark, ...] = ()
    warnings: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    unjudged: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A run with its result, and a count of the frames read."""

    analysis: Analysis
    cine: Cine
    outlines: list[Polygons]
    reads: list[int] = field(default_factory=list)


class FormulaReader:
    """Makes each frame when it is asked for; nothing is kept."""

    def __init__(self, plan: RunPlan, outlines: list[Polygons], reads: list[int]) -> None:
        self.plan, self.outlines, self.reads = plan, outlines, reads
        self.anatomy = _anatomy(plan.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16)

    def read(self, index: int) -> NDArray[Any]:
        self.reads.append(index)
        noise = np.random.default_rng(index).normal(0, NOISE, self.anatomy.shape)
        fluence = self.anatomy.copy()
        for polygon in self.outlines[index]:
            fluence[_inside(polygon, fluence.shape)] *= 0.72
        values = np.clip(fluence + noise, 1, 4095)
        return np.rint(values if self.plan.sign > 0 else 4096 - values).astype(np.uint16)

    def close(self) -> None:
        pass


def _anatomy(size: int) -> NDArray[np.float64]:
    """Return the fluence behind something like a lumbar spine with a needle, (R, C)."""
    row, column = np.mgrid[0:size, 0:size] / size
    attenuation = 0.5 + 0.25 * row + 0.9 * (column - 0.5) ** 2

    def add(centre, half, power, mu):
        distance = np.abs((row - centre[0]) / half[0]) ** power
        distance += np.abs((column - centre[1]) / half[1]) ** power
        attenuation[...] += mu / (1 + np.exp(np.clip(14 * (distance - 1), -50, 50)))

    for level in (0.12, 0.46, 0.80):
        add((level, 0.42), (0.115, 0.17), 4, 0.42)
        for side in (0.30, 0.54):
            add((level - 0.03, side), (0.042, 0.034), 2, 0.22)
        add((level, 0.42), (0.012, 0.30), 2, 0.15)
        add((level + 0.06, 0.42), (0.06, 0.025), 2, 0.25)
    along = np.clip((column - 0.60) / 0.40, 0, 1)
    off = np.abs(row - (0.42 - 0.55 * along))
    attenuation += np.where((column > 0.60) & (off < 0.006), 1.1, 0.0)
    fluence = 4095 * np.exp(-attenuation)
    fluence[(row - 0.5) ** 2 + (column - 0.5) ** 2 > 0.27] = 15.0
    return fluence


def _inside(polygon: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixel centres lie in a closed polygon, by the crossing rule."""
    mask = np.zeros(shape, bool)
    low = np.maximum(np.floor(polygon.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(polygon.max(0)).astype(int) + 1, shape)
    row, column = np.mgrid[low[0] : high[0], low[1] : high[1]]
    inside = np.zeros(row.shape, bool)
    for (r0, c0), (r1, c1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if r0 != r1:
            edge = (c1 - c0) * (row - r0) / (r1 - r0) + c0
            inside ^= ((r0 > row) != (r1 > row)) & (column < edge)
    mask[low[0] : high[0], low[1] : high[1]] = inside
    return mask


def _outline(plan: RunPlan, frame: int) -> Polygons:
    if plan.onset is None or frame < plan.onset:
        return []
    growth = 1 - math.exp(-(frame - plan.onset + 1) / 9)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = plan.size * growth * (0.075 + 0.010 * np.sin(3 * angle) + 0.006 * np.sin(7 * angle))
    tip = (0.42 * plan.size, 0.60 * plan.size)
    polygons = [
        np.stack([tip[0] + 1.3 * radius * np.sin(angle), tip[1] + 0.8 * radius * np.cos(angle)], 1)
    ]
    if plan.flag is not None and frame >= plan.flag - 4:
        length = min(1.0, (frame - plan.flag + 5) / 14)
        s = np.linspace(0, length, 40)
        row = tip[0] - plan.size * 0.34 * s
        column = tip[1] + plan.size * (0.05 * np.sin(7 * s) + 0.10 * s)
        half = plan.size * 0.008
        left, right = np.stack([row, column - half], 1), np.stack([row, column + half], 1)
        polygons.append(np.concatenate([left, right[::-1]]))
    return polygons


def _area(polygons: Polygons) -> float:
    """Return the area within closed polygons by the shoelace formula, square pixels."""
    total = 0.0
    for polygon in polygons:
        row, column = polygon.T
        total += abs(float(np.dot(row, np.roll(column, -1)) - np.dot(column, np.roll(row, -1)))) / 2
    return total


def make_run(plan: RunPlan) -> Run:
    """Return the run that `plan` describes."""
    outlines = [_outline(plan, frame) for frame in range(plan.n_frames)]
    reads: list[int] = []
    reader = FormulaReader(plan, outlines, reads)
    cine = Cine(header=_header(plan), reader=reader)
    return Run(analysis=_analysis(plan, outlines), cine=cine, outlines=outlines, reads=reads)


def _times(plan: RunPlan) -> list[float] | None:
    if plan.frame_s is None:
        return None
    return [plan.frame_s * frame for frame in range(plan.n_frames)]


def _header(plan: RunPlan) -> RunHeader:
    times = _times(plan)
    timing = (
        NotFound("FrameTime (0018,1063) is missing")
        if times is None
        else FrameTiming(times_s=np.array(times), source="FrameTime")
    )
    scale = (
        NotFound("ImagerPixelSpacing (0018,1164) is missing")
        if plan.spacing_mm is None
        else PixelScale(
            row_mm=plan.spacing_mm,
            column_mm=plan.spacing_mm,
            at=SpacingAt.ISOCENTER,
            source="ImagerPixelSpacing, SID, SOD",
        )
    )
    poses = tuple(
        PoseCandidate(
            primary_angle_deg=angle, secondary_angle_deg=-10.0, patient=patient, mirrored=None
        )
        for angle, patient in ((-25.0, "supine"), (155.0, "prone"))
    )
    return RunHeader(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.12.1",
        sop_instance_uid="1.2.826.0.1.3680043.10.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="XA",
        n_frames=plan.n_frames,
        rows=plan.size,
        columns=plan.size,
        bits_stored=12,
        photometric_interpretation="MONOCHROME2",
        image_type=("ORIGINAL", "PRIMARY"),
        intensity=IntensityScale(
            relationship=PixelIntensityRelationship.LIN,
            sign=plan.sign,
            sign_source="PixelIntensityRelationshipSign",
            low=0,
            high=4095,
        ),
        timing=timing,
        scale=scale,
        pose=CArmPose(
            primary_angle_deg=-25.0,
            secondary_angle_deg=-10.0,
            patient_position="HFS",
            patient_orientation=None,
            distance_source_to_detector_mm=1100.0,
            distance_source_to_patient_mm=720.0,
            candidates=poses,
            resolved=NotFound("the image cannot choose between supine and prone"),
        ),
        window=plan.window,
        remarks=plan.remarks,
    )


def _frame_record(plan: RunPlan, frame: int, polygons: Polygons) -> FrameRecord:
    area, times, mm = _area(polygons), _times(plan), plan.spacing_mm
    growth = max((p.max(0)[0] - p.min(0)[0] for p in polygons), default=0.0)
    wash_out = 1 - 0.35 * frame / plan.n_frames
    signal = 0.33 * area * wash_out
    return FrameRecord(
        frame=frame,
        time_s=None if times is None else times[frame],
        area_px=area,
        area_mm2=None if mm is None else area * mm**2,
        iodine_signal_px=signal,
        iodine_signal_mm2=None if mm is None else signal * mm**2,
        relative_signal_px=signal,
        reach_px=float(growth),
        thin_length_px=0.0,
        run_off=None if not polygons else 1 - wash_out,
        intravascular_probability=_probability(plan, frame),
        flagged=plan.flag is not None and frame >= plan.flag,
        tip_px=None,
        remark="the table moved" if frame in plan.unjudged else "",
    )


def _probability(plan: RunPlan, frame: int) -> float | None:
    if plan.probability is None or plan.onset is None:
        return plan.probability
    return plan.probability / (1 + math.exp(-(frame - plan.onset - 6) / 2))


def _analysis(plan: RunPlan, outlines: list[Polygons]) -> Analysis:
    injections = []
    if plan.onset is not None:
        injections.append(
            InjectionRecord(
                onset_frame=plan.onset,
                end_frame=plan.n_frames - 1,
                flag_frame=plan.flag,
                verdict=plan.verdict,
                pattern="mixed" if plan.flag is not None else "perineural",
                intravascular_probability=plan.probability,
                vessel=None,
                tip_px=None,
                target=None,
                tip_to_target_mm=None,
                reached_target=None,
                origin_px=(0.42 * plan.size, 0.60 * plan.size),
            )
        )
    return Analysis(
        schema="guidance.analysis/1",
        guidance_version="0.1.0",
        settings={"spread": {"noise_sigmas": 4.0, "smallest_area_px": 24}, "prior": 0.1},
        warnings=list(plan.warnings),
        source=_source(plan),
        contrast=ContrastRecord(
            onset_frame=plan.onset,
            verdict=plan.verdict,
            intravascular_probability=plan.probability,
            flag_frame=plan.flag,
            pattern=injections[0].pattern if injections else "none",
            detection_limit=DetectionLimitRecord(
                vessel_diameter_mm=1.0, dose_fraction=0.15, power=0.9
            )
            if plan.verdict == Verdict.EXTRAVASCULAR
            else None,
            grounds=list(plan.grounds),
            injections=injections,
            frames=[_frame_record(plan, frame, p) for frame, p in enumerate(outlines)],
        ),
    )


def _source(plan: RunPlan) -> SourceRecord:
    return SourceRecord(
        path="DOE^JANE/run.dcm",
        sha256="3f" * 32,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.12.1",
        sop_instance_uid="1.2.826.0.1.3680043.10.1",
        modality="XA",
        n_frames=plan.n_frames,
        rows=plan.size,
        columns=plan.size,
        frame_times_s=_times(plan),
        frame_times_from=None if plan.frame_s is None else "FrameTime (0018,1063)",
        spacing_mm=None if plan.spacing_mm is None else (plan.spacing_mm, plan.spacing_mm),
        spacing_at=None if plan.spacing_mm is None else "isocenter",
        pixel_intensity_relationship="LIN",
        pose=SourcePose(
            primary_angle_deg=-25.0,
            secondary_angle_deg=-10.0,
            patient_position="HFS",
            patient_orientation=None,
            distance_source_to_detector_mm=1100.0,
            distance_source_to_patient_mm=720.0,
            candidates=[
                PoseRecord(
                    primary_angle_deg=angle, secondary_angle_deg=-10.0, patient=who, mirrored=None
                )
                for angle, who in ((-25.0, "supine"), (155.0, "prone"))
            ],
            resolved=None,
        ),
    )


@pytest.fixture
def make() -> Callable[..., Run]:
    """Return a function that makes a run from the fields of `RunPlan`."""

    def build(**fields: Any) -> Run:
        return make_run(replace(RunPlan(), **fields))

    return build


@pytest.fixture(scope="session")
def frozen_make() -> Callable[..., Analysis]:
    """Return a function that makes a result alone, for tests that draw many examples."""

    def build(**fields: Any) -> Analysis:
        return make_run(replace(RunPlan(), **fields)).analysis

    return build


VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """A page taken apart; asserts that its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def attributes(self, *names: str) -> list[str]:
        """Return the values of these attributes, of all elements."""
        return [attrs[name] or "" for _, attrs in self.elements for name in names if name in attrs]


@pytest.fixture
def parse() -> type[Page]:
    """Return the class that takes a page apart."""
    return Page
