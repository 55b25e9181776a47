"""Images that stay on the disk until one is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImages:
    """Images in one plain array that need not be read whole.

    The file is opened anew each time: a suite has more runs than a process may have open files.

    Attributes
    ----------
    path : Path
        Of an `.npy`.
    """

    path: Path

    def __getitem__(self, place: int) -> NDArray[Any]:
        """Return what lies at a place of the first axis."""
        return np.array(np.load(self.path, mmap_mode="r")[place])
