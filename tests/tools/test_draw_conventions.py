"""The pictures of docs/conventions.md are those that the tool draws."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]


def test_the_pictures_are_up_to_date_whole_and_shown(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "draw_conventions.py", tmp_path], check=True)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shown = re.findall(r"\(pictures/([\w-]+\.svg)\)", (ROOT / "docs/conventions.md").read_text())
    assert sorted(shown) == sorted(drawn)
    for name, content in drawn.items():
        assert (ROOT / "docs" / "pictures" / name).read_bytes() == content, name
        assert ElementTree.fromstring(content).tag.endswith("svg")
