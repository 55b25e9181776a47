"""Which way the C-arm looks at the target, and how large its field is."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from guidance.errors import InputError
from guidance.geometry import ConeBeamView
from guidance.records import FloatArray
from guidance.simulation._motion import Range

# However the field is moved, the target stays this far within it, as a share of its size.
MOST_OFF_CENTRE = 0.4


class ViewKind(StrEnum):
    """The views in which medial branch blocks are done."""

    ANTEROPOSTERIOR = "anteroposterior"
    OBLIQUE = "oblique"
    LATERAL = "lateral"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRanges:
    """Ranges that `draw_view` draws from.

    Attributes
    ----------
    kind_shares : tuple of float
        Of anteroposterior, oblique and lateral: contrast is watched in the first two (Bogduk 2013);
        guess.
    oblique_deg : Range
        From straight posterior to the side of the target; 15 to 35 degrees show the "Scotty dog".
    tilt_deg : Range
        Secondary angle; to square the endplates off. Guess.
    off_deg : float
        By how much a view misses its nominal primary angle. Guess.
    sid_mm : Range
        Mobile C-arms: 950 to 1050 mm; angiography units to 1200 mm.
    sod_share : Range
        Isocentre's distance from the source over the SID: the prone patient lies nearer to the
        detector or in the middle. Guess.
    detector_mm : tuple of float
        Width of the field at the detector: 12, 9 and 6 inch intensifiers and 20 to 30 cm panels.
    matrices : tuple of int
        Rows and columns as stored.
    off_centre : float
        How far the target lies from the middle of the field, as a share of its width. Guess.
    roll_deg : float
        Turn of the image, to bring the spine upright. Guess.
    """

    kind_shares: tuple[float, float, float] = (0.45, 0.4, 0.15)
    oblique_deg: Range = (15.0, 35.0)
    tilt_deg: Range = (-12.0, 12.0)
    off_deg: float = 6.0
    sid_mm: Range = (950.0, 1150.0)
    sod_share: Range = (0.58, 0.75)
    detector_mm: tuple[float, ...] = (160.0, 200.0, 215.0, 260.0)
    matrices: tuple[int, ...] = (384, 512, 512)
    off_centre: float = 0.2
    roll_deg: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """One view, relative to the target.

    Attributes
    ----------
    kind : ViewKind
        Its name.
    primary_angle_deg, secondary_angle_deg, roll_deg : float
        As in `ConeBeamView`.
    sid_mm, sod_mm, detector_mm : float
        Distances, and the field's width at the detector. Millimetres.
    matrix : int
        Rows and columns.
    target_off_px : (row, column)
        Where the target lies from the middle of the field. Pixels.
    """

    kind: ViewKind
    primary_angle_deg: float
    secondary_angle_deg: float
    roll_deg: float
    sid_mm: float
    sod_mm: float
    detector_mm: float
    matrix: int
    target_off_px: tuple[float, float]

    def __post_init__(self) -> None:
        """Refuse an impossible pose now, not when the patient has been built."""
        if not 64 <= self.matrix <= 4096:
            raise InputError(f"matrix is {self.matrix}, expected 64 to 4096")
        make_view(self, np.zeros(3))


def draw_view(rng: np.random.Generator, ranges: ViewRanges, is_left: bool) -> ViewSettings:
    """Return a view onto a target on the left or the right."""
    kind = list(ViewKind)[int(rng.choice(3, p=ranges.kind_shares))]
    oblique = rng.uniform(*ranges.oblique_deg)
    side = 1 if is_left else -1
    off = rng.uniform(-ranges.off_deg, ranges.off_deg)
    # A lateral view is taken from either side.
    lateral = 90.0 * rng.choice((-1, 1))
    primary = {
        ViewKind.ANTEROPOSTERIOR: 180.0 + off,
        ViewKind.OBLIQUE: side * (180.0 - oblique),
        ViewKind.LATERAL: lateral + off,
    }[kind]
    tilt = rng.uniform(*ranges.tilt_deg) * (0.4 if kind is ViewKind.LATERAL else 1.0)
    sid = rng.uniform(*ranges.sid_mm)
    matrix = int(rng.choice(ranges.matrices))
    off_px = rng.uniform(-1, 1, 2) * ranges.off_centre * matrix
    return ViewSettings(
        kind=kind,
        primary_angle_deg=float((primary + 180) % 360 - 180),
        secondary_angle_deg=tilt,
        roll_deg=rng.uniform(-ranges.roll_deg, ranges.roll_deg),
        sid_mm=sid,
        sod_mm=sid * rng.uniform(*ranges.sod_share),
        detector_mm=float(rng.choice(ranges.detector_mm)),
        matrix=matrix,
        target_off_px=(float(off_px[0]), float(off_px[1])),
    )


def make_view(
    settings: ViewSettings, target_lps_mm: FloatArray, highest_z_mm: float = np.inf
) -> ConeBeamView:
    """Return the C-arm that sees the target where the settings want it.

    Parameters
    ----------
    settings : ViewSettings
        The view.
    target_lps_mm : (3,) float64 array
        The target. Millimetres.
    highest_z_mm : float
        How far up there is anything to see: the field is moved down to it, the target with it, but
        never out of the field. Millimetres.
    """
    spacing = settings.detector_mm / settings.matrix
    about_target = ConeBeamView(
        primary_angle_deg=settings.primary_angle_deg,
        secondary_angle_deg=settings.secondary_angle_deg,
        isocenter_lps_mm=(0.0, 0.0, 0.0),
        sid_mm=settings.sid_mm,
        sod_mm=settings.sod_mm,
        rows=settings.matrix,
        columns=settings.matrix,
        spacing_det_mm=(spacing, spacing),
        roll_deg=settings.roll_deg,
    )
    right, down, _ = about_target.axes
    row_mm, column_mm = about_target.spacing_iso_mm
    row, column = settings.target_off_px
    top_row = (highest_z_mm - float(target_lps_mm[2])) / row_mm - settings.matrix / 2
    row = max(min(row, top_row), -MOST_OFF_CENTRE * settings.matrix)
    x, y, z = (float(v) for v in target_lps_mm - row * row_mm * down - column * column_mm * right)
    return ConeBeamView(
        primary_angle_deg=settings.primary_angle_deg,
        secondary_angle_deg=settings.secondary_angle_deg,
        isocenter_lps_mm=(x, y, z),
        sid_mm=settings.sid_mm,
        sod_mm=settings.sod_mm,
        rows=settings.matrix,
        columns=settings.matrix,
        spacing_det_mm=(spacing, spacing),
        roll_deg=settings.roll_deg,
    )
