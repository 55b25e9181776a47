"""Exit status of every command, as the result contract fixes it, and the count that decides it."""

import os
import sys
from dataclasses import dataclass, field
from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command ends with."""

    DONE = 0
    SOME_FAILED = 1
    WRONG_CALL = 2
    NOTHING_READ = 3


@dataclass(slots=True)
class Tally:
    """Counts what was read and what failed, and names each failure on standard error."""

    read: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, name: str, reason: object) -> None:
        """Name one failed input, on one line."""
        line = f"{name}: {' '.join(str(reason).split())}"
        self.failures.append(line)
        say(line)

    @property
    def status(self) -> ExitStatus:
        """The exit status so far."""
        if not self.read:
            return ExitStatus.NOTHING_READ
        return ExitStatus.SOME_FAILED if self.failures else ExitStatus.DONE


def hand_out(line: object) -> None:
    """Write a result's line to standard output; a reader who has gone does not stop the work."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # What follows goes nowhere, and neither does Python's own flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        say(f"standard output cannot be written; {error.strerror}; the results are written")


def say(message: str) -> None:
    """Write a message for the user to standard error; results alone go to standard output."""
    print(message, file=sys.stderr, flush=True)
