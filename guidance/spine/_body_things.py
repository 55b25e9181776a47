"""Writing the tables that `_body_paint` reads, in the order in which things are painted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from guidance.records import FloatArray
from guidance.spine._body_frame import BodyFrame
from guidance.spine._body_paint import COLUMN, ELLIPSOID, IN_CAVITY, TUBE
from guidance.spine._tissues import Filling


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRow:
    """The lines of a `BodyFrame` at one height. Millimetres, LPS."""

    spine_x: float
    spine_y: float
    spine_half: float
    process_y: float
    back_y: float
    front_y: float
    center_x: float
    half_width: float


@dataclass
class Things:
    """Tables while they are being written; painting follows the order of the calls."""

    frame: BodyFrame
    columns: list[FloatArray] = field(default_factory=list)
    ellipsoids: list[tuple[float, ...]] = field(default_factory=list)
    segments: list[tuple[float, ...]] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def along(self, values: Mapping[str, float]) -> FloatArray:
        """Return a line (K,) through values given at levels, such as ``"L3"`` or ``"T11+90"``."""
        heights = np.array([self.frame.level(name) for name in values])
        order = np.argsort(heights)
        line: FloatArray = np.interp(
            self.frame.z_mm, heights[order], np.array(list(values.values()))[order]
        )
        return line

    def at(self, z_mm: float) -> FrameRow:
        """Return the frame at one height."""
        names = FrameRow.__dataclass_fields__
        frame = self.frame
        return FrameRow(
            **{name: float(np.interp(z_mm, frame.z_mm, getattr(frame, name))) for name in names}
        )

    def row(self, level: str) -> FrameRow:
        """Return the frame at the middle of a level."""
        return self.at(self.frame.level(level))

    def mark(
        self,
        kind: int,
        *,
        clip: int,
        filling: Filling,
        first: int = 0,
        last: int = 0,
        wall: tuple[Filling, float] = (Filling.BOWEL_WALL, 0.0),
        amount: float = 0.0,
    ) -> None:
        """Add something to the order of painting."""
        self.rows.append((kind, first, last, clip, filling, wall[0], wall[1], amount))

    def column(
        self,
        *,
        x: FloatArray,
        y: FloatArray,
        half_x: FloatArray,
        half_y: FloatArray,
        turn_deg: float,
        fat_share: FloatArray,
        rim_mm: float,
        clip: int,
        filling: Filling = Filling.MUSCLE,
    ) -> None:
        """Add a muscle or a vessel that runs along the trunk: lines (K,) over the frame."""
        turn = np.deg2rad(turn_deg)
        ones = np.ones_like(x)
        lines = (x, y, half_x, half_y, np.cos(turn) * ones, np.sin(turn) * ones, fat_share)
        self.mark(COLUMN, clip=clip, filling=filling, first=len(self.columns))
        self.columns.append(np.stack((*lines, rim_mm * ones), axis=1))

    def ellipsoid(
        self,
        center: Sequence[float],
        half: Sequence[float],
        filling: Filling,
        *,
        lean: tuple[float, float] = (0.0, 0.0),
        clip: int = IN_CAVITY,
    ) -> None:
        """Add an organ; `lean` is how far its axis goes along x and y per millimetre of z."""
        self.mark(ELLIPSOID, clip=clip, filling=filling, first=len(self.ellipsoids))
        self.ellipsoids.append((*center, *half, *lean))

    def tube(
        self,
        points: Sequence[FloatArray],
        radii: Sequence[float],
        filling: Filling,
        *,
        clip: int,
        wall: tuple[Filling, float] = (Filling.BOWEL_WALL, 0.0),
        amount: float = 0.0,
    ) -> None:
        """Add a tube through points with a radius at each."""
        first = len(self.segments)
        for k in range(len(points) - 1):
            self.segments.append((*points[k], radii[k], *points[k + 1], radii[k + 1]))
        self.mark(
            TUBE,
            clip=clip,
            filling=filling,
            first=first,
            last=len(self.segments),
            wall=wall,
            amount=amount,
        )

    def column_table(self) -> FloatArray:
        """(N, K, 8) columns so far."""
        return np.stack(self.columns)

    def ellipsoid_table(self) -> FloatArray:
        """(N, 8) ellipsoids so far."""
        return np.array(self.ellipsoids, dtype=np.float64).reshape(-1, 8)

    def segment_table(self) -> FloatArray:
        """(N, 8) segments so far."""
        return np.array(self.segments, dtype=np.float64).reshape(-1, 8)

    def table(self) -> FloatArray:
        """(N, 8) things in the order of painting."""
        return np.array(self.rows, dtype=np.float64)
