"""`card` as it is called: reads what the card is about, and writes it beside the weights."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from guidance.errors import StorageError
from guidance.io import write_atomically
from guidance.spread import Decision
from guidance.training._card import CardFacts, write_card
from guidance.training._decision_call import read_figures
from guidance.training._record import read_record

CARD = "spread.md"


def write_card_file(trainings: Sequence[Path], models: Path, figures: Path) -> Path:
    """Write the card of the files in a folder, and return its path.

    Parameters
    ----------
    trainings : sequence of Path
        The records of the trainings, the last last.
    models : Path
        Folder of `spread.onnx` and `decision.json`.
    figures : Path
        Figures of the line.

    Raises
    ------
    GuidanceError
        A file is missing, or they do not belong together.
    """
    try:
        weights = (models / "spread.onnx").read_bytes()
        line = (models / "decision.json").read_bytes()
        decision = msgspec.json.decode(line, type=Decision)
    except (OSError, msgspec.MsgspecError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"spread.onnx and decision.json cannot be read: {reason}; make them with `export` and "
            "`decision`"
        ) from error
    facts = CardFacts(
        records=tuple(read_record(path) for path in trainings),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        decision_sha256=hashlib.sha256(line).hexdigest(),
        decision=decision,
        figures=read_figures(figures),
    )
    write_atomically(models / CARD, write_card(facts).encode())
    return models / CARD
