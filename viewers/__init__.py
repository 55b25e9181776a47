"""The napari plugin: a run as a layer, and the bundled samples.

Importing it loads neither napari nor Qt. The manifest, ``napari.yaml``, names what napari may call.
"""

from viewers.layers import ImageLayer, LayerArguments, run_layer
from viewers.reader import get_reader
from viewers.samples import (
    open_epidural,
    open_intravascular,
    open_mixed,
    open_none,
    open_perineural,
)

__all__ = [
    "ImageLayer",
    "LayerArguments",
    "get_reader",
    "open_epidural",
    "open_intravascular",
    "open_mixed",
    "open_none",
    "open_perineural",
    "run_layer",
]
