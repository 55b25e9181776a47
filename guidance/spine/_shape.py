"""Writing the tables of primitives that `_kernels` evaluates."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from guidance.records import FloatArray
from guidance.spine._kernels import (
    BLADE,
    BLEND,
    BODY,
    BOX,
    CENTER,
    CLOSE,
    CONE,
    CYLINDER,
    ELLIPSOID,
    FIRST,
    INTERSECT,
    KIND,
    OPEN,
    OPERATION,
    PLANE,
    RADIUS,
    ROW_LENGTH,
    SUBTRACT,
    UNION,
)

Vector = Sequence[float] | FloatArray
UPRIGHT = np.eye(3)


def unit(vector: Vector) -> FloatArray:
    """Return a vector at length one."""
    array = np.asarray(vector, dtype=np.float64)
    unit_vector: FloatArray = array / np.linalg.norm(array)
    return unit_vector


def vector(x: float, y: float, z: float) -> FloatArray:
    """Return a vector (3,)."""
    return np.array((x, y, z), dtype=np.float64)


@dataclass
class Shape:
    """A bone's table while it is being written; every method adds one row."""

    rows: list[FloatArray] = field(default_factory=list)
    opened: int = 0  # where the rows of the group that is being written begin

    def table(self) -> FloatArray:
        """(N, ROW_LENGTH) rows so far."""
        return np.array(self.rows)

    def _add(
        self,
        kind: int,
        operation: int,
        blend: float,
        center: Vector,
        radius: float,
        parameters: Sequence[float],
    ) -> None:
        row = np.zeros(ROW_LENGTH)
        row[KIND], row[OPERATION], row[BLEND] = kind, operation, max(blend, 1e-6)
        row[CENTER : CENTER + 3], row[RADIUS] = center, radius
        row[FIRST : FIRST + len(parameters)] = parameters
        self.rows.append(row)

    def close(self, operation: int = UNION, blend: float = 0.0) -> None:
        """Join the group to the bone."""
        members = np.array(self.rows[self.opened :])
        solid = members[(members[:, OPERATION] == UNION) & (members[:, RADIUS] > 0)]
        center, radius = np.zeros(3), 0.0
        # A primitive without bounds leaves the group without bounds.
        if len(solid) == (members[:, OPERATION] == UNION).sum() and operation != INTERSECT:
            centers, reach = solid[:, CENTER : CENTER + 3], solid[:, RADIUS]
            low = (centers - reach[:, None]).min(axis=0)
            high = (centers + reach[:, None]).max(axis=0)
            center = 0.5 * (low + high)
            # Blends swell a group by less than a quarter of each blend.
            swell = 0.25 * float(members[:, BLEND].sum())
            radius = float((np.linalg.norm(centers - center, axis=1) + reach).max()) + swell
        self._add(CLOSE, operation, blend, (0, 0, 0), 0, ())
        closing = self.rows.pop()
        self._add(OPEN, operation, blend, center, radius, (len(members) + 1,))
        self.rows.insert(self.opened, self.rows.pop())
        self.rows.append(closing)
        self.opened = len(self.rows)

    def cone(
        self,
        a: Vector,
        b: Vector,
        radii: tuple[float, float],
        *,
        wide: Vector = (0.0, 0.0, 1.0),
        flatness: float = 1.0,
        operation: int = UNION,
        blend: float = 0.0,
    ) -> None:
        """Tapered capsule from `a` to `b`.

        `radii` are its half thicknesses at both ends; along `wide` it is `flatness` times wider.
        """
        start, end = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        if np.linalg.norm(end - start) < 1e-3:
            end = start + vector(0.0, 0.0, 1e-3)
        reach = max(radii) * max(flatness, 1.0) + 0.5 * float(np.linalg.norm(end - start))
        self._add(
            CONE,
            operation,
            blend,
            (start + end) / 2,
            reach,
            (*start, *end, *radii, *unit(wide), 1 / flatness),
        )

    def box(
        self,
        center: Vector,
        axes: FloatArray,
        half: Vector,
        rounding: float,
        *,
        operation: int = UNION,
        blend: float = 0.0,
    ) -> None:
        """Add a rounded box; `axes` has its directions in rows."""
        reach = float(np.linalg.norm(half))
        parameters = (*center, *axes.ravel(), *half, rounding)
        self._add(BOX, operation, blend, center, reach, parameters)

    def ellipsoid(
        self,
        center: Vector,
        axes: FloatArray,
        half: Vector,
        *,
        operation: int = UNION,
        blend: float = 0.0,
    ) -> None:
        """Ellipsoid; `axes` has its directions in rows."""
        parameters = (*center, *axes.ravel(), *half)
        self._add(ELLIPSOID, operation, blend, center, max(half), parameters)

    def cylinder(
        self,
        point: Vector,
        direction: Vector,
        radius: float,
        *,
        operation: int = SUBTRACT,
        blend: float = 0.0,
    ) -> None:
        """Endless cylinder; nothing is known to bound it."""
        parameters = (*point, *unit(direction), radius)
        self._add(CYLINDER, operation, blend, (0, 0, 0), 0, parameters)

    def plane(self, point: Vector, normal: Vector) -> None:
        """Half space behind a plane; `normal` points out of it."""
        self._add(PLANE, UNION, 0.0, (0, 0, 0), 0, (*point, *unit(normal)))

    def body(
        self,
        center: Vector,
        axes: FloatArray,
        parameters: Sequence[float],
        *,
        blend: float = 0.0,
    ) -> None:
        """Vertebral body; the parameters are those of `body_distance` after the frame."""
        wu, wl, du, dl, ha, hp = parameters[:6]
        lip = max(parameters[10], parameters[11])
        reach = float(np.linalg.norm((max(wu, wl) + lip, max(du, dl) + lip, max(ha, hp) / 1.6)))
        self._add(BODY, UNION, blend, center, reach, (*center, *axes.ravel(), *parameters))

    def blade(
        self,
        center: Vector,
        axes: FloatArray,
        parameters: Sequence[float],
        corners: FloatArray,
        *,
        blend: float = 0.0,
    ) -> None:
        """Bent plate; the parameters are those of `blade_distance` up to its number of corners."""
        flat = (*parameters, float(len(corners)), *np.ravel(corners))
        reach = float(np.linalg.norm(corners, axis=1).max()) * 1.3 + parameters[1] + 8
        self._add(BLADE, UNION, blend, center, reach, (*center, *axes.ravel(), *flat))
