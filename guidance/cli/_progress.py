"""A progress bar on standard error where a person watches; nothing in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of frames done.

    Parameters
    ----------
    name : str
        What is worked on.
    total : int
        Number of frames.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeRemaining

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemaining(),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(escape(name), total=total)
        yield lambda done: progress.update(task, completed=done)
