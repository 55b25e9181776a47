"""Everything that training has to remember to go on as if it had never stopped."""

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from guidance.errors import InputError, StorageError
from guidance.io import write_atomically
from guidance.training._network import build_network
from guidance.training._scores import HeldOutFigures
from guidance.training._torch import Network, load_torch
from guidance.training._train_settings import TrainingSettings

CHECKPOINT = "checkpoint.pt"

_REMEDY = "choose another folder, or delete it to begin anew"


@dataclass(slots=True, kw_only=True, eq=False)
class Learner:
    """A training so far.

    Attributes
    ----------
    settings : TrainingSettings
        How it is trained.
    device : str
        Where.
    network, optimizer : torch objects
        What learns, and what moves it.
    average : torch object
        Running mean of its weights, as `average.module`: what is judged and exported.
    rng : numpy.random.Generator
        Order of the examples, and their variations.
    step : int
        Batches learned from.
    elapsed_s : float
        Time spent, all sessions together.
    loss_sum, loss_count : float, int
        Of the batches since the last figures.
    figures : list of HeldOutFigures
        So far.
    """

    settings: TrainingSettings
    device: str
    network: Network
    optimizer: Any
    average: Any
    rng: np.random.Generator
    step: int = 0
    elapsed_s: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    figures: list[HeldOutFigures] = field(default_factory=list)


def new_learner(
    settings: TrainingSettings, device: str, weights: dict[str, Any] | None = None
) -> Learner:
    """Return a training before its first batch; seeds PyTorch's own generator.

    Parameters
    ----------
    settings : TrainingSettings
        How it is trained.
    device : str
        Where.
    weights : dict, optional
        The first ones, of a network of the same size; None for random ones.
    """
    torch = load_torch("training")
    torch.manual_seed(settings.seed)
    network = build_network(settings.network)
    if weights is not None:
        network.load_state_dict(weights)
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    averages = torch.optim.swa_utils
    average = averages.AveragedModel(
        network,
        multi_avg_fn=averages.get_ema_multi_avg_fn(settings.average_decay),
        use_buffers=True,
    )
    return Learner(
        settings=settings,
        device=device,
        network=network,
        optimizer=optimizer,
        average=average,
        rng=np.random.default_rng(settings.seed),
    )


def save(learner: Learner, path: Path) -> None:
    """Write a checkpoint: whole, or the one before stays."""
    torch = load_torch("training")
    words = {
        "settings": asdict(learner.settings),
        "numpy_rng": learner.rng.bit_generator.state,
        "step": learner.step,
        "elapsed_s": learner.elapsed_s,
        "loss_sum": learner.loss_sum,
        "loss_count": learner.loss_count,
        "figures": msgspec.to_builtins(learner.figures),
    }
    content = {
        "words": json.dumps(words),
        "network": learner.network.state_dict(),
        "average": learner.average.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "torch_rng": torch.get_rng_state(),
    }
    if learner.device == "cuda":
        content["cuda_rng"] = torch.cuda.get_rng_state()
    packed = io.BytesIO()
    torch.save(content, packed)
    write_atomically(path, packed.getvalue())


def restore(learner: Learner, path: Path) -> None:
    """Bring a training to where a checkpoint left it.

    Raises
    ------
    InputError
        It was trained with other settings.
    StorageError
        The file is damaged.
    """
    torch = load_torch("training")
    content = _load(path)
    try:
        words = json.loads(content["words"])
        settings = msgspec.convert(words["settings"], TrainingSettings)
        if settings != learner.settings:
            raise InputError(
                f"the checkpoint was made with {settings}, expected {learner.settings}; {_REMEDY}"
            )
        learner.network.load_state_dict(content["network"])
        learner.average.load_state_dict(content["average"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.figures = msgspec.convert(words["figures"], list[HeldOutFigures])
        learner.rng.bit_generator.state = words["numpy_rng"]
        torch.set_rng_state(content["torch_rng"])
        if learner.device == "cuda" and "cuda_rng" in content:
            torch.cuda.set_rng_state(content["cuda_rng"].cpu())
        for name in ("step", "elapsed_s", "loss_sum", "loss_count"):
            setattr(learner, name, words[name])
    except (KeyError, TypeError, RuntimeError, msgspec.MsgspecError) as error:
        raise StorageError(
            f"{path.name} is no checkpoint of this version: {error}; {_REMEDY}"
        ) from error


def read_weights(path: Path) -> tuple[dict[str, Any], TrainingSettings]:
    """Return the averaged weights in a checkpoint, or those in a file of weights alone.

    Parameters
    ----------
    path : Path
        Of a checkpoint, or of a bare `state_dict`, which goes with the default settings.

    Returns
    -------
    weights : dict of tensors
        By name.
    settings : TrainingSettings
        With which they were trained.

    Raises
    ------
    StorageError
        It is neither, or of another version.
    """
    content = _load(path)
    if "words" not in content:
        return content, TrainingSettings()
    try:
        words = json.loads(content["words"])
        settings = msgspec.convert(words["settings"], TrainingSettings)
        kept = content["average"].items()
    except (KeyError, TypeError, AttributeError, ValueError, msgspec.MsgspecError) as error:
        raise StorageError(
            f"{path.name} is no checkpoint of this version: {error}; {_REMEDY}"
        ) from error
    inner = "module."
    return {name[len(inner) :]: x for name, x in kept if name.startswith(inner)}, settings


def read_network(path: Path) -> tuple[Network, TrainingSettings]:
    """Return the network that a checkpoint or a file of weights alone holds; see `read_weights`.

    Raises
    ------
    StorageError
        It holds none of this kind.
    """
    weights, settings = read_weights(path)
    network = build_network(settings.network)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise StorageError(
            f"{path.name} holds weights of another network: {error}".splitlines()[0]
        ) from error
    return network, settings


def _load(path: Path) -> dict[str, Any]:
    torch = load_torch("training")
    try:
        # weights_only: a checkpoint from elsewhere must not run code here.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise StorageError(f"{path.name} cannot be read: {error.strerror}; {_REMEDY}") from error
    except Exception as error:  # torch raises what its parts happen to raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise StorageError(f"{path.name} is no file of weights ({reason}); {_REMEDY}") from error
    if not isinstance(content, dict):
        raise StorageError(f"{path.name} holds no weights by name; {_REMEDY}")
    return content
