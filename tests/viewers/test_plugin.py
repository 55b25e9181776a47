"""The plugin as napari meets it: manifest, reader, samples, and one look at the real window.

napari runs in a process of its own: its libraries warn while they load, where the tests take a
warning for an error, and Qt ends the whole process where it finds no screen.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ("perineural", "intravascular", "mixed", "epidural", "none")

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _napari_is_installed(require: Callable[[object, str], None]) -> None:
    require(find_spec("napari"), 'napari is not installed; pip install "mbb-guidance[viewer]"')


def start(*arguments: str, settings: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with napari's settings in a file of their own."""
    # Without this variable Qt draws where the screen is; with it, napari's canvas is black.
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment | {"NAPARI_CONFIG": str(settings)},
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return what runs a program with napari's settings kept apart, and gives what it prints."""

    def run_program(program: str, *arguments: str) -> dict[str, Any]:
        done = start("-c", program, *arguments, settings=tmp_path / "settings.yaml")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return run_program


def test_the_manifest_is_valid_and_names_what_exists(run: Run) -> None:
    program = """
import json, sys
from npe2 import PluginManifest
manifest = PluginManifest.from_file(sys.argv[1])
manifest.validate_imports()
samples = [sample.key for sample in manifest.contributions.sample_data]
print(json.dumps({"name": manifest.name, "samples": samples}))
"""
    answer = run(program, str(ROOT / "viewers" / "napari.yaml"))
    assert answer == {"name": "mbb-guidance", "samples": list(SAMPLES)}


def test_the_installed_distribution_offers_the_manifest(run: Run) -> None:
    program = """
import json
from npe2 import PluginManifest
manifest = PluginManifest.from_distribution("mbb-guidance")
print(json.dumps({"commands": len(manifest.contributions.commands)}))
"""
    assert run(program)["commands"] == 1 + len(SAMPLES)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("run.dcm", True),
        ("RUN.DCM", True),
        ("a b.dicom", True),
        ("1.2.840.10008.7", True),
        ("photograph.png", False),
        ("notes.v2.txt", False),
    ],
)
def test_which_names_the_reader_asks_for(run: Run, name: str, is_ours: bool) -> None:
    program = """
import json, sys
from npe2 import PluginManager
manager = PluginManager()
manager.discover()
found = {reader.command for reader in manager.iter_compatible_readers([sys.argv[1]])}
print(json.dumps({"ours": "mbb-guidance.read_run" in found}))
"""
    assert run(program, name)["ours"] is is_ours


def test_a_run_opens_lazily_one_frame_for_each_that_is_shown(run: Run, sample_dicoms: Path) -> None:
    program = """
import json, sys
from dataclasses import replace
from napari.components import ViewerModel
from guidance.io import open_run
from viewers import run_layer

class Counting:
    def __init__(self, reader):
        self.reader, self.dtype, self.asked = reader, reader.dtype, []
    def read(self, index):
        self.asked.append(index)
        return self.reader.read(index)
    def close(self):
        self.reader.close()

cine = open_run(sys.argv[1])
counting = Counting(cine.reader)
data, arguments, _ = run_layer(replace(cine, reader=counting))
viewer = ViewerModel()
layer = viewer.add_image(data, **arguments)
opened = len(counting.asked)
viewer.dims.set_current_step(0, 5)
print(json.dumps({
    "opened": opened, "asked": counting.asked, "frames": len(cine), "shape": layer.data.shape,
    "header": cine.shape, "scale": layer.scale.tolist(), "axes": layer.axis_labels,
}))
"""
    answer = run(program, str(sample_dicoms / "perineural.dcm"))
    assert answer["opened"] <= 3 < answer["frames"]
    assert len(answer["asked"]) == answer["opened"] + 1
    assert answer["asked"][-1] == 5
    assert answer["shape"] == answer["header"]
    assert answer["scale"][0] == 1
    assert answer["axes"] == ["frame", "row", "column"]


def test_what_is_not_a_run_is_refused_with_its_reason(run: Run, tmp_path: Path) -> None:
    program = """
import json, sys
from guidance.errors import GuidanceError
from viewers import get_reader
assert get_reader([sys.argv[1], sys.argv[1]]) is None
try:
    get_reader(sys.argv[1])(sys.argv[1])
except GuidanceError as error:
    print(json.dumps({"said": str(error)}))
"""
    path = tmp_path / "notes.dcm"
    path.write_text("not a run")
    assert run(program, str(path))["said"]


@pytest.fixture
def _screen(run: Run, require: Callable[[object, str], None]) -> None:
    """Skip where no window can be drawn; asked in a process that may die of the answer."""
    probe = """
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from qtpy.QtWidgets import QApplication
application = QApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
assert context.create() and context.makeCurrent(surface)
print("{}")
"""
    try:
        run(probe)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        require(None, f"no screen to draw on; run under xvfb-run ({str(error).strip()[-200:]})")


@pytest.mark.gui
@pytest.mark.usefixtures("_screen")
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_opens_in_the_window_on_its_first_frame(
    run: Run, sample: str, tmp_path: Path
) -> None:
    program = """
import json, sys
import napari
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer()
(layer,) = viewer.open_sample("mbb-guidance", sys.argv[1])
QApplication.processEvents()
picture = viewer.screenshot(sys.argv[2], canvas_only=True, flash=False)
print(json.dumps({
    "frame": viewer.dims.current_step[0], "frames": layer.data.shape[0],
    "deviation": float(picture[..., :3].std()), "unit": str(layer.units[1]), "name": layer.name,
}))
viewer.close()
"""
    answer = run(program, sample, str(tmp_path / "window.png"))
    assert answer["frame"] == 0 < answer["frames"]
    assert answer["deviation"] > 5, "the canvas is blank"
    assert answer["name"].startswith(("XA ", "RF "))


@pytest.mark.gui
@pytest.mark.usefixtures("_screen")
def test_where_no_run_opens_there_is_a_line_for_each_and_no_window(tmp_path: Path) -> None:
    path = tmp_path / "not a run.dcm"
    path.write_text("nothing")
    absent = str(tmp_path / "absent.dcm")
    done = start("-m", "viewers", str(path), absent, settings=tmp_path / "settings.yaml")
    assert done.returncode == 3
    named = [line.split(":")[0] for line in done.stderr.splitlines()]
    assert named == ["not a run.dcm", "absent.dcm"], done.stderr
    assert str(tmp_path) not in done.stderr
