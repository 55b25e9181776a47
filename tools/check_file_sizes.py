"""Refuse files larger than 5 MB: ``check_file_sizes.py FILE...`` names each and exits with 1."""

import sys
from pathlib import Path

LARGEST_BYTES = 5_000_000


def find_fault(path: Path) -> str | None:
    """Return what is wrong with the size of one file, or None."""
    size = path.stat().st_size
    if size <= LARGEST_BYTES:
        return None
    return (
        f"{path}: {size:,} bytes, at most {LARGEST_BYTES:,} are allowed; make it when it is needed"
    )


def main(names: list[str]) -> int:
    """Check the named files and return the exit status."""
    faults = [fault for name in names if Path(name).is_file() and (fault := find_fault(Path(name)))]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
