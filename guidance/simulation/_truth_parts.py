"""What the truth of a run is put together from; conventions are those of `_truth`."""

import math
from dataclasses import dataclass

from guidance.anatomy import Side, Vertebra
from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.records import SpreadPattern

Pixel = tuple[float, float]
Point = tuple[float, float, float]

PATIENT_POSITIONS = ("prone", "supine")


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionTruth:
    """One injection of contrast.

    Attributes
    ----------
    start_s, end_s : float
        First and last drop; `end_s` may lie after the run's end. Seconds from the first frame.
    volume_ml : float
        Injected. Millilitres.
    concentration_mg_per_ml : float
        Iodine in it. Milligrams per millilitre.
    iodine_mg : float
        Their product. Milligrams.
    tip_lps_mm : [x, y, z]
        Where the needle's tip was when it began. Millimetres.
    pattern : SpreadPattern
        Where this injection went.
    vessel_dose_fraction : float
        Share of its iodine that entered a vessel, 0 to 1.
    onset_frame : int or null
        First frame in which it can be seen, by the rule of the study.
    """

    start_s: float
    end_s: float
    volume_ml: float
    concentration_mg_per_ml: float
    iodine_mg: float
    tip_lps_mm: Point
    pattern: SpreadPattern
    vessel_dose_fraction: float
    onset_frame: int | None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.start_s < self.end_s:
            raise InputError(f"injection from {self.start_s} to {self.end_s} s; correct its times")
        product = self.volume_ml * self.concentration_mg_per_ml
        if not (self.volume_ml > 0 and math.isclose(product, self.iodine_mg, rel_tol=1e-6)):
            raise InputError(
                f"injection of {self.volume_ml} mL of {self.concentration_mg_per_ml} mg/mL is said "
                f"to hold {self.iodine_mg} mg, expected {product:g}; correct one of them"
            )
        check_share("vessel_dose_fraction", self.vessel_dose_fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleTruth:
    """A needle in the first frame.

    Attributes
    ----------
    gauge : int
        22 to 25.
    tip_lps_mm : [x, y, z]
        Its tip. Millimetres.
    direction_lps : [x, y, z]
        Unit vector along its last part, towards the tip.
    tip_px : [row, column] or null
        The tip in the image; null outside it.
    direction_px : [row, column] or null
        Unit vector of that part in the image, towards the tip; null where it is seen end-on.
    """

    gauge: int
    tip_lps_mm: Point
    direction_lps: Point
    tip_px: Pixel | None
    direction_px: Pixel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkTruth:
    """A landmark.

    Attributes
    ----------
    lps_mm : [x, y, z]
        Where it is. Millimetres.
    px : [row, column] or null
        Where it falls in the first frame; null outside the image.
    """

    lps_mm: Point
    px: Pixel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTruth:
    """Where a nerve can be reached; accuracy is the distance to `groove_superior`–`block_point`.

    Only what the first frame shows is a target there: positions in the image are never null.

    Attributes
    ----------
    nerve : str
        As in the contract, ``"L3 medial branch"``.
    vertebra : Vertebra
        The bone that the target lies on.
    side : Side
        The patient's.
    groove_superior_lps_mm, groove_inferior_lps_mm, block_point_lps_mm : [x, y, z]
        The concave corner between superior articular and transverse process, the
        mamillo-accessory notch, and the point midway between them. Millimetres.
    groove_superior_px, groove_inferior_px, block_point_px : [row, column]
        Where they fall in the first frame.
    """

    nerve: str
    vertebra: Vertebra
    side: Side
    groove_superior_lps_mm: Point
    groove_inferior_lps_mm: Point
    block_point_lps_mm: Point
    groove_superior_px: Pixel
    groove_inferior_px: Pixel
    block_point_px: Pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseTruth:
    """The true pose of the C-arm in the first frame; see `ConeBeamView`.

    Attributes
    ----------
    primary_angle_deg, secondary_angle_deg : float
        Of the detector about the patient, PS3.3 C.8.7.5.1.2. Degrees.
    roll_deg : float
        Of the detector in its plane. Degrees.
    isocenter_lps_mm : [x, y, z]
        Millimetres.
    sid_mm, sod_mm : float
        From the source to the detector and to the isocentre. Millimetres.
    rows, columns : int
        Size of the image. Pixels.
    spacing_det_mm, spacing_iso_mm : [row, column]
        Size of a pixel at the detector and at the isocentre. Millimetres.
    mirrored : bool
        The stored image is flipped left to right.
    patient_position : str
        ``"prone"`` or ``"supine"``.
    """

    primary_angle_deg: float
    secondary_angle_deg: float
    roll_deg: float
    isocenter_lps_mm: Point
    sid_mm: float
    sod_mm: float
    rows: int
    columns: int
    spacing_det_mm: Pixel
    spacing_iso_mm: Pixel
    mirrored: bool
    patient_position: str

    def __post_init__(self) -> None:
        """Refuse a pose that no C-arm has."""
        check_word("patient_position", self.patient_position, PATIENT_POSITIONS)
        for stated, found in zip(self.spacing_iso_mm, self.view.spacing_iso_mm, strict=True):
            if not math.isclose(stated, found, rel_tol=1e-6):
                raise InputError(
                    f"spacing_iso_mm is {self.spacing_iso_mm}, but the distances give "
                    f"{self.view.spacing_iso_mm}; correct one of them"
                )

    @classmethod
    def of_view(cls, view: ConeBeamView, patient_position: str) -> "PoseTruth":
        """Return the truth of a view onto a patient who lies ``"prone"`` or ``"supine"``."""
        return cls(
            primary_angle_deg=view.primary_angle_deg,
            secondary_angle_deg=view.secondary_angle_deg,
            roll_deg=view.roll_deg,
            isocenter_lps_mm=view.isocenter_lps_mm,
            sid_mm=view.sid_mm,
            sod_mm=view.sod_mm,
            rows=view.rows,
            columns=view.columns,
            spacing_det_mm=view.spacing_det_mm,
            spacing_iso_mm=view.spacing_iso_mm,
            mirrored=view.mirrored,
            patient_position=patient_position,
        )

    @property
    def view(self) -> ConeBeamView:
        """The C-arm."""
        return ConeBeamView(
            primary_angle_deg=self.primary_angle_deg,
            secondary_angle_deg=self.secondary_angle_deg,
            isocenter_lps_mm=self.isocenter_lps_mm,
            sid_mm=self.sid_mm,
            sod_mm=self.sod_mm,
            rows=self.rows,
            columns=self.columns,
            spacing_det_mm=self.spacing_det_mm,
            roll_deg=self.roll_deg,
            mirrored=self.mirrored,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTruth:
    """How the target's bone moved in the image.

    Attributes
    ----------
    bone_shift_px : list of [row, column]
        In each frame, from the first. Pixels.
    scale : list of float
        In each frame, its size over that in the first.
    """

    bone_shift_px: tuple[Pixel, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what no motion is."""
        if min(self.scale, default=1.0) <= 0:
            raise InputError(f"scale falls to {min(self.scale)}, expected above 0")


def check_share(name: str, share: float) -> None:
    """Refuse what is no share.

    Raises
    ------
    InputError
        It is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise InputError(f"{name} is {share}, expected 0 to 1")


def check_word(name: str, word: str, words: tuple[str, ...]) -> None:
    """Refuse a word that is none of those known.

    Raises
    ------
    InputError
        It is another.
    """
    if word not in words:
        raise InputError(f"{name} is {word[:40]!r}, expected one of {', '.join(words)}")
