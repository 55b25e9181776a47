"""Freezes a suite: ``python tools/freeze_suite.py NAME`` draws it and keeps its list and hash.

A list that is there is never replaced: what was judged with it would no longer be comparable. A
suite that has to change gets a new name, as ``evaluation-v2``.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from guidance.simulation import PLANS, draw_suite, encode_suite, pack_suite

FOLDER = Path(__file__).resolve().parent.parent / "guidance" / "simulation" / "suites"


def freeze(name: str, folder: Path = FOLDER) -> str:
    """Write the list of a suite, and record the SHA-256 of its JSON; return that."""
    path = folder / f"{name}.json.gz"
    if path.exists():
        raise FileExistsError(f"{path.name} is frozen already; give the changed suite a new name")
    suite = draw_suite(PLANS[name])
    digest = hashlib.sha256(encode_suite(suite)).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack_suite(suite))
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{digest}  {name}.json\n")
    return digest


def main() -> int:
    """Freeze the suites that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="+", choices=sorted(PLANS), metavar="NAME")
    for name in parser.parse_args().names:
        try:
            sys.stdout.write(f"{freeze(name)}  {name}\n")
        except FileExistsError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
