"""`guidance analyze`: runs in, a folder of results for each out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from guidance.cli._exit import ExitStatus, Tally, hand_out, say
from guidance.cli._inputs import opened_run, take_each
from guidance.cli._progress import show_progress
from guidance.errors import DamagedFileError, StorageError
from guidance.io import (
    SourceFile,
    encode_analysis,
    hash_file,
    run_name,
    write_atomically,
    write_together,
)
from guidance.pipeline import AnalysisRequest, RunResult, analyze_run
from guidance.records import Cine
from guidance.report import format_curves, render_overlay_gif, render_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What to write for each run, and where.

    Attributes
    ----------
    folder : Path
        A folder per run is made in it.
    report, overlay : bool
        Whether to write the page and the moving picture.
    """

    folder: Path
    report: bool = True
    overlay: bool = False


@dataclass(slots=True)
class Session:
    """One call of the command: what it asks for, and how far it has come.

    `on_result` is called for each finished run with its folder, its result and the open run.
    """

    request: AnalysisRequest
    outputs: Outputs
    frame_time_ms: float | None = None
    on_result: Callable[[Path, RunResult, Cine], None] | None = None
    tally: Tally = field(default_factory=Tally)
    _names: dict[str, tuple[str, str]] = field(default_factory=dict)

    def run(self, paths: list[Path]) -> ExitStatus:
        """Analyse every run under the paths; a failure costs one input, never the others."""
        try:
            # Before hours are spent on what could not be kept.
            probe = self.outputs.folder / ".guidance-probe"
            write_atomically(probe, b"")
            probe.unlink()
        except (OSError, StorageError) as error:
            say(f"--out cannot be used: {error}")
            return ExitStatus.WRONG_CALL
        take_each(paths, self.tally, self._take)
        return self.tally.status

    def _take(self, source: SourceFile) -> None:
        with opened_run(source, self.frame_time_ms) as cine:
            sha256 = hash_file(source.path)
            name = run_name(cine.header.sop_instance_uid)
            if self._is_repeat(name, source, sha256):
                return
            with show_progress(source.relative, cine.header.n_frames) as advance:
                result = analyze_run(
                    cine,
                    path=source.relative,
                    sha256=sha256,
                    request=self.request,
                    on_frame=advance,
                )
            self.tally.read += 1
            self._names[name] = (source.relative, sha256)
            folder = self.outputs.folder / name
            self._write(folder, result, cine)
            if self.on_result is not None:
                self.on_result(folder, result, cine)
        hand_out(folder / "analysis.json")

    def _is_repeat(self, name: str, source: SourceFile, sha256: str) -> bool:
        if name not in self._names:
            return False
        first, first_sha256 = self._names[name]
        if first_sha256 != sha256:
            raise DamagedFileError(
                f"SOPInstanceUID (0008,0018) is that of {first}, but the files differ; "
                "give one of them an identifier of its own"
            )
        say(f"{source.relative}: the same file as {first}; passed over")
        return True

    def _write(self, folder: Path, result: RunResult, cine: Cine) -> None:
        """Write a run's files together; analysis.json comes last, so that where it is, all is."""
        analysis, outlines = result.analysis, result.outlines
        files = {"curves.csv": format_curves(analysis).encode()}
        if self.outputs.report:
            files["report.html"] = render_report(analysis, cine, outlines).encode()
        if self.outputs.overlay:
            files["overlay.gif"] = render_overlay_gif(analysis, cine, outlines)
        files["analysis.json"] = encode_analysis(analysis)
        write_together(folder, files, stale={"report.html", "overlay.gif"} - files.keys())
