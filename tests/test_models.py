"""Each shipped network has a card that names exactly its weights."""

import hashlib
from importlib.resources import files

import pytest

MODELS = files("guidance") / "models"


@pytest.mark.parametrize(
    ("card", "name"),
    [("spread.md", "spread.onnx"), ("spread.md", "decision.json"), ("needle.md", "needle.onnx")],
)
def test_the_card_is_of_these_weights(card, name):
    found = hashlib.sha256((MODELS / name).read_bytes()).hexdigest()
    assert found in (MODELS / card).read_text(encoding="utf-8")


def test_weights_are_small():
    assert sum(each.name.endswith(".onnx") for each in MODELS.iterdir()) == 2
    assert all(len(each.read_bytes()) < 4_000_000 for each in MODELS.iterdir() if each.is_file())
