"""Where the C-arm stood about the patient, as far as a header can say (PS3.3 C.8.7.5.1.2).

Angles place the detector about the patient: 0/0 faces the chest, primary +90 is the patient's left,
secondary + is towards the head. The detector is taken to be above the table, so one that faces the
chest means a supine patient, one that faces the back a prone one.

Consoles often write the angles of a supine patient for one who lies prone. Turning the patient over
under the same detector changes the primary angle by 180° and leaves the secondary as it is. So two
poses are possible unless the header is one that only an informed console writes; and where nothing
gives the image's orientation, each of them may be mirrored.
"""

import math

import numpy as np

from guidance.io._attributes import Attributes
from guidance.io._keywords import label
from guidance.io._scale import Distances
from guidance.records import CArmPose, FloatArray, NotFound, PoseCandidate, Remark

LARGEST_PRIMARY_DEG = 180.0
LARGEST_SECONDARY_DEG = 90.0
PRONE_POSITIONS = frozenset({"HFP", "FFP"})
# PS3.3 C.7.6.1.1.1. LPS directions of the letters; the second letter of a pair says "and a little".
DIRECTIONS = {
    "L": (1, 0, 0),
    "R": (-1, 0, 0),
    "P": (0, 1, 0),
    "A": (0, -1, 0),
    "H": (0, 0, 1),
    "F": (0, 0, -1),
}
LETTER_WEIGHTS = (1.0, 0.5, 0.25)
# Below this the image plane by its letters lies along the beam: the letters belong to another view.
LEAST_FACING = 0.3


def read_pose(attributes: Attributes, distances: Distances) -> tuple[CArmPose, list[Remark]]:
    """Return the pose as written, the poses that are possible, and the one if only one is.

    Parameters
    ----------
    attributes : Attributes
        The header.
    distances : Distances
        Of the C-arm.
    """
    remarks: list[Remark] = []
    primary = _angle(attributes, "PositionerPrimaryAngle", LARGEST_PRIMARY_DEG, remarks)
    secondary = _angle(attributes, "PositionerSecondaryAngle", LARGEST_SECONDARY_DEG, remarks)
    position = attributes.code("PatientPosition") or None
    orientation = _orientation(attributes, remarks)
    if attributes.code("PositionerMotion") == "DYNAMIC":
        remarks.append(
            Remark(
                attribute=label("PositionerMotion"),
                finding="is DYNAMIC, the C-arm turned during the run",
                cost="the pose holds for the first frame only, and contrast cannot be told from "
                "the turning anatomy",
            )
        )
    candidates = _candidates(primary, secondary, orientation)
    resolved = _resolve(candidates, position, primary)
    if not resolved and candidates:
        remarks.append(
            Remark(
                attribute=label("PatientPosition"),
                finding=f"leaves {len(candidates)} poses of the C-arm possible",
                cost="none is chosen, so left and right, supine and prone stay open",
                remedy="name the side with --side",
            )
        )
    return (
        CArmPose(
            primary_angle_deg=primary,
            secondary_angle_deg=secondary,
            patient_position=position,
            patient_orientation=orientation,
            distance_source_to_detector_mm=distances.source_to_detector_mm,
            distance_source_to_patient_mm=distances.source_to_patient_mm,
            candidates=candidates,
            resolved=resolved,
        ),
        remarks,
    )


def turn_over(primary_deg: float) -> float:
    """Return the primary angle after the patient has turned over under the same detector.

    Parameters
    ----------
    primary_deg : float
        Positioner primary angle. Degrees.

    Returns
    -------
    float
        Above −180, up to 180. Degrees.

    Examples
    --------
    >>> turn_over(-25.0), turn_over(30.0), turn_over(0.0)
    (155.0, -150.0, 180.0)
    """
    turned = primary_deg + 180.0
    return turned - 360.0 if turned > 180.0 else turned


def detector_direction_lps(primary_deg: float, secondary_deg: float) -> FloatArray:
    """Return the direction from the patient to the detector.

    Parameters
    ----------
    primary_deg, secondary_deg : float
        Positioner angles, DICOM's signs. Degrees.

    Returns
    -------
    (3,) float64 array
        Unit vector (x, y, z) in the patient's LPS system: left, posterior, superior.
    """
    primary, secondary = math.radians(primary_deg), math.radians(secondary_deg)
    return np.array(
        [
            math.sin(primary) * math.cos(secondary),
            -math.cos(primary) * math.cos(secondary),
            math.sin(secondary),
        ]
    )


def _candidates(
    primary: float | None, secondary: float | None, orientation: tuple[str, str] | None
) -> tuple[PoseCandidate, ...]:
    """Return the pose as written and the one with the patient turned over, mirrored or not."""
    if primary is None or secondary is None:
        return ()
    return tuple(
        PoseCandidate(
            primary_angle_deg=angle,
            secondary_angle_deg=secondary,
            patient="supine" if abs(angle) <= 90 else "prone",
            mirrored=mirrored,
        )
        for angle in (primary, turn_over(primary))
        for mirrored in _mirrorings(angle, secondary, orientation)
    )


def _resolve(
    candidates: tuple[PoseCandidate, ...], position: str | None, primary: float | None
) -> PoseCandidate | NotFound:
    """Return the one pose that the header leaves, or why it leaves more.

    A console that writes a prone position together with a detector at the back knows how the
    patient lies; one that writes a supine position may not have been told.
    """
    if not candidates or primary is None:
        return NotFound(
            f"{label('PositionerPrimaryAngle')} or {label('PositionerSecondaryAngle')} is missing "
            "or no use"
        )
    if position not in PRONE_POSITIONS:
        said = f"is {position}" if position else "is missing"
        return NotFound(
            f"{label('PatientPosition')} {said}: consoles often write supine angles for prone "
            "patients, and the image cannot tell"
        )
    if abs(primary) <= 90:
        return NotFound(
            f"{label('PatientPosition')} is {position}, but {label('PositionerPrimaryAngle')} is "
            f"{primary:g}, as for a supine patient: one of them was not set"
        )
    as_written = [one for one in candidates if one.primary_angle_deg == primary]
    if len(as_written) > 1:
        return NotFound(
            f"{label('PatientOrientation')} is missing or no use: the image may be mirrored"
        )
    if as_written[0].mirrored:
        return NotFound(
            f"{label('PatientOrientation')} says that the image is mirrored, as a console writes "
            "it that takes the patient to be supine"
        )
    return as_written[0]


def _mirrorings(
    primary_deg: float, secondary_deg: float, orientation: tuple[str, str] | None
) -> tuple[bool, ...]:
    """Return whether the image is mirrored; both answers where its orientation does not say.

    An image that is not shows the patient as seen from the detector: rows run to the viewer's
    right, columns down, and the two span, right-handed, the direction away from the viewer.
    """
    if orientation is None:
        return (False, True)
    rows, columns = (_direction(letters) for letters in orientation)
    into_image = np.cross(rows, columns)
    into_image /= np.linalg.norm(into_image)
    facing = float(into_image @ -detector_direction_lps(primary_deg, secondary_deg))
    return (False, True) if abs(facing) < LEAST_FACING else (facing < 0,)


def _orientation(attributes: Attributes, remarks: list[Remark]) -> tuple[str, str] | None:
    """Return the directions of rows and columns; None, with a remark, where they are no use."""
    codes = attributes.codes("PatientOrientation")
    if not any(attributes.tokens("PatientOrientation")):
        finding = "is missing"
    elif len(codes) == 2 and all(_is_direction(code) for code in codes):
        rows, columns = (_direction(code) for code in codes)
        if np.linalg.norm(np.cross(rows, columns)) > LEAST_FACING:
            return codes[0], codes[1]
        finding = "gives rows and columns the same direction, and was ignored"
    else:
        finding = "is not two directions, and was ignored"
    remarks.append(
        Remark(
            attribute=label("PatientOrientation"),
            finding=finding,
            cost="the image may be mirrored, so left cannot be told from right",
            remedy="name the side with --side",
        )
    )
    return None


def _is_direction(code: str) -> bool:
    """Return whether a code is one to three letters, each of another axis."""
    if not code or any(letter not in DIRECTIONS for letter in code):
        return False
    axes = {tuple(abs(part) for part in DIRECTIONS[letter]) for letter in code}
    return len(axes) == len(code)


def _direction(letters: str) -> FloatArray:
    """Return the unit vector of one to three letters."""
    vector = np.zeros(3)
    for weight, letter in zip(LETTER_WEIGHTS, letters, strict=False):
        vector += weight * np.array(DIRECTIONS[letter])
    return vector / np.linalg.norm(vector)


def _angle(
    attributes: Attributes, keyword: str, largest_deg: float, remarks: list[Remark]
) -> float | None:
    """Return an angle as written; None, with a remark, where it is absent or impossible."""
    if not any(attributes.tokens(keyword)):
        finding = "is missing"
    else:
        number = attributes.number(keyword)
        if number is not None and abs(number) <= largest_deg:
            return number
        finding = f"is not within ±{largest_deg:g} degrees, and was ignored"
    remarks.append(
        Remark(
            attribute=label(keyword),
            finding=finding,
            cost="the direction of the view is unknown, and with it the C-arm's pose",
        )
    )
    return None
