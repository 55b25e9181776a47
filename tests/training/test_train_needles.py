"""Training the network that sees needles, where PyTorch is: stopped, gone on with, exported."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from made_needles import made

from guidance.errors import InputError, StorageError
from guidance.training import Budget
from guidance.training._checkpoint import CHECKPOINT
from guidance.training.needles import (
    NeedleSettings,
    build_needle_network,
    export_needles,
    judge_needles,
    train_needles,
)
from guidance.training.needles._train import FIGURES, read_needle_network

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: it is the extra `train`, which `dev` leaves out"
)

SETTINGS = NeedleSettings(batch=2, side_px=64, widths=(4, 6, 8, 8))
LEARNED = [made(0), made(1, "va001", 2.0)]
HELD_OUT = [made(5, "va009", 1.0)]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights_of(network) -> np.ndarray:
    return np.concatenate([w.detach().numpy().ravel() for w in network.parameters()])


def test_a_training_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    whole = train_needles(
        LEARNED, HELD_OUT, tmp_path / "a", budget=Budget(steps=4), settings=SETTINGS
    )
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 2

    call = {"budget": Budget(steps=4), "settings": SETTINGS}
    train_needles(LEARNED, HELD_OUT, tmp_path / "b", should_stop=stop, **call)
    again = train_needles(LEARNED, HELD_OUT, tmp_path / "b", **call)
    np.testing.assert_array_equal(weights_of(whole), weights_of(again))
    assert (tmp_path / "b" / FIGURES).read_text().startswith("step,minutes,train_loss")
    kept = read_needle_network(tmp_path / "b" / CHECKPOINT)
    np.testing.assert_array_equal(weights_of(kept), weights_of(again))
    with pytest.raises(InputError, match="was made with"):
        train_needles(
            LEARNED,
            HELD_OUT,
            tmp_path / "b",
            budget=Budget(steps=5),
            settings=NeedleSettings(batch=3, side_px=64, widths=(4, 6, 8, 8)),
        )


def test_it_learns(tmp_path):
    lines = []
    train_needles(
        LEARNED,
        HELD_OUT,
        tmp_path,
        budget=Budget(steps=120),
        settings=replace(SETTINGS, warm_steps=5),
        figures_s=0.0,
        on_figures=lines.append,
    )
    losses = [line.train_loss for line in lines if np.isfinite(line.train_loss)]
    assert np.mean(losses[-40:]) < 0.9 * np.mean(losses[:40])


def test_no_patient_is_on_both_sides(tmp_path):
    for learned, held_out in ((LEARNED, LEARNED[:1]), ([], HELD_OUT), (LEARNED, [])):
        with pytest.raises(InputError, match="give both"):
            train_needles(learned, held_out, tmp_path, budget=Budget(steps=1), settings=SETTINGS)


def test_the_export_says_the_same_at_any_size(tmp_path):
    torch.manual_seed(1)
    torch.save(build_needle_network().state_dict(), tmp_path / "w.pt")
    made_file = export_needles(tmp_path / "w.pt", tmp_path / "n.onnx")
    assert made_file.difference < 1e-3
    assert made_file.sha256 == hashlib.sha256((tmp_path / "n.onnx").read_bytes()).hexdigest()
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    (maps,) = session.run(None, {"picture": np.zeros((1, 2, 48, 80), np.float32)})
    assert maps.shape == (1, 2, 24, 40)
    torch.save({"some": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(StorageError, match="no weights of the network that sees needles"):
        export_needles(tmp_path / "other.pt", tmp_path / "m.onnx")


def test_a_network_that_sees_the_tip_is_given_full_marks():
    run = HELD_OUT[0]

    class Knows(torch.nn.Module):
        def forward(self, picture):
            odds = torch.full((1, 2, picture.shape[2] // 2, picture.shape[3] // 2), -5.0)
            odds[0, 1, round((run.tips[0][0] - 0.5) / 2), round((run.tips[0][1] - 0.5) / 2)] = 5.0
            rows, columns = np.nonzero(run.steel)
            odds[0, 0, rows // 2, columns // 2] = 5.0
            return odds

    figures = judge_needles(Knows(), HELD_OUT)
    assert figures.runs == 1
    assert figures.near == 1
    assert figures.median_mm < 0.8
    assert figures.overlap > 0.9
