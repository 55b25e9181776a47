"""What is true of simulated runs: the records that `truth.json` holds.

Conventions are those of the result contract: frames count from 0, times are seconds from the first
frame, `*_px` is [row, column] of the stored frame with [0, 0] at the first pixel's centre,
`*_lps_mm` is [x, y, z] in the DICOM patient system, sides are the patient's. A value that does not
exist is null. The same names stand in the file, and its JSON Schema is generated from here.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.io import run_name
from guidance.records import SpreadPattern, Verdict
from guidance.simulation._truth_parts import (
    InjectionTruth,
    LandmarkTruth,
    MotionTruth,
    NeedleTruth,
    Pixel,
    PoseTruth,
    TargetTruth,
    check_share,
    check_word,
)
from guidance.simulation._visibility import RULE as DETECTABILITY_RULE

__all__ = [
    "DETECTABILITY_RULE",
    "SCHEMA",
    "InjectionTruth",
    "LandmarkTruth",
    "MotionTruth",
    "NeedleTruth",
    "PoseTruth",
    "RunTruth",
    "StudyTruth",
    "TargetTruth",
]

SCHEMA = "guidance.truth/2"
VESSELS = ("venous", "arterial")
VASCULAR_PATTERNS = (SpreadPattern.VASCULAR, SpreadPattern.MIXED)
# What a perfect observer says of each pattern.
VERDICTS = {
    pattern: Verdict.INTRAVASCULAR
    if pattern in VASCULAR_PATTERNS
    else Verdict.NONE
    if pattern is SpreadPattern.NONE
    else Verdict.EXTRAVASCULAR
    for pattern in SpreadPattern
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTruth:
    """What is true of one simulated run.

    Attributes
    ----------
    name : str
        The contract's name: 12 hexadecimal digits from the SOP Instance UID.
    sop_instance_uid : str
        Of the file.
    file : str
        Its path below the folder of `truth.json`; empty for a streamed run that was not kept.
    suite : str
        The suite it belongs to; empty for a run made by itself.
    index : int
        Its number in the suite, from 0.
    seed : int
        That it was made from.
    simulator_version : str
        Of this library.
    patient : str
        Whose anatomy it shows: runs of one patient belong together in statistics.
    pattern : SpreadPattern
        Where the contrast went; of several injections, the worst.
    verdict : Verdict
        What a perfect observer says.
    is_vascular : bool
        Part of the injectate entered a vessel.
    vessel : str or null
        ``"venous"`` or ``"arterial"``: what it entered.
    vessel_diameter_mm : float or null
        Where it entered. Millimetres.
    vessel_dose_fraction : float
        Share of all injected iodine that entered a vessel within the run, as delivered; 0 in a
        negative.
    uptake_s : float or null
        When iodine first enters a vessel, to be seen or not. Seconds.
    washout_s : float or null
        From the pulse with the most iodine in vessels until 1/e of it is left there. Seconds; null
        where that is after the run's end, or never.
    variants : list of str
        What is special: ``remote``, ``end_on``, ``late``, ``two_injections``, ``repositioned``,
        ``residue``, ``dilute``, ...
    level : Vertebra
        The vertebra the needle is at.
    side : Side
        The patient's side of the needle.
    target_nerve : str
        The nerve aimed at, as in the contract.
    view : str
        ``"anteroposterior"``, ``"oblique"`` or ``"lateral"``.
    header : str
        What the header is worth, ``"complete"``, ``"sparse"``, ...: see `HeaderKind`.
    n_frames : int
        Frames in the file.
    duration_s : float
        Time of the last frame. Seconds from the first.
    times_s : list of float
        True time of each stored frame, whatever the header says. Seconds from the first.
    first_iodine_frame : int or null
        First frame with newly injected iodine.
    onset_frame : int or null
        First frame in which it can be seen, by the rule of the study.
    onset_s : float or null
        Its time.
    first_visible_vessel_frame : int or null
        The first frame in which iodine in a vessel can be seen, by the same rule.
    first_visible_vessel_s : float or null
        Its time.
    last_visible_vessel_frame : int or null
        The last frame of which it is true.
    vessel_visible_in_last_frame : bool
        It is true of the run's last frame.
    injections : list of InjectionTruth
        Those that begin within the run, in their order; none in a run of pattern ``none``.
    residue_iodine_mg : float
        Iodine of an earlier injection that is there in the first frame. Milligrams.
    tip_px : list of [row, column] or null
        Tip of the injecting needle in each frame; null where it is outside the image.
    needle : NeedleTruth
        The injecting needle.
    other_needles : list of NeedleTruth
        The others.
    landmarks : object
        By the contract's name, as ``"L4.left.groove_superior"``.
    targets : list of TargetTruth
        Those that the first frame shows.
    tip_to_target_mm, tip_to_target_in_plane_mm : float or null
        From the tip in the first frame to the segment of the target aimed at, in space and in the
        image plane at the isocentre. Millimetres.
    pose : PoseTruth
        Where the C-arm stood.
    spacing_iso_mm : float
        Size of a pixel at the isocentre, the mean of both directions. Millimetres.
    motion : MotionTruth
        How the bone moved in the image.
    motion_mm : float
        Greatest displacement of the bone at the patient, whatever moved. Millimetres.
    frame_dose_ngy : float
        Air kerma at the detector for each pulse, the run's mean. Nanogray.
    kvp : float
        Peak voltage, the run's mean. Kilovolts.
    iodine_in_image_mg, iodine_in_vessel_mg : list of float
        Iodine within the image in each frame, residue included, and the part of it that is in a
        vessel. Milligrams.
    warnings : list of str
        What the simulator could not do as it was asked.
    """

    name: str
    sop_instance_uid: str
    file: str
    suite: str
    index: int
    seed: int
    simulator_version: str
    patient: str
    pattern: SpreadPattern
    verdict: Verdict
    is_vascular: bool
    vessel: str | None
    vessel_diameter_mm: float | None
    vessel_dose_fraction: float
    uptake_s: float | None
    washout_s: float | None
    variants: tuple[str, ...]
    level: Vertebra
    side: Side
    target_nerve: str
    view: str
    header: str
    n_frames: int
    duration_s: float
    times_s: tuple[float, ...]
    first_iodine_frame: int | None
    onset_frame: int | None
    onset_s: float | None
    first_visible_vessel_frame: int | None
    first_visible_vessel_s: float | None
    last_visible_vessel_frame: int | None
    vessel_visible_in_last_frame: bool
    injections: tuple[InjectionTruth, ...]
    residue_iodine_mg: float
    tip_px: tuple[Pixel | None, ...]
    needle: NeedleTruth
    other_needles: tuple[NeedleTruth, ...]
    landmarks: dict[str, LandmarkTruth]
    targets: tuple[TargetTruth, ...]
    tip_to_target_mm: float | None
    tip_to_target_in_plane_mm: float | None
    pose: PoseTruth
    spacing_iso_mm: float
    motion: MotionTruth
    motion_mm: float
    frame_dose_ngy: float
    kvp: float
    iodine_in_image_mg: tuple[float, ...]
    iodine_in_vessel_mg: tuple[float, ...]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a truth that contradicts itself: it would judge observers wrongly."""
        expected = run_name(self.sop_instance_uid)
        if self.name != expected:
            raise InputError(
                f"name is {self.name[:40]!r}, expected {expected!r}; take guidance.io.run_name of "
                "the SOP Instance UID"
            )
        _check_times(self)
        _check_contrast(self)
        _check_vessel(self)
        _check_frames(self)
        _check_times_of_frames(self)
        if not math.isclose(self.spacing_iso_mm, sum(self.pose.spacing_iso_mm) / 2, rel_tol=1e-6):
            raise InputError(
                f"spacing_iso_mm of run {self.name} is {self.spacing_iso_mm}, but its pose gives "
                f"{self.pose.spacing_iso_mm}; correct one of them"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTruth:
    """The whole of `truth.json`: one study, or a suite.

    Attributes
    ----------
    schema : str
        ``"guidance.truth/2"``.
    about : str
        What the runs are, in words.
    detectability_rule : str
        What "can be seen" means in the runs' frames.
    seed : int
        That everything was made from.
    made_with : object
        Versions of the libraries that pixels depend on, by name.
    study_instance_uid, frame_of_reference_uid : str or null
        Shared by runs and CT; null for a suite of many studies.
    ct : str or null
        Folder of the CT series below that of `truth.json`; null without one.
    runs : object
        By name, in the order of their indices.
    """

    schema: str
    about: str
    detectability_rule: str
    seed: int
    made_with: dict[str, str]
    study_instance_uid: str | None
    frame_of_reference_uid: str | None
    ct: str | None
    runs: dict[str, RunTruth]

    def __post_init__(self) -> None:
        """Refuse another schema, and runs under a name that is not theirs."""
        if self.schema != SCHEMA:
            raise InputError(
                f"schema is {self.schema[:40]!r}, expected {SCHEMA!r}; make the truth again with "
                "this version"
            )
        for name, run in self.runs.items():
            if name != run.name:
                raise InputError(f"run {run.name} stands under {name[:40]!r}; use its own name")


def _check_times(run: RunTruth) -> None:
    """Refuse times that run back, and lists of another length than theirs."""
    times = run.times_s
    if not times or times[0] != 0 or any(b <= a for a, b in pairwise(times)):
        raise InputError(f"times_s of run {run.name} must start at 0 and rise; correct them")
    if run.n_frames != len(times) or run.duration_s != times[-1]:
        raise InputError(
            f"run {run.name} is said to have {run.n_frames} frames in {run.duration_s} s, but "
            f"times_s has {len(times)} up to {times[-1]}; correct one of them"
        )
    lengths = {
        "tip_px": len(run.tip_px),
        "motion.bone_shift_px": len(run.motion.bone_shift_px),
        "motion.scale": len(run.motion.scale),
        "iodine_in_image_mg": len(run.iodine_in_image_mg),
        "iodine_in_vessel_mg": len(run.iodine_in_vessel_mg),
    }
    for name, length in lengths.items():
        if length != len(times):
            raise InputError(
                f"{name} of run {run.name} has {length} entries for {len(times)} frames; "
                "give one for each"
            )


def _check_contrast(run: RunTruth) -> None:
    """Refuse contrast in a run without, and a run with contrast that shows none."""
    has_contrast = run.pattern is not SpreadPattern.NONE
    told = (bool(run.injections), run.first_iodine_frame is not None)
    if told != (has_contrast, has_contrast):
        raise InputError(
            f"run {run.name} is {run.pattern} with {len(run.injections)} injections and "
            f"first_iodine_frame {run.first_iodine_frame}; "
            f"expected {'both' if has_contrast else 'neither'}"
        )


def _check_vessel(run: RunTruth) -> None:
    """Refuse a pattern that its verdict, or what is said of the vessel, contradicts."""
    in_vessel = run.pattern in VASCULAR_PATTERNS
    if run.verdict is not VERDICTS[run.pattern] or run.is_vascular != in_vessel:
        raise InputError(
            f"run {run.name} is {run.pattern} with verdict {run.verdict} and is_vascular "
            f"{run.is_vascular}; expected {VERDICTS[run.pattern]} and {in_vessel}"
        )
    check_share("vessel_dose_fraction", run.vessel_dose_fraction)
    told = (run.vessel, run.vessel_diameter_mm, run.uptake_s)
    if in_vessel and (None in told or run.vessel_dose_fraction == 0):
        raise InputError(
            f"run {run.name} is {run.pattern}, but its vessel is not told; give vessel, "
            "vessel_diameter_mm, vessel_dose_fraction and uptake_s"
        )
    others = (run.first_visible_vessel_frame, run.washout_s)
    if not in_vessel and (run.vessel_dose_fraction or {*told, *others} != {None}):
        raise InputError(
            f"run {run.name} is {run.pattern}, yet a vessel is told of; call it vascular or mixed"
        )
    if run.vessel is not None:
        check_word("vessel", run.vessel, VESSELS)


def _check_frames(run: RunTruth) -> None:
    """Refuse frames that the run does not have, or in an order that cannot be."""
    last = len(run.times_s) - 1
    first_vessel, last_vessel = run.first_visible_vessel_frame, run.last_visible_vessel_frame
    frames = (run.first_iodine_frame, run.onset_frame, first_vessel, last_vessel)
    named = [frame for frame in frames if frame is not None]
    if any(not 0 <= frame <= last for frame in named) or named != sorted(named):
        raise InputError(
            f"run {run.name}: first_iodine_frame, onset_frame, first_visible_vessel_frame and "
            f"last_visible_vessel_frame are {frames}; expected them in order, 0 to {last}"
        )
    is_last = last_vessel == last
    if (first_vessel is None) != (
        last_vessel is None
    ) or is_last != run.vessel_visible_in_last_frame:
        raise InputError(
            f"run {run.name}: the vessel is visible from {first_vessel} to {last_vessel}, the last "
            f"frame is {last}, vessel_visible_in_last_frame is {run.vessel_visible_in_last_frame}; "
            "correct one of them"
        )


def _check_times_of_frames(run: RunTruth) -> None:
    """Refuse times that are not those of their frames."""
    pairs = {
        "onset": (run.onset_frame, run.onset_s),
        "first_visible_vessel": (run.first_visible_vessel_frame, run.first_visible_vessel_s),
    }
    for name, (frame, time_s) in pairs.items():
        expected = None if frame is None else run.times_s[frame]
        if time_s != expected:
            raise InputError(
                f"{name}_s of run {run.name} is {time_s}, but {name}_frame is {frame} at "
                f"{expected}; correct one of them"
            )
