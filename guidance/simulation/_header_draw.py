"""Draws what the header of a simulated run says, as C-arms in practice write them.

Most mobile C-arms tell little: of the three whose stills this project has for development, all
wrote RF objects, none wrote a pixel spacing, an angle, a patient position or an orientation, two
wrote 8 bits and one 16, and one the distance to the detector. All shares are guesses shaped by
that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from guidance.errors import InputError
from guidance.io import Photometry, RadiationSetting, RunKind, TransferSyntax
from guidance.simulation._header_settings import (
    RECORDER_FRAME_MS,
    HeaderKind,
    HeaderSettings,
    StatedPixels,
    StatedPose,
    StatedScale,
    StatedTimes,
)

Choice = TypeVar("Choice")
Shares = tuple[tuple[Choice, float], ...]

# Missing from files of consoles that do not know them, although XA wants most of them present.
UNKNOWN_TO_CONSOLES = (
    "PatientOrientation",
    "PatientPosition",
    "PositionerMotion",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "TableMotion",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRanges:
    """From what `draw_header` draws: choices with their shares, which need not add up to one.

    All shares are guesses; see the head of this module for the little that is known.

    Attributes
    ----------
    kinds : shares of HeaderKind
        SPARSE leads: three C-arms of three.
    rf_share : float
        Of sparse headers: RF rather than XA. All three C-arms wrote RF; an RF object has no place
        for a C-arm's angles, and PS3.3 A.16.1 sends those who know them to XA.
    keeps_bits_share : float
        Declare 9, 11, 13 or 14 bits where so many are used.
    monochrome1_share, sign_share, lut_share : float
        MONOCHROME1, which archives hand out; sign stated; LUT beside LOG. COMPLETE headers have
        what the standard asks for.
    says_linear_share : float
        Of sparse headers: LIN whatever the values went through. Two of the three C-arms wrote LIN
        with 8 bits, which hardly hold unprocessed values.
    transfer_syntaxes : shares of TransferSyntax
        As the file holds the pixels.
    said_mirrored_share : float
        Of mirrored images: PatientOrientation is that of the flipped image.
    unsaid_mirrored_share : float
        Of mirrored images: PatientOrientation is absent; in the rest it is that before flipping.
    supine_mirrored_share : float
        Of supine-style headers: the image is flipped too, as an operator does who wants left on the
        left.
    angle_steps_deg : tuple of float
        What ROUNDED angles are rounded to.
    sparse_scales : shares of StatedScale
        Of sparse headers.
    calibration_error : float
        Standard deviation of a calibration on a marker or table top, relative.
    sparse_times : shares of StatedTimes
        Of sparse headers.
    sparse_omits_share : float
        Of sparse headers: attributes are missing altogether instead of empty.
    default_hfs_share : float
        Of sparse headers: HFS is written because nobody changed it.
    vector_share : float
        Of others: FrameTimeVector even where frames are evenly spaced.
    calibrated_share : float
        Of others: PixelSpacing with its calibration beside the distances.
    graphy_share, technique_share, contrast_share, collimator_share, window_share, day_share : float
        Acquisitions; and headers with voltage and exposure, agent, collimator, window, a day.
    model_names : tuple of str
        Neutral.
    """

    kinds: Shares[HeaderKind] = (
        (HeaderKind.COMPLETE, 0.25),
        (HeaderKind.SPARSE, 0.40),
        (HeaderKind.SUPINE, 0.15),
        (HeaderKind.MIRRORED, 0.06),
        (HeaderKind.ROUNDED, 0.05),
        (HeaderKind.NO_DISTANCE, 0.05),
        (HeaderKind.RECORDER_TIME, 0.04),
    )
    rf_share: float = 0.6
    keeps_bits_share: float = 0.3
    monochrome1_share: float = 0.06
    sign_share: float = 0.15
    lut_share: float = 0.5
    says_linear_share: float = 0.5
    transfer_syntaxes: Shares[TransferSyntax] = (
        (TransferSyntax.EXPLICIT_VR_LITTLE_ENDIAN, 0.4),
        (TransferSyntax.JPEG_LOSSLESS_SV1, 0.35),
        (TransferSyntax.JPEG_LS_LOSSLESS, 0.15),
        (TransferSyntax.RLE_LOSSLESS, 0.1),
    )
    said_mirrored_share: float = 0.4
    unsaid_mirrored_share: float = 0.4
    supine_mirrored_share: float = 0.3
    angle_steps_deg: tuple[float, ...] = (1.0, 5.0, 10.0)
    sparse_scales: Shares[StatedScale] = (
        (StatedScale.ABSENT, 0.7),
        (StatedScale.DETECTOR_ONLY, 0.2),
        (StatedScale.CALIBRATED, 0.1),
    )
    calibration_error: float = 0.03
    sparse_times: Shares[StatedTimes] = (
        (StatedTimes.MEASURED, 0.45),
        (StatedTimes.RECORDER, 0.15),
        (StatedTimes.RATES, 0.2),
        (StatedTimes.ABSENT, 0.2),
    )
    sparse_omits_share: float = 0.5
    default_hfs_share: float = 0.25
    vector_share: float = 0.1
    calibrated_share: float = 0.15
    graphy_share: float = 0.25
    technique_share: float = 0.6
    contrast_share: float = 0.15
    collimator_share: float = 0.5
    window_share: float = 0.8
    day_share: float = 0.5
    model_names: tuple[str, ...] = ("SIMULATED C-ARM A", "SIMULATED C-ARM B", "SIMULATED PANEL C")

    def __post_init__(self) -> None:
        """Refuse shares that cannot be shares."""
        tables = (
            self.kinds,
            self.transfer_syntaxes,
            self.sparse_scales,
            self.sparse_times,
        )
        for table in tables:
            weights = [share for _, share in table]
            if not weights or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
                raise InputError(
                    f"shares {weights} are none; expected 0 or more, not all of them 0"
                )
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name.endswith("_share") and not 0 <= value <= 1:
                raise InputError(f"{name} is {value}, expected 0 to 1")
        if self.said_mirrored_share + self.unsaid_mirrored_share > 1:
            raise InputError("said_mirrored_share and unsaid_mirrored_share add up to more than 1")


def draw_header(rng: np.random.Generator, ranges: HeaderRanges) -> HeaderSettings:
    """Return what one header says; its kind decides on pose, scale and times."""
    kind = _choose(rng, ranges.kinds)
    is_graphy = rng.random() < ranges.graphy_share
    plain = HeaderSettings(
        kind=kind,
        pixels=_draw_pixels(rng, ranges, kind),
        model_name=ranges.model_names[int(rng.integers(len(ranges.model_names)))],
        radiation_setting=(RadiationSetting.GRAPHY if is_graphy else RadiationSetting.FLUOROSCOPY),
        times=(StatedTimes.VECTOR if rng.random() < ranges.vector_share else StatedTimes.MEASURED),
        scale=(
            StatedScale.BOTH if rng.random() < ranges.calibrated_share else StatedScale.DISTANCES
        ),
        recorder_frame_ms=float(rng.choice(RECORDER_FRAME_MS)),
        states_technique=bool(rng.random() < ranges.technique_share),
        states_contrast=bool(rng.random() < ranges.contrast_share),
        states_collimator=bool(rng.random() < ranges.collimator_share),
        states_window=bool(rng.random() < ranges.window_share),
        states_day=bool(rng.random() < ranges.day_share),
    )
    match kind:
        case HeaderKind.COMPLETE:
            return plain
        case HeaderKind.SPARSE:
            return _bare(rng, ranges, plain)
        case HeaderKind.SUPINE:
            mirrored = bool(rng.random() < ranges.supine_mirrored_share)
            whose = StatedPose.SUPINE
            return replace(
                plain, angles=whose, position=whose, orientation=whose, mirrored=mirrored
            )
        case HeaderKind.MIRRORED:
            return replace(plain, mirrored=True, orientation=_mirrored_says(rng, ranges))
        case HeaderKind.ROUNDED:
            return replace(plain, angle_step_deg=float(rng.choice(ranges.angle_steps_deg)))
        case HeaderKind.NO_DISTANCE:
            return replace(plain, scale=StatedScale.DETECTOR_ONLY)
        case HeaderKind.RECORDER_TIME:
            return replace(plain, times=StatedTimes.RECORDER)


def _draw_pixels(rng: np.random.Generator, ranges: HeaderRanges, kind: HeaderKind) -> StatedPixels:
    """Return how values are declared; a complete header keeps to the standard."""
    is_free = kind is not HeaderKind.COMPLETE
    keeps_bits, is_inverted, says_linear, states_sign, states_lut = rng.random(5) < (
        ranges.keeps_bits_share * is_free,
        ranges.monochrome1_share * is_free,
        ranges.says_linear_share * (kind is HeaderKind.SPARSE),
        ranges.sign_share,
        ranges.lut_share if is_free else 1.0,
    )
    return StatedPixels(
        keeps_bits=bool(keeps_bits),
        photometric_interpretation=(
            Photometry.MONOCHROME1 if is_inverted else Photometry.MONOCHROME2
        ),
        says_linear=bool(says_linear),
        states_sign=bool(states_sign),
        states_lut=bool(states_lut),
        transfer_syntax=_choose(rng, ranges.transfer_syntaxes),
    )


def _bare(rng: np.random.Generator, ranges: HeaderRanges, plain: HeaderSettings) -> HeaderSettings:
    """Return a header without angles, and mostly without scale and times."""
    has_default = rng.random() < ranges.default_hfs_share
    omits = UNKNOWN_TO_CONSOLES if rng.random() < ranges.sparse_omits_share else ()
    times = _choose(rng, ranges.sparse_times)
    return replace(
        plain,
        run_kind=RunKind.RF if rng.random() < ranges.rf_share else RunKind.XA,
        angles=StatedPose.ABSENT,
        position=StatedPose.SUPINE if has_default else StatedPose.ABSENT,
        orientation=StatedPose.ABSENT,
        scale=_choose(rng, ranges.sparse_scales),
        calibration_error=float(np.clip(rng.normal(0, ranges.calibration_error), -0.2, 0.2)),
        times=times,
        left_out=tuple(name for name in omits if not (has_default and name == "PatientPosition")),
    )


def _mirrored_says(rng: np.random.Generator, ranges: HeaderRanges) -> StatedPose:
    """Return what a mirrored image's orientation says."""
    return _choose(
        rng,
        (
            (StatedPose.TRUE, ranges.said_mirrored_share),
            (StatedPose.ABSENT, ranges.unsaid_mirrored_share),
            (
                StatedPose.UNMIRRORED,
                1 - ranges.said_mirrored_share - ranges.unsaid_mirrored_share,
            ),
        ),
    )


def _choose(rng: np.random.Generator, shares: Sequence[tuple[Choice, float]]) -> Choice:
    """Return one of the choices, by its share."""
    weights = np.array([share for _, share in shares])
    return shares[int(rng.choice(len(shares), p=weights / weights.sum()))][0]
