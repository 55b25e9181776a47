"""What is known of a run before its first frame is judged."""

from guidance.anatomy import Side, Vertebra
from guidance.imaging import inside_shutters
from guidance.records import Cine, RunContext


def make_context(
    cine: Cine, *, level: Vertebra | None = None, side: Side | None = None
) -> RunContext:
    """Return the context of a run: what its header says. No pixel is read.

    Parameters
    ----------
    cine : Cine
        The run.
    level : Vertebra, optional
        The vertebra the user names.
    side : Side, optional
        The side the user names.

    Returns
    -------
    RunContext
    """
    header = cine.header
    return RunContext(
        rows=header.rows,
        columns=header.columns,
        intensity=header.intensity,
        scale=header.scale,
        pose=header.pose,
        valid=inside_shutters((header.rows, header.columns), header.shutters),
        is_subtracted=header.is_subtracted,
        stated_level=level,
        stated_side=side,
    )
