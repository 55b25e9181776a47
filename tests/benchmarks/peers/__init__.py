"""The monitor's images written with other libraries, to win: what its speed is held against."""

from peers._core import Known, Peer, Tools
from peers._opencv import OpenCv
from peers._scikit_image import ScikitImage, ScikitImageByName

__all__ = ["Known", "OpenCv", "Peer", "ScikitImage", "ScikitImageByName", "Tools"]
