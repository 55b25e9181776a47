"""A volume of voxels in the patient's frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guidance.errors import InputError
from guidance.records._arrays import FloatArray, own


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """Voxels, and where they lie.

    Attributes
    ----------
    values : (S, R, C) array
        Slice, row, column. CT numbers are in Hounsfield units; a label map holds small integers.
        Read-only, never copied.
    lps_from_vox : (4, 4) float64 array
        Takes a voxel's (slice, row, column, 1), 0-based and at the voxel's centre, to DICOM patient
        coordinates. Millimetres.
    """

    values: NDArray[Any]
    lps_from_vox: FloatArray

    def __post_init__(self) -> None:
        """Check the shapes, and that the transform can be undone."""
        if self.values.ndim != 3 or 0 in self.values.shape:
            raise InputError(f"values has shape {self.values.shape}, expected (S, R, C)")
        transform = own(self.lps_from_vox, "lps_from_vox", (4, 4))
        is_affine = bool((transform[3] == (0, 0, 0, 1)).all())
        if not is_affine or abs(np.linalg.det(transform[:3, :3])) < 1e-9:
            raise InputError("lps_from_vox is no invertible affine transform; check the spacings")
        values = self.values.view()
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "lps_from_vox", transform)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring slices, rows and columns. Millimetres."""
        s, r, c = (float(v) for v in np.linalg.norm(self.lps_from_vox[:3, :3], axis=0))
        return s, r, c

    @property
    def center_lps_mm(self) -> FloatArray:
        """The middle of the volume, (3,). Millimetres."""
        middle = [(n - 1) / 2 for n in self.values.shape]
        center: FloatArray = (self.lps_from_vox @ np.array([*middle, 1.0]))[:3]
        return center
