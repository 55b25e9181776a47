"""By how much a cross-profile or an ending of a needle is shifted, and how surely.

Pure functions on evenly spaced samples, `STEP_MM` apart.
"""

import math

import numpy as np

from guidance.records import FloatArray

STEP_MM = 0.2

_SEEN_SHARE = 0.4
_SEEN_Z = 3.0
"""A shaft is seen that adds this share of what it did, so many standard deviations above the noise.
"""

_NEARER_PER_MM2 = 0.05
"""Of two ridges the one nearer to where the needle should be: what a ridge must have more of the
needle's contrast for being so many square millimetres off."""

_STEEPEST = 1.5
"""What is darker than so many times the needle is cut: another needle, a clip."""


def match_across(
    profile: FloatArray, template: FloatArray, mm: float
) -> tuple[float, float] | None:
    """Return how far a needle lies from the middle of a cross-profile.

    Parameters
    ----------
    profile : (X,) float64 array
        Attenuation across the shaft; finite.
    template : (x,) float64 array
        What the needle adds across itself, with less than X samples.
    mm : float
        Size of a stored pixel: samples that share one share its noise.

    Returns
    -------
    shift_mm, sigma_mm : tuple of float, or None
        None where the needle is not seen.
    """
    shape = template - template.mean()
    energy = float(shape @ template)
    place = np.arange(len(profile), dtype=np.float64)
    slope, level = np.polyfit(place, profile, 1)
    flat = np.minimum(profile - level - slope * place, _STEEPEST * float(template.max()))
    share = np.correlate(flat, shape, mode="valid") / energy
    shift_mm = (np.arange(len(share)) - len(share) // 2) * STEP_MM
    noise_share = noise_of(flat, mm) * float(np.linalg.norm(shape)) / energy
    noise_share *= math.sqrt(max(1.0, mm / STEP_MM))
    best = int(np.argmax(share - _NEARER_PER_MM2 * shift_mm**2))
    if share[best] < max(_SEEN_SHARE, _SEEN_Z * noise_share) or not 0 < best < len(share) - 1:
        return None
    part = _vertex(-share[best - 1 : best + 2])
    return float(shift_mm[best]) + part * STEP_MM, 0.04 + 0.8 * noise_share


def can_be_seen(profile: FloatArray, template: FloatArray, mm: float) -> bool:
    """Return whether the noise of a cross-profile would let the needle be seen."""
    shape = template - template.mean()
    share = noise_of(profile, mm) * float(np.linalg.norm(shape)) / float(shape @ template)
    return bool(_SEEN_Z * share * math.sqrt(max(1.0, mm / STEP_MM)) < _SEEN_SHARE)


def match_along(
    ending: FloatArray, reference: FloatArray, mm: float, reach_mm: float
) -> tuple[float, float] | None:
    """Return how far the end of a needle has moved along it, towards the tip.

    Parameters
    ----------
    ending, reference : (S,) float64 array
        What is added along the last part, now and when the needle was found.
    mm : float
        Size of a stored pixel.
    reach_mm : float
        The furthest that is tried.

    Returns
    -------
    shift_mm, sigma_mm : tuple of float, or None
        None where something is not known, or no place fits better than its neighbours.
    """
    if not (np.isfinite(ending).all() and np.isfinite(reference).all()):
        return None
    reach = round(reach_mm / STEP_MM)
    # Behind the first place the shaft goes on as it is; in front of the last nothing does.
    padded = np.pad(reference, reach, mode="edge")
    shifts = np.arange(-reach, reach + 1)
    misfit = np.array(
        [
            float(np.mean((ending - padded[reach - shift : reach - shift + len(ending)]) ** 2))
            for shift in shifts
        ]
    )
    best = int(np.argmin(misfit))
    if not 0 < best < len(misfit) - 1:
        return None
    bow = float(misfit[best - 1] - 2 * misfit[best] + misfit[best + 1])
    if bow <= 0:
        return None
    # Samples that share a pixel share its noise, so that fewer of them count.
    alone = len(ending) * min(1.0, STEP_MM / mm)
    noise = max(noise_of(ending, mm), math.sqrt(float(misfit[best]) / 2))
    variance = 2 * noise**2 / alone / bow * STEP_MM**2
    part = _vertex(misfit[best - 1 : best + 2])
    return (float(shifts[best]) + part) * STEP_MM, math.sqrt(0.05**2 + variance)


def noise_of(samples: FloatArray, mm: float) -> float:
    """Return the noise of samples, from differences of those too far apart to share a pixel."""
    lag = min(math.ceil(1.5 * mm / STEP_MM), max(1, len(samples) // 3))
    apart = samples[lag:] - samples[:-lag]
    return 1.4826 * float(np.median(np.abs(apart - np.median(apart)))) / math.sqrt(2)


def _vertex(three: FloatArray) -> float:
    """Return where the parabola through three values is least, from the middle one, in samples."""
    left, middle, right = (float(value) for value in three)
    bow = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bow, -0.5, 0.5)) if bow > 0 else 0.0
