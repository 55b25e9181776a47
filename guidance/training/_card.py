"""The model card: what the shipped network and line are, how they were made, what they cannot do.

Mitchell et al. 2019, Model cards for model reporting, doi 10.1145/3287560.3287596.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guidance import __version__
from guidance.errors import InputError
from guidance.spread import CHANNELS, GROUPS, PATTERNS, Decision
from guidance.training._decision_figures import DecisionFigures
from guidance.training._network import MAPS
from guidance.training._record import SuitePart, TrainingRecord, check_split, hash_suite

LICENCE = "Apache-2.0, as the project"

_USE = """\
Reads one frame of a run of fluoroscopy of the lumbar spine, beside what came before it, and says
where newly injected contrast is, where it runs in a vessel, and how likely it is that a vessel has
been seen. `guidance.spread.Monitor` measures what it draws; the line in `decision.json` turns the
measurements into a likelihood ratio.

For research on recorded runs. **Not for clinical use**: it is no medical device, nobody has tested
it on patients, and it must not guide an injection. Silence is no proof that no vessel was
entered."""

_LIMITS = """\
- No real image was used to train the network or to fit the line: what they do on patients is not
  known.
- Simulated runs differ from real ones (`docs/realism.md`): one simulator, one family of anatomies,
  adults who lie prone, lumbar levels only, non-ionic contrast of usual strength.
- Vessels that no eye would find in a frame it does not find either; small doses in fast or thin
  vessels, behind blades or outside the field.
- Digital subtraction and runs with fewer than one frame a second are not what it was made for.
- Probabilities are calibrated on simulated runs; a prior for the clinic is put in when it is used.
- Figures here are of the simulator on which it was trained, for other patients. Those that count
  are in `docs/results`: the frozen evaluation suite, whose ranges reach further."""

JUDGE = "evaluation"
"""The suite that judges; nothing may be learned from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the card is written from.

    Attributes
    ----------
    records : tuple of TrainingRecord
        Of the network's trainings, the last last; at least one. Trainings that began with the same
        weights are one stage, whose mean was taken.
    weights_sha256, decision_sha256 : str
        Of the files beside the card.
    decision : Decision
        The line.
    figures : DecisionFigures
        Of the line.
    """

    records: tuple[TrainingRecord, ...]
    weights_sha256: str
    decision_sha256: str
    decision: Decision
    figures: DecisionFigures

    def __post_init__(self) -> None:
        """Refuse what was learned from the judge, and a line that does not go with the network."""
        if not self.records:
            raise InputError("no record of a training, expected that of the network")
        parts = [part for one in self.records for part in (*one.learned, *one.held_out)]
        if JUDGE in self.figures.by_suite or any(part.suite == JUDGE for part in parts):
            raise InputError(
                f"suite {JUDGE!r} was learned from, expected none of its runs: it judges; train "
                "and fit on others"
            )
        learned = _names(part for one in self.records for part in one.learned)
        held_out = _names(part for one in self.records for part in one.held_out)
        # What one stage held out, no other may have learned from.
        check_split(learned, held_out | set(self.figures.patient_names))
        if self.figures.weights_sha256 != self.weights_sha256:
            raise InputError(
                f"the line was fitted with weights {self.figures.weights_sha256[:12]}, and those "
                f"of the card are {self.weights_sha256[:12]}; fit it again with: "
                "python -m guidance.training decision"
            )


def write_card(facts: CardFacts) -> str:
    """Return the model card as Markdown; the same facts give the same text."""
    sections = (
        "# Model card: contrast spread",
        "## What it is, and for what\n\n" + _USE,
        "## Files\n\n" + _files(facts),
        "## Network\n\n" + _network(facts.records[-1]),
        "## Data\n\n" + _data(facts.records[-1]),
        "## Training\n\n" + _training(facts.records),
        "## Figures on held-out patients\n\n" + _frame_figures(_last_stage(facts.records)),
        "## The line\n\n" + _line(facts),
        "## Limits\n\n" + _LIMITS,
        f"## Licence\n\n{LICENCE}. Written by `python -m guidance.training card`, version "
        f"{__version__}; how to make all of it again stands in `docs/training.md`.",
    )
    return "\n\n".join(sections) + "\n"


def _names(parts: Iterable[SuitePart]) -> set[str]:
    """Return the patients of some parts."""
    return {name for part in parts for name in part.patients}


def _last_stage(records: Sequence[TrainingRecord]) -> list[TrainingRecord]:
    """Return the last training, and those that began with the same weights as it."""
    last = records[-1]
    begun_with = last.settings.begun_with
    return [
        one
        for one in records
        if one is last or (begun_with and begun_with == one.settings.begun_with)
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _files(facts: CardFacts) -> str:
    rows = (
        ("`spread.onnx`", "the network, ONNX opset 17", f"`{facts.weights_sha256}`"),
        ("`decision.json`", "the line, and thresholds", f"`{facts.decision_sha256}`"),
    )
    return _table(("file", "what", "SHA-256"), rows)


def _network(record: TrainingRecord) -> str:
    widths = ", ".join(str(width) for width in record.settings.network.widths)
    return (
        f"A U-Net with {widths} images at a half to a sixteenth of the input's size, and a head\n"
        f"that judges the frame as a whole: {record.parameters:,} parameters.\n\n"
        f"- Input `channels` (1, {len(CHANNELS)}, 256, 256), bytes, 128 is zero: "
        f"{', '.join(CHANNELS)}.\n"
        f"- Output `maps` (1, {len(MAPS)}, 128, 128): log-odds of {', '.join(MAPS)}.\n"
        f"- Output `logits` (1, {2 + len(PATTERNS)}): log-odds of uptake and of contrast, then "
        f"{', '.join(PATTERNS)}."
    )


def _data(record: TrainingRecord) -> str:
    rows = [
        (use, *_part_cells(part))
        for use, parts in (("learned from", record.learned), ("held out", record.held_out))
        for part in parts
    ]
    head = ("use", "suite", "of", "patients", "files", "frames", "SHA-256 of the suite")
    return (
        "Simulated runs alone (`docs/simulation.md`, `docs/suites.md`); no image of a person. The\n"
        "split is by patients: no anatomy is on both sides. `courses` are the contrast alone of\n"
        "further runs; a run may be there twice, its background held by truth and by the "
        "monitor.\n\n" + _table(head, rows)
    )


def _part_cells(part: SuitePart) -> tuple[object, ...]:
    names = part.patients
    whom = f"{len(names)} ({names[0]} to {names[-1]})" if names else "0"
    sha256 = f"`{part.suite_sha256}`" if part.suite_sha256 else "not a known suite"
    return f"`{part.suite}`", part.kind, whom, part.runs, part.frames, sha256


def _training(records: Sequence[TrainingRecord]) -> str:
    last = records[-1]
    versions = ", ".join(f"{name} {found}" for name, found in sorted(last.libraries.items()))
    device = "a graphics card" if last.device == "cuda" else "a processor"
    rows = [
        (
            one.settings.begun_with[:12] or "random weights",
            one.settings.seed,
            f"{one.settings.side_px}²",
            one.settings.batch,
            f"{one.settings.learning_rate:g}",
            f"{one.settings.composed:.0%}",
            f"{one.steps:,}",
            f"{one.minutes:g}",
        )
        for one in records
    ]
    head = ("began with", "seed", "pixels", "batch", "rate", "composed", "batches", "minutes")
    return (
        f"On {device}; AdamW, the rate falling as a cosine, weight decay "
        f"{last.settings.weight_decay:g}. Frames turned, mirrored,\nmoved, scaled; contrast "
        "strengthened and weakened; noise added; anatomy inverted or taken away.\nTrainings that "
        "began with the same weights (SHA-256) ran side by side; of their weights the mean\nwas "
        f"taken. With {versions}.\n\n" + _table(head, rows)
    )


def _frame_figures(stage: Sequence[TrainingRecord]) -> str:
    several = [one.figures for one in stage if one.figures is not None]
    if not several:
        return "None were measured."
    figures = several[-1]
    told = (
        ("frames that show a vessel against frames without", [one.auc for one in several]),
        ("the same, among frames with contrast", [one.auc_with_contrast for one in several]),
        ("the same, by the area that the map shows", [one.auc_of_map for one in several]),
        ("frames with contrast against those without", [one.auc_of_contrast for one in several]),
        ("vessel or none in composed frames", [one.composed_auc for one in several]),
        (
            f"the right pattern of six, of {figures.pattern_frames} frames (share)",
            [one.pattern_accuracy for one in several],
        ),
    )
    rows = [(what, *(_figure(value) for value in values)) for what, values in told]
    head = ("area under ROC of", *(f"seed {one.settings.seed}" for one in stage if one.figures))
    return (
        f"{figures.frames:,} frames, {figures.positive_frames:,} of them show a vessel. Frames of "
        "a run resemble each other:\nintervals would mislead; those of runs stand in "
        "`docs/results`.\n\n" + _table(head, rows)
    )


def _line(facts: CardFacts) -> str:
    figures, decision = facts.figures, facts.decision
    suites = ", ".join(f"{count} of `{name}`" for name, count in figures.by_suite.items())
    hashes = "; ".join(f"`{name}` {hash_suite(name) or 'unknown'}" for name in figures.by_suite)
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    weights = [
        (f"`{name}`", group_of.get(name, ""), f"{weight:+.3f}")
        for name, weight in zip(decision.names, decision.weights, strict=True)
    ]
    told = (
        ("AUC of runs, all uptakes", figures.auc_runs, figures.positive_runs),
        ("AUC of runs, visible uptakes", figures.auc_visible, figures.visible_runs),
        ("sensitivity, all uptakes", figures.sensitivity, figures.positive_runs),
        ("sensitivity, visible uptakes", figures.sensitivity_visible, figures.visible_runs),
        ("specificity", figures.specificity, figures.runs - figures.positive_runs),
        ("calibration intercept of runs", figures.calibration_intercept, figures.runs),
        ("calibration slope of runs", figures.calibration_slope, figures.runs),
    )
    return (
        f"Logistic regression (penalty {figures.ridge:g}, recalibrated on {figures.calibrated_on}"
        f"{', signs of physics kept' if figures.signs else ''}) on {figures.frames:,} frames of "
        f"{figures.runs} runs\nof {figures.patients} patients: {suites}. Lists: {hashes}.\n\n"
        f"By lines fitted to other patients, at {figures.alarms_per_min:g} false alarms per minute "
        f"(ratio e^{figures.threshold:.2f},\nfrom {figures.negative_minutes:g} minutes without "
        "uptake):\n\n"
        + _table(("what", "figure", "runs"), [(a, _figure(b), c) for a, b, c in told])
        + "\n\n"
        + _table(("measurement", "group", "weight"), weights)
    )


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
