"""From a volume to a radiograph: line integrals through voxels along the rays of a C-arm."""

from guidance.projection._integrate import integrate
from guidance.projection._reference import integrate_reference

__all__ = ["integrate", "integrate_reference"]
