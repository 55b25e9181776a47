"""Training itself, where PyTorch is: a few steps, stopped and gone on with, and the export."""

import hashlib
import itertools
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from made_examples import made_run

from guidance.errors import InputError, StorageError
from guidance.spread import CHANNELS, PATTERNS
from guidance.training import (
    Budget,
    CourseSet,
    Material,
    NetworkSettings,
    Schedule,
    TrainingSettings,
    _train,
    build_network,
    export,
    gather,
    read_record,
    train,
    write_average,
    write_course,
    write_examples,
)
from guidance.training._batch import make_batch
from guidance.training._checkpoint import CHECKPOINT, read_network, read_weights
from guidance.training._export import compare, encode_onnx
from guidance.training._folders import parse_source
from guidance.training._losses import measure_loss
from guidance.training._material import take_composed, take_examples
from guidance.training._train import FIGURES, answer
from guidance.training._train_call import TrainCall, TrainingFolders, run_training

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: it is the extra `train`, which `dev` leaves out"
)

SETTINGS = TrainingSettings(
    batch=2, side_px=64, composed=0.5, network=NetworkSettings(widths=(4, 6, 8, 8))
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned(made_course) -> Material:
    kinds = ("vascular", "epidural", "none", "mixed")
    courses = tuple(made_course(kind, 0.2) for kind in ("vascular", "epidural"))
    return Material(
        examples=gather([made_run(index, kinds[index % 4]) for index in range(4)]),
        courses=CourseSet(courses=courses),
    )


@pytest.fixture(scope="module")
def held_out() -> Material:
    runs = [made_run(9), made_run(10, "epidural")]
    for run in runs:
        run.channels[:, CHANNELS.index("valid")] = 228
    return Material(examples=gather(runs))


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
    assert (line.composed_frames, line.composed_auc) == (0, None)
    torch.manual_seed(SETTINGS.seed)
    before = build_network(SETTINGS.network).state_dict()
    assert any(
        not np.array_equal(before[name].numpy(), after)
        for name, after in weights_in(tmp_path).items()
        if name.endswith("weight")
    )


def test_what_is_kept_is_a_running_mean(learned, held_out, tmp_path):
    settings = replace(SETTINGS, average_decay=0.75)
    seen = []
    for batches in (1, 2, 3):
        learner = train(
            learned, held_out, tmp_path, budget=Budget(steps=batches), settings=settings
        )
        seen.append(learner.network.state_dict()["head.weight"].numpy().copy())
    # The first one is taken as it is.
    expected = seen[0]
    for weights in seen[1:]:
        expected = 0.75 * expected + 0.25 * weights
    np.testing.assert_allclose(weights_in(tmp_path)["head.weight"], expected, rtol=1e-5)
    kept = learner.average.module.state_dict()
    assert set(kept) == set(weights_in(tmp_path))


def test_composed_frames_of_held_out_patients_are_judged_too(
    learned, held_out, tmp_path, monkeypatch
):
    monkeypatch.setattr(_train, "take_composed", partial(take_composed, count=24))
    both = replace(held_out, courses=learned.courses)
    learner = train(learned, both, tmp_path, budget=Budget(steps=1), settings=SETTINGS)
    (line,) = learner.figures
    assert line.composed_frames == 24
    assert np.isfinite([line.composed_loss, line.composed_auc, line.composed_auc_of_map]).all()


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


def test_a_network_learns_what_there_is_to_learn(learned):
    """Lines against discs, on unvaried examples: a few batches show that it moves."""
    torch.manual_seed(0)
    network = build_network(SETTINGS.network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    samples = list(take_examples(learned.examples))
    batch = make_batch([samples[number] for number in (0, 4, 5, 10, 11, 13, 22)], "cpu")
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
    examples = learned.examples
    answers = answer(network, take_examples(examples))
    assert answers.uptake.shape == answers.pattern.shape == (len(examples),)
    np.testing.assert_array_equal(answers.asked.uptake, examples.uptake)
    np.testing.assert_array_equal(answers.asked.pattern, examples.pattern)
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


def test_trainings_that_began_alike_are_averaged(tmp_path, learned, held_out):
    def stage(name, seed, begun_with, weights):
        settings = replace(SETTINGS, seed=seed, begun_with=begun_with)
        train(
            learned,
            held_out,
            tmp_path / name,
            budget=Budget(steps=1),
            settings=settings,
            weights=weights,
        )
        return tmp_path / name / CHECKPOINT

    torch.manual_seed(3)
    begun = build_network(SETTINGS.network).state_dict()
    pair = [stage(f"s{seed}", seed, "a" * 64, begun) for seed in (0, 1)]
    sha256 = write_average(pair, tmp_path / "mean.pt")
    assert sha256 == hashlib.sha256((tmp_path / "mean.pt").read_bytes()).hexdigest()
    mean = torch.load(tmp_path / "mean.pt", weights_only=True)
    one, other = (read_weights(path)[0] for path in pair)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    for name, value in mean.items():
        halfway = (one[name].double() + other[name].double()) / 2
        torch.testing.assert_close(value, halfway.to(value.dtype))

    with pytest.raises(InputError, match="two or more"):
        write_average(pair[:1], tmp_path / "no.pt")
    for sha in ("", "b" * 64):
        with pytest.raises(InputError, match="began with"):
            write_average([pair[0], stage(f"t{sha[:1]}", 2, sha, begun)], tmp_path / "no.pt")
    assert not (tmp_path / "no.pt").exists()


def test_a_wrong_export_is_seen():
    torch.manual_seed(3)
    network = build_network(SETTINGS.network).eval()
    data = encode_onnx(network)
    with torch.no_grad():
        network.head.bias += 0.1
    inputs = np.full((1, 8, 256, 256), 128, np.uint8)
    assert compare(network, data, inputs) == pytest.approx(0.1, rel=0.2)


def test_a_part_of_a_frame_is_read_as_the_whole_is():
    """The maps do not know where the edge is, further from it than the network reaches."""
    torch.manual_seed(3)
    network = build_network(SETTINGS.network).eval()
    whole = torch.full((1, 8, 256, 256), 128.0)
    whole[:, :, 96:160, 96:160] = 140
    with torch.no_grad():
        maps, _ = network(whole)
        part, logits = network(whole[:, :, 32:224, 32:224])
    assert part.shape == (1, 3, 96, 96)
    assert logits.shape == (1, 8)
    np.testing.assert_allclose(part[:, :, 40:56, 40:56], maps[:, :, 56:72, 56:72], atol=1e-3)


def test_nothing_that_was_asked_is_no_loss():
    """Questions that are not asked add nothing, whatever is answered."""
    batch = make_batch(
        [
            replace(sample, uptake=-1, contrast=-1, pattern=-1)
            for sample in take_examples(gather([made_run(1)]))
        ],
        "cpu",
    )
    maps = torch.zeros_like(batch.maps)
    said = [measure_loss(maps, torch.full((6, 8), odds), batch) for odds in (-5.0, 5.0)]
    assert float(said[0]) == float(said[1]) > 0


@pytest.fixture
def call(tmp_path, made_course) -> TrainCall:
    for index in range(6):
        write_examples(tmp_path / "examples", f"{index:05d}", made_run(index))
        course = made_course(strength=0.2, patient=f"va{index:03d}")
        write_course(tmp_path / "courses", f"va{index:03d}-000", course)
    sides = [
        TrainingFolders(
            examples=(parse_source(f"{tmp_path / 'examples'}@{patients}"),),
            courses=(parse_source(f"{tmp_path / 'courses'}@{patients}"),),
        )
        for patients in ("0-3", "4-5")
    ]
    return TrainCall(
        learned=sides[0],
        held_out=replace(sides[1], courses=()),
        folder=tmp_path / "out",
        budget=Budget(steps=1),
        settings=SETTINGS,
        threads=1,
    )


def test_the_call_keeps_a_record(call, tmp_path):
    said = []
    call = replace(call, say=said.append)
    assert run_training(call) == tmp_path / "out" / CHECKPOINT
    assert said[0] == "to learn from: 24 frames of 4 patients, 4 courses of 4"
    assert said[1] == "held out: 12 frames of 2 patients"
    record = read_record(tmp_path / "out" / "training.json")
    assert [part.kind for part in record.learned] == ["runs", "courses"]
    assert record.learned[0].patients == ("va000", "va001", "va002", "va003")
    assert (record.learned[1].runs, record.learned[1].frames) == (4, 12)
    assert (record.held_out[0].runs, record.held_out[0].frames) == (2, 12)
    assert (record.steps, record.settings) == (1, SETTINGS)
    assert len(record.learned[0].suite_sha256) == 64
    assert json.loads((tmp_path / "out" / "training.json").read_bytes())["libraries"]["torch"]
    with pytest.raises(InputError, match="learned from and held out"):
        run_training(replace(call, held_out=call.learned))


def test_a_second_stage_begins_with_the_first_one_s_weights(call, tmp_path):
    first = run_training(call)
    whole = replace(
        call,
        folder=tmp_path / "second",
        settings=TrainingSettings(batch=2, side_px=256, learning_rate=1e-9, weight_decay=0),
        begin_with=first,
    )
    second = run_training(whole)
    before, after = weights_in(tmp_path / "out"), weights_in(tmp_path / "second")
    for name in before:
        if name.endswith("weight"):
            np.testing.assert_allclose(after[name], before[name], atol=1e-6, err_msg=name)
    record = read_record(tmp_path / "second" / "training.json")
    assert record.settings.begun_with == hashlib.sha256(first.read_bytes()).hexdigest()
    assert record.settings.network == SETTINGS.network
    run_training(call)  # has no batch left, and writes the same again
    assert run_training(whole) == second
    with pytest.raises(InputError, match="choose another folder"):
        run_training(replace(whole, begin_with=second))


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"some": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(StorageError, match="another network"):
        read_network(tmp_path / "other.pt")
    torch.save({"words": "{}"}, tmp_path / "old.pt")
    with pytest.raises(StorageError, match="no checkpoint of this version"):
        read_network(tmp_path / "old.pt")
    with pytest.raises(StorageError, match="cannot be read"):
        read_network(tmp_path / "gone.pt")
