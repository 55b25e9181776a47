"""Where things are: cone-beam views, and points projected through them."""

from guidance.geometry._view import ConeBeamView, moved, project, ray_direction

__all__ = ["ConeBeamView", "moved", "project", "ray_direction"]
