"""The detection limit of a run, and the power of the monitor over an archive without uptake."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from guidance.pipeline._context import make_context
from guidance.records import (
    Cine,
    DetectionLimitRecord,
    NotFound,
    RunContext,
    RunHeader,
    SpreadFindings,
    Verdict,
)
from guidance.spread import (
    Insertion,
    LimitSettings,
    MeasuredLimit,
    Monitor,
    MonitorSettings,
    WindowRecorder,
    bound_power,
    measure_limit,
)

_WINDOW_S, _WINDOW_FRAMES = 6.0, 48
_FIRST_SHARE = 0.25
"""The stretch does not begin earlier in a run: what changes by itself must be known first."""

DIAMETERS_MM = (0.5, 1.0, 2.0, 3.0)
DOSE_FRACTIONS = (0.05, 0.15, 0.3, 0.8)


def record_window(monitor: Monitor, header: RunHeader) -> WindowRecorder:
    """Return what keeps the frames that vessels can be inserted into.

    Parameters
    ----------
    monitor : Monitor
        Fresh.
    header : RunHeader
        Tells where the middle of the run is.
    """
    timing, middle = header.timing, (header.n_frames - _WINDOW_FRAMES) // 2
    if timing:
        times_s = timing.times_s - timing.times_s[0]
        middle = int(np.searchsorted(times_s, (times_s[-1] - _WINDOW_S) / 2))
    return WindowRecorder(monitor, max(middle, int(_FIRST_SHARE * header.n_frames), 1))


def find_limit(
    recorder: WindowRecorder | None,
    context: RunContext,
    findings: SpreadFindings,
    settings: LimitSettings | None,
) -> MeasuredLimit | NotFound:
    """Return the detection limit of a run that has been replayed.

    Parameters
    ----------
    recorder : WindowRecorder or None
        From `record_window`; None where it was not asked for.
    context : RunContext
        Of the run.
    findings : SpreadFindings
        Of the monitor.
    settings : LimitSettings or None
        None: it is not asked for.
    """
    if recorder is None or settings is None:
        return NotFound("it was not asked for (--detection-limit)")
    if findings.verdict is Verdict.INTRAVASCULAR:
        return NotFound("the run is called intravascular")
    return measure_limit(recorder.window(), context, settings)


def record_limit(found: MeasuredLimit | NotFound) -> DetectionLimitRecord | None:
    """Return the limit as it stands in the result."""
    if isinstance(found, NotFound):
        return None
    limit = found.limit
    return DetectionLimitRecord(
        vessel_diameter_mm=limit.vessel_diameter_mm,
        dose_fraction=limit.dose_fraction,
        power=limit.power,
    )


def describe_limit(found: MeasuredLimit) -> str:
    """Return in a sentence what a limit says, and what it rests on."""
    limit, settings = found.limit, found.settings
    amount = "the run's own contrast" if found.from_own_contrast else "an injection not seen here"
    return (
        f"a vessel of {limit.vessel_diameter_mm:g} mm with at least {limit.dose_fraction:.0%} of "
        f"the dose would have been seen, with {limit.power:.0%} power: of {found.inserted} put "
        f"into these frames {found.seen} raised the flag ({settings.confidence:.0%} confidence); "
        f"the dose is that of {amount}, taken as {settings.volume_ml:g} mL"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCell:
    """How often vessels of one calibre and dose were flagged, over the runs of an archive.

    Attributes
    ----------
    vessel_diameter_mm : float
        Calibre.
    dose_fraction : float
        Share of the dose.
    runs, inserted, flagged : int
        Runs with such vessels, vessels, and those that raised the flag.
    power, power_at_least : float
        Share that was flagged, and Clopper and Pearson's one-sided bound; it takes vessels of one
        run as independent, which they are in their course, not in the run's noise.
    """

    vessel_diameter_mm: float
    dose_fraction: float
    runs: int
    inserted: int
    flagged: int
    power: float
    power_at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePower:
    """The power over an archive.

    Attributes
    ----------
    cells : tuple of PowerCell
        By calibre, then by dose.
    flagged_anyway : int
        Runs that raised the flag without any vessel in them; they count in no cell.
    left_out : tuple of str
        Why other runs count in none.
    """

    cells: tuple[PowerCell, ...]
    flagged_anyway: int
    left_out: tuple[str, ...]


def measure_power(
    runs: Iterable[Cine],
    *,
    monitor: MonitorSettings | None = None,
    settings: LimitSettings | None = None,
    diameters_mm: Sequence[float] = DIAMETERS_MM,
    vessels: int = 5,
) -> ArchivePower:
    """Return how often inserted vessels are flagged, over runs that are known to show no uptake.

    Parameters
    ----------
    runs : iterable of Cine
        Without uptake; each is read once, and none is kept.
    monitor : MonitorSettings, optional
        The operating point.
    settings : LimitSettings, optional
        Dose fractions and amounts; its calibre and counts are not used.
    diameters_mm : sequence of float
        Calibres.
    vessels : int
        Vessels per run, calibre and dose.
    """
    settings = settings or LimitSettings(dose_fractions=DOSE_FRACTIONS)
    tries: dict[tuple[float, float], list[list[bool]]] = {
        (calibre, dose): [] for calibre in diameters_mm for dose in settings.dose_fractions
    }
    flagged_anyway, left_out = 0, list[str]()
    for cine in runs:
        opened = _open(cine, monitor, settings)
        if opened is None:
            flagged_anyway += 1
        elif isinstance(opened, NotFound):
            left_out.append(opened.reason)
        else:
            for (calibre, dose), of_runs in tries.items():
                if opened.can_carry(calibre, dose):
                    of_runs.append([opened.is_flagged(i, calibre, dose) for i in range(vessels)])
    cells = tuple(_count(at, of_runs, settings.confidence) for at, of_runs in tries.items())
    return ArchivePower(cells=cells, flagged_anyway=flagged_anyway, left_out=tuple(left_out))


def _open(
    cine: Cine, monitor_settings: MonitorSettings | None, settings: LimitSettings
) -> Insertion | NotFound | None:
    """Return what inserts vessels into a run; None where the run raises the flag by itself."""
    context = make_context(cine)
    monitor = Monitor(context, monitor_settings)
    recorder = record_window(monitor, cine.header)
    timing = cine.header.timing
    for index, frame in enumerate(cine):
        monitor.push(frame, float(timing.times_s[index]) if timing else None)
    if monitor.findings().verdict is Verdict.INTRAVASCULAR:
        return None
    return Insertion.prepare(recorder.window(), context, settings)


def _count(at: tuple[float, float], of_runs: list[list[bool]], confidence: float) -> PowerCell:
    inserted = sum(len(tries) for tries in of_runs)
    flagged = sum(sum(tries) for tries in of_runs)
    return PowerCell(
        vessel_diameter_mm=at[0],
        dose_fraction=at[1],
        runs=len(of_runs),
        inserted=inserted,
        flagged=flagged,
        power=flagged / inserted if inserted else 0.0,
        power_at_least=bound_power(inserted, inserted - flagged, confidence) if inserted else 0.0,
    )


def format_power(power: ArchivePower) -> str:
    """Return the power over an archive as CSV, a line for each calibre and dose."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = tuple(PowerCell.__dataclass_fields__)
    writer.writerow(names)
    for cell in power.cells:
        writer.writerow(_figures(getattr(cell, name) for name in names))
    return out.getvalue()


def _figures(values: Iterable[float]) -> Iterator[str]:
    yield from (f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
