"""Facet joints: one frame that shapes both bones.

A joint belongs to the lower vertebra, which carries the superior articular process (SAP); the
inferior articular process (IAP) of the level above is built from the same frame, moved into the
upper vertebra's coordinates, so that both surfaces match at any pose: the SAP is hollowed by a
cylinder and the IAP lies within the same cylinder less the gap.
"""

from dataclasses import dataclass, replace

import numpy as np

from guidance.records import FloatArray
from guidance.spine._kernels import INTERSECT, SUBTRACT
from guidance.spine._settings import FacetSettings
from guidance.spine._shape import Shape, unit

# Half thickness of the superior and of the inferior process at the joint's middle. About: the
# processes are some 7 to 9 mm thick on axial CT.
SAP_HALF_MM = 4.8
IAP_HALF_MM = 4.8
# How far the solid of the SAP stands out of the joint's surface before it is hollowed, so that the
# hollow reaches its rims. A choice of construction.
SAP_EXCESS_MM = 1.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointFrame:
    """A facet joint in the frame of some bone.

    Attributes
    ----------
    center : (3,) float64 array
        Middle of the SAP's articular surface. Millimetres.
    normal, across, up : (3,) float64 arrays
        Out of the SAP (medially backwards), along its width (laterally backwards), along its
        height.
    curve_mm, gap_mm, width_mm, height_mm : float
        Radius of the surface, gap between the bones, size of the surface.
    growth_mm : float
        How much thicker the SAP is than usual.
    """

    center: FloatArray
    normal: FloatArray
    across: FloatArray
    up: FloatArray
    curve_mm: float
    gap_mm: float
    width_mm: float
    height_mm: float
    growth_mm: float

    def moved(self, rotation: FloatArray, translation: FloatArray) -> "JointFrame":
        """Return the joint after a rigid motion: `rotation` (3, 3), then `translation` (3,)."""
        return replace(
            self,
            center=rotation @ self.center + translation,
            normal=rotation @ self.normal,
            across=rotation @ self.across,
            up=rotation @ self.up,
        )

    @property
    def axis_point(self) -> FloatArray:
        """A point of the axis of the joint's cylinder."""
        point: FloatArray = self.center + self.curve_mm * self.normal
        return point

    @property
    def gap_center(self) -> FloatArray:
        """Middle of the joint's space."""
        middle: FloatArray = self.center + 0.5 * self.gap_mm * self.normal
        return middle

    @property
    def sap_half(self) -> FloatArray:
        """Half axes of the SAP's solid: across, along the normal, up."""
        thick = SAP_HALF_MM + 0.5 * self.growth_mm
        return np.array((0.5 * self.width_mm + 1.6, thick, 0.5 * self.height_mm + 3.4))

    @property
    def sap_middle(self) -> FloatArray:
        """Centre of the SAP's solid."""
        back: FloatArray = (
            self.center - (self.sap_half[1] - SAP_EXCESS_MM) * self.normal - 1.0 * self.up
        )
        return back

    @property
    def sap_low(self) -> FloatArray:
        """Where the SAP stands on the arch."""
        low: FloatArray = self.sap_middle - (0.5 * self.height_mm - 1.0) * self.up
        return low

    @property
    def iap_half(self) -> FloatArray:
        """Half axes of the IAP's solid: across, along the normal, up."""
        return np.array((0.5 * self.width_mm - 0.4, IAP_HALF_MM, 0.5 * self.height_mm + 3.6))

    @property
    def iap_middle(self) -> FloatArray:
        """Centre of the IAP's solid."""
        middle: FloatArray = (
            self.center + (self.gap_mm + IAP_HALF_MM - 1.0) * self.normal - 0.5 * self.up
        )
        return middle

    @property
    def iap_high(self) -> FloatArray:
        """Where the pars runs into the IAP."""
        high: FloatArray = self.iap_middle + 0.5 * self.height_mm * self.up
        return high

    @property
    def mamillary(self) -> FloatArray:
        """Middle of the mamillary process: a knob on the SAP's posterior border."""
        half = self.sap_half
        knob: FloatArray = (
            self.sap_middle + 0.72 * half[0] * self.across - 0.26 * self.height_mm * self.up
        )
        return knob

    @property
    def axes(self) -> FloatArray:
        """(3, 3) axes in rows: across, normal, up."""
        return np.stack((self.across, self.normal, self.up))


def facet_joint(
    facets: FacetSettings, sign: int, depth_mm: float, rise_mm: float, lean_deg: float
) -> JointFrame:
    """Return a superior facet in its vertebra's frame.

    Parameters
    ----------
    facets : FacetSettings
        Sizes.
    sign : int
        +1 for the left, -1 for the right.
    depth_mm, rise_mm : float
        Coordinates y and z of its centre.
    lean_deg : float
        How far its top leans forwards.
    """
    side = 0 if sign > 0 else 1
    angle, lean = np.deg2rad((facets.angle_deg[side], lean_deg))
    up = np.array((0.0, -np.sin(lean), np.cos(lean)))
    across = np.array((sign * np.sin(angle), np.cos(angle), 0.0))
    across = unit(across - (across @ up) * up)
    normal = sign * np.cross(across, up)
    if normal[1] * np.sin(angle) - sign * normal[0] * np.cos(angle) < 0:
        normal = -normal
    return JointFrame(
        center=np.array((sign * 0.5 * facets.between_mm, depth_mm, rise_mm)),
        normal=normal,
        across=across,
        up=up,
        curve_mm=facets.curve_mm,
        gap_mm=facets.gap_mm,
        width_mm=facets.width_mm,
        height_mm=facets.height_mm,
        growth_mm=facets.growth_mm[side],
    )


def _sap_solid(shape: Shape, joint: JointFrame, more_mm: float) -> None:
    shape.ellipsoid(joint.sap_middle, joint.axes, joint.sap_half + more_mm)


def _iap_solid(shape: Shape, joint: JointFrame, more_mm: float) -> None:
    shape.ellipsoid(joint.iap_middle, joint.axes, joint.iap_half + more_mm)


def add_superior_process(shape: Shape, joint: JointFrame, foot: FloatArray, blend: float) -> None:
    """Add a SAP with its mamillary process, standing on `foot` and hollowed for the joint."""
    _sap_solid(shape, joint, 0.0)
    low = joint.sap_low
    shape.cone(foot, low, (5.6, 5.0), wide=joint.across, flatness=1.3, blend=4.0)
    # Size: guess.
    knob = joint.mamillary
    shape.cone(knob + 1.5 * joint.up, knob - 3.0 * joint.up, (3.2, 3.0), blend=2.5)
    shape.cylinder(joint.axis_point, joint.up, joint.curve_mm, operation=SUBTRACT, blend=0.8)
    shape.close(blend=blend)


def add_inferior_process(shape: Shape, joint: JointFrame, blend: float) -> None:
    """Add the IAP that meets the SAP of the level below (`joint` in the upper one's frame)."""
    _iap_solid(shape, joint, 0.0)
    inner = joint.curve_mm - joint.gap_mm
    shape.cylinder(joint.axis_point, joint.up, inner, operation=INTERSECT, blend=0.8)
    shape.close(blend=blend)


def clear_superior_process(shape: Shape, joint: JointFrame) -> None:
    """Cut away from the upper vertebra what would touch the SAP below it."""
    _sap_solid(shape, joint, joint.gap_mm)
    inner = joint.curve_mm - joint.gap_mm
    shape.cylinder(joint.axis_point, joint.up, inner, operation=SUBTRACT)
    shape.close(SUBTRACT, 0.8)


def clear_inferior_process(shape: Shape, joint: JointFrame) -> None:
    """Cut away from the lower vertebra what would touch the IAP above it."""
    _iap_solid(shape, joint, joint.gap_mm)
    shape.cylinder(joint.axis_point, joint.up, joint.curve_mm, operation=INTERSECT)
    shape.close(SUBTRACT, 0.8)
