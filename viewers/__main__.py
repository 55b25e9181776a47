"""Open napari, with the runs named: ``python -m viewers [PATH...]``."""

import sys
from pathlib import Path

from guidance.errors import GuidanceError, InputError, OptionalDependencyError


def main(paths: list[str]) -> int:
    """Open a viewer with each run as a layer, and return the exit status when it is closed.

    The statuses are those of `guidance`: 0 all opened, 1 some did not, 2 the call is wrong, 3 none
    did, and then there is no window.
    """
    try:
        import napari
    except ImportError as error:
        wanted = OptionalDependencyError(
            f"the viewer needs napari, which cannot be imported ({error}); "
            'run: pip install "mbb-guidance[viewer]"'
        )
        print(wanted, file=sys.stderr)
        return 2
    viewer = napari.Viewer(title="Medial branch block guidance: research only")
    failed = 0
    for path in map(Path, paths):
        try:
            if not path.is_file():  # napari's own message would name the whole path
                raise InputError("is not there, or is no file; name a DICOM file")
            viewer.open(path, plugin="mbb-guidance")
        except GuidanceError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed += 1
    if failed and failed == len(paths):
        viewer.close()
        return 3
    napari.run()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
