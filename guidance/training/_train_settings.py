"""How the network is trained."""

from dataclasses import dataclass, field

from guidance.errors import InputError
from guidance.training._network import NetworkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long training goes on; the learning rate falls to its end along with it.

    Attributes
    ----------
    minutes : float or None
        Time, all sessions together.
    steps : int or None
        Batches. With both, whichever is spent first.
    """

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        """Refuse a training that never ends, or never begins."""
        given = [amount for amount in (self.minutes, self.steps) if amount is not None]
        if not given or min(given) <= 0:
            raise InputError(
                f"budget of {self.minutes} minutes and {self.steps} steps, expected at least one "
                "of them, above 0"
            )

    def spent(self, step: int, elapsed_s: float) -> float:
        """Return the share of the budget that is spent; 1 or more at its end."""
        by_time = 0.0 if self.minutes is None else elapsed_s / (60 * self.minutes)
        by_steps = 0.0 if self.steps is None else step / self.steps
        return max(by_time, by_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How the network is trained.

    Attributes
    ----------
    seed : int
        Of the first weights, the order of examples and their variations.
    batch : int
        Examples at a time: what two cores do in half a second.
    learning_rate : float
        Its largest. It rises over `warm_steps` and then falls as a cosine to a fiftieth.
    weight_decay : float
        AdamW's (Loshchilov and Hutter 2019, arXiv 1711.05101).
    warm_steps : int
        Batches until the rate is full.
    longest_gradient : float
        A longer gradient is shortened to this length.
    network : NetworkSettings
        Its size.
    """

    seed: int = 0
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warm_steps: int = 100
    longest_gradient: float = 5.0
    network: NetworkSettings = field(default_factory=NetworkSettings)

    def __post_init__(self) -> None:
        """Check that counts and rates are positive."""
        for name in ("batch", "warm_steps", "learning_rate", "longest_gradient"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected above 0")
        if self.seed < 0 or self.weight_decay < 0:
            raise InputError(
                f"seed is {self.seed} and weight_decay {self.weight_decay}, expected at least 0"
            )
