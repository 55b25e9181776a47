"""Which package may import which: the module map of the project, held by walking the sources.

A package imports only from earlier layers, and packages of one layer never import each other: the
algorithm packages meet through `records`, and the pipeline ties them. What a package offers stands
in its ``__init__.py``; nobody reaches past it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = (
    {"errors", "anatomy"},
    {"records", "networks"},
    {"io", "geometry", "imaging"},
    {"projection", "spine"},
    {"landmarks", "needle", "registration", "targets", "spread", "simulation"},
    {"pipeline", "evaluation"},
    {"report"},
    {"batch", "pacs"},
    {"cli", "training"},
)
RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MOST_LINES = 400
VIEWERS_ONLY = {"viewers", "napari", "qtpy", "PyQt6", "PySide6", "superqt", "magicgui"}


@dataclass(frozen=True)
class Import:
    """One imported thing: the module named, the name taken from it, and where that stands."""

    module: str
    name: str | None
    level: int
    line: int


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """Yield every import of a module, those inside functions and type checks too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, 0, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(node.module or "", alias.name, node.level, node.lineno)


def package_of(module: str) -> str:
    """Return the part of `guidance` that a dotted name lies in; empty for `guidance` itself."""
    return module.split(".")[1] if "." in module else ""


def imported_package(imported: Import) -> str:
    """Return the part of `guidance` that an import reaches; empty for `guidance` itself."""
    package = package_of(imported.module)
    is_part = imported.module == "guidance" and imported.name in RANKS
    return imported.name or "" if is_part else package


def reaches_past_surface(imported: Import) -> bool:
    """Return whether an import takes something that its package keeps to itself."""
    parts = [*imported.module.split("."), imported.name or ""]
    is_private = any(part.startswith("_") and not part.startswith("__") for part in parts)
    return is_private or imported.module.count(".") > 1


def faults_of_library_import(own: str, imported: Import) -> Iterator[str]:
    """Yield what is wrong with one import in the package `own` of `guidance`."""
    top = imported.module.split(".")[0]
    if top in VIEWERS_ONLY:
        yield f"guidance imports {top}; only viewers may"
    if top != "guidance":
        return
    other = imported_package(imported)
    if other in ("", own):
        return
    if other not in RANKS:
        yield f"imports guidance.{other}, which has no place in the module map"
    elif RANKS[other] >= RANKS[own]:
        yield f"{own} (layer {RANKS[own]}) imports {other} (layer {RANKS[other]})"
    if other == "training":
        yield "imports training; nothing may"
    if reaches_past_surface(imported):
        yield f"reaches past the public surface of {other}: {imported.module} {imported.name}"


def faults_of_import(own: str, imported: Import) -> Iterator[str]:
    """Yield what is wrong with one import, `own` being a package of `guidance` or ``"viewers"``."""
    if imported.level:
        yield "relative import; write the whole name"
    elif own == "viewers":
        if imported.module.startswith("guidance") and reaches_past_surface(imported):
            yield f"viewers takes what is not public: {imported.module} {imported.name}"
    else:
        yield from faults_of_library_import(own, imported)


def faults_of_module(path: Path, root: Path) -> Iterator[str]:
    """Yield what is wrong with one file."""
    parts = path.relative_to(root).with_suffix("").parts
    own = "viewers" if parts[0] == "viewers" else parts[1]
    text = path.read_text()
    tree = ast.parse(text)
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield f"{lines} lines, at most {MOST_LINES}"
    if parts == ("guidance", "__init__"):
        if any(imports_of(tree)):
            yield "guidance itself imports something; importing it must cost nothing"
        return
    if own not in RANKS and own not in ("viewers", "__main__"):
        yield f"guidance/{own} has no place in the module map; give it a layer here and in the docs"
        return
    if parts[-1] == "__init__" and "__all__" not in assigned_names(tree):
        yield "no __all__; an __init__.py says what its package offers"
    for imported in imports_of(tree):
        for fault in faults_of_import("cli" if own == "__main__" else own, imported):
            yield f"line {imported.line}: {fault}"


def assigned_names(tree: ast.Module) -> set[str]:
    """Return the names that a module assigns at its top level."""
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def find_faults(root: Path) -> list[str]:
    """Return everything in `guidance` and `viewers` that breaks the module map, one line each."""
    paths = sorted(path for top in ("guidance", "viewers") for path in (root / top).rglob("*.py"))
    assert paths, f"no modules under {root}"
    return [
        f"{path.relative_to(root)}: {fault}"
        for path in paths
        for fault in faults_of_module(path, root)
    ]


def test_the_tree_keeps_to_the_module_map() -> None:
    assert find_faults(ROOT) == []


def write_tree(root: Path, files: dict[str, str]) -> None:
    """Write modules, by their path, below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("guidance/pipeline/_a.py", "from guidance.spread import Monitor\n"),
        ("guidance/simulation/_a.py", "from guidance.io import write_run\n"),
        ("guidance/report/_a.py", "from guidance.pipeline import analyze\n"),
        ("guidance/cli/_a.py", "def f():\n    from guidance.report import write\n"),
        ("guidance/io/_a.py", "from guidance.io._b import read\n"),
        ("guidance/io/_a.py", "from guidance import __version__\n"),
        ("guidance/__main__.py", "from guidance.cli import main\n"),
        ("viewers/a.py", "import napari\nfrom guidance.io import open_run\n"),
    ],
)
def test_what_the_map_allows_passes(tmp_path: Path, name: str, text: str) -> None:
    write_tree(tmp_path, {name: text})
    assert find_faults(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("guidance/records/_a.py", "from guidance.io import x\n", "layer 1"),
        ("guidance/io/_a.py", "from guidance.imaging import x\n", "layer 2"),
        ("guidance/io/_a.py", "from guidance import imaging\n", "layer 2"),
        ("guidance/io/_a.py", "import guidance.imaging\n", "layer 2"),
        ("guidance/spread/_a.py", "if 1:\n    import guidance.pipeline\n", "line 2"),
        ("guidance/errors.py", "from guidance.anatomy import Side\n", "layer 0"),
        ("guidance/cli/_a.py", "from guidance.training import x\n", "nothing may"),
        ("guidance/spread/_a.py", "from guidance.records._cine import Cine\n", "public surface"),
        ("guidance/spread/_a.py", "from guidance.records import _cine\n", "public surface"),
        ("guidance/report/_a.py", "import napari\n", "only viewers"),
        ("guidance/report/_a.py", "from qtpy.QtCore import Qt\n", "only viewers"),
        ("guidance/report/_a.py", "from viewers.layers import x\n", "only viewers"),
        ("guidance/io/_a.py", "from . import _b\n", "relative"),
        ("guidance/io/_a.py", "from ..records import Cine\n", "relative"),
        ("guidance/wizard/_a.py", "\n", "no place"),
        ("guidance/io/_a.py", "from guidance.wizard import x\n", "no place"),
        ("guidance/__init__.py", "import numpy\n", "cost nothing"),
        ("guidance/io/__init__.py", "from guidance.io._a import x\n", "__all__"),
        ("guidance/io/_a.py", "x = 1\n" * 401, "401 lines"),
        ("viewers/a.py", "from guidance.records._cine import Cine\n", "not public"),
        ("viewers/a.py", "from guidance.io import _secret\n", "not public"),
        ("viewers/__init__.py", "from viewers.a import x\n", "__all__"),
    ],
)
def test_what_breaks_the_map_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    write_tree(tmp_path, {name: text})
    faults = find_faults(tmp_path)
    assert faults
    assert all(fault.startswith(name) for fault in faults)
    assert any(said in fault for fault in faults)
