"""Repeated CT at one table position, as a run: contrast in three dimensions, repeat by repeat.

Causal, as the monitor of fluoroscopy is: what is said of a repeat rests on it and those before. The
first volume is the reference, from before the injection. Each later one is laid on it, and what it
holds more is measured: volume, extent, the longest thin round branch, whether it begins at the
needle's tip. Contrast in tissue stays for minutes; where iodine leaves between repeats although
none was taken away, blood carried it off.
"""

from dataclasses import dataclass

import numpy as np

from guidance.errors import InputError
from guidance.records import MaskArray, NotFound, Verdict, Volume
from guidance.spread._ct_needle import CtNeedle, find_ct_needles
from guidance.spread._volume_branches import Branch, find_longest_branch
from guidance.spread._volume_change import AddedContrast, find_added
from guidance.spread._volume_measures import mark_shafts, measure_extent, same_needles
from guidance.spread._volume_motion import (
    VolumeMotion,
    estimate_motion,
    move_back,
)

_TABLE_MM = 1.0
"""Positions that differ by less are one table position: headers round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSettings:
    """The rule that flags, and what it takes not to.

    Attributes
    ----------
    branch_length_mm, branch_width_mm : float
        A round branch longer and thinner, on a pool or at the tip, is vessel-like: segmental veins
        and the ascending lumbar vein are 1 to 4 mm wide and run for centimetres, tracks along a
        needle or a nerve root are shorter.
    washed_out : float
        Share of the most iodine seen that must be gone.
    stays : float
        Share that must still be there for contrast to be called extravascular.
    at_tip_mm : float
        Contrast that begins this close to the tip came from it: streaks hide the first millimetres.
    reflux_mm : float
        So close to a shaft no branch is looked for: contrast flows back along it.
    least_iodine_hu_ml : float
        Less is neither judged for wash-out nor called extravascular: a hundredth of a block of
        0.6 ml at 300 mg/ml, which has some 4500 HU ml (25 HU for each mg/ml at 120 kV).
    least_repeats : int
        Repeats with contrast, before anything but `indeterminate` or `intravascular` is said.
    """

    branch_length_mm: float = 15.0
    branch_width_mm: float = 4.5
    washed_out: float = 0.35
    stays: float = 0.85
    at_tip_mm: float = 5.0
    reflux_mm: float = 3.5
    least_iodine_hu_ml: float = 45.0
    least_repeats: int = 2

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if not 0 < self.washed_out < 1 or not 1 - self.washed_out < self.stays <= 1:
            raise InputError("expected 0 < washed_out < 1 and 1 - washed_out < stays <= 1")
        if min(self.branch_length_mm, self.branch_width_mm, self.at_tip_mm) <= 0:
            raise InputError("lengths must be positive; give millimetres")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolumeAssessment:
    """What was known when one repeat had come in, and nothing later.

    Attributes
    ----------
    repeat : int
        From 0, the reference.
    time_s : float
        As given.
    contrast : (S, R, C) bool array
        Added since the reference, where the patient lay then.
    motion : VolumeMotion or None
        How far the patient had moved; None for the reference, and where that cannot be told.
    volume_ml, growth_ml : float or None
        Of the contrast, and how much more than in the repeat before. None where not judged, as all
        that follows.
    iodine_hu_ml : float or None
        Sum of the rise times the volume of a voxel: in proportion to the mass of iodine.
    extent_mm : float or None
        Greatest distance of two places of the contrast; in the plane for a single slice.
    branch_length_mm, branch_width_mm : float or None
        Of the longest thin round branch; 0 and None where there is none.
    is_at_tip : bool or None
        Whether the contrast begins at the needle's tip; None where no needle is seen.
    wash_out : float or None
        Share of the most iodine seen so far that has left; None before contrast.
    noise_hu, threshold_hu : float or None
        Standard deviation of what did not change, and the least rise that counts.
    needle : CtNeedle or NotFound
        The one nearest to the contrast, or the longest; that of the reference, where contrast runs
        into it and it is not made out.
    verdict : Verdict
        Of all repeats so far.
    flagged : bool
        The flag stands; once raised, it stays.
    remarks : tuple of str
        What it rests on, and what could not be told.
    """

    repeat: int
    time_s: float
    contrast: MaskArray
    motion: VolumeMotion | None
    volume_ml: float | None
    growth_ml: float | None
    iodine_hu_ml: float | None
    extent_mm: float | None
    branch_length_mm: float | None
    branch_width_mm: float | None
    is_at_tip: bool | None
    wash_out: float | None
    noise_hu: float | None
    threshold_hu: float | None
    needle: CtNeedle | NotFound
    verdict: Verdict
    flagged: bool
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Own the mask."""
        owned = self.contrast.copy()
        owned.setflags(write=False)
        object.__setattr__(self, "contrast", owned)


@dataclass(slots=True)
class _Past:
    """What is kept of the repeats so far: figures, no volumes but the reference."""

    repeats: int = 0
    has_seen: bool = False
    with_contrast: int = 0
    most_iodine: float = 0.0
    last_volume_ml: float = 0.0
    longest_branch_mm: float = 0.0
    least_kept: float = 1.0
    flagged: bool = False


class VolumeMonitor:
    """Follows contrast through repeated CT volumes of one table position.

    Parameters
    ----------
    settings : VolumeSettings, optional
    """

    def __init__(self, settings: VolumeSettings | None = None) -> None:
        self._settings = settings or VolumeSettings()
        self._reference: Volume | None = None
        self._needles: tuple[CtNeedle, ...] | NotFound = NotFound("there is no reference yet")
        self._past = _Past()
        self._latest_s = -np.inf

    def push(self, volume: Volume, time_s: float) -> VolumeAssessment:
        """Take the next repeat.

        Parameters
        ----------
        volume : Volume
            Hounsfield units. One slice will do, and is answered in its plane only.
        time_s : float
            When it was taken, from any start; rises.

        Returns
        -------
        VolumeAssessment

        Raises
        ------
        InputError
            The time does not rise.
        """
        if not time_s > self._latest_s:
            raise InputError(f"time is {time_s} s after {self._latest_s} s; push repeats in order")
        self._latest_s = time_s
        needles = find_ct_needles(volume)
        repeat = self._past.repeats
        self._past.repeats += 1
        if self._reference is None:
            self._reference, self._needles = volume, needles
            return self._unjudged(repeat, time_s, volume, needles, "the reference, before contrast")
        reference = self._reference
        needles = same_needles(self._needles, needles)
        if not _is_same_place(reference, volume):
            return self._unjudged(
                repeat, time_s, volume, needles, "another table position or grid: not compared"
            )
        before, after = (np.asarray(v.values, np.float32) for v in (reference, volume))
        motion = estimate_motion(before, after, volume.spacing_mm)
        if motion is None:
            return self._unjudged(
                repeat, time_s, volume, needles, "it cannot be laid on the reference: not compared"
            )
        # Where a needle was is as unsure as where it is.
        shafts = mark_shafts(needles, reference, motion)
        shafts |= mark_shafts(self._needles, reference, VolumeMotion())
        added = find_added(before, move_back(after, motion), volume.spacing_mm, shafts, motion)
        along = mark_shafts(needles, reference, motion, self._settings.reflux_mm)
        along |= mark_shafts(self._needles, reference, VolumeMotion(), self._settings.reflux_mm)
        return self._assess(repeat, time_s, motion, added, needles, along)

    def _assess(
        self,
        repeat: int,
        time_s: float,
        motion: VolumeMotion,
        added: AddedContrast,
        needles: tuple[CtNeedle, ...] | NotFound,
        along: MaskArray,
    ) -> VolumeAssessment:
        """Measure a repeat that could be compared, and say what it adds."""
        assert self._reference is not None
        past, spacing = self._past, self._reference.spacing_mm
        voxel_ml = float(np.prod(spacing)) / 1000
        volume_ml = float(added.share.sum()) * voxel_ml
        iodine = float(added.rise_hu[added.mask].sum()) * voxel_ml
        branch = find_longest_branch(
            added.core, spacing, self._settings.branch_width_mm, added.mask, along
        )
        needle, tip_mm = self._nearest(added.mask, motion, needles)
        is_at_tip = None if tip_mm is None else tip_mm <= self._settings.at_tip_mm
        growth = volume_ml - past.last_volume_ml
        past.last_volume_ml = volume_ml
        past.has_seen |= bool(added.mask.any())
        past.with_contrast += iodine >= self._settings.least_iodine_hu_ml
        past.most_iodine = max(past.most_iodine, iodine)
        past.longest_branch_mm = max(past.longest_branch_mm, branch.length_mm if branch else 0.0)
        left = 1 - iodine / past.most_iodine if past.most_iodine > 0 else None
        # Later doses hide what an earlier one lost: the least share ever kept counts.
        past.least_kept = min(past.least_kept, 1.0 if left is None else 1 - left)
        remarks = self._judge(added, branch, left, is_at_tip=bool(is_at_tip))
        return VolumeAssessment(
            repeat=repeat,
            time_s=time_s,
            contrast=added.mask,
            motion=motion,
            volume_ml=volume_ml,
            growth_ml=growth,
            iodine_hu_ml=iodine,
            extent_mm=measure_extent(added.core, spacing),
            branch_length_mm=branch.length_mm if branch else 0.0,
            branch_width_mm=branch.width_mm if branch else None,
            is_at_tip=is_at_tip if added.mask.any() else None,
            wash_out=left,
            noise_hu=added.noise_hu,
            threshold_hu=added.threshold_hu,
            needle=needle,
            verdict=self._verdict(added),
            flagged=past.flagged,
            remarks=remarks,
        )

    def _judge(
        self,
        added: AddedContrast,
        branch: Branch | None,
        left: float | None,
        *,
        is_at_tip: bool,
    ) -> tuple[str, ...]:
        """Raise the flag where the rule says so; return what is to be said of the repeat."""
        settings, past = self._settings, self._past
        remarks = []
        is_flat = added.mask.shape[0] == 1
        if is_flat:
            remarks.append("one slice: lengths are in its plane, and wash-out cannot be told")
        if branch and branch.length_mm >= settings.branch_length_mm:
            if branch.is_connected or is_at_tip:
                past.flagged = True
                remarks.append(
                    f"a round branch of {branch.length_mm:.0f} mm, {branch.width_mm:.1f} mm wide"
                )
            else:
                remarks.append("a long thin branch hangs on nothing that was injected")
        leaves = _touches_ends(added)
        if leaves and not is_flat:
            remarks.append("contrast reaches the first or last slice: what left may lie beyond")
        is_told = left is not None and past.most_iodine >= settings.least_iodine_hu_ml
        if is_told and left is not None and left >= settings.washed_out and not leaves:
            past.flagged = True
            remarks.append(f"{left:.0%} of the iodine has left")
        return tuple(remarks)

    def _verdict(self, added: AddedContrast) -> Verdict:
        """Return what all repeats so far amount to."""
        past, settings = self._past, self._settings
        if past.flagged:
            return Verdict.INTRAVASCULAR
        if not past.has_seen:
            return Verdict.NONE
        is_complete = added.mask.shape[0] > 1 and not _touches_ends(added)
        stays = past.least_kept >= settings.stays
        no_branch = past.longest_branch_mm < settings.branch_length_mm / 2
        enough = past.with_contrast >= settings.least_repeats
        if enough and is_complete and stays and no_branch:
            return Verdict.EXTRAVASCULAR
        return Verdict.INDETERMINATE

    def _nearest(
        self,
        mask: MaskArray,
        motion: VolumeMotion,
        needles: tuple[CtNeedle, ...] | NotFound,
    ) -> tuple[CtNeedle | NotFound, float | None]:
        """Return the needle whose tip is nearest to the contrast, and how near that is."""
        if isinstance(needles, NotFound):
            return needles, None
        if not mask.any():
            return needles[0], None
        assert self._reference is not None
        spacing = np.array(self._reference.spacing_mm)
        edge_mm = np.argwhere(mask) * spacing
        vox_from_lps = np.linalg.inv(self._reference.lps_from_vox)
        distances = []
        for needle in needles:
            tip = (vox_from_lps @ np.append(needle.tip_lps_mm, 1.0))[:3]
            tip -= np.array([motion.slices, motion.rows, motion.columns])
            distances.append(float(np.linalg.norm(edge_mm - tip * spacing, axis=1).min()))
        nearest = int(np.argmin(distances))
        return needles[nearest], distances[nearest]

    def _unjudged(
        self,
        repeat: int,
        time_s: float,
        volume: Volume,
        needles: tuple[CtNeedle, ...] | NotFound,
        remark: str,
    ) -> VolumeAssessment:
        """Return what is known of a repeat that was not compared."""
        past = self._past
        verdict = Verdict.INTRAVASCULAR if past.flagged else Verdict.INDETERMINATE
        return VolumeAssessment(
            repeat=repeat,
            time_s=time_s,
            contrast=np.zeros(volume.values.shape, bool),
            motion=None,
            volume_ml=None,
            growth_ml=None,
            iodine_hu_ml=None,
            extent_mm=None,
            branch_length_mm=None,
            branch_width_mm=None,
            is_at_tip=None,
            wash_out=None,
            noise_hu=None,
            threshold_hu=None,
            needle=needles if isinstance(needles, NotFound) else needles[0],
            verdict=verdict,
            flagged=past.flagged,
            remarks=(remark,),
        )


def _is_same_place(reference: Volume, volume: Volume) -> bool:
    """Return whether two volumes have one grid at one place of the table."""
    if reference.values.shape != volume.values.shape:
        return False
    size = np.array(volume.values.shape)
    corners = np.array([[*(place * size), 1] for place in np.ndindex(2, 2, 2)], np.float64)
    apart = (volume.lps_from_vox - reference.lps_from_vox) @ corners.T
    return bool(np.linalg.norm(apart[:3], axis=0).max() <= _TABLE_MM)


def _touches_ends(added: AddedContrast) -> bool:
    """Return whether contrast reaches the first or last slice that was judged."""
    slices = np.flatnonzero(added.judged.any(axis=(1, 2)))
    return bool(slices.size and added.mask[[slices[0], slices[-1]]].any())
