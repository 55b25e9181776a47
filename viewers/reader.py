"""Drop a run on napari: its reader, as the manifest names it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guidance.io import open_run
from viewers.layers import ImageLayer, run_layer

if TYPE_CHECKING:
    from napari.utils.events import Event

PathOrPaths = str | Sequence[str]
ReadFunction = Callable[[PathOrPaths], list[ImageLayer]]


def get_reader(path: PathOrPaths) -> ReadFunction | None:
    """Return the function that reads `path`, or None for a stack of several files.

    Whether the file is a run is found out when it is read, since the error that says why it is
    not is worth more than napari's that nobody reads it.
    """
    return read_run if isinstance(path, str) else None


def read_run(path: PathOrPaths) -> list[ImageLayer]:
    """Read a DICOM run as one lazy image layer, and have napari open it on its first frame."""
    name = path if isinstance(path, str) else path[0]
    layer = run_layer(open_run(Path(name)))
    show_first_frame()
    return [layer]


def show_first_frame() -> None:
    """Have the viewer in front show the first frame of the next layer, if that is its only one.

    napari opens a stack on its middle frame, where the contrast already is, and a reader has no
    say in it. So this waits, once, for the layer to be in the viewer: as the last of the
    listeners, after napari's own that goes to the middle.
    """
    from napari import current_viewer  # here, so that the rest of the module needs no napari

    viewer = current_viewer()
    if viewer is None or len(viewer.layers) > 0:
        return

    def go_to_first_frame(event: "Event") -> None:
        viewer.layers.events.inserted.disconnect(go_to_first_frame)
        viewer.dims.set_current_step(0, 0)

    viewer.layers.events.inserted.connect(go_to_first_frame, position="last")
