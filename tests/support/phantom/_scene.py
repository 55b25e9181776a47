"""The patient: soft tissue, gas, bone and needle as layers of path length, each moving its own way.

Layers are laid out on a canvas that is wider than the image by a margin, so that a layer can move
without baring its edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from guidance.records import FloatArray
from phantom._contrast import Canvas, Splat, tube_points
from phantom._lumbar import (
    GROOVE_LEFT_MM,
    SAMPLING_MM,
    VERTEBRA_PITCH_MM,
    project_vertebra,
    view_from_vertebra,
)
from phantom._physics import Map

# Prone lumbar patient along the oblique beam. Centimetres.
SOFT_CM = 20.5
# Lordosis: tilt of the vertebrae from two above the target's to two below it. Degrees.
TILTS_DEG = (8.0, 4.0, 0.0, -8.0, -20.0)
LORDOSIS_MM = 1.2
# 25 gauge (ISO 9626): outer and inner diameter; a long spinal needle.
NEEDLE_OUTER_MM = 0.515
NEEDLE_INNER_MM = 0.26
NEEDLE_IN_PLANE = 0.75
NEEDLE_LENGTH_MM = 120.0
# Breathing of a prone patient under light sedation.
BREATH_S = 4.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Layers of path length on the canvas, (R, C) float32 in centimetres.

    Attributes
    ----------
    canvas : Canvas
        Its origin is the needle's tip at rest.
    soft_cm : Map
        Soft tissue without gas and bone's share.
    gas_cm : Map
        Gas in the bowel, which takes the place of soft tissue.
    bone_cm : Map
        Compact bone.
    steel_cm : Map
        The needle.
    motion : Motion
        How the layers move.
    """

    canvas: Canvas
    soft_cm: Map
    gas_cm: Map
    bone_cm: Map
    steel_cm: Map
    motion: "Motion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Breathing moves bone a little, soft tissue more; bowel gas drifts besides.

    Attributes
    ----------
    amplitude_mm : float
        Greatest displacement of bone from its mean. Millimetres.
    phase_rad : float
        Of breathing at time 0. Radians.
    direction_rad : float
        In which bone moves, from columns towards rows. Radians.
    gas_drift_per_s : (row, column)
        Drift of the gas, as multiples of the amplitude. Per second.
    """

    amplitude_mm: float
    phase_rad: float
    direction_rad: float
    gas_drift_per_s: tuple[float, float]

    def bone_mm(self, time_s: float) -> FloatArray:
        """Return the (row, column) displacement of bone, needle and contrast. Millimetres."""
        phase = 2 * np.pi * time_s / BREATH_S + self.phase_rad
        direction = np.array([np.sin(self.direction_rad), np.cos(self.direction_rad)])
        result: FloatArray = self.amplitude_mm * np.sin(phase) * direction
        return result

    def soft_mm(self, time_s: float) -> FloatArray:
        """Return the (row, column) displacement of soft tissue. Millimetres."""
        # The belly wall follows the diaphragm: thrice as far, along the body, a little later.
        phase = 2 * np.pi * time_s / BREATH_S + self.phase_rad - 0.5
        return np.array([3 * self.amplitude_mm * np.sin(phase), 0.0])

    def gas_mm(self, time_s: float) -> FloatArray:
        """Return the (row, column) displacement of bowel gas. Millimetres."""
        drift = self.amplitude_mm * np.asarray(self.gas_drift_per_s) * time_s
        result: FloatArray = self.soft_mm(time_s) + drift
        return result


def lay_out(shape: tuple[int, int], spacing_mm: float, motion_mm: float, seed: int) -> Scene:
    """Return a patient for `seed`, with the needle's tip in the left groove of the middle vertebra.

    Parameters
    ----------
    shape : (rows, columns)
        Size of the canvas.
    spacing_mm : float
        Size of a pixel. Millimetres at the isocentre.
    motion_mm : float
        Amplitude of the bone's motion. Millimetres.
    seed : int
        Of anatomy, needle and motion.
    """
    # Two streams, so that the size of the image changes textures alone.
    rng, texture_rng = (np.random.default_rng([seed, stream]) for stream in (1, 5))
    size = rng.uniform(0.94, 1.06)
    turn = size * _turn(rng.uniform(-3.0, 3.0))
    groove_uv = turn @ view_from_vertebra(0.0)[:2] @ np.asarray(GROOVE_LEFT_MM)
    target_uv = rng.uniform((-9.0, -6.0), (-3.0, 4.0))
    tip_px = (np.asarray(shape) - 1) / 2 + target_uv[::-1] / spacing_mm
    canvas = Canvas(
        shape=shape, origin_px=(float(tip_px[0]), float(tip_px[1])), spacing_mm=spacing_mm
    )
    motion = Motion(
        amplitude_mm=motion_mm,
        phase_rad=rng.uniform(0, 2 * np.pi),
        direction_rad=rng.uniform(1.2, 1.9),
        gas_drift_per_s=(rng.uniform(-2.5, 2.5), rng.uniform(-1.0, 2.0)),
    )
    steel = _needle(canvas, rng.uniform(2.2, 2.75))
    gas = _gas(canvas, rng)
    # A larger bone is thicker too.
    bone = np.float32(size) * _spine(canvas, target_uv - groove_uv, turn)
    trabeculae = smooth_noise(shape, 0.9 / spacing_mm, texture_rng)
    trabeculae += 0.8 * smooth_noise(shape, 3.5 / spacing_mm, texture_rng)
    bone *= np.clip(1 + np.float32(0.07) * trabeculae, 0, None)
    soft = _soft(canvas, texture_rng)
    return Scene(
        canvas=canvas, soft_cm=soft, gas_cm=gas, bone_cm=bone, steel_cm=steel, motion=motion
    )


def smooth_noise(shape: tuple[int, int], sigma_px: float, rng: np.random.Generator) -> Map:
    """Return smooth noise of about unit spread, its features about `sigma_px` in size."""
    step = max(1.0, sigma_px)
    rows, columns = (int(n / step) + 4 for n in shape)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    scale = np.array([[step, 0, -1.5 * step], [0, step, -1.5 * step]])
    fine = cv2.warpAffine(coarse, scale, shape[::-1], flags=cv2.INTER_CUBIC)
    # Cubic interpolation between independent values loses about a fifth of their spread.
    return np.asarray(1.25 * fine, np.float32)


def moved(layer: Map, shift_px: FloatArray, margin: int, *, keep_sum: bool = False) -> Map:
    """Return the part of a layer that the image sees after a (row, column) shift.

    Parameters
    ----------
    layer : (R, C) float32 array
        On the canvas.
    shift_px : (2,) float64 array
        Towards larger rows and columns. Pixels.
    margin : int
        By which the canvas is wider than the image on each side; the shift must be less.
    keep_sum : bool
        Interpolate linearly, which can make nothing negative and keeps the sum.
    """
    rows, columns = (n - 2 * margin for n in layer.shape)
    matrix = np.array([[1, 0, margin - shift_px[1]], [0, 1, margin - shift_px[0]]])
    flags = (cv2.INTER_LINEAR if keep_sum else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(layer, matrix, (columns, rows), flags=flags), np.float32)


def _turn(angle_deg: float) -> FloatArray:
    """Return the (2, 2) rotation of (u, v) by an angle."""
    angle = np.radians(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _spine(canvas: Canvas, centre_uv: FloatArray, turn: FloatArray) -> Map:
    """Return the vertebrae.

    Parameters
    ----------
    canvas : Canvas
        What to draw on.
    centre_uv : (2,) float64 array
        Centre of the middle vertebra. Millimetres from the middle of the canvas.
    turn : (2, 2) float64 array
        Rotation and size of the whole spine.
    """
    total = np.zeros(canvas.shape, np.float32)
    middle = (np.asarray(canvas.shape)[::-1] - 1) / 2
    for level, tilt in enumerate(TILTS_DEG, start=-2):
        # Lordosis: vertebrae away from the middle lie further back, so further right.
        offset = turn @ np.array([LORDOSIS_MM * level**2, VERTEBRA_PITCH_MM * level])
        at = middle + (centre_uv + offset) / canvas.spacing_mm
        vertebra = project_vertebra(tilt)
        scaled = turn * (SAMPLING_MM / canvas.spacing_mm)
        own_middle = (np.asarray(vertebra.shape)[::-1] - 1) / 2
        matrix = np.column_stack([scaled, at - scaled @ own_middle])
        total += cv2.warpAffine(vertebra, matrix, canvas.shape[::-1], flags=cv2.INTER_CUBIC)
    return np.maximum(total, 0)


def _needle(canvas: Canvas, direction_rad: float) -> Map:
    """Return the needle's steel; it runs from the tip in `direction_rad`, columns towards rows."""
    step = 0.1
    along = np.arange(0, NEEDLE_LENGTH_MM * NEEDLE_IN_PLANE, step)
    path = along[:, None] * np.array([np.sin(direction_rad), np.cos(direction_rad)])
    places, areas = tube_points(path, NEEDLE_OUTER_MM / 2, NEEDLE_INNER_MM / 2, 9)
    volumes = np.broadcast_to(areas * step / NEEDLE_IN_PLANE, places.shape[:2])
    volume_mm3 = Splat(canvas, places, volumes).draw(np.ones(len(path)))
    return volume_mm3 / np.float32(10 * canvas.spacing_mm**2)


def _axes_mm(canvas: Canvas) -> tuple[FloatArray, FloatArray]:
    """Return (R, 1) and (1, C) millimetres from the middle of the canvas, down and right."""
    down, right = (
        np.linspace(-0.5, 0.5, count, dtype=np.float64) * (count - 1) * canvas.spacing_mm
        for count in canvas.shape
    )
    return down[:, None], right[None, :]


def _soft(canvas: Canvas, rng: np.random.Generator) -> Map:
    v, u = _axes_mm(canvas)
    # The flank falls away towards the patient's left, which is the image's left.
    total = (
        SOFT_CM
        - 2.6 * np.clip((-u - 15) / 45, 0, None) ** 1.5
        - 0.9 * np.clip(u / 50, 0, None) ** 2
    )
    total = total + 0.5 * v / 50
    # Psoas: a muscle whose outer edge runs down and outwards on both sides of the spine.
    left, right = -33 - 0.28 * (v + 10), 27 + 0.22 * (v + 10)
    total = total + 0.75 / (1 + np.exp(-(u - left) / 1.3)) / (1 + np.exp((u - right) / 1.6))
    soft: Map = total.astype(np.float32)
    for sigma_mm, spread_cm in ((18.0, 0.3), (6.0, 0.12), (2.0, 0.05)):
        soft += np.float32(spread_cm) * smooth_noise(
            canvas.shape, sigma_mm / canvas.spacing_mm, rng
        )
    # Fascicles of the back's muscles run along the body.
    streaks = smooth_noise(
        (canvas.shape[0] // 12 + 1, canvas.shape[1]), 1.2 / canvas.spacing_mm, rng
    )
    soft += np.float32(0.05) * cv2.resize(
        streaks, canvas.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    return soft


def _gas(canvas: Canvas, rng: np.random.Generator) -> Map:
    """Return a loop of bowel gas."""
    v, u = _axes_mm(canvas)
    at = np.array([rng.uniform(-8, 14), rng.uniform(-50, -42)])
    heading = rng.uniform(-0.5, 0.5)
    gas = np.zeros(canvas.shape, np.float32)
    for _ in range(5):
        radius = rng.uniform(6.5, 10.0)
        square = 1 - ((v - at[0]) ** 2 + (u - at[1]) ** 2) / radius**2
        chord = 0.16 * radius * np.sqrt(np.clip(square, 0, None))
        gas = np.maximum(gas, chord).astype(np.float32)
        at = at + 8.0 * np.array([np.cos(heading), np.sin(heading)])
        heading += rng.uniform(-0.6, 0.6)
    return np.asarray(cv2.GaussianBlur(gas, (0, 0), 0.8 / canvas.spacing_mm), np.float32)
