"""The value that stands for 'looked, and it is not there'."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class NotFound:
    """No answer, and the reason; falsy, so it cannot pass for one."""

    reason: str

    def __bool__(self) -> Literal[False]:
        """Return False, always."""
        return False
