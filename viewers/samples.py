"""The bundled simulated runs, for File > Open Sample; one function for each, as napari wants it."""

from guidance.io import sample_folder
from viewers.layers import ImageLayer
from viewers.reader import read_run


def open_perineural() -> list[ImageLayer]:
    """Open the run whose contrast stays about the nerve."""
    return _open("perineural")


def open_intravascular() -> list[ImageLayer]:
    """Open the run whose contrast is carried off by a vessel."""
    return _open("intravascular")


def open_mixed() -> list[ImageLayer]:
    """Open the run whose contrast does both."""
    return _open("mixed")


def open_epidural() -> list[ImageLayer]:
    """Open the run whose contrast runs along a nerve root: a tube, and no vessel."""
    return _open("epidural")


def open_none() -> list[ImageLayer]:
    """Open the run without contrast."""
    return _open("none")


def _open(name: str) -> list[ImageLayer]:
    return read_run(str(sample_folder() / f"{name}.dcm"))
