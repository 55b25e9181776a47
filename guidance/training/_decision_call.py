"""`decision` as it is called: gathers measurements, fits, and writes line and figures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from guidance.errors import StorageError
from guidance.io import write_atomically
from guidance.training._decision import FitSettings, encode_decision, fit_decision
from guidance.training._decision_figures import DecisionFigures, describe_decision
from guidance.training._folders import Source
from guidance.training._measurements import gather_measurements


def fit_and_write(
    sources: Sequence[Source], measurements: Path, settings: FitSettings, out: Path
) -> Iterator[str]:
    """Fit the line to all measured runs and write it; yield what there is to say of it.

    Parameters
    ----------
    sources : sequence of Source
        Runs that the network has not learned from.
    measurements : Path
        Where their measurements are kept.
    settings : FitSettings
        How.
    out : Path
        Of the line; its figures go beside it.
    """
    runs = [run for source in sources for run in gather_measurements(source, measurements)]
    fitted = fit_decision(runs, settings)
    figures = describe_decision(runs, fitted, settings)
    write_atomically(out, encode_decision(fitted.decision))
    write_atomically(figures_path(out), encode_figures(figures))
    yield (
        f"{figures.runs} runs of {figures.patients} patients, {figures.positive_runs} with uptake, "
        f"{figures.visible_runs} of them visible"
    )
    yield f"AUC of runs {figures.auc_runs}, visible {figures.auc_visible}"
    yield (
        f"at {figures.alarms_per_min:g} alarms/min: sensitivity {figures.sensitivity}, visible "
        f"{figures.sensitivity_visible}, specificity {figures.specificity}"
    )
    yield (
        f"calibration of runs: intercept {figures.calibration_intercept}, slope "
        f"{figures.calibration_slope}; penalty {figures.ridge:g}"
    )
    if fitted.slope <= 0:
        yield "on other patients the line tells nothing: all weights are 0; measure more runs"


def figures_path(decision: Path) -> Path:
    """Return where the figures of a line go: ``decision-figures.json`` beside it."""
    return decision.with_name(f"{decision.stem}-figures.json")


def encode_figures(figures: DecisionFigures) -> bytes:
    """Return the figures as JSON."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n"


def read_figures(path: Path) -> DecisionFigures:
    """Return the figures that a file holds.

    Raises
    ------
    StorageError
        It is missing or damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=DecisionFigures)
    except (OSError, msgspec.MsgspecError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"{path.name} holds no figures of a line: {reason}; make them with: "
            "python -m guidance.training decision"
        ) from error
