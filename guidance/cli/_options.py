"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from guidance.anatomy import Side, Vertebra

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="DICOM files, or folders to search for them."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Level = Annotated[
    Vertebra | None,
    typer.Option("--level", metavar="L", help="The vertebra meant, where the image cannot say."),
]
PatientSide = Annotated[
    Side | None, typer.Option("--side", metavar="S", help="The patient's side: left or right.")
]
FrameTimeMs = Annotated[
    float | None,
    typer.Option(
        "--frame-time",
        metavar="MS",
        min=1,
        max=60_000,
        help="Milliseconds between frames, for runs whose header gives no time.",
    ),
]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Write report.html beside the results.")
]
DetectionLimit = Annotated[
    bool,
    typer.Option(
        "--detection-limit/--no-detection-limit",
        help="Insert known vessels into the frames of each run that is not flagged, and say which "
        "it would have shown; takes some seconds a run.",
    ),
]
Overlay = Annotated[bool, typer.Option("--overlay", help="Write overlay.gif, too.")]
