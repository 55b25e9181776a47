"""How the network is trained."""

from dataclasses import dataclass, field

from guidance.errors import InputError
from guidance.training._network import NetworkSettings
from guidance.training._variation import WHOLE_PX

_COARSEST = 16
"""Pixels of the input in one of the network's coarsest level."""


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
        Of random first weights, the order of examples and their variations.
    batch : int
        Examples at a time.
    side_px : int
        Side of the part of a frame that is looked at: 256 is the whole. Half of it costs a quarter,
        and most of what there is to learn lies near.
    composed : float
        Share of composed examples; needs courses.
    learning_rate : float
        Its largest. It rises over `warm_steps` and then falls as a cosine to a fiftieth.
    weight_decay : float
        AdamW's (Loshchilov and Hutter 2019, arXiv 1711.05101).
    warm_steps : int
        Batches until the rate is full.
    longest_gradient : float
        A longer gradient is shortened to this length.
    average_decay : float
        What is judged and exported is a running mean of the weights, which keeps so much of itself
        at each batch (Izmailov et al. 2018, Averaging weights leads to wider optima, arXiv
        1803.05407).
    begun_with : str
        SHA-256 of the file of the first weights; empty for random ones.
    network : NetworkSettings
        Its size.
    """

    seed: int = 0
    batch: int = 32
    side_px: int = 128
    composed: float = 0.0
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_steps: int = 100
    longest_gradient: float = 5.0
    average_decay: float = 0.998
    begun_with: str = ""
    network: NetworkSettings = field(default_factory=NetworkSettings)

    def __post_init__(self) -> None:
        """Check that counts and rates are positive, and shares are shares."""
        for name in ("batch", "warm_steps", "learning_rate", "longest_gradient"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}, expected above 0")
        if self.seed < 0 or self.weight_decay < 0:
            raise InputError(
                f"seed is {self.seed} and weight_decay {self.weight_decay}, expected at least 0"
            )
        if self.side_px % _COARSEST or not 4 * _COARSEST <= self.side_px <= WHOLE_PX:
            raise InputError(
                f"side_px is {self.side_px}, expected a multiple of {_COARSEST} from "
                f"{4 * _COARSEST} to {WHOLE_PX}"
            )
        if not (0 <= self.composed <= 1 and 0 <= self.average_decay < 1):
            raise InputError(
                f"composed is {self.composed} and average_decay {self.average_decay}, expected "
                "shares, the second below 1"
            )
