"""Set the shipped decision beside poorer ones.

``python tools/rank_monitors.py FIT [FIT ...] --judge DIR``. FIT are folders of measurements
(``FOLDER`` or ``FOLDER@FIRST-LAST``) to which each decision is fitted as the shipped one was; DIR
is that of ``tools/score_monitor.py``, run to its end. Each group of measurements is left out in
turn, then all but one. Baselines that subtract stand beside them where docs/results has their
scores of the same suite. Intervals resample patients.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from guidance.evaluation import read_suite_truth
from guidance.evaluation._bootstrap import ClusterBootstrap, percentile_interval
from guidance.evaluation._weighted import area_under_roc, sensitivity_at
from guidance.spread import GROUPS, Decision, MonitorSettings
from guidance.training import (
    CalibrateOn,
    FitSettings,
    RunMeasurements,
    fit_decision,
    greatest_threshold,
    parse_source,
    read_measurements,
)

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
REPLICATES, SEED, LEVEL = 1000, 0, 0.95
SPECIFICITY = 0.95
SMALL_DOSE = 0.2
BASELINES = {
    "first_frame": "first frame subtracted",
    "aligned": "first frame aligned, subtracted",
    "last_frame": "last frame minus aligned first",
    "last_alone": "last frame alone (ridges)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One observer on one suite; of visible uptakes unless it says otherwise."""

    observer: str
    auc: float
    auc_low: float | None
    auc_high: float | None
    auc_all: float
    sensitivity_at_95: float
    sensitivity_low: float | None
    sensitivity_high: float | None
    threshold: float | None = None
    flagged: float | None = None
    flagged_small_dose: float | None = None
    specificity: float | None = None
    alarms_per_min: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """The runs that judge."""

    runs: Sequence[RunMeasurements]
    small: frozenset[int]
    bootstrap: ClusterBootstrap

    @property
    def positive(self) -> np.ndarray:
        """Runs with contrast in a vessel."""
        return np.array([run.is_vascular for run in self.runs])

    @property
    def visible(self) -> np.ndarray:
        """Runs whose vessel can be seen by the simulator's rule, and runs without uptake."""
        return np.array([run.is_visible or not run.is_vascular for run in self.runs])


def read_folder(text: str) -> list[RunMeasurements]:
    """Return the measurements that ``FOLDER@FIRST-LAST`` names."""
    source = parse_source(text)
    runs = [read_measurements(path) for path in sorted(source.folder.glob("*.npz"))]
    return [run for run in runs if source.patients.holds(run.patient) and run.frames.size]


def rank_score(name: str, score: np.ndarray, judged: Judged) -> Row:
    """Return the figures of a score, without an operating point."""
    positive, visible = judged.positive, judged.visible
    everybody = np.ones(positive.size, np.bool_)
    # What is not asked for must not count at any threshold.
    among_visible = score[visible], positive[visible]
    statistics = [
        area_under_roc(score, positive, visible),
        area_under_roc(score, positive, everybody),
    ]
    clusters = [run.patient for run, seen in zip(judged.runs, visible, strict=True) if seen]
    seen_only = ClusterBootstrap(clusters, REPLICATES, np.random.default_rng(SEED))
    at_95 = [sensitivity_at(*among_visible, SPECIFICITY)]
    auc, auc_all = judged.bootstrap.estimate(statistics)
    spread = judged.bootstrap.resample(statistics[:1])[0]
    interval = percentile_interval(spread, judged.bootstrap.n_clusters, LEVEL)
    (sensitivity,) = seen_only.estimate(at_95)
    reach = percentile_interval(seen_only.resample(at_95)[0], seen_only.n_clusters, LEVEL)
    assert auc is not None
    assert auc_all is not None
    assert sensitivity is not None
    return Row(
        observer=name,
        auc=_tidy(auc),
        auc_low=_tidy_or_none(interval.low),
        auc_high=_tidy_or_none(interval.high),
        auc_all=_tidy(auc_all),
        sensitivity_at_95=_tidy(sensitivity),
        sensitivity_low=_tidy_or_none(reach.low),
        sensitivity_high=_tidy_or_none(reach.high),
    )


def rank_decision(name: str, decision: Decision, judged: Judged) -> Row:
    """Return the figures of a line through the measurements, at the default operating point."""
    rule = MonitorSettings()
    threshold = decision.threshold(rule.alarms_per_min)
    ratios = [decision.ratios(run.values) for run in judged.runs]
    greatest = np.array(
        [
            float(ratio[run.has_contrast].max(initial=decision.ratio_without_contrast))
            for ratio, run in zip(ratios, judged.runs, strict=True)
        ]
    )
    row = rank_score(name, greatest, judged)
    flagged = np.array(
        [
            greatest_threshold(ratio, run.has_contrast, rule) >= threshold
            for ratio, run in zip(ratios, judged.runs, strict=True)
        ]
    )
    early = 0
    for ratio, run in zip(ratios, judged.runs, strict=True):
        before = run.times_s < run.uptake_s
        early += greatest_threshold(ratio[before], run.has_contrast[before], rule) >= threshold
    minutes = sum(min(run.duration_s, run.uptake_s) for run in judged.runs) / 60
    positive, visible = judged.positive, judged.visible
    small = np.array([run.index in judged.small for run in judged.runs]) & positive & visible
    values = {field: getattr(row, field) for field in Row.__dataclass_fields__}
    return Row(
        **{
            **values,
            "threshold": _tidy(threshold),
            "flagged": _tidy(float(flagged[positive & visible].mean())),
            "flagged_small_dose": _tidy(float(flagged[small].mean())) if small.any() else None,
            "specificity": _tidy(float((~flagged[~positive]).mean())),
            "alarms_per_min": _tidy(early / minutes),
        }
    )


def rank_all(
    fitted_to: Sequence[RunMeasurements],
    judged: Judged,
    baselines: Mapping[str, np.ndarray],
) -> list[Row]:
    """Return a row for each observer."""
    groups = list(GROUPS)
    choices: dict[str, tuple[str, ...]] = {"all measurements": ()}
    choices |= {f"without {group}": (group,) for group in groups}
    choices |= {f"{group} alone": tuple(g for g in groups if g != group) for group in groups}
    rows = []
    for name, without in choices.items():
        settings = FitSettings(signs=True, calibrate_on=CalibrateOn.RUNS, without=without)
        rows.append(rank_decision(name, fit_decision(fitted_to, settings).decision, judged))
    thin = np.array([_greatest_thin(run) for run in judged.runs])
    rows.append(rank_score("length of thin contrast alone (a ridge rule)", thin, judged))
    return rows + [rank_score(name, score, judged) for name, score in baselines.items()]


def _greatest_thin(run: RunMeasurements) -> float:
    from guidance.spread import MEASURE_NAMES

    return float(run.values[:, MEASURE_NAMES.index("thin")].max(initial=0.0))


def read_baselines(suite: str, runs: Sequence[RunMeasurements]) -> dict[str, np.ndarray]:
    """Return the best score of each baseline, chosen on the suite itself, which flatters it."""
    path = RESULTS / f"{suite}-baseline-scores.csv"
    if not path.exists():
        return {}
    with path.open() as file:
        table = {int(row["index"]): row for row in csv.DictReader(file)}
    if any(run.index not in table for run in runs):
        return {}
    positive = np.array([run.is_vascular for run in runs])
    clear = np.array([run.is_visible or not run.is_vascular for run in runs])
    ones = np.ones((1, len(runs)), np.float32)
    best: dict[str, tuple[float, np.ndarray]] = {}
    for name in next(iter(table.values())):
        observer = name.partition(".")[0]
        if observer not in BASELINES:
            continue
        score = np.array([float(table[run.index][name]) for run in runs])
        auc = float(area_under_roc(score, positive, clear)(ones)[0])
        label = f"{BASELINES[observer]}: {name.partition('.')[2]}"
        if observer not in best or auc > best[observer][0]:
            best[observer] = auc, score
            best[observer + " label"] = auc, np.array(label)
    return {
        str(best[observer + " label"][1]): best[observer][1]
        for observer in BASELINES
        if observer in best
    }


def format_rows(rows: Sequence[Row]) -> str:
    """Return the rows as CSV."""
    text = StringIO()
    writer = csv.DictWriter(text, list(Row.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value is None else value for key, value in asdict(row).items()})
    return text.getvalue()


def _tidy(value: float) -> float:
    return round(value, 4)


def _tidy_or_none(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fit", nargs="+")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--suite", default="evaluation")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    fitted_to = [run for text in given.fit for run in read_folder(text)]
    runs = read_folder(str(given.judge / "measurements" / given.suite))
    small = frozenset(
        case.index
        for case in read_suite_truth(given.suite).cases
        if case.is_vascular and (case.vessel_dose_fraction or 1.0) <= SMALL_DOSE
    )
    bootstrap = ClusterBootstrap(
        [run.patient for run in runs], REPLICATES, np.random.default_rng(SEED)
    )
    judged = Judged(runs=runs, small=small, bootstrap=bootstrap)
    rows = rank_all(fitted_to, judged, read_baselines(given.suite, runs))
    path = given.out / f"{given.suite}-monitors.csv"
    path.write_text(format_rows(rows))
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
