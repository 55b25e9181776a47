"""A small phantom: fluoroscopy of a left lumbar medial branch block, with the truth beside it.

The beam, the vertebra, the needle and the contrast obey simple physics with cited constants; see
the modules beside this one. What it is not: there is no perspective, no beam hardening, one
anatomy scaled and turned, and no temporal filter such as consoles have.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from guidance.records import FloatArray, MaskArray, SpreadPattern
from phantom._contrast import Canvas, Injection, Pool, VeinTree
from phantom._physics import (
    IODINE_CM2_PER_MG,
    Detector,
    Map,
    PathLengths,
    add_scatter,
    blur,
    detect,
    relative_noise,
    transmission,
)
from phantom._records import (
    VERDICTS,
    WITH_VEIN,
    PhantomSettings,
    RunTruth,
    SimulatedRun,
)
from phantom._scene import Scene, lay_out, moved, smooth_noise

# The canvas is wider than the image by this much, more than soft tissue ever moves. Millimetres.
MARGIN_MM = 6.0
# Rose: an object is seen when its mean differs from the background's by five standard deviations
# (A. Rose, J. Opt. Soc. Am. 38 (1948) 196). Judged over a square of this side.
ROSE = 5.0
ROSE_SQUARE_MM = 2.0
# The exposure control settles with this time constant.
CONTROL_S = 0.35
# Half-shadow of the edge of the collimator's blades.
BLADE_EDGE_MM = 0.6


def simulate_run(settings: PhantomSettings, seed: int) -> SimulatedRun:
    """Return a simulated run and its truth.

    The anatomy, needle, motion and noise depend on the seed alone (textures and noise on the size
    too), so runs of one seed that differ in pattern or dose differ in contrast alone.

    Parameters
    ----------
    settings : PhantomSettings
        What to simulate.
    seed : int
        Not negative. The same seed, settings and versions of the libraries give the same pixels.

    Returns
    -------
    SimulatedRun
        Frames, times, iodine and truth.
    """
    margin = math.ceil(MARGIN_MM / settings.spacing_iso_mm)
    shape = (settings.rows + 2 * margin, settings.columns + 2 * margin)
    scene = lay_out(shape, settings.spacing_iso_mm, settings.motion_mm, seed)
    contrast = _Contrast.of(settings, scene, seed)
    camera = _Camera(settings, scene, margin)
    times_s = _times(settings, seed)
    noise = np.random.default_rng([seed, 3])
    frames = np.empty(
        (settings.frames, settings.rows, settings.columns),
        np.uint8 if settings.bits_stored == 8 else np.uint16,
    )
    iodine = np.zeros(frames.shape, np.float32)
    vessel = np.zeros(frames.shape, np.float32)
    seen = np.zeros((settings.frames, 2), bool)
    tips_px = np.empty((settings.frames, 2))
    for index, time_s in enumerate(times_s.tolist()):
        shift_px = scene.motion.bone_mm(time_s) / settings.spacing_iso_mm
        tips_px[index] = scene.canvas.origin_px + shift_px - margin
        in_pool, in_vein = contrast.at(time_s)
        vessel[index] = moved(in_vein, shift_px, margin, keep_sum=True)
        iodine[index] = vessel[index] + moved(in_pool, shift_px, margin, keep_sum=True)
        primary, scatter = camera.radiation(time_s, iodine[index])
        exposure = 1 - settings.exposure_ramp * math.exp(-time_s / CONTROL_S)
        values = detect(primary + scatter, exposure, camera.detector, noise)
        frames[index] = camera.digitise(values)
        seen[index] = [
            camera.is_visible(part, primary, scatter) for part in (iodine[index], vessel[index])
        ]
    course = _Course(
        times_s=times_s,
        tips_px=tips_px,
        iodine_mg=iodine.sum(axis=(1, 2), dtype=np.float64) * scene.canvas.pixel_cm2,
        seen=seen,
    )
    return SimulatedRun(
        frames=frames,
        times_s=times_s,
        iodine_mg_per_cm2=iodine,
        vessel_mg_per_cm2=vessel,
        settings=settings,
        truth=_truth(settings, seed, contrast, course),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """What happened, frame by frame.

    Attributes
    ----------
    times_s : (T,) float64 array
        Seconds from the first frame.
    tips_px : (T, 2) float64 array
        The needle's tip, (row, column).
    iodine_mg : (T,) float64 array
        Iodine within the image. Milligrams.
    seen : (T, 2) bool array
        Whether the iodine can be seen: all of it, and that in the vein alone.
    """

    times_s: FloatArray
    tips_px: FloatArray
    iodine_mg: FloatArray
    seen: MaskArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """The injection, and where its iodine is."""

    injection: Injection
    diameter_mm: float | None
    canvas: Canvas
    pool: Pool | None
    tree: VeinTree | None

    @classmethod
    def of(cls, settings: PhantomSettings, scene: Scene, seed: int) -> "_Contrast":
        rng = np.random.default_rng([seed, 2])
        along_rad = rng.uniform(-1.9, -1.2)
        drawn_share, drawn_mm = rng.uniform(0.15, 0.4), rng.uniform(1.0, 1.8)
        own_share = {SpreadPattern.VASCULAR: 0.95, SpreadPattern.MIXED: drawn_share}
        share = settings.vessel_dose_fraction
        injection = Injection(
            start_s=settings.contrast_start_s,
            duration_s=settings.injection_s,
            iodine_mg=0.0
            if settings.pattern is SpreadPattern.NONE
            else settings.injected_iodine_mg,
            concentration_mg_per_ml=settings.concentration_mg_per_ml,
            vessel_share=own_share.get(settings.pattern, 0.0) if share is None else share,
        )
        diameter_mm, tree, pool = None, None, None
        if settings.pattern in WITH_VEIN:
            diameter_mm = settings.vessel_diameter_mm or drawn_mm
            tree = VeinTree(scene.canvas, injection, diameter_mm, rng)
        if injection.iodine_mg * (1 - injection.vessel_share) > 0:
            pool_rng = np.random.default_rng([seed, 6])
            roughness = smooth_noise(scene.canvas.shape, 2.6 / settings.spacing_iso_mm, pool_rng)
            pool = Pool(scene.canvas, injection, along_rad, roughness)
        return cls(
            injection=injection,
            diameter_mm=diameter_mm,
            canvas=scene.canvas,
            pool=pool,
            tree=tree,
        )

    def at(self, time_s: float) -> tuple[Map, Map]:
        """Return the iodine in the pool and in the vein, mg/cm² on the canvas at rest."""
        nothing = np.zeros(self.canvas.shape, np.float32)
        return (
            self.pool.areal_density(time_s) if self.pool else nothing,
            self.tree.areal_density(time_s) if self.tree else nothing,
        )


class _Camera:
    """Tube, collimator, detector and console."""

    def __init__(self, settings: PhantomSettings, scene: Scene, margin: int) -> None:
        self._settings = settings
        self._scene = scene
        self._margin = margin
        self._shown = self._between_blades()
        edge_px = BLADE_EDGE_MM / settings.spacing_iso_mm
        self._field = blur(self._shown.astype(np.float32), edge_px)
        self._letters = self._burnt_in()
        self.detector = Detector(
            spacing_iso_mm=settings.spacing_iso_mm,
            spacing_det_mm=settings.imager_pixel_spacing_mm,
            dose_ngy=settings.detector_dose_ngy,
            bits_stored=settings.bits_stored,
        )
        self._gain = np.float32(1)
        nothing = np.zeros((settings.rows, settings.columns), np.float32)
        total = np.add(*self.radiation(0.0, nothing))
        third = [slice(n // 3, n - n // 3) for n in total.shape]
        self._gain = np.float32(1 / total[*third].mean())

    def radiation(self, time_s: float, iodine_mg_per_cm2: Map) -> tuple[Map, Map]:
        """Return primary and scatter; their sum is 1 in the middle of the image at time 0."""
        scene, spacing = self._scene, self._settings.spacing_iso_mm
        bone_px = scene.motion.bone_mm(time_s) / spacing
        bone = moved(scene.bone_cm, bone_px, self._margin)
        steel = moved(scene.steel_cm, bone_px, self._margin, keep_sum=True)
        soft = moved(scene.soft_cm, scene.motion.soft_mm(time_s) / spacing, self._margin)
        gas = moved(
            scene.gas_cm, scene.motion.gas_mm(time_s) / spacing, self._margin, keep_sum=True
        )
        paths = PathLengths(
            # Bone, needle and gas take the place of soft tissue.
            soft_cm=soft - bone - steel - gas,
            bone_cm=bone,
            steel_cm=steel,
            iodine_mg_per_cm2=iodine_mg_per_cm2,
        )
        return add_scatter(self._gain * self._field * transmission(paths), spacing)

    def is_visible(self, iodine_mg_per_cm2: Map, primary: Map, scatter: Map) -> bool:
        """Return whether this part of the iodine meets Rose's criterion anywhere in the field."""
        if not iodine_mg_per_cm2.any():
            return False
        side = max(1, round(ROSE_SQUARE_MM / self._settings.spacing_iso_mm))
        shadow = 1 - np.exp(-np.float32(IODINE_CM2_PER_MG) * iodine_mg_per_cm2)
        signal = primary + scatter
        contrast = cv2.blur(shadow * primary / signal, (side, side))
        noise = relative_noise(signal, self.detector) / side
        return bool(((contrast > ROSE * noise) & self._shown).any())

    def digitise(self, values: Map) -> Map:
        """Return whole pixel values in range; blank behind the blades, with letters burnt in."""
        whole = np.clip(np.rint(values), 0, self.detector.full_scale)
        whole[~self._shown] = 0
        whole[self._letters] = self.detector.full_scale
        return whole

    def _between_blades(self) -> MaskArray:
        shown = np.ones((self._settings.rows, self._settings.columns), bool)
        edges = self._settings.collimator
        if edges is not None:
            shown[:] = False
            shown[edges.top : edges.bottom + 1, edges.left : edges.right + 1] = True
        return shown

    def _burnt_in(self) -> MaskArray:
        settings = self._settings
        picture = np.zeros((settings.rows, settings.columns), np.uint8)
        if settings.marker:
            size = settings.rows / 256
            at = (round(14 * size), round(34 * size))
            cv2.putText(
                picture,
                settings.marker,
                at,
                cv2.FONT_HERSHEY_SIMPLEX,
                0.8 * size,
                255,
                round(2 * size),
            )
        return picture > 127


def _times(settings: PhantomSettings, seed: int) -> FloatArray:
    """Return (T,) acquisition times. Seconds from the first."""
    count = settings.frames
    if not settings.uneven_timing:
        return np.arange(count, dtype=np.float64) / settings.frames_per_second
    rng = np.random.default_rng([seed, 4])
    steps = rng.uniform(0.9, 1.1, count - 1) + (rng.random(count - 1) < 0.05)
    times = np.concatenate([[0.0], np.cumsum(steps)]) / settings.frames_per_second
    # A header holds tenths of a millisecond without loss.
    return np.round(times, 4)


def _truth(settings: PhantomSettings, seed: int, contrast: _Contrast, course: _Course) -> RunTruth:
    injection, diameter_mm = contrast.injection, contrast.diameter_mm
    # A run that ends before the injection shows none, whatever was planned.
    given = bool(course.iodine_mg.any())
    pattern = settings.pattern if given else SpreadPattern.NONE
    has_vein = given and diameter_mm is not None
    return RunTruth(
        seed=seed,
        pattern=str(pattern),
        verdict=str(VERDICTS[pattern]),
        spacing_iso_mm=settings.spacing_iso_mm,
        times_s=course.times_s.tolist(),
        tip_px=[(round(row, 3), round(column, 3)) for row, column in course.tips_px.tolist()],
        injected_iodine_mg=injection.iodine_mg if given else 0.0,
        concentration_mg_per_ml=injection.concentration_mg_per_ml,
        vessel_dose_fraction=round(injection.vessel_share, 4) if has_vein else 0.0,
        vessel_diameter_mm=round(diameter_mm, 4) if has_vein and diameter_mm else None,
        first_iodine_frame=_first(course.iodine_mg > 0),
        onset_frame=_first(course.seen[:, 0]),
        injection_end_frame=_first(course.times_s >= injection.end_s) if given else None,
        first_visible_vessel_frame=_first(course.seen[:, 1]),
        iodine_in_image_mg=[round(mg, 4) for mg in course.iodine_mg.tolist()],
    )


def _first(flags: MaskArray) -> int | None:
    return int(flags.argmax()) if flags.any() else None
