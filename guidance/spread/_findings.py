"""From what was gathered over the frames to a verdict, with its grounds and its doubts."""

import math

import numpy as np

from guidance.records import (
    InjectionFindings,
    RunContext,
    SpreadFindings,
    SpreadPattern,
    Verdict,
    VesselKind,
)
from guidance.spread._decision import load_decision, probability
from guidance.spread._evidence import Evidence
from guidance.spread._injections import Injection
from guidance.spread._reader import PATTERNS
from guidance.spread._settings import MonitorSettings

_MIN_JUDGED = 3
"""With fewer frames compared, `none` would be said of nothing."""

_MIN_JUDGED_SHARE = 0.5
"""Where fewer of the frames could be compared, contrast may have come and gone in the others."""

_MAX_LOST_SHARE = 0.1
"""Where the view was moving on in more of the frames, contrast may have come meanwhile."""

_MIN_FIELD_SHARE = 0.1
"""A field smaller than this share of the image shows a spot, not a region (guess)."""

_MIN_SIDE_PX = 32
"""An image smaller than this holds no anatomy to align."""

_MANY = 0.5
"""A measurement without which the log likelihood ratio were so much lower is named as a ground."""

_IN_VESSELS = (SpreadPattern.VASCULAR, SpreadPattern.MIXED)

_WORDS = {
    "uptake": "the picture as a whole looks like uptake into a vessel (network)",
    "vessel_now": "an area of {area} looks like vessels now",
    "vessel_ever": "an area that looked like vessels",
    "vessel_sure": "places that surely looked like a vessel",
    "vessel_z": "what looked like a vessel stood out from the noise",
    "thin": "long thin contrast",
    "width": "the width of the contrast",
    "elongation": "contrast that reaches far for its area",
    "front_speed": "a front that advanced fast",
    "growth": "fast growth",
    "reach": "its reach",
    "run_off": "signal that left again within the run",
    "washed": "places that were lit and are so no more",
    "vessel_reach": "vessel-like contrast far from where it began",
    "apart": "contrast that does not hang together",
    "area": "its area",
    "signal": "the amount of contrast",
}


def conclude(
    evidence: Evidence,
    context: RunContext,
    settings: MonitorSettings,
    working_scale: float,
    prior: float,
) -> SpreadFindings:
    """Return the verdict that the evidence bears.

    Parameters
    ----------
    evidence : Evidence
    context : RunContext
    settings : MonitorSettings
    working_scale : float
        Working pixels per stored pixel.
    prior : float
        Probability of uptake before anything was seen.

    Returns
    -------
    SpreadFindings
    """
    grounds: list[str] = []
    doubts = _doubts_of_frames(evidence)
    if evidence.onset_frame is None:
        verdict = _conclude_without_contrast(evidence, context, grounds, doubts)
        pattern = SpreadPattern.NONE if verdict is Verdict.NONE else None
    else:
        verdict = _conclude_with_contrast(evidence, context, settings, grounds, doubts)
        pattern = choose_pattern(evidence, verdict)
    injections = tuple(
        _describe(injection, evidence, verdict, pattern, working_scale, prior)
        for injection in evidence.injections
    )
    chance = None
    if evidence.injections:
        chance = probability(evidence.ratio, prior)
    elif evidence.judged:
        chance = probability(load_decision().ratio_without_contrast, prior)
    return SpreadFindings(
        verdict=verdict,
        pattern=pattern,
        onset_frame=evidence.onset_frame,
        flag_frame=evidence.flag_frame,
        end_frame=evidence.injections[-1].end_frame if evidence.injections else None,
        origin_px=injections[0].origin_px if injections else None,
        intravascular_probability=chance,
        injections=injections,
        grounds=tuple(grounds),
        doubts=tuple(doubts),
    )


def choose_pattern(evidence: Evidence, verdict: Verdict) -> SpreadPattern | None:
    """Return the likeliest pattern among those that fit the verdict; None where none is likely."""
    allowed = np.array([(p in _IN_VESSELS) == (verdict is Verdict.INTRAVASCULAR) for p in PATTERNS])
    weights = np.where(allowed, evidence.patterns, 0)
    if weights.sum() <= 0:
        return None
    best = int(np.argmax(weights))
    # Of four, the best must be clearly ahead: a guess is not told.
    least = 0.5 if verdict is not Verdict.INTRAVASCULAR else 0.0
    return PATTERNS[best] if weights[best] / weights.sum() >= least else None


def _describe(
    injection: Injection,
    evidence: Evidence,
    verdict: Verdict,
    pattern: SpreadPattern | None,
    working_scale: float,
    prior: float,
) -> InjectionFindings:
    row, column = ((v + 0.5) / working_scale - 0.5 for v in injection.origin)
    is_flagged = injection.flag_frame is not None
    own = verdict
    if verdict is Verdict.INTRAVASCULAR and not is_flagged:
        own = Verdict.INDETERMINATE
    return InjectionFindings(
        onset_frame=injection.onset_frame,
        end_frame=injection.end_frame,
        flag_frame=injection.flag_frame,
        verdict=own,
        pattern=pattern if own is verdict else choose_pattern(evidence, own),
        intravascular_probability=probability(injection.ratio, prior),
        vessel=VesselKind.UNDETERMINED if is_flagged else None,
        origin_px=(row, column),
    )


def _doubts_of_frames(evidence: Evidence) -> list[str]:
    doubts = [
        f"something was added from frame {first} and gone by frame {last}, too small or too short "
        "to be judged; look at these frames"
        for first, last in evidence.dismissed
    ]
    if evidence.field_changes:
        doubts.append(
            f"the field changed in frame {evidence.field_changes[0]}; what was there then was not "
            "compared across it"
        )
    return doubts


def _conclude_without_contrast(
    evidence: Evidence, context: RunContext, grounds: list[str], doubts: list[str]
) -> Verdict:
    reason = _why_not_judged(evidence, context)
    if reason:
        doubts.append(reason)
        return Verdict.INDETERMINATE
    grounds.append(
        f"{evidence.judged} of {evidence.n_frames} frames were compared with frames before them; "
        "nothing was added that stayed and had not merely moved"
    )
    if evidence.unsettled > 0.25 * evidence.n_frames:
        doubts.append(
            f"the exposure had not settled in {evidence.unsettled} of {evidence.n_frames} frames; "
            "contrast that came then would be missed"
        )
    doubts.append("contrast already there in the first settled frame is not seen as an injection")
    return Verdict.NONE


def _why_not_judged(evidence: Evidence, context: RunContext) -> str:
    distinct = evidence.n_frames - evidence.repeated
    if evidence.n_frames == 0:
        return "there is no frame"
    if evidence.n_frames == 1 and not context.is_subtracted:
        return "a single image shows no change; give the run it was taken from"
    if evidence.blank and not evidence.judged:
        return "no pixel shows the patient; the frames are empty or covered by shutters"
    if evidence.smallest_side_px < _MIN_SIDE_PX:
        return f"the image is only {evidence.smallest_side_px} pixels wide or high"
    if evidence.judged < max(_MIN_JUDGED, _MIN_JUDGED_SHARE * distinct):
        return (
            f"only {evidence.judged} of {evidence.n_frames} frames could be compared with an "
            "earlier one of the same exposure"
        )
    if evidence.lost > _MAX_LOST_SHARE * distinct:
        return f"in {evidence.lost} of {evidence.n_frames} frames the view was moving on"
    if evidence.field_share < _MIN_FIELD_SHARE:
        return f"the patient shows in only {evidence.field_share:.0%} of the image"
    return ""


def _conclude_with_contrast(
    evidence: Evidence,
    context: RunContext,
    settings: MonitorSettings,
    grounds: list[str],
    doubts: list[str],
) -> Verdict:
    onset, times_s = evidence.onset_frame or 0, evidence.clock.times_s
    grounds.append(f"contrast is first seen in frame {onset}{_at(times_s[onset])}")
    flag = evidence.flag_frame
    if flag is not None:
        grounds.append(f"the evidence passed the threshold in frame {flag}{_at(times_s[flag])}")
        grounds += _speak(evidence)
        return Verdict.INTRAVASCULAR
    grounds.append(
        f"thin contrast of {_length(evidence.greatest_thin, evidence)} was seen, and "
        f"{evidence.run_off:.0%} of the greatest signal was gone at the end"
    )
    reasons = _why_open(evidence, context, settings)
    doubts += reasons
    return Verdict.INDETERMINATE if reasons else Verdict.EXTRAVASCULAR


def _why_open(evidence: Evidence, context: RunContext, settings: MonitorSettings) -> list[str]:
    """Return why the absence of a flag does not make a run extravascular; empty where it does."""
    reasons = []
    onset, last = evidence.onset_frame or 0, evidence.n_frames - 1
    doubtful = max(settings.doubtful_alarms_per_min, settings.alarms_per_min)
    if evidence.ratio > load_decision().threshold(doubtful):
        reasons.append("something looked like a vessel, but not surely enough for the flag")
    if evidence.n_frames == 1:
        reasons.append("a single image is never enough to exclude uptake")
    if context.is_subtracted:
        reasons.append("the stored pixels are a subtraction whose mask is not known")
    if evidence.lost > _MAX_LOST_SHARE * (evidence.n_frames - evidence.repeated):
        reasons.append(f"motion: in {evidence.lost} frames the view was moving on")
    if evidence.field_changes and evidence.field_changes[-1] > onset:
        reasons.append("the field changed after contrast had come")
    watched = evidence.clock.seconds_between(onset, last)
    if watched is None:
        if last - onset < _MIN_JUDGED:
            reasons.append("the run ends with the contrast's first frames")
        return reasons
    if watched < settings.watched_s:
        reasons.append(f"the run ends {watched:.1f} s after onset")
    elif (evidence.judged - 1) / max(evidence.duration_s, 1e-3) < settings.least_rate_hz:
        reasons.append(
            f"frame rate: {evidence.judged} distinct frames in {evidence.duration_s:.0f} s, and a "
            "small vein empties between two of them"
        )
    return reasons


def _speak(evidence: Evidence) -> list[str]:
    """Return in words what weighed most when the flag went up."""
    measures = evidence.flag_measures
    if measures is None:
        return []
    decision = load_decision()
    # What the network says now, and at its clearest so far, is one ground.
    shares = {
        name: decision.share_of(measures, ("uptake", "uptake_greatest"))
        if name == "uptake"
        else decision.share_of(measures, (name,))
        for name in _WORDS
    }
    named = [name for name, share in sorted(shares.items(), key=lambda s: -s[1]) if share >= _MANY]
    return [
        f"for it: {_WORDS[name].format(area=f'{measures.vessel_now**2:.0f} mm²')} "
        f"(without it the log likelihood ratio would be {shares[name]:.1f} lower)"
        for name in named[:3]
    ]


def _at(time_s: float | None) -> str:
    return "" if time_s is None else f" at {time_s:.1f} s"


def _length(length_px: float, evidence: Evidence) -> str:
    return f"{length_px * math.sqrt(evidence.pixel_mm2):.0f} mm"
