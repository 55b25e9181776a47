"""Publishes what a streamed suite gave: ``python tools/publish_suite.py OUT``.

OUT is the folder of ``guidance simulate --suite NAME --observe baselines --drop --out OUT``, run to
its end. The compact truth goes beside the suite's list, for `guidance evaluate --truth NAME`; the
baselines' scores of every run and their ranking go to docs/results.
"""

import argparse
import csv
import sys
from dataclasses import astuple, fields, replace
from io import StringIO
from pathlib import Path

from guidance.errors import GuidanceError, InputError
from guidance.evaluation import (
    BaselineFigure,
    CaseTruth,
    decode_scores,
    decode_truth,
    format_truth_table,
    rank_baselines,
)
from guidance.simulation import read_suite

ROOT = Path(__file__).resolve().parent.parent
SUITES = ROOT / "guidance" / "simulation" / "suites"
RESULTS = ROOT / "docs" / "results"
# Errors in millimetres are measured in some frames of a run: enough, and the table stays small.
TIPS_KEPT = 5


def publish(out: Path, suites: Path = SUITES, results: Path = RESULTS) -> list[Path]:
    """Write the tables of the suite in `out`; return their paths."""
    truth = decode_truth((out / "truth.json").read_bytes())
    suite = read_suite(truth.name)
    if len(truth.cases) != len(suite.runs):
        raise InputError(
            f"{len(truth.cases)} of {len(suite.runs)} runs of suite {truth.name} are there; "
            "let the suite run to its end"
        )
    cases = sorted((_thinned(case) for case in truth.cases), key=lambda case: case.index)
    scores = read_scores(out / "scores")
    figures = rank_baselines(cases, scores)
    visible = [
        case for case in cases if not case.is_vascular or case.first_visible_vessel_s is not None
    ]
    figures_visible = rank_baselines(visible, {case.run: scores[case.run] for case in visible})
    texts = {
        suites / f"{truth.name}-truth.csv": format_truth_table(cases),
        results / f"{truth.name}-baseline-scores.csv": format_scores_table(cases, scores),
        results / f"{truth.name}-baselines.csv": format_ranking(figures, figures_visible),
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(texts)


def _thinned(case: CaseTruth) -> CaseTruth:
    step = max(1, -(-len(case.tips) // TIPS_KEPT))
    return replace(case, tips=case.tips[::step])


def read_scores(folder: Path) -> dict[str, dict[str, float]]:
    """Return the baselines' scores by run and name."""
    scores: dict[str, dict[str, float]] = {}
    for path in sorted(folder.glob("*.csv")):
        for result in decode_scores(path.read_bytes()):
            if result.score is not None:
                scores.setdefault(result.run, {})[path.stem] = result.score
    return scores


def format_scores_table(cases: list[CaseTruth], scores: dict[str, dict[str, float]]) -> str:
    """Return one line a run, one column a score."""
    names = sorted({name for run in scores.values() for name in run})
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("index", "run", *names))
    for case in cases:
        values = [f"{scores[case.run][name]:.5g}" for name in names]
        writer.writerow((case.index, case.run, *values))
    return text.getvalue()


def format_ranking(
    figures: tuple[BaselineFigure, ...] | list[BaselineFigure],
    figures_visible: tuple[BaselineFigure, ...] | list[BaselineFigure],
) -> str:
    """Return the baselines' figures, best first: among all uptakes, and among the visible ones."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("uptakes", *(field.name for field in fields(BaselineFigure))))
    for kind, ranked in (("all", figures), ("visible", figures_visible)):
        for figure in sorted(ranked, key=lambda figure: -figure.roc_auc):
            cells = [f"{v:.4g}" if isinstance(v, float) else v for v in astuple(figure)]
            writer.writerow((kind, *cells))
    return text.getvalue()


def main() -> int:
    """Publish the folder that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    try:
        paths = publish(parser.parse_args().out)
    except (GuidanceError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in paths:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
