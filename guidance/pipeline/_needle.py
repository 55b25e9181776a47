"""Which needle injects: what the follower sees, tied to where the contrast comes from.

Before contrast the surest needle is taken; from onset on, the one that the contrast came out of.
Nothing looks ahead: the tip told for a frame rests on frames up to it.
"""

from dataclasses import replace

from guidance.needle import NeedleFollower, choose_injecting
from guidance.records import (
    FrameArray,
    NeedleKind,
    NeedleRecord,
    NeedleSighting,
    NotFound,
    RunContext,
    SpreadFindings,
    Verdict,
)

Pixel = tuple[float, float]


class NeedleTrack:
    """Follows the injecting needle through a run.

    Parameters
    ----------
    context : RunContext
        What is known before the first frame.
    """

    def __init__(self, context: RunContext) -> None:
        self._follower = NeedleFollower(context)
        self._latest: tuple[int, NeedleSighting] | None = None
        self._at_onset: tuple[int, NeedleSighting] | None = None
        self._onset: int | None = None

    def push(
        self,
        number: int,
        frame: FrameArray,
        time_s: float | None,
        findings: SpreadFindings,
    ) -> NeedleSighting | NotFound:
        """Take the next frame; return the needle that injects as far as is known by then.

        Parameters
        ----------
        number : int
            The frame's, from 0.
        frame : (R, C) array
            Pixel values after the Modality LUT.
        time_s : float or None
            Its time.
        findings : SpreadFindings
            What is known of the contrast with this frame.
        """
        seen = tuple(
            each for each in self._follower.push(frame, time_s) if each.kind is NeedleKind.NEEDLE
        )
        chosen = choose_injecting(seen, findings.origin_px)
        if isinstance(chosen, NotFound):
            return chosen
        self._latest = (number, chosen)
        if findings.onset_frame != self._onset:
            self._onset = findings.onset_frame
            self._at_onset = None
        if self._onset is not None and self._at_onset is None:
            self._at_onset = self._latest
        return chosen

    def record(self) -> NeedleRecord | None:
        """Return the needle as it was when contrast came, or else last; None if never seen."""
        found = self._at_onset or self._latest
        if found is None:
            return None
        frame, sighting = found
        return NeedleRecord(
            tip_px=tidy_pixel(sighting.tip_px),
            direction_px=None
            if sighting.direction_px is None
            else (round(sighting.direction_px[0], 4), round(sighting.direction_px[1], 4)),
            frame=frame,
            confidence=round(sighting.confidence, 3),
        )


def hold_back(findings: SpreadFindings, needle: NeedleRecord | None) -> SpreadFindings:
    """Return the findings, without `extravascular` where no needle was seen.

    What leaves a tip outside the field is not seen; a flag stands all the same.

    Parameters
    ----------
    findings : SpreadFindings
    needle : NeedleRecord or None
        The needle that injects.
    """
    if needle is not None or findings.verdict is not Verdict.EXTRAVASCULAR:
        return findings
    doubt = "no needle's tip was found: contrast may have left it outside the field"
    injections = tuple(
        replace(each, verdict=Verdict.INDETERMINATE)
        if each.verdict is Verdict.EXTRAVASCULAR
        else each
        for each in findings.injections
    )
    return replace(
        findings,
        verdict=Verdict.INDETERMINATE,
        injections=injections,
        doubts=(doubt, *findings.doubts),
    )


def tidy_pixel(position_px: Pixel) -> Pixel:
    """Return a position to a hundredth of a pixel."""
    return (round(position_px[0], 2), round(position_px[1], 2))
