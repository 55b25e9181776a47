"""The measure of realism on images whose noise, contrast and size are known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOX = (220, 290, 166, 346)  # 180 pixels for 45 mm: 0.25 mm each


@pytest.fixture(scope="module")
def tool():
    path = ROOT / "tools" / "measure_realism.py"
    spec = importlib.util.spec_from_file_location("measure_realism", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def phantom(noise: float, seed: int = 0) -> np.ndarray:
    """Return a bright field with a darker column, exp(-0.2) of it, and white noise."""
    image = np.full((512, 512), 500.0)
    image[:, 166:346] *= np.exp(-0.2)
    image[:, :40] = 0
    rng = np.random.default_rng(seed)
    return (image * (1 + noise * rng.standard_normal(image.shape))).astype(np.float32)


def test_noise_bone_and_scale_are_measured(tool):
    found = tool.measure(phantom(0.02), BOX)
    assert found.noise == pytest.approx(0.02, rel=0.05)
    # White noise: variance times a pixel's area at every frequency.
    np.testing.assert_allclose(np.median(found.power_mm2), 0.02**2 * 0.25**2, rtol=0.1)
    assert found.frequency_per_mm.max() == pytest.approx(31 / 64 / 0.25)
    np.testing.assert_allclose(found.bone, 0.2, atol=0.005)
    assert found.share.sum() == pytest.approx(1)


def test_the_command_prints_a_table_and_draws(tool, tmp_path, monkeypatch, capsys):
    for name, noise in (("one", 0.02), ("two", 0.04)):
        np.savez(tmp_path / f"{name}.npz", image=phantom(noise))
    out = tmp_path / "curves.svg"
    call = ["measure", str(tmp_path / "one.npz"), str(tmp_path / "two.npz"), "--out", str(out)]
    box = ",".join(map(str, BOX))
    call += ["--spine-simulated", box, "--spine-real", box]
    pictures = []
    for _ in range(2):
        monkeypatch.setattr("sys.argv", call)
        tool.main()
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1]
    assert b"<svg" in pictures[0]
    assert b"<image" not in pictures[0]
    assert "| pixel noise in the flattest patches, % | 2" in capsys.readouterr().out


def test_a_box_that_is_none_is_refused(tool):
    with pytest.raises(Exception, match="top,bottom,left,right"):
        tool.box_of("5,4,3,9")
