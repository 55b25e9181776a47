"""Finding files: every one, once, in the same order, and none that leads astray."""

import os
from pathlib import Path

from guidance.io import find_files


def names(*roots: Path) -> list[str]:
    return [file.relative for file in find_files(roots)]


def test_every_file_is_found_sorted_and_relative_to_the_folder(tmp_path: Path):
    for name in ("b/2.dcm", "b/10.dcm", "a/deep/x", "c.dcm", "b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path) == ["a/deep/x", "b/10.dcm", "b/2.dcm", "b.txt", "c.dcm"]
    assert names(tmp_path / "b") == ["10.dcm", "2.dcm"]


def test_a_file_goes_by_its_base_name(tmp_path: Path):
    (tmp_path / "run 'one' \"two\".dcm").write_bytes(b"")
    assert names(tmp_path / "run 'one' \"two\".dcm") == ["run 'one' \"two\".dcm"]


def test_roots_come_in_the_order_given(tmp_path: Path):
    for name in ("z", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"")
    assert names(tmp_path / "z", tmp_path / "a") == ["z", "a"]


def test_links_in_a_circle_end(tmp_path: Path):
    (tmp_path / "one" / "two").mkdir(parents=True)
    (tmp_path / "one" / "file").write_bytes(b"")
    (tmp_path / "one" / "two" / "up").symlink_to(tmp_path)
    (tmp_path / "one" / "self").symlink_to(tmp_path / "one" / "self")
    (tmp_path / "one" / "broken").symlink_to(tmp_path / "nowhere")
    # What leads nowhere is named, so that reading it can say so.
    assert names(tmp_path) == ["one/broken", "one/file", "one/self"]


def test_a_real_folder_goes_before_a_link_to_it(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"")
    (tmp_path / "a_link").symlink_to(tmp_path / "real")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked_file").symlink_to(tmp_path / "real" / "file")
    assert names(tmp_path) == ["linked_file", "real/file"]


def test_a_linked_folder_outside_is_entered(tmp_path: Path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "file").write_bytes(b"")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data").symlink_to(tmp_path / "archive")
    assert names(tmp_path / "work") == ["data/file"]


def test_what_does_not_exist_is_handed_on_for_its_reader_to_name(tmp_path: Path):
    assert names(tmp_path / "nowhere.dcm") == ["nowhere.dcm"]


def test_pipes_are_named(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path) == ["pipe"]


def test_names_that_cannot_be_printed_become_one_printable_line(tmp_path: Path):
    raw = os.fsencode(tmp_path) + b"/a\nb\x1b[31m\xff.dcm"
    with open(raw, "wb"):
        pass
    (found,) = find_files([tmp_path])
    assert found.relative == "a\\nb\\x1b[31m\\xff.dcm"
    assert found.relative.isprintable()
    assert os.path.exists(found.path)
