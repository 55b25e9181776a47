"""The model card: everything it must say, from records alone, and what it refuses."""

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from made_measures import made_runs

from guidance.errors import InputError, StorageError
from guidance.training import (
    CardFacts,
    FitSettings,
    HeldOutFigures,
    SuitePart,
    TrainingRecord,
    TrainingSettings,
    describe_decision,
    encode_decision,
    fit_decision,
    read_record,
    write_card,
)
from guidance.training._card_call import write_card_file
from guidance.training._decision_call import encode_figures
from guidance.training._record import check_split, encode_record, hash_suite, make_record

FIGURES = HeldOutFigures(
    step=900,
    minutes=31.5,
    train_loss=0.4,
    loss=0.9,
    auc=0.912,
    auc_with_contrast=0.88,
    auc_of_map=0.87,
    auc_of_contrast=0.981,
    pattern_accuracy=None,
    frames=978,
    positive_frames=133,
    pattern_frames=0,
)


def part(first: int, last: int, suite: str = "validation") -> SuitePart:
    names = tuple(f"{suite[:2]}{number:03d}" for number in range(first, last + 1))
    return SuitePart(
        suite=suite, suite_sha256=hash_suite(suite), patients=names, runs=300, frames=7801
    )


def record(learned: SuitePart, held_out: SuitePart) -> TrainingRecord:
    return make_record(
        settings=TrainingSettings(seed=4),
        device="cpu",
        spent=(900, 31.5),
        parameters=162_345,
        parts=((learned,), (held_out,)),
        figures=FIGURES,
        torch_version="2.13.0",
    )


@pytest.fixture(scope="module")
def runs():
    return made_runs(60)


@pytest.fixture(scope="module")
def facts(runs) -> CardFacts:
    fitted = fit_decision(runs)
    figures = describe_decision(runs, fitted, FitSettings())
    return CardFacts(
        records=(record(part(40, 57), part(58, 63)),),
        weights_sha256=figures.weights_sha256,
        decision_sha256="d" * 64,
        decision=fitted.decision,
        figures=figures,
    )


def test_the_card_says_what_a_card_must(facts):
    text = write_card(facts)
    for said in (
        "Not for clinical use",
        "No real image was used",
        "Apache-2.0",
        "On a processor; AdamW",
        "| random weights | 4 | 128² | 32 | 0.002 | 0% | 900 | 31.5 |",
        "162,345 parameters",
        "| learned from | `validation` | runs | 18 (va040 to va057) | 300 | 7801 |",
        "| held out | `validation` | runs | 6 (va058 to va063) | 300 | 7801 |",
        "12bf5be246ca3d8df133423ae315324aa4a293163b4c7a822c57bdb7a8581575",
        f"`{facts.weights_sha256}`",
        f"`{'d' * 64}`",
        "978 frames, 133 of them show a vessel",
        "| area under ROC of | seed 4 |",
        "| frames that show a vessel against frames without | 0.912 |",
        "| the right pattern of six, of 0 frames (share) | not known |",
        "60 runs\nof 20 patients: 60 of `validation`",
        "| `vessel_ever` | vessel map | +",
    ):
        assert said in text, said
    assert text == write_card(facts)
    assert text.endswith(".\n")


def test_each_stage_is_told_and_the_last_judged(facts):
    first = facts.records[0]
    pair = [
        replace(
            first,
            settings=replace(first.settings, seed=seed, begun_with="ab" * 32),
            figures=replace(FIGURES, auc=0.92 + seed / 100),
        )
        for seed in (1, 2)
    ]
    text = write_card(replace(facts, records=(first, *pair)))
    assert "| abababababab | 2 | 128² |" in text
    assert "| area under ROC of | seed 1 | seed 2 |" in text
    assert "| frames that show a vessel against frames without | 0.930 | 0.940 |" in text
    assert "0.912" not in text
    with pytest.raises(InputError, match="va058, va059, va060 are learned from and held out"):
        replace(facts, records=(record(part(58, 60), part(61, 63)), first))
    with pytest.raises(InputError, match="no record"):
        replace(facts, records=())


def test_tables_have_the_same_number_of_cells_in_each_line(facts):
    lines = [line for line in write_card(facts).splitlines() if line.startswith("|")]
    assert len(lines) > 30
    assert {line.count("|") - 1 for line in lines} == {2, 3, 7, 8}


def test_a_line_of_other_weights_is_refused(facts):
    with pytest.raises(InputError, match="fit it again"):
        replace(facts, weights_sha256="0" * 64)


def test_the_judge_must_not_have_been_learned_from(facts):
    with pytest.raises(InputError, match="it judges"):
        replace(facts, records=(record(part(0, 17, "evaluation"), part(18, 23)),))
    with pytest.raises(InputError, match="it judges"):
        replace(facts, figures=replace(facts.figures, by_suite={"evaluation": 3}))


def test_no_patient_is_on_both_sides(facts):
    with pytest.raises(InputError, match="va017, va018, va019 are learned from"):
        replace(facts, records=(record(part(17, 30), part(31, 39)),))
    with pytest.raises(InputError, match="va017 are learned from and held out"):
        record(part(0, 17), part(17, 23))
    check_split({"a"}, {"b"})


def test_a_record_is_read_back(facts, tmp_path):
    path = tmp_path / "training.json"
    path.write_bytes(encode_record(facts.records[0]))
    assert read_record(path) == facts.records[0]
    path.write_bytes(encode_record(facts.records[0]).replace(b"guidance.training/1", b"other"))
    with pytest.raises(StorageError, match="is no record of a training"):
        read_record(path)
    with pytest.raises(StorageError, match=r"training\.json"):
        read_record(tmp_path / "gone" / "training.json")


def test_the_shipped_card_is_what_the_records_give(tmp_path):
    root = Path(__file__).resolve().parents[2]
    models, kept = root / "guidance" / "models", root / "docs" / "results" / "training"
    for name in ("spread.onnx", "decision.json"):
        (tmp_path / name).write_bytes((models / name).read_bytes())
    records = [kept / "spread-parts.json", kept / "spread-whole.json"]
    write_card_file(records, tmp_path, models / "decision-figures.json")
    assert (tmp_path / "spread.md").read_text() == (models / "spread.md").read_text()


def test_the_card_is_written_beside_the_weights(facts, tmp_path):
    weights = b"not a network, but hashed like one"
    figures = replace(facts.figures, weights_sha256=hashlib.sha256(weights).hexdigest())
    (tmp_path / "spread.onnx").write_bytes(weights)
    (tmp_path / "decision.json").write_bytes(encode_decision(facts.decision))
    (tmp_path / "training.json").write_bytes(encode_record(facts.records[0]))
    (tmp_path / "figures.json").write_bytes(encode_figures(figures))
    call = ([tmp_path / "training.json"], tmp_path, tmp_path / "figures.json")
    assert write_card_file(*call) == tmp_path / "spread.md"
    assert hashlib.sha256(weights).hexdigest() in (tmp_path / "spread.md").read_text()
    (tmp_path / "figures.json").write_bytes(msgspec.json.encode({}))
    with pytest.raises(StorageError, match="no figures of a line"):
        write_card_file(*call)
    (tmp_path / "spread.onnx").unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        write_card_file(*call)
