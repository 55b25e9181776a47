"""The cone beam of a C-arm, and the projection of points through it.

Angles are those of DICOM XA (PS3.3 C.8.7.5.1.2) and place the detector about the patient: 0/0 faces
the chest, primary +90 is the patient's left, secondary + is cranial. The image is seen from the
detector towards the source, so at 0/0 the patient's left is on the image's right, and at 180 (the
detector above a prone patient) on its left. Rows run caudally.

Points are (N, 3) float64 in DICOM patient coordinates (LPS, millimetres); positions in the image
are (row, column), 0-based, at the pixel's centre.
"""

from dataclasses import dataclass, replace

import numpy as np

from guidance.errors import InputError
from guidance.records import FloatArray

# A mobile C-arm has an SID of about 1 m, an angiography unit up to 1.2 m; both ends are generous.
SID_RANGE_MM = (300.0, 2500.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConeBeamView:
    """A C-arm, its detector, and where it stands about the patient.

    Attributes
    ----------
    primary_angle_deg, secondary_angle_deg : float
        Of the detector about the patient. Degrees, primary -180..180, secondary -90..90.
    isocenter_lps_mm : (x, y, z)
        Point that the central ray passes at `sod_mm` from the source. Millimetres.
    sid_mm, sod_mm : float
        From the source to the detector, and to the isocentre. Millimetres.
    rows, columns : int
        Size of the detector. Pixels.
    spacing_det_mm : (row, column)
        Distance between pixel centres at the detector. Millimetres.
    roll_deg : float
        How far the detector is turned in its plane; positive turns the image clockwise. Degrees.
    mirrored : bool
        Whether the stored image is flipped left to right.
    """

    primary_angle_deg: float
    secondary_angle_deg: float
    isocenter_lps_mm: tuple[float, float, float]
    sid_mm: float
    sod_mm: float
    rows: int
    columns: int
    spacing_det_mm: tuple[float, float]
    roll_deg: float = 0.0
    mirrored: bool = False

    def __post_init__(self) -> None:
        """Refuse what no C-arm can do."""
        numbers = (
            self.primary_angle_deg,
            self.secondary_angle_deg,
            *self.isocenter_lps_mm,
            self.roll_deg,
        )
        if not np.isfinite(numbers).all():
            raise InputError(f"the pose {numbers} holds a number that is not finite")
        if abs(self.primary_angle_deg) > 180 or abs(self.secondary_angle_deg) > 90:
            raise InputError(
                f"angles {self.primary_angle_deg}/{self.secondary_angle_deg} are impossible; "
                "expected primary -180 to 180 and secondary -90 to 90 degrees"
            )
        least, most = SID_RANGE_MM
        if not (least <= self.sid_mm <= most and 0 < self.sod_mm < self.sid_mm):
            raise InputError(
                f"sid_mm {self.sid_mm} and sod_mm {self.sod_mm} are impossible; expected "
                f"{least:g} to {most:g} and an isocentre between source and detector"
            )
        if min(self.rows, self.columns) < 1 or min(self.spacing_det_mm) <= 0:
            raise InputError(
                f"detector of {self.rows}×{self.columns} pixels of {self.spacing_det_mm} mm; "
                "expected at least one pixel of positive size"
            )

    @property
    def axes(self) -> FloatArray:
        """(3, 3) unit vectors: along rows (image right), along columns (down), to the detector."""
        alpha, beta, roll = np.deg2rad(
            (self.primary_angle_deg, self.secondary_angle_deg, self.roll_deg)
        )
        sa, ca, sb, cb = np.sin(alpha), np.cos(alpha), np.sin(beta), np.cos(beta)
        right = np.array((ca, sa, 0.0))
        down = np.array((sa * sb, -ca * sb, -cb))
        to_detector = np.array((sa * cb, -ca * cb, sb))
        right, down = (
            np.cos(roll) * right - np.sin(roll) * down,
            np.sin(roll) * right + np.cos(roll) * down,
        )
        if self.mirrored:
            right = -right
        return np.stack((right, down, to_detector))

    @property
    def source_lps_mm(self) -> FloatArray:
        """(3,) position of the focal spot. Millimetres."""
        source: FloatArray = np.array(self.isocenter_lps_mm) - self.sod_mm * self.axes[2]
        return source

    @property
    def magnification(self) -> float:
        """Of what lies at the isocentre."""
        return self.sid_mm / self.sod_mm

    @property
    def spacing_iso_mm(self) -> tuple[float, float]:
        """Size of a pixel at the isocentre, (row, column). Millimetres."""
        row, column = self.spacing_det_mm
        return row / self.magnification, column / self.magnification

    @property
    def px_from_lps(self) -> FloatArray:
        """(3, 4) matrix: (x, y, z, 1) to (row * depth, column * depth, depth), depth in mm."""
        right, down, to_detector = self.axes
        row_mm, column_mm = self.spacing_det_mm
        row = self.sid_mm / row_mm * down + (self.rows - 1) / 2 * to_detector
        column = self.sid_mm / column_mm * right + (self.columns - 1) / 2 * to_detector
        linear = np.stack((row, column, to_detector))
        return np.hstack((linear, -(linear @ self.source_lps_mm)[:, None]))


def project(view: ConeBeamView, points_lps_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where points fall on the detector, and how far from the source they lie.

    Parameters
    ----------
    view : ConeBeamView
        The C-arm.
    points_lps_mm : (N, 3) float64 array
        Points. Millimetres.

    Returns
    -------
    positions_px : (N, 2) float64 array
        Row and column; may lie off the detector. Not a number for points behind the source.
    depths_mm : (N,) float64 array
        Distance from the source along the central ray. Millimetres.
    """
    points = np.asarray(points_lps_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"points_lps_mm has shape {points.shape}, expected (N, 3)")
    matrix = view.px_from_lps
    projected = points @ matrix[:, :3].T + matrix[:, 3]
    depths = projected[:, 2]
    in_front = np.where(depths > 0, depths, np.nan)
    return projected[:, :2] / in_front[:, None], depths


def ray_direction(view: ConeBeamView, position_px: tuple[float, float]) -> FloatArray:
    """Return the (3,) unit vector in LPS from the source to a position (row, column)."""
    right, down, to_detector = view.axes
    row_mm, column_mm = view.spacing_det_mm
    direction = (
        (position_px[1] - (view.columns - 1) / 2) * column_mm * right
        + (position_px[0] - (view.rows - 1) / 2) * row_mm * down
        + view.sid_mm * to_detector
    )
    unit: FloatArray = direction / np.linalg.norm(direction)
    return unit


def moved(view: ConeBeamView, by_lps_mm: FloatArray) -> ConeBeamView:
    """Return the view after the patient moved by `by_lps_mm` (3,): the C-arm goes the other way."""
    x, y, z = (float(v) for v in np.array(view.isocenter_lps_mm) - by_lps_mm)
    return replace(view, isocenter_lps_mm=(x, y, z))
