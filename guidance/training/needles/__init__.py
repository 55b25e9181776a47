"""How the network that sees needles was made: pictures with their steel, training, export.

``docs/training.md`` has the commands.
"""

from guidance.training.needles._examples import make_needle_examples, see_needles
from guidance.training.needles._export import export_needles
from guidance.training.needles._figures import NeedleFigures, judge_needles
from guidance.training.needles._files import (
    NeedleExamples,
    read_needle_sets,
    read_needles,
    write_needles,
)
from guidance.training.needles._network import build_needle_network
from guidance.training.needles._samples import draw_needle_sample
from guidance.training.needles._train import NeedleSettings, train_needles

__all__ = [
    "NeedleExamples",
    "NeedleFigures",
    "NeedleSettings",
    "build_needle_network",
    "draw_needle_sample",
    "export_needles",
    "judge_needles",
    "make_needle_examples",
    "read_needle_sets",
    "read_needles",
    "see_needles",
    "train_needles",
    "write_needles",
]
