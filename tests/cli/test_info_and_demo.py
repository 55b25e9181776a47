"""`guidance info` and `guidance demo` as a user meets them."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from guidance.io import RunAttributes, write_run


class Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if tag == "a" and name == "href"]


@pytest.fixture
def bare(tmp_path) -> Path:
    """Return a run whose header gives neither scale nor angles."""
    frames = np.random.default_rng(0).normal(120, 9, (4, 64, 64)).astype(np.uint8)
    path = tmp_path / "bare.dcm"
    write_run(path, frames, RunAttributes(times_s=np.arange(4) / 4, bits_stored=8))
    return path


def test_info_says_what_there_is(guidance, sample_dicoms):
    done = guidance("info", sample_dicoms / "mixed.dcm")
    assert done.returncode == 0
    for words in ("64 frames of 256 × 256", "FrameTimeVector", "0.3835 × 0.3835 mm", "isocentre"):
        assert words in done.stdout
    assert "contrast onset" in done.stdout
    assert done.stderr == ""


def test_info_says_what_is_missing_and_what_that_costs(guidance, bare):
    said = " ".join(guidance("info", bare).stdout.split())
    assert "in pixels, not in millimetres" in said
    assert "ImagerPixelSpacing (0018,1164)" in said
    assert "missing" in said


def test_info_goes_on_after_a_bad_file(guidance, bare):
    (bare.parent / "bad.dcm").write_bytes(b"nothing")
    done = guidance("info", bare.parent)
    assert done.returncode == 1
    assert "bare.dcm" in done.stdout
    assert done.stderr.startswith("bad.dcm: ")


@pytest.mark.parametrize("command", ["info", "analyze"])
def test_a_name_too_long_for_the_system_is_named(guidance, tmp_path, command):
    out = ["--out", tmp_path / "out"] if command == "analyze" else []
    done = guidance(command, "x" * 300 + ".dcm", *out)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_info_on_real_files(guidance, shared_data):
    done = guidance("info", shared_data / "still")
    assert done.returncode == 0
    assert "lumbar_ap_rf_1024.dcm" in done.stdout


def test_the_demo_ends_with_a_page_whose_links_lead_somewhere(guidance, tmp_path):
    done = guidance("demo", "--out", tmp_path / "demo")
    assert done.returncode == 0
    page = Path(done.stdout.splitlines()[-1])
    links = Links()
    links.feed(page.read_text())
    reports = [link for link in links.found if link.endswith("report.html")]
    assert len(reports) == 5
    for link in reports:
        assert (page.parent / link).is_file()
        assert (page.parent / link).with_name("overlay.gif").read_bytes()[:4] == b"GIF8"


def test_a_second_call_leaves_nothing_of_the_first(guidance, bare, tmp_path):
    first = guidance("analyze", bare, "--out", tmp_path / "out", "--overlay")
    folder = Path(first.stdout.strip()).parent
    assert (folder / "overlay.gif").exists()
    guidance("analyze", bare, "--out", tmp_path / "out", "--no-report")
    assert sorted(path.name for path in folder.iterdir()) == ["analysis.json", "curves.csv"]


@pytest.mark.parametrize("frame_time", ["0.5", "100000", "nan", "-3"])
def test_an_impossible_frame_time_is_a_wrong_call(guidance, bare, tmp_path, frame_time):
    done = guidance("analyze", bare, "--out", tmp_path / "out", "--frame-time", frame_time)
    assert done.returncode == 2
