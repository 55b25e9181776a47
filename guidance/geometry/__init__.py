"""Where things are: cone-beam views, points projected through them, grids of voxels."""

from guidance.geometry._grid import VoxelGrid, grid_about
from guidance.geometry._view import ConeBeamView, moved, project, ray_direction

__all__ = ["ConeBeamView", "VoxelGrid", "grid_about", "moved", "project", "ray_direction"]
