"""What is known of a run before its first frame is judged."""

from guidance.anatomy import Side, Vertebra
from guidance.imaging import locate_valid_pixels
from guidance.records import Cine, RunContext


def make_context(
    cine: Cine, *, level: Vertebra | None = None, side: Side | None = None
) -> RunContext:
    """Return the context of a run: its header, and the field of view as frame 0 shows it.

    Parameters
    ----------
    cine : Cine
        The run; frame 0 alone is read.
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
        valid=locate_valid_pixels(cine[0], header.intensity, header.shutters),
        is_subtracted=header.is_subtracted,
        stated_level=level,
        stated_side=side,
    )
