"""From settings and a spine to the compartments of the body: muscles, vessels, organs, bowel.

Sizes in the tables below are a guess unless a source is named, set by eye against abdominal CT so
that muscle areas come out as published (docs/body.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from guidance.records import FloatArray
from guidance.spine._body import BodySettings
from guidance.spine._body_bowel import GasPocket, lay_out_bowel
from guidance.spine._body_frame import BodyFrame, BoneExtents, build_frame
from guidance.spine._body_paint import ANYWHERE, IN_CAVITY, IN_FASCIA, LUNG
from guidance.spine._body_things import Things
from guidance.spine._body_trunk import OUTLINE
from guidance.spine._tissues import Filling

# Depth of the vertebral body over its half width: Panjabi 1992, 34 mm deep and 45 mm wide.
FRONT_OF_BODY = 0.78


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """The soft tissue of one patient, ready to be filled into voxels.

    Attributes
    ----------
    settings : BodySettings
        What it was built from.
    frame : BodyFrame
        Lines along the trunk; of the mirrored body if it is mirrored.
    columns : (N, K, 8), ellipsoids (N, 8), segments (N, 8), things (N, 8) : float64 arrays
        Tables of `_body_paint`; the columns over `frame.z_mm`.
    lung_base_z : float
        Height of the lowest lung. Millimetres, LPS.
    gas : tuple of GasPocket
        Gas in the bowel; not mirrored yet, in LPS.
    """

    settings: BodySettings
    frame: BodyFrame
    columns: FloatArray
    ellipsoids: FloatArray
    segments: FloatArray
    things: FloatArray
    lung_base_z: float
    gas: tuple[GasPocket, ...]

    def outline_at(self, z_mm: FloatArray) -> FloatArray:
        """Return the trunk's outline (S, 15) at heights (S,); see `_body_paint`."""
        f, body = self.frame.at(z_mm), self.settings
        rows = np.zeros((len(z_mm), OUTLINE))
        # Fat is thicker over the buttocks and thinner under the ribs. Guess.
        hips = f.pelvis
        fade = 1 - 0.35 * np.clip(f.above_l3 / 150, 0, 1)
        rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = (
            f.center_x,
            f.back_y,
            f.front_y,
            f.half_width,
        )
        rows[:, 4] = body.furrow_mm * (1 - 0.6 * hips)
        rows[:, 5] = body.fat_lateral_mm * fade * (1 + 0.2 * hips)
        rows[:, 6] = body.fat_posterior_mm * fade * (1 + 0.25 * hips)
        rows[:, 7] = body.fat_anterior_mm * fade
        rows[:, 8] = body.skin_mm
        rows[:, 9] = body.wall_mm * (1 - 0.25 * np.clip(f.above_l3 / 100, 0, 1))
        rows[:, 10] = 0.55 * body.wall_mm
        rows[:, 11] = f.process_y
        rows[:, 12] = hips
        rows[:, 13] = body.prone_flattening * body.is_prone
        rows[:, 14] = f.spine_x
        return rows

    def columns_at(self, z_mm: FloatArray) -> FloatArray:
        """Return the columns (N, S, 8) at heights (S,)."""
        columns: FloatArray = np.empty((self.columns.shape[0], len(z_mm), 8))
        for n, column in enumerate(self.columns):
            for k in range(8):
                columns[n, :, k] = np.interp(z_mm, self.frame.z_mm, column[:, k])
        return columns


def build_body(
    landmarks: Mapping[str, FloatArray], extents: BoneExtents, settings: BodySettings
) -> Body:
    """Return the soft body around a spine.

    Parameters
    ----------
    landmarks : mapping of str to (3,) float64 array
        Of the spine, by the contract's names.
    extents : BoneExtents
        Of all bones.
    settings : BodySettings
        The body; nothing else is random.
    """
    if settings.is_mirrored:
        landmarks = mirrored(landmarks)
    frame = build_frame(landmarks, extents, settings)
    things = Things(frame)
    _back_muscles(things, settings)
    _organs(things, settings)
    gas = lay_out_bowel(things, settings)
    _kidneys(things, settings)
    things.mark(LUNG, clip=IN_CAVITY, filling=Filling.LUNG)
    _psoas(things, settings)
    _vessels(things, settings)
    if settings.is_mirrored:
        gas = tuple(pocket.mirrored() for pocket in gas)
    return Body(
        settings=settings,
        frame=frame,
        columns=things.column_table(),
        ellipsoids=things.ellipsoid_table(),
        segments=things.segment_table(),
        things=things.table(),
        lung_base_z=frame.level("T12") + settings.lung_base_mm,
        gas=gas,
    )


def mirrored(landmarks: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the landmarks of the mirror image: x turned, left and right exchanged."""
    swap = {"left": "right", "right": "left"}
    flipped = {}
    for name, point in landmarks.items():
        parts = [swap.get(part, part) for part in name.split(".")]
        flipped[".".join(parts)] = np.asarray(point) * (-1.0, 1.0, 1.0)
    return flipped


def _back_muscles(things: Things, body: BodySettings) -> None:
    """Erector spinae in two parts, multifidus, quadratus lumborum.

    Areas that this gives, a side: both together 27 to 40 cm2 at L3, multifidus 10 to 13 at L4-L5;
    published: erector spinae 19 to 20 cm2 at L3-L5 (PMC7063279), multifidus 6 at L5 (women).
    """
    f, scale = things.frame, body.paraspinal_scale
    fat = body.paraspinal_fat_share
    # How far the erector spinae reaches to the side of the midline.
    side = scale * things.along(
        {"T11": 52, "T12": 58, "L1": 64, "L2": 70, "L3": 74, "L4": 72, "L5": 64, "S1": 54, "S3": 30}
    )
    ends = things.along({"T11+90": 1, "S3": 1, "S4": 0})
    rear = f.back_y + 0.75 * body.furrow_mm
    # Muscle lies on the bone: laminae and processes are put over it later.
    front = f.process_y - 1.5
    # Fat replaces muscle from below upwards, and most in the multifidus.
    caudal = np.clip(0.8 - f.above_l3 / 160, 0.5, 1.7)
    for s in (1, -1):
        inner = 3.0
        half_x = 0.5 * (side - inner)
        half_y = 0.5 * (rear - front) * ends
        things.column(
            x=f.spine_x + s * (inner + half_x),
            y=0.5 * (rear + front),
            half_x=half_x,
            half_y=half_y,
            turn_deg=s * -6.0,
            fat_share=fat * caudal,
            rim_mm=1.2,
            clip=IN_FASCIA,
        )
        # Iliocostalis, the outer third, behind its septum.
        things.column(
            x=f.spine_x + s * (side - 0.19 * side),
            y=0.5 * (rear + front) - 1.0,
            half_x=0.19 * side,
            half_y=0.80 * half_y,
            turn_deg=s * -14.0,
            fat_share=fat * caudal,
            rim_mm=0.8,
            clip=IN_FASCIA,
        )
        wide = scale * things.along(
            {"T11": 6, "L1": 7, "L3": 9, "L4": 11, "L5": 13, "S1": 15, "S3": 10}
        )
        deep = things.along({"T11": 0.5, "L1": 0.55, "L3": 0.7, "L5": 0.92, "S3": 0.95})
        things.column(
            x=f.spine_x + s * (inner - 1 + wide),
            y=front + 0.5 * deep * (rear - front),
            half_x=wide,
            half_y=0.5 * deep * (rear - front) * ends,
            turn_deg=s * -8.0,
            fat_share=np.minimum(0.7, 1.5 * fat * caudal),
            rim_mm=0.9,
            clip=IN_FASCIA,
        )
        # Intertransversarii, between the processes and before them, lateral to the joints.
        between = (
            0.5
            * (f.process_half - f.spine_half)
            * things.along({"T11": 0, "T12": 0, "L1": 1, "L5": 1, "S1": 0})
        )
        things.column(
            x=f.spine_x + s * (f.spine_half + 3.5 + between),
            y=f.process_y - 4.0,
            half_x=between,
            half_y=np.where(between > 1, 5.0, 0.0),
            turn_deg=s * 6.0,
            fat_share=fat * caudal,
            rim_mm=0.8,
            clip=IN_FASCIA,
        )
        # Quadratus lumborum, from the twelfth rib to the iliac crest.
        half = scale * things.along(
            {"T12": 0, "L1": 12, "L2": 16, "L3": 20, "L4": 23, "L5": 12, "S1": 0}
        )
        things.column(
            x=f.spine_x + s * (f.process_half - 4 + half),
            y=f.process_y - 5.0,
            half_x=half,
            half_y=scale * things.along({"T12": 0, "L1": 6, "L3": 9, "L4": 9, "L5": 6, "S1": 0}),
            turn_deg=s * 8.0,
            fat_share=np.full_like(half, 0.6 * fat),
            rim_mm=1.0,
            clip=IN_FASCIA,
        )


def _psoas(things: Things, body: BodySettings) -> None:
    """Psoas beside the bodies, thickening down to L5 and then turning aside and forward; iliacus.

    Area at L4-L5 10 to 15 cm2: published 11.5 cm2 (PMC7063279), 12.1 at L5 sitting.
    """
    f = things.frame
    for s, scale in zip((1, -1), body.psoas_scale, strict=True):
        half_x = scale * things.along(
            {
                "T12": 0,
                "L1": 5,
                "L2": 10,
                "L3": 14,
                "L4": 18,
                "L5": 20,
                "S1": 19,
                "S3": 16,
                "S4": 16,
            }
        )
        half_y = scale * things.along(
            {
                "T12": 0,
                "L1": 9,
                "L2": 14,
                "L3": 18,
                "L4": 21,
                "L5": 21,
                "S1": 19,
                "S3": 15,
                "S4": 15,
            }
        )
        aside = things.along({"T12": -3, "L3": -3, "L4": -2, "L5": 1, "S1": 9, "S2": 20, "S4": 34})
        back = things.along(
            {"T12": 10, "L2": 9, "L3": 7, "L4": 3, "L5": -5, "S1": -20, "S2": -40, "S4": -70}
        )
        x = f.spine_x + s * (f.spine_half + aside + half_x)
        things.column(
            x=x,
            y=f.spine_y + back,
            half_x=half_x,
            half_y=half_y,
            turn_deg=s * 12.0,
            fat_share=np.full_like(half_x, body.psoas_fat_share),
            rim_mm=1.2,
            clip=ANYWHERE,
        )


def _organs(things: Things, body: BodySettings) -> None:
    """Liver, spleen and pancreas; each is cut off where the abdominal wall begins."""
    f = things.frame
    top = things.row("T12")
    low = f.level("L2") - body.liver_edge_mm
    half, front, back = top.half_width, top.front_y, top.process_y + 12
    depth = back - front
    middle = 0.5 * (front + back)
    tall = max(50.0, 0.5 * (f.level("T12") + 95 - low))
    things.ellipsoid(
        (-0.62 * half, middle + 0.02 * depth, low + tall),
        (0.60 * half, 0.62 * depth, tall),
        Filling.LIVER,
    )
    things.ellipsoid(
        (-0.12 * half, front + 0.28 * depth, f.level("T12") + 52),
        (0.62 * half, 0.30 * depth, 62.0),
        Filling.LIVER,
    )
    long = 0.5 * body.spleen_length_mm
    things.ellipsoid(
        (0.80 * half, middle + 0.26 * depth, f.level("T12") + 22),
        (25.0, 0.26 * depth, long),
        Filling.SPLEEN,
        lean=(-0.15, 0.25),
    )
    head = np.array((-34.0, top.front_y + 0.50 * depth, f.level("L2") + 4))
    tail = np.array((68.0, top.front_y + 0.62 * depth, f.level("L1") + 14))
    neck = np.array((6.0, top.front_y + 0.44 * depth, f.level("L1") - 4))
    things.tube([head, neck, tail], [13.0, 9.0, 9.0], Filling.SPLEEN, clip=IN_CAVITY)


def _kidneys(things: Things, body: BodySettings) -> None:
    """Kidneys with the fat of their sinus, leaning outwards and forwards along the psoas."""
    f = things.frame
    for s, length, drop in zip((1, -1), body.kidney_length_mm, body.kidney_drop_mm, strict=True):
        z = f.level("L1") - drop
        row = things.at(z)
        scale = length / 110
        x = row.spine_x + s * (row.spine_half + 36.0 * scale)
        y = row.process_y - 17.0
        lean = (-s * 0.22, 0.18)
        # Perirenal fat, then the kidney, then its sinus.
        room = (36 * scale, 31 * scale, length / 2 + 14)
        things.ellipsoid((x, y, z), room, Filling.FAT, lean=lean)
        things.ellipsoid((x, y, z), (27 * scale, 23 * scale, length / 2), Filling.KIDNEY, lean=lean)
        things.ellipsoid(
            (x - s * 13 * scale, y - 4, z),
            (13 * scale, 8 * scale, 0.26 * length),
            Filling.FAT,
            lean=lean,
        )


def _vessels(things: Things, body: BodySettings) -> None:
    """Crura, inferior vena cava, aorta, common and external iliac vessels."""
    f = things.frame
    fork = f.level("L4") - body.bifurcation_drop_mm
    front = f.spine_y - FRONT_OF_BODY * f.spine_half
    for s, lowest in ((1, "L2"), (-1, "L3")):
        thick = things.along({"T11+90": 4.5, "L1": 4.5, lowest: 0})
        things.column(
            x=f.spine_x + 4 + s * 14.0,
            y=front - 4.0,
            half_x=thick,
            half_y=2.2 * thick,
            turn_deg=s * 25.0,
            fat_share=np.full_like(thick, 0.05),
            rim_mm=0.8,
            clip=ANYWHERE,
        )
    radius, cava = body.aorta_radius_mm, body.cava_radius_mm
    flat = np.sqrt(body.cava_flatness)
    heights = np.arange(fork, f.level("T11") + 70, 12.0)
    rows = [things.at(float(z)) for z in heights]
    front_at = [r.spine_y - FRONT_OF_BODY * r.spine_half for r in rows]
    aorta = [
        np.array((r.spine_x + 5.0, y - radius - 2.0, z))
        for r, y, z in zip(rows, front_at, heights, strict=True)
    ]
    end = things.at(f.level("S3"))
    turn = things.at(f.level("S1"))
    cava_x = f.spine_x - 17.0
    above = np.clip((f.z_mm - f.level("L1")) / 60, 0, 1)
    is_there = np.clip((f.z_mm - fork + 12) / 6, 0, 1)
    things.column(
        x=cava_x,
        y=front - cava * flat - 1.0 - 22 * above,
        half_x=cava / flat * is_there,
        half_y=cava * flat * is_there,
        turn_deg=0.0,
        fat_share=np.zeros_like(above),
        rim_mm=0.8,
        clip=ANYWHERE,
        filling=Filling.BLOOD,
    )
    start = aorta[0]
    low = np.array((cava_x[np.argmin(np.abs(f.z_mm - fork))], start[1] + 2, fork - 8))
    for s in (1, -1):
        for origin, wide, shift in ((low, 0.75 * cava, 9.0), (start, 0.6 * radius, 0.0)):
            bend = np.array((s * 38.0 + turn.spine_x, turn.spine_y - 24 + shift, f.level("S1") - 8))
            goal = np.array((s * 66.0 + end.spine_x, end.spine_y - 70 + shift, f.level("S3") - 20))
            things.tube(
                [origin, bend, goal],
                [1.1 * wide, wide, 0.8 * wide],
                Filling.BLOOD,
                clip=ANYWHERE,
            )
    things.tube(
        aorta,
        [radius + 0.02 * (z - f.level("L3")) for z in heights],
        Filling.BLOOD,
        clip=ANYWHERE,
        wall=(Filling.CALCIFICATION, 1.2),
        amount=0.5 * body.aorta_calcification,
    )
