"""What an evaluation is made with."""

from dataclasses import dataclass

from guidance.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """Choices of one evaluation; the same settings and cases give the same figures.

    Attributes
    ----------
    replicates : int
        Resamples of the bootstrap.
    seed : int
        Of the resamples.
    level : float
        Of every interval.
    specificity : float
        At which the sensitivity is given, too.
    prevalence : float
        Share of injections with uptake, for predictive values. 3.7 % is this project's choice, at
        the low end of what is published for lumbar medial branch blocks: 6.1 % of 1433 by Lee 2008
        (doi 10.1213/ane.0b013e318162c358). A low one makes false alarms weigh more.
    stated_prior : float or None
        Prior that the observer's probabilities assume; None takes them as they are.
    few : int
        Strata of fewer cases are called too few, and get no interval.
    """

    replicates: int = 1000
    seed: int = 2026
    level: float = 0.95
    specificity: float = 0.98
    prevalence: float = 0.037
    stated_prior: float | None = None
    few: int = 10

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("level", "specificity", "prevalence"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise InputError(f"{name} is {value}, expected between 0 and 1; give a share")
        if self.replicates < 2 or self.few < 1 or self.seed < 0:
            raise InputError(
                f"replicates {self.replicates}, few {self.few}, seed {self.seed}: expected at "
                "least 2, 1 and 0; leave them out for the usual ones"
            )
        if self.stated_prior is not None and not 0.0 < self.stated_prior < 1.0:
            raise InputError(f"the stated prior is {self.stated_prior}, expected between 0 and 1")
