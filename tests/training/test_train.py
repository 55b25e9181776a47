"""Training itself, where PyTorch is: a few steps, stopped and gone on with, and the export."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from made_examples import made_run

from guidance.errors import InputError, StorageError
from guidance.spread import PATTERNS
from guidance.training import (
    Budget,
    ExampleSet,
    NetworkSettings,
    Schedule,
    TrainingSettings,
    build_network,
    export,
    gather,
    read_record,
    train,
    write_examples,
)
from guidance.training._checkpoint import CHECKPOINT, read_weights
from guidance.training._export import compare, encode_onnx
from guidance.training._folders import parse_source
from guidance.training._train import FIGURES, answer
from guidance.training._train_call import TrainCall, run_training

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: it is the extra `train`, which `dev` leaves out"
)

SETTINGS = TrainingSettings(batch=2, network=NetworkSettings(widths=(4, 6, 8, 8)))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned() -> ExampleSet:
    kinds = ("vascular", "epidural", "none", "mixed")
    return gather([made_run(index, kinds[index % 4]) for index in range(4)])


@pytest.fixture(scope="module")
def held_out() -> ExampleSet:
    return gather([made_run(9), made_run(10, "epidural")])


def weights_in(folder) -> dict[str, np.ndarray]:
    weights, _ = read_weights(folder / CHECKPOINT)
    return {name: tensor.numpy() for name, tensor in weights.items()}


def stop_after(batches: int) -> Schedule:
    asked = itertools.count(1)
    return Schedule(should_stop=lambda: next(asked) >= batches)


def test_three_batches_are_learned_from(learned, held_out, tmp_path):
    learner = train(learned, held_out, tmp_path, budget=Budget(steps=3), settings=SETTINGS)
    assert learner.step == 3
    (line,) = learner.figures
    assert (line.step, line.frames, line.positive_frames) == (3, 12, 3)
    assert np.isfinite([line.loss, line.train_loss]).all()
    assert (tmp_path / FIGURES).read_text().startswith("step,minutes,train_loss,loss,auc,")
    torch.manual_seed(SETTINGS.seed)
    before = build_network(SETTINGS.network).state_dict()
    assert any(
        not np.array_equal(before[name].numpy(), after)
        for name, after in weights_in(tmp_path).items()
        if name.endswith("weight")
    )


def test_a_stopped_training_goes_on_as_if_it_had_not_been(learned, held_out, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    call = {"budget": Budget(steps=5), "settings": SETTINGS}
    expected = train(learned, held_out, whole, **call)
    for batches in (2, 2):
        stopped = train(learned, held_out, parts, schedule=stop_after(batches), **call)
    assert stopped.step == 4
    again = train(learned, held_out, parts, **call)
    found, wanted = weights_in(parts), weights_in(whole)
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    for line in (*again.figures, *expected.figures):
        assert line.step == 5
    assert again.figures[0].loss == expected.figures[0].loss
    assert again.figures[0].train_loss == expected.figures[0].train_loss
    assert train(learned, held_out, parts, **call).step == 5  # nothing is left to do


def test_a_training_with_other_settings_is_not_gone_on_with(learned, held_out, tmp_path):
    train(learned, held_out, tmp_path, budget=Budget(steps=1), settings=SETTINGS)
    with pytest.raises(InputError, match="choose another folder"):
        train(
            learned,
            held_out,
            tmp_path,
            budget=Budget(steps=2),
            settings=replace(SETTINGS, seed=1),
        )
    (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(StorageError, match="no file of weights"):
        train(learned, held_out, tmp_path, budget=Budget(steps=2), settings=SETTINGS)


def test_seeds_matter_and_are_all_that_does(learned, held_out, tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        settings = replace(SETTINGS, seed=seed)
        train(learned, held_out, folder, budget=Budget(steps=1), settings=settings)
    first, same, other = (weights_in(folder)["s1.0.weight"] for folder in folders)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_network_learns_what_there_is_to_learn(learned, held_out):
    """Lines against discs, on unvaried examples: a few batches show that it moves."""
    from guidance.training._batch import load_batch
    from guidance.training._losses import measure_loss

    torch.manual_seed(0)
    network = build_network(SETTINGS.network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    batch = load_batch(learned, np.array([0, 4, 5, 10, 11, 13, 22]), "cpu")
    losses = []
    for _ in range(12):
        loss = measure_loss(*network(batch.channels), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_answers_are_those_of_each_example(learned):
    torch.manual_seed(0)
    network = build_network(SETTINGS.network).eval()
    answers = answer(network, learned)
    assert answers.uptake.shape == answers.pattern.shape == (len(learned),)
    assert set(answers.pattern.tolist()) <= set(range(len(PATTERNS)))
    assert not network.training


def test_the_export_says_the_same(tmp_path, learned, held_out):
    train(learned, held_out, tmp_path, budget=Budget(steps=1), settings=SETTINGS)
    made = export(tmp_path / CHECKPOINT, tmp_path / "n.onnx")
    assert made.difference < 1e-3
    assert len(made.sha256) == 64
    assert export(tmp_path / CHECKPOINT, tmp_path / "again.onnx").sha256 == made.sha256

    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["channels"]
    assert [tuple(one.shape) for one in session.get_outputs()] == [(1, 3, 128, 128), (1, 8)]


def test_weights_alone_can_be_exported(tmp_path):
    torch.manual_seed(3)
    torch.save(build_network().state_dict(), tmp_path / "weights.pt")
    assert export(tmp_path / "weights.pt", tmp_path / "n.onnx").difference < 1e-3
    torch.save({"some": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(StorageError, match="another network"):
        export(tmp_path / "other.pt", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_a_wrong_export_is_seen():
    torch.manual_seed(3)
    network = build_network(SETTINGS.network).eval()
    data = encode_onnx(network)
    with torch.no_grad():
        network.head.bias += 0.1
    inputs = np.full((1, 8, 256, 256), 128, np.uint8)
    assert compare(network, data, inputs) == pytest.approx(0.1, rel=0.2)


def test_the_call_keeps_a_record(tmp_path):
    for index in range(6):
        write_examples(tmp_path / "examples", f"{index:05d}", made_run(index))
    said = []
    call = TrainCall(
        learned=parse_source(f"{tmp_path / 'examples'}@0-3"),
        held_out=parse_source(f"{tmp_path / 'examples'}@4-5"),
        folder=tmp_path / "out",
        budget=Budget(steps=1),
        settings=SETTINGS,
        threads=1,
        say=said.append,
    )
    assert run_training(call) == tmp_path / "out" / CHECKPOINT
    assert said[0] == "24 frames of 4 patients to learn from, 12 of 2 held out"
    record = read_record(tmp_path / "out" / "training.json")
    assert record.learned[0].patients == ("va000", "va001", "va002", "va003")
    assert (record.held_out[0].runs, record.held_out[0].frames) == (2, 12)
    assert (record.steps, record.settings) == (1, SETTINGS)
    assert len(record.learned[0].suite_sha256) == 64
    assert json.loads((tmp_path / "out" / "training.json").read_bytes())["libraries"]["torch"]
    with pytest.raises(InputError, match="learned from and held out"):
        run_training(replace(call, held_out=call.learned))
