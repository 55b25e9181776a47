"""Suites: lists of runs by their settings, drawn once and then frozen.

`train`, `validation` and `evaluation` differ in seeds, patients and ranges. A suite that judges is
kept in the package as it was drawn: a later change of what is drawn, or of how, does not change it.
A later change of what is made of the same settings makes a new version of the suite.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

import msgspec
import numpy as np

from guidance.errors import InputError
from guidance.records import SpreadPattern
from guidance.simulation._contrast_settings import ContrastRanges
from guidance.simulation._detector import DetectorRanges
from guidance.simulation._display import DisplayRanges
from guidance.simulation._exposure import XRayRanges
from guidance.simulation._injection import InjectionRanges
from guidance.simulation._motion import MotionRanges
from guidance.simulation._run_settings import RunRanges, RunSettings, draw_run
from guidance.simulation._vessel_settings import VesselRanges
from guidance.simulation._view_settings import ViewRanges
from guidance.spine import (
    AnatomyRanges,
    AnatomySettings,
    BodyRanges,
    SpineRanges,
    draw_anatomy,
)

SCHEMA = "guidance.suite/1"
# Share of the dose in the vessel that counts as small: the strata of the issue.
SMALL_DOSE = (0.02, 0.2)
LARGE_DOSE = (0.2, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Runs of one pattern in a suite.

    Attributes
    ----------
    pattern : SpreadPattern
        What they show.
    runs : int
        How many.
    vessel_dose : (low, high) or None
        Share of the dose in the vessel, for mixed patterns; None takes the ranges' own.
    """

    pattern: SpreadPattern
    runs: int
    vessel_dose: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePlan:
    """How a suite is drawn.

    Attributes
    ----------
    name : str
        Of the suite.
    seed : int
        Of everything in it.
    patients : int
        How many anatomies its runs share.
    parts : tuple of Part
        What it is made of.
    anatomy : AnatomyRanges
        What patients are drawn from.
    ranges : RunRanges
        What runs are drawn from.
    """

    name: str
    seed: int
    patients: int
    parts: tuple[Part, ...]
    anatomy: AnatomyRanges
    ranges: RunRanges


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite, resolved.

    Attributes
    ----------
    schema : str
        ``"guidance.suite/1"``.
    name : str
        Of the suite.
    seed : int
        That it was drawn from.
    patients : dict of AnatomySettings
        By name; runs share them.
    runs : tuple of RunSettings
        In the order of their indices.
    """

    schema: str
    name: str
    seed: int
    patients: dict[str, AnatomySettings]
    runs: tuple[RunSettings, ...]

    def __post_init__(self) -> None:
        """Refuse runs of patients that are not there, and indices out of order."""
        if self.schema != SCHEMA:
            raise InputError(f"schema is {self.schema[:40]!r}, expected {SCHEMA!r}")
        for index, run in enumerate(self.runs):
            if run.index != index or run.anatomy not in self.patients:
                raise InputError(
                    f"run {index} of suite {self.name} says index {run.index}, patient "
                    f"{run.anatomy!r}; the list is damaged, take it anew from the repository"
                )


# What a judge sees is harder in places than what is trained on: other patients, and ranges that
# reach further out on the side that real archives do. All of it guesses, as the ranges are.
_TRAIN = RunRanges()
_EVALUATION = RunRanges(
    view=ViewRanges(
        oblique_deg=(10.0, 40.0), tilt_deg=(-15.0, 15.0), off_deg=8.0, matrices=(384, 512)
    ),
    motion=MotionRanges(breath_bone_mm=(0.05, 1.6), jerk_mm=(0.2, 2.6), cough_share=0.07),
    xray=XRayRanges(dose_ngy=(6.0, 100.0), scatter_to_primary=(0.3, 1.9)),
    detector=DetectorRanges(
        panel_share=0.5,
        mtf50_per_mm=((0.6, 1.3), (0.9, 1.6)),
        pincushion=(0.0, 0.0),
        s_distortion=(0.0, 0.0),
    ),
    display=DisplayRanges(recursive_weight=(0.0, 0.85), edge_amount=(0.0, 1.8)),
    contrast=ContrastRanges(
        injection=InjectionRanges(dilute_share=0.2, dilution=(0.3, 0.75)),
        vessel=VesselRanges(arterial_share=0.15, diameter_mm=(0.45, 2.8)),
        residue_share=0.3,
    ),
)
# All lie prone: the block is done so.
_USUAL = AnatomyRanges(body=BodyRanges(prone_share=1.0))
_OLDER = AnatomyRanges(
    spine=SpineRanges(
        lordosis_deg=(24.0, 64.0), scoliosis_deg=(0.0, 18.0), bone_density=(0.5, 1.15)
    ),
    body=BodyRanges(gas_amount=(0.2, 2.4), prone_share=1.0),
)


def _parts(
    none: int,
    perineural: int,
    epidural: int,
    intramuscular: int,
    intra_articular: int,
    vascular: int,
    mixed_small: int,
    mixed_large: int,
) -> tuple[Part, ...]:
    return (
        Part(pattern=SpreadPattern.NONE, runs=none),
        Part(pattern=SpreadPattern.PERINEURAL, runs=perineural),
        Part(pattern=SpreadPattern.EPIDURAL, runs=epidural),
        Part(pattern=SpreadPattern.INTRAMUSCULAR, runs=intramuscular),
        Part(pattern=SpreadPattern.INTRA_ARTICULAR, runs=intra_articular),
        Part(pattern=SpreadPattern.VASCULAR, runs=vascular),
        Part(pattern=SpreadPattern.MIXED, runs=mixed_small, vessel_dose=SMALL_DOSE),
        Part(pattern=SpreadPattern.MIXED, runs=mixed_large, vessel_dose=LARGE_DOSE),
    )


PLANS = {
    plan.name: plan
    for plan in (
        SuitePlan(
            name="train",
            seed=20261101,
            patients=160,
            parts=_parts(200, 270, 220, 190, 120, 220, 280, 200),
            anatomy=_USUAL,
            ranges=_TRAIN,
        ),
        SuitePlan(
            name="validation",
            seed=20261102,
            patients=24,
            parts=_parts(24, 34, 28, 24, 14, 24, 32, 20),
            anatomy=_USUAL,
            ranges=_TRAIN,
        ),
        SuitePlan(
            name="evaluation",
            seed=20261103,
            patients=60,
            parts=_parts(80, 110, 90, 75, 45, 72, 110, 58),
            anatomy=_OLDER,
            ranges=_EVALUATION,
        ),
    )
}


def draw_suite(plan: SuitePlan) -> Suite:
    """Return the suite of a plan; the same plan and versions give the same suite."""
    order_rng = np.random.default_rng([plan.seed, 0])
    parts = [part for part in plan.parts for _ in range(part.runs)]
    parts = [parts[i] for i in order_rng.permutation(len(parts))]
    names = [f"{plan.name[:2]}{number:03d}" for number in range(plan.patients)]
    patients = {
        name: draw_anatomy(np.random.default_rng([plan.seed, 1, number]), plan.anatomy)
        for number, name in enumerate(names)
    }
    runs = tuple(
        draw_run(
            np.random.default_rng([plan.seed, 2, index]),
            with_dose(plan.ranges, part),
            part.pattern,
            anatomy=names[index % len(names)],
            body=patients[names[index % len(names)]].body,
            suite=plan.name,
            index=index,
        )
        for index, part in enumerate(parts)
    )
    return Suite(schema=SCHEMA, name=plan.name, seed=plan.seed, patients=patients, runs=runs)


def with_dose(ranges: RunRanges, part: Part) -> RunRanges:
    """Return the ranges of a plan, narrowed to a part's share of the dose in a vessel."""
    if part.vessel_dose is None:
        return ranges
    vessel = replace(ranges.contrast.vessel, mixed_fraction=part.vessel_dose)
    return replace(ranges, contrast=replace(ranges.contrast, vessel=vessel))


def encode_suite(suite: Suite) -> bytes:
    """Return the suite as JSON, one run a line; the same bytes for the same suite."""
    fields = msgspec.to_builtins(suite)
    runs = [msgspec.json.encode(run) for run in fields.pop("runs")]
    head = msgspec.json.encode(fields)
    return head[:-1] + b',"runs":[\n' + b",\n".join(runs) + b"\n]}\n"


def decode_suite(data: bytes) -> Suite:
    """Return the suite that JSON holds.

    Raises
    ------
    InputError
        It is no suite.
    """
    try:
        return msgspec.json.decode(data, type=Suite)
    except msgspec.MsgspecError as error:
        raise InputError(
            f"the list of runs is damaged: {error}; take it anew from the repository"
        ) from error


def pack_suite(suite: Suite) -> bytes:
    """Return the suite compressed; the same bytes for the same suite."""
    return gzip.compress(encode_suite(suite), compresslevel=9, mtime=0)


def frozen_suites() -> list[str]:
    """Return the names of the suites that the package holds as they were drawn."""
    folder = files("guidance.simulation") / "suites"
    ending = ".json.gz"
    return sorted(
        entry.name.removesuffix(ending) for entry in folder.iterdir() if entry.name.endswith(ending)
    )


def read_suite(name: str) -> Suite:
    """Return a suite: as frozen where it is, else drawn from its plan.

    Raises
    ------
    InputError
        There is no such suite; the message lists those that are. Or the frozen list is not the one
        whose hash was recorded.
    """
    if name in frozen_suites():
        return decode_suite(_read_frozen(name))
    if name in PLANS:
        return draw_suite(PLANS[name])
    known = ", ".join(sorted({*PLANS, *frozen_suites()}))
    raise InputError(f"{name[:60]!r} is no suite; known suites: {known}")


def _read_frozen(name: str) -> bytes:
    """Return a frozen list, if it is the one whose hash was recorded under its name."""
    folder = files("guidance.simulation") / "suites"
    remedy = f"take {name}.json.gz and SHA256SUMS anew from the repository"
    try:
        data = gzip.decompress((folder / f"{name}.json.gz").read_bytes())
        recorded = (folder / "SHA256SUMS").read_text().splitlines()
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"the list of suite {name} cannot be read: {reason}; {remedy}") from error
    if f"{hashlib.sha256(data).hexdigest()}  {name}.json" not in recorded:
        raise InputError(f"the list of suite {name} is not the one that was frozen; {remedy}")
    return data


def by_patient(suite: Suite, indices: range | list[int]) -> Iterator[tuple[str, list[int]]]:
    """Yield each patient with the indices of his runs among those asked for."""
    groups: dict[str, list[int]] = {}
    for index in indices:
        groups.setdefault(suite.runs[index].anatomy, []).append(index)
    yield from groups.items()
