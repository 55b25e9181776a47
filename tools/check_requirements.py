"""Hold the pinned requirements against pyproject.toml: names each fault and exits with 1.

Every requirement that the project names is pinned, to a version that the project allows; every pin
has its hashes; both files pin the same versions; and no file names a host, an index or a path.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
PLACE = re.compile(r"://|^\s*-|(?<!\S)/\w")

Pins = dict[str, set[Version]]


def read_pins(text: str) -> Pins:
    """Return the pinned versions of each package; there may be several, for several Pythons."""
    pins: Pins = {}
    for match in filter(None, map(PIN.match, text.splitlines())):
        pins.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return pins


def find_faults_of_text(text: str) -> Iterator[str]:
    """Yield the pins without a hash, and the lines that name a place."""
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    for entry in entries[1:]:
        if "--hash=sha256:" not in entry:
            yield f"{entry.split()[0]} has no hash"
    for line in text.splitlines():
        if PLACE.search(line.replace("    --hash=", "")):
            yield f"a line names a host, an index or a path: {line.strip()[:60]}"


def named_requirements(project: dict[str, object], extra: str | None) -> list[Requirement]:
    """Return what pyproject.toml asks for, with what an extra adds, following its own extras."""
    metadata = project["project"]
    build = project["build-system"]
    assert isinstance(metadata, dict)
    assert isinstance(build, dict)
    waiting = [*metadata["dependencies"], *build["requires"]]
    waiting += metadata["optional-dependencies"][extra] if extra else []
    found = []
    while waiting:
        requirement = Requirement(waiting.pop())
        if canonicalize_name(requirement.name) == canonicalize_name(metadata["name"]):
            for own in requirement.extras:
                waiting += metadata["optional-dependencies"][own]
        else:
            found.append(requirement)
    return found


def find_unmet(requirements: list[Requirement], pins: Pins) -> Iterator[str]:
    """Yield the requirements that are not pinned, or are pinned to a version not allowed."""
    for requirement in requirements:
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions:
            yield f"{requirement} is not pinned"
        for version in versions:
            if version not in requirement.specifier:
                yield f"{requirement} is pinned to {version}"


def find_faults(root: Path) -> list[str]:
    """Return everything that is wrong, one line each."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    faults = []
    pins = {}
    for name, extra in {"base.txt": None, "dev.txt": "dev"}.items():
        text = (root / "requirements" / name).read_text()
        pins[name] = read_pins(text)
        unmet = find_unmet(named_requirements(project, extra), pins[name])
        faults += [f"{name}: {fault}" for fault in (*find_faults_of_text(text), *unmet)]
    for package, versions in pins["base.txt"].items():
        other = pins["dev.txt"].get(package, set())
        if versions != other:
            faults.append(f"{package} differs between base.txt and dev.txt")
    return faults


def main() -> int:
    """Check the checkout that this file lies in, and return the exit status."""
    faults = find_faults(ROOT)
    for fault in faults:
        print(f"{fault}; run `make lock`", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
