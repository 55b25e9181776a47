"""From a volume to a radiograph: line integrals through voxels along the rays of a C-arm."""

from guidance.projection._integrate import integrate
from guidance.projection._prepare import PreparedVolume
from guidance.projection._reference import integrate_reference

__all__ = ["PreparedVolume", "integrate", "integrate_reference"]
